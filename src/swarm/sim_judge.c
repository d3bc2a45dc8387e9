/* sim_judge: the six questions as simulated peers put them: at the same moments, about the same rows
 * and with the same consequences as the engine (engine/choke.c, policy_candidates.c,
 * policy_pieces.c), only that a plan is made when it is needed and not at the end of a step. */
#include <stdlib.h>

#include "base/err.h"
#include "swarm/sim_private.h"

/* ---- asking ----------------------------------------------------------------------------- */

/* `block` with room for so many bytes at least; NULL: out of memory, and it is as it was. */
static void *with_room(void *block, size_t *has, size_t want) {
    if (*has >= want)
        return block;
    void *grown = realloc(block, want * 2);
    if (grown)
        *has = want * 2;
    return grown;
}

/* sim->rows with room for n rows of so many bytes, and sim->verdicts; NULL: out of memory. */
static void *room(struct sim *s, uint32_t n, size_t row) {
    void *rows = with_room(s->rows, &s->rows_size, MAX(n, 1u) * row);
    if (rows)
        s->rows = rows;
    struct verdict *verdicts =
        with_room(s->verdicts, &s->verdicts_size, MAX(n, 1u) * sizeof *verdicts);
    if (verdicts)
        s->verdicts = verdicts;
    if (!rows || !verdicts)
        sim_fail(s, ERR_NOMEM);
    return rows && verdicts ? rows : NULL;
}

static uint32_t holders(void *owner, uint32_t piece, handle *out, uint32_t max) {
    const struct sim_peer *p = owner;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->ends_count && n < max; i++)
        if (bitset_has(&p->ends[i]->other->peer->announced, piece))
            out[n++] = p->ends[i]->id;
    return n;
}

static uint32_t files(void *owner, uint32_t piece, uint32_t *first) {
    (void)owner, (void)piece;
    *first = 0;
    return 1;
}

static bool has_judge(const struct sim_peer *p, enum policy_question q) {
    return policy_has(&p->sim->settings.policy, p->group_number + 1, q);
}

/* `a` says what it is about; the rest is filled in here. */
static void ask(struct sim_peer *p, struct policy_ask a) {
    struct policy_self self;
    const struct policy_lore lore = {p, holders, files, &self};
    sim_row_of_self(p, &self);
    a.torrent = p->group_number + 1;
    a.lore = &lore;
    a.verdicts = p->sim->verdicts;
    (void)policy_ask(&p->sim->settings.policy, &a);
}

/* ---- unchoke, drop ---------------------------------------------------------------------- */

/* There is no judge any more. */
static void forget_slot_verdicts(struct sim_peer *p) {
    for (uint32_t i = 0; p->judges_slots && i < p->ends_count; i++)
        p->ends[i]->slot_verdict = (struct verdict){VERDICT_OWN, 0};
    p->judges_slots = false;
}

/* Everybody once a round; between rounds only those that were not judged. */
void sim_judge_slots(struct sim_peer *p, bool new_round) {
    uint32_t n = 0;
    if (!has_judge(p, POLICY_UNCHOKE)) {
        forget_slot_verdicts(p);
        return;
    }
    p->judges_slots = true;
    struct peer_row *rows = room(p->sim, p->ends_count, sizeof *rows);
    for (uint32_t i = 0; rows && i < p->ends_count; i++)
        if (new_round || !p->ends[i]->judged)
            sim_row_of_end(p->ends[i], &rows[n++]);
    if (n)
        ask(p, (struct policy_ask){.question = POLICY_UNCHOKE, .peers = rows, .n = n});
    for (uint32_t i = 0; i < n; i++) {
        struct sim_end *e = slots_get(&p->sim->ends, rows[i].peer);
        e->slot_verdict = p->sim->verdicts[i];
        e->judged = true;
    }
}

/* One row for each of its ends, in their order. */
void sim_judge_drop(struct sim_peer *p, struct turnover_row *rows) {
    if (!has_judge(p, POLICY_DROP))
        return;
    struct peer_row *peers = room(p->sim, p->ends_count, sizeof *peers);
    for (uint32_t i = 0; peers && i < p->ends_count; i++)
        sim_row_of_end(p->ends[i], &peers[i]);
    if (!peers)
        return;
    ask(p,
        (struct policy_ask){.question = POLICY_DROP, .peers = peers, .n = p->ends_count});
    for (uint32_t i = 0; i < p->ends_count; i++) {
        const struct verdict *v = &p->sim->verdicts[i];
        rows[i].keep = v->kind == VERDICT_NEVER;
        rows[i].scored = v->kind == VERDICT_SCORED;
        rows[i].score = verdict_score(v);
    }
}

/* ---- admit, connect --------------------------------------------------------------------- */

static bool ask_about(struct sim_peer *p, enum policy_question q,
                      struct candidate *const *list, uint32_t n) {
    struct candidate_row *rows = room(p->sim, n, sizeof *rows);
    for (uint32_t i = 0; rows && i < n; i++)
        sim_row_of_candidate(p, list[i], &rows[i]);
    if (rows)
        ask(p, (struct policy_ask){.question = q, .candidates = rows, .n = n});
    return rows != NULL;
}

/* Does it let in somebody who is at its door? */
bool sim_judge_incoming(struct sim_peer *p, const struct sim_peer *from) {
    struct candidate who = {
        .addr = from->addr, .sources = SOURCE_INCOMING, .last_seen = p->sim->now};
    struct candidate *const list[1] = {&who};
    return !has_judge(p, POLICY_ADMIT) || !ask_about(p, POLICY_ADMIT, list, 1) ||
           p->sim->verdicts[0].kind != VERDICT_NEVER;
}

/* Who in the roster may be dialled at all. */
void sim_judge_known(struct sim_peer *p) {
    struct candidate *list[SHORTLIST_MAX];
    p->roster.judged_only = has_judge(p, POLICY_ADMIT);
    while (p->roster.judged_only && p->roster.unjudged) {
        uint32_t n = shortlist_unjudged(&p->roster, list);
        if (!n || !ask_about(p, POLICY_ADMIT, list, n))
            return;
        shortlist_admit(&p->roster, list, p->sim->verdicts, n, p->sim->now);
    }
}

bool sim_judges_dials(const struct sim_peer *p) {
    return has_judge(p, POLICY_CONNECT);
}

/* Whom to dial, best first; returns how many. */
uint32_t sim_judge_due(struct sim_peer *p, struct candidate *out[SHORTLIST_MAX]) {
    uint32_t n = shortlist_due(&p->roster, p->sim->now, p->complete, out);
    if (!n || !ask_about(p, POLICY_CONNECT, out, n))
        return 0;
    return shortlist_rank(out, p->sim->verdicts, n, p->sim->now);
}

/* ---- piece ------------------------------------------------------------------------------ */

static void make_plan(struct sim_end *e) {
    struct sim_peer *p = e->peer;
    uint32_t offer[PLAN_OFFER];
    struct peer_row peer;
    e->plan->most = plan_rows(p->ends_count);
    uint32_t n = plan_offer(e->plan, &p->picker, &e->other->peer->announced, NULL, offer);
    struct piece_row *rows = room(p->sim, n, sizeof *rows);
    if (!rows)
        return;
    for (uint32_t i = 0; i < n; i++)
        sim_row_of_piece(p, offer[i], &rows[i]);
    sim_row_of_end(e, &peer);
    ask(p, (struct policy_ask){
               .question = POLICY_PIECE, .peers = &peer, .pieces = rows, .n = n});
    plan_adopt(e->plan, &p->picker, &e->other->peer->announced, NULL, offer,
               p->sim->verdicts, n, p->sim->now);
}

/* What download_next is to go by; NULL without a judge. */
const struct plan *sim_judge_plan(struct sim_end *e) {
    struct sim_peer *p = e->peer;
    usec now = p->sim->now;
    if (!has_judge(p, POLICY_PIECE))
        return NULL;
    if (!e->plan && !(e->plan = calloc(1, sizeof *e->plan))) {
        sim_fail(p->sim, ERR_NOMEM);
        return NULL;
    }
    if (download_is_through(&p->download, e->last_piece) &&
        plan_is_due(e->plan, &p->picker, &e->other->peer->announced, NULL, 0, now))
        make_plan(e);
    return e->plan;
}

/* ---- source ----------------------------------------------------------------------------- */

/* The urgent ones that are open, then those still to be opened. */
static uint32_t urgent_pieces(const struct sim_peer *p, uint32_t out[SOURCING_PIECES]) {
    const struct picker *k = &p->picker;
    uint32_t n = 0;
    LIST_EACH(l, &p->open.list) {
        const struct active_piece *a = LIST_ITEM(l, struct active_piece, link);
        if (n < SOURCING_PIECES && picker_deadline(k, a->index) != USEC_NEVER)
            out[n++] = a->index;
    }
    for (uint32_t i = 0; i < k->deadlines && n < SOURCING_PIECES; i++)
        out[n++] = k->urgent[i];
    return n;
}

static void rank_sources(struct sim_peer *p, uint32_t piece) {
    struct peer_row *rows = room(p->sim, SOURCING_PEERS, sizeof *rows);
    struct piece_row row;
    uint32_t n = 0;
    sim_row_of_piece(p, piece, &row);
    for (uint32_t i = 0; rows && i < p->ends_count && n < SOURCING_PEERS; i++)
        if (bitset_has(&p->ends[i]->other->peer->announced, piece))
            sim_row_of_end(p->ends[i], &rows[n++]);
    if (!n)
        return;
    ask(p, (struct policy_ask){
               .question = POLICY_SOURCE, .peers = rows, .pieces = &row, .n = n});
    sourcing_adopt(p->sourcing, piece, rows, p->sim->verdicts, n);
}

static void on_source_timer(struct timer *t, usec now) {
    struct sim_peer *p = CONTAINER_OF(t, struct sim_peer, source_timer);
    uint32_t pieces[SOURCING_PIECES] = {0};
    (void)now;
    if (p->complete)
        return;
    uint32_t n = urgent_pieces(p, pieces);
    sourcing_begin(p->sourcing, pieces, n);
    for (uint32_t i = 0; i < n; i++)
        rank_sources(p, pieces[i]);
    sim_piece_poke(p);
    sim_set(p->sim, t, SOURCING_EVERY);
}

void sim_judge_init(struct sim_peer *p) {
    timer_init(&p->source_timer, on_source_timer);
}

/* It plays its data: each second it is asked who gets what is urgent. */
void sim_judge_start(struct sim_peer *p) {
    if (!p->group->play || p->complete || !has_judge(p, POLICY_SOURCE))
        return;
    p->sourcing = calloc(1, sizeof *p->sourcing);
    p->download.sourcing = p->sourcing;
    if (p->sourcing)
        sim_set(p->sim, &p->source_timer, 0);
    else
        sim_fail(p->sim, ERR_NOMEM);
}
