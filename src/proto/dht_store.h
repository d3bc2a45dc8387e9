/* dht_store: the peers that others announced to us, for half an hour each (BEP 5).
 *
 * Bounds (hazards.md): 2,000 hashes, 500 peers each, 100,000 peers in all, 8 of one host
 * per hash. What is new displaces what is old, so a full store never becomes a useless one. */
#ifndef MARE_DHT_STORE_H
#define MARE_DHT_STORE_H

#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"
#include "codec/krpc.h"

#define DHT_STORE_HASHES 2000u
#define DHT_STORE_PEERS 500u /* of one hash */
#define DHT_STORE_ALL 100000u
#define DHT_STORE_PER_HOST 8u
#define DHT_STORE_AGE (1800 * USEC_PER_SEC)

struct dht_store {
    struct dht_swarm **table; /* open addressing by info hash */
    uint32_t cap, hashes, peers;
    uint64_t seed;
};

void dht_store_init(struct dht_store *s, uint64_t seed);
void dht_store_fini(struct dht_store *s);
/* Adds or refreshes a peer. 0; ERR_NOMEM, and nothing is changed. */
int dht_store_put(struct dht_store *s, const uint8_t *hash, const struct addr *peer,
                  bool seeds, usec now) MUST_USE;
/* A random selection of the peers of this family; how many were written. */
uint32_t dht_store_pick(struct dht_store *s, const uint8_t *hash, int family, bool noseed,
                        struct addr *out, uint32_t max, struct rng *rng, usec now);
/* BEP 33's filters of all peers of both families. 0; ERR_NOTFOUND when the hash is unknown;
 * ERR_NOMEM. */
int dht_store_scrape(struct dht_store *s, const uint8_t *hash, uint8_t seeds[KRPC_BLOOM],
                     uint8_t peers[KRPC_BLOOM], usec now) MUST_USE;
/* Forgets what has become too old; called now and then. */
void dht_store_sweep(struct dht_store *s, usec now);
size_t dht_store_memory(const struct dht_store *s);

#endif
