/* dht_serve: others' questions. Whoever asks gets at most one packet, told apart by the token
 * whether he is where he says he is; what he asks for costs a walk through the table and
 * a look into the store, and only when there are bytes left to answer with. */
#include <string.h>

#include "proto/dht_private.h"

/* A packet must not be cut on its way: with all that it may hold it stays below 1,400 bytes. */
#define MAX_VALUES4 50u
#define MAX_VALUES6 24u
#define MAX_VALUES_SCRAPE 10u /* beside two filters */
#define PROBE_PACE (USEC_PER_SEC / 2)

/* Room for the parts of an answer that are made, not copied. */
struct parts {
    uint8_t nodes[DHT_K * KRPC_NODE4], nodes6[DHT_K * KRPC_NODE6];
    uint8_t values[MAX_VALUES4 * 21];
    uint8_t seeds[KRPC_BLOOM], peers[KRPC_BLOOM];
    uint8_t token[DHT_TOKEN];
};

static void begin(struct krpc *r, const struct krpc *query, const struct addr *from) {
    *r = (struct krpc){.type = KRPC_REPLY, .tid = query->tid, .ip = *from};
}

static void refuse(struct dht *d, const struct krpc *query, const struct addr *from,
                   int64_t code, const char *why) {
    struct krpc r;
    begin(&r, query, from);
    r.type = KRPC_ERROR;
    r.code = code;
    r.message = (struct span){(const uint8_t *)why, strlen(why)};
    dht_send(d, from, &r);
}

/* What is local is told to local nodes only (dht_limits.h). */
static struct span put_nodes(struct dht *d, int family, const uint8_t *target,
                             const struct addr *from, uint8_t *out, usec now) {
    struct krpc_node closest[DHT_K];
    const struct dht_side *side = dht_side_of(d, family);
    size_t len = 0;
    if (!side->on)
        return (struct span){NULL, 0};
    uint32_t n = dht_table_closest(&side->table, target, closest, DHT_K, true, now);
    for (uint32_t i = 0; i < n; i++) {
        if (dht_addr_told_ok(&closest[i].addr, from))
            len += krpc_put_node(out + len, &closest[i]);
    }
    return (struct span){out, len};
}

static void add_nodes(struct dht *d, struct krpc *r, struct parts *p,
                      const struct krpc *query, const struct addr *from, usec now) {
    unsigned own = from->family == 6 ? KRPC_WANT6 : KRPC_WANT4;
    unsigned want = query->want ? query->want : own;
    if (want & KRPC_WANT4)
        r->nodes = put_nodes(d, 4, query->target, from, p->nodes, now);
    if (want & KRPC_WANT6)
        r->nodes6 = put_nodes(d, 6, query->target, from, p->nodes6, now);
}

static void add_values(struct dht *d, struct krpc *r, struct parts *p,
                       const struct krpc *query, const struct addr *from, usec now) {
    struct addr peers[MAX_VALUES4];
    uint32_t max = query->scrape       ? MAX_VALUES_SCRAPE
                   : from->family == 6 ? MAX_VALUES6
                                       : MAX_VALUES4;
    size_t len = 0;
    uint32_t n = dht_store_pick(&d->store, query->target, from->family, query->noseed,
                                peers, max, &d->rng, now);
    for (uint32_t i = 0; i < n; i++) {
        if (dht_addr_told_ok(&peers[i], from))
            len += krpc_put_value(p->values + len, &peers[i]);
    }
    r->values = (struct span){p->values, len};
}

/* Without memory for it there is no scrape; without one for a token the node cannot announce. */
static void add_peers(struct dht *d, struct krpc *r, struct parts *p,
                      const struct krpc *query, const struct addr *from, usec now) {
    if (dht_tokens_make(&d->tokens, from, query->target, now, p->token) == 0)
        r->token = (struct span){p->token, sizeof p->token};
    add_values(d, r, p, query, from, now);
    if (query->scrape &&
        dht_store_scrape(&d->store, query->target, p->seeds, p->peers, now) == 0) {
        r->seeds = (struct span){p->seeds, sizeof p->seeds};
        r->peers = (struct span){p->peers, sizeof p->peers};
    }
}

static void announce(struct dht *d, const struct krpc *query, const struct addr *from,
                     usec now) {
    struct addr peer = *from;
    struct krpc r;
    if (!query->implied_port)
        peer.port = query->port;
    if (!dht_tokens_check(&d->tokens, from, query->target, now, query->token)) {
        refuse(d, query, from, KRPC_PROTOCOL, "bad token");
        return;
    }
    if (dht_store_put(&d->store, query->target, &peer, query->seed, now) < 0) {
        refuse(d, query, from, KRPC_SERVER, "out of memory");
        return;
    }
    begin(&r, query, from);
    dht_send(d, from, &r);
}

static void answer(struct dht *d, const struct krpc *query, const struct addr *from,
                   usec now) {
    struct parts p;
    struct krpc r;
    begin(&r, query, from);
    if (query->method == KRPC_GET_PEERS)
        add_peers(d, &r, &p, query, from, now);
    if (query->target)
        add_nodes(d, &r, &p, query, from, now);
    dht_send(d, from, &r);
}

/* Counts the packet against its sender; false when it gets no answer. */
static bool admit(struct dht *d, const struct addr *from, usec now) {
    if (!dht_limits_admit(&d->limits, from, now)) {
        d->limited++;
        return false;
    }
    if (d->settings.read_only)
        return false;
    if (dht_limits_may_answer(&d->limits, now))
        return true;
    d->unanswered++;
    return false;
}

/* Whoever asks may be worth knowing; he is once he has answered (BEP 43: some never do). */
static void note_asker(struct dht *d, const struct krpc *query, const struct addr *from,
                       usec now) {
    struct dht_side *side = dht_side_of(d, from->family);
    struct dht_seed who = {.named = true, .tries = DHT_SEED_TRIES};
    if (query->read_only)
        return;
    who.node.addr = *from;
    memcpy(who.node.id, query->id, KRPC_ID);
    dht_table_on_query(&side->table, &who.node, now);
    if (now < side->probe_at || d->probes >= DHT_PROBES ||
        !dht_table_wants(&side->table, &who.node))
        return;
    bool lonely = dht_table_size(&side->table) < DHT_K; /* a network that begins */
    side->probe_at = now + (lonely ? 0 : PROBE_PACE);
    dht_ping(d, &who, now);
}

void dht_on_query(struct dht *d, const struct krpc *m, const struct addr *from,
                  usec now) {
    if (!admit(d, from, now))
        return;
    if (m->method == KRPC_ANNOUNCE_PEER)
        announce(d, m, from, now);
    else if (m->method == KRPC_OTHER && !m->target)
        refuse(d, m, from, KRPC_NO_METHOD, "unknown method");
    else
        answer(d, m, from, now);
    note_asker(d, m, from, now);
}

void dht_on_bad_query(struct dht *d, const struct krpc *m, const struct addr *from,
                      usec now) {
    d->malformed++;
    if (admit(d, from, now))
        refuse(d, m, from, KRPC_PROTOCOL, "impossible arguments");
}
