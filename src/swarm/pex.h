/* pex: what to tell one peer about the others since we last told it something (BEP 11),
 * and how often to listen to it.
 *
 * Told is what has changed: the difference between whom the peer knows of by us and whom
 * we are connected to now. So what did not fit into one message comes with the next, and
 * who came and went in between is never mentioned. Once a minute at most, both ways. Not
 * for private torrents (the caller's duty). */
#ifndef MARE_PEX_H
#define MARE_PEX_H

#include "base/rng.h"
#include "codec/ut_pex.h"

#define PEX_INTERVAL (60 * USEC_PER_SEC)
#define PEX_MAX_TOLD 200u /* peers that one peer is told of at a time: 4 KiB for each */

struct pex {
    struct addr *told; /* sorted */
    uint32_t count, cap;
    usec next_tell;
    usec next_hear;
};

void pex_init(struct pex *p); /* all zero */
void pex_fini(struct pex *p);

/* Sorts the peers we are connected to and drops repeated ones; the number that is left.
 * Addresses are those that the peers listen on. */
uint32_t pex_sort(struct pex_peer *peers, uint32_t count);
/* 1: *out is to be sent, and counts as sent. 0: nothing to tell, or not yet (pex_due).
 * ERR_NOMEM: as if not asked. `peers` is sorted; `self`, the peer that is told, is left
 * out (family 0 = its address is not known). */
int pex_tell(struct pex *p, struct ut_pex *out, const struct pex_peer *peers,
             uint32_t count, const struct addr *self, struct rng *rng, usec now) MUST_USE;
/* Not before this it is of use to call pex_tell. */
static inline usec pex_due(const struct pex *p) {
    return p->next_tell;
}

/* A message came: may it be read? One a minute; a clock that is not ours, and the first
 * two coming together (some send one at once and one with their next round), are
 * forgiven. */
bool pex_hear(struct pex *p, usec now);

#endif
