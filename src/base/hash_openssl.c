/* hash_openssl: OpenSSL as a backend of hash_lanes, for CPUs that have no kernels of
 * ours and as the judge of those that have. One message at a time.
 *
 * A context with nothing in its buffer is a state and no more, and SHA1_Update then
 * hands whole blocks to the compression function without a copy (for the choice of these
 * calls see hash.c). */
#define OPENSSL_API_COMPAT 10100

#include "base/hash_backend.h"

#include <openssl/sha.h>

/* The result of the updates is 1 in every version: nothing can go wrong in them. */
static void sha1_blocks(uint32_t *const state[], const uint8_t *const data[],
                        size_t blocks) {
    uint32_t *s = state[0];
    SHA_CTX c = {.h0 = s[0], .h1 = s[1], .h2 = s[2], .h3 = s[3], .h4 = s[4]};
    (void)SHA1_Update(&c, data[0], blocks * HASH_BLOCK);
    s[0] = c.h0;
    s[1] = c.h1;
    s[2] = c.h2;
    s[3] = c.h3;
    s[4] = c.h4;
}

static void sha256_blocks(uint32_t *const state[], const uint8_t *const data[],
                          size_t blocks) {
    SHA256_CTX c = {.md_len = SHA256_DIGEST_LENGTH};
    for (int i = 0; i < 8; i++)
        c.h[i] = state[0][i];
    (void)SHA256_Update(&c, data[0], blocks * HASH_BLOCK);
    for (int i = 0; i < 8; i++)
        state[0][i] = c.h[i];
}

const struct hash_backend *hash_backend_openssl(void) {
    static const struct hash_backend openssl = {"openssl", .sha1 = {{sha1_blocks}},
                                                .sha256 = {{sha256_blocks}}};
    return &openssl;
}
