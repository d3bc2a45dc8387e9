/* reader: one file of a torrent read in order, while it is being downloaded.
 *
 *     file   [ head |   |   |   |pos|   window    |   |   |   |   |   | tail ]
 *              pinned         ^     deadlines, earliest first            pinned
 *                             awaited: asked of the fastest, and again when late
 *
 * A reader has a position and a window before it. What lies in the windows of a torrent's
 * readers is fetched first, by deadline (readers.h); everything else waits, or comes
 * rarest first from peers that cannot help. Bytes are given as counted views of verified
 * pieces: from memory as soon as the hash matched, else from disk by a job. Nothing here
 * waits; `done` hooks are called from session_step and from what ends a read (cancel,
 * seek, close, removal), never from inside reader_read. One thread, the session's.
 *
 * A reader belongs to who opened it, until reader_close. When its torrent or session goes
 * first the reader is detached: a pending read ends with ERR_CLOSED, everything else
 * answers ERR_CLOSED. */
#ifndef MARE_READER_H
#define MARE_READER_H

#include "base/shared.h"
#include "engine/torrent.h"
#include "swarm/window.h"

/* What a player says of itself (mpv: demuxer-cache-duration, paused-for-cache, time-pos,
 * ...). */
struct reader_health {
    double cached_seconds; /* it has so much in store; < 0 = not known */
    bool paused_for_cache; /* it stands still because it has nothing */
    double playhead;       /* seconds from the beginning; < 0 = not known */
    double bitrate;        /* bits per second of the file; 0 = not known */
    usec at; /* when it was said; 0 = never. Forgotten after READER_HEALTH_AGE */
};
#define READER_HEALTH_AGE (10 * USEC_PER_SEC)

struct reader_options {
    uint64_t position; /* where to begin, at most the file's length */
    uint64_t window;   /* bytes it may grow to; 0 = as the memory budget allows */
    /* Readers of one viewer have one number: the one that was opened or moved last has
     * priority over the others, which keep only what they wait for, after everybody else;
     * when it is closed the one that was opened last counts again. 0 = alone. */
    uint64_t group;
    bool prefetch; /* fetch head and tail of the file at once: players look there */
    /* Known by its handle alone (scripts): detached is closed, session_reader finds it no
     * more. */
    bool ownerless;
};

/* `status`: 1 = *v holds at least one byte and is the hook's now (view_drop); 0 = the end
 * of the file; ERR_CANCELED = reader_cancel or reader_seek; ERR_CLOSED = torrent, session
 * or reader are gone; ERR_IO ... = what the disk said, in `e` (not NULL only then). The
 * hook may read, seek and close. */
typedef void reader_done(void *ctx, int status, struct view *v, const struct err *e);

struct reader {
    handle id;               /* in session->readers, while it is not detached */
    struct torrent *torrent; /* NULL: detached */
    uint32_t file;           /* in the metainfo */
    uint64_t offset, length; /* of the file in the torrent */
    uint64_t number;         /* 1, 2 ... in order of opening in this torrent */
    struct window window;    /* position and how far ahead it looks */
    struct reader_health health;
    uint64_t group;
    bool superseded, prefetch, resting, ownerless;
    /* the read that is under way */
    bool reading, closing;
    uint32_t calls; /* its hook is being called: not freed meanwhile */
    size_t max;
    reader_done *done;
    void *ctx;
    struct reader_job *job; /* from disk; NULL = none */
    usec waiting_since;     /* for bytes that are not here yet; 0 = it is not */
    /* numbers */
    usec opened_at;
    uint64_t bytes_read, stalls;
    usec stalled_for;
    struct link link; /* in torrent->readers.list */
    struct link due;  /* in session->readers_due */
};

/* NULL with *e: ERR_NOTFOUND no such file, ERR_INVALID a position beyond its end,
 * ERR_AGAIN the torrent's metadata is not known yet, ERR_NOMEM. A file that is skipped
 * may be read: what the window needs is fetched. */
struct reader *reader_open(struct torrent *t, uint32_t file,
                           const struct reader_options *o, struct err *e);
/* A pending read ends with ERR_CLOSED before this returns. Frees it (from inside its own
 * hook: after the hook). What only it wanted is cancelled within this step. */
void reader_close(struct reader *r);

/* Up to `max` bytes (> 0) from the position on, which moves by what was given. 0;
 * ERR_BUSY while a read is pending; ERR_CLOSED when detached. A read gives what one piece
 * has, so it is often less than max. */
int reader_read(struct reader *r, size_t max, reader_done *done, void *ctx) MUST_USE;
/* The same at once: 1 and *v, 0 at the end of the file, ERR_AGAIN: it would wait (use
 * reader_read), ERR_BUSY, ERR_CLOSED. */
int reader_try(struct reader *r, size_t max, struct view *v) MUST_USE;
/* Ends a pending read with ERR_CANCELED, before this returns. Idempotent. */
void reader_cancel(struct reader *r);
/* Moves; cancels a pending read. ERR_INVALID beyond the end (the end itself is
 * allowed). */
int reader_seek(struct reader *r, uint64_t position);

void reader_set_health(struct reader *r, const struct reader_health *h);
/* It is not read now but may be (a paused connection): gives its priority up until it
 * reads or seeks. */
void reader_rest(struct reader *r);

/* For the engine's other files. */
void reader_advance(
    struct reader *r); /* session: serves its pending read if that can be */
void reader_detach(struct reader *r);

static inline uint64_t reader_position(const struct reader *r) {
    return r->window.position;
}
/* Contiguous verified bytes from the position on, in memory or on disk, as far as
 * `most`. */
uint64_t reader_ready(const struct reader *r, uint64_t most);
/* The same, on disk alone: what a sendfile could give. 0 where the data is in no file of
 * its own (storage "memory", or a skipped file). */
uint64_t reader_on_disk(const struct reader *r, uint64_t most);
/* After bytes left otherwise (sendfile): moves on contiguously, as a read of them would
 * have. */
void reader_skip(struct reader *r, uint64_t bytes);

#endif
