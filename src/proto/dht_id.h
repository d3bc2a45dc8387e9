/* dht_id: node ids as points (distance is xor) and as proofs of an address (BEP 42). */
#ifndef MARE_DHT_ID_H
#define MARE_DHT_ID_H

#include "base/addr.h"
#include "base/rng.h"
#include "codec/krpc.h"

/* < 0 if a is closer to the target than b, > 0 if b is, 0 if they are the same. */
int dht_id_compare(const uint8_t *target, const uint8_t *a, const uint8_t *b);
/* How many leading bits they share, 0..160. */
unsigned dht_id_shared(const uint8_t *a, const uint8_t *b);
/* A random id that shares exactly so many bits with `near` (< 160), for a look into a bucket. */
void dht_id_random(uint8_t out[KRPC_ID], const uint8_t *near, unsigned shared,
                   struct rng *rng);

/* BEP 42: may a node at this address have this id? Local addresses prove nothing: true. */
bool dht_id_fits(const uint8_t *id, const struct addr *a);
/* An id for a node at this address; a random one while that is not known (family 0, local). */
void dht_id_make(uint8_t out[KRPC_ID], const struct addr *a, struct rng *rng);

/* Addresses that probably belong to one person: IPv4 by the /24, IPv6 by the /64. Never true
 * of local addresses, where a whole network of nodes may live. */
bool dht_same_block(const struct addr *a, const struct addr *b);
/* The same IPv4 address or IPv6 /64; of local addresses, the same port, too. */
bool dht_same_host(const struct addr *a, const struct addr *b);

#endif
