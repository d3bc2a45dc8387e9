/* dht_tokens: a token is a digest, so there is nothing to remember of those given out.
 *
 *     SHA-1( secret : 32 | 'T' | turn : 8 | address : 16 | info hash : 20 )  ->  first 8 bytes
 *
 * The turn is the number of the five minutes that we are in: the secret rotates by itself. All
 * parts have a fixed length and most of the digest is kept back, so this simple form is as good
 * as an HMAC. The port is left out: some routers change it from one packet to the next. */
#include "proto/dht_tokens.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"

void dht_tokens_init(struct dht_tokens *t, const uint8_t secret[32]) {
    memcpy(t->secret, secret, sizeof t->secret);
    t->drawn = 0;
}

static int digest(const struct dht_tokens *t, char use, uint64_t number,
                  const uint8_t *ip, const uint8_t *hash, uint8_t out[SHA1_LEN]) {
    uint8_t text[32 + 1 + 8 + 16 + KRPC_ID] = {0};
    memcpy(text, t->secret, 32);
    text[32] = (uint8_t)use;
    put_u64(text + 33, number);
    if (ip)
        memcpy(text + 41, ip, 16);
    if (hash)
        memcpy(text + 57, hash, KRPC_ID);
    return sha1(out, text, sizeof text);
}

static int make(const struct dht_tokens *t, const struct addr *host, const uint8_t *hash,
                int64_t turn, uint8_t out[DHT_TOKEN]) {
    uint8_t full[SHA1_LEN];
    int rc = digest(t, 'T', (uint64_t)turn, host->ip, hash, full);
    if (rc == 0)
        memcpy(out, full, DHT_TOKEN);
    return rc;
}

int dht_tokens_make(const struct dht_tokens *t, const struct addr *host,
                    const uint8_t *hash, usec now, uint8_t out[DHT_TOKEN]) {
    return make(t, host, hash, now / DHT_TOKEN_TURN, out);
}

bool dht_tokens_check(const struct dht_tokens *t, const struct addr *host,
                      const uint8_t *hash, usec now, struct span token) {
    uint8_t ours[DHT_TOKEN];
    if (token.len != DHT_TOKEN)
        return false;
    for (int64_t turn = now / DHT_TOKEN_TURN, back = 0; back < 2; back++) {
        if (make(t, host, hash, turn - back, ours) < 0)
            return false;
        if (memcmp(ours, token.data, DHT_TOKEN) == 0)
            return true;
    }
    return false;
}

int dht_tokens_draw(struct dht_tokens *t) {
    uint8_t full[SHA1_LEN];
    int rc = digest(t, 'D', t->drawn++, NULL, NULL, full);
    return rc < 0 ? rc : get_u16(full);
}
