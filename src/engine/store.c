/* store: see the header.
 *
 *     active -> hashing -> have        good: HAVE to everybody, buffer back to the pool
 *                  |  \-> missing      bad: blame, and all of it again
 *                  \--> writing        the disk refused: kept, tried again every few seconds
 *
 * What readers are coming to is hashed first and written in a second job: between the two they
 * see it (readers, held).
 */
#include "engine/store.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/peer.h"

#define DISK_RETRY (5 * USEC_PER_SEC)
#define GATHER_FOR (1500) /* microseconds */
#define WRITES_SHARE 6    /* such a part of the memory may wait for hash and disk */
#define BAN_FOR_POISON (3600 * USEC_PER_SEC)

struct store_write {
    struct piece_write write;
    struct link link; /* in torrent->writes */
    struct torrent *torrent;
    struct active_piece *piece;
    uint8_t *buffer;
    struct shared_bytes
        *shared; /* the buffer, when readers may see it; NULL = it is not */
    bool running;
    bool has_room; /* cap_take_room */
};

/* ---- blame ------------------------------------------------------------------------------ */

static bool address_of(void *ctx, handle peer, struct addr *out) {
    struct torrent *t = ctx;
    struct peer *p = session_peer(t->session, peer);
    if (p)
        *out = p->candidate ? p->candidate->addr : p->addr;
    return p != NULL;
}

static void on_guilty(void *ctx, const struct addr *sender, handle peer) {
    struct torrent *t = ctx;
    struct session *s = t->session;
    bool known = sender->family != 0; /* else it left before it was suspected */
    if (known && !bans_has(&s->bans, sender, session_now(s)))
        torrent_ban(t, sender, BAN_FOR_POISON, "sent data that failed the hash check");
    struct peer *p = session_peer(s, peer);
    if (p)
        peer_close(p, ERR_HASH, "sent data that failed the hash check");
}

static void on_suspect(void *ctx, const struct addr *sender, handle peer) {
    struct torrent *t = ctx;
    struct peer *p = session_peer(t->session, peer);
    (void)sender;
    if (!p)
        return;
    p->parole = true;
    p->hash_fails++;
}

static void on_cleared(void *ctx, const struct addr *sender, handle peer) {
    struct torrent *t = ctx;
    struct peer *p = session_peer(t->session, peer);
    (void)sender;
    if (p)
        p->parole = false;
}

/* ---- a piece is good -------------------------------------------------------------------- */

static void note_files(struct torrent *t, uint32_t piece) {
    const struct metainfo *m = t->meta;
    uint64_t from = (uint64_t)piece * m->piece_length;
    uint64_t to = from + metainfo_piece_size(m, piece);
    for (uint32_t f = metainfo_file_at(m, from);
         f < m->file_count && m->files[f].offset < to; f++)
        if (m->files[f].length > 0 && --t->file_missing[f] == 0 &&
            !(m->files[f].flags & FILE_PAD))
            session_event(t->session, EVENT_FILE, t, NULL, f, 0, NULL);
}

void store_note_have(struct torrent *t, uint32_t piece) {
    if (!bitset_add(&t->have, piece))
        return;
    cap_note_used(t, piece);
    picker_set_state(&t->picker, piece, PIECE_HAVE);
    note_files(t, piece);
}

void store_note_lost(struct torrent *t, uint32_t piece) {
    const struct metainfo *m = t->meta;
    uint64_t from = (uint64_t)piece * m->piece_length;
    uint64_t to = from + metainfo_piece_size(m, piece);
    (void)bitset_remove(&t->have, piece);
    picker_set_state(&t->picker, piece, PIECE_MISSING);
    for (uint32_t f = metainfo_file_at(m, from);
         f < m->file_count && m->files[f].offset < to; f++)
        t->file_missing[f] += m->files[f].length > 0;
    t->dirty_resume = true;
}

static void tell_peers(struct torrent *t, uint32_t piece) {
    struct wire_message have = {WIRE_HAVE, piece, 0, 0, 0};
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state != PEER_READY)
            continue;
        if (!bitset_has(&p->has, piece))
            peer_say(p, &have);
        else if (p->interested)
            peer_update_interest(p);
    }
}

/* The piece's active record ends, and its memory is free for others. */
static void end_write(struct store_write *w) {
    struct torrent *t = w->torrent;
    t->writes_bytes -= w->piece->length;
    if (w->has_room)
        cap_give_room(t);
    if (w->shared)
        shared_drop(w->shared);
    else
        active_pieces_give_buffer(&t->open, w->buffer, w->piece->length);
    active_pieces_close(&t->open, w->piece);
    list_remove(&w->link);
    free(w);
    t->jobs--;
    torrent_note_blocks_free(t);
}

static void on_good(struct store_write *w) {
    struct torrent *t = w->torrent;
    uint32_t piece = w->piece->index;
    blame_on_good(&t->blame, piece, w->buffer, w->piece->length, on_guilty, on_cleared,
                  t);
    t->session->stats.pieces_verified++;
    t->verified++;
    t->dirty_resume = true;
    store_note_have(t, piece);
    end_write(w);
    readers_on_have(t, piece);
    session_event(t->session, EVENT_PIECE, t, NULL, piece, 0, NULL);
    tell_peers(t, piece);
    torrent_maybe_done(t);
}

static void on_bad(struct store_write *w) {
    struct torrent *t = w->torrent;
    uint32_t piece = w->piece->index;
    t->session->stats.pieces_failed++;
    t->session->stats.payload_failed += w->piece->length;
    t->failed_bytes += w->piece->length;
    (void)blame_on_failed(&t->blame, w->piece, w->buffer, address_of, on_guilty,
                          on_suspect, t);
    picker_set_state(&t->picker, piece, PIECE_MISSING);
    end_write(w);
    readers_on_lost(t, piece);
    session_event(t->session, EVENT_HASH_FAILED, t, NULL, piece, ERR_HASH,
                  "piece %u failed its hash and is fetched again", piece);
}

/* ---- the disk refuses ------------------------------------------------------------------- */

static void on_refused(struct store_write *w, const struct err *e) {
    struct torrent *t = w->torrent;
    picker_set_state(&t->picker, w->piece->index, PIECE_WRITING);
    if (!t->disk_stopped) {
        t->disk_stopped = true;
        t->disk_err = *e;
        session_event(t->session, EVENT_ERROR, t, NULL, w->piece->index, e->code,
                      "%s; downloading waits and goes on by itself", e->text);
    }
    timer_set(loop_timers(t->session->loop), &t->disk_timer,
              session_now(t->session) + DISK_RETRY);
}

static void on_disk_back(struct torrent *t) {
    t->disk_stopped = false;
    t->disk_err = (struct err){0};
    session_event(t->session, EVENT_STATE, t, NULL, 0, 0, "%s",
                  torrent_state_name(t->state));
    torrent_note_blocks_free(t);
}

static void drop_write(struct store_write *w) {
    struct torrent *t = w->torrent;
    picker_set_state(&t->picker, w->piece->index, PIECE_MISSING);
    readers_on_lost(t, w->piece->index);
    end_write(w);
    if (t->disk_stopped && list_empty(&t->writes))
        on_disk_back(t); /* or so one hopes: nothing is left to try it with */
}

static struct store_write *store_write_of(struct piece_write *w) {
    return w ? CONTAINER_OF(w, struct store_write, write) : NULL;
}

static void release_gathered(struct torrent *t);

static void prepare_write(struct store_write *w, bool verified);
static void start_writes(struct store_write *w);

/* The buffer leaves the pool: from now on it is whoever's holds it last. Without memory for that
 * the readers have to wait for the disk. */
static void show(struct store_write *w) {
    struct torrent *t = w->torrent;
    uint32_t piece = w->piece->index;
    w->shared = shared_adopt(&t->session->shared, w->buffer, w->piece->length);
    if (!w->shared)
        return;
    active_pieces_lose_buffer(&t->open, w->piece->length);
    if (t->cap.in_memory)
        shared_move(w->shared, &t->cap.kept);
    readers_on_verified(t, piece, w->shared);
}

/* Under a cap a piece that came while everything kept is needed more is not kept: readers have
 * seen it. */
static void on_verified(struct store_write *w) {
    show(w);
    w->has_room = cap_take_room(w->torrent);
    if (!w->has_room) {
        drop_write(w);
        return;
    }
    prepare_write(w, true);
    start_writes(w);
}

static void settle(struct store_write *w) {
    struct torrent *t = w->torrent;
    int status = w->write.op.status;
    w->running = false;
    t->writes_running--;
    if (status == 0 && w->write.hash_only && t->state != TORRENT_REMOVING) {
        on_verified(w);
    } else if (status == 0 && !w->write.hash_only) {
        if (t->disk_stopped && w->write.verified)
            on_disk_back(t); /* what it refused it takes now */
        on_good(w);
    } else if (status == ERR_HASH) {
        on_bad(w);
    } else if (t->state == TORRENT_REMOVING || !w->write.hashed_ok || status == 0) {
        drop_write(w); /* going away, or not even hashed */
    } else {
        on_refused(w, &w->write.op.err);
    }
}

static void on_written(struct storage_op *op) {
    struct store_write *w = CONTAINER_OF(op, struct store_write, write.op), *next;
    struct stats *stats = &w->torrent->session->stats;
    stats->hash_nsec += (uint64_t)op->hash_nsec;
    stats->disk_nsec += (uint64_t)op->disk_nsec;
    struct torrent *t = w->torrent;
    t->batches_running--;
    for (; w; w = next) {
        next = store_write_of(w->write.next);
        settle(w);
    }
    if (!timer_is_set(&t->gather_timer))
        release_gathered(t);
}

/* The writes from `w` on go to a worker together. */
static void start_writes(struct store_write *w) {
    struct store_write *next;
    w->write.op.done = on_written;
    if (storage_write_piece(w->torrent->storage, &w->write) == 0) {
        w->torrent->batches_running++;
        return;
    }
    for (; w; w = next) {
        next = store_write_of(w->write.next);
        w->torrent->writes_running--;
        drop_write(w);
    }
}

static void prepare_write(struct store_write *w, bool verified) {
    w->write.verified = verified;
    w->write.hash_only =
        !verified && (readers_want(w->torrent, w->piece->index) ||
                      cap_is_on(&w->torrent->cap) || w->torrent->cap.in_memory);
    w->write.shared = w->shared;
    w->write.next = NULL;
    w->running = true;
    w->torrent->writes_running++;
}

static void on_disk_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, disk_timer);
    (void)now;
    LIST_EACH(l, &t->writes) {
        struct store_write *w = LIST_ITEM(l, struct store_write, link);
        if (w->running)
            continue;
        picker_set_state(&t->picker, w->piece->index, PIECE_HASHING);
        prepare_write(w, true);
        start_writes(w);
    }
}

/* ---- complete pieces gather -------------------------------------------------------------- */

/* Pieces that complete within a moment of each other, or while others are being hashed, are hashed
 * in one loop (base/hash_lanes); a lone one waits no longer than that moment. */
static void release_gathered(struct torrent *t) {
    struct store_write *first = t->gathered;
    t->gathered = NULL, t->gathered_count = 0;
    timer_stop(loop_timers(t->session->loop), &t->gather_timer);
    if (first)
        start_writes(first);
}

static void on_gather_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, gather_timer);
    (void)now;
    if (t->batches_running == 0) /* else the batch that ends takes care */
        release_gathered(t);
}

static void gather(struct torrent *t, struct store_write *w) {
    prepare_write(w, false);
    if (readers_await(t, w->piece->index)) {
        start_writes(w);
        return;
    }
    w->write.next = t->gathered ? &t->gathered->write : NULL;
    t->gathered = w;
    if (++t->gathered_count == HASH_LANES)
        release_gathered(t);
    else if (!timer_is_set(&t->gather_timer))
        timer_set(loop_timers(t->session->loop), &t->gather_timer,
                  session_now(t->session) + GATHER_FOR);
}

void store_init(struct torrent *t) {
    list_init(&t->writes);
    timer_init(&t->disk_timer, on_disk_timer);
    timer_init(&t->gather_timer, on_gather_timer);
}

bool store_is_behind(const struct torrent *t) {
    uint64_t share = t->session->budget.limit / WRITES_SHARE;
    return t->writes_bytes >= MAX(share, 2 * (uint64_t)t->meta->piece_length);
}

/* Nothing waits for the disk any more when a torrent goes. */
void store_drop_waiting(struct torrent *t) {
    release_gathered(t);
    timer_stop(loop_timers(t->session->loop), &t->disk_timer);
    LIST_EACH(l, &t->writes) {
        struct store_write *w = LIST_ITEM(l, struct store_write, link);
        if (!w->running)
            drop_write(w);
    }
}

void store_on_complete(struct torrent *t, struct active_piece *p) {
    if (p->held)
        return; /* ahead is still hashing its beginning, and calls again */
    struct store_write *w = calloc(1, sizeof *w);
    if (!w) { /* as if nothing of it had come */
        picker_set_state(&t->picker, p->index, PIECE_MISSING);
        active_pieces_close(&t->open, p);
        return;
    }
    w->torrent = t, w->piece = p;
    w->buffer = active_piece_take_buffer(p);
    w->write.piece = p->index, w->write.data = w->buffer;
    w->write.hashed = p->hashed, w->write.stream = p->stream;
    list_init(&w->link);
    list_append(&t->writes, &w->link);
    t->jobs++;
    t->writes_bytes += p->length;
    picker_set_state(&t->picker, p->index, PIECE_HASHING);
    gather(t, w);
}
