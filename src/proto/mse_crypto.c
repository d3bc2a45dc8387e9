/* mse_crypto: big numbers and RC4 by OpenSSL.
 *
 * Why the low-level RC4 and not EVP: OpenSSL 3 keeps EVP's RC4 in its legacy provider, a module
 * of its own that has to be found on disk (some distributions put it into another package) and
 * loaded. Loaded into the default context it changes what our host process gets from OpenSSL,
 * since the default provider is then no longer loaded by itself; a context of our own would be
 * global state. RC4() is the same assembly, allocates nothing, and its state can lie inside
 * the connection. It is deprecated, not gone: OPENSSL_API_COMPAT asks for the API of 1.1, as
 * base/hash does. An OpenSSL built without either says so by a macro: then mse_supported has
 * the sentence for it.
 *
 * The private key is marked for constant time: what a peer can measure is how long we take. */
#define OPENSSL_API_COMPAT 10100

#include "proto/mse_crypto.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/rc4.h>
#include <string.h>

/* Not the first Oakley group (RFC 2409, 6.1): the last 65 bits are MSE's own. */
static const uint8_t prime[MSE_KEY_LEN] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC9, 0x0F, 0xDA, 0xA2, 0x21, 0x68,
    0xC2, 0x34, 0xC4, 0xC6, 0x62, 0x8B, 0x80, 0xDC, 0x1C, 0xD1, 0x29, 0x02, 0x4E, 0x08,
    0x8A, 0x67, 0xCC, 0x74, 0x02, 0x0B, 0xBE, 0xA6, 0x3B, 0x13, 0x9B, 0x22, 0x51, 0x4A,
    0x08, 0x79, 0x8E, 0x34, 0x04, 0xDD, 0xEF, 0x95, 0x19, 0xB3, 0xCD, 0x3A, 0x43, 0x1B,
    0x30, 0x2B, 0x0A, 0x6D, 0xF2, 0x5F, 0x14, 0x37, 0x4F, 0xE1, 0x35, 0x6D, 0x6D, 0x51,
    0xC2, 0x45, 0xE4, 0x85, 0xB5, 0x76, 0x62, 0x5E, 0x7E, 0xC6, 0xF4, 0x4C, 0x42, 0xE9,
    0xA6, 0x3A, 0x36, 0x21, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0x05, 0x63,
};

static const uint8_t generator[MSE_KEY_LEN] = {[MSE_KEY_LEN - 1] = 2};

/* ---- Diffie-Hellman --------------------------------------------------------------------- */

static int power_within(BN_CTX *ctx, uint8_t out[MSE_KEY_LEN],
                        const uint8_t base[MSE_KEY_LEN],
                        const uint8_t secret[MSE_SECRET_LEN]) {
    BIGNUM *p = BN_CTX_get(ctx), *b = BN_CTX_get(ctx), *x = BN_CTX_get(ctx);
    BIGNUM *y = BN_CTX_get(ctx); /* NULL if one of those is */
    bool ok = y && BN_bin2bn(prime, sizeof prime, p) && BN_bin2bn(base, MSE_KEY_LEN, b) &&
              BN_bin2bn(secret, MSE_SECRET_LEN, x);
    if (!ok)
        return ERR_NOMEM;
    BN_set_flags(x, BN_FLG_CONSTTIME);
    ok = BN_mod_exp(y, b, x, p, ctx) && BN_bn2binpad(y, out, MSE_KEY_LEN) == MSE_KEY_LEN;
    return ok ? 0 : ERR_NOMEM;
}

/* base ^ secret mod prime. The context owns the numbers and wipes them when it goes. */
static int power(uint8_t out[MSE_KEY_LEN], const uint8_t base[MSE_KEY_LEN],
                 const uint8_t secret[MSE_SECRET_LEN]) {
    BN_CTX *ctx = BN_CTX_new();
    if (!ctx)
        return ERR_NOMEM;
    BN_CTX_start(ctx);
    int rc = power_within(ctx, out, base, secret);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    return rc;
}

/* 1 < key < prime - 1. The prime is odd: less 1 differs in the last byte alone. */
static bool is_drawn(const uint8_t key[MSE_KEY_LEN]) {
    uint8_t one[MSE_KEY_LEN] = {[MSE_KEY_LEN - 1] = 1}, last[MSE_KEY_LEN];
    memcpy(last, prime, sizeof last);
    last[MSE_KEY_LEN - 1]--;
    return memcmp(key, one, sizeof one) > 0 && memcmp(key, last, sizeof last) < 0;
}

int mse_public_key(uint8_t out[MSE_KEY_LEN], const uint8_t secret[MSE_SECRET_LEN]) {
    return power(out, generator, secret);
}

int mse_shared_key(uint8_t out[MSE_KEY_LEN], const uint8_t secret[MSE_SECRET_LEN],
                   const uint8_t theirs[MSE_KEY_LEN]) {
    return is_drawn(theirs) ? power(out, theirs, secret) : ERR_PROTOCOL;
}

/* ---- hashes ----------------------------------------------------------------------------- */

int mse_hash(uint8_t out[SHA1_LEN], const char *word, const uint8_t *data, size_t len) {
    uint8_t all[4 + MSE_KEY_LEN + 20];
    assert(len <= sizeof all - 4);
    memcpy(all, word, 4);
    memcpy(all + 4, data, len);
    return sha1(out, all, 4 + len);
}

int mse_obfuscate(uint8_t out[SHA1_LEN], const uint8_t info_hash[20]) {
    return mse_hash(out, "req2", info_hash, 20);
}

/* ---- RC4 -------------------------------------------------------------------------------- */

#if defined OPENSSL_NO_RC4 || defined OPENSSL_NO_DEPRECATED_3_0

int mse_supported(struct err *e) {
    return err_set(
        e, ERR_UNSUPPORTED,
        "encryption of peer connections needs RC4, which this build's OpenSSL "
        "was made without: switch encryption off, or build with another OpenSSL");
}

int mse_cipher_init(struct mse_cipher *c, const uint8_t *key, size_t len) {
    (void)c, (void)key, (void)len;
    return ERR_UNSUPPORTED;
}

void mse_encrypt(struct mse_cipher *c, uint8_t *out, const uint8_t *in, size_t len) {
    (void)c, (void)out, (void)in, (void)len;
    assert(!"there is no cipher");
}

#else

/* Their context is numbers of 32 bits through and through; ours is room for it that needs no
 * header of theirs. */
_Static_assert(sizeof(RC4_KEY) == sizeof(struct mse_cipher) && sizeof(RC4_INT) == 4,
               "struct mse_cipher is as large as an RC4_KEY");

int mse_supported(struct err *e) {
    (void)e;
    return 0;
}

/* The beginning of an RC4 stream tells of its key: nobody sees it. */
int mse_cipher_init(struct mse_cipher *c, const uint8_t *key, size_t len) {
    uint8_t discarded[1024] = {0};
    RC4_set_key((RC4_KEY *)c, (int)len, key);
    mse_decrypt(c, discarded, sizeof discarded);
    return 0;
}

void mse_encrypt(struct mse_cipher *c, uint8_t *out, const uint8_t *in, size_t len) {
    RC4((RC4_KEY *)c, len, in, out);
}

#endif

/* RC4 adds the same bytes again: there and back are one way. */
void mse_decrypt(struct mse_cipher *c, uint8_t *data, size_t len) {
    mse_encrypt(c, data, data, len);
}

void mse_decrypt_iov(struct mse_cipher *c, const struct iovec *iov, int n, size_t len) {
    for (int i = 0; i < n && len; i++) {
        size_t here = MIN(len, iov[i].iov_len);
        mse_decrypt(c, iov[i].iov_base, here);
        len -= here;
    }
}
