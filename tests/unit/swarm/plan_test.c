/* plan: what a judge is asked about, what becomes of its answers, and when it is asked again. A judge
 * here is a function over piece numbers; the picker and the pieces are real. */
#include "swarm/plan.h"

#include "support/check.h"

#define NOW (1000 * USEC_PER_SEC)
#define AGE 1

struct fixture {
    struct rng rng;
    struct picker picker;
    struct bitset all;
    struct plan plan;
    uint32_t asked; /* rows */
};

static void set_up(struct fixture *f, uint32_t pieces) {
    *f = (struct fixture){.asked = 0};
    rng_seed(&f->rng, 7);
    CHECK_INT(picker_init(&f->picker, pieces, &f->rng), 0);
    CHECK_INT(bitset_init(&f->all, pieces), 0);
    bitset_fill(&f->all);
}

static void tear_down(struct fixture *f) {
    picker_fini(&f->picker);
    bitset_fini(&f->all);
}

typedef struct verdict judge(uint32_t piece);

static struct verdict scored(double score) {
    return (struct verdict){VERDICT_SCORED, score};
}

static const struct verdict never = {VERDICT_NEVER, 0}, own = {VERDICT_OWN, 0};

static struct verdict first_first(uint32_t piece) {
    return scored(-(double)piece);
}

static struct verdict last_first(uint32_t piece) {
    return scored(piece);
}

static struct verdict no_opinion(uint32_t piece) {
    (void)piece;
    return own;
}

static struct verdict none(uint32_t piece) {
    (void)piece;
    return never;
}

static struct verdict only_700(uint32_t piece) {
    return piece == 700 ? scored(1) : never;
}

static struct verdict not_3(uint32_t piece) {
    return piece == 3 ? never : own;
}

static uint32_t make(struct fixture *f, judge *j, const struct bitset *has,
                     const struct bitset *only, usec now) {
    uint32_t offer[PLAN_OFFER];
    struct verdict verdicts[PLAN_OFFER];
    uint32_t n = plan_offer(&f->plan, &f->picker, has, only, offer);
    for (uint32_t i = 0; i < n; i++) {
        verdicts[i] = j(offer[i]);
        CHECK(bitset_has(has, offer[i]));
        for (uint32_t k = 0; k < i; k++)
            CHECK(offer[k] != offer[i]);
    }
    plan_adopt(&f->plan, &f->picker, has, only, offer, verdicts, n, now);
    f->plan.age = AGE;
    f->asked += n;
    return n;
}

static bool is_due(const struct fixture *f, usec now) {
    return plan_is_due(&f->plan, &f->picker, &f->all, NULL, AGE, now);
}

static uint32_t next(const struct fixture *f) {
    return plan_next(&f->plan, &f->picker, &f->all, NULL);
}

static void open_piece(struct fixture *f, uint32_t piece) {
    picker_set_state(&f->picker, piece, PIECE_ACTIVE);
}

/* Opens pieces as the plan says, making it anew whenever it is due; into `order`. */
static uint32_t follow(struct fixture *f, judge *j, uint32_t n, uint32_t *order) {
    uint32_t opened = 0;
    for (uint32_t turns = 0; opened < n && turns < 20 * n; turns++) {
        if (is_due(f, NOW))
            make(f, j, &f->all, NULL, NOW);
        uint32_t piece = next(f);
        if (piece == PICKER_NONE)
            continue;
        open_piece(f, piece);
        order[opened++] = piece;
    }
    return opened;
}

TEST(plan_of_a_small_torrent_is_exact) {
    struct fixture f;
    uint32_t order[100];
    set_up(&f, 100);
    CHECK_INT(follow(&f, last_first, 100, order), 100);
    for (uint32_t i = 0; i < 100; i++)
        CHECK_INT(order[i], 99 - i);
    CHECK(f.asked < 1000);
    tear_down(&f);
}

TEST(plan_without_an_opinion_is_the_built_in_order) {
    struct fixture f;
    set_up(&f, 50);
    for (uint32_t i = 0; i < 50; i++)
        if (i != 33)
            picker_note_have(&f.picker, i);
    make(&f, no_opinion, &f.all, NULL, NOW);
    CHECK_INT(next(&f), 33); /* the rarest */
    tear_down(&f);
}

TEST(plan_of_a_large_torrent_is_sequential_from_the_start) {
    struct fixture f;
    uint32_t order[1000];
    set_up(&f, 5000);
    CHECK_INT(follow(&f, first_first, 1000, order), 1000);
    for (uint32_t i = 0; i < 1000; i++)
        CHECK_INT(order[i], i);
    tear_down(&f);
}

/* A judge who likes what neither order shows first finds it after some rounds, and keeps to it. */
TEST(plan_of_a_large_torrent_converges) {
    struct fixture f;
    uint32_t order[600], late = 0;
    set_up(&f, 2000);
    for (int i = 0; i < 20; i++)
        make(&f, last_first, &f.all, NULL, NOW);
    CHECK_INT(next(&f), 1999);
    CHECK_INT(follow(&f, last_first, 600, order), 600);
    for (uint32_t i = 0; i < 600; i++)
        late += order[i] < 1200;
    CHECK(late < 60);
    tear_down(&f);
}

TEST(plan_asks_a_bounded_number) {
    static const uint32_t sizes[] = {1, 255, 256, 257, 300, 10000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct fixture f;
        set_up(&f, sizes[i]);
        CHECK_INT(make(&f, no_opinion, &f.all, NULL, NOW), MIN(sizes[i], PLAN_OFFER));
        tear_down(&f);
    }
}

TEST(plan_offers_all_that_a_peer_with_few_pieces_has) {
    struct fixture f;
    struct bitset few = {0}, some = {0};
    set_up(&f, 100000);
    CHECK_INT(bitset_init(&few, 100000), 0);
    CHECK_INT(bitset_init(&some, 100000), 0);
    for (uint32_t i = 7; i < 100000; i += 1000)
        (void)bitset_add(&few, i);
    CHECK_INT(make(&f, no_opinion, &few, NULL, NOW), 100);
    (void)bitset_add(&some, 1007), (void)bitset_add(&some, 1008);
    CHECK_INT(make(&f, no_opinion, &few, &some, NOW), 1);
    CHECK_INT(plan_next(&f.plan, &f.picker, &few, &some), 1007);
    bitset_fini(&few), bitset_fini(&some);
    tear_down(&f);
}

TEST(plan_passes_over_what_was_opened_and_comes_back_to_it) {
    struct fixture f;
    set_up(&f, 20);
    make(&f, last_first, &f.all, NULL, NOW);
    open_piece(&f, 19), open_piece(&f, 18);
    CHECK_INT(next(&f), 17);
    picker_set_state(&f.picker, 18, PIECE_MISSING);
    CHECK_INT(next(&f), 18);
    tear_down(&f);
}

/* Urgent pieces are asked about, too, but only a no counts: download takes them first. */
TEST(plan_bars_urgent_pieces_that_are_refused) {
    struct fixture f;
    set_up(&f, 400);
    picker_set_deadline(&f.picker, 3, NOW);
    picker_set_deadline(&f.picker, 4, NOW + 1);
    make(&f, not_3, &f.all, NULL, NOW);
    CHECK(plan_bars(&f.plan, 3));
    CHECK(!plan_bars(&f.plan, 4));
    for (uint32_t piece; (piece = next(&f)) != PICKER_NONE; open_piece(&f, piece))
        CHECK(piece != 3 && piece != 4);
    tear_down(&f);
}

/* ---- when it is due ---------------------------------------------------------------------- */

TEST(plan_is_due_when_there_is_none_or_by_another_judge_or_old) {
    struct fixture f;
    set_up(&f, 1000);
    CHECK(is_due(&f, NOW));
    make(&f, no_opinion, &f.all, NULL, NOW);
    CHECK(!is_due(&f, NOW));
    CHECK(plan_is_due(&f.plan, &f.picker, &f.all, NULL, AGE + 1, NOW));
    CHECK(!is_due(&f, NOW + PLAN_LIFE - 1));
    CHECK(is_due(&f, NOW + PLAN_LIFE));
    tear_down(&f);
}

TEST(plan_is_due_when_it_names_no_more) {
    struct fixture f;
    set_up(&f, 1000);
    make(&f, no_opinion, &f.all, NULL, NOW);
    for (uint32_t i = 0; i < PLAN_PIECES; i++) {
        CHECK(!is_due(&f, NOW));
        open_piece(&f, next(&f));
    }
    CHECK(is_due(&f, NOW));
    tear_down(&f);
}

/* Else one who waits for the last piece would be asked about it in every step. */
TEST(plan_that_names_all_there_is_rests_until_there_is_more) {
    struct fixture f;
    struct bitset has = {0};
    set_up(&f, 1000);
    CHECK_INT(bitset_init(&has, 1000), 0);
    (void)bitset_add(&has, 5), (void)bitset_add(&has, 6);
    make(&f, no_opinion, &has, NULL, NOW);
    open_piece(&f, 5), open_piece(&f, 6);
    CHECK(!plan_is_due(&f.plan, &f.picker, &has, NULL, AGE, NOW));
    (void)bitset_add(&has, 7);
    CHECK(plan_is_due(&f.plan, &f.picker, &has, NULL, AGE, NOW));
    make(&f, no_opinion, &has, NULL, NOW);
    open_piece(&f, 7);
    CHECK(!plan_is_due(&f.plan, &f.picker, &has, NULL, AGE, NOW));
    picker_set_priority(&f.picker, 8, PRIORITY_SKIP);
    picker_set_priority(&f.picker, 8, PRIORITY_NORMAL);
    CHECK(plan_is_due(&f.plan, &f.picker, &has, NULL, AGE, NOW));
    bitset_fini(&has);
    tear_down(&f);
}

/* Choked, it may give only a few; unchoked, all. */
TEST(plan_is_due_when_the_peer_may_give_more) {
    struct fixture f;
    struct bitset some = {0};
    set_up(&f, 100);
    CHECK_INT(bitset_init(&some, 100), 0);
    (void)bitset_add(&some, 5);
    make(&f, no_opinion, &f.all, &some, NOW);
    open_piece(&f, 5);
    CHECK(!plan_is_due(&f.plan, &f.picker, &f.all, &some, AGE, NOW));
    CHECK(is_due(&f, NOW));
    (void)bitset_add(&some, 9);
    CHECK(plan_is_due(&f.plan, &f.picker, &f.all, &some, AGE, NOW));
    bitset_fini(&some);
    tear_down(&f);
}

TEST(plan_of_a_judge_who_refuses_all_is_asked_for_ever_less_often) {
    static const usec pauses[] = {1, 2, 4, 8, 16, 16};
    struct fixture f;
    usec now = NOW;
    set_up(&f, 100);
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        make(&f, none, &f.all, NULL, now);
        CHECK_INT(next(&f), PICKER_NONE);
        CHECK(!is_due(&f, now + pauses[i] * USEC_PER_SEC - 1));
        now += pauses[i] * USEC_PER_SEC;
        CHECK(is_due(&f, now));
    }
    make(&f, no_opinion, &f.all, NULL, now);
    CHECK(next(&f) != PICKER_NONE);
    CHECK_INT(f.plan.pause, PLAN_PAUSE);
    tear_down(&f);
}

TEST(plan_forgets_refusals_when_told_so) {
    struct fixture f;
    set_up(&f, 100);
    make(&f, none, &f.all, NULL, NOW);
    make(&f, none, &f.all, NULL, NOW);
    CHECK_INT(f.plan.pause, 2 * PLAN_PAUSE);
    CHECK(!is_due(&f, NOW));
    plan_forget_refusals(&f.plan);
    CHECK(is_due(&f, NOW));
    make(&f, none, &f.all, NULL, NOW);
    CHECK_INT(f.plan.pause, PLAN_PAUSE);
    CHECK(!is_due(&f, NOW));
    tear_down(&f);
}

/* One that likes a single piece is shown all, once round, without a pause. */
TEST(plan_looks_everywhere_before_it_rests) {
    struct fixture f;
    uint32_t order[1], rounds = 0;
    set_up(&f, 3000);
    CHECK_INT(follow(&f, only_700, 1, order), 1);
    CHECK_INT(order[0], 700);
    while (is_due(&f, NOW) && rounds++ < 100)
        make(&f, only_700, &f.all, NULL, NOW);
    CHECK(rounds > 5 && rounds < 40);
    tear_down(&f);
}
