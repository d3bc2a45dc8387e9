/* choker: who gets an upload slot this round. A pure function over a snapshot: rows in, `unchoke`
 * out. It is asked every 10 s (and when a slot falls free); the optimistic slots turn every 30 s.
 *
 * Leeching: interested peers by bytes received in the last round, then longest wait.
 * Seeding: round robin: peers unchoked for over a minute that got 20 pieces go last, then the
 * fastest takers, then the longest wait (libtorrent's rule). Optimistic: the longest-waiting
 * interested choked peer, newcomers first; max(1, slots / 5) of the slots.
 * A row with `score` set (by a script) ranks by it first in the regular slots (a row without
 * counts as 0, and equals rank by the rules above); optimistic slots ignore scores, for they are
 * there to explore. `never` is never unchoked. A slot that is less than half a round old is not
 * lost to an equal: rounds that are held between (a slot fell free) do not shuffle the others. */
#ifndef MARE_CHOKER_H
#define MARE_CHOKER_H

#include "base/base.h"
#include "base/rng.h"
#include "base/slots.h"

#define CHOKER_ROUND (10 * USEC_PER_SEC)
#define CHOKER_OPTIMISTIC (30 * USEC_PER_SEC)
#define CHOKER_SLOTS 8
#define CHOKER_SEED_QUOTA 20 /* pieces */
#define CHOKER_SEED_TIME (60 * USEC_PER_SEC)
#define CHOKER_NEWCOMER (60 * USEC_PER_SEC) /* connected for less, and never had a slot */

struct choke_row {
    handle peer;
    bool interested;  /* the peer in us */
    bool unchoked;    /* by us, now */
    bool optimistic;  /* its slot is an optimistic one */
    bool upload_only; /* it wants nothing anyway */
    /* It does not answer our requests: no regular slot while we leech, unless a script scored
     * it. */
    bool snubbed;
    bool never;
    bool scored;
    double score;
    uint64_t received_round; /* payload bytes since the last round */
    uint64_t sent_round;
    uint64_t sent_since_unchoke;
    usec unchoked_at; /* when it got its slot (kept when it lost it); 0 = never had one */
    usec waiting_since; /* interested and choked since; 0 = not waiting */
    usec connected_at;
    /* the answer */
    bool unchoke, give_optimistic;
};

struct choke_rules {
    uint32_t slots; /* all, optimistic included; UINT32_MAX = everybody */
    bool seeding;
    bool turn_optimistic; /* 30 s have passed: choose optimistic peers anew */
    uint32_t piece_length;
    usec now;
};

void choker_round(struct choke_row *rows, uint32_t n, const struct choke_rules *rules,
                  struct rng *rng);

#endif
