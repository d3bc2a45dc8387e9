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

static struct choke_row row_of(const struct peer *p) {
    return (struct choke_row){
        .peer = p->id,
        .interested = p->peer_interested,
        .unchoked = !p->choking,
        .optimistic = p->optimistic,
        .upload_only = p->upload_only || peer_is_seed(p),
        .snubbed = p->requests.snubbed,
        .received_round = p->down.total - p->received_at_round,
        .sent_round = p->up.total - p->sent_at_round,
        .sent_since_unchoke = p->choking ? 0 : p->up.total - p->sent_at_unchoke,
        .unchoked_at = p->unchoked_at,
        .waiting_since = p->waiting_since,
        .connected_at = p->connected_at,
    };
}

static uint32_t make_rows(const struct torrent *t, struct choke_row *rows, uint32_t max) {
    uint32_t n = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY && n < max)
            rows[n++] = row_of(p);
    }
    return n;
}

static void apply(struct torrent *t, const struct choke_row *rows, uint32_t n,
                  bool new_round) {
    for (uint32_t i = 0; i < n; i++) {
        struct peer *p = session_peer(t->session, rows[i].peer);
        if (!p)
            continue;
        p->optimistic = rows[i].give_optimistic;
        peer_set_choking(p, !rows[i].unchoke);
        if (new_round)
            p->received_at_round = p->down.total, p->sent_at_round = p->up.total;
    }
}

static void choke_round(struct torrent *t, bool new_round) {
    usec now = session_now(t->session);
    uint32_t max = t->ready_count;
    struct choke_row *rows = max ? calloc(max, sizeof *rows) : NULL;
    if (!rows)
        return; /* nobody, or no memory: slots stay as they are */
    uint32_t n = make_rows(t, rows, max);
    struct choke_rules rules = {
        .slots = slots_of(t),
        .seeding = !torrent_wants_data(t),
        .turn_optimistic = now - t->last_optimistic >= CHOKER_OPTIMISTIC,
        .piece_length = t->meta->piece_length,
        .now = now,
    };
    if (rules.turn_optimistic)
        t->last_optimistic = now;
    choker_round(rows, n, &rules, &t->session->rng);
    apply(t, rows, n, new_round);
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

static void turnover(struct torrent *t) {
    usec now = session_now(t->session);
    struct turnover_row *rows = calloc(MAX(t->ready_count, 1u), sizeof *rows);
    uint32_t n = 0;
    t->last_turnover = now;
    if (!rows)
        return;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY && n < t->ready_count)
            rows[n++] = turnover_row_of(t, p);
    }
    (void)turnover_round(rows, n, t->peer_count, connect_limit(t),
                         t->roster.count - MIN(t->roster.count, t->peer_count), now);
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
    if (now - t->last_turnover >= TURNOVER_EVERY)
        turnover(t);
    choke_round(t, new_round);
    if (new_round)
        buffer_pool_clear(
            &t->open.pool); /* what was idle for a moment may be so for hours */
    if (t->ready_count > 0 && (new_round || !timer_is_set(&t->choke_timer)))
        timer_set(loop_timers(t->session->loop), &t->choke_timer, now + CHOKER_ROUND);
}
