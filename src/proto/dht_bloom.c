/* dht_bloom: 2,048 bits, two of which are set for each host: those that the first and the second
 * two bytes of SHA-1(address) name, the lower byte first (BEP 33). */
#include "proto/dht_bloom.h"

#include "base/hash.h"

static void set_bit(uint8_t filter[KRPC_BLOOM], const uint8_t index[2]) {
    unsigned bit = (unsigned)(index[0] | index[1] << 8) % (8 * KRPC_BLOOM);
    filter[bit / 8] |= (uint8_t)(1u << bit % 8);
}

int dht_bloom_add(uint8_t filter[KRPC_BLOOM], const struct addr *host) {
    uint8_t digest[SHA1_LEN];
    int rc = sha1(digest, host->ip, host->family == 6 ? 16 : 4);
    if (rc < 0)
        return rc;
    set_bit(filter, digest);
    set_bit(filter, digest + 2);
    return 0;
}
