/* A thousand nodes, of which many are dead and some mean harm: lookups find what was stored. */
#include "proto/dht_id.h"
#include "support/check.h"
#include "unit/proto/dht_net.h"

#define NODES 1000u
#define HASHES 20u

/* One in ten means harm; the first ones are honest, for they are whom all others are told of. */
static enum net_kind kind_of(uint32_t i) {
    if (i < 20 || i % 10)
        return NET_HONEST;
    return (enum net_kind)(NET_SILENT + i / 10 % 4);
}

static struct net_node *random_honest(struct net *net) {
    for (;;) {
        struct net_node *n = net->nodes[rng_below(&net->rng, net->count)];
        if (n->dht && !n->dead)
            return n;
    }
}

/* One in five of all dies at once; their neighbours do not know it yet. */
static void kill_some(struct net *net) {
    for (uint32_t killed = 0; killed < NODES / 5;) {
        struct net_node *n = net->nodes[rng_below(&net->rng, net->count)];
        killed += !n->dead;
        n->dead = true;
    }
}

static void random_hash(struct net *net, uint8_t hash[20]) {
    for (size_t i = 0; i < 20; i++)
        hash[i] = (uint8_t)rng_below(&net->rng, 256);
}

static bool has_peer(const struct net_node *n, const struct addr *ip, uint16_t port) {
    for (uint32_t i = 0; i < n->peer_count; i++) {
        if (addr_same_ip(&n->peers[i], ip) && n->peers[i].port == port)
            return true;
    }
    return false;
}

static void check_all(const struct net *net) {
    for (uint32_t i = 0; i < net->count; i++)
        CHECK(!net->nodes[i]->dht || dht_check(net->nodes[i]->dht));
}

TEST(dht_network_of_a_thousand_finds_peers_among_dead_and_hostile_nodes) {
    struct net *net = net_new(1);
    static uint8_t hashes[HASHES][20];
    struct net_node *announcers[HASHES];
    uint32_t found = 0, told = 0;
    net_grow(net, NODES, 4, kind_of);
    net_infiltrate(net, 60);
    check_all(net);
    for (uint32_t i = 0; i < HASHES; i++) {
        random_hash(net, hashes[i]);
        announcers[i] = random_honest(net);
        net_search(announcers[i], hashes[i], (uint16_t)(1000 + i));
        net_run(net, 10 * USEC_PER_SEC);
        CHECK_INT(announcers[i]->done, 1);
        CHECK(announcers[i]->result.announced >= 8);
    }
    kill_some(net);
    for (uint32_t i = 0; i < HASHES; i++) {
        struct net_node *asker = random_honest(net);
        net_search(asker, hashes[i], 0);
        net_run(net, 30 * USEC_PER_SEC);
        CHECK_INT(asker->done, 1);
        found += has_peer(asker, &announcers[i]->addr, (uint16_t)(1000 + i));
        told += asker->peer_count;
    }
    CHECK_INT(found, HASHES);
    CHECK_INT(told, HASHES); /* and nothing that somebody made up */
    check_all(net);
    net_free(net);
}
