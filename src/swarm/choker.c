/* choker: the regular slots go to the best by rank, the optimistic ones to those who waited
 * longest among the rest. The best row is looked for once per slot: no sorting, no memory, the
 * rows stay where they are; and ties are broken fairly on the way, for the k-th equal row takes
 * the lead with probability 1/k.
 *
 * Source: BEP 3 (tit for tat, optimistic unchoke); libtorrent's round robin while seeding. */
#include "swarm/choker.h"

/* < 0: a goes first; > 0: b does; 0: a tie. */
typedef int ranking(const struct choke_row *a, const struct choke_row *b,
                    const struct choke_rules *rules);

/* `a` first when the number is bigger, smaller, or when the flag is set. */
static int more(uint64_t a, uint64_t b) {
    return (a < b) - (a > b);
}

static int yes(bool a, bool b) {
    return more(a, b);
}

static double score(const struct choke_row *r) {
    return r->scored && r->score == r->score ? r->score : 0; /* NaN is no score */
}

static int by_score(const struct choke_row *a, const struct choke_row *b) {
    return (score(a) < score(b)) - (score(a) > score(b));
}

/* Who waits goes before who does not, and who waits longer before who waits less. */
static int by_wait(const struct choke_row *a, const struct choke_row *b) {
    bool waits_a = !a->unchoked && a->waiting_since,
         waits_b = !b->unchoked && b->waiting_since;
    if (!waits_a || !waits_b)
        return yes(waits_a, waits_b);
    return (a->waiting_since > b->waiting_since) - (a->waiting_since < b->waiting_since);
}

/* It got a regular slot a moment ago: it has not had the time to earn it. */
static bool fresh(const struct choke_row *r, const struct choke_rules *rules) {
    return r->unchoked && !r->optimistic &&
           rules->now - r->unchoked_at < CHOKER_ROUND / 2;
}

static bool had_its_share(const struct choke_row *r, const struct choke_rules *rules) {
    return r->unchoked && rules->now - r->unchoked_at > CHOKER_SEED_TIME &&
           r->sent_since_unchoke >= (uint64_t)rules->piece_length * CHOKER_SEED_QUOTA;
}

static int rank_regular(const struct choke_row *a, const struct choke_row *b,
                        const struct choke_rules *rules) {
    int order = by_score(a, b);
    if (!order && rules->seeding)
        order = yes(!had_its_share(a, rules), !had_its_share(b, rules));
    if (!order)
        order = rules->seeding ? more(a->sent_round, b->sent_round)
                               : more(a->received_round, b->received_round);
    if (!order)
        order = yes(fresh(a, rules), fresh(b, rules));
    return order ? order : by_wait(a, b);
}

static bool newcomer(const struct choke_row *r, const struct choke_rules *rules) {
    return !r->unchoked_at && rules->now - r->connected_at < CHOKER_NEWCOMER;
}

static int rank_optimistic(const struct choke_row *a, const struct choke_row *b,
                           const struct choke_rules *rules) {
    bool holds_a = a->unchoked && a->optimistic, holds_b = b->unchoked && b->optimistic;
    int order = rules->turn_optimistic ? yes(!holds_a, !holds_b) : yes(holds_a, holds_b);
    if (!order)
        order = yes(newcomer(a, rules), newcomer(b, rules));
    return order ? order : by_wait(a, b);
}

/* Does it want a slot, and may it have one? */
static bool eligible(const struct choke_row *r) {
    return r->interested && !r->upload_only && !r->never && !r->unchoke;
}

static bool eligible_regular(const struct choke_row *r, const struct choke_rules *rules) {
    return eligible(r) && (!r->snubbed || rules->seeding || r->scored);
}

static struct choke_row *best(struct choke_row *rows, uint32_t n,
                              const struct choke_rules *rules, ranking *rank,
                              struct rng *rng) {
    struct choke_row *lead = NULL;
    uint32_t equals = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool may =
            rank == rank_regular ? eligible_regular(&rows[i], rules) : eligible(&rows[i]);
        if (!may)
            continue;
        int order = lead ? rank(&rows[i], lead, rules) : -1;
        if (order < 0)
            equals = 1, lead = &rows[i];
        else if (order == 0 && rng_below(rng, ++equals) == 0)
            lead = &rows[i];
    }
    return lead;
}

static void unchoke_everybody(struct choke_row *rows, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        rows[i].unchoke = eligible(&rows[i]);
}

void choker_round(struct choke_row *rows, uint32_t n, const struct choke_rules *rules,
                  struct rng *rng) {
    uint32_t optimistic = MIN(rules->slots, MAX(1, rules->slots / 5));
    uint32_t left = rules->slots;
    struct choke_row *r;
    for (uint32_t i = 0; i < n; i++)
        rows[i].unchoke = rows[i].give_optimistic = false;
    if (rules->slots == UINT32_MAX) {
        unchoke_everybody(rows, n);
        return;
    }
    for (; left > optimistic && (r = best(rows, n, rules, rank_regular, rng)); left--)
        r->unchoke = true;
    /* Regular slots that nobody deserves explore too (BEP 3: the way out when all snub us). */
    for (; left > 0 && (r = best(rows, n, rules, rank_optimistic, rng)); left--)
        r->unchoke = r->give_optimistic = true;
}
