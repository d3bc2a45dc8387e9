/* reader: see the header. How bytes come to it, in this order:
 *
 *     held in memory    a view of the piece itself
 *     in the page cache one read on the spot, into bytes of their own
 *     on disk           the same by a job
 *     not here          it waits; readers.c makes it urgent
 */
#include "engine/reader.h"

#include <stdlib.h>

#include "base/err.h"

#define READ_CHUNK (256u << 10) /* one read from disk */
#define READ_POOR (16u << 10)   /* ... when the memory budget is spent: not charged */

struct reader_job {
    struct range_read read;
    struct torrent *torrent;
    struct reader *reader; /* NULL: nobody waits for it any more */
    struct shared_bytes *bytes;
};

/* ---- life -------------------------------------------------------------------------- */

static void mark_due(struct reader *r) {
    if (r->torrent && list_empty(&r->due))
        list_append(&r->torrent->session->readers_due, &r->due);
}

/* It is the one of its group that counts from now on. */
static void take_over(struct reader *r) {
    r->superseded = false;
    LIST_EACH(l, &r->torrent->readers.list) {
        struct reader *other = LIST_ITEM(l, struct reader, link);
        if (r->group && other != r && other->group == r->group)
            other->superseded = true;
    }
}

static void note_jump(struct reader *r) {
    r->torrent->readers.leaves = r->torrent->readers.jumps = true;
    r->resting = false;
    r->health.cached_seconds = -1; /* of another place */
    take_over(r);
    readers_note_change(r->torrent);
}

/* Urgent pieces lie in memory until they are whole: a part of it for them. */
static uint64_t window_most(const struct torrent *t, uint64_t wish) {
    uint64_t share = t->session->budget.limit / 4;
    return MIN(wish ? wish : WINDOW_MOST, MAX(share, (uint64_t)t->meta->piece_length));
}

static int check_options(const struct torrent *t, uint32_t file,
                         const struct reader_options *o, struct err *e) {
    if (!t->meta)
        return err_set(e, ERR_AGAIN,
                       "the torrent's metadata is not known yet (wait for it)");
    if (file >= t->meta->file_count || (t->meta->files[file].flags & FILE_PAD))
        return err_set(e, ERR_NOTFOUND, "the torrent has no such file");
    if (o->position > t->meta->files[file].length)
        return err_set(e, ERR_INVALID, "position %llu is behind the end of %.160s",
                       (unsigned long long)o->position, t->meta->files[file].path);
    return 0;
}

struct reader *reader_open(struct torrent *t, uint32_t file,
                           const struct reader_options *o, struct err *e) {
    if (check_options(t, file, o, e) < 0)
        return NULL;
    struct reader *r = calloc(1, sizeof *r);
    if (!r || !(r->id = slots_add(&t->session->readers, r))) {
        free(r);
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    const struct metainfo_file *f = &t->meta->files[file];
    r->torrent = t, r->file = file;
    r->offset = f->offset, r->length = f->length;
    r->group = o->group, r->prefetch = o->prefetch, r->ownerless = o->ownerless;
    r->number = ++t->readers.opened;
    r->opened_at = session_now(t->session);
    r->health = (struct reader_health){.cached_seconds = -1, .playhead = -1};
    window_init(&r->window, f->offset, f->length, t->meta->piece_length,
                window_most(t, o->window), o->position);
    list_init(&r->due);
    list_append(&t->readers.list, &r->link);
    t->readers.count++;
    note_jump(r);
    return r;
}

/* ---- a read ends ------------------------------------------------------------------- */

static void forget_job(struct reader *r) {
    if (r->job)
        r->job->reader = NULL;
    r->job = NULL;
}

static void maybe_free(struct reader *r) {
    if (r->closing && !r->calls)
        free(r);
}

/* Tells who waits; `v` moves to the hook. The reader may be gone afterwards. */
static void finish(struct reader *r, int status, struct view *v, const struct err *e) {
    if (!r->reading)
        return;
    r->reading = false;
    r->waiting_since = 0;
    forget_job(r);
    list_remove(&r->due);
    r->calls++;
    r->done(r->ctx, status, v, e);
    r->calls--;
    maybe_free(r);
}

static void finish_with(struct reader *r, int status) {
    struct view none = {0};
    finish(r, status, &none, NULL);
}

/* Its place is taken by the one of its group that was opened last. */
static void hand_back(const struct torrent *t, const struct reader *r) {
    struct reader *last = NULL;
    if (!r->group || r->superseded)
        return;
    LIST_EACH(l, &t->readers.list) {
        struct reader *other = LIST_ITEM(l, struct reader, link);
        if (other->group == r->group)
            last = other;
    }
    if (last)
        last->superseded = false;
}

static void leave_torrent(struct reader *r) {
    list_remove(&r->link), list_remove(&r->due);
    forget_job(r);
    if (!r->torrent)
        return;
    r->torrent->readers.count--;
    hand_back(r->torrent, r);
    slots_remove(&r->torrent->session->readers, r->id);
    r->torrent = NULL;
}

void reader_detach(struct reader *r) {
    r->calls++;
    leave_torrent(r);
    finish_with(r, ERR_CLOSED);
    r->closing = r->closing || r->ownerless;
    r->calls--;
    maybe_free(r);
}

void reader_close(struct reader *r) {
    struct torrent *t = r->torrent;
    if (r->closing)
        return;
    r->closing = true;
    r->calls++;
    reader_detach(r);
    r->calls--;
    if (t) {
        t->readers.leaves = true;
        readers_note_change(t);
        torrent_maybe_done(t);
    }
    maybe_free(r);
}

void reader_cancel(struct reader *r) {
    finish_with(r, ERR_CANCELED);
}

int reader_seek(struct reader *r, uint64_t position) {
    if (!r->torrent)
        return ERR_CLOSED;
    if (position > r->window.length)
        return ERR_INVALID;
    bool moves = position != r->window.position;
    window_seek(&r->window, position);
    if (moves || r->superseded || r->resting)
        note_jump(r);
    reader_cancel(r);
    return 0;
}

/* ---- bytes ------------------------------------------------------------------------- */

static uint32_t piece_at(const struct reader *r, uint64_t position) {
    return (uint32_t)((r->offset + position) / r->torrent->meta->piece_length);
}

/* Bytes from `position` to the end of its piece or of the file. */
static uint64_t rest_of_piece(const struct reader *r, uint64_t position) {
    uint32_t length = r->torrent->meta->piece_length;
    uint64_t in_piece = length - (r->offset + position) % length;
    return MIN(in_piece, r->length - position);
}

static uint64_t contiguous(const struct reader *r, uint64_t most, bool held) {
    uint64_t at = r->window.position, end;
    if (!r->torrent)
        return 0;
    end = at + MIN(most, r->length - at);
    while (at < end) {
        uint32_t piece = piece_at(r, at);
        if (!bitset_has(&r->torrent->have, piece) &&
            !(held && held_get(r->torrent, piece)))
            break;
        at += rest_of_piece(r, at);
    }
    return MIN(at, end) - r->window.position;
}

uint64_t reader_ready(const struct reader *r, uint64_t most) {
    return contiguous(r, most, true);
}

uint64_t reader_on_disk(const struct reader *r, uint64_t most) {
    if (!r->torrent || cap_is_on(&r->torrent->cap) || /* it may go meanwhile */
        !storage_has_file(r->torrent->storage, r->file))
        return 0;
    return contiguous(r, most, false);
}

/* The window moves with the position: a new piece may be needed. */
static void advance(struct reader *r, uint64_t bytes) {
    struct torrent *t = r->torrent;
    uint32_t before = piece_at(r, r->window.position);
    usec now = session_now(t->session);
    if (r->waiting_since)
        r->stalled_for += now - r->waiting_since;
    r->waiting_since = 0;
    window_advance(&r->window, bytes, now);
    r->bytes_read += bytes;
    cap_note_used(t, before);
    if (piece_at(r, r->window.position) != before)
        readers_note_change(t);
}

void reader_skip(struct reader *r, uint64_t bytes) {
    if (r->torrent)
        advance(r, MIN(bytes, r->length - r->window.position));
}

static struct shared_bytes *buffer_for(struct reader *r, size_t max) {
    struct session *s = r->torrent->session;
    uint64_t here = contiguous(r, MIN(max, READ_CHUNK), false);
    struct shared_bytes *b = shared_new(&s->shared, (size_t)here);
    return b ? b : shared_new_unpaid((size_t)MIN(here, READ_POOR));
}

static int give_held(struct reader *r, struct shared_bytes *piece, size_t max,
                     struct view *v) {
    uint64_t at = r->window.position;
    size_t from = (size_t)((r->offset + at) % r->torrent->meta->piece_length);
    size_t len = (size_t)MIN(rest_of_piece(r, at), (uint64_t)max);
    *v = view_of(piece, from, len);
    advance(r, len);
    return 1;
}

static int give_cached(struct reader *r, struct shared_bytes *b, struct view *v) {
    struct iovec iov = {b->data, b->len};
    int status =
        storage_read_now(r->torrent->storage, r->offset + r->window.position, &iov, 1);
    if (status < 0)
        return status;
    *v = view_of(b, 0, b->len);
    advance(r, b->len);
    return 1;
}

/* 1, 0 at the end, ERR_AGAIN: not here (*b is NULL), or *b is to be read from disk. */
static int give(struct reader *r, size_t max, struct view *v, struct shared_bytes **b) {
    *b = NULL;
    if (r->window.position == r->length)
        return 0;
    uint32_t piece = piece_at(r, r->window.position);
    struct shared_bytes *held = held_get(r->torrent, piece);
    if (held)
        return give_held(r, held, max, v);
    if (!bitset_has(&r->torrent->have, piece))
        return ERR_AGAIN;
    *b = buffer_for(r, max);
    if (!*b)
        return ERR_NOMEM;
    int status = give_cached(r, *b, v);
    if (status == 1) {
        shared_drop(*b);
        *b = NULL;
    }
    return status == 1 ? 1 : ERR_AGAIN; /* errors, too, are the job's to tell */
}

/* ---- reading ----------------------------------------------------------------------- */

static void on_read(struct storage_op *op) {
    struct reader_job *j = CONTAINER_OF(op, struct reader_job, read.op);
    struct reader *r = j->reader;
    struct view v = {0};
    j->torrent->jobs--;
    if (r && op->status == 0) {
        v = view_of(j->bytes, 0, j->bytes->len);
        advance(r, v.len);
    }
    shared_drop(j->bytes);
    if (r)
        finish(r, op->status == 0 ? 1 : op->status, &v, op->status ? &op->err : NULL);
    free(j);
}

/* Takes `b`. */
static int start_job(struct reader *r, struct shared_bytes *b) {
    struct torrent *t = r->torrent;
    struct reader_job *j = calloc(1, sizeof *j);
    if (j) {
        j->torrent = t, j->reader = r, j->bytes = b;
        j->read.offset = r->offset + r->window.position;
        j->read.length = (uint32_t)b->len;
        j->read.data = b->data;
        j->read.op.done = on_read;
        if (storage_read(t->storage, &j->read) == 0) {
            t->jobs++;
            r->job = j;
            return 0;
        }
    }
    free(j);
    shared_drop(b);
    return ERR_NOMEM;
}

static void begin_waiting(struct reader *r) {
    if (r->waiting_since)
        return;
    r->waiting_since = session_now(r->torrent->session);
    r->stalls++;
    readers_note_change(r->torrent);
}

void reader_advance(struct reader *r) {
    struct view v = {0};
    struct shared_bytes *b;
    if (!r->reading || r->job)
        return;
    int status = give(r, r->max, &v, &b);
    if (status == ERR_AGAIN && !b)
        begin_waiting(r);
    else if (status == ERR_AGAIN)
        status = start_job(r, b);
    if (status == ERR_NOMEM)
        finish(r, status, &v, &(struct err){ERR_NOMEM, "out of memory"});
    else if (status >= 0 && !r->job)
        finish(r, status, &v, NULL);
}

int reader_read(struct reader *r, size_t max, reader_done *done, void *ctx) {
    if (!r->torrent || r->closing)
        return ERR_CLOSED;
    if (r->reading)
        return ERR_BUSY;
    if (max == 0)
        return ERR_INVALID;
    r->reading = true, r->resting = false;
    r->max = max, r->done = done, r->ctx = ctx;
    mark_due(r);
    return 0;
}

int reader_try(struct reader *r, size_t max, struct view *v) {
    struct shared_bytes *b;
    *v = (struct view){0};
    if (!r->torrent || r->closing)
        return ERR_CLOSED;
    if (r->reading || max == 0)
        return r->reading ? ERR_BUSY : ERR_INVALID;
    r->resting = false;
    int status = give(r, max, v, &b);
    shared_drop(b);
    return status;
}

void reader_rest(struct reader *r) {
    if (!r->torrent || r->reading || r->resting)
        return;
    r->resting = true;
    readers_note_change(r->torrent);
}

/* ---- health ------------------------------------------------------------------------ */

void reader_set_health(struct reader *r, const struct reader_health *h) {
    if (!r->torrent)
        return;
    r->health = *h;
    r->health.at = session_now(r->torrent->session);
    double rate = MIN(MAX(h->bitrate, 0), 1e12) / 8;
    r->window.said = (uint64_t)rate;
    readers_note_change(r->torrent);
}
