/* dht_net: see the header. Packets wait in a heap by the time they arrive, nodes in a heap by
 * the time they want to be called. */
#include "unit/proto/dht_net.h"

#include "base/bytes.h"
#include "proto/dht_id.h"
#include "support/check.h"

struct net_packet {
    usec at;
    uint64_t order; /* of two that arrive at once the first that was sent */
    struct addr from, to;
    uint8_t *data;
    size_t len;
};

/* -- packets in flight ----------------------------------------------------------------- */

static bool earlier(const struct net_packet *a, const struct net_packet *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct net_packet *a, struct net_packet *b) {
    struct net_packet c = *a;
    *a = *b;
    *b = c;
}

static void push(struct net *net, const struct net_packet *p) {
    if (net->packet_count == net->packet_cap) {
        net->packet_cap = net->packet_cap ? net->packet_cap * 2 : 256;
        net->packets = realloc(net->packets, net->packet_cap * sizeof *p);
    }
    uint32_t i = net->packet_count++;
    net->packets[i] = *p;
    for (; i && earlier(&net->packets[i], &net->packets[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&net->packets[i], &net->packets[(i - 1) / 2]);
}

static struct net_packet pop(struct net *net) {
    struct net_packet first = net->packets[0], *p = net->packets;
    p[0] = p[--net->packet_count];
    for (uint32_t i = 0, child; (child = 2 * i + 1) < net->packet_count; i = child) {
        if (child + 1 < net->packet_count && earlier(&p[child + 1], &p[child]))
            child++;
        if (!earlier(&p[child], &p[i]))
            break;
        swap(&p[child], &p[i]);
    }
    return first;
}

void net_send(struct net *net, const struct addr *from, const struct addr *to,
              const void *data, size_t len) {
    usec delay = 10 * USEC_PER_MSEC + rng_below(&net->rng, 100 * USEC_PER_MSEC);
    struct net_packet p = {net->now + delay, net->packets_sent++, *from, *to, NULL, len};
    p.data = malloc(len ? len : 1);
    if (len)
        memcpy(p.data, data, len);
    push(net, &p);
}

void net_send_message(struct net_node *from, const struct addr *to,
                      const struct krpc *m) {
    uint8_t packet[KRPC_MAX_PACKET];
    int len = krpc_write(packet, sizeof packet, m);
    CHECK(len > 0);
    net_send(from->net, &from->addr, to, packet, (size_t)len);
}

/* -- nodes that mean harm -------------------------------------------------------------- */

static void near_to(struct net *net, uint8_t out[20], const uint8_t *target) {
    dht_id_random(out, target, 100 + rng_below(&net->rng, 50), &net->rng);
}

/* Eight nodes that are not there, in networks that are, and three peers that are none. */
static void add_fables(struct net_node *n, struct krpc *r, const uint8_t *target,
                       uint8_t *nodes, uint8_t *values) {
    static const char *const martians[] = {"127.0.0.1:80", "224.0.0.1:1", "10.0.0.1:22"};
    size_t len = 0, values_len = 0;
    for (int i = 0; i < 8; i++) {
        struct krpc_node fable;
        fable.addr = net_addr(n->net, n->addr.family);
        near_to(n->net, fable.id, target);
        len += krpc_put_node(nodes + len, &fable);
    }
    for (size_t i = 0; i < COUNT_OF(martians); i++) {
        struct addr a;
        CHECK_INT(addr_parse(&a, martians[i], -1), 0);
        values_len += krpc_put_value(values + values_len, &a);
    }
    *(n->addr.family == 6 ? &r->nodes6 : &r->nodes) = (struct span){nodes, len};
    r->values = (struct span){values, values_len};
}

static void misbehave(struct net_node *n, const struct addr *from, const struct krpc *m) {
    static const uint8_t token[] = "token";
    uint8_t nodes[8 * KRPC_NODE6], values[64], id[20], junk[64];
    struct krpc r = {.type = KRPC_REPLY, .tid = m->tid, .id = n->id, .token = {token, 5}};
    struct addr lie = net_addr(n->net, n->addr.family);
    r.ip = lie;
    if (m->type != KRPC_QUERY || (n->kind == NET_SILENT && m->target))
        return;
    if (n->kind == NET_GARBAGE && m->target) {
        for (size_t i = 0; i < sizeof junk; i++)
            junk[i] = (uint8_t)rng_below(&n->net->rng, 256);
        net_send(n->net, &n->addr, from, junk, sizeof junk);
        return;
    }
    if (n->kind == NET_FABULIST && m->target)
        add_fables(n, &r, m->target, nodes, values);
    if (n->kind == NET_IMPOSTOR && m->target) {
        near_to(n->net, id, m->target);
        r.id = id;
    }
    net_send_message(n, from, &r);
}

/* -- nodes ----------------------------------------------------------------------------- */

static uint32_t slot_of(const struct net *net, const struct addr *a) {
    uint32_t i = (uint32_t)addr_hash(a, 1) & (net->map_cap - 1);
    while (net->by_addr[i] && !addr_equal(&net->by_addr[i]->addr, a))
        i = (i + 1) & (net->map_cap - 1);
    return i;
}

static void on_send(void *owner, const struct addr *to, const void *data, size_t len) {
    struct net_node *n = owner;
    n->sent_bytes += len;
    n->sent_packets++;
    net_send(n->net, &n->addr, to, data, len);
}

static void on_peers(void *owner, uint64_t cookie, const uint8_t hash[20],
                     const struct addr *peers, uint32_t count) {
    struct net_node *n = owner;
    (void)cookie, (void)hash;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = 0;
        while (j < n->peer_count && !addr_equal(&n->peers[j], &peers[i]))
            j++;
        if (j == n->peer_count && j < COUNT_OF(n->peers))
            n->peers[n->peer_count++] = peers[i];
    }
}

static void on_search_done(void *owner, uint64_t cookie, const uint8_t hash[20],
                           const struct dht_result *result) {
    struct net_node *n = owner;
    (void)cookie, (void)hash;
    n->done++;
    n->result = *result;
}

static void on_external_ip(void *owner, const struct addr *ip) {
    ((struct net_node *)owner)->external = *ip;
}

static const struct dht_hooks hooks = {on_send, on_peers, on_search_done, on_external_ip};

static void on_timer(struct timer *t, usec now) {
    struct net_node *n = CONTAINER_OF(t, struct net_node, timer);
    if (n->dht && !n->dead)
        timer_set(&n->net->timers, t, dht_tick(n->dht, now));
}

void net_wake(struct net_node *n) {
    timer_set(&n->net->timers, &n->timer, n->net->now);
}

struct net *net_new(uint64_t seed) {
    struct net *net = calloc(1, sizeof *net);
    net->map_cap = 4096;
    net->by_addr = calloc(net->map_cap, sizeof(struct net_node *));
    net->now = 3600 * USEC_PER_SEC;
    rng_seed(&net->rng, seed);
    timers_init(&net->timers);
    return net;
}

void net_free(struct net *net) {
    while (net->packet_count)
        free(pop(net).data);
    for (uint32_t i = 0; i < net->count; i++) {
        dht_free(net->nodes[i]->dht);
        free(net->nodes[i]);
    }
    free(net->packets);
    free(net->nodes);
    free(net->by_addr);
    free(net);
}

static bool block_is_free(const struct net *net, const struct addr *a) {
    for (uint32_t i = 0; i < net->count; i++) {
        if (dht_same_block(&net->nodes[i]->addr, a))
            return false;
    }
    return true;
}

struct addr net_addr(struct net *net, int family) {
    struct addr a;
    do {
        a = (struct addr){.family = (uint8_t)family, .port = 6881};
        for (size_t i = 0; i < (family == 6 ? 16 : 4); i++)
            a.ip[i] = (uint8_t)rng_below(&net->rng, 256);
        if (family == 6)
            a.ip[0] = 0x20;
    } while (addr_kind(&a) != ADDR_GLOBAL || !block_is_free(net, &a));
    return a;
}

static struct net_node *add(struct net *net, const struct addr *a, enum net_kind kind) {
    struct net_node *n = calloc(1, sizeof *n);
    if (net->count == net->cap) {
        net->cap = net->cap ? net->cap * 2 : 64;
        net->nodes = realloc(net->nodes, net->cap * sizeof(struct net_node *));
    }
    *n = (struct net_node){.net = net, .addr = *a, .kind = kind};
    timer_init(&n->timer, on_timer);
    dht_id_make(n->id, a, &net->rng);
    net->nodes[net->count++] = n;
    CHECK(net->count < net->map_cap / 2);
    net->by_addr[slot_of(net, a)] = n;
    return n;
}

void net_settings(struct net *net, struct dht_settings *s, int family) {
    *s = (struct dht_settings){.ip4 = family == 4, .ip6 = family == 6, .version = "MR01"};
    s->seed = rng_next(&net->rng);
    for (size_t i = 0; i < sizeof s->secret; i++)
        s->secret[i] = (uint8_t)rng_below(&net->rng, 256);
}

struct net_node *net_add_with(struct net *net, const struct addr *a,
                              const struct dht_settings *s) {
    struct net_node *n = add(net, a, NET_HONEST);
    n->dht = dht_new(s, &hooks, n, net->now);
    CHECK(n->dht);
    net_wake(n);
    return n;
}

struct net_node *net_add(struct net *net, const struct addr *a, enum net_kind kind) {
    struct dht_settings s;
    if (kind != NET_HONEST)
        return add(net, a, kind);
    net_settings(net, &s, a->family);
    return net_add_with(net, a, &s);
}

static void keep(struct net_node *n, const struct addr *from, const uint8_t *data,
                 size_t len) {
    (void)from;
    memcpy(n->last_packet, data, len);
    int rc = krpc_parse(&n->last, n->last_packet, len);
    CHECK_INT(rc, 0);
}

struct net_node *net_add_tap(struct net *net, const struct addr *a) {
    struct net_node *n = add(net, a, NET_SILENT);
    n->tap = keep;
    return n;
}

/* -- time ------------------------------------------------------------------------------ */

static void deliver(struct net *net, const struct net_packet *p) {
    struct net_node *n = net->by_addr[slot_of(net, &p->to)];
    struct krpc m;
    if (!n || n->dead)
        return;
    n->received++;
    if (n->tap)
        n->tap(n, &p->from, p->data, p->len);
    else if (n->dht)
        timer_set(&net->timers, &n->timer,
                  dht_on_packet(n->dht, &p->from, p->data, p->len, net->now));
    else if (krpc_parse(&m, p->data, p->len) == 0)
        misbehave(n, &p->from, &m);
}

void net_run(struct net *net, usec how_long) {
    usec until = net->now + how_long;
    for (;;) {
        usec due = timers_due(&net->timers);
        bool packet = net->packet_count && net->packets[0].at <= due;
        usec next = packet ? net->packets[0].at : due;
        if (next > until)
            break;
        net->now = MAX(net->now, next);
        if (packet) {
            struct net_packet p = pop(net);
            deliver(net, &p);
            free(p.data);
        } else {
            timers_fire(&net->timers, net->now);
        }
    }
    net->now = until;
}

/* NULL when there is none before `before`. */
static struct net_node *random_friend(struct net *net, uint32_t before) {
    for (uint32_t tries = 0; before && tries < 100; tries++) {
        struct net_node *n = net->nodes[rng_below(&net->rng, before)];
        if (n->dht)
            return n;
    }
    return NULL;
}

/* An honest node is told of three others, as by three routers: with one alone, who may be busy,
 * islands come into being. Of a node that means harm one other is told. */
void net_grow(struct net *net, uint32_t count, int family,
              enum net_kind (*kind)(uint32_t i)) {
    for (uint32_t i = 0; i < count; i++) {
        struct addr a = net_addr(net, family);
        struct net_node *n = net_add(net, &a, kind ? kind(i) : NET_HONEST);
        for (int friends = 0; friends < (n->dht ? 3 : 1); friends++) {
            struct net_node *friend = random_friend(net, net->count - 1);
            if (friend)
                dht_add_node(n->dht ? n->dht : friend->dht, n->dht ? &friend->addr : &a);
            if (friend)
                net_wake(friend);
        }
        net_run(net, 20 * USEC_PER_MSEC);
    }
}

void net_infiltrate(struct net *net, uint32_t times) {
    static const uint8_t tid[] = "hi";
    for (uint32_t round = 0; round < times; round++) {
        for (uint32_t i = 0; i < net->count; i++) {
            struct net_node *n = net->nodes[i];
            struct krpc m = {.type = KRPC_QUERY, .tid = {tid, 2}, .id = n->id};
            if (!n->dht)
                net_send_message(n, &random_friend(net, net->count)->addr, &m);
        }
        net_run(net, 30 * USEC_PER_SEC / times);
    }
}

void net_search(struct net_node *n, const uint8_t hash[20], uint16_t port) {
    n->peer_count = n->done = 0;
    CHECK_INT(dht_get_peers(n->dht, hash, port, 0, 1, n->net->now), 0);
    net_wake(n);
}
