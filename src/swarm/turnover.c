/* turnover: the worst connections make room. Few rows are dropped at a time, so the worst is
 * simply looked for as often as needed: no sorting, no memory, the rows stay where they are. */
#include "swarm/turnover.h"

/* Whoever has not been here for a fifth of the time between two rounds had no chance yet. */
static bool droppable(const struct turnover_row *r, usec every, usec now) {
    if (r->keep || r->drop || now - r->connected_at < every / TURNOVER_YOUNG)
        return false;
    return r->received_rate < TURNOVER_TRICKLE && r->sent_rate < TURNOVER_TRICKLE;
}

/* A row without a score, or with one that is no number, stands at 0. */
static double score(const struct turnover_row *r) {
    return r->scored && r->score == r->score ? r->score : 0;
}

/* 0: of no use ever; 1: of no use now; 2: somebody wants something. */
static int use(const struct turnover_row *r) {
    if (r->useless)
        return 0;
    return r->interesting || r->interested ? 2 : 1;
}

static usec silent_since(const struct turnover_row *r) {
    return MAX(r->last_useful_at, r->connected_at);
}

/* Is `a` to go before `b`? */
static bool worse(const struct turnover_row *a, const struct turnover_row *b) {
    if (score(a) > score(b) || score(a) < score(b))
        return score(a) > score(b);
    if (use(a) != use(b))
        return use(a) < use(b);
    uint64_t rate_a = a->received_rate + a->sent_rate,
             rate_b = b->received_rate + b->sent_rate;
    if (rate_a != rate_b)
        return rate_a < rate_b;
    return silent_since(a) < silent_since(b);
}

static struct turnover_row *worst(struct turnover_row *rows, uint32_t n, usec every,
                                  usec now) {
    struct turnover_row *w = NULL;
    for (uint32_t i = 0; i < n; i++)
        if (droppable(&rows[i], every, now) && (!w || worse(&rows[i], w)))
            w = &rows[i];
    return w;
}

static uint32_t how_many(uint32_t connections, uint32_t limit, uint32_t candidates) {
    if ((uint64_t)connections * 100 < (uint64_t)limit * TURNOVER_FULL_PERCENT)
        return 0;
    uint32_t share = (uint32_t)((uint64_t)connections * TURNOVER_PERCENT / 100);
    return MIN(MAX(share, 1), candidates);
}

bool turnover_is_due(uint32_t connections, uint32_t limit, uint32_t candidates) {
    return how_many(connections, limit, candidates) > 0;
}

uint32_t turnover_round(struct turnover_row *rows, uint32_t n, uint32_t connections,
                        uint32_t limit, uint32_t candidates, usec every, usec now) {
    uint32_t wanted = how_many(connections, limit, candidates), dropped = 0;
    for (uint32_t i = 0; i < n; i++)
        rows[i].drop = false;
    for (struct turnover_row *w; dropped < wanted && (w = worst(rows, n, every, now));
         dropped++)
        w->drop = true;
    return dropped;
}
