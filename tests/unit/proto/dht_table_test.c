/* dht_table: who is known, who has to go, and who is asked. */
#include "proto/dht_table.h"

#include "base/bytes.h"
#include "proto/dht_id.h"
#include "support/check.h"

#define SEC USEC_PER_SEC

static const uint8_t own[KRPC_ID] = {0};

/* A node in the bucket of so many shared bits, at an address of its own (a local one, so that
 * its id need not fit). */
static struct krpc_node local(unsigned shared, uint16_t number) {
    struct krpc_node n = {.addr = {.family = 4, .ip = {10, 0, 0, 1}}};
    n.addr.port = number;
    n.id[shared / 8] = (uint8_t)(0x80 >> shared % 8);
    put_u16(n.id + 18, number);
    return n;
}

/* The same at a global address. */
static struct krpc_node global(unsigned shared, const char *ip, bool fits) {
    struct krpc_node n;
    struct rng rng;
    rng_seed(&rng, 77);
    CHECK_INT(addr_parse(&n.addr, ip, 6881), 0);
    do {
        dht_id_make(n.id, &n.addr, &rng);
        if (!fits)
            n.id[0] ^= 0x01;
    } while (dht_id_shared(own, n.id) != shared);
    CHECK_INT(dht_id_fits(n.id, &n.addr), fits);
    return n;
}

static int reply(struct dht_table *t, struct krpc_node n, usec now) {
    int rc = dht_table_on_reply(t, &n, now);
    CHECK(dht_table_check(t));
    return rc;
}

static void time_out(struct dht_table *t, struct krpc_node n, int times) {
    while (times--)
        dht_table_on_timeout(t, &n.addr);
    CHECK(dht_table_check(t));
}

/* Is it among the live ones? */
static bool has(const struct dht_table *t, struct krpc_node n, usec now) {
    struct krpc_node out[256];
    uint32_t count = dht_table_closest(t, n.id, out, 256, true, now);
    for (uint32_t i = 0; i < count; i++) {
        if (!memcmp(out[i].id, n.id, KRPC_ID) && addr_equal(&out[i].addr, &n.addr))
            return true;
    }
    return false;
}

TEST(dht_table_splits_only_the_bucket_of_its_own_id) {
    struct dht_table t;
    dht_table_init(&t, own);
    for (uint16_t i = 0; i < 20; i++)
        CHECK_INT(reply(&t, local(0, (uint16_t)(1 + i)), 0), i < DHT_K);
    CHECK_INT(dht_table_size(&t), DHT_K);
    CHECK_INT(t.count, 2);
    for (uint16_t i = 0; i < 20; i++)
        CHECK_INT(reply(&t, local(3, (uint16_t)(100 + i)), 0), i < DHT_K);
    CHECK_INT(dht_table_size(&t), 2 * DHT_K);
    CHECK_INT(t.count, 5);
    dht_table_fini(&t);
}

TEST(dht_table_refuses_its_own_id) {
    struct dht_table t;
    struct krpc_node n = local(5, 1);
    memcpy(n.id, own, KRPC_ID);
    dht_table_init(&t, own);
    CHECK_INT(reply(&t, n, 0), 0);
    CHECK_INT(dht_table_size(&t), 0);
    dht_table_fini(&t);
}

TEST(dht_table_replaces_a_node_that_fails_twice_by_a_spare_one) {
    struct dht_table t;
    dht_table_init(&t, own);
    for (uint16_t i = 1; i <= DHT_K + 1; i++)
        (void)reply(&t, local(0, i), i);
    CHECK(!has(&t, local(0, 9), 0));
    time_out(&t, local(0, 3), 1);
    CHECK(has(&t, local(0, 3), 0));
    time_out(&t, local(0, 3), 1);
    CHECK(!has(&t, local(0, 3), 0));
    CHECK(has(&t, local(0, 9), 0));
    CHECK_INT(dht_table_size(&t), DHT_K);
    dht_table_fini(&t);
}

TEST(dht_table_forgives_a_failure_when_the_node_answers) {
    struct dht_table t;
    dht_table_init(&t, own);
    for (uint16_t i = 1; i <= DHT_K + 1; i++)
        (void)reply(&t, local(0, i), 0);
    for (int i = 0; i < 5; i++) {
        time_out(&t, local(0, 3), 1);
        (void)reply(&t, local(0, 3), SEC);
    }
    CHECK(has(&t, local(0, 3), SEC));
    dht_table_fini(&t);
}

TEST(dht_table_keeps_a_failing_node_for_a_while_when_there_is_no_other) {
    struct dht_table t;
    dht_table_init(&t, own);
    (void)reply(&t, local(0, 1), 0);
    time_out(&t, local(0, 1), DHT_GIVE_UP - 1);
    CHECK_INT(dht_table_size(&t), 1);
    CHECK_INT(dht_table_good(&t, 0), 0);
    time_out(&t, local(0, 1), 1);
    CHECK_INT(dht_table_size(&t), 0);
    dht_table_fini(&t);
}

TEST(dht_table_prefers_ids_that_fit_their_address) {
    struct dht_table t;
    static const char *const misfits[] = {"1.1.1.1", "2.1.1.1", "3.1.1.1", "1.2.1.1",
                                          "2.2.1.1", "3.2.1.1", "1.3.1.1", "2.3.1.1"};
    struct krpc_node fitting = global(0, "99.4.1.1", true);
    dht_table_init(&t, own);
    for (size_t i = 0; i < COUNT_OF(misfits); i++)
        CHECK_INT(reply(&t, global(0, misfits[i], false), 0), 1);
    struct krpc_node ninth = global(0, "90.5.1.1", false);
    CHECK_INT(reply(&t, ninth, 0), 0); /* the bucket has been split now */
    CHECK(!dht_table_wants(&t, &ninth));
    CHECK(dht_table_wants(&t, &fitting));
    CHECK_INT(reply(&t, fitting, 0), 1);
    CHECK(has(&t, fitting, 0));
    CHECK_INT(dht_table_size(&t), DHT_K);
    dht_table_fini(&t);
}

TEST(dht_table_takes_one_node_of_a_host_and_one_of_a_block_in_a_bucket) {
    struct dht_table t;
    struct krpc_node n = global(0, "1.2.3.4", true), twin = n, neighbour, elsewhere;
    dht_table_init(&t, own);
    CHECK_INT(reply(&t, n, 0), 1);
    for (uint16_t i = 1; i < 50; i++) { /* one host, many ports and ids */
        twin.addr.port = i;
        twin.id[19] = (uint8_t)i;
        CHECK(!dht_table_wants(&t, &twin));
        CHECK_INT(reply(&t, twin, 0), 0);
    }
    for (uint16_t i = 1; i <= 8; i++) /* bucket 0 is split off, and has a free place */
        (void)reply(&t, local(i <= 5 ? 0 : 1, i), 0);
    CHECK_INT(t.count, 2);
    neighbour = global(0, "1.2.3.5", true);
    CHECK(!dht_table_wants(&t, &neighbour));
    CHECK_INT(reply(&t, neighbour, 0), 0);
    elsewhere = global(1, "1.2.3.6", true);
    CHECK_INT(reply(&t, elsewhere, 0), 1);
    dht_table_fini(&t);
}

TEST(dht_table_lets_nobody_take_the_id_of_a_node_that_is_well) {
    struct dht_table t;
    struct krpc_node n = local(0, 1), thief = n;
    thief.addr.port = 2;
    dht_table_init(&t, own);
    CHECK_INT(reply(&t, n, 0), 1);
    CHECK_INT(reply(&t, thief, SEC), 0);
    CHECK(has(&t, n, SEC) && !has(&t, thief, SEC));
    CHECK_INT(reply(&t, thief, DHT_FRESH + SEC), 1); /* it has moved, it seems */
    CHECK(has(&t, thief, DHT_FRESH + SEC) && !has(&t, n, DHT_FRESH + SEC));
    dht_table_fini(&t);
}

TEST(dht_table_follows_a_node_that_changed_its_id) {
    struct dht_table t;
    struct krpc_node n = local(0, 1), renamed = local(2, 1);
    dht_table_init(&t, own);
    CHECK_INT(reply(&t, n, 0), 1);
    CHECK_INT(reply(&t, renamed, SEC), 1);
    CHECK_INT(dht_table_size(&t), 1);
    CHECK(has(&t, renamed, SEC));
    dht_table_fini(&t);
}

TEST(dht_table_makes_nobody_a_contact_who_only_asks) {
    struct dht_table t;
    struct krpc_node n = local(0, 1);
    dht_table_init(&t, own);
    dht_table_on_query(&t, &n, 0);
    CHECK_INT(dht_table_size(&t), 0);
    (void)reply(&t, n, 0);
    dht_table_on_query(&t, &n, DHT_FRESH);
    CHECK_INT(dht_table_good(&t, DHT_FRESH + SEC), 1);
    dht_table_fini(&t);
}

TEST(dht_table_asks_the_longest_unheard_of_first) {
    struct dht_table t;
    usec now = DHT_FRESH + 10 * SEC;
    dht_table_init(&t, own);
    for (uint16_t i = 1; i <= 5; i++)
        (void)reply(&t, local(0, i), (6 - i) * SEC);
    CHECK(!dht_table_next_questionable(&t, 5 * SEC));
    for (uint16_t i = 5; i >= 1; i--) {
        const struct dht_contact *c = dht_table_next_questionable(&t, now);
        CHECK(c && c->node.addr.port == i);
    }
    CHECK(!dht_table_next_questionable(&t, now));
    CHECK(dht_table_next_questionable(&t, now + 60 * SEC));
    dht_table_fini(&t);
}

TEST(dht_table_looks_into_each_stale_bucket) {
    struct dht_table t;
    struct rng rng;
    uint8_t target[KRPC_ID];
    usec now = DHT_FRESH + SEC;
    rng_seed(&rng, 1);
    dht_table_init(&t, own);
    for (uint16_t i = 1; i <= 8; i++)
        (void)reply(&t, local(0, i), 0);
    for (uint16_t i = 11; i <= 19; i++)
        (void)reply(&t, local(1, i), 0);
    CHECK_INT(t.count, 3);
    CHECK(!dht_table_next_stale(&t, &rng, target, SEC));
    for (unsigned i = 0; i < 3; i++) {
        CHECK(dht_table_next_stale(&t, &rng, target, now));
        CHECK_INT(dht_id_shared(own, target), i);
    }
    CHECK(!dht_table_next_stale(&t, &rng, target, now));
    dht_table_fini(&t);
}

/* A table of random nodes around a random id. */
static void fill(struct dht_table *t, struct krpc_node *nodes, uint32_t count) {
    struct rng rng;
    rng_seed(&rng, 11);
    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = local(0, (uint16_t)(i + 1));
        for (size_t j = 0; j < KRPC_ID; j++)
            nodes[i].id[j] = (uint8_t)rng_below(&rng, 256);
        CHECK(dht_table_on_reply(t, &nodes[i], 0) >= 0);
    }
    CHECK(dht_table_check(t));
}

TEST(dht_table_knows_the_closest) {
    struct dht_table t;
    static struct krpc_node nodes[2000];
    struct krpc_node out[8];
    dht_table_init(&t, own);
    fill(&t, nodes, 2000);
    CHECK(t.count >= 8 && dht_table_size(&t) >= 60);
    for (int k = 0; k < 10; k++) {
        const uint8_t *target = nodes[k].id;
        CHECK_INT(dht_table_closest(&t, target, out, 8, true, 0), 8);
        for (int i = 0; i + 1 < 8; i++)
            CHECK(dht_id_compare(target, out[i].id, out[i + 1].id) < 0);
        uint32_t closer = 0;
        for (int i = 0; i < 2000; i++) /* nobody live is closer than the last of them */
            closer += has(&t, nodes[i], 0) &&
                      dht_id_compare(target, nodes[i].id, out[7].id) < 0;
        CHECK_INT(closer, 7);
    }
    dht_table_fini(&t);
}

TEST(dht_table_gives_failed_nodes_only_when_there_are_no_others) {
    struct dht_table t;
    struct krpc_node out[8];
    dht_table_init(&t, own);
    (void)reply(&t, local(0, 1), 0);
    (void)reply(&t, local(0, 2), 0);
    time_out(&t, local(0, 1), 2);
    CHECK_INT(dht_table_closest(&t, own, out, 8, false, 0), 1);
    time_out(&t, local(0, 2), 2);
    CHECK_INT(dht_table_closest(&t, own, out, 8, false, 0), 2);
    CHECK_INT(dht_table_closest(&t, own, out, 8, true, 0), 0);
    dht_table_fini(&t);
}

TEST(dht_table_sorts_anew_around_another_id) {
    struct dht_table t;
    static struct krpc_node nodes[500];
    uint8_t id[KRPC_ID] = {0xff, 0x77};
    dht_table_init(&t, own);
    fill(&t, nodes, 500);
    uint32_t before = dht_table_size(&t);
    CHECK_INT(dht_table_rebase(&t, id, 0), 0);
    CHECK(dht_table_check(&t));
    CHECK_MEM(t.own, id, KRPC_ID);
    CHECK(dht_table_size(&t) >= 2 * DHT_K && dht_table_size(&t) <= before);
    dht_table_fini(&t);
}

TEST(dht_table_is_bounded_whatever_ids_come) {
    struct dht_table t;
    dht_table_init(&t, own);
    for (unsigned shared = 0; shared < 160; shared++) {
        for (uint16_t i = 0; i < 20; i++) {
            struct krpc_node n = local(shared, (uint16_t)(1 + shared * 20 + i));
            if (shared >= 144) /* the number would lie over the bit */
                put_u16(n.id + 18, 0), n.id[shared / 8] = (uint8_t)(0x80 >> shared % 8);
            CHECK(dht_table_on_reply(&t, &n, 0) >= 0);
        }
    }
    CHECK(dht_table_check(&t));
    CHECK(t.count <= 160);
    dht_table_fini(&t);
}

TEST(dht_table_survives_a_lack_of_memory) {
    CHECK_EACH_NOMEM(n) {
        struct dht_table t;
        bool failed = false;
        uint8_t id[KRPC_ID] = {0x80};
        dht_table_init(&t, own);
        for (uint16_t i = 0; i < 100; i++) {
            struct krpc_node node = local(i / 12, (uint16_t)(i + 1));
            failed = dht_table_on_reply(&t, &node, 0) == ERR_NOMEM || failed;
        }
        uint32_t size = dht_table_size(&t);
        bool kept = dht_table_rebase(&t, id, 0) == ERR_NOMEM;
        CHECK_INT(check_nomem_hit(), failed || kept);
        CHECK(dht_table_check(&t));
        if (kept)
            CHECK_INT(dht_table_size(&t), size);
        dht_table_fini(&t);
    }
}
