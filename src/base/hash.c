/* hash: digests by OpenSSL, and the CRC of BEP 40 and BEP 42.
 *
 * OpenSSL's low-level SHA calls run the same assembly (SHA-NI, ARMv8) as EVP, but need neither
 * a provider lookup nor an allocation per digest. The lookup costs more than a short message
 * (a DHT token, an MSE key), and remembering its result would be global state. They are
 * deprecated, not gone: OPENSSL_API_COMPAT asks for the API of 1.1. */
#define OPENSSL_API_COMPAT 10100

#include "base/hash.h"

#include "base/err.h"

#include <openssl/sha.h>
#include <stdlib.h>

struct hasher {
    SHA_CTX context;
};

int sha1(uint8_t out[SHA1_LEN], const void *data, size_t len) {
    SHA_CTX context;
    bool ok = SHA1_Init(&context) && SHA1_Update(&context, data, len) &&
              SHA1_Final(out, &context);
    return ok ? 0 : ERR_NOMEM;
}

int sha256(uint8_t out[SHA256_LEN], const void *data, size_t len) {
    SHA256_CTX context;
    bool ok = SHA256_Init(&context) && SHA256_Update(&context, data, len) &&
              SHA256_Final(out, &context);
    return ok ? 0 : ERR_NOMEM;
}

struct hasher *hasher_new_sha1(void) {
    struct hasher *h = malloc(sizeof *h);
    if (h && !SHA1_Init(&h->context)) {
        free(h);
        return NULL;
    }
    return h;
}

int hasher_add(struct hasher *h, const void *data, size_t len) {
    return SHA1_Update(&h->context, data, len) ? 0 : ERR_NOMEM;
}

int hasher_finish(struct hasher *h, uint8_t out[SHA1_LEN]) {
    return SHA1_Final(out, &h->context) && SHA1_Init(&h->context) ? 0 : ERR_NOMEM;
}

void hasher_free(struct hasher *h) {
    free(h);
}

/* Castagnoli's polynomial, reflected, four bits at a step: what we sum is a dozen bytes, so a
 * table of sixteen that fits in one cache line beats one of 256. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len) {
    static const uint32_t nibbles[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
    };
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}
