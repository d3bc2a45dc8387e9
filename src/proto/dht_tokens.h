/* dht_tokens: what proves that who announces a peer has asked from that very address (BEP 5),
 * and the other bytes that nobody shall guess: transaction ids. */
#ifndef MARE_DHT_TOKENS_H
#define MARE_DHT_TOKENS_H

#include "base/addr.h"
#include "base/err.h"
#include "codec/krpc.h"

#define DHT_TOKEN 8 /* bytes */
#define DHT_TOKEN_TURN (300 * USEC_PER_SEC)

struct dht_tokens {
    uint8_t secret[32];
    uint64_t drawn; /* counts the calls of dht_tokens_draw */
};

void dht_tokens_init(struct dht_tokens *t, const uint8_t secret[32]);
/* A token for this host to announce peers of this hash with. 0 or ERR_NOMEM. */
int dht_tokens_make(const struct dht_tokens *t, const struct addr *host,
                    const uint8_t *hash, usec now, uint8_t out[DHT_TOKEN]) MUST_USE;
/* Is it one that we gave out in this turn or in the one before: 5 to 10 minutes? */
bool dht_tokens_check(const struct dht_tokens *t, const struct addr *host,
                      const uint8_t *hash, usec now, struct span token);
/* 16 bits that nobody can foretell. 0..65535 or ERR_NOMEM. */
int dht_tokens_draw(struct dht_tokens *t) MUST_USE;

#endif
