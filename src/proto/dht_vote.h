/* dht_vote: which address the world sees us at (BEP 42), by the majority of those who tell. */
#ifndef MARE_DHT_VOTE_H
#define MARE_DHT_VOTE_H

#include "base/addr.h"

#define DHT_VOTERS 15u /* the latest ones count; a majority is eight */

struct dht_vote {
    struct {
        struct addr voter, candidate;
    } ballots[DHT_VOTERS];
    uint32_t next;
    struct addr winner; /* port 0; family 0 while there is none */
};

/* A node that answered us says that it sees us at `candidate`. True when that made a (new)
 * winner. One host has one vote, and what a local node says of a local address is none. */
bool dht_vote_cast(struct dht_vote *v, const struct addr *voter,
                   const struct addr *candidate);

#endif
