/* rank: the pieces to choose from in one array, best rank first.
 *
 *     order: [ prio 7, 1 peer | prio 7, 2 peers | ... | prio 1, 1 peer | ... ]
 *
 * Groups of equal rank are contiguous, so a piece that gains or loses a peer is swapped over a
 * group's border instead of being sorted; inside a group the order is random, so peers do not
 * all take the same piece. Availability over RANK_LEVELS - 1 ranks the same: such a piece is
 * not rare, and the table of groups then never grows and never fails. */
#ifndef MARE_RANK_H
#define MARE_RANK_H

#include "base/rng.h"

#define RANK_NONE UINT32_MAX
#define RANK_TOP_PRIORITY 7
#define RANK_LEVELS 256 /* availabilities told apart */

struct rank {
    uint32_t *order, count; /* the pieces, best first */
    uint32_t *at;           /* per piece: where in `order`, or RANK_NONE */
    uint32_t *group_end;    /* [7 - priority][level]: where in `order` that group ends */
    uint32_t top;           /* the highest level so far: groups beyond are not kept */
    struct rng *rng;
};

int rank_init(struct rank *r, uint32_t pieces, struct rng *rng) MUST_USE;
void rank_fini(struct rank *r); /* safe on a zeroed struct */

/* The group of a priority (1..7) and an availability. */
uint32_t rank_group(int priority, uint32_t availability);
/* All pieces 0 .. pieces - 1 at once into an empty order, shuffled; the group is of level 0. */
void rank_fill(struct rank *r, uint32_t pieces, uint32_t group);
void rank_add(struct rank *r, uint32_t piece, uint32_t group);
void rank_remove(struct rank *r, uint32_t piece, uint32_t group);
/* Its availability changed by one: from `group` to the next or the previous. */
void rank_move(struct rank *r, uint32_t piece, uint32_t group, uint32_t to);
/* Before a piece, ranked or not, has an availability never seen before. */
void rank_note_availability(struct rank *r, uint32_t availability);

static inline bool rank_has(const struct rank *r, uint32_t piece) {
    return r->at[piece] != RANK_NONE;
}
/* Where in `order` the pieces of one priority lie: from *start, so many. */
uint32_t rank_of_priority(const struct rank *r, int priority, uint32_t *start);
uint32_t rank_count_unavailable(const struct rank *r);
bool rank_is_in_group(const struct rank *r, uint32_t piece, uint32_t group);

#ifndef NDEBUG
void rank_check(const struct rank *r); /* invariants, asserted */
#endif

#endif
