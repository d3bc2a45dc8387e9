/* cap: see the header. */
#include "engine/cap.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/peer.h"
#include "engine/reader.h"
#include "engine/store.h"

/* ---- life -------------------------------------------------------------------------- */

void cap_init(struct torrent *t) {
    shared_pool_init(&t->cap.kept, &t->cap.budget);
}

static int refuse(const struct torrent *t, uint64_t least, struct err *e) {
    return err_set(e, ERR_LIMIT,
                   "%.120s has pieces of %u KiB: at least %llu KiB are needed for it "
                   "(raise %s)",
                   t->meta->name, t->meta->piece_length >> 10,
                   (unsigned long long)least >> 10,
                   t->cap.in_memory ? "max_memory" : "max_disk");
}

int cap_begin(struct torrent *t, const struct add_options *o, struct err *e) {
    struct cap *c = &t->cap;
    c->in_memory = o->in_memory;
    c->bytes = o->max_disk;
    if (o->in_memory)
        c->bytes = o->max_memory ? o->max_memory : t->session->settings.memory;
    uint64_t pieces = c->bytes / t->meta->piece_length;
    if (c->bytes == 0 || c->bytes >= t->meta->size)
        return 0; /* all of it fits */
    if (pieces < CAP_LEAST_PIECES)
        return refuse(t, (uint64_t)CAP_LEAST_PIECES * t->meta->piece_length, e);
    c->used_at = calloc(t->meta->pieces, sizeof *c->used_at);
    if (!c->used_at)
        return err_set(e, ERR_NOMEM, "out of memory");
    c->pieces = (uint32_t)pieces;
    t->download.no_end_game = true;
    return 0;
}

void cap_fini(struct torrent *t) {
    shared_pool_fini(&t->cap.kept);
    free(t->cap.used_at);
    t->cap.used_at = NULL, t->cap.pieces = 0;
}

/* ---- who is needed ----------------------------------------------------------------- */

enum need { NEED_NONE, NEED_END, NEED_WINDOW };

static bool in_range(const struct torrent *t, uint32_t piece, uint64_t from,
                     uint64_t bytes) {
    uint64_t begin = (uint64_t)piece * t->meta->piece_length;
    return bytes > 0 && begin < from + bytes && begin + t->meta->piece_length > from;
}

static enum need need_of(const struct torrent *t, const struct reader *r,
                         uint32_t piece) {
    uint32_t first, end;
    uint64_t head, tail;
    window_pieces(&r->window, &first, &end);
    end = MIN(end, first + cap_window(t));
    if (piece >= first && piece < end && !r->superseded)
        return NEED_WINDOW;
    window_ends(r->length, &head, &tail);
    head = cap_ends(t, head), tail = cap_ends(t, tail);
    if (in_range(t, piece, r->offset, head) ||
        in_range(t, piece, r->offset + r->length - tail, tail))
        return NEED_END;
    return NEED_NONE;
}

static enum need need(const struct torrent *t, uint32_t piece) {
    enum need most = NEED_NONE;
    LIST_EACH(l, &t->readers.list) {
        enum need n = need_of(t, LIST_ITEM(l, struct reader, link), piece);
        most = MAX(most, n);
    }
    return most;
}

/* A part stays for what was read a moment ago: players go back a little. */
uint32_t cap_window(const struct torrent *t) {
    if (!cap_is_on(&t->cap))
        return UINT32_MAX;
    uint32_t readers = MAX(t->readers.count, 1u);
    return MAX(t->cap.pieces / 2 / readers, 1u);
}

uint64_t cap_ends(const struct torrent *t, uint64_t bytes) {
    if (!cap_is_on(&t->cap))
        return bytes;
    return MIN(bytes, (uint64_t)(t->cap.pieces / 8) * t->meta->piece_length);
}

uint32_t cap_room(const struct torrent *t) {
    uint32_t needed = 0;
    if (!cap_is_on(&t->cap))
        return UINT32_MAX;
    for (uint32_t i = 0; i < t->have.size; i++)
        needed += bitset_has(&t->have, i) && need(t, i) != NEED_NONE;
    return needed < t->cap.pieces ? t->cap.pieces - needed : 1;
}

void cap_note_used(struct torrent *t, uint32_t piece) {
    if (cap_is_on(&t->cap))
        t->cap.used_at[piece] = ++t->cap.clock;
}

/* ---- a piece goes ------------------------------------------------------------------ */

struct dropping {
    struct storage_punch punch;
    struct torrent *torrent;
};

static void on_punched(struct storage_op *op) {
    struct dropping *d = CONTAINER_OF(op, struct dropping, punch.op);
    struct torrent *t = d->torrent;
    t->jobs--;
    if (op->status < 0 && !t->cap.complained) {
        t->cap.complained = true;
        session_event(t->session, EVENT_ERROR, t, NULL, 0, op->status,
                      "%s; max_disk cannot be kept", op->err.text);
    }
    free(d);
}

static bool punch(struct torrent *t, uint32_t piece) {
    struct dropping *d = calloc(1, sizeof *d);
    if (!d)
        return false;
    d->torrent = t;
    d->punch.piece = piece;
    d->punch.op.done = on_punched;
    if (storage_punch(t->storage, &d->punch) < 0) {
        free(d);
        return false;
    }
    t->jobs++;
    return true;
}

static void tell_peers(struct torrent *t, uint32_t piece) {
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY)
            peer_reject_piece(p, piece);
        peer_say_donthave(p, piece);
    }
}

/* What we no longer say that we have is read by nobody; then its bytes may go. */
static bool drop(struct torrent *t, uint32_t piece) {
    if (!punch(t, piece))
        return false;
    store_note_lost(t, piece);
    tell_peers(t, piece);
    readers_on_lost(t, piece);
    return true;
}

static bool is_being_sent(const struct torrent *t, uint32_t piece) {
    LIST_EACH(l, &t->peers) {
        if (peer_reads_piece(LIST_ITEM(l, struct peer, in_torrent), piece))
            return true;
    }
    return false;
}

static uint32_t least_needed(const struct torrent *t) {
    uint32_t best = PICKER_NONE;
    enum need least = NEED_WINDOW;
    for (uint32_t i = 0; i < t->have.size; i++) {
        if (!bitset_has(&t->have, i))
            continue;
        enum need n = need(t, i);
        bool better = n < least || (n == least && best != PICKER_NONE &&
                                    t->cap.used_at[i] < t->cap.used_at[best]);
        if (better && !is_being_sent(t, i))
            best = i, least = n;
    }
    return best;
}

bool cap_take_room(struct torrent *t) {
    struct cap *c = &t->cap;
    while (cap_is_on(c) && t->have.count + c->coming >= c->pieces) {
        uint32_t piece = least_needed(t);
        if (piece == PICKER_NONE || !drop(t, piece))
            return false;
    }
    c->coming++;
    return true;
}

void cap_give_room(struct torrent *t) {
    t->cap.coming--;
}
