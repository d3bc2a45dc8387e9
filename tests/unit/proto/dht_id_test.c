/* dht_id: distances, and the vectors of BEP 42. */
#include "proto/dht_id.h"

#include "base/bytes.h"
#include "support/check.h"

static struct addr address(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, 6881), 0);
    return a;
}

static void id_of(uint8_t id[KRPC_ID], const char *hex) {
    CHECK_INT(hex_decode(id, hex, KRPC_ID), 0);
}

TEST(dht_id_knows_the_vectors_of_bep_42) {
    static const struct {
        const char *ip, *id;
    } rows[] = {
        {"124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"},
        {"21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"},
        {"65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"},
        {"84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"},
        {"43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t j = 0; j < COUNT_OF(rows); j++) {
            struct addr a = address(rows[j].ip);
            uint8_t id[KRPC_ID];
            id_of(id, rows[i].id);
            CHECK_INT(dht_id_fits(id, &a), i == j);
        }
    }
}

TEST(dht_id_fits_by_21_bits_and_the_last_three) {
    struct addr a = address("124.31.75.21");
    for (unsigned bit = 0; bit < 8 * KRPC_ID; bit++) {
        uint8_t id[KRPC_ID];
        id_of(id, "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401");
        id[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        CHECK_INT(dht_id_fits(id, &a), bit >= 21 && bit < 157);
    }
}

TEST(dht_id_is_made_to_fit) {
    static const char *const ips[] = {"1.2.3.4", "203.0.113.9", "2001:db8::1",
                                      "10.0.0.1"};
    struct rng rng;
    rng_seed(&rng, 7);
    for (size_t i = 0; i < COUNT_OF(ips); i++) {
        struct addr a = address(ips[i]);
        uint8_t first[KRPC_ID], second[KRPC_ID];
        dht_id_make(first, &a, &rng);
        dht_id_make(second, &a, &rng);
        CHECK(dht_id_fits(first, &a) && dht_id_fits(second, &a));
        CHECK(memcmp(first, second, KRPC_ID) != 0);
    }
}

TEST(dht_id_of_an_ipv6_address_depends_on_its_first_half) {
    struct addr a = address("2001:db8:1:2::1"), same = address("2001:db8:1:2:ff::9"),
                other = address("2001:db9:1:2::1");
    struct rng rng;
    uint8_t id[KRPC_ID];
    rng_seed(&rng, 7);
    dht_id_make(id, &a, &rng);
    CHECK(dht_id_fits(id, &same));
    CHECK(!dht_id_fits(id, &other));
}

TEST(dht_id_of_a_local_address_may_be_any) {
    static const char *const ips[] = {"10.1.2.3",    "172.16.0.1", "192.168.1.1",
                                      "169.254.0.1", "127.0.0.1",  "::1",
                                      "fe80::1"};
    uint8_t id[KRPC_ID] = {0};
    for (size_t i = 0; i < COUNT_OF(ips); i++) {
        struct addr a = address(ips[i]);
        CHECK(dht_id_fits(id, &a));
    }
}

TEST(dht_id_compares_by_xor) {
    uint8_t target[KRPC_ID] = {0xf0}, near[KRPC_ID] = {0xf1}, far[KRPC_ID] = {0x70};
    CHECK(dht_id_compare(target, near, far) < 0);
    CHECK(dht_id_compare(target, far, near) > 0);
    CHECK_INT(dht_id_compare(target, near, near), 0);
    far[0] = near[0], far[19] = 1;
    CHECK(dht_id_compare(target, near, far) < 0);
}

TEST(dht_id_random_shares_just_so_many_bits) {
    struct rng rng;
    uint8_t near[KRPC_ID], out[KRPC_ID];
    rng_seed(&rng, 3);
    for (unsigned shared = 0; shared < 8 * KRPC_ID; shared++) {
        for (size_t i = 0; i < KRPC_ID; i++)
            near[i] = (uint8_t)rng_below(&rng, 256);
        dht_id_random(out, near, shared, &rng);
        CHECK_INT(dht_id_shared(near, out), shared);
    }
    CHECK_INT(dht_id_shared(near, near), 160);
}

TEST(dht_id_knows_neighbours) {
    static const struct {
        const char *a, *b;
        bool block, host;
    } rows[] = {
        {"1.2.3.4:1", "1.2.3.4:2", true, true},
        {"1.2.3.4:1", "1.2.3.5:1", true, false},
        {"1.2.3.4:1", "1.2.4.4:1", false, false},
        {"[2001:db8::1]:1", "[2001:db8::2]:2", true, true},
        {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false, false},
        {"10.0.0.1:1", "10.0.0.1:1", false, true},
        {"10.0.0.1:1", "10.0.0.1:2", false, false},
        {"127.0.0.1:1", "127.0.0.1:2", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct addr a = address(rows[i].a), b = address(rows[i].b);
        CHECK_INT(dht_same_block(&a, &b), rows[i].block);
        CHECK_INT(dht_same_host(&a, &b), rows[i].host);
    }
}
