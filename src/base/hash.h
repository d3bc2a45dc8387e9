/* hash: SHA-1, SHA-256 and CRC-32C. With hash_openssl and proto/mse the only file that
 * knows OpenSSL.
 *
 * Nothing here keeps state between calls but the context that the caller owns, so any
 * thread may hash. Many messages at once are faster by hash_lanes.h. */
#ifndef MARE_HASH_H
#define MARE_HASH_H

#include "base/base.h"

#define SHA1_LEN 20
#define SHA256_LEN 32

/* 0 or ERR_NOMEM, as all that return int here. */
int sha1(uint8_t out[SHA1_LEN], const void *data, size_t len) MUST_USE;
int sha256(uint8_t out[SHA256_LEN], const void *data, size_t len) MUST_USE;

/* A digest in progress, for data that comes in parts. */
struct hasher;
struct hasher *hasher_new_sha1(void); /* NULL when out of memory */
int hasher_add(struct hasher *h, const void *data, size_t len) MUST_USE;
int hasher_finish(struct hasher *h, uint8_t out[SHA1_LEN]) MUST_USE; /* and starts anew */
void hasher_free(struct hasher *h);

uint32_t crc32c(uint32_t crc, const void *data, size_t len); /* start with 0 */

#endif
