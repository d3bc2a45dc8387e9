/* peer_request: asking. A peer that could take more requests is on the session's hungry list;
 * once a step each of them is filled up to its depth, with one write for all its requests. */
#include "base/err.h"
#include "engine/peer.h"
#include "engine/policy_pieces.h"
#include "engine/store.h"

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
        peer_make_way(p, a, &ref);
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
        .eta_for = peer_eta_for,
        .ctx = p,
    };
}

void peer_request_more(struct peer *p) {
    if (!may_ask(p))
        return;
    struct asker a = asker_of(p);
    bool idle = p->requests.count == 0;
    int found = 1;
    uint32_t depth = requests_depth(&p->requests, peer_download_rate(p), p->ext.reqq,
                                    memory_cap(p), session_now(p->session));
    depth = peer_hurried_depth(p, depth);
    while (found == 1 && p->requests.live < depth && p->state == PEER_READY) {
        peer_hurry(p, &a);
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
