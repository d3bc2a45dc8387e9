/* sim_piece: what is asked of whom, what arrives, and who hears of it.
 *
 * One block at a time is under way from each peer that unchokes us; the next is chosen when it
 * ends (download_next), and flows on without a gap, for real clients keep a queue of requests.
 * Only an idle flow pays the round trip. What was under way when we are choked still arrives: it
 * was sent already. A HAVE reaches all neighbours together, a latency after the piece. */
#include <assert.h>

#include "base/err.h"
#include "swarm/sim_private.h"

#define PLAY_AHEAD 8                    /* pieces with a deadline at a time */
#define PLAY_BUFFER (10 * USEC_PER_SEC) /* playing begins so long after the peer came */

/* ---- interest --------------------------------------------------------------------------- */

static void set_interest(struct sim_end *e, bool interested) {
    struct sim_end *them = e->other;
    if (e->interested == interested)
        return;
    e->interested = interested;
    them->waiting_since = interested && them->choking ? e->peer->sim->now : 0;
    bool free_slot =
        interested ? them->peer->unchoked < them->peer->group->slots : !them->choking;
    if (free_slot)
        sim_choke_want_round(them->peer);
}

static void look_anew(struct sim_end *e) {
    const struct sim_peer *p = e->peer;
    set_interest(e, !p->complete &&
                        picker_interesting(&p->picker, &e->other->peer->announced));
}

/* ---- asking ----------------------------------------------------------------------------- */

static bool has_asked(void *ctx, uint32_t piece, uint32_t begin) {
    const struct sim_end *e = ctx;
    return e->flow != FLOW_IDLE && e->ref.piece == piece && e->ref.begin == begin;
}

static bool may_ask(const struct sim_end *e) {
    return e->interested && !e->other->choking;
}

/* As engine/peer_request.c says it. */
static bool is_fast(const struct sim_end *e) {
    return (uint64_t)e->rate * 20 > sim_piece_length(e->peer->sim);
}

static bool next_block(struct sim_end *e, struct block_ref *out) {
    struct sim_peer *p = e->peer;
    const struct asker a = {
        .peer = e->id,
        .has = &e->other->peer->announced,
        .last_piece = e->last_piece,
        .fast = is_fast(e),
        .plan = sim_judge_plan(e),
        .has_asked = has_asked,
        .ctx = e,
    };
    bool end_game;
    int found = download_next(&p->download, &a, p->sim->now, out, &end_game);
    if (found == 1)
        e->last_piece = out->piece;
    else if (found < 0)
        sim_fail(p->sim, ERR_NOMEM);
    return found == 1;
}

static void ask(struct sim_end *e) {
    struct block_ref ref;
    if (e->flow == FLOW_IDLE && may_ask(e) && next_block(e, &ref))
        sim_flow_ask(e, &ref);
}

void sim_piece_poke(struct sim_peer *p) {
    for (uint32_t i = 0; i < p->ends_count; i++)
        ask(p->ends[i]);
}

static void give_back(struct sim_end *e) {
    if (e->flow == FLOW_IDLE)
        return;
    sim_flow_cancel(e);
    download_on_unasked(&e->peer->download, e->ref.piece, e->ref.begin);
}

void sim_piece_on_unchoked(struct sim_end *e) {
    ask(e);
}

void sim_piece_on_choked(struct sim_end *e) {
    if (e->flow != FLOW_ASKED)
        return;
    give_back(e);
    sim_piece_poke(e->peer);
}

void sim_piece_on_first_byte(struct sim_end *e) {
    sim_flow_begin(e);
}

/* ---- deadlines -------------------------------------------------------------------------- */

/* The first pieces that are still to come get the time at which they will be played. */
void sim_piece_set_deadlines(struct sim_peer *p) {
    uint64_t length = sim_piece_length(p->sim);
    const struct picker *k = &p->picker;
    for (; p->group->play && p->next_deadline < k->pieces &&
           k->deadlines + k->active_deadlines < PLAY_AHEAD;
         p->next_deadline++) {
        uint64_t at = p->next_deadline * length * (uint64_t)USEC_PER_SEC / p->group->play;
        picker_set_deadline(&p->picker, p->next_deadline,
                            p->joined_at + PLAY_BUFFER + (usec)at);
    }
}

/* ---- what others have ------------------------------------------------------------------- */

static void note_have(struct sim_end *e, uint32_t piece) {
    struct picker *k = &e->peer->picker;
    picker_note_have(k, piece);
    if (!e->interested && bitset_has(&k->lacking, piece))
        set_interest(e, true);
}

static void hear(struct sim_end *e, const uint32_t *pieces, uint32_t n) {
    struct sim_peer *p = e->peer;
    bool seed = bitset_full(&e->other->peer->announced);
    if (e->candidate)
        e->candidate->upload_only = seed;
    if (p->complete)
        return;
    for (uint32_t i = 0; i < n; i++)
        note_have(e, pieces[i]);
    if (seed)
        picker_note_became_seed(&p->picker);
    ask(e);
}

/* Two that have everything have nothing to say to each other. */
static void leave_seeds(struct sim_peer *p) {
    for (uint32_t i = p->ends_count; i-- > 0;)
        if (bitset_full(&p->ends[i]->other->peer->announced))
            sim_disconnect(p->ends[i]);
}

static void on_have_timer(struct timer *t, usec now) {
    struct sim_peer *p = CONTAINER_OF(t, struct sim_peer, have_timer);
    (void)now;
    for (uint32_t i = 0; i < p->pending_count; i++)
        (void)bitset_add(&p->announced, p->pending[i]);
    for (uint32_t i = 0; i < p->ends_count; i++)
        hear(p->ends[i]->other, p->pending, p->pending_count);
    p->pending_count = 0;
    if (bitset_full(&p->announced))
        leave_seeds(p);
}

void sim_piece_init(struct sim_peer *p) {
    timer_init(&p->have_timer, on_have_timer);
}

static void say_have(struct sim_peer *p, uint32_t piece) {
    p->pending[p->pending_count++] = piece;
    if (!timer_is_set(&p->have_timer))
        sim_set(p->sim, &p->have_timer, p->latency);
}

/* ---- a piece ---------------------------------------------------------------------------- */

static void on_piece(struct sim_peer *p, uint32_t piece) {
    picker_set_state(&p->picker, piece, PIECE_HAVE);
    (void)bitset_add(&p->have, piece);
    p->sim->copies[piece]++;
    sim_piece_set_deadlines(p);
    say_have(p, piece);
    for (uint32_t i = 0; i < p->ends_count; i++) {
        struct sim_end *e = p->ends[i];
        if (e->interested && bitset_has(&e->other->peer->announced, piece))
            look_anew(e);
    }
    if (bitset_full(&p->have))
        sim_finish(p);
}

/* End game: nobody else need send it now, and is asked for something else. */
static void cancel_copies(struct sim_end *e, const struct block_ref *ref) {
    struct sim_peer *p = e->peer;
    for (uint32_t i = 0; i < p->ends_count; i++)
        if (p->ends[i] != e && has_asked(p->ends[i], ref->piece, ref->begin))
            sim_flow_cancel(p->ends[i]);
}

/* The block is received; true when it was the last one of its piece, which is closed then. */
static bool receive(struct sim_end *e, const struct block_ref *ref, bool *copies) {
    struct sim_peer *p = e->peer;
    struct active_piece *a = active_pieces_get(&p->open, ref->piece);
    assert(a && a->block[ref->block].state == BLOCK_ASKED);
    *copies = a->block[ref->block].askers > 1;
    (void)active_piece_note_received(a, ref->block, e->id, p->sim->now);
    e->blocks++;
    e->last_block_at = p->sim->now;
    if (!active_piece_has_all(a))
        return false;
    picker_set_state(&p->picker, ref->piece, PIECE_HASHING);
    active_pieces_close(&p->open, a);
    return true;
}

void sim_piece_on_block(struct sim_end *e) {
    struct sim_peer *p = e->peer;
    const struct block_ref ref = e->ref;
    struct block_ref next;
    bool copies;
    sim_flow_complete(e);
    bool whole = receive(e, &ref, &copies);
    if (copies)
        cancel_copies(e, &ref);
    if (may_ask(e) && next_block(e, &next))
        sim_flow_next(e, &next);
    else
        sim_flow_stop(e);
    if (copies)
        sim_piece_poke(p);
    if (whole)
        on_piece(p, ref.piece);
}

/* ---- connections ------------------------------------------------------------------------ */

void sim_piece_on_connected(struct sim_end *e) {
    struct sim_peer *p = e->peer;
    if (p->complete)
        return;
    picker_note_peer(&p->picker, &e->other->peer->announced);
    p->download.peers++;
    look_anew(e);
}

void sim_piece_on_disconnected(struct sim_end *e) {
    struct sim_peer *p = e->peer;
    if (p->complete)
        return;
    give_back(e);
    download_on_gone(&p->download, e->id);
    picker_forget_peer(&p->picker, &e->other->peer->announced);
    p->download.peers--;
}
