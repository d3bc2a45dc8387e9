/* plan: the next few pieces that a peer is to open, as a judge (swarm/policy: piece) has ranked them.
 *
 *     decide   plan_offer -> rows -> verdicts -> plan_adopt      a few hundred rows at most
 *     request  plan_next                                         one look, no judge
 *
 * A torrent may have a million pieces and a judge costs a microsecond each. So it sees all that could
 * be opened only when they are few; else the urgent ones, the best by the built-in order, the first in
 * the order of the files, those that it liked best last time, and others in turn. Whatever it
 * prefers, its favourites are found after some rounds and stay found. */
#ifndef MARE_PLAN_H
#define MARE_PLAN_H

#include "swarm/picker.h"
#include "swarm/policy.h"

#define PLAN_PIECES 32u /* planned ahead: other peers open some of them */
#define PLAN_URGENT 16u /* pieces with a deadline that are offered */
#define PLAN_BEST 64u   /* the best in the built-in order, when not all are offered */
#define PLAN_FRONT 32u  /* the first in the order of the files */
#define PLAN_OFFER 256u /* pieces in one round, when peers are few */
/* Many peers make many plans, and each opens fewer pieces by it: so many rows are shared by all. */
#define PLAN_SHARED 32768u
#define PLAN_LEAST 64u
#define PLAN_PAUSE \
    USEC_PER_SEC /* refused: asked again, after twice as long each time .. */
#define PLAN_PAUSE_MAX (16 * USEC_PER_SEC)
#define PLAN_LIFE \
    (30 * USEC_PER_SEC) /* then it is made anew, for the swarm has changed */

struct plan {
    uint32_t
        most; /* rows in a round; 0 = PLAN_OFFER. Set before plan_offer (plan_rows) */
    uint32_t piece[PLAN_PIECES];  /* ranked, best first */
    uint32_t barred[PLAN_URGENT]; /* urgent ones that the peer is not to have */
    uint8_t count, barred_count;
    uint32_t sweep; /* where among the ranked pieces the next round goes on */
    uint32_t swept; /* so many since something was found to open */
    uint32_t age;   /* of which judge: see plan_is_due */
    bool adopted;   /* there is one at all */
    bool more;      /* there are pieces that it does not name */
    bool refused; /* some were refused; the judge may think better of it after `pause` */
    bool all_refused; /* every piece there is */
    usec made_at, pause;
    uint32_t additions, could_give; /* of the picker, and of the peer then */
};

/* How many rows a plan may have where so many peers make plans. */
static inline uint32_t plan_rows(uint32_t peers) {
    return MIN(MAX(PLAN_SHARED / MAX(peers, 1u), PLAN_LEAST), PLAN_OFFER);
}
/* What the judge is asked about for a peer with these pieces; returns how many. */
uint32_t plan_offer(struct plan *p, const struct picker *picker, const struct bitset *has,
                    const struct bitset *only, uint32_t out[PLAN_OFFER]);
/* Its verdicts on exactly these, in the order of the offer (which is the built-in one for equals). */
void plan_adopt(struct plan *p, const struct picker *picker, const struct bitset *has,
                const struct bitset *only, const uint32_t *offer,
                const struct verdict *verdicts, uint32_t n, usec now);
/* What was refused may be welcome now: it is due, and whoever refuses again is asked after the
 * shortest pause. */
void plan_forget_refusals(struct plan *p);
/* The piece to open next, or PICKER_NONE; none that has a deadline: those are for all but whom the
 * plan bars from them. */
uint32_t plan_next(const struct plan *p, const struct picker *picker,
                   const struct bitset *has, const struct bitset *only);
bool plan_bars(const struct plan *p, uint32_t urgent);
/* When a piece is to be opened: should it be made anew first? It is by another judge than `age`, old,
 * or names nothing to open while there may be something that it does not know. */
bool plan_is_due(const struct plan *p, const struct picker *picker,
                 const struct bitset *has, const struct bitset *only, uint32_t age,
                 usec now);

#endif
