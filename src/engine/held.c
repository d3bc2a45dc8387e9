/* held: pieces that were verified a moment ago, for the readers that come to them. A
 * piece is in memory when its last block comes, and there is no reason to wait for the
 * disk before it is shown, nor to read it back. Kept while a window covers it, and up to
 * a share of the memory; what is furthest ahead gives way. */
#include <stdlib.h>

#include "engine/reader.h"

#define HELD_SHARE 4 /* such a part of the session's memory */

struct held {
    struct link link;
    uint32_t piece;
    struct shared_bytes *bytes;
};

static struct held *find(const struct torrent *t, uint32_t piece) {
    LIST_EACH(l, &t->readers.held) {
        struct held *h = LIST_ITEM(l, struct held, link);
        if (h->piece == piece)
            return h;
    }
    return NULL;
}

struct shared_bytes *held_get(const struct torrent *t, uint32_t piece) {
    struct held *h = find(t, piece);
    return h ? h->bytes : NULL;
}

static void let_go(struct torrent *t, struct held *h) {
    t->readers.held_bytes -= h->bytes->len;
    list_remove(&h->link);
    shared_drop(h->bytes);
    free(h);
    session_note_memory(t->session);
}

/* How many pieces before somebody comes to it; UINT32_MAX when nobody does. */
static uint32_t distance(const struct torrent *t, uint32_t piece) {
    uint32_t least = UINT32_MAX;
    LIST_EACH(l, &t->readers.list) {
        uint32_t first, end;
        window_pieces(&LIST_ITEM(l, struct reader, link)->window, &first, &end);
        if (piece >= first && piece < end)
            least = MIN(least, piece - first);
    }
    return least;
}

static struct held *furthest(const struct torrent *t) {
    struct held *far = NULL;
    uint32_t most = 0;
    LIST_EACH(l, &t->readers.held) {
        struct held *h = LIST_ITEM(l, struct held, link);
        uint32_t d = distance(t, h->piece);
        if (!far || d > most)
            far = h, most = d;
    }
    return far;
}

static void shrink_to(struct torrent *t, uint64_t bytes) {
    while (t->readers.held_bytes > bytes)
        let_go(t, furthest(t));
}

void held_add(struct torrent *t, uint32_t piece, struct shared_bytes *bytes) {
    uint64_t most = t->session->budget.limit / HELD_SHARE;
    if (distance(t, piece) == UINT32_MAX || find(t, piece))
        return;
    struct held *h = calloc(1, sizeof *h);
    if (!h)
        return;
    h->piece = piece;
    h->bytes = shared_hold(bytes);
    t->readers.held_bytes += bytes->len;
    list_append(&t->readers.held, &h->link);
    shrink_to(t, MAX(most, bytes->len));
}

void held_trim(struct torrent *t) {
    LIST_EACH(l, &t->readers.held) {
        struct held *h = LIST_ITEM(l, struct held, link);
        if (distance(t, h->piece) == UINT32_MAX)
            let_go(t, h);
    }
}

void held_clear(struct torrent *t) {
    shrink_to(t, 0);
}
