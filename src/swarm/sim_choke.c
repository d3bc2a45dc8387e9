/* sim_choke: choke rounds, as engine/choke.c holds them: every 10 s, and an extra one when
 * somebody wants a slot that is free or a slot falls free (then the counts of the running round
 * go on). Extra rounds of one moment are one: they wait for EXTRA_AFTER. */
#include "swarm/choker.h"

#include <stdlib.h>

#include "base/err.h"
#include "swarm/sim_private.h"

#define EXTRA_AFTER (200 * USEC_PER_MSEC)

static struct choke_row row_of(struct sim_end *e) {
    sim_flow_settle(e);
    sim_flow_settle(e->other);
    uint64_t sent = e->other->received;
    return (struct choke_row){
        .peer = e->id,
        .interested = e->other->interested,
        .unchoked = !e->choking,
        .optimistic = e->optimistic,
        .upload_only = e->other->peer->complete,
        .never = e->slot_verdict.kind == VERDICT_NEVER,
        .scored = e->slot_verdict.kind == VERDICT_SCORED,
        .score = e->slot_verdict.score,
        .received_round = e->received - e->received_at_round,
        .sent_round = sent - e->sent_at_round,
        .sent_since_unchoke = e->choking ? 0 : sent - e->sent_at_unchoke,
        .unchoked_at = e->unchoked_at,
        .waiting_since = e->waiting_since,
        .connected_at = e->connected_at,
    };
}

/* ---- what comes of it ------------------------------------------------------------------- */

void sim_set_choking(struct sim_end *e, bool choking) {
    usec now = e->peer->sim->now;
    if (e->choking == choking)
        return;
    e->choking = choking;
    if (choking) {
        e->peer->unchoked--;
        e->waiting_since = e->other->interested ? now : 0;
        sim_piece_on_choked(e->other);
        return;
    }
    e->peer->unchoked++;
    e->unchoked_at = now;
    e->waiting_since = 0;
    e->sent_at_unchoke = e->other->received;
    sim_piece_on_unchoked(e->other);
}

/* Chokes first: an uplink is not shared for a moment by those who leave and those who come. */
static void apply(struct sim_peer *p, const struct choke_row *rows, bool new_round) {
    for (uint32_t i = 0; i < p->ends_count; i++) {
        p->ends[i]->optimistic = rows[i].give_optimistic;
        if (!rows[i].unchoke)
            sim_set_choking(p->ends[i], true);
        if (new_round) {
            p->ends[i]->received_at_round = p->ends[i]->received;
            p->ends[i]->sent_at_round = p->ends[i]->other->received;
        }
    }
    for (uint32_t i = 0; i < p->ends_count; i++)
        if (rows[i].unchoke)
            sim_set_choking(p->ends[i], false);
}

/* ---- a round ---------------------------------------------------------------------------- */

static void choke_round(struct sim_peer *p, bool new_round) {
    struct sim *s = p->sim;
    struct choke_row *rows = calloc(MAX(p->ends_count, 1u), sizeof *rows);
    if (!rows) {
        sim_fail(s, ERR_NOMEM);
        return;
    }
    sim_judge_slots(p, new_round);
    for (uint32_t i = 0; i < p->ends_count; i++)
        rows[i] = row_of(p->ends[i]);
    struct choke_rules rules = {
        .slots = p->group->slots,
        .seeding = p->complete,
        .turn_optimistic = s->now - p->last_optimistic >= CHOKER_OPTIMISTIC,
        .piece_length = (uint32_t)sim_piece_length(s),
        .now = s->now,
    };
    if (rules.turn_optimistic)
        p->last_optimistic = s->now;
    choker_round(rows, p->ends_count, &rules, &s->rng);
    apply(p, rows, new_round);
    free(rows);
}

static void on_round(struct timer *t, usec now) {
    struct sim_peer *p = CONTAINER_OF(t, struct sim_peer, choke_timer);
    (void)now;
    sim_set(p->sim, t, CHOKER_ROUND);
    sim_maybe_turn_over(p);
    if (p->group->slots)
        choke_round(p, true);
    if (!p->complete)
        sim_piece_poke(p);
}

static void on_extra(struct timer *t, usec now) {
    (void)now;
    choke_round(CONTAINER_OF(t, struct sim_peer, extra_timer), false);
}

void sim_choke_init(struct sim_peer *p) {
    timer_init(&p->choke_timer, on_round);
    timer_init(&p->extra_timer, on_extra);
}

/* Peers do not beat time together. */
void sim_choke_start(struct sim_peer *p) {
    sim_set(p->sim, &p->choke_timer, rng_below(&p->sim->rng, (uint32_t)CHOKER_ROUND));
    sim_choke_want_round(p);
}

void sim_choke_want_round(struct sim_peer *p) {
    if (p->present && p->group->slots && !timer_is_set(&p->extra_timer))
        sim_set(p->sim, &p->extra_timer, EXTRA_AFTER);
}
