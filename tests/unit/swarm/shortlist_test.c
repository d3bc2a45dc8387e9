/* shortlist: whom a judge is asked about, and that everybody's turn comes. */
#include "swarm/shortlist.h"

#include <stdlib.h>

#include "support/check.h"

#define NOW (1000 * USEC_PER_SEC)

static struct addr numbered(uint32_t i) {
    return (struct addr){
        .ip = {80, (uint8_t)(i >> 8), (uint8_t)i, 9}, .port = 6881, .family = 4};
}

static void fill(struct roster *r, uint32_t n, uint32_t source) {
    roster_init(r);
    for (uint32_t i = 0; i < n; i++) {
        struct addr a = numbered(i);
        CHECK_INT(roster_add(r, &a, source, NOW), 1);
    }
}

static struct candidate *find(struct roster *r, uint32_t i) {
    struct addr a = numbered(i);
    return roster_find(r, &a);
}

TEST(shortlist_has_all_when_they_are_few_best_first) {
    struct candidate *list[SHORTLIST_MAX];
    static const uint32_t sizes[] = {
        0, 1, 10, SHORTLIST_BEST, SHORTLIST_BEST + 1, SHORTLIST_MAX};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct roster r;
        fill(&r, sizes[i], SOURCE_TRACKER);
        CHECK_INT(shortlist_due(&r, NOW, false, list), sizes[i]);
        for (uint32_t k = 1; k < MIN(sizes[i], SHORTLIST_BEST); k++)
            CHECK(candidate_before(list[k - 1], list[k], &r));
        for (uint32_t k = 0; k < sizes[i]; k++)
            for (uint32_t j = 0; j < k; j++)
                CHECK(list[j] != list[k]);
        roster_fini(&r);
    }
}

TEST(shortlist_begins_with_the_one_that_would_be_dialled) {
    struct candidate *list[SHORTLIST_MAX];
    struct roster r;
    fill(&r, 500, SOURCE_PEX);
    find(&r, 77)->sources |= SOURCE_TRACKER;
    CHECK_INT(shortlist_due(&r, NOW, false, list), SHORTLIST_MAX);
    CHECK(list[0] == find(&r, 77));
    CHECK(list[0] == roster_next(&r, NOW, false));
    roster_fini(&r);
}

TEST(shortlist_shows_everybody_in_turn) {
    struct candidate *list[SHORTLIST_MAX];
    struct roster r;
    bool seen[1000] = {false};
    uint32_t count = 0;
    fill(&r, 1000, SOURCE_PEX);
    for (int round = 0; round < 20; round++) {
        uint32_t n = shortlist_due(&r, NOW, false, list);
        for (uint32_t i = 0; i < n; i++)
            seen[list[i]->addr.ip[1] << 8 | list[i]->addr.ip[2]] = true;
    }
    for (uint32_t i = 0; i < 1000; i++)
        count += seen[i];
    CHECK_INT(count, 1000);
    roster_fini(&r);
}

TEST(shortlist_leaves_out_who_is_not_due) {
    struct candidate *list[SHORTLIST_MAX];
    struct roster r;
    fill(&r, 4, SOURCE_PEX);
    find(&r, 0)->declined_until = NOW + 1;
    find(&r, 1)->connected = true;
    find(&r, 2)->last_tried = NOW;
    CHECK_INT(shortlist_due(&r, NOW, false, list), 1);
    CHECK(list[0] == find(&r, 3));
    CHECK_INT(shortlist_due(&r, NOW + 1, false, list), 2);
    roster_fini(&r);
}

/* ---- admission --------------------------------------------------------------------------- */

TEST(shortlist_unjudged_comes_in_portions_and_then_no_more) {
    struct candidate *list[SHORTLIST_MAX];
    struct roster r;
    uint32_t n, all = 0;
    fill(&r, 300, SOURCE_PEX);
    while ((n = shortlist_unjudged(&r, list)) > 0) {
        all += n;
        for (uint32_t i = 0; i < n; i++)
            list[i]->admission = ADMISSION_GRANTED;
    }
    CHECK_INT(all, 300);
    CHECK(!r.unjudged);
    shortlist_forget(&r);
    CHECK(r.unjudged);
    CHECK_INT(shortlist_unjudged(&r, list), SHORTLIST_MAX);
    roster_fini(&r);
}

TEST(shortlist_unjudged_needs_no_verdict_on_whom_nobody_dials) {
    struct candidate *list[SHORTLIST_MAX];
    struct roster r;
    struct addr a = numbered(0);
    fill(&r, 1, SOURCE_INCOMING);
    CHECK_INT(shortlist_unjudged(&r, list), 0);
    CHECK_INT(roster_add(&r, &a, SOURCE_PEX, NOW), 0); /* it told where it listens */
    CHECK_INT(shortlist_unjudged(&r, list), 1);
    roster_fini(&r);
}

TEST(roster_dials_nobody_that_a_judge_did_not_admit) {
    struct roster r;
    fill(&r, 3, SOURCE_PEX);
    r.judged_only = true;
    CHECK(!roster_next(&r, NOW, false));
    find(&r, 0)->admission = ADMISSION_REFUSED;
    find(&r, 1)->admission = ADMISSION_GRANTED;
    r.idle_until = 0;
    CHECK(roster_next(&r, NOW, false) == find(&r, 1));
    find(&r, 1)->connected = true;
    find(&r, 2)->sources |= SOURCE_MANUAL; /* the user named it: nobody is asked */
    CHECK(roster_next(&r, NOW, false) == find(&r, 2));
    roster_fini(&r);
}

TEST(roster_forgets_the_refused_first_and_has_them_judged_anew_after_a_while) {
    struct roster r;
    struct addr a = numbered(0);
    fill(&r, 2, SOURCE_TRACKER);
    struct candidate *c = find(&r, 0), *other = find(&r, 1);
    c->admission = ADMISSION_REFUSED, c->judged_at = NOW;
    other->failures = 2;
    CHECK(candidate_before(other, c, &r));
    CHECK_INT(roster_add(&r, &a, SOURCE_PEX, NOW + ROSTER_JUDGED_ANEW - 1), 0);
    CHECK_INT(c->admission, ADMISSION_REFUSED);
    CHECK_INT(roster_add(&r, &a, SOURCE_PEX, NOW + ROSTER_JUDGED_ANEW), 0);
    CHECK_INT(c->admission, ADMISSION_UNKNOWN);
    roster_fini(&r);
}
