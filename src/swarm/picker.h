/* picker: which missing piece to open next. Rarest first, in O(1) per change of availability.
 *
 * The wanted missing pieces are kept sorted (swarm/rank): by priority, then the rarest first,
 * equals in random order. A seed changes no rank: `seeds` counts for every piece at once.
 * Source: the rarest-first rule of BEP 3 as libtorrent keeps it.
 *
 * The first RANDOM_START pieces are taken at random so that a newcomer soon has something to
 * give. Deadlines go before everything, earliest first; they rest while a piece is skipped. */
#ifndef MARE_PICKER_H
#define MARE_PICKER_H

#include "base/bitset.h"
#include "base/rng.h"
#include "swarm/rank.h"

#define PICKER_NONE RANK_NONE
#define PICKER_RANDOM_START 4 /* selection.md */
#define PRIORITY_SKIP 0
#define PRIORITY_NORMAL 4
#define PRIORITY_TOP RANK_TOP_PRIORITY

/* A piece is in exactly one of these; picker_set_state is the one place that changes it. */
enum piece_state {
    PIECE_MISSING,
    PIECE_ACTIVE,  /* blocks are being asked for and received */
    PIECE_HASHING, /* complete; a worker hashes and writes it */
    PIECE_WRITING, /* verified, but the disk refused it (full): kept for another try */
    PIECE_HAVE
};
const char *piece_state_name(enum piece_state s); /* "missing", ... */

struct picker {
    uint32_t pieces;
    uint32_t seeds; /* peers that have everything */
    struct picker_piece *piece;
    struct rank rank;                   /* the wanted missing ones */
    uint32_t have, wanted, wanted_have; /* pieces we have; with priority > 0; both */
    uint32_t
        additions; /* pieces that became wanted and missing, ever: are there new ones? */
    struct bitset lacking; /* wanted pieces that are missing or active */
    struct rng *rng;
    uint32_t deadlines;        /* wanted missing pieces with a deadline */
    uint32_t active_deadlines; /* wanted active pieces with one */
    uint32_t *urgent;          /* the missing ones, earliest first */
};

int picker_init(struct picker *p, uint32_t pieces, struct rng *rng) MUST_USE;
void picker_fini(struct picker *p);

/* A peer that is no seed got a piece, or left with it. */
void picker_note_have(struct picker *p, uint32_t piece);
void picker_note_gone(struct picker *p, uint32_t piece);
/* A whole peer at once; a full bitset counts as a seed and touches no piece. */
void picker_note_peer(struct picker *p, const struct bitset *has);
void picker_forget_peer(struct picker *p, const struct bitset *has);
/* A peer whose last missing piece has been noted: its pieces become one seed. */
void picker_note_became_seed(struct picker *p);

/* Asserts that the step is legal (the table is in picker.c); to the same state is none. */
void picker_set_state(struct picker *p, uint32_t piece, enum piece_state s);
enum piece_state picker_state(const struct picker *p, uint32_t piece);
/* 0..7; 0 = skip. */
void picker_set_priority(struct picker *p, uint32_t piece, int priority);
int picker_priority(const struct picker *p, uint32_t piece);
/* USEC_NEVER = none. */
void picker_set_deadline(struct picker *p, uint32_t piece, usec at);
usec picker_deadline(const struct picker *p, uint32_t piece);
/* Peers that have it: seeds included, us not. */
uint32_t picker_availability(const struct picker *p, uint32_t piece);

/* Best missing wanted piece in `has` (a peer's bitset); PICKER_NONE if there is none. `only`
 * limits the choice to its members (allowed-fast while choked), NULL does not. */
uint32_t picker_next(struct picker *p, const struct bitset *has,
                     const struct bitset *only);
/* The same without those that have a deadline, and without the question who has how many
 * deadlines: `urgent` lists them. */
uint32_t picker_next_calm(struct picker *p, const struct bitset *has,
                          const struct bitset *only);
/* How many wanted missing pieces at least one peer has. */
uint32_t picker_openable(const struct picker *p);
/* Does a peer with these have anything that we want and lack (missing, active)? Early exit. */
bool picker_interesting(const struct picker *p, const struct bitset *has);
static inline bool picker_done(const struct picker *p) {
    return p->wanted_have == p->wanted;
}
/* Pieces per availability 0 .. n-1 (the last cell takes the rest): for "distributed copies". */
void picker_histogram(const struct picker *p, uint32_t *cells, uint32_t n);

#ifndef NDEBUG
void picker_check(const struct picker *p); /* invariants, asserted */
#endif

#endif
