/* dht_pair: a network of one DHT node and somebody who asks it things. */
#ifndef MARE_DHT_PAIR_H
#define MARE_DHT_PAIR_H

#include "unit/proto/dht_net.h"

#define SEC USEC_PER_SEC

struct pair {
    struct net *net;
    struct net_node *node, *asker;
};

extern const uint8_t pair_hash[20]; /* what is asked for */
extern const uint8_t pair_tid[2];   /* in every query */

struct addr net_address(const char *text); /* port 6881 if the text has none */
struct pair pair_at(const char *node, const char *asker);
struct pair pair_new(void); /* at 1.2.3.4 and 5.6.7.8 */
/* Of any honest node; its invariants are checked, too. */
struct dht_stats pair_stats(const struct net_node *n);
struct krpc pair_query(const struct net_node *asker, enum krpc_method method);
/* Sends it, and runs the network for a second: how many packets came back. The last one is in
 * asker->last. */
uint32_t pair_ask(struct pair *p, const struct krpc *m);
uint32_t pair_ask_bytes(struct pair *p, const char *bytes);
/* A tap that keeps answers only, and a question whose answer is returned. */
void pair_keep_reply(struct net_node *n, const struct addr *from, const uint8_t *data,
                     size_t len);
struct krpc *pair_reply(struct pair *p, const struct krpc *m);
/* So many more nodes that the node knows. */
void pair_befriend(struct pair *p, int count);
/* Gets a token: an announce of port 4321 that is about to be sent. */
struct krpc pair_announce(struct pair *p, uint8_t token[KRPC_MAX_TOKEN]);

#endif
