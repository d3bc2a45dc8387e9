/* policy_order: see the header. Rows tell spans, the rules want moments: all rounds are held at
 * one moment, far enough from the beginning for any span. */
#include "swarm/policy_order.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/rng.h"
#include "swarm/choker.h"
#include "swarm/sourcing.h"
#include "swarm/turnover.h"

#define NOW ((usec)1 << 50) /* 35 years */

static usec before_now(usec span) {
    return NOW - MIN(MAX(span, 0), NOW - 1);
}

/* Never: 0, as the rules have it. */
static usec moment(usec span) {
    return span == USEC_NEVER ? 0 : before_now(span);
}

static bool is_refused(const struct verdict *v) {
    return v->kind == VERDICT_NEVER;
}

/* ---- unchoke ---------------------------------------------------------------------------- */

/* Rows do not tell what was sent for this slot alone: its share, by time. */
static uint64_t sent_for_slot(const struct peer_row *p) {
    if (p->unchoked_for == USEC_NEVER || p->unchoked_for >= p->connected_for)
        return p->choking ? 0 : p->uploaded;
    return (uint64_t)((double)p->uploaded * (double)MAX(p->unchoked_for, 0) /
                      (double)MAX(p->connected_for, 1));
}

static struct choke_row choke_row_of(const struct peer_row *p, const struct verdict *v) {
    return (struct choke_row){
        .peer = p->peer,
        .interested = p->peer_interested,
        .unchoked = !p->choking,
        .optimistic = p->optimistic,
        .upload_only = p->upload_only || p->is_seed,
        .snubbed = p->snubbed,
        .never = is_refused(v),
        .scored = v->kind == VERDICT_SCORED,
        .score = verdict_score(v),
        .received_round = p->received_round,
        .sent_round = p->sent_round,
        .sent_since_unchoke = sent_for_slot(p),
        .unchoked_at = moment(p->unchoked_for),
        .waiting_since = moment(p->waiting_for),
        .connected_at = before_now(p->connected_for),
    };
}

/* Two slots are a regular and an optimistic one: the regular one's owner is next in the order. */
static uint32_t next_slot(struct choke_row *rows, uint32_t n,
                          const struct policy_terms *terms) {
    struct rng rng;
    const struct choke_rules rules = {
        .slots = 2,
        .seeding = terms->done,
        .piece_length = MAX(terms->piece_length, 1u),
        .now = NOW,
    };
    rng_seed(&rng, 1);
    choker_round(rows, n, &rules, &rng);
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].unchoke && !rows[i].give_optimistic)
            return i;
    return n;
}

static int order_slots(const struct policy_ask *ask, const struct policy_terms *terms,
                       uint32_t *order, uint32_t *chosen) {
    uint32_t n = ask->n, count = 0, at;
    uint32_t optimistic = MIN(terms->slots, MAX(1, terms->slots / 5));
    struct choke_row *rows = calloc(MAX(n, 1u), sizeof *rows);
    if (!rows)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++)
        rows[i] = choke_row_of(&ask->peers[i], &ask->verdicts[i]);
    while (count < n && (at = next_slot(rows, n, terms)) < n) {
        rows[at].never = true;
        order[count++] = at;
    }
    free(rows);
    *chosen = terms->slots == UINT32_MAX ? count : terms->slots - optimistic;
    return (int)count;
}

/* ---- drop ------------------------------------------------------------------------------- */

static struct turnover_row turnover_row_of(const struct peer_row *p,
                                           const struct verdict *v, bool done) {
    return (struct turnover_row){
        .peer = p->peer,
        .useless = done && (p->upload_only || p->is_seed),
        .interesting = p->interested,
        .interested = p->peer_interested,
        .keep = is_refused(v),
        .scored = v->kind == VERDICT_SCORED,
        .score = verdict_score(v),
        .received_rate = p->download_rate,
        .sent_rate = p->upload_rate,
        .connected_at = before_now(p->connected_for),
        .last_useful_at = before_now(MIN(p->last_block, p->last_upload)),
    };
}

static int order_drops(const struct policy_ask *ask, const struct policy_terms *terms,
                       uint32_t *order, uint32_t *chosen) {
    uint32_t n = ask->n, count = 0;
    struct turnover_row *rows = calloc(MAX(n, 1u), sizeof *rows);
    if (!rows)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++)
        rows[i] = turnover_row_of(&ask->peers[i], &ask->verdicts[i], terms->done);
    while (turnover_round(rows, n, 1, 1, 1, TURNOVER_EVERY, NOW))
        for (uint32_t i = 0; i < n; i++)
            if (rows[i].drop) {
                rows[i].keep = true;
                order[count++] = i;
            }
    free(rows);
    *chosen = 1;
    return (int)count;
}

/* ---- the others: by score, and among equals as they were asked about ---------------------- */

static bool goes_before(const struct policy_ask *ask, uint32_t a, uint32_t b) {
    double sa = verdict_score(&ask->verdicts[a]), sb = verdict_score(&ask->verdicts[b]);
    if (sa > sb || sa < sb)
        return sa > sb;
    return ask->question == POLICY_SOURCE &&
           ask->peers[a].download_rate > ask->peers[b].download_rate;
}

static int order_scores(const struct policy_ask *ask, uint32_t *order) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < ask->n; i++) {
        uint32_t at = count;
        if (is_refused(&ask->verdicts[i]))
            continue;
        for (; at > 0 && goes_before(ask, i, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = i;
        count++;
    }
    return (int)count;
}

/* Admitted is admitted: there is no order in it. */
static int order_admitted(const struct policy_ask *ask, uint32_t *order,
                          uint32_t *chosen) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < ask->n; i++)
        if (!is_refused(&ask->verdicts[i]))
            order[count++] = i;
    *chosen = count;
    return (int)count;
}

static int order_all(const struct policy_ask *ask, const struct policy_terms *terms,
                     uint32_t *order, uint32_t *chosen) {
    switch (ask->question) {
    case POLICY_ADMIT: return order_admitted(ask, order, chosen);
    case POLICY_UNCHOKE: return order_slots(ask, terms, order, chosen);
    case POLICY_DROP: return order_drops(ask, terms, order, chosen);
    case POLICY_SOURCE: *chosen = SOURCING_FIRST; break;
    default: *chosen = 1;
    }
    return order_scores(ask, order);
}

int policy_order(const struct policy_ask *ask, const struct policy_terms *terms,
                 uint32_t *order, uint32_t *chosen) {
    *chosen = 0;
    int count = order_all(ask, terms, order, chosen);
    if (count >= 0)
        *chosen = MIN(*chosen, (uint32_t)count);
    return count;
}
