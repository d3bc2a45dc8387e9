/* dht: one node among few: what it answers, whom it believes, what it remembers. The network
 * of a thousand is in dht_network_test.c. */
#include "proto/dht.h"

#include "base/hash.h"
#include "codec/bencode.h"
#include "proto/dht_id.h"
#include "support/check.h"
#include "unit/proto/dht_net.h"

#define SEC USEC_PER_SEC

static const uint8_t hash[20] = "some info hash......";
static const uint8_t tid[] = "aa";

static struct addr address(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, 6881), 0);
    return a;
}

/* A network with one node, and somebody who asks it things. */
struct pair {
    struct net *net;
    struct net_node *node, *asker;
};

static struct pair pair_at(const char *node, const char *asker) {
    struct pair p = {.net = net_new(7)};
    struct addr a = address(node), b = address(asker);
    p.node = net_add(p.net, &a, NET_HONEST);
    p.asker = net_add_tap(p.net, &b);
    return p;
}

static struct pair pair_new(void) {
    return pair_at("1.2.3.4", "5.6.7.8");
}

static struct krpc query(const struct net_node *asker, enum krpc_method method) {
    return (struct krpc){.type = KRPC_QUERY,
                         .tid = {tid, 2},
                         .id = asker->id,
                         .method = method,
                         .target = method == KRPC_PING ? NULL : hash};
}

/* Sends it; the answer is in asker->last. How many packets came. */
static uint32_t ask(struct pair *p, const struct krpc *m) {
    uint32_t before = p->asker->received;
    net_send_message(p->asker, &p->node->addr, m);
    net_run(p->net, SEC);
    return p->asker->received - before;
}

static uint32_t ask_bytes(struct pair *p, const char *bytes) {
    uint32_t before = p->asker->received;
    net_send(p->net, &p->asker->addr, &p->node->addr, bytes, strlen(bytes));
    net_run(p->net, SEC);
    return p->asker->received - before;
}

static struct dht_stats stats(const struct net_node *n) {
    struct dht_stats s;
    dht_stats(n->dht, &s, n->net->now);
    CHECK(dht_check(n->dht));
    return s;
}

/* Keeps the reply apart from the ping that may follow it. */
static struct krpc last_reply;
static uint8_t last_reply_packet[KRPC_MAX_PACKET];
static void keep_reply(struct net_node *n, const struct addr *from, const uint8_t *data,
                       size_t len) {
    struct krpc m;
    (void)n, (void)from;
    CHECK_INT(krpc_parse(&m, data, len), 0);
    if (m.type == KRPC_QUERY)
        return;
    memcpy(last_reply_packet, data, len);
    CHECK_INT(krpc_parse(&last_reply, last_reply_packet, len), 0);
}

static struct krpc *reply_to(struct pair *p, const struct krpc *m) {
    last_reply = (struct krpc){0};
    p->asker->tap = keep_reply;
    CHECK(ask(p, m) >= 1);
    return &last_reply;
}

/* -- answers --------------------------------------------------------------------------- */

TEST(dht_answers_a_ping_and_tells_the_asker_his_address) {
    struct pair p = pair_new();
    struct krpc m = query(p.asker, KRPC_PING);
    m.read_only = true;
    CHECK_INT(ask(&p, &m), 1);
    CHECK_INT(p.asker->last.type, KRPC_REPLY);
    CHECK_INT(p.asker->last.tid.len, 2);
    CHECK_MEM(p.asker->last.tid.data, tid, 2);
    CHECK_MEM(p.asker->last.id, stats(p.node).ip4.id, 20);
    CHECK(addr_equal(&p.asker->last.ip, &p.asker->addr));
    CHECK_MEM(p.asker->last.version.data, "MR01", 4);
    net_free(p.net);
}

/* Eight more nodes that it knows. */
static void befriend(struct pair *p, int count) {
    for (int i = 0; i < count; i++) {
        struct addr a = net_addr(p->net, p->node->addr.family);
        (void)net_add(p->net, &a, NET_SILENT);
        dht_add_node(p->node->dht, &a);
    }
    net_wake(p->node);
    net_run(p->net, 10 * SEC);
}

TEST(dht_answers_with_the_nodes_it_knows) {
    struct pair p = pair_new();
    struct krpc_node n;
    uint32_t count = 0;
    befriend(&p, 8);
    struct krpc m = query(p.asker, KRPC_FIND_NODE), *r = reply_to(&p, &m);
    for (; krpc_next_node(&r->nodes, 4, &n); count++)
        CHECK(n.addr.port == 6881);
    CHECK(count >= 7);
    CHECK_INT(r->nodes6.len, 0);
    CHECK_INT(r->token.len, 0);
    net_free(p.net);
}

TEST(dht_treats_an_unknown_method_with_a_target_as_find_node) {
    struct pair p = pair_new();
    befriend(&p, 8);
    p.asker->tap = keep_reply;
    (void)ask_bytes(&p, "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e"
                        "1:q4:vote2:roi1e1:t2:aa1:y1:qe");
    CHECK_INT(last_reply.type, KRPC_REPLY);
    CHECK(last_reply.nodes.len >= 7 * KRPC_NODE4);
    net_free(p.net);
}

/* Gets a token, announces a port, and looks for it. */
static struct krpc announce_of(struct pair *p, uint8_t token[KRPC_MAX_TOKEN]) {
    struct krpc get = query(p->asker, KRPC_GET_PEERS), *r = reply_to(p, &get);
    struct krpc m = query(p->asker, KRPC_ANNOUNCE_PEER);
    CHECK(r->token.len > 0);
    memcpy(token, r->token.data, r->token.len);
    m.token = (struct span){token, r->token.len};
    m.port = 4321;
    return m;
}

TEST(dht_stores_a_peer_that_has_a_token) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = announce_of(&p, token), get = query(p.asker, KRPC_GET_PEERS);
    struct addr peer;
    CHECK_INT(reply_to(&p, &m)->type, KRPC_REPLY);
    CHECK_INT(stats(p.node).peers, 1);
    struct krpc *r = reply_to(&p, &get);
    CHECK(krpc_next_value(&r->values, &peer));
    CHECK(addr_same_ip(&peer, &p.asker->addr) && peer.port == 4321);
    CHECK(!krpc_next_value(&r->values, &peer));
    net_free(p.net);
}

TEST(dht_stores_the_port_of_the_packet_when_told_so) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = announce_of(&p, token), get = query(p.asker, KRPC_GET_PEERS);
    struct addr peer;
    m.implied_port = true;
    CHECK_INT(reply_to(&p, &m)->type, KRPC_REPLY);
    CHECK(krpc_next_value(&reply_to(&p, &get)->values, &peer));
    CHECK_INT(peer.port, 6881);
    net_free(p.net);
}

TEST(dht_refuses_an_announce_without_its_token) {
    static const uint8_t other_hash[20] = "another info hash...";
    for (int how = 0; how < 4; how++) {
        struct pair p = pair_new();
        uint8_t token[KRPC_MAX_TOKEN];
        struct addr elsewhere = address("9.9.9.9");
        struct krpc m = announce_of(&p, token);
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
        struct krpc *r = reply_to(&p, &m);
        CHECK_INT(r->type, KRPC_ERROR);
        CHECK_INT(r->code, KRPC_PROTOCOL);
        CHECK_INT(stats(p.node).peers, 0);
        net_free(p.net);
    }
}

TEST(dht_answers_a_scrape_with_filters) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = announce_of(&p, token), get = query(p.asker, KRPC_GET_PEERS);
    m.seed = true;
    (void)reply_to(&p, &m);
    get.scrape = get.noseed = true;
    struct krpc *r = reply_to(&p, &get);
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
        CHECK_INT(ask_bytes(&p, rows[i].packet), 1);
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
        CHECK_INT(ask_bytes(&p, packets[i]), 0);
    CHECK_INT(dht_on_packet(p.node->dht, &p.asker->addr, NULL, 0, p.net->now) > 0, 1);
    CHECK_INT(stats(p.node).ip4.nodes, 0);
    net_free(p.net);
}

TEST(dht_answers_no_martian_and_no_family_that_is_off) {
    static const char *const askers[] = {"0.0.0.1", "224.0.0.1", "255.255.255.255",
                                         "[2001:db8::1]:6881"};
    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        struct pair p = pair_at("1.2.3.4", askers[i]);
        struct krpc m = query(p.asker, KRPC_PING);
        CHECK_INT(ask(&p, &m), 0);
        CHECK_INT(stats(p.node).packets_in, 0);
        net_free(p.net);
    }
}

TEST(dht_tells_the_world_of_no_local_nodes_and_peers) {
    struct pair p = pair_at("1.2.3.4", "10.0.0.1");
    struct addr world = address("5.6.7.8");
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = announce_of(&p, token), get = query(p.asker, KRPC_GET_PEERS);
    (void)reply_to(&p, &m);
    CHECK(reply_to(&p, &get)->values.len > 0); /* the neighbour is told */
    p.asker = net_add_tap(p.net, &world);
    get.id = p.asker->id;
    CHECK_INT(reply_to(&p, &get)->values.len, 0);
    CHECK_INT(last_reply.nodes.len, 0);
    net_free(p.net);
}

/* -- contacts -------------------------------------------------------------------------- */

TEST(dht_gets_to_know_who_asks_if_he_answers) {
    struct net *net = net_new(3);
    struct addr a = address("1.2.3.4"), b = address("5.6.7.8"), c = address("9.9.9.9");
    struct net_node *node = net_add(net, &a, NET_HONEST),
                    *asker = net_add(net, &b, NET_HONEST);
    struct net_node *mute = net_add_tap(net, &c);
    struct krpc m = query(mute, KRPC_PING);
    dht_add_node(asker->dht, &a);
    net_wake(asker);
    net_send_message(mute, &a, &m);
    net_run(net, 10 * SEC);
    CHECK_INT(stats(node).ip4.nodes, 1);
    CHECK_INT(stats(asker).ip4.nodes, 1);
    CHECK(stats(asker).ip4.ready);
    net_free(net);
}

TEST(dht_asks_no_read_only_node_anything) {
    struct pair p = pair_new();
    struct krpc m = query(p.asker, KRPC_PING);
    m.read_only = true;
    CHECK_INT(ask(&p, &m), 1);
    net_run(p.net, 60 * SEC);
    CHECK_INT(p.asker->received, 1);
    m.read_only = false;
    CHECK_INT(ask(&p, &m), 2); /* the answer, and a ping */
    net_free(p.net);
}

TEST(dht_that_is_read_only_answers_nobody_and_says_so) {
    struct net *net = net_new(3);
    struct dht_settings s;
    struct addr a = address("1.2.3.4"), b = address("5.6.7.8");
    net_settings(net, &s, 4);
    s.read_only = true;
    struct pair p = {net, net_add_with(net, &a, &s), net_add_tap(net, &b)};
    struct krpc m = query(p.asker, KRPC_PING);
    CHECK_INT(ask(&p, &m), 0);
    dht_add_node(p.node->dht, &b);
    net_wake(p.node);
    net_run(net, SEC);
    CHECK(p.asker->received > 0);
    CHECK(p.asker->last.read_only);
    net_free(net);
}

TEST(dht_tries_a_node_that_does_not_answer_a_few_times) {
    struct pair p = pair_new();
    dht_add_node(p.node->dht, &p.asker->addr);
    net_wake(p.node);
    net_run(p.net, 3600 * SEC);
    CHECK(p.asker->received >= 5);
    CHECK(p.asker->received <= 10);
    CHECK_INT(stats(p.node).ip4.nodes, 0);
    net_free(p.net);
}

static bool knows(const struct net_node *n, const struct addr *a) {
    struct text t;
    uint8_t compact[18];
    text_init(&t);
    dht_save(n->dht, &t, n->net->now);
    bool found = memmem(t.data, t.len, compact, addr_to_compact(a, compact));
    text_free(&t);
    return found;
}

TEST(dht_keeps_no_router_but_learns_from_it) {
    struct net *net = net_new(5);
    net_grow(net, 30, 4, NULL);
    for (uint32_t i = 0; i < 8; i++) {
        struct addr a = net_addr(net, 4);
        struct net_node *node = net_add(net, &a, NET_HONEST), *router = net->nodes[i];
        dht_add_router(node->dht, &router->addr);
        net_wake(node);
        net_run(net, 30 * SEC);
        CHECK(stats(node).ip4.nodes >= 10);
        CHECK(!knows(node, &router->addr));
        node->dead = true;
    }
    net_free(net);
}

/* Answers everything with a node on its own network, and one on ours. */
static void tell_local_nodes(struct net_node *n, const struct addr *from,
                             const uint8_t *data, size_t len) {
    static const char *const texts[] = {"10.0.0.9:1", "127.0.0.1:1", "0.0.0.0:1"};
    uint8_t nodes[3 * KRPC_NODE4];
    struct krpc m, r = {.type = KRPC_REPLY, .id = n->id};
    CHECK_INT(krpc_parse(&m, data, len), 0);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct krpc_node fable = {.addr = address(texts[i])};
        fable.id[0] = (uint8_t)(1 + i);
        r.nodes.len += krpc_put_node(nodes + r.nodes.len, &fable);
    }
    r.nodes.data = nodes;
    r.tid = m.tid;
    if (m.type == KRPC_QUERY)
        net_send_message(n, from, &r);
}

TEST(dht_lets_nobody_point_it_at_a_local_network) {
    struct pair p = pair_new();
    struct addr local = address("10.0.0.9:1"), loopback = address("127.0.0.1:1");
    struct net_node *a = net_add_tap(p.net, &local), *b = net_add_tap(p.net, &loopback);
    p.asker->tap = tell_local_nodes;
    dht_add_node(p.node->dht, &p.asker->addr);
    net_search(p.node, hash, 0);
    net_run(p.net, 60 * SEC);
    CHECK(p.node->result.answers == 1);
    CHECK_INT(a->received + b->received, 0);
    net_free(p.net);
}

/* An answer counts only from the address that was asked, with the id of the question. */
TEST(dht_believes_no_answer_to_what_it_did_not_ask) {
    static const char *const froms[] = {"5.6.7.8:6881", "5.6.7.8:1", "6.6.6.6:6881"};
    for (size_t i = 0; i < COUNT_OF(froms); i++) {
        for (int right_tid = 0; right_tid < 2; right_tid++) {
            struct pair p = pair_new();
            struct addr from = address(froms[i]);
            dht_add_node(p.node->dht, &p.asker->addr);
            net_wake(p.node);
            net_run(p.net, SEC);
            struct krpc r = {
                .type = KRPC_REPLY, .tid = p.asker->last.tid, .id = p.asker->id};
            uint8_t copy[4];
            CHECK_INT(r.tid.len, 4);
            memcpy(copy, r.tid.data, 4);
            copy[3] ^= !right_tid;
            r.tid.data = copy;
            struct net_node sender = {.net = p.net, .addr = from};
            net_send_message(&sender, &p.node->addr, &r);
            net_run(p.net, SEC);
            CHECK_INT(stats(p.node).ip4.nodes, right_tid && i == 0);
            net_free(p.net);
        }
    }
}

TEST(dht_pings_contacts_and_drops_the_dead) {
    struct pair p = pair_new();
    befriend(&p, 8);
    CHECK_INT(stats(p.node).ip4.nodes, 8);
    for (uint32_t i = 2; i < 6; i++)
        p.net->nodes[i]->dead = true;
    net_run(p.net, 3 * 3600 * SEC);
    CHECK_INT(stats(p.node).ip4.nodes, 4);
    CHECK_INT(stats(p.node).ip4.good, 4);
    net_free(p.net);
}

TEST(dht_blames_nobody_while_its_own_network_is_down) {
    struct pair p = pair_new();
    befriend(&p, 8);
    for (uint32_t i = 2; i < p.net->count; i++)
        p.net->nodes[i]->dead = true;
    net_run(p.net, 3 * 3600 * SEC);
    CHECK_INT(stats(p.node).ip4.nodes, 8);
    for (uint32_t i = 2; i < p.net->count; i++)
        p.net->nodes[i]->dead = false;
    net_run(p.net, 1200 * SEC);
    CHECK_INT(stats(p.node).ip4.good, 8);
    net_free(p.net);
}

/* -- our own address ------------------------------------------------------------------- */

TEST(dht_takes_an_id_that_fits_the_address_others_see) {
    struct net *net = net_new(9);
    net_grow(net, 40, 4, NULL);
    net_run(net, 60 * SEC);
    uint32_t know = 0;
    for (uint32_t i = 0; i < net->count; i++) {
        struct dht_stats s = stats(net->nodes[i]);
        if (!s.ip4.external.family)
            continue;
        know++;
        CHECK(addr_same_ip(&s.ip4.external, &net->nodes[i]->addr));
        CHECK(addr_same_ip(&net->nodes[i]->external, &net->nodes[i]->addr));
        CHECK(dht_id_fits(s.ip4.id, &net->nodes[i]->addr));
    }
    CHECK(know >= 38);
    net_free(net);
}

/* -- searches -------------------------------------------------------------------------- */

TEST(dht_finds_what_another_node_announced) {
    for (int family = 4; family <= 6; family += 2) {
        struct net *net = net_new(11);
        net_grow(net, 50, family, NULL);
        net_run(net, 30 * SEC);
        struct net_node *announcer = net->nodes[3], *asker = net->nodes[40];
        net_search(announcer, hash, 7777);
        net_run(net, 20 * SEC);
        CHECK_INT(announcer->done, 1);
        CHECK_INT(announcer->result.announced, 8);
        CHECK_INT(announcer->peer_count, 0);
        net_search(asker, hash, 0);
        net_run(net, 20 * SEC);
        CHECK_INT(asker->done, 1);
        CHECK_INT(asker->peer_count, 1);
        CHECK_INT(asker->peers[0].port, 7777);
        CHECK(addr_same_ip(&asker->peers[0], &announcer->addr));
        CHECK_INT(asker->result.announced, 0);
        net_free(net);
    }
}

TEST(dht_finds_peers_on_loopback_where_all_share_an_address) {
    struct net *net = net_new(13);
    for (uint16_t i = 0; i < 30; i++) {
        struct addr a = address("127.0.0.1:1"), first = a;
        a.port = (uint16_t)(1 + i);
        struct net_node *n = net_add(net, &a, NET_HONEST);
        dht_add_node(n->dht, &first);
        net_run(net, SEC / 10);
    }
    net_run(net, 20 * SEC);
    net_search(net->nodes[5], hash, 7777);
    net_run(net, 10 * SEC);
    CHECK_INT(net->nodes[5]->result.announced, 8);
    net_search(net->nodes[25], hash, 0);
    net_run(net, 10 * SEC);
    CHECK_INT(net->nodes[25]->peer_count, 1);
    net_free(net);
}

TEST(dht_search_of_a_lonely_node_waits_and_ends) {
    struct pair p = pair_new();
    net_search(p.node, hash, 1);
    net_run(p.net, 29 * SEC);
    CHECK_INT(p.node->done, 0);
    net_run(p.net, 2 * SEC);
    CHECK_INT(p.node->done, 1);
    CHECK_INT(p.node->result.answers, 0);
    CHECK_INT(stats(p.node).searches, 0);
    net_free(p.net);
}

/* The first thing that a client does is to search; nodes become known meanwhile. */
TEST(dht_search_begins_with_nodes_that_come_later) {
    struct net *net = net_new(15);
    net_grow(net, 30, 4, NULL);
    net_search(net->nodes[3], hash, 7777);
    net_run(net, 20 * SEC);
    struct addr a = address("1.2.3.4");
    struct net_node *late = net_add(net, &a, NET_HONEST);
    net_search(late, hash, 0);
    net_run(net, 10 * SEC);
    CHECK_INT(late->peer_count, 0);
    dht_add_router(late->dht, &net->nodes[7]->addr);
    net_wake(late);
    net_run(net, 10 * SEC);
    CHECK_INT(late->done, 1);
    CHECK_INT(late->peer_count, 1);
    net_free(net);
}

TEST(dht_search_asks_the_routers_when_all_it_knew_are_dead) {
    struct net *net = net_new(17);
    struct addr a = address("1.2.3.4");
    struct net_node *node = net_add(net, &a, NET_HONEST);
    struct pair p = {net, node, NULL};
    befriend(&p, 10);
    for (uint32_t i = 0; i < net->count; i++)
        net->nodes[i]->dead = i > 0;
    node->dead = true; /* nobody shall know it */
    uint32_t first = net->count;
    net_grow(net, 20, 4, NULL);
    for (uint32_t i = first; i < net->count; i++) {
        dht_add_node(net->nodes[i]->dht, &net->nodes[first]->addr);
        net_wake(net->nodes[i]);
    }
    net_run(net, 60 * SEC);
    node->dead = false;
    CHECK_INT(stats(node).ip4.nodes, 10);
    dht_add_router(node->dht, &net->nodes[first + 1]->addr);
    net_search(node, hash, 0);
    net_run(net, 20 * SEC);
    CHECK_INT(node->done, 1);
    CHECK(node->result.answers >= 5);
    net_free(net);
}

TEST(dht_search_tells_what_we_store_ourselves) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = announce_of(&p, token);
    (void)reply_to(&p, &m);
    net_search(p.node, hash, 0);
    net_run(p.net, SEC);
    CHECK_INT(p.node->peer_count, 1);
    net_free(p.net);
}

TEST(dht_searches_are_bounded_and_can_be_canceled) {
    struct pair p = pair_new();
    struct dht *d = p.node->dht;
    for (uint32_t i = 0; i < DHT_SEARCHES; i++)
        CHECK_INT(dht_get_peers(d, hash, 0, 0, i % 2, p.net->now), 0);
    CHECK_INT(dht_get_peers(d, hash, 0, 0, 9, p.net->now), ERR_BUSY);
    dht_cancel(d, 0);
    CHECK(dht_due(d) <= p.net->now);
    net_wake(p.node);
    net_run(p.net, SEC);
    CHECK_INT(stats(p.node).searches, DHT_SEARCHES / 2);
    CHECK_INT(p.node->done, 0);
    net_run(p.net, 60 * SEC);
    CHECK_INT(p.node->done, DHT_SEARCHES / 2);
    net_free(p.net);
}

/* -- what hooks may do ----------------------------------------------------------------- */

struct meddler {
    struct dht *dht;
    uint32_t done, told;
    usec now;
};

static void meddle_send(void *owner, const struct addr *to, const void *data,
                        size_t len) {
    (void)owner, (void)to, (void)data, (void)len;
}

static void meddle_peers(void *owner, uint64_t cookie, const uint8_t info_hash[20],
                         const struct addr *peers, uint32_t count) {
    struct meddler *m = owner;
    (void)peers;
    m->told += count;
    dht_cancel(m->dht, cookie);
    CHECK_INT(dht_get_peers(m->dht, info_hash, 0, 0, cookie + 1, m->now), 0);
    if (cookie > 3)
        dht_cancel(m->dht, cookie + 1);
}

static void meddle_done(void *owner, uint64_t cookie, const uint8_t info_hash[20],
                        const struct dht_result *result) {
    struct meddler *m = owner;
    (void)result;
    m->done++;
    if (cookie < 105)
        CHECK_INT(dht_get_peers(m->dht, info_hash, 0, 0, cookie + 1, m->now), 0);
}

TEST(dht_hooks_may_start_and_cancel_searches) {
    static const struct dht_hooks hooks = {meddle_send, meddle_peers, meddle_done, NULL};
    struct dht_settings s = {.ip4 = true, .seed = 1};
    struct meddler m = {.now = SEC};
    struct dht *d = m.dht = dht_new(&s, &hooks, &m, m.now);
    CHECK(d);
    CHECK_INT(dht_get_peers(d, hash, 0, 0, 100, m.now), 0);
    for (int i = 0; i < 10; i++) {
        m.now += 31 * SEC;
        (void)dht_tick(d, m.now);
        CHECK(dht_check(d));
    }
    CHECK_INT(m.done, 6); /* 100 .. 105 */
    dht_free(d);
}

/* -- memory between runs --------------------------------------------------------------- */

static struct text saved(const struct net_node *n) {
    struct text t;
    text_init(&t);
    dht_save(n->dht, &t, n->net->now);
    CHECK(!t.failed);
    return t;
}

TEST(dht_remembers_its_id_and_nodes) {
    struct net *net = net_new(19);
    net_grow(net, 40, 4, NULL);
    net_run(net, 60 * SEC);
    struct net_node *old = net->nodes[20];
    struct text t = saved(old);
    struct dht_stats before = stats(old);
    old->dead = true;
    dht_free(old->dht);
    struct dht_settings s;
    net_settings(net, &s, 4);
    struct addr a = old->addr;
    a.port = 7000;
    struct net_node *again = net_add_with(net, &a, &s);
    old->dht = NULL;
    CHECK_INT(dht_load(again->dht, (const uint8_t *)t.data, t.len), 0);
    struct dht_stats after = stats(again);
    CHECK_MEM(after.ip4.id, before.ip4.id, 20);
    CHECK(addr_same_ip(&after.ip4.external, &a));
    net_wake(again);
    net_run(net, 10 * SEC);
    CHECK(stats(again).ip4.ready);
    CHECK(stats(again).ip4.nodes >= 10);
    text_free(&t);
    net_free(net);
}

TEST(dht_loads_no_nonsense) {
    static const char *const files[] = {
        "",
        "x",
        "le",
        "i1e",
        "d",
        "de",
        "d2:id3:abc5:nodes3:abce",
        "d5:nodesi1ee",
        "d2:id20:abcdefghij01234567892:ip6:\1\2\3\4\1\1e", /* that does not fit */
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct pair p = pair_new();
        size_t len = strlen(files[i]);
        int rc = dht_load(p.node->dht, check_at_page_end(files[i], len), len);
        CHECK_INT(rc, i < 5 ? ERR_FORMAT : 0);
        CHECK_INT(stats(p.node).ip4.external.family, 0);
        CHECK(memcmp(stats(p.node).ip4.id, "abcdefghij0123456789", 20) != 0);
        net_free(p.net);
    }
}

TEST(dht_asks_no_martian_of_a_file) {
    static const char file[] =
        "d5:nodes52:"
        "abcdefghij0123456789\377\377\377\377\1\1abcdefghij0123456789\5\6\7\10\1\1e";
    struct pair p = pair_at("1.2.3.4", "5.6.7.8:257");
    struct addr a = address("255.255.255.255:257");
    struct net_node *martian = net_add_tap(p.net, &a);
    CHECK_INT(dht_load(p.node->dht, (const uint8_t *)file, sizeof file - 1), 0);
    net_wake(p.node);
    net_run(p.net, 60 * SEC);
    CHECK(p.asker->received > 0);
    CHECK_INT(martian->received, 0);
    net_free(p.net);
}

/* -- both families --------------------------------------------------------------------- */

/* A node with both, made of two sockets: here only its IPv6 address is told to anybody. */
TEST(dht_learns_nodes_of_the_other_family) {
    struct pair p = pair_new();
    struct dht_settings s;
    struct addr both = address("4.4.4.4"), six = address("[2001:db8:9::1]:6881");
    uint8_t compact[KRPC_NODE6];
    struct krpc_node n = {.addr = six};
    net_settings(p.net, &s, 4);
    s.ip6 = true;
    p.node = net_add_with(p.net, &both, &s);
    struct net_node *other = net_add_tap(p.net, &six);
    memcpy(n.id, other->id, 20);
    dht_add_node(p.node->dht, &p.asker->addr);
    net_wake(p.node);
    p.asker->dead = false;
    net_run(p.net, SEC / 4);
    CHECK_INT(p.asker->last.want, p.asker->last.method == KRPC_FIND_NODE ? 3 : 0);
    for (int i = 0; i < 3; i++) { /* the ping, and the search for its own id */
        struct krpc r = {.type = KRPC_REPLY, .tid = p.asker->last.tid, .id = p.asker->id};
        r.nodes6 = (struct span){compact, krpc_put_node(compact, &n)};
        net_send_message(p.asker, &both, &r);
        net_run(p.net, SEC);
    }
    CHECK(other->received > 0);
    net_free(p.net);
}

TEST(dht_answers_with_the_family_that_is_wanted) {
    struct net *net = net_new(21);
    struct dht_settings s;
    struct addr a = address("1.2.3.4"), b = address("5.6.7.8");
    net_settings(net, &s, 4);
    s.ip6 = true;
    struct pair p = {net, net_add_with(net, &a, &s), net_add_tap(net, &b)};
    struct addr friend4 = address("6.6.6.6"), friend6 = address("[2001:db8::6]:6881");
    (void)net_add(net, &friend4, NET_SILENT);
    (void)net_add(net, &friend6, NET_SILENT);
    dht_add_node(p.node->dht, &friend4);
    dht_add_node(p.node->dht, &friend6);
    net_wake(p.node);
    net_run(net, 5 * SEC);
    struct krpc m = query(p.asker, KRPC_FIND_NODE);
    m.read_only = true;
    CHECK(reply_to(&p, &m)->nodes.len == KRPC_NODE4 && !last_reply.nodes6.len);
    m.want = KRPC_WANT6;
    CHECK(!reply_to(&p, &m)->nodes.len && last_reply.nodes6.len == KRPC_NODE6);
    m.want = KRPC_WANT4 | KRPC_WANT6;
    CHECK(reply_to(&p, &m)->nodes.len && last_reply.nodes6.len);
    net_free(net);
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
        struct addr from = address("20.0.0.1");
        from.ip[1] = (uint8_t)rng_below(&rng, 100),
        from.ip[2] = (uint8_t)rng_below(&rng, 100);
        for (size_t i = 0; i < 20; i++)
            h[i] = (uint8_t)rng_below(&rng, 256);
        struct krpc m = query(p.asker, (enum krpc_method)rng_below(&rng, 4));
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
    struct krpc m = query(p.asker, KRPC_PING);
    m.read_only = true;
    for (int i = 0; i < 5000; i++)
        net_send_message(p.asker, &p.node->addr, &m);
    net_run(p.net, 10 * SEC);
    CHECK(p.asker->received <= 12);
    CHECK(stats(p.node).limited >= 4980);
    net_run(p.net, 280 * SEC);
    CHECK_INT(ask(&p, &m), 0);
    CHECK_INT(ask_bytes(&p, "not even looked at"), 0);
    CHECK_INT(stats(p.node).malformed, 0);
    net_run(p.net, 20 * SEC);
    CHECK_INT(ask(&p, &m), 1);
    net_free(p.net);
}

TEST(dht_flood_cannot_stop_our_own_searches) {
    struct net *net = net_new(23);
    net_grow(net, 30, 4, NULL);
    net_run(net, 30 * SEC);
    struct net_node *node = net->nodes[5];
    net_search(net->nodes[9], hash, 7777);
    net_run(net, 10 * SEC);
    struct rng rng;
    rng_seed(&rng, 2);
    net_search(node, hash, 0);
    for (int i = 0; i < 8000; i++) { /* 20 seconds */
        struct addr a = address("20.0.0.1");
        a.ip[1] = (uint8_t)rng_below(&rng, 256), a.ip[2] = (uint8_t)rng_below(&rng, 256);
        struct net_node from = {.net = net, .addr = a};
        struct krpc m = query(node, KRPC_GET_PEERS);
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
    befriend(&p, 8);
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

TEST(dht_new_survives_a_lack_of_memory) {
    static const struct dht_hooks hooks = {meddle_send, NULL, NULL, NULL};
    struct dht_settings s = {.ip4 = true, .ip6 = true, .seed = 1};
    CHECK_EACH_NOMEM(n) {
        struct dht *d = dht_new(&s, &hooks, NULL, 0);
        CHECK_INT(d == NULL, check_nomem_hit());
        dht_free(d);
    }
}

/* Whatever fails, the node lives, and nothing is lost but the packet. */
TEST(dht_survives_a_lack_of_memory_anywhere) {
    static const struct dht_hooks hooks = {meddle_send, NULL, NULL, NULL};
    static const char ping[] = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
    struct dht_settings s = {.ip4 = true, .ip6 = true, .seed = 1};
    struct addr a = address("5.6.7.8"), b = address("[2001:db8::1]:1");
    for (long n = 0; n < 40; n++) {
        struct dht *d = dht_new(&s, &hooks, NULL, 0);
        CHECK(d);
        check_nomem_at(n);
        dht_add_node(d, &a);
        dht_add_router(d, &b);
        int rc = dht_get_peers(d, hash, 1, 0, 1, 0);
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
