/* window: which bytes of a file a reader needs next, and when. Pure: positions, sizes and
 * times in, bytes and deadlines out.
 *
 *     start   4 pieces, or 3 s of what the consumer takes
 *     grows   by as much as was read without a jump, up to a bound: who reads on reads on
 *     jump    back to the start
 *
 * Small at first because a player that has just opened a file jumps (to its index, to
 * where it was), and what was asked for the old place delays the new one; and because a
 * long window of urgent pieces is no urgency at all (libtorrent with 32 MiB of deadlines
 * is slow). */
#ifndef MARE_WINDOW_H
#define MARE_WINDOW_H

#include "base/base.h"

#define WINDOW_START_PIECES 4
#define WINDOW_START_TIME (3 * USEC_PER_SEC)
/* Four pieces of 16 MiB are no start. Two must do, one is read while the next comes. */
#define WINDOW_START_MOST (8u << 20)
#define WINDOW_LEAST_PIECES 2
#define WINDOW_MOST (16u << 20)
#define WINDOW_MOST_PIECES 256 /* of tiny pieces: bounds the work of a change */
/* So much of playing time a consumer should have in store at least. */
#define WINDOW_RESERVE USEC_PER_SEC
/* Until somebody has measured or said it: what a film takes, rather more than less. */
#define WINDOW_RATE_GUESS 1000000u

struct window {
    uint64_t offset, length; /* of the file, in the torrent */
    uint32_t piece_length;
    uint64_t most;     /* bytes it may grow to */
    uint64_t position; /* the next byte to be read, in the file */
    uint64_t run;      /* bytes read without a jump */
    uint64_t said;     /* bytes per second that the consumer plays; 0 = not known */
    uint64_t measured; /* ... that it took lately; 0 = not known */
    uint64_t bytes;    /* taken since `since` */
    usec since;        /* 0 = not begun */
};

/* most 0 = WINDOW_MOST. position <= length. */
void window_init(struct window *w, uint64_t offset, uint64_t length,
                 uint32_t piece_length, uint64_t most, uint64_t position);
/* Bytes were taken from the position on. */
void window_advance(struct window *w, uint64_t bytes, usec now);
/* To another place, <= length: the run ends. A jump to where it is changes nothing. */
void window_seek(struct window *w, uint64_t position);

uint64_t window_bytes(const struct window *w); /* how far it looks ahead */
/* The pieces of the torrent that it covers: first .. end - 1; none at the end of the
 * file. */
void window_pieces(const struct window *w, uint32_t *first, uint32_t *end);
/* When it must be here, if the consumer goes on from here at its rate and has `stored` time of what
 * comes before: `now` for the piece it is at, when it has nothing. */
usec window_due(const struct window *w, uint32_t piece, usec stored, usec now);
uint64_t window_rate(
    const struct window *w); /* bytes per second: said, measured, guessed */

/* How much of the file's beginning and end is fetched at once: there players look for the
 * index. */
void window_ends(uint64_t length, uint64_t *head, uint64_t *tail);

#endif
