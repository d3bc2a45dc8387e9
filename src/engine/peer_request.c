/* peer_request: asking. A peer that could take more requests is on the session's hungry list;
 * once a step each of them is filled up to its depth, with one write for all its requests. */
#include "base/err.h"
#include "engine/peer.h"
#include "engine/policy_pieces.h"
#include "engine/readers.h"
#include "engine/store.h"

#define LONE_DEPTH 16u /* asked at once of the only peer there is, when somebody waits */

static bool may_ask(const struct peer *p) {
    return p->state == PEER_READY && p->torrent && p->interested &&
           (!p->choked || p->allowed.count > 0) && torrent_downloads(p->torrent) &&
           !store_is_behind(p->torrent) && session_now(p->session) >= p->ask_after;
}

/* Its share of the memory budget in blocks: a quarter of it for what is in flight, split evenly.
 * A sixth may wait for hash and disk (store), the rest is for pieces that several
 * peers work on, and for uploads. */
static uint32_t memory_cap(const struct peer *p) {
    uint64_t share = p->session->budget.limit / 4 / WIRE_BLOCK;
    uint32_t peers = MAX(p->torrent->ready_count, 1u);
    return (uint32_t)MAX(share / peers, (uint64_t)4);
}

static bool has_asked(void *ctx, uint32_t piece, uint32_t begin) {
    const struct peer *p = ctx;
    for (uint32_t i = 0; i < p->requests.count; i++) {
        const struct request *q = requests_at(&p->requests, i);
        if (q->piece == piece && q->begin == begin)
            return true;
    }
    return false;
}

/* Does it finish a piece alone in less than 20 s? Then it gets pieces of its own (selection.md). */
static bool is_fast(const struct peer *p) {
    uint64_t rate = peer_download_rate(p);
    return rate * 20 > p->torrent->meta->piece_length;
}

static bool is_landing(const struct peer *p, const struct request *q) {
    const struct wire_reader *w = &p->reader;
    return w->in_block && w->block.index == q->piece && w->block.begin == q->begin;
}

static bool is_due(const struct urgent *u, const struct request *q, usec due) {
    const struct urgent_piece *piece = urgent_find(u, q->piece);
    return piece && piece->due <= due;
}

static uint32_t asked_until(const struct peer *p, const struct urgent *u, usec due) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->requests.count; i++) {
        const struct request *q = requests_at(&p->requests, i);
        n += !q->cancelled && is_due(u, q, due);
    }
    return n;
}

/* A peer that happens to have been asked for much of it before it was urgent is no better off. */
void peer_cancel_later(struct peer *p, const struct urgent *u, usec due) {
    struct urgent_speed speed = peer_speed(p);
    uint32_t depth = urgent_depth(&speed), kept = asked_until(p, u, due);
    for (uint32_t i = p->requests.count; i-- > 0;) {
        const struct request *q = requests_at(&p->requests, i);
        bool keep = is_due(u, q, due) && kept <= depth;
        kept -= !q->cancelled && is_due(u, q, due);
        if (!q->cancelled && !keep && !is_landing(p, q))
            peer_cancel_block(p, q->piece, q->begin);
    }
}

void peer_expect(struct peer *p) {
    struct urgent_speed speed = peer_speed(p);
    usec now = session_now(p->session);
    speed.outstanding = 0;
    for (uint32_t i = 0; i < p->requests.count; i++) {
        const struct request *q = requests_at(&p->requests, i);
        if (q->cancelled)
            continue;
        download_expect(&p->torrent->download, q->piece, q->begin,
                        now + urgent_eta(&speed));
        speed.outstanding++;
    }
}

static usec eta_for(void *ctx, usec due) {
    const struct peer *p = ctx;
    struct urgent_speed speed = peer_speed(p);
    speed.outstanding = asked_until(p, p->torrent->download.urgent, due);
    return urgent_eta(&speed);
}

/* What is late comes before what was asked for later. */
static void make_way(struct peer *p, const struct asker *a,
                     const struct block_ref *late) {
    const struct urgent *u = p->torrent->download.urgent;
    const struct urgent_piece *piece = u ? urgent_find(u, late->piece) : NULL;
    if (piece && a->eta > eta_for(p, piece->due) + URGENT_MARGIN)
        peer_cancel_later(p, u, piece->due);
}

static int ask_one(struct peer *p, const struct asker *a) {
    struct block_ref ref;
    bool end_game;
    usec now = session_now(p->session);
    int found = download_next(&p->torrent->download, a, now, &ref, &end_game);
    while (found == ERR_AGAIN && session_free_idle(p->session))
        found = download_next(&p->torrent->download, a, now, &ref, &end_game);
    if (found != 1)
        return found;
    if (end_game)
        make_way(p, a, &ref);
    struct request q = {ref.piece, ref.begin, ref.length, ref.block, now, false};
    if (requests_push(&p->requests, &q) < 0) {
        download_on_unasked(&p->torrent->download, ref.piece, ref.begin);
        return 0;
    }
    p->last_piece = ref.piece;
    struct wire_message m = {WIRE_REQUEST, ref.piece, ref.begin, ref.length, 0};
    peer_say(p, &m);
    return 1;
}

struct urgent_speed peer_speed(const struct peer *p) {
    const struct requests *r = &p->requests;
    usec now = session_now(p->session);
    usec since = MAX(r->last_block_at, r->asked_first_at);
    return (struct urgent_speed){
        .rate = MAX(requests_rate(r, now), peer_download_rate(p)),
        .delay = r->rtt_min,
        .deviation = r->rtt_dev,
        .silent = r->live && since ? now - since : 0,
        .outstanding = r->live,
    };
}

/* Only where somebody waits does it matter how soon it would answer. */
static void set_hurry(struct asker *a, const struct peer *p) {
    if (!p->torrent->download.urgent)
        return;
    struct urgent_speed speed = peer_speed(p);
    a->eta = urgent_eta(&speed);
    a->eta_idle = urgent_eta_idle(&speed);
    a->patience = urgent_patience(&speed);
    a->busy = urgent_is_busy(&speed);
}

static struct asker asker_of(struct peer *p) {
    return (struct asker){
        .peer = p->id,
        .has = &p->has,
        .only = p->choked ? &p->allowed : NULL,
        .last_piece = p->last_piece,
        .outstanding = p->requests.live,
        .parole = p->parole,
        .fast = is_fast(p),
        .plan = policy_plan_of(p),
        .has_asked = has_asked,
        .eta_for = eta_for,
        .ctx = p,
    };
}

/* While somebody waits queues are short; but where one peer is all there is, the first bytes need not
 * wait for its measure. */
static uint32_t hurried_depth(const struct peer *p, uint32_t depth) {
    struct urgent_speed speed = peer_speed(p);
    if (!urgent_is_proven(&speed) && p->torrent->ready_count == 1)
        return MAX(depth, LONE_DEPTH);
    return MIN(depth, urgent_depth(&speed));
}

void peer_request_more(struct peer *p) {
    if (!may_ask(p))
        return;
    struct asker a = asker_of(p);
    bool idle = p->requests.count == 0;
    int found = 1;
    uint32_t depth = requests_depth(&p->requests, peer_download_rate(p), p->ext.reqq,
                                    memory_cap(p), session_now(p->session));
    if (readers_hurry(p->torrent))
        depth = hurried_depth(p, depth);
    while (found == 1 && p->requests.live < depth && p->state == PEER_READY) {
        set_hurry(&a, p);
        found = ask_one(p, &a);
        a.outstanding = p->requests.live, a.last_piece = p->last_piece;
    }
    if (p->state != PEER_READY)
        return;
    if (found == ERR_AGAIN && list_empty(&p->hungry))
        list_append(&p->session->starving, &p->hungry);
    if (found == 0)
        policy_note_idle(p);
    if (idle && p->requests.count > 0)
        peer_set_deadline(p); /* snubbing is watched from now on */
}
