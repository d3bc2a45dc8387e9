/* dht_id: distances between ids, and the ids that an address allows (BEP 42).
 *
 *     id   [ 21 bits of crc32c(address masked, r) | 131 random bits | 5 random bits, r : 3 ]
 *
 * Who wants to sit around an info hash must find addresses whose checksum leads there: a
 * network of his own gives him eight ids per masked address, not as many as he likes. */
#include "proto/dht_id.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"

int dht_id_compare(const uint8_t *target, const uint8_t *a, const uint8_t *b) {
    for (size_t i = 0; i < KRPC_ID; i++) {
        if (a[i] != b[i])
            return (a[i] ^ target[i]) - (b[i] ^ target[i]);
    }
    return 0;
}

unsigned dht_id_shared(const uint8_t *a, const uint8_t *b) {
    unsigned bits = 0, i = 0;
    while (i < KRPC_ID && a[i] == b[i])
        i++;
    if (i == KRPC_ID)
        return 8 * KRPC_ID;
    while (!((a[i] ^ b[i]) & 0x80 >> bits))
        bits++;
    return 8 * i + bits;
}

static void fill(uint8_t *out, size_t len, struct rng *rng) {
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(rng_next(rng) >> 32);
}

void dht_id_random(uint8_t out[KRPC_ID], const uint8_t *near, unsigned shared,
                   struct rng *rng) {
    unsigned byte = shared / 8, mask = 0xffu >> shared % 8; /* bits not shared */
    assert(shared < 8 * KRPC_ID);
    fill(out, KRPC_ID, rng);
    memcpy(out, near, byte);
    out[byte] = (uint8_t)((near[byte] & ~mask) | (out[byte] & mask));
    unsigned flip = 0x80u >> shared % 8; /* the first bit that differs */
    out[byte] = (uint8_t)((out[byte] & ~flip) | (~near[byte] & flip));
}

static bool is_local(const struct addr *a) {
    return addr_kind(a) != ADDR_GLOBAL;
}

/* The checksum whose first 21 bits begin the id. */
static uint32_t checksum(const struct addr *a, unsigned r) {
    static const uint8_t mask4[] = {0x03, 0x0f, 0x3f, 0xff};
    static const uint8_t mask6[] = {0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff};
    const uint8_t *mask = a->family == 6 ? mask6 : mask4;
    size_t len = a->family == 6 ? sizeof mask6 : sizeof mask4;
    uint8_t ip[8];
    for (size_t i = 0; i < len; i++)
        ip[i] = a->ip[i] & mask[i];
    ip[0] |= (uint8_t)((r & 7) << 5);
    return crc32c(0, ip, len);
}

bool dht_id_fits(const uint8_t *id, const struct addr *a) {
    if (is_local(a))
        return true;
    uint32_t differ = checksum(a, id[KRPC_ID - 1]) ^ get_u32(id);
    return differ >> 11 == 0;
}

void dht_id_make(uint8_t out[KRPC_ID], const struct addr *a, struct rng *rng) {
    fill(out, KRPC_ID, rng);
    if (is_local(a))
        return;
    uint32_t crc = checksum(a, out[KRPC_ID - 1]);
    put_u32(out, (crc & ~0x7ffu) | (get_u32(out) & 0x7ffu));
}

bool dht_same_block(const struct addr *a, const struct addr *b) {
    size_t len = a->family == 6 ? 8 : 3;
    return a->family == b->family && !memcmp(a->ip, b->ip, len) && !is_local(a);
}

bool dht_same_host(const struct addr *a, const struct addr *b) {
    if (is_local(a))
        return addr_equal(a, b);
    return a->family == 6 ? dht_same_block(a, b) : addr_same_ip(a, b);
}
