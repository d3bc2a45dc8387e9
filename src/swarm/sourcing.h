/* sourcing: which peers may take blocks of an urgent piece (one with a deadline), as a judge
 * (swarm/policy: source) has ranked them. The best few have it to themselves at first; each round in
 * which it has not arrived (a second) twice as many are let at it, so that no favourite can stop a
 * film. Pieces that nobody ranked are everybody's. */
#ifndef MARE_SOURCING_H
#define MARE_SOURCING_H

#include "base/slots.h"
#include "swarm/policy.h"

#define SOURCING_EVERY USEC_PER_SEC
#define SOURCING_PIECES 8u /* the earliest */
#define SOURCING_PEERS 64u /* asked about for each */
#define SOURCING_FIRST 2u  /* so many have it to themselves at first */

struct sourcing {
    struct sourced {
        uint32_t piece;
        uint32_t rounds;  /* it was ranked in */
        uint32_t allowed; /* the first so many of `peer`; the rest waits, or may never */
        handle peer[SOURCING_PEERS];
    } of[SOURCING_PIECES];
    uint32_t n;
};

/* A new round about these pieces: others are forgotten. */
void sourcing_begin(struct sourcing *s, const uint32_t *pieces, uint32_t n);
/* What the judge said of each row for one of them. When nothing, everybody may; but nobody may before
 * he was asked about. */
void sourcing_adopt(struct sourcing *s, uint32_t piece, const struct peer_row *rows,
                    const struct verdict *verdicts, uint32_t n);
/* May the peer take blocks of it? */
enum sourcing_word {
    SOURCING_SILENT, /* nobody judges (s may be NULL), or nobody cares: the built-in decides */
    SOURCING_YES,
    SOURCING_NO
};
enum sourcing_word sourcing_word(const struct sourcing *s, uint32_t piece, handle peer);

#endif
