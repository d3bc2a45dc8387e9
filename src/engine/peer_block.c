/* peer_block: payload. Which block is expected, where its bytes go, and what follows when they
 * are there.
 *
 * A block's place belongs to one peer at a time (`landing`). A second peer that is asked for the
 * same block in the end game receives it aside, in a buffer of its own, and if it is complete
 * first it is copied in and the first peer's remaining bytes are drained. */
#include <stdlib.h>

#include "base/err.h"
#include "engine/ahead.h"
#include "engine/peer.h"
#include "engine/store.h"

#define UNREQUESTED_TOLERATED 1000
#define RELEASED_MAX \
    1000u /* given up, with an answer still possible: remembered so many */

static struct active_piece *piece_of(const struct peer *p, uint32_t index) {
    return p->torrent ? active_pieces_get(&p->torrent->open, index) : NULL;
}

/* The open piece's block for exactly this range, or NULL. */
static struct block *find_block(const struct peer *p, uint32_t index, uint32_t begin,
                                uint32_t length, struct active_piece **ap) {
    *ap = piece_of(p, index);
    if (!*ap || !(*ap)->buffer)
        return NULL;
    int64_t i = active_piece_block_at(*ap, begin, length);
    return i < 0 ? NULL : &(*ap)->block[i];
}

/* ---- prediction ------------------------------------------------------------------------- */

static bool in_flight(const struct peer *p, const struct request *q) {
    const struct wire_reader *r = &p->reader;
    return r->in_block && r->block.index == q->piece && r->block.begin == q->begin;
}

uint32_t peer_predict(void *owner, struct wire_slot *slots, uint32_t max) {
    struct peer *p = owner;
    uint32_t n = 0;
    if (p->choked && !p->allowed.size)
        return 0;
    for (uint32_t i = 0; n < max; i++) {
        struct request *q = requests_expected(&p->requests, i);
        if (!q)
            break;
        if (q->cancelled || in_flight(p, q))
            continue;
        struct active_piece *ap;
        struct block *b = find_block(p, q->piece, q->begin, q->length, &ap);
        if (!b || b->landing || b->state == BLOCK_RECEIVED)
            break; /* it will come, but its place is taken: parse it from the scratch */
        slots[n++] =
            (struct wire_slot){q->piece, q->begin, q->length, ap->buffer + q->begin};
    }
    return n;
}

/* ---- arrival ---------------------------------------------------------------------------- */

static uint8_t *place_aside(struct peer *p) {
    if (!p->aside)
        p->aside = malloc(WIRE_BLOCK);
    return p->aside;
}

uint8_t *peer_on_piece(void *owner, const struct wire_message *m) {
    struct peer *p = owner;
    struct active_piece *ap;
    if (!p->torrent || requests_find(&p->requests, m->index, m->begin, m->length) < 0)
        return NULL;
    struct block *b = find_block(p, m->index, m->begin, m->length, &ap);
    if (!b || b->state == BLOCK_RECEIVED)
        return NULL;
    if (b->landing)
        return place_aside(p);
    b->landing = true;
    return ap->buffer + m->begin;
}

static int note_wasted(struct peer *p, const struct wire_message *m, bool requested) {
    p->session->stats.payload_wasted += m->length;
    if (p->torrent)
        p->torrent->wasted += m->length;
    if (requested)
        p->duplicate_blocks++;
    else
        p->unrequested_blocks++;
    return p->unrequested_blocks > UNREQUESTED_TOLERATED + p->blocks ? ERR_PROTOCOL : 0;
}

/* Whoever is receiving this block into its place stops doing so. */
static void divert_others(struct peer *p, const struct wire_message *m) {
    LIST_EACH(l, &p->torrent->peers) {
        struct wire_reader *r = &LIST_ITEM(l, struct peer, in_torrent)->reader;
        if (r->in_block && r->block.index == m->index && r->block.begin == m->begin)
            wire_reader_divert(r);
    }
}

static void cancel_others(struct peer *p, const struct wire_message *m) {
    LIST_EACH(l, &p->torrent->peers) {
        struct peer *other = LIST_ITEM(l, struct peer, in_torrent);
        if (other != p)
            peer_cancel_block(other, m->index, m->begin);
    }
}

static void note_good(struct peer *p, struct active_piece *ap,
                      const struct wire_message *m, bool others) {
    usec now = session_now(p->session);
    p->blocks++;
    p->last_block_at = now;
    if (others)
        cancel_others(p, m);
    if (active_piece_has_all(ap))
        store_on_complete(p->torrent, ap);
    else
        ahead_on_block(p->torrent, ap);
}

/* `asked`: it counts among the block's askers still. */
static int take_block(struct peer *p, const struct wire_message *m, uint8_t *place,
                      bool asked) {
    struct active_piece *ap;
    usec now = session_now(p->session);
    struct block *b = find_block(p, m->index, m->begin, m->length, &ap);
    if (!b)
        return note_wasted(p, m, true);
    bool others = b->askers > asked;
    int64_t i = b - ap->block;
    int added;
    if (place == p->aside) {
        bool landing = b->landing;
        added = active_piece_add_block(ap, m->begin, place, m->length, p->id, now);
        if (added == 1) {
            p->session->stats.payload_copied += m->length;
            b->landing = false;
            if (landing)
                divert_others(p, m);
        }
    } else {
        b->landing = false;
        added = active_piece_note_received(ap, (uint32_t)i, p->id, now);
    }
    if (added != 1)
        return note_wasted(p, m, true);
    note_good(p, ap, m, others);
    return 0;
}

/* The request that a block answers. After a failed hash a block may be asked again while a
 * cancelled request for it waits for its REJECT: the bytes belong to the one that counts. */
static int64_t find_answered(const struct peer *p, const struct wire_message *m) {
    int64_t first = requests_find(&p->requests, m->index, m->begin, m->length);
    for (uint32_t i = (uint32_t)first; first >= 0 && i < p->requests.count; i++) {
        const struct request *q = requests_at(&p->requests, i);
        if (q->piece == m->index && q->begin == m->begin && !q->cancelled)
            return i;
    }
    return first;
}

int peer_on_block(void *owner, const struct wire_message *m, uint8_t *place) {
    struct peer *p = owner;
    struct request answered;
    int64_t i = find_answered(p, m);
    if (i < 0)
        return note_wasted(p, m, false);
    requests_answered(&p->requests, (uint32_t)i, &answered);
    requests_note_block(&p->requests, &answered, session_now(p->session));
    peer_want_requests(p);
    if (place)
        return take_block(p, m, place, !answered.cancelled);
    if (!answered.cancelled)
        download_on_unasked(&p->torrent->download, m->index, m->begin);
    return note_wasted(p, m, true);
}

/* ---- giving up -------------------------------------------------------------------------- */

/* A block that is landing from this peer has its place back. */
static void stop_landing(struct peer *p, uint32_t piece, uint32_t begin) {
    struct wire_reader *r = &p->reader;
    struct active_piece *ap;
    if (!r->in_block || r->block.index != piece || r->block.begin != begin || !r->place)
        return;
    struct block *b = find_block(p, piece, begin, r->block.length, &ap);
    if (b && r->place != p->aside)
        b->landing = false;
    wire_reader_divert(r);
}

static void unask(struct peer *p, const struct request *q) {
    stop_landing(p, q->piece, q->begin);
    if (!q->cancelled)
        download_on_unasked(&p->torrent->download, q->piece, q->begin);
}

void peer_drop_requests(struct peer *p) {
    for (uint32_t i = 0; i < p->requests.count; i++)
        unask(p, requests_at(&p->requests, i));
    requests_clear(&p->requests);
    if (p->torrent)
        torrent_note_blocks_free(p->torrent);
}

void peer_release_requests(struct peer *p) {
    if (p->requests.count > RELEASED_MAX) {
        peer_drop_requests(p);
        return;
    }
    for (uint32_t i = 0; i < p->requests.count; i++) {
        const struct request *q = requests_at(&p->requests, i);
        if (!q->cancelled)
            download_on_unasked(&p->torrent->download, q->piece, q->begin);
        requests_note_cancelled(&p->requests, i);
    }
    torrent_note_blocks_free(p->torrent);
}

/* The block came from elsewhere, or is not wanted any more. With BEP 6 an answer (PIECE or REJECT)
 * will come and ends the request; without, none does. */
void peer_cancel_block(struct peer *p, uint32_t piece, uint32_t begin) {
    for (uint32_t i = 0; i < p->requests.count; i++) {
        struct request *q = requests_at(&p->requests, i);
        if (q->piece != piece || q->begin != begin || q->cancelled)
            continue;
        struct wire_message m = {WIRE_CANCEL, piece, begin, q->length, 0};
        unask(p, q);
        peer_say(p, &m);
        if (p->hs.fast)
            requests_note_cancelled(&p->requests, i);
        else
            requests_remove(&p->requests, i, NULL);
        peer_want_requests(p);
        return;
    }
}
