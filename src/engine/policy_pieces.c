/* policy_pieces: see the header. A plan costs up to PLAN_OFFER calls, so one step makes only a few;
 * who waits for its first plan asks for blocks of open pieces meanwhile. */
#include "engine/policy_pieces.h"

#include <stdlib.h>

#include "engine/peer.h"
#include "engine/policy_rows.h"

#define CALLS_AT_ONCE 2048u               /* in one step */
#define SOURCES_GAP (100 * USEC_PER_MSEC) /* between two rounds about urgent pieces */

/* ---- piece ------------------------------------------------------------------------------ */

static const struct bitset *only_of(const struct peer *p) {
    return p->choked ? &p->allowed : NULL;
}

static bool is_judged(const struct torrent *t) {
    return policy_has(&t->session->policy, t->id, POLICY_PIECE);
}

static void maybe_plan(struct peer *p) {
    struct torrent *t = p->torrent;
    if (list_empty(&p->in_plans) && plan_is_due(&p->plan, &t->picker, &p->has, only_of(p),
                                                t->plan_age, session_now(p->session))) {
        list_append(&t->to_plan, &p->in_plans);
        torrent_want_decision(t, false, false);
    }
}

const struct plan *policy_plan_of(struct peer *p) {
    struct torrent *t = p->torrent;
    if (!t->plans_pieces)
        return NULL;
    if (download_is_through(&t->download, p->last_piece))
        maybe_plan(p);
    return &p->plan;
}

static bool ask(struct torrent *t, const struct peer_row *peer,
                const struct piece_row *rows, uint32_t n, struct verdict *verdicts) {
    struct policy_lore lore = torrent_lore(t);
    const struct policy_ask a = {
        .question = POLICY_PIECE,
        .torrent = t->id,
        .peers = peer,
        .pieces = rows,
        .n = n,
        .lore = &lore,
        .verdicts = verdicts,
    };
    return policy_ask(&t->session->policy, &a);
}

/* Returns how many calls it took. */
static uint32_t make_plan(struct peer *p) {
    struct torrent *t = p->torrent;
    uint32_t offer[PLAN_OFFER];
    struct piece_row rows[PLAN_OFFER];
    struct verdict verdicts[PLAN_OFFER];
    struct peer_row peer;
    p->plan.most = plan_rows(t->ready_count);
    uint32_t n = plan_offer(&p->plan, &t->picker, &p->has, only_of(p), offer);
    for (uint32_t i = 0; i < n; i++)
        piece_fill_row(t, offer[i], &rows[i]);
    peer_fill_row(p, &peer);
    (void)ask(t, &peer, rows, n, verdicts);
    plan_adopt(&p->plan, &t->picker, &p->has, only_of(p), offer, verdicts, n,
               session_now(p->session));
    p->plan.age = t->plan_age;
    return n;
}

void policy_note_idle(struct peer *p) {
    const struct plan *plan = &p->plan;
    usec now = session_now(p->session);
    if (!p->torrent->plans_pieces)
        return;
    maybe_plan(p);
    if (plan->refused && p->requests.live == 0 && list_empty(&p->in_plans)) {
        p->ask_after = MAX(plan->made_at + plan->pause, now + 1);
        p->judge_rests = true;
        peer_set_deadline(p);
    }
}

void policy_note_window(struct torrent *t) {
    if (!t->plans_pieces)
        return;
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->plan.refused)
            plan_forget_refusals(&p->plan);
        if (p->judge_rests)
            p->ask_after = 0, peer_want_requests(p);
        p->judge_rests = false;
    }
}

static void make_plans(struct torrent *t) {
    struct link *l;
    uint32_t calls = 0;
    while (calls < CALLS_AT_ONCE && (l = list_shift(&t->to_plan))) {
        struct peer *p = LIST_ITEM(l, struct peer, in_plans);
        if (p->state != PEER_READY || !t->meta)
            continue;
        calls += make_plan(p);
        peer_want_requests(p);
    }
    if (!list_empty(&t->to_plan))
        torrent_want_decision(t, false, false);
}

/* ---- source ----------------------------------------------------------------------------- */

static void on_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, source_timer);
    (void)now;
    t->source_due = true;
    torrent_want_decision(t, false, false);
}

/* A reader moves its deadlines with each piece that comes: not each time a round. */
void policy_note_deadlines(struct torrent *t) {
    if (!policy_has(&t->session->policy, t->id, POLICY_SOURCE))
        return;
    usec due = MAX(t->last_source + SOURCES_GAP, session_now(t->session));
    if (!timer_is_set(&t->source_timer) || t->source_timer.due > due)
        timer_set(loop_timers(t->session->loop), &t->source_timer, due);
    if (due <= session_now(t->session))
        on_timer(&t->source_timer, due);
}

void policy_pieces_init(struct torrent *t) {
    timer_init(&t->source_timer, on_timer);
}

void policy_pieces_fini(struct torrent *t) {
    timer_stop(loop_timers(t->session->loop), &t->source_timer);
    free(t->sourcing);
    t->sourcing = NULL, t->download.sourcing = NULL;
}

/* The urgent ones by their deadlines, open or not. */
static uint32_t urgent_pieces(const struct torrent *t, uint32_t out[SOURCING_PIECES]) {
    const struct picker *p = &t->picker;
    uint32_t n = 0;
    LIST_EACH(l, &t->open.list) {
        const struct active_piece *a = LIST_ITEM(l, struct active_piece, link);
        if (n < SOURCING_PIECES && picker_deadline(p, a->index) != USEC_NEVER &&
            picker_state(p, a->index) == PIECE_ACTIVE)
            out[n++] = a->index;
    }
    for (uint32_t i = 0; i < p->deadlines && n < SOURCING_PIECES; i++)
        out[n++] = p->urgent[i];
    return n;
}

static void rank_sources(struct torrent *t, uint32_t piece) {
    struct peer_judging j;
    struct piece_row row;
    if (!peer_judging_begin(&j, t))
        return;
    piece_fill_row(t, piece, &row);
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY && j.n < SOURCING_PEERS && bitset_has(&p->has, piece))
            peer_judging_add(&j, p);
    }
    (void)peer_judging_ask(&j, POLICY_SOURCE, &row);
    sourcing_adopt(t->sourcing, piece, j.row, j.verdict, j.n);
    peer_judging_end(&j);
}

/* Those who were waiting may be let at a piece now. */
static void wake_peers(struct torrent *t) {
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->interested)
            peer_want_requests(p);
    }
}

static void decide_sources(struct torrent *t) {
    uint32_t pieces[SOURCING_PIECES];
    uint32_t n = t->meta ? urgent_pieces(t, pieces) : 0;
    t->source_due = false, t->last_source = session_now(t->session);
    if (n == 0 || !policy_has(&t->session->policy, t->id, POLICY_SOURCE)) {
        policy_pieces_fini(t);
        return;
    }
    if (!t->sourcing && !(t->sourcing = calloc(1, sizeof *t->sourcing)))
        return;
    t->download.sourcing = t->sourcing;
    sourcing_begin(t->sourcing, pieces, n);
    for (uint32_t i = 0; i < n; i++)
        rank_sources(t, pieces[i]);
    wake_peers(t);
    timer_set(loop_timers(t->session->loop), &t->source_timer,
              session_now(t->session) + SOURCING_EVERY);
}

/* ---- both ------------------------------------------------------------------------------- */

void policy_pieces_decide(struct torrent *t) {
    t->plans_pieces = is_judged(t);
    if (t->source_due)
        decide_sources(t);
    if (!list_empty(&t->to_plan))
        make_plans(t);
}
