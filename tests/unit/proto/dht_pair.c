/* dht_pair: see the header. */
#include "unit/proto/dht_pair.h"

#include "support/check.h"

const uint8_t pair_hash[20] = "some info hash......";
const uint8_t pair_tid[2] = "aa";

struct addr net_address(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, 6881), 0);
    return a;
}

struct pair pair_at(const char *node, const char *asker) {
    struct pair p = {.net = net_new(7)};
    struct addr a = net_address(node), b = net_address(asker);
    p.node = net_add(p.net, &a, NET_HONEST);
    p.asker = net_add_tap(p.net, &b);
    return p;
}

struct pair pair_new(void) {
    return pair_at("1.2.3.4", "5.6.7.8");
}

struct dht_stats pair_stats(const struct net_node *n) {
    struct dht_stats s;
    dht_stats(n->dht, &s, n->net->now);
    CHECK(dht_check(n->dht));
    return s;
}

struct krpc pair_query(const struct net_node *asker, enum krpc_method method) {
    return (struct krpc){.type = KRPC_QUERY,
                         .tid = {pair_tid, 2},
                         .id = asker->id,
                         .method = method,
                         .target = method == KRPC_PING ? NULL : pair_hash};
}

uint32_t pair_ask(struct pair *p, const struct krpc *m) {
    uint32_t before = p->asker->received;
    net_send_message(p->asker, &p->node->addr, m);
    net_run(p->net, USEC_PER_SEC);
    return p->asker->received - before;
}

uint32_t pair_ask_bytes(struct pair *p, const char *bytes) {
    uint32_t before = p->asker->received;
    net_send(p->net, &p->asker->addr, &p->node->addr, bytes, strlen(bytes));
    net_run(p->net, USEC_PER_SEC);
    return p->asker->received - before;
}

/* A query that comes instead of the answer, or after it, is left out. */
void pair_keep_reply(struct net_node *n, const struct addr *from, const uint8_t *data,
                     size_t len) {
    struct krpc m;
    (void)from;
    CHECK_INT(krpc_parse(&m, data, len), 0);
    if (m.type == KRPC_QUERY)
        return;
    memcpy(n->last_packet, data, len);
    CHECK_INT(krpc_parse(&n->last, n->last_packet, len), 0);
}

struct krpc *pair_reply(struct pair *p, const struct krpc *m) {
    p->asker->last = (struct krpc){0};
    p->asker->tap = pair_keep_reply;
    CHECK(pair_ask(p, m) >= 1);
    return &p->asker->last;
}

void pair_befriend(struct pair *p, int count) {
    for (int i = 0; i < count; i++) {
        struct addr a = net_addr(p->net, p->node->addr.family);
        (void)net_add(p->net, &a, NET_SILENT);
        dht_add_node(p->node->dht, &a);
    }
    net_wake(p->node);
    net_run(p->net, 10 * USEC_PER_SEC);
}

struct krpc pair_announce(struct pair *p, uint8_t token[KRPC_MAX_TOKEN]) {
    struct krpc get = pair_query(p->asker, KRPC_GET_PEERS), *r = pair_reply(p, &get);
    struct krpc m = pair_query(p->asker, KRPC_ANNOUNCE_PEER);
    CHECK(r->token.len > 0);
    memcpy(token, r->token.data, r->token.len);
    m.token = (struct span){token, r->token.len};
    m.port = 4321;
    return m;
}
