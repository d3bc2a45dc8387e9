/* dht_net: a network of DHT nodes in one process and in virtual time, for specs. A packet takes
 * 10 to 110 ms, everything is decided by one seed, and a minute of a thousand nodes takes about
 * a second.
 *
 * A node is a real one (struct dht), or one that only sends wrong answers. */
#ifndef MARE_DHT_NET_H
#define MARE_DHT_NET_H

#include "base/addr.h"
#include "base/rng.h"
#include "base/timers.h"
#include "codec/krpc.h"
#include "proto/dht.h"

enum net_kind {
    NET_HONEST,
    NET_SILENT,  /* answers pings alone: it is in tables, and is of no use */
    NET_GARBAGE, /* answers with bytes that are no message */
    NET_IMPOSTOR, /* answers with another id each time, always close to what was asked for */
    NET_FABULIST /* names eight nodes that do not exist, closer than any real one; and peers */
};

struct net_node {
    struct net *net;
    struct addr addr;
    enum net_kind kind;
    bool dead;
    uint8_t id[20];  /* of those that are no struct dht */
    struct dht *dht; /* of the honest ones */
    struct timer timer;
    /* What the hooks were told. */
    struct addr peers[64]; /* different ones */
    uint32_t peer_count, done;
    struct dht_result result;
    struct addr external;
    uint64_t sent_bytes, sent_packets;
    /* Called with each packet that arrives, instead of the node; for specs. */
    void (*tap)(struct net_node *n, const struct addr *from, const uint8_t *data,
                size_t len);
    struct krpc last; /* for taps: views into last_packet */
    uint8_t last_packet[KRPC_MAX_PACKET];
    uint32_t received;
};

struct net {
    usec now;
    struct rng rng;
    struct net_node **nodes;
    uint32_t count, cap;
    struct net_node **by_addr; /* open addressing */
    uint32_t map_cap;
    struct timers timers;
    struct net_packet *packets; /* a heap by time */
    uint32_t packet_count, packet_cap;
    uint64_t packets_sent;
};

struct net *net_new(uint64_t seed);
void net_free(struct net *net);
/* A random global address whose /24 (or /64) is nobody else's. */
struct addr net_addr(struct net *net, int family);
struct net_node *net_add(struct net *net, const struct addr *a, enum net_kind kind);
/* The same with settings of one's own. */
struct net_node *net_add_with(struct net *net, const struct addr *a,
                              const struct dht_settings *s);
void net_settings(struct net *net, struct dht_settings *s, int family);
/* An address at which a spec itself sends and receives: packets go to `tap`, by default they are
 * kept in `last`. */
struct net_node *net_add_tap(struct net *net, const struct addr *a);
void net_send(struct net *net, const struct addr *from, const struct addr *to,
              const void *data, size_t len);
/* A query or whatever else, from a tap. */
void net_send_message(struct net_node *from, const struct addr *to, const struct krpc *m);
void net_run(struct net *net, usec how_long);
/* `count` nodes that find each other: one after another, each told of some that were before. */
void net_grow(struct net *net, uint32_t count, int family,
              enum net_kind (*kind)(uint32_t i));
/* Those that mean harm make themselves known: each pings so many nodes, over half a minute. */
void net_infiltrate(struct net *net, uint32_t times);
/* Something was done to this node from outside: it gets its turn. */
void net_wake(struct net_node *n);
void net_search(struct net_node *n, const uint8_t hash[20], uint16_t port);

#endif
