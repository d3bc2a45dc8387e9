/* dht_table: the routing table, the nodes that we know to answer (BEP 5).
 *
 *     bucket 0   ids that share no bit with ours        8 live, 8 spare
 *     bucket 1   ids that share exactly one             8 live, 8 spare
 *     ...
 *     the last   ids that share as many or more: split in two when it is full
 *
 * Only nodes that answered us are in it. A live node that fails twice in a row makes place for a
 * spare one; in a full bucket a node whose id fits its address (BEP 42) takes the place of one
 * whose id does not. One host has one place in the table, and a /24 (an IPv6 /64) one in each
 * bucket, so nobody fills it with what is all his own. Local addresses are free of these rules. */
#ifndef MARE_DHT_TABLE_H
#define MARE_DHT_TABLE_H

#include "base/err.h"
#include "base/rng.h"
#include "codec/krpc.h"

#define DHT_K 8u
#define DHT_SPARES 8u
#define DHT_FRESH \
    (900 * USEC_PER_SEC) /* a node not heard of for longer is questionable */
#define DHT_FAILURES 2u  /* questions in a row without answer: a bad one */
#define DHT_GIVE_UP 5u   /* then it goes though nobody is there to replace it */

struct dht_contact {
    struct krpc_node node;
    bool fits; /* its id and its address: BEP 42 */
    uint8_t failures;
    usec heard; /* when it last answered, or asked something */
    usec asked; /* when it was last asked by dht_table_next_questionable */
};

struct dht_bucket {
    struct dht_contact live[DHT_K], spare[DHT_SPARES];
    uint32_t live_count, spare_count;
    usec changed; /* when a node of it last came or answered */
};

struct dht_table {
    uint8_t own[KRPC_ID];
    struct dht_bucket *buckets;
    uint32_t count, cap; /* buckets; at least one once a node came */
};

void dht_table_init(struct dht_table *t, const uint8_t own[KRPC_ID]);
void dht_table_fini(struct dht_table *t);
/* We have another id now: all contacts are sorted in anew, as many as find a place. */
int dht_table_rebase(struct dht_table *t, const uint8_t own[KRPC_ID], usec now) MUST_USE;

/* This node answered. 1 it came in, 0 it was there, or there is no place for it; ERR_NOMEM. */
int dht_table_on_reply(struct dht_table *t, const struct krpc_node *n, usec now) MUST_USE;
/* It asked us something: that keeps a contact alive, and makes nobody one. */
void dht_table_on_query(struct dht_table *t, const struct krpc_node *n, usec now);
/* It did not answer. */
void dht_table_on_timeout(struct dht_table *t, const struct addr *a);
/* It now has another id, or lies: it goes. */
void dht_table_remove(struct dht_table *t, const struct addr *a);
/* Would this node come in among the live ones if it answered? */
bool dht_table_wants(const struct dht_table *t, const struct krpc_node *n);

/* The contacts that are closest to the target, closest first: good ones, or, when only_good is
 * false, all that have not failed (those, too, when there are no others). How many. */
uint32_t dht_table_closest(const struct dht_table *t, const uint8_t *target,
                           struct krpc_node *out, uint32_t max, bool only_good, usec now);
/* A contact to be pinged now, or NULL: one that failed, or the one unheard of for longest. */
const struct dht_contact *dht_table_next_questionable(struct dht_table *t, usec now);
/* A target in a bucket where nothing has changed for 15 minutes; false when there is none. */
bool dht_table_next_stale(struct dht_table *t, struct rng *rng, uint8_t target[KRPC_ID],
                          usec now);
/* All buckets with free places are stale. */
void dht_table_note_sparse(struct dht_table *t, usec now);
uint32_t dht_table_size(const struct dht_table *t); /* live contacts */
uint32_t dht_table_good(const struct dht_table *t, usec now);
/* Is everything as it must be? For specs. */
bool dht_table_check(const struct dht_table *t);

#endif
