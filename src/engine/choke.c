/* choke: see the header. Between the rounds, every 10 s, an extra one is held when somebody
 * became interested or a slot fell free: it then only fills slots, for the counts of the running
 * round go on. */
#include "engine/choke.h"

#include <stdlib.h>

#include "engine/connect.h"
#include "engine/peer.h"
#include "engine/policy_rows.h"
#include "swarm/choker.h"
#include "swarm/turnover.h"

static void on_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, choke_timer);
    (void)now;
    t->choke_round_due = true;
    torrent_want_decision(t, true, false);
}

void choke_init(struct torrent *t) {
    timer_init(&t->choke_timer, on_timer);
}

static uint32_t slots_of(const struct torrent *t) {
    return t->slots ? t->slots : t->session->settings.slots;
}

/* ---- who is in the round ---------------------------------------------------------------- */

void choke_hold(struct peer *p, bool choking, usec until) {
    p->held_until = until;
    peer_set_choking(p, choking);
    torrent_want_decision(p->torrent, true, false); /* for a slot more, or less */
}

/* A script's own choke or unchoke stands beside the rounds. */
static bool is_held(const struct peer *p, usec now) {
    return p->held_until > now;
}

static struct choke_row row_of(const struct peer *p) {
    return (struct choke_row){
        .peer = p->id,
        .interested = p->peer_interested,
        .unchoked = !p->choking,
        .optimistic = p->optimistic,
        .upload_only = p->upload_only || peer_is_seed(p),
        .snubbed = p->requests.snubbed,
        .never = p->slot_verdict.kind == VERDICT_NEVER,
        .scored = p->slot_verdict.kind == VERDICT_SCORED,
        .score = p->slot_verdict.score,
        .received_round = p->down.total - p->received_at_round,
        .sent_round = p->up.total - p->sent_at_round,
        .sent_since_unchoke = p->choking ? 0 : p->up.total - p->sent_at_unchoke,
        .unchoked_at = p->unchoked_at,
        .waiting_since = p->waiting_since,
        .connected_at = p->connected_at,
    };
}

/* The rows of all that take part; slots that are held open are not given out again. */
static uint32_t make_rows(const struct torrent *t, struct choke_row *rows, uint32_t max,
                          struct choke_rules *rules) {
    uint32_t n = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state != PEER_READY || n == max)
            continue;
        if (!is_held(p, rules->now))
            rows[n++] = row_of(p);
        else if (!p->choking && rules->slots > 0 && rules->slots != UINT32_MAX)
            rules->slots--;
    }
    return n;
}

static void apply(struct torrent *t, const struct choke_row *rows, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        struct peer *p = session_peer(t->session, rows[i].peer);
        if (!p)
            continue;
        p->optimistic = rows[i].give_optimistic;
        peer_set_choking(p, !rows[i].unchoke);
    }
}

static void begin_next_round(struct torrent *t) {
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        p->received_at_round = p->down.total, p->sent_at_round = p->up.total;
    }
}

/* A script judges everybody once a round; between rounds only those it has not seen. */
static void ask_script(struct torrent *t, bool new_round) {
    struct peer_judging j;
    if (!policy_has(&t->session->policy, t->id, POLICY_UNCHOKE)) {
        LIST_EACH(l, &t->peers) {
            LIST_ITEM(l, struct peer, in_torrent)->slot_verdict = (struct verdict){0};
        }
        return;
    }
    if (!peer_judging_begin(&j, t))
        return;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY && (new_round || !p->slot_judged))
            peer_judging_add(&j, p);
    }
    (void)peer_judging_ask(&j, POLICY_UNCHOKE, NULL);
    for (uint32_t i = 0; i < j.n; i++) {
        struct peer *p = session_peer(t->session, j.row[i].peer);
        p->slot_verdict = j.verdict[i], p->slot_judged = true;
    }
    peer_judging_end(&j);
}

static void choke_round(struct torrent *t, bool new_round) {
    usec now = session_now(t->session);
    uint32_t max = t->ready_count;
    struct choke_row *rows = max ? calloc(max, sizeof *rows) : NULL;
    if (!rows)
        return; /* nobody, or no memory: slots stay as they are */
    struct choke_rules rules = {
        .slots = slots_of(t),
        .seeding = !torrent_wants_data(t),
        .turn_optimistic = now - t->last_optimistic >= CHOKER_OPTIMISTIC,
        .piece_length = t->meta->piece_length,
        .now = now,
    };
    if (rules.turn_optimistic)
        t->last_optimistic = now;
    ask_script(t, new_round);
    uint32_t n = make_rows(t, rows, max, &rules);
    choker_round(rows, n, &rules, &t->session->rng);
    apply(t, rows, n);
    if (new_round)
        begin_next_round(t);
    free(rows);
}

/* ---- turnover --------------------------------------------------------------------------- */

static bool is_useless(const struct torrent *t, const struct peer *p) {
    bool they_want_nothing = p->upload_only || peer_is_seed(p);
    return they_want_nothing && !torrent_wants_data(t);
}

static struct turnover_row turnover_row_of(const struct torrent *t,
                                           const struct peer *p) {
    return (struct turnover_row){
        .peer = p->id,
        .useless = is_useless(t, p),
        .interesting = p->interested,
        .interested = p->peer_interested,
        .received_rate = peer_download_rate(p),
        .sent_rate = peer_upload_rate(p),
        .connected_at = p->connected_at,
        .last_useful_at = MAX(p->last_block_at, p->last_upload_at),
    };
}

static uint32_t make_turnover_rows(const struct torrent *t, struct turnover_row *rows) {
    uint32_t n = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY && n < t->ready_count)
            rows[n++] = turnover_row_of(t, p);
    }
    return n;
}

/* Rows and the script's are of the same peers in the same order. */
static void ask_whom_to_drop(struct torrent *t, struct turnover_row *rows, uint32_t n) {
    struct peer_judging j;
    if (!policy_has(&t->session->policy, t->id, POLICY_DROP) ||
        !peer_judging_begin(&j, t))
        return;
    for (uint32_t i = 0; i < n; i++)
        peer_judging_add(&j, session_peer(t->session, rows[i].peer));
    (void)peer_judging_ask(&j, POLICY_DROP, NULL);
    for (uint32_t i = 0; i < n; i++) {
        rows[i].keep = j.verdict[i].kind == VERDICT_NEVER;
        rows[i].scored = j.verdict[i].kind == VERDICT_SCORED;
        rows[i].score = j.verdict[i].score;
    }
    peer_judging_end(&j);
}

static void turnover(struct torrent *t) {
    usec now = session_now(t->session);
    uint32_t candidates = t->roster.count - MIN(t->roster.count, t->peer_count);
    struct turnover_row *rows = calloc(MAX(t->ready_count, 1u), sizeof *rows);
    t->last_turnover = now;
    if (!rows)
        return;
    uint32_t n = make_turnover_rows(t, rows);
    if (turnover_is_due(t->peer_count, connect_limit(t), candidates))
        ask_whom_to_drop(t, rows, n);
    (void)turnover_round(rows, n, t->peer_count, connect_limit(t), candidates,
                         t->session->settings.turnover, now);
    for (uint32_t i = 0; i < n; i++) {
        struct peer *p = rows[i].drop ? session_peer(t->session, rows[i].peer) : NULL;
        if (p)
            peer_close(p, ERR_BUSY, "made room for another peer");
    }
    free(rows);
}

/* Two that both have everything have nothing to say to each other. */
static void close_useless(struct torrent *t) {
    t->useless_due = false;
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY && is_useless(t, p) && p->got_pieces)
            peer_close(p, ERR_BUSY, "both sides have everything");
    }
}

void choke_decide(struct torrent *t) {
    usec now = session_now(t->session);
    bool new_round = t->choke_round_due;
    t->choke_due = t->choke_round_due = false;
    if (t->state == TORRENT_CHECKING || !t->meta)
        return;
    if (t->useless_due)
        close_useless(t);
    if (now - t->last_turnover >= t->session->settings.turnover)
        turnover(t);
    choke_round(t, new_round);
    if (new_round)
        buffer_pool_clear(
            &t->open.pool); /* what was idle for a moment may be so for hours */
    if (t->ready_count > 0 && (new_round || !timer_is_set(&t->choke_timer)))
        timer_set(loop_timers(t->session->loop), &t->choke_timer, now + CHOKER_ROUND);
}
