/* dht_lookup: the way to a target, past the dead and the liars. */
#include "proto/dht_lookup.h"

#include "base/bytes.h"
#include "proto/dht_id.h"
#include "support/check.h"

#define SEC USEC_PER_SEC

static const uint8_t target[KRPC_ID] = {0};
static const struct span no_token = {NULL, 0};

/* Node `i` is at distance i; local, so that its id fits. */
static struct krpc_node node(uint16_t i) {
    struct krpc_node n = {.addr = {.family = 4, .ip = {10, 0, 0, 1}}};
    n.addr.port = i;
    put_u16(n.id, i);
    return n;
}

static void add(struct dht_lookup *l, uint16_t i, int teller) {
    struct krpc_node n = node(i);
    dht_lookup_add(l, &n, teller);
}

static struct dht_lookup *lookup(uint16_t nodes) {
    struct dht_lookup *l = calloc(1, sizeof *l);
    CHECK(l);
    dht_lookup_init(l, target);
    for (uint16_t i = 1; i <= nodes; i++)
        add(l, (uint16_t)(10 * i), DHT_NOBODY);
    return l;
}

/* Asks the next one and tells its distance; -1 when there is none. */
static int ask(struct dht_lookup *l, usec now, int *hop) {
    int h = dht_lookup_next(l, now);
    if (hop)
        *hop = h;
    if (h < 0)
        return -1;
    dht_lookup_note_asked(l, h, now);
    return get_u16(l->hops[h].node.id);
}

static void answer(struct dht_lookup *l, int hop) {
    dht_lookup_on_reply(l, hop, l->hops[hop].node.id, (struct span){l->target, 4});
}

TEST(dht_lookup_asks_the_four_closest_first) {
    struct dht_lookup *l = lookup(10);
    int hops[5];
    for (int i = 0; i < 4; i++)
        CHECK_INT(ask(l, 0, &hops[i]), 10 * (i + 1));
    CHECK_INT(ask(l, 0, NULL), -1);
    answer(l, hops[2]);
    CHECK_INT(ask(l, 0, NULL), 50);
    CHECK_INT(ask(l, 0, NULL), -1);
    dht_lookup_on_failure(l, hops[1]);
    CHECK_INT(ask(l, 0, NULL), 60);
    free(l);
}

TEST(dht_lookup_goes_on_without_the_late) {
    struct dht_lookup *l = lookup(10);
    int hop;
    for (int i = 0; i < 4; i++)
        (void)ask(l, 0, &hop);
    CHECK_INT(dht_lookup_due(l, 0), DHT_LOOKUP_LATE);
    CHECK_INT(ask(l, DHT_LOOKUP_LATE - 1, NULL), -1);
    CHECK_INT(ask(l, DHT_LOOKUP_LATE, NULL), 50);
    answer(l, hop); /* late, and welcome */
    CHECK_INT(l->answers, 1);
    free(l);
}

TEST(dht_lookup_turns_to_those_that_are_closer) {
    struct dht_lookup *l = lookup(10);
    int hop;
    (void)ask(l, 0, &hop);
    answer(l, hop);
    add(l, 3, hop);
    CHECK_INT(ask(l, 0, NULL), 3);
    free(l);
}

TEST(dht_lookup_ends_when_the_eight_closest_have_answered) {
    struct dht_lookup *l = lookup(20);
    int hop, asked = 0;
    while (ask(l, 0, &hop) >= 0) {
        CHECK(!dht_lookup_is_done(l, 0));
        asked++;
        if (asked == 3)
            dht_lookup_on_failure(l, hop);
        else
            answer(l, hop);
    }
    CHECK_INT(asked, 9);
    CHECK(dht_lookup_is_done(l, 0));
    free(l);
}

TEST(dht_lookup_ends_when_there_is_nobody_left) {
    struct dht_lookup *l = lookup(2);
    int a, b;
    (void)ask(l, 0, &a);
    (void)ask(l, 0, &b);
    CHECK(!dht_lookup_is_done(l, 0));
    dht_lookup_on_failure(l, a);
    CHECK(!dht_lookup_is_done(l, 0));
    CHECK(dht_lookup_is_done(l, DHT_LOOKUP_LATE));
    answer(l, b);
    CHECK(dht_lookup_is_done(l, 0));
    free(l);
}

/* Nodes at a distance of less than 10 do not exist: how many of them are asked? */
static int time_outs(struct dht_lookup *l) {
    int hop, failed = 0;
    for (usec now = 0; ask(l, now, &hop) >= 0; now += 10 * SEC) {
        bool fable = get_u16(l->hops[hop].node.id) < 10;
        failed += fable;
        if (fable)
            dht_lookup_on_failure(l, hop);
        else
            answer(l, hop);
    }
    CHECK(dht_lookup_is_done(l, 0));
    return failed;
}

TEST(dht_lookup_pays_no_more_than_three_time_outs_for_a_liar) {
    struct dht_lookup *l = lookup(9);
    int liar;
    (void)ask(l, 0, &liar);
    answer(l, liar);
    for (uint16_t i = 1; i <= 8; i++)
        add(l, i, liar);
    CHECK_INT(time_outs(l), DHT_LOOKUP_CREDIT);
    CHECK_INT(l->answers, DHT_LOOKUP_WIDTH);
    free(l);
}

TEST(dht_lookup_asks_the_doubtful_before_it_ends_with_too_few) {
    struct dht_lookup *l = lookup(2);
    int liar;
    (void)ask(l, 0, &liar);
    answer(l, liar);
    for (uint16_t i = 1; i <= 8; i++)
        add(l, i, liar);
    CHECK_INT(time_outs(l), 8);
    CHECK_INT(l->answers, 2);
    free(l);
}

TEST(dht_lookup_asks_only_so_many_of_the_doubtful) {
    struct dht_lookup *l = lookup(1);
    int liar, hop, asked = 0;
    (void)ask(l, 0, &liar);
    answer(l, liar);
    for (uint16_t i = 1; i <= 60; i++)
        add(l, (uint16_t)(100 + i), liar);
    for (usec now = 0; ask(l, now, &hop) >= 0; now += 10 * SEC, asked++)
        dht_lookup_on_failure(l, hop);
    CHECK_INT(asked, DHT_LOOKUP_CREDIT + DHT_LOOKUP_OVERDRAFT);
    free(l);
}

/* The first three that it names are dead; the others are vouched for by somebody else. */
TEST(dht_lookup_asks_whom_one_of_several_tellers_can_vouch_for) {
    for (int order = 0; order < 2; order++) {
        struct dht_lookup *l = lookup(12);
        int liar, honest, hop, seen = 0;
        (void)ask(l, 0, &liar);
        (void)ask(l, 0, &honest);
        answer(l, liar);
        answer(l, honest);
        for (uint16_t i = 1; i <= 4; i++) {
            add(l, i, order && i == 4 ? honest : liar);
            if (i == 4)
                add(l, i, order ? liar : honest);
        }
        while (ask(l, 0, &hop) >= 0) {
            seen += get_u16(l->hops[hop].node.id) == 4;
            if (get_u16(l->hops[hop].node.id) <= 3)
                dht_lookup_on_failure(l, hop);
            else
                answer(l, hop);
        }
        CHECK_INT(seen, 1);
        free(l);
    }
}

TEST(dht_lookup_trusts_who_names_nodes_that_answer) {
    struct dht_lookup *l = lookup(1);
    int teller, hop, asked = 0;
    (void)ask(l, 0, &teller);
    answer(l, teller);
    for (uint16_t i = 1; i <= 7; i++)
        add(l, i, teller);
    for (; ask(l, 0, &hop) >= 0; asked++)
        answer(l, hop);
    CHECK_INT(asked, 7);
    free(l);
}

TEST(dht_lookup_believes_a_second_teller_when_the_first_has_lied) {
    struct dht_lookup *l = lookup(12);
    int liar, honest, hop;
    (void)ask(l, 0, &liar);
    (void)ask(l, 0, &honest);
    answer(l, liar);
    answer(l, honest);
    for (uint16_t i = 1; i <= 4; i++)
        add(l, i, liar);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(ask(l, 0, &hop), i + 1);
        dht_lookup_on_failure(l, hop);
    }
    CHECK_INT(ask(l, 0, &hop), 30);
    answer(l, hop);
    add(l, 4, honest);
    CHECK_INT(ask(l, 0, NULL), 4);
    free(l);
}

TEST(dht_lookup_lets_no_false_pair_keep_the_true_one_out) {
    struct dht_lookup *l = lookup(2);
    struct krpc_node true_one = node(5), false_addr = true_one, false_id = true_one;
    int liar, hop, seen = 0;
    (void)ask(l, 0, &liar);
    answer(l, liar);
    false_addr.addr.port = 999;
    false_id.id[19] = 1;
    dht_lookup_add(l, &false_addr, liar);
    dht_lookup_add(l, &false_id, liar);
    dht_lookup_add(l, &true_one, DHT_NOBODY);
    while (ask(l, 0, &hop) >= 0) {
        const struct krpc_node *n = &l->hops[hop].node;
        bool is_true =
            !memcmp(n->id, true_one.id, KRPC_ID) && addr_equal(&n->addr, &true_one.addr);
        seen += is_true;
        if (is_true)
            answer(l, hop);
        else
            dht_lookup_on_failure(l, hop);
    }
    CHECK_INT(seen, 1);
    free(l);
}

TEST(dht_lookup_asks_nobody_twice) {
    struct dht_lookup *l = lookup(3);
    int hop, asked = 0;
    for (; ask(l, 0, &hop) >= 0; asked++) {
        answer(l, hop);
        for (uint16_t i = 1; i <= 3; i++)
            add(l, (uint16_t)(10 * i), hop);
    }
    CHECK_INT(asked, 3);
    free(l);
}

/* Global nodes, whose ids fit or do not; all share the first bits of the target. */
static void add_global(struct dht_lookup *l, const char *ip, bool fits,
                       unsigned distance) {
    struct krpc_node n;
    struct rng rng;
    rng_seed(&rng, distance);
    CHECK_INT(addr_parse(&n.addr, ip, 6881), 0);
    dht_id_make(n.id, &n.addr, &rng);
    if (!fits)
        memset(n.id, 0, 2);
    n.id[18] = (uint8_t)distance;
    CHECK_INT(dht_id_fits(n.id, &n.addr), fits);
    dht_lookup_add(l, &n, DHT_NOBODY);
}

TEST(dht_lookup_is_not_hidden_by_ids_that_do_not_fit) {
    struct dht_lookup *l = lookup(0);
    uint8_t targets[2 * DHT_LOOKUP_WIDTH];
    char ip[16];
    int hop, fitting = 0;
    for (unsigned i = 0; i < 40; i++) { /* around the target, and answering */
        snprintf(ip, sizeof ip, "20.%u.1.1", i);
        add_global(l, ip, false, i);
    }
    for (unsigned i = 0; i < 10; i++) {
        snprintf(ip, sizeof ip, "30.%u.%u.1", i, i);
        add_global(l, ip, true, 100 + i);
    }
    while (ask(l, 0, &hop) >= 0)
        answer(l, hop);
    uint32_t n = dht_lookup_targets(l, targets);
    CHECK_INT(n, 2 * DHT_LOOKUP_WIDTH);
    for (uint32_t i = 0; i < n; i++)
        fitting += l->hops[targets[i]].fits;
    CHECK_INT(fitting, DHT_LOOKUP_WIDTH);
    CHECK_INT(l->queries, 2 * DHT_LOOKUP_WIDTH);
    free(l);
}

TEST(dht_lookup_asks_one_of_a_block_that_answered) {
    struct dht_lookup *l = lookup(0);
    int hop, answers = 0;
    add_global(l, "20.1.1.1", true, 1);
    add_global(l, "20.1.1.2", true, 2);
    add_global(l, "20.1.1.3", true, 3);
    add_global(l, "20.1.2.1", true, 4);
    while (ask(l, 0, &hop) >= 0) {
        const uint8_t *ip = l->hops[hop].node.addr.ip;
        bool silent = ip[2] == 1 && ip[3] == 1; /* takes nobody's place */
        answers += !silent;
        if (silent)
            dht_lookup_on_failure(l, hop);
        else
            answer(l, hop);
    }
    CHECK_INT(answers, 2);
    free(l);
}

TEST(dht_lookup_remembers_a_hundred_nodes_the_closest) {
    struct dht_lookup *l = lookup(0);
    for (uint16_t i = 1000; i > 0; i--)
        add(l, i, DHT_NOBODY);
    CHECK_INT(l->count, DHT_LOOKUP_NODES);
    for (uint32_t i = 0; i < l->count; i++)
        CHECK_INT(get_u16(l->hops[l->order[i]].node.id), i + 1);
    free(l);
}

TEST(dht_lookup_asks_no_more_than_200) {
    struct dht_lookup *l = lookup(1);
    int hop, asked = 0;
    uint16_t next = 60000;
    for (; ask(l, 0, &hop) >= 0; asked++) { /* each one knows somebody closer, for ever */
        answer(l, hop);
        add(l, next--, hop);
        for (uint16_t i = 0; i < 3; i++)
            add(l, (uint16_t)(5000 - 4 * asked - i), hop);
    }
    CHECK(asked <= (int)DHT_LOOKUP_QUERIES);
    CHECK(dht_lookup_is_done(l, 10 * SEC));
    free(l);
}

TEST(dht_lookup_begins_with_addresses_that_have_no_id_yet) {
    struct dht_lookup *l = lookup(0);
    struct krpc_node a = node(1), b = node(2);
    uint8_t targets[2 * DHT_LOOKUP_WIDTH];
    int router, friend;
    dht_lookup_add_unnamed(l, &a.addr);
    dht_lookup_add_unnamed(l, &b.addr);
    CHECK(!dht_lookup_is_done(l, 0));
    (void)ask(l, 0, &router);
    (void)ask(l, 0, &friend);
    dht_lookup_on_reply(l, router, NULL, (struct span){target, 4});
    dht_lookup_on_reply(l, friend, b.id, (struct span){target, 4});
    add(l, 7, router);
    CHECK_INT(ask(l, 0, NULL), 7);
    CHECK_INT(dht_lookup_targets(l, targets), 1); /* the friend, never the router */
    CHECK_INT(targets[0], friend);
    free(l);
}

TEST(dht_lookup_asks_an_address_once_with_and_without_id) {
    struct dht_lookup *l = lookup(0);
    struct krpc_node a = node(1), b = node(2);
    dht_lookup_add_unnamed(l, &a.addr);
    dht_lookup_add_unnamed(l, &a.addr);
    dht_lookup_add(l, &a, DHT_NOBODY);
    dht_lookup_add(l, &b, DHT_NOBODY);
    dht_lookup_add_unnamed(l, &b.addr);
    CHECK_INT(l->count, 2);
    free(l);
}

TEST(dht_lookup_announces_only_to_those_that_gave_a_token) {
    struct dht_lookup *l = lookup(5);
    uint8_t targets[2 * DHT_LOOKUP_WIDTH];
    int hops[5];
    for (int i = 0; i < 3; i++)
        (void)ask(l, 0, &hops[i]);
    answer(l, hops[0]);
    dht_lookup_on_reply(l, hops[1], l->hops[hops[1]].node.id, no_token);
    dht_lookup_on_failure(l, hops[2]);
    CHECK_INT(dht_lookup_targets(l, targets), 1);
    CHECK_INT(targets[0], hops[0]);
    free(l);
}
