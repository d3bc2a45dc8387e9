/* shortlist: see the header. */
#include "swarm/shortlist.h"

#define DECLINED_FOR (60 * USEC_PER_SEC)

/* Puts c where it belongs among the best n; the last falls out when it is full. */
static uint32_t rank_in(struct candidate **best, uint32_t n, struct candidate *c,
                        const struct roster *r) {
    uint32_t i = n < SHORTLIST_BEST ? n : n - 1;
    if (n == SHORTLIST_BEST && !candidate_before(c, best[n - 1], r))
        return n;
    for (; i > 0 && candidate_before(c, best[i - 1], r); i--)
        best[i] = best[i - 1];
    best[i] = c;
    return MIN(n + 1, SHORTLIST_BEST);
}

static bool is_among(const struct candidate *c, struct candidate *const *best,
                     uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (best[i] == c)
            return true;
    return false;
}

/* Goes once round the table at most; stops when the list is full. */
static uint32_t sweep(struct roster *r, usec now, bool seeding, struct candidate **out,
                      uint32_t n) {
    uint32_t best = n;
    for (uint32_t i = 0; i < r->cap && n < SHORTLIST_MAX; i++) {
        struct candidate *c = r->table[r->sweep++ & (r->cap - 1)];
        if (c && roster_due(r, c, seeding) <= now && !is_among(c, out, best))
            out[n++] = c;
    }
    return n;
}

uint32_t shortlist_due(struct roster *r, usec now, bool seeding,
                       struct candidate *out[SHORTLIST_MAX]) {
    struct candidate *c;
    uint32_t n = 0;
    for (uint32_t at = 0; (c = roster_each(r, &at));)
        if (roster_due(r, c, seeding) <= now)
            n = rank_in(out, n, c, r);
    return n < SHORTLIST_BEST ? n : sweep(r, now, seeding, out, n);
}

uint32_t shortlist_unjudged(struct roster *r, struct candidate *out[SHORTLIST_MAX]) {
    struct candidate *c;
    uint32_t n = 0;
    for (uint32_t at = 0; r->unjudged && n < SHORTLIST_MAX && (c = roster_each(r, &at));)
        if (c->admission == ADMISSION_UNKNOWN && c->sources != SOURCE_INCOMING)
            out[n++] = c;
    r->unjudged = n == SHORTLIST_MAX;
    return n;
}

void shortlist_forget(struct roster *r) {
    struct candidate *c;
    for (uint32_t at = 0; (c = roster_each(r, &at));) {
        c->admission = ADMISSION_UNKNOWN;
        c->declined_until = 0;
    }
    r->unjudged = true;
    r->idle_until = 0;
}

/* ---- what a judge said ------------------------------------------------------------------ */

void shortlist_admit(struct roster *r, struct candidate *const *list,
                     const struct verdict *verdicts, uint32_t n, usec now) {
    for (uint32_t i = 0; i < n; i++) {
        bool refused = verdicts[i].kind == VERDICT_NEVER;
        list[i]->admission = refused ? ADMISSION_REFUSED : ADMISSION_GRANTED;
        list[i]->judged_at = now;
    }
    if (n > 0)
        r->idle_until = 0; /* some may be dialled that could not before */
}

/* Scores first; the list is in the built-in order, which stays among equals. */
static void sort_by_score(struct candidate **list, double *score, uint32_t n) {
    for (uint32_t i = 1; i < n; i++) {
        struct candidate *c = list[i];
        double s = score[i];
        uint32_t at = i;
        for (; at > 0 && score[at - 1] < s; at--)
            list[at] = list[at - 1], score[at] = score[at - 1];
        list[at] = c, score[at] = s;
    }
}

uint32_t shortlist_rank(struct candidate **list, const struct verdict *verdicts,
                        uint32_t n, usec now) {
    double score[SHORTLIST_MAX];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (verdicts[i].kind == VERDICT_NEVER) {
            list[i]->declined_until = now + DECLINED_FOR;
            continue;
        }
        score[kept] = verdict_score(&verdicts[i]);
        list[kept++] = list[i];
    }
    sort_by_score(list, score, kept);
    return kept;
}
