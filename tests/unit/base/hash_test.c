#include "base/hash.h"

#include "base/bytes.h"
#include "support/check.h"

static const char *sha1_of(const char *data, size_t len) {
    static char hex[2 * SHA1_LEN + 1];
    uint8_t out[SHA1_LEN];
    CHECK_INT(sha1(out, data, len), 0);
    hex_encode(hex, out, sizeof out);
    return hex;
}

/* FIPS 180's examples. */
static const char two_blocks[] =
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

TEST(sha1_known_answers) {
    CHECK_STR(sha1_of("", 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK_STR(sha1_of("abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK_STR(sha1_of(two_blocks, strlen(two_blocks)),
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(sha1_of_no_memory_at_all) {
    CHECK_STR(sha1_of(NULL, 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(sha256_known_answer) {
    char hex[2 * SHA256_LEN + 1];
    uint8_t out[SHA256_LEN];
    CHECK_INT(sha256(out, "abc", 3), 0);
    hex_encode(hex, out, sizeof out);
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(hasher_in_parts_equals_one_shot) {
    uint8_t data[300], whole[SHA1_LEN], parts[SHA1_LEN];
    struct hasher *h = hasher_new_sha1();
    CHECK(h);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    CHECK_INT(sha1(whole, data, sizeof data), 0);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        CHECK_INT(hasher_add(h, data, cut), 0);
        CHECK_INT(hasher_add(h, data + cut, sizeof data - cut), 0);
        CHECK_INT(hasher_finish(h, parts), 0); /* and the next round starts anew */
        CHECK_MEM(parts, whole, SHA1_LEN);
    }
    hasher_free(h);
}

TEST(hasher_free_takes_null) {
    hasher_free(NULL);
}

/* RFC 3720, B.4 and the check value of the CRC catalogue. */
TEST(crc32c_known_answers) {
    uint8_t zeros[32] = {0}, ones[32], rising[32];
    memset(ones, 0xFF, sizeof ones);
    for (int i = 0; i < 32; i++)
        rising[i] = (uint8_t)i;
    CHECK_INT(crc32c(0, "", 0), 0);
    CHECK_INT(crc32c(0, "123456789", 9), 0xE3069283);
    CHECK_INT(crc32c(0, zeros, 32), 0x8A9136AA);
    CHECK_INT(crc32c(0, ones, 32), 0x62A8AB43);
    CHECK_INT(crc32c(0, rising, 32), 0x46DD794E);
}

TEST(crc32c_goes_on_where_it_stopped) {
    for (size_t cut = 0; cut <= 9; cut++)
        CHECK_INT(crc32c(crc32c(0, "123456789", cut), &"123456789"[cut], 9 - cut),
                  0xE3069283);
}

/* BEP 40's own examples: addresses masked by FF.FF.55.55, and two of one /24 in full. */
TEST(crc32c_gives_the_priorities_of_bep_40) {
    static const uint8_t far[8] = {98,  76,  54 & 0x55, 32 & 0x55,
                                   123, 213, 32 & 0x55, 10 & 0x55};
    static const uint8_t near[8] = {123, 213, 32, 10, 123, 213, 32, 234};
    CHECK_INT(crc32c(0, far, 8), 0xEC2D7224);
    CHECK_INT(crc32c(0, near, 8), 0x99568189);
}

TEST(hasher_new_says_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct hasher *h = hasher_new_sha1();
        CHECK_INT(!h, check_nomem_hit());
        hasher_free(h);
    }
}
