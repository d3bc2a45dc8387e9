/* mse_crypto: known answers for the cipher and for the keys, and keys that nobody draws. The
 * numbers of the keys were made with the integers of Python. */
#include "proto/mse_crypto.h"

#include "base/bytes.h"
#include "support/check.h"

static void from_hex(uint8_t *out, const char *hex) {
    CHECK_INT(hex_decode(out, hex, strlen(hex) / 2), 0);
}

TEST(mse_is_supported_by_this_openssl) {
    struct err e = {0};
    CHECK_INT(mse_supported(&e), 0);
}

/* RFC 6229, from offset 1,024 on: what comes before is thrown away. */
TEST(mse_cipher_agrees_with_rfc_6229) {
    static const struct {
        const char *key;
        size_t offset;
        const char *stream;
    } rows[] = {
        {"0102030405", 1024, "30abbcc7c20b01609f23ee2d5f6bb7df"},
        {"0102030405", 1520, "3294f744d8f9790507e70f62e5bbceea"},
        {"0102030405", 4096, "ff25b58995996707e51fbdf08b34d875"},
        {"0102030405060708090a0b0c0d0e0f10", 1024, "bdf0324e6083dcc6d3cedd3ca8c53c16"},
        {"0102030405060708090a0b0c0d0e0f10", 4096, "a36a4c301ae8ac13610ccbc12256cacc"},
        {"1ada31d5cf688221c109163908ebe51debb46227c6cc8b37641910833222772a", 1024,
         "3477c7f764a41baceff90bf14f92b7cc"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mse_cipher c;
        uint8_t key[32], want[16], stream[4096 + 16] = {0};
        size_t len = rows[i].offset - 1024 + sizeof want;
        from_hex(key, rows[i].key);
        from_hex(want, rows[i].stream);
        CHECK_INT(mse_cipher_init(&c, key, strlen(rows[i].key) / 2), 0);
        mse_decrypt(&c, stream, len);
        CHECK_MEM(stream + len - sizeof want, want, sizeof want);
    }
}

TEST(mse_cipher_goes_on_wherever_the_stream_is_cut) {
    struct mse_cipher whole, parts, copy;
    uint8_t plain[300], want[300], got[300];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7);
    CHECK_INT(mse_cipher_init(&whole, plain, 20), 0);
    parts = whole;
    mse_encrypt(&whole, want, plain, sizeof plain);
    for (size_t at = 0, n = 1; at < sizeof plain; at += n++) {
        copy = parts; /* a cipher may move */
        n = MIN(n, sizeof plain - at);
        mse_encrypt(&copy, got + at, plain + at, n);
        parts = copy;
    }
    CHECK_MEM(got, want, sizeof want);
}

TEST(mse_cipher_ends_with_the_data) {
    struct mse_cipher there, back;
    uint8_t key[20] = {1};
    for (size_t len = 0; len < 70; len++) {
        uint8_t zeros[70] = {0}, *data = check_at_page_end(zeros, len);
        CHECK_INT(mse_cipher_init(&there, key, sizeof key), 0);
        back = there;
        mse_encrypt(&there, data, data, len);
        CHECK(len < 8 || memcmp(data, zeros, len) != 0);
        mse_decrypt(&back, data, len);
        CHECK_MEM(data, zeros, len);
    }
}

/* A read that filled one and a half of three places. */
TEST(mse_cipher_decrypts_the_places_of_a_read_and_no_more) {
    struct mse_cipher there, back;
    uint8_t sent[24], a[16], b[16], c[16], untouched[16];
    struct iovec iov[] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    memset(sent, 'x', sizeof sent);
    memset(untouched, 'u', sizeof untouched);
    memset(b, 'u', sizeof b), memset(c, 'u', sizeof c);
    CHECK_INT(mse_cipher_init(&there, sent, 20), 0);
    back = there;
    mse_encrypt(&there, sent, sent, sizeof sent);
    memcpy(a, sent, 16);
    memcpy(b, sent + 16, 8);
    mse_decrypt_iov(&back, iov, COUNT_OF(iov), sizeof sent);
    CHECK_MEM(a, "xxxxxxxxxxxxxxxx", 16);
    CHECK_MEM(b, "xxxxxxxxuuuuuuuu", 16);
    CHECK_MEM(c, untouched, sizeof c);
    uint8_t end[4] = {0}, want[4] = {0};
    mse_decrypt(&there, want, sizeof want);
    mse_decrypt(&back, end, sizeof end);
    CHECK_MEM(end, want, sizeof end);
}

static const char secret_a[] = "0102030405060708090a0b0c0d0e0f1011121314";
static const char secret_b[] = "15161718191a1b1c1d1e1f202122232400009cbe";
static const char public_a[] =
    "96e112dab29e8c5272accb9b17b26887ce54a144a4e3b697c7d159b7a817e556"
    "b0918db2b4c658e02a87f7e5fb14b18a553e084cbf3dad2d30f16596ccb982d4"
    "06258c61b30c5c1dae2ddc60bdbd48d79896312aad63238c39e1a633821eb693";
static const char public_b[] =
    "7eee7c66e6d3f7a16c9e2eccfe4645339f78001da184b8300d4e0b61950f42cc"
    "9e96b728219525ea702e49f850256b79bd9e748f7dd6263ca2605cd864c2d040"
    "ad6d1d3e15d9efb48bf65b0ac5fd8e56222269e4064c6e78d9673edaf2697380";
static const char shared_by_both[] = /* begins with two bytes of zero */
    "0000307e661eea7eacb5c8973fb19949fc40d172072fca855f13b83cdeff0667"
    "66776bd8d004c113d2eda6084ba43d223ed9aec1d43cb8522f233ca22bf938f6"
    "4eb2e26215213f5da8adf9b923ec3cef43755da440c7b2e76e2ce6563a2a7d3e";

static void expect_key(const uint8_t *got, const char *hex) {
    uint8_t want[MSE_KEY_LEN];
    from_hex(want, hex);
    CHECK_MEM(got, want, sizeof want);
}

TEST(mse_public_key_is_the_known_one) {
    uint8_t secret[MSE_SECRET_LEN], key[MSE_KEY_LEN];
    from_hex(secret, secret_a);
    CHECK_INT(mse_public_key(key, secret), 0);
    expect_key(key, public_a);
    from_hex(secret, secret_b);
    CHECK_INT(mse_public_key(key, secret), 0);
    expect_key(key, public_b);
}

TEST(mse_public_key_keeps_its_leading_zeros) {
    uint8_t secret[MSE_SECRET_LEN] = {[MSE_SECRET_LEN - 1] = 3}, key[MSE_KEY_LEN];
    uint8_t want[MSE_KEY_LEN] = {[MSE_KEY_LEN - 1] = 8};
    memset(key, 0xff, sizeof key);
    CHECK_INT(mse_public_key(key, secret), 0);
    CHECK_MEM(key, want, sizeof want);
}

TEST(mse_shared_key_keeps_its_leading_zeros) {
    uint8_t secret[MSE_SECRET_LEN], theirs[MSE_KEY_LEN], shared[MSE_KEY_LEN];
    from_hex(secret, secret_a);
    from_hex(theirs, public_b);
    memset(shared, 0xff, sizeof shared);
    CHECK_INT(mse_shared_key(shared, secret, theirs), 0);
    expect_key(shared, shared_by_both);
    from_hex(secret, secret_b);
    from_hex(theirs, public_a);
    CHECK_INT(mse_shared_key(shared, secret, theirs), 0);
    expect_key(shared, shared_by_both);
}

TEST(mse_shared_key_refuses_keys_that_nobody_draws) {
    static const char prime_but_last[] =
        "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"
        "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
        "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a362100000000000905";
    static const struct {
        bool large;
        uint8_t last;
        int rc;
    } rows[] = {
        {false, 0, ERR_PROTOCOL},
        {false, 1, ERR_PROTOCOL},
        {false, 2, 0},
        {true, 0x61, 0},
        {true, 0x62, ERR_PROTOCOL},
        {true, 0x63, ERR_PROTOCOL},
        {true, 0x64, ERR_PROTOCOL},
    };
    uint8_t secret[MSE_SECRET_LEN] = {7}, shared[MSE_KEY_LEN];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t key[MSE_KEY_LEN] = {0};
        if (rows[i].large)
            from_hex(key, prime_but_last);
        key[MSE_KEY_LEN - 1] = rows[i].last;
        CHECK_INT(mse_shared_key(shared, secret, key), rows[i].rc);
    }
    uint8_t ones[MSE_KEY_LEN];
    memset(ones, 0xff, sizeof ones);
    CHECK_INT(mse_shared_key(shared, secret, ones), ERR_PROTOCOL);
}

TEST(mse_hash_is_of_the_word_and_the_data) {
    uint8_t got[SHA1_LEN], want[SHA1_LEN];
    CHECK_INT(sha1(want, "req2abcdefghijklmnopqrst", 24), 0);
    CHECK_INT(mse_obfuscate(got, (const uint8_t *)"abcdefghijklmnopqrst"), 0);
    CHECK_MEM(got, want, sizeof want);
}
