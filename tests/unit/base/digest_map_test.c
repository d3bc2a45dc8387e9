/* digest_map against what a child would do: a list. */
#include "base/digest_map.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/rng.h"
#include "support/check.h"

/* Few homes, so that there are collisions: the first bytes come from eight values. */
static void make_key(uint8_t key[DIGEST_LEN], uint32_t i) {
    memset(key, 0, DIGEST_LEN);
    put_u32(key, i % 8 * 3);
    put_u32(key + 16, i);
}

TEST(digest_map_finds_nothing_in_an_empty_one) {
    struct digest_map m = {0};
    uint8_t key[DIGEST_LEN] = {1};
    CHECK(!digest_map_find(&m, key));
    digest_map_remove(&m, key);
    CHECK_INT(m.count, 0);
    digest_map_fini(&m);
}

TEST(digest_map_keeps_the_first_of_two_with_one_key) {
    struct digest_map m = {0};
    uint8_t key[DIGEST_LEN] = {1};
    int a, b;
    CHECK_INT(digest_map_add(&m, key, &a), 0);
    CHECK_INT(digest_map_add(&m, key, &b), ERR_EXISTS);
    CHECK(digest_map_find(&m, key) == &a);
    digest_map_fini(&m);
}

#define KEYS 300u

TEST(digest_map_agrees_with_a_list_through_adding_and_removing) {
    struct digest_map m = {0};
    struct rng rng;
    bool there[KEYS] = {false};
    uint32_t count = 0;
    uint8_t key[DIGEST_LEN];
    rng_seed(&rng, 7);
    for (int step = 0; step < 20000; step++) {
        uint32_t i = rng_below(&rng, KEYS);
        make_key(key, i);
        if (there[i])
            digest_map_remove(&m, key);
        else
            CHECK_INT(digest_map_add(&m, key, &there[i]), 0);
        there[i] = !there[i];
        count += there[i] ? 1u : (uint32_t)-1;
        CHECK_INT(m.count, count);
        uint32_t other = rng_below(&rng, KEYS);
        make_key(key, other);
        CHECK(digest_map_find(&m, key) == (there[other] ? &there[other] : NULL));
    }
    digest_map_fini(&m);
}

TEST(digest_map_is_unchanged_when_memory_ends) {
    CHECK_EACH_NOMEM(n) {
        struct digest_map m = {0};
        uint8_t key[DIGEST_LEN];
        uint32_t added = 0;
        int rc = 0;
        for (; added < 40 && rc == 0; added += rc == 0) {
            make_key(key, added);
            rc = digest_map_add(&m, key, &m);
        }
        if (check_nomem_hit())
            CHECK_INT(rc, ERR_NOMEM);
        CHECK_INT(m.count, added);
        for (uint32_t i = 0; i < 40; i++) {
            make_key(key, i);
            CHECK(!digest_map_find(&m, key) == (i >= added));
        }
        digest_map_fini(&m);
    }
}
