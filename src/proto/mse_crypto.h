/* mse_crypto: the sums behind mse: Diffie-Hellman over a prime of 768 bits, hashes of a word
 * and a key, and RC4 whose first 1,024 bytes are thrown away.
 *
 * None of this is strong by the measure of today, and it need not be: it hides what is spoken
 * from boxes that look for BitTorrent, not from those who know the info-hash. */
#ifndef MARE_MSE_CRYPTO_H
#define MARE_MSE_CRYPTO_H

#include <sys/uio.h>

#include "base/err.h"
#include "base/hash.h"

#define MSE_KEY_LEN 96    /* a public key, and the secret both sides come to share */
#define MSE_SECRET_LEN 20 /* a private key: 160 bits, as the protocol advises */

/* 0, or ERR_UNSUPPORTED with a sentence: this OpenSSL has no RC4, without which there is no
 * MSE at all. Ask when settings are made, not when a peer is there. */
int mse_supported(struct err *e) MUST_USE;

/* All 0 or ERR_NOMEM, but what is said. */

/* The public key that belongs to a private one. */
int mse_public_key(uint8_t out[MSE_KEY_LEN], const uint8_t secret[MSE_SECRET_LEN])
    MUST_USE;
/* What both sides know, always of full length: leading zeros are part of it. ERR_PROTOCOL for
 * keys that nobody draws: 0, 1, the prime less 1 (what is shared would be known to all) and
 * numbers that are not below it. */
int mse_shared_key(uint8_t out[MSE_KEY_LEN], const uint8_t secret[MSE_SECRET_LEN],
                   const uint8_t theirs[MSE_KEY_LEN]) MUST_USE;

/* SHA-1 of a word of four letters ("req1", ...) and at most 116 bytes behind it. */
int mse_hash(uint8_t out[SHA1_LEN], const char *word, const uint8_t *data, size_t len)
    MUST_USE;
/* How a peer that comes in names a torrent: what a `find` hook looks for. Worth keeping with
 * each torrent. */
int mse_obfuscate(uint8_t out[SHA1_LEN], const uint8_t info_hash[20]) MUST_USE;

/* One direction of a connection: RC4 where it stands. May be copied to another place, but
 * bytes go through one copy only. */
struct mse_cipher {
    uint32_t state[258];
};

/* With 1,024 bytes behind it. ERR_UNSUPPORTED: see mse_supported. */
int mse_cipher_init(struct mse_cipher *c, const uint8_t *key, size_t len) MUST_USE;
/* In place: a block is decrypted where it was received, which is its final place. */
void mse_decrypt(struct mse_cipher *c, uint8_t *data, size_t len);
/* The first len bytes of what a readv filled. */
void mse_decrypt_iov(struct mse_cipher *c, const struct iovec *iov, int n, size_t len);
/* `out` may be `in`, else they must not overlap. */
void mse_encrypt(struct mse_cipher *c, uint8_t *out, const uint8_t *in, size_t len);

#endif
