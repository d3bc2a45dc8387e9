/* mse_crypto as it is built where OpenSSL has no RC4: a second copy of it, under other names. */
#include <openssl/opensslconf.h>
#ifndef OPENSSL_NO_RC4
#define OPENSSL_NO_RC4
#endif
#define mse_supported without_rc4_supported
#define mse_public_key without_rc4_public_key
#define mse_shared_key without_rc4_shared_key
#define mse_hash without_rc4_hash
#define mse_obfuscate without_rc4_obfuscate
#define mse_cipher_init without_rc4_cipher_init
#define mse_encrypt without_rc4_encrypt
#define mse_decrypt without_rc4_decrypt
#define mse_decrypt_iov without_rc4_decrypt_iov
#include "../src/proto/mse_crypto.c"

#include "support/check.h"

TEST(mse_without_rc4_says_so_in_a_sentence) {
    struct err e = {0};
    CHECK_INT(mse_supported(&e), ERR_UNSUPPORTED);
    CHECK_INT(e.code, ERR_UNSUPPORTED);
    CHECK(strstr(e.text, "needs RC4") && strstr(e.text, "switch encryption off"));
    CHECK(strlen(e.text) < sizeof e.text - 1); /* nothing is cut */
}

TEST(mse_without_rc4_makes_no_cipher) {
    struct mse_cipher c;
    CHECK_INT(mse_cipher_init(&c, (const uint8_t *)"key", 3), ERR_UNSUPPORTED);
}
