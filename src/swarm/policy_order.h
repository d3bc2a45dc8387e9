/* policy_order: in which order the rows of a round stand when its verdicts are applied, and how many
 * of them are chosen. It is what the engine does after a round, without doing it: the rules are asked
 * themselves (choker, turnover), one place at a time, so it is for looking at rounds afterwards. */
#ifndef MARE_POLICY_ORDER_H
#define MARE_POLICY_ORDER_H

#include "swarm/policy.h"

#define POLICY_ORDER_MAX 4096u /* rows: the rules are asked once for each */

struct policy_terms {
    bool done;             /* we have everything: peers are served as a seed does */
    uint32_t slots;        /* for uploads; UINT32_MAX = everybody */
    uint32_t piece_length; /* bytes */
};

/* The numbers of the rows into order[ask->n], best first; returns how many there are, and in *chosen
 * how many of them count: all that are admitted, the first to be dialled, the regular slots, the first
 * to go, the first piece, the two sources of an urgent one. Left out is whoever was refused, or has no
 * part in it by the rules (does not want a slot, is too young to be dropped). ERR_NOMEM. */
int policy_order(const struct policy_ask *ask, const struct policy_terms *terms,
                 uint32_t *order, uint32_t *chosen) MUST_USE;

#endif
