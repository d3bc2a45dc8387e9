/* dht: whom a node gets to know, what it learns of itself, and what it keeps between runs. */
#include "proto/dht_id.h"
#include "support/check.h"
#include "unit/proto/dht_pair.h"

/* -- contacts -------------------------------------------------------------------------- */

TEST(dht_gets_to_know_who_asks_if_he_answers) {
    struct net *net = net_new(3);
    struct addr a = net_address("1.2.3.4"), b = net_address("5.6.7.8"),
                c = net_address("9.9.9.9");
    struct net_node *node = net_add(net, &a, NET_HONEST),
                    *asker = net_add(net, &b, NET_HONEST);
    struct net_node *mute = net_add_tap(net, &c);
    struct krpc m = pair_query(mute, KRPC_PING);
    dht_add_node(asker->dht, &a);
    net_wake(asker);
    net_send_message(mute, &a, &m);
    net_run(net, 10 * SEC);
    CHECK_INT(pair_stats(node).ip4.nodes, 1);
    CHECK_INT(pair_stats(asker).ip4.nodes, 1);
    CHECK(pair_stats(asker).ip4.ready);
    net_free(net);
}

TEST(dht_asks_no_read_only_node_anything) {
    struct pair p = pair_new();
    struct krpc m = pair_query(p.asker, KRPC_PING);
    m.read_only = true;
    CHECK_INT(pair_ask(&p, &m), 1);
    net_run(p.net, 60 * SEC);
    CHECK_INT(p.asker->received, 1);
    m.read_only = false;
    CHECK_INT(pair_ask(&p, &m), 2); /* the answer, and a ping */
    net_free(p.net);
}

TEST(dht_that_is_read_only_answers_nobody_and_says_so) {
    struct net *net = net_new(3);
    struct dht_settings s;
    struct addr a = net_address("1.2.3.4"), b = net_address("5.6.7.8");
    net_settings(net, &s, 4);
    s.read_only = true;
    struct pair p = {net, net_add_with(net, &a, &s), net_add_tap(net, &b)};
    struct krpc m = pair_query(p.asker, KRPC_PING);
    CHECK_INT(pair_ask(&p, &m), 0);
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
    CHECK_INT(pair_stats(p.node).ip4.nodes, 0);
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
        CHECK(pair_stats(node).ip4.nodes >= 10);
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
        struct krpc_node fable = {.addr = net_address(texts[i])};
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
    struct addr local = net_address("10.0.0.9:1"), loopback = net_address("127.0.0.1:1");
    struct net_node *a = net_add_tap(p.net, &local), *b = net_add_tap(p.net, &loopback);
    p.asker->tap = tell_local_nodes;
    dht_add_node(p.node->dht, &p.asker->addr);
    net_search(p.node, pair_hash, 0);
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
            struct addr from = net_address(froms[i]);
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
            CHECK_INT(pair_stats(p.node).ip4.nodes, right_tid && i == 0);
            net_free(p.net);
        }
    }
}

TEST(dht_pings_contacts_and_drops_the_dead) {
    struct pair p = pair_new();
    pair_befriend(&p, 8);
    CHECK_INT(pair_stats(p.node).ip4.nodes, 8);
    for (uint32_t i = 2; i < 6; i++)
        p.net->nodes[i]->dead = true;
    net_run(p.net, 3 * 3600 * SEC);
    CHECK_INT(pair_stats(p.node).ip4.nodes, 4);
    CHECK_INT(pair_stats(p.node).ip4.good, 4);
    net_free(p.net);
}

TEST(dht_blames_nobody_while_its_own_network_is_down) {
    struct pair p = pair_new();
    pair_befriend(&p, 8);
    for (uint32_t i = 2; i < p.net->count; i++)
        p.net->nodes[i]->dead = true;
    net_run(p.net, 3 * 3600 * SEC);
    CHECK_INT(pair_stats(p.node).ip4.nodes, 8);
    for (uint32_t i = 2; i < p.net->count; i++)
        p.net->nodes[i]->dead = false;
    net_run(p.net, 1200 * SEC);
    CHECK_INT(pair_stats(p.node).ip4.good, 8);
    net_free(p.net);
}

/* -- our own address ------------------------------------------------------------------- */

TEST(dht_takes_an_id_that_fits_the_address_others_see) {
    struct net *net = net_new(9);
    net_grow(net, 40, 4, NULL);
    net_run(net, 60 * SEC);
    uint32_t know = 0;
    for (uint32_t i = 0; i < net->count; i++) {
        struct dht_stats s = pair_stats(net->nodes[i]);
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

/* -- both families --------------------------------------------------------------------- */

/* A node with both, made of two sockets: here only its IPv6 address is told to anybody. */
TEST(dht_learns_nodes_of_the_other_family) {
    struct pair p = pair_new();
    struct dht_settings s;
    struct addr both = net_address("4.4.4.4"), six = net_address("[2001:db8:9::1]:6881");
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
    struct addr a = net_address("1.2.3.4"), b = net_address("5.6.7.8");
    net_settings(net, &s, 4);
    s.ip6 = true;
    struct pair p = {net, net_add_with(net, &a, &s), net_add_tap(net, &b)};
    struct addr friend4 = net_address("6.6.6.6"),
                friend6 = net_address("[2001:db8::6]:6881");
    (void)net_add(net, &friend4, NET_SILENT);
    (void)net_add(net, &friend6, NET_SILENT);
    dht_add_node(p.node->dht, &friend4);
    dht_add_node(p.node->dht, &friend6);
    net_wake(p.node);
    net_run(net, 5 * SEC);
    struct krpc m = pair_query(p.asker, KRPC_FIND_NODE);
    m.read_only = true;
    CHECK(pair_reply(&p, &m)->nodes.len == KRPC_NODE4 && !p.asker->last.nodes6.len);
    m.want = KRPC_WANT6;
    CHECK(!pair_reply(&p, &m)->nodes.len && p.asker->last.nodes6.len == KRPC_NODE6);
    m.want = KRPC_WANT4 | KRPC_WANT6;
    CHECK(pair_reply(&p, &m)->nodes.len && p.asker->last.nodes6.len);
    net_free(net);
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
    struct dht_stats before = pair_stats(old);
    old->dead = true;
    dht_free(old->dht);
    struct dht_settings s;
    net_settings(net, &s, 4);
    struct addr a = old->addr;
    a.port = 7000;
    struct net_node *again = net_add_with(net, &a, &s);
    old->dht = NULL;
    CHECK_INT(dht_load(again->dht, (const uint8_t *)t.data, t.len), 0);
    struct dht_stats after = pair_stats(again);
    CHECK_MEM(after.ip4.id, before.ip4.id, 20);
    CHECK(addr_same_ip(&after.ip4.external, &a));
    net_wake(again);
    net_run(net, 10 * SEC);
    CHECK(pair_stats(again).ip4.ready);
    CHECK(pair_stats(again).ip4.nodes >= 10);
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
        CHECK_INT(pair_stats(p.node).ip4.external.family, 0);
        CHECK(memcmp(pair_stats(p.node).ip4.id, "abcdefghij0123456789", 20) != 0);
        net_free(p.net);
    }
}

TEST(dht_asks_no_martian_of_a_file) {
    static const char file[] =
        "d5:nodes52:"
        "abcdefghij0123456789\377\377\377\377\1\1abcdefghij0123456789\5\6\7\10\1\1e";
    struct pair p = pair_at("1.2.3.4", "5.6.7.8:257");
    struct addr a = net_address("255.255.255.255:257");
    struct net_node *martian = net_add_tap(p.net, &a);
    CHECK_INT(dht_load(p.node->dht, (const uint8_t *)file, sizeof file - 1), 0);
    net_wake(p.node);
    net_run(p.net, 60 * SEC);
    CHECK(p.asker->received > 0);
    CHECK_INT(martian->received, 0);
    net_free(p.net);
}
