/* readers: all readers of one torrent together: what they need becomes deadlines, who
 * waits is served, and what was verified a moment ago is kept in memory for them (held).
 *
 *     reader, reader ...  --windows-->  wanted  --deadlines-->  picker, download
 *                                         |
 *     jump, close  ------- what is wanted no more: CANCEL, requests returned, in the same step
 *
 * Decided once a step when something changed, and every tenth of a second while somebody
 * waits, because peers become faster and slower. */
#ifndef MARE_READERS_H
#define MARE_READERS_H

#include "base/list.h"
#include "base/shared.h"
#include "base/timers.h"
#include "swarm/urgent.h"

struct torrent;
struct session;

struct readers {
    struct link list; /* struct reader, in order of opening */
    uint32_t count;
    uint64_t opened; /* ever */
    struct urgent wanted, before;
    struct urgent_peer *peers; /* rows, kept from one decision to the next */
    uint32_t peers_cap;
    struct link held; /* verified pieces in memory */
    uint64_t held_bytes;
    struct timer timer;
    usec wished_at; /* when there was something wanted last; 0 = never */
    bool due;       /* something changed: decide in this step */
    bool leaves;    /* a reader left a place: cancel what only it wanted */
    bool jumps;     /* a reader came to a place: cancel what is in its way */
};

void readers_init(struct torrent *t);
void readers_fini(struct torrent *t);
void readers_note_change(struct torrent *t);
void readers_decide(struct torrent *t); /* torrent: its pending decisions */
/* Somebody reads a file that is not all here. */
bool readers_lack(const struct torrent *t);
/* Has that peer anything that readers may come to? */
bool readers_interested(const struct torrent *t, const struct bitset *has);
/* Does somebody wait, or did just now? Then queues are short. */
bool readers_hurry(const struct torrent *t);
/* Does a window cover it (while it is missing)? Does somebody wait for it right now? */
bool readers_want(const struct torrent *t, uint32_t piece);
bool readers_await(const struct torrent *t, uint32_t piece);
/* Verified, not on disk yet: `bytes` are the whole piece. */
void readers_on_verified(struct torrent *t, uint32_t piece, struct shared_bytes *bytes);
void readers_on_have(struct torrent *t, uint32_t piece);
/* It failed its hash, or the disk did not take it. */
void readers_on_lost(struct torrent *t, uint32_t piece);
/* One more peer may be asked. */
void readers_on_peer(struct torrent *t);
/* The torrent goes: pending reads end, the readers are their owners' alone. */
void readers_detach(struct torrent *t);

/* session: readers that were marked are served; hooks are called. */
void readers_serve(struct session *s);

/* ---- held.c: verified pieces in memory ---- */

/* The whole piece, or NULL. */
struct shared_bytes *held_get(const struct torrent *t, uint32_t piece);
/* Keeps it if it is needed and there is room. */
void held_add(struct torrent *t, uint32_t piece, struct shared_bytes *bytes);
void held_trim(struct torrent *t); /* lets go of what no window covers */
void held_clear(struct torrent *t);

#endif
