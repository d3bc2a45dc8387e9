/* dht: what a node answers, and what it does to floods and to a lack of memory. Its contacts are
 * in dht_contacts_test.c, its searches in dht_search_test.c, a thousand nodes in
 * dht_network_test.c. */
#include "proto/dht.h"

#include "support/check.h"
#include "unit/proto/dht_pair.h"

/* -- answers --------------------------------------------------------------------------- */

TEST(dht_answers_a_ping_and_tells_the_asker_his_address) {
    struct pair p = pair_new();
    struct krpc m = pair_query(p.asker, KRPC_PING);
    m.read_only = true;
    CHECK_INT(pair_ask(&p, &m), 1);
    CHECK_INT(p.asker->last.type, KRPC_REPLY);
    CHECK_INT(p.asker->last.tid.len, 2);
    CHECK_MEM(p.asker->last.tid.data, pair_tid, 2);
    CHECK_MEM(p.asker->last.id, pair_stats(p.node).ip4.id, 20);
    CHECK(addr_equal(&p.asker->last.ip, &p.asker->addr));
    CHECK_MEM(p.asker->last.version.data, "MR01", 4);
    net_free(p.net);
}

TEST(dht_answers_with_the_nodes_it_knows) {
    struct pair p = pair_new();
    struct krpc_node n;
    uint32_t count = 0;
    pair_befriend(&p, 8);
    struct krpc m = pair_query(p.asker, KRPC_FIND_NODE), *r = pair_reply(&p, &m);
    for (; krpc_next_node(&r->nodes, 4, &n); count++)
        CHECK(n.addr.port == 6881);
    CHECK(count >= 7);
    CHECK_INT(r->nodes6.len, 0);
    CHECK_INT(r->token.len, 0);
    net_free(p.net);
}

TEST(dht_treats_an_unknown_method_with_a_target_as_find_node) {
    struct pair p = pair_new();
    pair_befriend(&p, 8);
    p.asker->tap = pair_keep_reply;
    (void)pair_ask_bytes(
        &p, "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e"
            "1:q4:vote2:roi1e1:t2:aa1:y1:qe");
    CHECK_INT(p.asker->last.type, KRPC_REPLY);
    CHECK(p.asker->last.nodes.len >= 7 * KRPC_NODE4);
    net_free(p.net);
}

TEST(dht_stores_a_peer_that_has_a_token) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = pair_announce(&p, token), get = pair_query(p.asker, KRPC_GET_PEERS);
    struct addr peer;
    CHECK_INT(pair_reply(&p, &m)->type, KRPC_REPLY);
    CHECK_INT(pair_stats(p.node).peers, 1);
    struct krpc *r = pair_reply(&p, &get);
    CHECK(krpc_next_value(&r->values, &peer));
    CHECK(addr_same_ip(&peer, &p.asker->addr) && peer.port == 4321);
    CHECK(!krpc_next_value(&r->values, &peer));
    net_free(p.net);
}

TEST(dht_stores_the_port_of_the_packet_when_told_so) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = pair_announce(&p, token), get = pair_query(p.asker, KRPC_GET_PEERS);
    struct addr peer;
    m.implied_port = true;
    CHECK_INT(pair_reply(&p, &m)->type, KRPC_REPLY);
    CHECK(krpc_next_value(&pair_reply(&p, &get)->values, &peer));
    CHECK_INT(peer.port, 6881);
    net_free(p.net);
}

TEST(dht_refuses_an_announce_without_its_token) {
    static const uint8_t other_hash[20] = "another info hash...";
    for (int how = 0; how < 4; how++) {
        struct pair p = pair_new();
        uint8_t token[KRPC_MAX_TOKEN];
        struct addr elsewhere = net_address("9.9.9.9");
        struct krpc m = pair_announce(&p, token);
        if (how == 0)
            token[0] ^= 1;
        if (how == 1)
            m.target = other_hash;
        if (how == 2)
            net_run(p.net, 601 * SEC);
        if (how == 3) {
            p.asker = net_add_tap(p.net, &elsewhere);
            m.id = p.asker->id;
        }
        struct krpc *r = pair_reply(&p, &m);
        CHECK_INT(r->type, KRPC_ERROR);
        CHECK_INT(r->code, KRPC_PROTOCOL);
        CHECK_INT(pair_stats(p.node).peers, 0);
        net_free(p.net);
    }
}

TEST(dht_answers_a_scrape_with_filters) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = pair_announce(&p, token), get = pair_query(p.asker, KRPC_GET_PEERS);
    m.seed = true;
    (void)pair_reply(&p, &m);
    get.scrape = get.noseed = true;
    struct krpc *r = pair_reply(&p, &get);
    CHECK_INT(r->seeds.len, KRPC_BLOOM);
    CHECK_INT(r->peers.len, KRPC_BLOOM);
    CHECK_INT(r->values.len, 0); /* he is a seed, and wants none */
    net_free(p.net);
}

TEST(dht_says_what_is_wrong_with_a_query) {
    static const struct {
        const char *packet;
        int64_t code;
    } rows[] = {
        {"d1:ad2:id20:abcdefghij0123456789e1:q4:vote2:roi1e1:t2:aa1:y1:qe",
         KRPC_NO_METHOD},
        {"d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe", KRPC_PROTOCOL},
        {"d1:ad2:id2:xxe1:q4:ping1:t2:aa1:y1:qe", KRPC_PROTOCOL},
        {"d1:q4:ping1:t2:aa1:y1:qe", KRPC_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair p = pair_new();
        CHECK_INT(pair_ask_bytes(&p, rows[i].packet), 1);
        CHECK_INT(p.asker->last.type, KRPC_ERROR);
        CHECK_INT(p.asker->last.code, rows[i].code);
        net_free(p.net);
    }
}

TEST(dht_answers_nothing_to_what_is_no_query) {
    static const char *const packets[] = {
        "x",
        "de",
        "d1:y1:qe",
        "d1:rd2:id20:abcdefghij0123456789e1:t2:aa1:y1:re",
        "d1:rd2:id20:abcdefghij0123456789e1:t4:....1:y1:re",
        "d1:eli201e1:xe1:t2:aa1:y1:ee",
    };
    struct pair p = pair_new();
    for (size_t i = 0; i < COUNT_OF(packets); i++)
        CHECK_INT(pair_ask_bytes(&p, packets[i]), 0);
    CHECK_INT(dht_on_packet(p.node->dht, &p.asker->addr, NULL, 0, p.net->now) > 0, 1);
    CHECK_INT(pair_stats(p.node).ip4.nodes, 0);
    net_free(p.net);
}

TEST(dht_answers_no_martian_and_no_family_that_is_off) {
    static const char *const askers[] = {"0.0.0.1", "224.0.0.1", "255.255.255.255",
                                         "[2001:db8::1]:6881"};
    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        struct pair p = pair_at("1.2.3.4", askers[i]);
        struct krpc m = pair_query(p.asker, KRPC_PING);
        CHECK_INT(pair_ask(&p, &m), 0);
        CHECK_INT(pair_stats(p.node).packets_in, 0);
        net_free(p.net);
    }
}

TEST(dht_tells_the_world_of_no_local_nodes_and_peers) {
    struct pair p = pair_at("1.2.3.4", "10.0.0.1");
    struct addr world = net_address("5.6.7.8");
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = pair_announce(&p, token), get = pair_query(p.asker, KRPC_GET_PEERS);
    (void)pair_reply(&p, &m);
    CHECK(pair_reply(&p, &get)->values.len > 0); /* the neighbour is told */
    p.asker = net_add_tap(p.net, &world);
    get.id = p.asker->id;
    CHECK_INT(pair_reply(&p, &get)->values.len, 0);
    CHECK_INT(p.asker->last.nodes.len, 0);
    net_free(p.net);
}

/* -- floods ---------------------------------------------------------------------------- */

/* A thousand hosts send for ten minutes, 40 packets a second together: each honest by itself. */
TEST(dht_flood_costs_a_bounded_upload_and_memory) {
    struct pair p = pair_new();
    struct dht *d = p.node->dht;
    uint8_t packet[512], h[20], token[64] = {0};
    usec start = p.net->now, end = start + 600 * SEC;
    struct rng rng;
    rng_seed(&rng, 1);
    for (usec now = start; now < end; now += SEC / 400) {
        struct addr from = net_address("20.0.0.1");
        from.ip[1] = (uint8_t)rng_below(&rng, 100),
        from.ip[2] = (uint8_t)rng_below(&rng, 100);
        for (size_t i = 0; i < 20; i++)
            h[i] = (uint8_t)rng_below(&rng, 256);
        struct krpc m = pair_query(p.asker, (enum krpc_method)rng_below(&rng, 4));
        m.target = m.id = h;
        m.scrape = true;
        m.port = 1;
        m.token = (struct span){token, 8};
        int len = krpc_write(packet, sizeof packet, &m);
        CHECK(len > 0);
        (void)dht_on_packet(d, &from, packet, (size_t)len, now);
    }
    struct dht_stats s;
    dht_stats(d, &s, end);
    uint64_t with_headers = s.bytes_out + 28 * s.packets_out;
    CHECK(with_headers <= 8000 * 600 + 65536);
    CHECK(s.packets_in == 240000 && s.unanswered > 100000);
    CHECK(s.memory < 200000);
    CHECK(dht_check(d));
    net_free(p.net);
}

TEST(dht_flood_of_one_host_is_not_heard) {
    struct pair p = pair_new();
    struct krpc m = pair_query(p.asker, KRPC_PING);
    m.read_only = true;
    for (int i = 0; i < 5000; i++)
        net_send_message(p.asker, &p.node->addr, &m);
    net_run(p.net, 10 * SEC);
    CHECK(p.asker->received <= 12);
    CHECK(pair_stats(p.node).limited >= 4980);
    net_run(p.net, 280 * SEC);
    CHECK_INT(pair_ask(&p, &m), 0);
    CHECK_INT(pair_ask_bytes(&p, "not even looked at"), 0);
    CHECK_INT(pair_stats(p.node).malformed, 0);
    net_run(p.net, 20 * SEC);
    CHECK_INT(pair_ask(&p, &m), 1);
    net_free(p.net);
}

TEST(dht_flood_cannot_stop_our_own_searches) {
    struct net *net = net_new(23);
    net_grow(net, 30, 4, NULL);
    net_run(net, 30 * SEC);
    struct net_node *node = net->nodes[5];
    net_search(net->nodes[9], pair_hash, 7777);
    net_run(net, 10 * SEC);
    struct rng rng;
    rng_seed(&rng, 2);
    net_search(node, pair_hash, 0);
    for (int i = 0; i < 8000; i++) { /* 20 seconds */
        struct addr a = net_address("20.0.0.1");
        a.ip[1] = (uint8_t)rng_below(&rng, 256), a.ip[2] = (uint8_t)rng_below(&rng, 256);
        struct net_node from = {.net = net, .addr = a};
        struct krpc m = pair_query(node, KRPC_GET_PEERS);
        m.read_only = true;
        net_send_message(&from, &node->addr, &m);
        net_run(net, SEC / 400);
    }
    CHECK_INT(node->done, 1);
    CHECK_INT(node->peer_count, 1);
    net_free(net);
}

/* -- odds and ends --------------------------------------------------------------------- */

TEST(dht_ticks_no_more_often_than_it_has_to) {
    struct pair p = pair_new();
    int ticks = 0;
    pair_befriend(&p, 8);
    p.node->dead = true; /* the network no longer drives it */
    usec now = p.net->now, end = now + 3600 * SEC;
    while (now < end) {
        usec due = dht_tick(p.node->dht, now);
        CHECK(due > now);
        now = due;
        ticks++;
    }
    CHECK(ticks < 3000);
    net_free(p.net);
}

static void swallow(void *owner, const struct addr *to, const void *data, size_t len) {
    (void)owner, (void)to, (void)data, (void)len;
}

TEST(dht_new_survives_a_lack_of_memory) {
    static const struct dht_hooks hooks = {swallow, NULL, NULL, NULL};
    struct dht_settings s = {.ip4 = true, .ip6 = true, .seed = 1};
    CHECK_EACH_NOMEM(n) {
        struct dht *d = dht_new(&s, &hooks, NULL, 0);
        CHECK_INT(d == NULL, check_nomem_hit());
        dht_free(d);
    }
}

/* Whatever fails, the node lives, and nothing is lost but the packet. */
TEST(dht_survives_a_lack_of_memory_anywhere) {
    static const struct dht_hooks hooks = {swallow, NULL, NULL, NULL};
    static const char ping[] = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
    struct dht_settings s = {.ip4 = true, .ip6 = true, .seed = 1};
    struct addr a = net_address("5.6.7.8"), b = net_address("[2001:db8::1]:1");
    for (long n = 0; n < 40; n++) {
        struct dht *d = dht_new(&s, &hooks, NULL, 0);
        CHECK(d);
        check_nomem_at(n);
        dht_add_node(d, &a);
        dht_add_router(d, &b);
        int rc = dht_get_peers(d, pair_hash, 1, 0, 1, 0);
        for (usec now = 0; now < 20 * SEC; now += SEC)
            (void)dht_on_packet(d, &a, (const uint8_t *)ping, strlen(ping), now);
        bool hit = check_nomem_hit();
        CHECK(rc == 0 || (hit && rc == ERR_NOMEM));
        CHECK(dht_check(d));
        dht_free(d);
        if (!hit)
            break;
    }
}
