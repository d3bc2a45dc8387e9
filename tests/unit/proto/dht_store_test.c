/* dht_store: what others announced, within bounds. */
#include "proto/dht_store.h"

#include "base/bytes.h"
#include "proto/dht_bloom.h"
#include "support/check.h"

#define SEC USEC_PER_SEC

static struct addr peer4(uint32_t ip, uint16_t port) {
    struct addr a = {.family = 4, .port = port};
    put_u32(a.ip, ip);
    return a;
}

static void hash_of(uint8_t hash[KRPC_ID], uint32_t i) {
    memset(hash, 0, KRPC_ID);
    put_u32(hash, i);
}

static const uint8_t hash[KRPC_ID] = "some info hash", other[KRPC_ID] = "another";

static uint32_t pick(struct dht_store *s, const uint8_t *h, struct addr *out,
                     uint32_t max, usec now) {
    struct rng rng;
    rng_seed(&rng, 5);
    return dht_store_pick(s, h, 4, false, out, max, &rng, now);
}

static void put(struct dht_store *s, const uint8_t *h, struct addr a, usec now) {
    CHECK_INT(dht_store_put(s, h, &a, false, now), 0);
}

TEST(dht_store_gives_back_the_peers_of_a_hash) {
    struct dht_store s;
    struct addr out[8];
    dht_store_init(&s, 1);
    CHECK_INT(pick(&s, hash, out, 8, 0), 0);
    put(&s, hash, peer4(0x01020304, 80), 0);
    put(&s, hash, peer4(0x01020304, 80), 0); /* again: one peer still */
    put(&s, other, peer4(0x05060708, 81), 0);
    CHECK_INT(pick(&s, hash, out, 8, 0), 1);
    CHECK_INT(out[0].port, 80);
    CHECK_INT(s.peers, 2);
    CHECK_INT(s.hashes, 2);
    dht_store_fini(&s);
}

TEST(dht_store_picks_at_random) {
    struct dht_store s;
    struct rng rng;
    struct addr out[10];
    bool seen[100] = {false};
    uint32_t count = 0;
    dht_store_init(&s, 1);
    rng_seed(&rng, 9);
    for (uint32_t i = 0; i < 100; i++)
        put(&s, hash, peer4(0x01000000 + i * 256, 80), 0);
    for (int round = 0; round < 100; round++) {
        CHECK_INT(dht_store_pick(&s, hash, 4, false, out, 10, &rng, 0), 10);
        for (int i = 0; i < 10; i++)
            seen[(get_u32(out[i].ip) - 0x01000000) / 256] = true;
    }
    for (int i = 0; i < 100; i++)
        count += seen[i];
    CHECK(count > 95);
    dht_store_fini(&s);
}

TEST(dht_store_tells_families_and_seeds_apart) {
    struct dht_store s;
    struct rng rng;
    struct addr a = peer4(0x01020304, 1), b = peer4(0x02020304, 2), c, out[8];
    CHECK_INT(addr_parse(&c, "[2001:db8::1]:3", -1), 0);
    rng_seed(&rng, 1);
    dht_store_init(&s, 1);
    CHECK_INT(dht_store_put(&s, hash, &a, true, 0), 0);
    CHECK_INT(dht_store_put(&s, hash, &b, false, 0), 0);
    CHECK_INT(dht_store_put(&s, hash, &c, false, 0), 0);
    CHECK_INT(dht_store_pick(&s, hash, 4, false, out, 8, &rng, 0), 2);
    CHECK_INT(dht_store_pick(&s, hash, 4, true, out, 8, &rng, 0), 1);
    CHECK_INT(out[0].port, 2);
    CHECK_INT(dht_store_pick(&s, hash, 6, false, out, 8, &rng, 0), 1);
    CHECK_INT(out[0].port, 3);
    dht_store_fini(&s);
}

TEST(dht_store_forgets_a_peer_after_half_an_hour) {
    struct dht_store s;
    struct addr out[8];
    dht_store_init(&s, 1);
    put(&s, hash, peer4(0x01020304, 1), 0);
    put(&s, hash, peer4(0x02020304, 2), 600 * SEC);
    put(&s, other, peer4(0x02020304, 2), 0);
    CHECK_INT(pick(&s, hash, out, 8, DHT_STORE_AGE - 1), 2);
    CHECK_INT(pick(&s, hash, out, 8, DHT_STORE_AGE), 1);
    CHECK_INT(out[0].port, 2);
    dht_store_sweep(&s, DHT_STORE_AGE);
    CHECK_INT(s.hashes, 1);
    CHECK_INT(s.peers, 1);
    dht_store_sweep(&s, DHT_STORE_AGE + 600 * SEC);
    CHECK_INT(s.hashes, 0);
    dht_store_fini(&s);
}

TEST(dht_store_keeps_500_peers_of_a_hash_the_newest) {
    struct dht_store s;
    static struct addr out[DHT_STORE_PEERS + 1];
    dht_store_init(&s, 1);
    for (uint32_t i = 0; i < 2 * DHT_STORE_PEERS; i++)
        put(&s, hash, peer4(0x01000000 + i * 256, 80), i);
    CHECK_INT(pick(&s, hash, out, COUNT_OF(out), 1000), DHT_STORE_PEERS);
    for (uint32_t i = 0; i < DHT_STORE_PEERS; i++)
        CHECK(get_u32(out[i].ip) >= 0x01000000 + DHT_STORE_PEERS * 256);
    dht_store_fini(&s);
}

TEST(dht_store_keeps_2000_hashes_those_with_many_peers) {
    struct dht_store s;
    struct addr out[8];
    uint8_t h[KRPC_ID];
    dht_store_init(&s, 1);
    put(&s, hash, peer4(0x01020304, 1), 0);
    put(&s, hash, peer4(0x02020304, 1), 0);
    for (uint32_t i = 0; i < 2 * DHT_STORE_HASHES; i++) {
        hash_of(h, i);
        put(&s, h, peer4(0x01020304, 80), 0);
        CHECK(s.hashes <= DHT_STORE_HASHES);
    }
    CHECK_INT(s.hashes, DHT_STORE_HASHES);
    CHECK_INT(pick(&s, hash, out, 8, 0), 2);
    CHECK_INT(pick(&s, h, out, 8, 0), 1); /* the last one has come in */
    dht_store_fini(&s);
}

TEST(dht_store_keeps_eight_peers_of_one_host) {
    struct dht_store s;
    struct addr out[32];
    dht_store_init(&s, 1);
    put(&s, hash, peer4(0x05060708, 1), 0);
    for (uint16_t i = 1; i <= 20; i++)
        put(&s, hash, peer4(0x01020304, i), i);
    CHECK_INT(pick(&s, hash, out, 32, 20), 1 + DHT_STORE_PER_HOST);
    for (uint32_t i = 0; i < 1 + DHT_STORE_PER_HOST; i++)
        CHECK(out[i].ip[0] == 5 || out[i].port > 12);
    for (uint16_t i = 1; i <= 20; i++)
        put(&s, other, peer4(0x7f000001, i), i); /* the host of many nodes in tests */
    CHECK_INT(pick(&s, other, out, 32, 20), 20);
    dht_store_fini(&s);
}

TEST(dht_store_stays_bounded_under_a_flood) {
    struct dht_store s;
    uint8_t h[KRPC_ID];
    dht_store_init(&s, 1);
    for (uint32_t i = 0; i < 150000; i++) {
        hash_of(h, i % 1999);
        put(&s, h, peer4(0x01000000 + i * 16, 80), 0);
    }
    CHECK(s.peers <= DHT_STORE_ALL);
    CHECK(s.peers >= DHT_STORE_ALL / 2);
    CHECK(dht_store_memory(&s) < 10000000);
    dht_store_fini(&s);
}

TEST(dht_bloom_knows_the_vector_of_bep_33) {
    static const char want[] =
        "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75"
        "ee7ccbaefe5eedb1fbfaff67f6abff5e43ddbca3fd9b9ffdf4ffd3e9dff12d1b"
        "df59db53dbe9fa5b7ff3b8fdfcde1afb8bedd7be2f3ee71ebbbfe93bcdeefe14"
        "8246c2bc5dbff7e7efdcf24fd8dc7adffd8fffdfddfff7a4bbeedf5cb95ce81f"
        "c7fcff1ff4ffffdfe5f7fdcbb7fd79b3fa1fc77bfe07fff905b7b7ffc7fefeff"
        "e0b8370bb0cd3f5b7f2bd93feb4386cfdd6f7fd5bfaf2e9ebffffeecd67adbf7"
        "c67f17efd5d75eba6ffeba7fff47a91eb1bfbb53e8abfb5762abe8ff237279bf"
        "efbfeef5ffc5febfdfe5adffadfee1fb737ffffbfd9f6aeffeee76b6fd8f72ef";
    uint8_t filter[KRPC_BLOOM] = {0};
    char hex[2 * KRPC_BLOOM + 1];
    for (uint32_t i = 0; i < 256; i++) {
        struct addr a = peer4(0xc0000200 + i, 1);
        CHECK_INT(dht_bloom_add(filter, &a), 0);
    }
    for (uint16_t i = 0; i < 1000; i++) {
        struct addr a;
        CHECK_INT(addr_parse(&a, "2001:db8::", 1), 0);
        put_u16(a.ip + 14, i);
        CHECK_INT(dht_bloom_add(filter, &a), 0);
    }
    hex_encode(hex, filter, sizeof filter);
    CHECK_STR(hex, want);
}

TEST(dht_store_scrapes_seeds_and_others_apart) {
    struct dht_store s;
    uint8_t seeds[KRPC_BLOOM], peers[KRPC_BLOOM], want[KRPC_BLOOM] = {0},
                                                  none[KRPC_BLOOM] = {0};
    struct addr a = peer4(0x01020304, 1);
    dht_store_init(&s, 1);
    CHECK_INT(dht_store_scrape(&s, hash, seeds, peers, 0), ERR_NOTFOUND);
    CHECK_INT(dht_store_put(&s, hash, &a, true, 0), 0);
    CHECK_INT(dht_store_scrape(&s, hash, seeds, peers, 0), 0);
    CHECK_INT(dht_bloom_add(want, &a), 0);
    CHECK_MEM(seeds, want, KRPC_BLOOM);
    CHECK_MEM(peers, none, KRPC_BLOOM);
    dht_store_fini(&s);
}

TEST(dht_store_survives_a_lack_of_memory) {
    CHECK_EACH_NOMEM(n) {
        struct dht_store s;
        bool failed = false;
        uint8_t h[KRPC_ID];
        uint32_t in = 0;
        dht_store_init(&s, 1);
        for (uint32_t i = 0; i < 40; i++) {
            struct addr a = peer4(0x01000000 + i * 256, 80);
            hash_of(h, i / 6);
            int rc = dht_store_put(&s, h, &a, false, 0);
            failed = failed || rc == ERR_NOMEM;
            in += rc == 0;
        }
        CHECK_INT(check_nomem_hit(), failed);
        CHECK_INT(s.peers, in);
        dht_store_sweep(&s, DHT_STORE_AGE);
        CHECK_INT(s.hashes, 0);
        dht_store_fini(&s);
    }
}
