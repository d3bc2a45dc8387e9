/* urgent: the pieces that somebody waits for, and who is worth asking for them.
 *
 *     piece   17     18     19     20      sorted by number
 *     due     now    +0.3   +0.5   +0.8 s  when it is needed (the picker's deadline)
 *     pace    0.1    0.1    0.1    0.2 s   what the good ones among its holders take for it
 *
 * A piece comes as late as its last block, so a slow peer that gets one block of it holds
 * up all the others. Each peer has an `eta`: when a block that is asked of it now would
 * be here, from what is outstanding with it, its rate and its base delay (libtorrent's
 * queue time). It is asked for a block if that is before the piece is due, or within the
 * pace. Who is too slow for what is needed first is asked for what is needed later; who
 * has only too much to do at the moment is asked for nothing that would stand before it; so
 * blocks spread over the fastest peers without anybody being told whom to ask. The same
 * measure tells when a block is late and somebody else is asked, too (download). */
#ifndef MARE_URGENT_H
#define MARE_URGENT_H

#include "base/bitset.h"
#include "base/slots.h"

/* So many of the earliest have a pace, the others wait their turn. */
#define URGENT_PACED 16
/* What a peer that has delivered nothing yet takes for each block: they get few at
 * first. */
#define URGENT_GUESS (50 * USEC_PER_MSEC)
#define URGENT_MARGIN (20 * USEC_PER_MSEC)
#define URGENT_TRUST (300 * USEC_PER_MSEC) /* ... and how long it is waited for */
#define URGENT_QUEUE (20 * USEC_PER_MSEC) /* asked of a peer beyond what the path takes */

struct urgent_piece {
    uint32_t piece;
    usec due;
    usec pace; /* USEC_NEVER = anybody may help */
};

struct urgent {
    struct urgent_piece *of;
    uint32_t count, cap;
};

void urgent_init(struct urgent *u);
void urgent_fini(struct urgent *u);
void urgent_clear(struct urgent *u);
/* In any order, also twice. ERR_NOMEM changes nothing. */
int urgent_add(struct urgent *u, uint32_t piece, usec due) MUST_USE;
/* Sorts, each piece once with its earliest time. Before anything is asked of it. */
void urgent_settle(struct urgent *u);
const struct urgent_piece *urgent_find(const struct urgent *u, uint32_t piece);
/* Forgets those due after the first `n` by time. */
void urgent_limit(struct urgent *u, uint32_t n);

/* What is known of a peer's speed. */
struct urgent_speed {
    uint64_t rate;        /* bytes per second; 0 = not known */
    usec delay;           /* of the path; 0 = not known */
    usec deviation;       /* of the delay */
    usec silent;          /* since it delivered, while it was asked */
    uint32_t outstanding; /* blocks */
};
static inline bool urgent_is_proven(const struct urgent_speed *s) {
    return s->rate > 0 && s->delay > 0;
}
/* When a block that is asked now would be here, from now. */
usec urgent_eta(const struct urgent_speed *s);
/* ... if nothing else were outstanding. */
usec urgent_eta_idle(const struct urgent_speed *s);
/* Is enough outstanding with it that it delivers without a gap? */
bool urgent_is_busy(const struct urgent_speed *s);
/* When a block is so late that another peer should be asked. */
usec urgent_patience(const struct urgent_speed *s);
/* So many blocks may be outstanding with it while somebody waits. */
uint32_t urgent_depth(const struct urgent_speed *s);

/* A peer that may be asked. */
struct urgent_peer {
    const struct bitset *has;
    usec eta;
    uint64_t rate; /* 0 = has not proven itself */
};
/* Sets the pace of the earliest pieces. */
void urgent_set_pace(struct urgent *u, const struct urgent_peer *peers, uint32_t n,
                     uint32_t piece_length);
/* May a peer with that eta be asked for a block of it? */
static inline bool urgent_suits(const struct urgent_piece *u, usec eta, usec now) {
    return u->pace == USEC_NEVER || eta <= MAX(u->due - now, u->pace);
}

#endif
