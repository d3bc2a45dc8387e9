/* Each backend that this machine has is held against sha1() and sha256() of hash.h. */
#define OPENSSL_API_COMPAT 10100

#include "base/hash_lanes.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/hash_backend.h"
#include "base/rng.h"
#include "support/check.h"

#include <openssl/sha.h>

#define MIB ((size_t)1 << 20)
#define LANES_MAX 17

struct hash {
    uint32_t len; /* of a digest */
    int (*alone)(uint8_t *out, const void *data, size_t len);
    void (*lanes_on)(const struct hash_backend *b, const struct lane *lanes, uint32_t n);
    void (*lanes)(const struct lane *lanes, uint32_t n);
};

static const struct hash hashes[] = {{SHA1_LEN, sha1, sha1_lanes_on, sha1_lanes},
                                     {SHA256_LEN, sha256, sha256_lanes_on, sha256_lanes}};

/* The body runs for each hash on each backend. */
#define EACH_HASH_AND_BACKEND(h, b)                                         \
    for (const struct hash *h = hashes; h < hashes + COUNT_OF(hashes); h++) \
        for (uint32_t b##_i = 0; b##_i < 3; b##_i++)                        \
            for (const struct hash_backend *b = backend_at(b##_i); b; b = NULL)

static const struct hash_backend *backend_at(uint32_t i) {
    return i == 0   ? hash_backend_openssl()
           : i == 1 ? hash_backend_x86()
                    : hash_backend_arm();
}

static uint8_t *noise(size_t len, uint64_t seed) {
    struct rng r;
    uint8_t *data = malloc(len ? len : 1);
    CHECK(data);
    rng_seed(&r, seed);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)rng_next(&r);
    return data;
}

static void check_digest(const struct hash *h, const uint8_t *got, const uint8_t *data,
                         size_t len) {
    uint8_t want[SHA256_LEN];
    CHECK_INT(h->alone(want, data, len), 0);
    CHECK_MEM(got, want, h->len);
}

static void check_lanes(const struct hash *h, const struct hash_backend *b,
                        const struct lane *lanes, uint32_t n) {
    h->lanes_on(b, lanes, n);
    for (uint32_t i = 0; i < n; i++)
        check_digest(h, lanes[i].digest, lanes[i].data, lanes[i].len);
}

/* Examples of FIPS 180: those who judge above may not be wrong in the same way as we
 * are. */
TEST(hash_lanes_known_answers) {
    static const char abc[] = "abc",
                      long_one[] =
                          "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const char *const want[][2] = {
        {"a9993e364706816aba3e25717850c26c9cd0d89d",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
    EACH_HASH_AND_BACKEND(h, b) {
        uint8_t digests[2][SHA256_LEN];
        struct lane lanes[2] = {
            {(const uint8_t *)abc, strlen(abc), digests[0], NULL},
            {(const uint8_t *)long_one, strlen(long_one), digests[1], NULL}};
        char hex[2 * SHA256_LEN + 1];
        h->lanes_on(b, lanes, 2);
        for (int i = 0; i < 2; i++) {
            hex_encode(hex, digests[i], h->len);
            CHECK_STR(hex, want[h - hashes][i]);
        }
    }
}

TEST(hash_lanes_of_every_length_around_the_padding) {
    uint8_t *data = noise(300, 1), digests[3][SHA256_LEN];
    EACH_HASH_AND_BACKEND(h, b) {
        for (size_t len = 0; len < 260; len++) {
            struct lane lanes[3] = {{data, len, digests[0], NULL},
                                    {data + 1, len + 1, digests[1], NULL},
                                    {data + 2, 260 - len, digests[2], NULL}};
            for (uint32_t n = 1; n <= 3; n++)
                check_lanes(h, b, lanes, n);
        }
    }
    free(data);
}

TEST(hash_lanes_at_every_alignment) {
    uint8_t *data = noise(1000, 2), digests[3][SHA256_LEN];
    EACH_HASH_AND_BACKEND(h, b) {
        for (size_t at = 0; at < 64; at++) {
            struct lane lanes[3] = {{data + at, 800, digests[0], NULL},
                                    {data + 64 - at, 800, digests[1], NULL},
                                    {data + at / 2, 800, digests[2], NULL}};
            check_lanes(h, b, lanes, 3);
        }
    }
    free(data);
}

TEST(hash_lanes_of_any_number_and_mix) {
    uint8_t *data = noise(6000, 3), digests[LANES_MAX][SHA256_LEN];
    struct rng r;
    rng_seed(&r, 4);
    EACH_HASH_AND_BACKEND(h, b) {
        for (int round = 0; round < 100; round++) {
            struct lane lanes[LANES_MAX];
            uint32_t n = rng_below(&r, LANES_MAX + 1);
            for (uint32_t i = 0; i < n; i++)
                lanes[i] = (struct lane){data + rng_below(&r, 1000), rng_below(&r, 5001),
                                         digests[i], NULL};
            check_lanes(h, b, lanes, n);
        }
    }
    free(data);
}

TEST(hash_lanes_of_pieces) {
    uint8_t *data = noise(4 * MIB, 5), digests[4][SHA256_LEN];
    EACH_HASH_AND_BACKEND(h, b) {
        struct lane lanes[4] = {{data, MIB, digests[0], NULL},
                                {data + MIB, 2 * MIB + 12345, digests[1], NULL},
                                {data + 3 * MIB, 77777, digests[2], NULL},
                                {data + 13, MIB - 1, digests[3], NULL}};
        check_lanes(h, b, lanes, 4);
    }
    free(data);
}

TEST(hash_lanes_on_the_best_backend) {
    uint8_t *data = noise(5000, 6), digests[5][SHA256_LEN];
    for (const struct hash *h = hashes; h < hashes + COUNT_OF(hashes); h++) {
        struct lane lanes[5];
        for (uint32_t i = 0; i < 5; i++)
            lanes[i] = (struct lane){data + i, 1000 * i, digests[i], NULL};
        h->lanes(lanes, 5);
        for (uint32_t i = 0; i < 5; i++)
            check_digest(h, digests[i], lanes[i].data, lanes[i].len);
    }
    free(data);
}

TEST(hash_lanes_read_nothing_behind_the_data) {
    uint8_t *data = noise(256, 7), digests[3][SHA256_LEN];
    EACH_HASH_AND_BACKEND(h, b) {
        for (size_t len = 1; len <= 256; len += 15) {
            uint8_t *end = check_at_page_end(data, len);
            struct lane lanes[3] = {{end, len, digests[0], NULL},
                                    {end + len / 2, len - len / 2, digests[1], NULL},
                                    {end + len, 0, digests[2], NULL}};
            check_lanes(h, b, lanes, 3);
        }
    }
    free(data);
}

TEST(hash_lanes_write_nothing_behind_the_digest) {
    EACH_HASH_AND_BACKEND(h, b) {
        uint8_t digest[SHA256_LEN + 4];
        struct lane lane = {(const uint8_t *)"abc", 3, digest, NULL};
        memset(digest, 0xEE, sizeof digest);
        h->lanes_on(b, &lane, 1);
        for (uint32_t i = h->len; i < sizeof digest; i++)
            CHECK_INT(digest[i], 0xEE);
    }
}

TEST(hash_lanes_of_no_memory_at_all) {
    EACH_HASH_AND_BACKEND(h, b) {
        uint8_t digests[2][SHA256_LEN];
        struct lane lanes[2] = {{NULL, 0, digests[0], NULL}, {NULL, 0, digests[1], NULL}};
        check_lanes(h, b, lanes, 2);
        h->lanes_on(b, NULL, 0);
    }
}

/* ---- streams ----------------------------------------------------------------------- */

struct part {
    size_t at, len; /* of the message: where the next part begins, and all of it */
    struct hash_stream stream;
    uint8_t digest[SHA256_LEN];
};

/* The next part: some blocks, or with luck the rest. False: it has ended already. */
static bool next_part(struct part *p, struct lane *out, const uint8_t *data,
                      struct rng *r) {
    size_t left = p->len - p->at, len = HASH_BLOCK * (size_t)rng_below(r, 9);
    if (p->at > p->len)
        return false;
    bool last = len >= left || rng_below(r, 10) == 0;
    *out = (struct lane){data + p->at, last ? left : len, last ? p->digest : NULL,
                         &p->stream};
    p->at = last ? p->len + 1 : p->at + len;
    return true;
}

/* Several messages advance together by different parts, beside one that is whole. */
static void hash_in_parts(const struct hash *h, const struct hash_backend *b,
                          struct part *parts, uint32_t n, const uint8_t *data,
                          struct rng *r) {
    uint8_t whole[SHA256_LEN];
    for (;;) {
        struct lane lanes[LANES_MAX] = {{data, 200, whole, NULL}};
        uint32_t count = 1;
        for (uint32_t i = 0; i < n; i++)
            count += next_part(&parts[i], &lanes[count], data, r);
        h->lanes_on(b, lanes, count);
        check_digest(h, whole, data, 200);
        if (count == 1)
            return;
    }
}

TEST(hash_lanes_in_parts_equal_one_shot) {
    uint8_t *data = noise(5000, 8);
    struct rng r;
    rng_seed(&r, 9);
    EACH_HASH_AND_BACKEND(h, b) {
        for (int round = 0; round < 30; round++) {
            struct part parts[4] = {{0}};
            for (int i = 0; i < 4; i++)
                parts[i].len = rng_below(&r, 5001);
            hash_in_parts(h, b, parts, 4, data, &r);
            for (int i = 0; i < 4; i++)
                check_digest(h, parts[i].digest, data, parts[i].len);
        }
    }
    free(data);
}

TEST(hash_lanes_make_a_stream_fit_for_the_next_message) {
    static const struct hash_stream fresh;
    uint8_t *data = noise(200, 10), digest[SHA256_LEN];
    EACH_HASH_AND_BACKEND(h, b) {
        struct hash_stream stream = {0};
        struct lane first = {data, 128, NULL, &stream},
                    last = {data + 128, 72, digest, &stream};
        for (int message = 0; message < 2; message++) {
            h->lanes_on(b, &first, 1);
            CHECK_INT(stream.len, 128);
            h->lanes_on(b, &last, 1);
            CHECK_MEM(&stream, &fresh, sizeof stream);
            check_digest(h, digest, data, 200);
        }
    }
    free(data);
}

/* Half a gigabyte has 2^32 bits. Both sides are told that five of them were hashed. */
#define LONG_BYTES ((uint64_t)5 << 29)

TEST(sha1_lanes_count_the_bits_of_long_messages) {
    uint8_t got[SHA1_LEN], want[SHA1_LEN], data[100] = {1, 2, 3};
    SHA_CTX c;
    CHECK(SHA1_Init(&c));
    struct hash_stream stream = {{c.h0, c.h1, c.h2, c.h3, c.h4}, LONG_BYTES};
    struct lane lane = {data, sizeof data, got, &stream};
    c.Nh = 5;
    sha1_lanes(&lane, 1);
    CHECK(SHA1_Update(&c, data, sizeof data) && SHA1_Final(want, &c));
    CHECK_MEM(got, want, SHA1_LEN);
}

TEST(sha256_lanes_count_the_bits_of_long_messages) {
    uint8_t got[SHA256_LEN], want[SHA256_LEN], data[100] = {1, 2, 3};
    SHA256_CTX c;
    CHECK(SHA256_Init(&c));
    struct hash_stream stream = {{0}, LONG_BYTES};
    struct lane lane = {data, sizeof data, got, &stream};
    memcpy(stream.state, c.h, sizeof stream.state);
    c.Nh = 5;
    sha256_lanes(&lane, 1);
    CHECK(SHA256_Update(&c, data, sizeof data) && SHA256_Final(want, &c));
    CHECK_MEM(got, want, SHA256_LEN);
}
