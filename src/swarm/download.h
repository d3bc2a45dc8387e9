/* download: which block to ask of this peer next. One torrent's picker, open pieces and blame
 * behind one question, in this order (selection.md):
 *
 *   1. a free block of the piece this peer worked on last (contiguous runs)
 *   2. a free block of another open piece: earliest deadline, then priority, then the fewest
 *      blocks missing: partial pieces are finished first
 *   3. a new piece from the picker, while budget and 1.5 x peers allow (deadline pieces always,
 *      if the budget does). A peer on parole, or one that does a piece in < 20 s while
 *      others are slow, gets it for itself (`only`)
 *   -  before it would idle (or when the budget is spent: then pieces are shared): a block of
 *      a piece that a fast peer has for itself; a peer on parole, before it would idle, may
 *      finish what others began
 *   4. end game: every wanted block is asked, and this peer idles: the busy block with the
 *      fewest askers (at most 3) that this peer was not asked for yet; oldest piece first
 *
 * While deadlines exist they come before all of this: the earliest that this peer can help
 * with, open or new. What readers wait for (swarm/urgent) is asked only of peers that will have it
 * in time or are as good as the best; and before everything else a peer is asked for a block
 * that is late elsewhere, or will be when this peer would have it in half of the time: a bounded number
 * of copies.
 *
 * What counts against 1.5 x peers are pieces that somebody works on and
 * that have blocks left to ask: neither a long pipeline to one peer nor a piece whose owners
 * have left stops the rest; the budget bounds those. When the budget is spent a stranded piece
 * (nothing asked, and unwanted, owned by nobody, untouched, or silent for a minute) gives way.
 *
 * A judge may have a say in it (swarm/policy): `plan` then tells which pieces to open, and
 * `sourcing` who may take blocks of urgent ones.
 *
 * Blocks come back through download_on_*. It does no I/O and knows no connections. */
#ifndef MARE_DOWNLOAD_H
#define MARE_DOWNLOAD_H

#include "swarm/active_pieces.h"
#include "swarm/picker.h"
#include "swarm/plan.h"
#include "swarm/sourcing.h"
#include "swarm/urgent.h"

#define END_GAME_COPIES 3
#define OPEN_AT_LEAST 4 /* pieces open at once, however few peers there are */
/* After so long without a block a piece is not its owner's alone any more. */
#define OWNER_SILENT (20 * USEC_PER_SEC)
#define STRANDED_AFTER (60 * USEC_PER_SEC)
/* A late block is asked again when its piece is due so soon. */
#define LATE_HORIZON (2 * USEC_PER_SEC)

struct download {
    struct picker *picker;
    struct active_pieces *open;
    uint32_t peers; /* connected peers that may be asked: bounds the open pieces */
    const struct urgent *urgent; /* what readers wait for; NULL = there are none */
    bool
        no_end_game; /* only what readers need is wanted: lateness decides about copies */
    const struct sourcing *sourcing; /* who may have urgent pieces; NULL = everybody */
};

/* The asking side as rows: what a decision may know of a peer. */
struct asker {
    handle peer;
    const struct bitset *has;
    const struct bitset *only; /* allowed-fast pieces while choked; NULL = any */
    uint32_t last_piece;       /* the piece it was asked last, or PICKER_NONE */
    uint32_t outstanding;
    bool parole;   /* whole pieces alone (blame) */
    bool fast;     /* finishes a piece alone in < 20 s: a piece of its own */
    usec eta;      /* when a block that it is asked for now would be here (urgent_eta) */
    usec eta_idle; /* ... if nothing else were asked of it */
    usec patience; /* when it is late */
    bool busy;     /* it delivers without a gap if it is asked for nothing now */
    const struct plan
        *plan; /* which pieces to open (a judge's), instead of the picker's */
    /* Is it outstanding with this peer, or was it and may still come? */
    bool (*has_asked)(void *ctx, uint32_t piece, uint32_t begin);
    /* eta, if what was asked for pieces due after that time made way; asked for urgent ones only */
    usec (*eta_for)(void *ctx, usec due);
    void *ctx;
};

struct block_ref {
    uint32_t piece, begin, length, block;
};

/* 1: *out is to be asked (noted as asked already; end_game tells if it is a second copy);
 * 0: nothing for this peer now; ERR_AGAIN: there would be, but the memory budget is spent: ask
 * again when a buffer came back. */
int download_next(struct download *d, const struct asker *a, usec now,
                  struct block_ref *out, bool *end_game);
/* When the first block of an urgent piece will be late, so that a copy may be asked for; USEC_NEVER
 * if none is asked. */
usec download_late_due(const struct download *d, usec now);
/* What is known by now of when a block that one peer was asked for will be here. */
void download_expect(struct download *d, uint32_t piece, uint32_t begin, usec due_at);
/* Has the piece that a peer was asked for last nothing left to ask? Then it is to open another. */
bool download_is_through(const struct download *d, uint32_t last_piece);
/* Rejected, cancelled, timed out, or the peer left: one asker fewer. */
void download_on_unasked(struct download *d, uint32_t piece, uint32_t begin);
/* The peer left, after its requests were noted as unasked: its own pieces are free for all. */
void download_on_gone(struct download *d, handle peer);
/* Closes open pieces that nobody works on and that have not received anything (after skips and
 * seeks), giving their buffers back; returns how many. */
uint32_t download_trim(struct download *d);
/* The budget is spent, by this torrent or others: sacrifices the stranded piece that has received
 * least; false if there is none. */
bool download_make_room(struct download *d, usec now);
/* Closes every open piece that still has its buffer, whatever it has received (before a
 * re-check): nothing may be landing, nothing asked is remembered. */
void download_abandon(struct download *d);

#endif
