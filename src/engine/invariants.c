/* invariants: what must hold of a torrent between two steps, written down as code. Run after
 * every step where settings.check_invariants says so: in specs. */
#include <assert.h>

#include "engine/peer.h"
#include "engine/torrent.h"

#ifdef NDEBUG

void torrent_check(const struct torrent *t) {
    (void)t;
}

#else

struct tally {
    uint32_t askers;
    bool landing;
};

/* What the peers say of one block. */
static struct tally tally_block(const struct torrent *t, uint32_t piece, uint32_t begin) {
    struct tally sum = {0};
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        const struct wire_reader *r = &p->reader;
        for (uint32_t i = 0; i < p->requests.count; i++) {
            const struct request *q = requests_at(&p->requests, i);
            sum.askers += q->piece == piece && q->begin == begin && !q->cancelled;
        }
        if (r->in_block && r->place && r->place != p->aside)
            sum.landing |= r->block.index == piece && r->block.begin == begin;
    }
    return sum;
}

static void check_block(const struct torrent *t, const struct active_piece *p,
                        uint32_t i) {
    const struct block *b = &p->block[i];
    struct tally sum = tally_block(t, p->index, i * WIRE_BLOCK);
    assert(b->landing == sum.landing);
    if (b->state == BLOCK_RECEIVED)
        return;
    assert(b->askers == sum.askers);
    assert((b->state == BLOCK_ASKED) == (b->askers > 0));
}

static void check_open_piece(const struct torrent *t, const struct active_piece *p) {
    uint32_t free_count = 0, received = 0;
    for (uint32_t i = 0; i < p->blocks; i++) {
        free_count += p->block[i].state == BLOCK_FREE;
        received += p->block[i].state == BLOCK_RECEIVED;
        if (p->buffer)
            check_block(t, p, i);
    }
    assert(free_count == p->free_count && received == p->received);
    enum piece_state state = picker_state(&t->picker, p->index);
    if (p->buffer)
        assert(state == PIECE_ACTIVE);
    else
        assert(state == PIECE_HASHING || state == PIECE_WRITING);
}

static void check_open_pieces(const struct torrent *t) {
    uint32_t open = 0;
    LIST_EACH(l, &t->open.list) {
        const struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        assert(active_pieces_get(&t->open, p->index) == p);
        check_open_piece(t, p);
        open++;
    }
    assert(open == t->open.count);
}

static void check_pieces(const struct torrent *t) {
    for (uint32_t i = 0; i < t->meta->pieces; i++) {
        enum piece_state s = picker_state(&t->picker, i);
        assert(bitset_has(&t->have, i) == (s == PIECE_HAVE));
        assert((active_pieces_get(&t->open, i) != NULL) ==
               (s == PIECE_ACTIVE || s == PIECE_HASHING || s == PIECE_WRITING));
    }
}

static void check_peers(const struct torrent *t) {
    uint32_t all = 0, ready = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        assert(p->torrent == t && p->state != PEER_DEAD);
        assert(session_peer(t->session, p->id) == p);
        assert(!p->candidate || p->candidate->connected);
        all++, ready += p->state == PEER_READY;
    }
    assert(all == t->peer_count && ready == t->ready_count);
}

void torrent_check(const struct torrent *t) {
    if (t->meta) {
        picker_check(&t->picker);
        check_pieces(t);
        check_open_pieces(t);
    }
    check_peers(t);
    assert(t->session->budget.used <= t->session->budget.limit);
}

#endif
