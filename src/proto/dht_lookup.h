/* dht_lookup: walks towards a target, asking nodes for nodes that are closer (Kademlia's
 * iterative search). Which node is asked next, and when it is over; sends nothing itself.
 *
 * Four questions are under way at a time; one that is not answered within a second does not
 * count any more, though its answer still does. It is over when the eight closest nodes that
 * are left have answered: of all nodes, and of those whose id fits their address (BEP 42), so
 * that nodes made up around the target cannot hide the real ones.
 *
 * A liar can also name nodes that do not exist. Therefore whoever names nodes has a credit of
 * three unanswered questions, which each answer raises; a node is asked while one of those who
 * named it has credit. So what a liar names costs three time-outs, whatever he claims, and what
 * others name, too, he cannot spoil. Only a lookup that would end with fewer than eight answers
 * asks, up to sixteen times, those whom nobody can vouch for any more. */
#ifndef MARE_DHT_LOOKUP_H
#define MARE_DHT_LOOKUP_H

#include "codec/krpc.h"

#define DHT_LOOKUP_NODES 100u   /* kept, the closest ones */
#define DHT_LOOKUP_ALPHA 4u     /* questions under way */
#define DHT_LOOKUP_WIDTH 8u     /* closest nodes that must have answered */
#define DHT_LOOKUP_QUERIES 200u /* asked at most */
#define DHT_LOOKUP_LATE USEC_PER_SEC
#define DHT_LOOKUP_CREDIT 3
#define DHT_LOOKUP_OVERDRAFT 16u
#define DHT_LOOKUP_TELLERS 3u /* remembered of each node */
#define DHT_NOBODY (-1)       /* as teller: we know it ourselves */

enum dht_step { DHT_FRESH_NODE, DHT_ASKED, DHT_ANSWERED, DHT_FAILED };

struct dht_hop {
    struct krpc_node node;
    enum dht_step step;
    bool named; /* the id is known; else it is a bootstrap address, and sorted last */
    bool fits;
    int16_t credit;
    uint8_t teller_count, tellers[DHT_LOOKUP_TELLERS]; /* none: we know it ourselves */
    uint8_t debtor; /* the teller whose credit it was asked on */
    uint8_t token_len, token[KRPC_MAX_TOKEN];
    usec asked_at;
};

struct dht_lookup {
    uint8_t target[KRPC_ID];
    struct dht_hop
        hops[DHT_LOOKUP_NODES];      /* a hop keeps its index while it is remembered */
    uint8_t order[DHT_LOOKUP_NODES]; /* indices, closest first */
    uint32_t count, queries, answers, overdraft;
};

void dht_lookup_init(struct dht_lookup *l, const uint8_t target[KRPC_ID]);
/* A node that hop `teller` (or DHT_NOBODY) named. */
void dht_lookup_add(struct dht_lookup *l, const struct krpc_node *n, int teller);
/* An address to begin with, whose id nobody told us. */
void dht_lookup_add_unnamed(struct dht_lookup *l, const struct addr *a);

/* The hop to ask now, or -1. Only asking it (note_asked) changes what comes next. */
int dht_lookup_next(const struct dht_lookup *l, usec now);
void dht_lookup_note_asked(struct dht_lookup *l, int hop, usec now);
/* It answered; before the nodes that it named are added. A hop that was unnamed gets its id,
 * or, with id NULL (a router), is done with. */
void dht_lookup_on_reply(struct dht_lookup *l, int hop, const uint8_t *id,
                         struct span token);
void dht_lookup_on_failure(struct dht_lookup *l, int hop);

/* Nobody is left to be asked or waited for. */
bool dht_lookup_is_done(const struct dht_lookup *l, usec now);
/* When the next question becomes late; USEC_NEVER if none is under way. */
usec dht_lookup_due(const struct dht_lookup *l, usec now);
/* The hops to announce to: the eight closest with a token, and the eight closest of those whose
 * ids fit. Returns how many, at most 2 * DHT_LOOKUP_WIDTH. */
uint32_t dht_lookup_targets(const struct dht_lookup *l,
                            uint8_t out[2 * DHT_LOOKUP_WIDTH]);

#endif
