/* dht: searches and announces, and what hooks may do meanwhile. */
#include "support/check.h"
#include "unit/proto/dht_pair.h"

/* -- searches -------------------------------------------------------------------------- */

TEST(dht_finds_what_another_node_announced) {
    for (int family = 4; family <= 6; family += 2) {
        struct net *net = net_new(11);
        net_grow(net, 50, family, NULL);
        net_run(net, 30 * SEC);
        struct net_node *announcer = net->nodes[3], *asker = net->nodes[40];
        net_search(announcer, pair_hash, 7777);
        net_run(net, 20 * SEC);
        CHECK_INT(announcer->done, 1);
        CHECK_INT(announcer->result.announced, 8);
        CHECK_INT(announcer->peer_count, 0);
        net_search(asker, pair_hash, 0);
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
        struct addr a = net_address("127.0.0.1:1"), first = a;
        a.port = (uint16_t)(1 + i);
        struct net_node *n = net_add(net, &a, NET_HONEST);
        dht_add_node(n->dht, &first);
        net_run(net, SEC / 10);
    }
    net_run(net, 20 * SEC);
    net_search(net->nodes[5], pair_hash, 7777);
    net_run(net, 10 * SEC);
    CHECK_INT(net->nodes[5]->result.announced, 8);
    net_search(net->nodes[25], pair_hash, 0);
    net_run(net, 10 * SEC);
    CHECK_INT(net->nodes[25]->peer_count, 1);
    net_free(net);
}

TEST(dht_search_of_a_lonely_node_waits_and_ends) {
    struct pair p = pair_new();
    net_search(p.node, pair_hash, 1);
    net_run(p.net, 29 * SEC);
    CHECK_INT(p.node->done, 0);
    net_run(p.net, 2 * SEC);
    CHECK_INT(p.node->done, 1);
    CHECK_INT(p.node->result.answers, 0);
    CHECK_INT(pair_stats(p.node).searches, 0);
    net_free(p.net);
}

/* The first thing that a client does is to search; nodes become known meanwhile. */
TEST(dht_search_begins_with_nodes_that_come_later) {
    struct net *net = net_new(15);
    net_grow(net, 30, 4, NULL);
    net_search(net->nodes[3], pair_hash, 7777);
    net_run(net, 20 * SEC);
    struct addr a = net_address("1.2.3.4");
    struct net_node *late = net_add(net, &a, NET_HONEST);
    net_search(late, pair_hash, 0);
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
    struct addr a = net_address("1.2.3.4");
    struct net_node *node = net_add(net, &a, NET_HONEST);
    struct pair p = {net, node, NULL};
    pair_befriend(&p, 10);
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
    CHECK_INT(pair_stats(node).ip4.nodes, 10);
    dht_add_router(node->dht, &net->nodes[first + 1]->addr);
    net_search(node, pair_hash, 0);
    net_run(net, 20 * SEC);
    CHECK_INT(node->done, 1);
    CHECK(node->result.answers >= 5);
    net_free(net);
}

TEST(dht_search_tells_what_we_store_ourselves) {
    struct pair p = pair_new();
    uint8_t token[KRPC_MAX_TOKEN];
    struct krpc m = pair_announce(&p, token);
    (void)pair_reply(&p, &m);
    net_search(p.node, pair_hash, 0);
    net_run(p.net, SEC);
    CHECK_INT(p.node->peer_count, 1);
    net_free(p.net);
}

TEST(dht_searches_are_bounded_and_can_be_canceled) {
    struct pair p = pair_new();
    struct dht *d = p.node->dht;
    for (uint32_t i = 0; i < DHT_SEARCHES; i++)
        CHECK_INT(dht_get_peers(d, pair_hash, 0, 0, i % 2, p.net->now), 0);
    CHECK_INT(dht_get_peers(d, pair_hash, 0, 0, 9, p.net->now), ERR_BUSY);
    dht_cancel(d, 0);
    CHECK(dht_due(d) <= p.net->now);
    net_wake(p.node);
    net_run(p.net, SEC);
    CHECK_INT(pair_stats(p.node).searches, DHT_SEARCHES / 2);
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
    CHECK_INT(dht_get_peers(d, pair_hash, 0, 0, 100, m.now), 0);
    for (int i = 0; i < 10; i++) {
        m.now += 31 * SEC;
        (void)dht_tick(d, m.now);
        CHECK(dht_check(d));
    }
    CHECK_INT(m.done, 6); /* 100 .. 105 */
    dht_free(d);
}
