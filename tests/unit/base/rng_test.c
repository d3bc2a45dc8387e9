#include "base/rng.h"

#include "support/check.h"

/* The published generator: splitmix64(0) starts with e220a8397b1dcdaf, 6e789e6aa1b965f4,
 * 06c45d188009454f, f88bb8a8724c81ec, and those four are the state. */
TEST(rng_seed_fills_the_state_by_splitmix) {
    struct rng r;
    rng_seed(&r, 0);
    CHECK(r.state[0] == 0xE220A8397B1DCDAFu);
    CHECK(r.state[1] == 0x6E789E6AA1B965F4u);
    CHECK(r.state[2] == 0x06C45D188009454Fu);
    CHECK(r.state[3] == 0xF88BB8A8724C81ECu);
}

/* Answers of xoshiro256** for the state 1, 2, 3, 4, worked out from its definition:
 * rotl(2 * 5, 7) * 9 = 11520, then s[1] is 1 ^ 2 ^ 3 = 0, so 0. */
TEST(rng_next_follows_its_definition) {
    struct rng r = {{1, 2, 3, 4}};
    CHECK(rng_next(&r) == 11520);
    CHECK(rng_next(&r) == 0);
    CHECK(rng_next(&r) == 1509978240);
    CHECK(rng_next(&r) == 1215971899390074240);
}

TEST(rng_repeats_for_the_same_seed_only) {
    struct rng a, b, c;
    rng_seed(&a, 7), rng_seed(&b, 7), rng_seed(&c, 8);
    for (int i = 0; i < 100; i++) {
        uint64_t next = rng_next(&a);
        CHECK(next == rng_next(&b));
        CHECK(next != rng_next(&c));
    }
}

TEST(rng_below_stays_below) {
    static const uint32_t bounds[] = {1,           2,           3,         1000,
                                      0x80000000u, 0x80000001u, UINT32_MAX};
    struct rng r;
    rng_seed(&r, 1);
    for (size_t i = 0; i < COUNT_OF(bounds); i++)
        for (int n = 0; n < 1000; n++)
            CHECK(rng_below(&r, bounds[i]) < bounds[i]);
}

TEST(rng_below_zero_is_zero) {
    struct rng r;
    rng_seed(&r, 1);
    CHECK_INT(rng_below(&r, 0), 0);
}

TEST(rng_below_is_even) {
    int seen[6] = {0};
    struct rng r;
    rng_seed(&r, 3);
    for (int i = 0; i < 60000; i++)
        seen[rng_below(&r, 6)]++;
    for (int i = 0; i < 6; i++)
        CHECK(seen[i] > 9500 && seen[i] < 10500); /* five deviations */
}

/* Two thirds of 2^32: plain multiplication would hit each third value twice as often. */
TEST(rng_below_is_even_for_a_large_bound) {
    int low = 0;
    struct rng r;
    rng_seed(&r, 3);
    for (int i = 0; i < 30000; i++)
        low += rng_below(&r, 0xC0000000u) % 3 == 0;
    CHECK(low > 9500 && low < 10500);
}

TEST(rng_secret_fills_every_byte) {
    uint8_t all[600] = {0}; /* more than the kernel promises at once */
    for (int round = 0; round < 20; round++) {
        uint8_t some[sizeof all];
        CHECK_INT(rng_secret(some, sizeof some), 0);
        for (size_t i = 0; i < sizeof all; i++)
            all[i] |= some[i];
    }
    for (size_t i = 0; i < sizeof all; i++)
        CHECK(all[i]); /* by chance: once in 2^160 */
}

TEST(rng_secret_differs_each_time) {
    uint8_t a[16], b[16];
    CHECK_INT(rng_secret(a, sizeof a), 0);
    CHECK_INT(rng_secret(b, sizeof b), 0);
    CHECK(memcmp(a, b, sizeof a));
}

TEST(rng_secret_of_nothing) {
    CHECK_INT(rng_secret(NULL, 0), 0);
}
