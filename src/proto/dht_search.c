/* dht_search: searches in flight. A search walks through both networks at once; each walk is a
 * dht_lookup that this file gives questions and answers to, and, when it has arrived, announces
 * us to the nodes around the target that gave us a token. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dht_id.h"
#include "proto/dht_private.h"

#define MAX_TOLD DHT_K  /* nodes that count of one answer */
#define MAX_PEERS 200u  /* peers that count of one answer ... */
#define ALL_PEERS 5000u /* ... and of one search */
#define OWN_PEERS 50u   /* of our own store */

/* -- begin and end --------------------------------------------------------------------- */

static void search_free(struct dht *d, struct dht_search *s) {
    dht_forget_search(d, s);
    for (int i = 0; i < 2; i++) {
        if (d->sides[i].bootstrap == s)
            d->sides[i].bootstrap = NULL;
        free(s->walks[i]);
    }
    list_remove(&s->link);
    d->search_count--;
    free(s);
}

void dht_searches_free(struct dht *d) {
    LIST_EACH(l, &d->searches)
        search_free(d, LIST_ITEM(l, struct dht_search, link));
}

/* Nodes to begin with that nobody has vouched for yet. */
static void add_strangers(struct dht_walk *w, const struct dht_side *side) {
    for (uint32_t i = 0; i < side->seed_count; i++) {
        if (side->seeds[i].named)
            dht_lookup_add(&w->lookup, &side->seeds[i].node, DHT_NOBODY);
        else
            dht_lookup_add_unnamed(&w->lookup, &side->seeds[i].node.addr);
    }
    for (uint32_t i = 0; i < side->router_count; i++)
        dht_lookup_add_unnamed(&w->lookup, &side->routers[i]);
}

static struct dht_walk *walk_new(const struct dht_side *side, const uint8_t *target,
                                 usec now) {
    struct krpc_node closest[DHT_K];
    struct dht_walk *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    dht_lookup_init(&w->lookup, target);
    uint32_t n = dht_table_closest(&side->table, target, closest, DHT_K, false, now);
    for (uint32_t i = 0; i < n; i++)
        dht_lookup_add(&w->lookup, &closest[i], DHT_NOBODY);
    w->second_try = n < DHT_K;
    if (w->second_try)
        add_strangers(w, side);
    return w;
}

/* Through the networks whose bit is set in `where`. */
static int search_new(struct dht *d, const uint8_t target[KRPC_ID], unsigned where,
                      struct dht_search **out, usec now) {
    if (d->search_count >= DHT_SEARCHES)
        return ERR_BUSY;
    struct dht_search *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    list_append(&d->searches, &s->link);
    d->search_count++;
    s->since = now;
    memcpy(s->target, target, KRPC_ID);
    for (int i = 0; i < 2; i++) {
        if (!d->sides[i].on || !(where & 1u << i))
            continue;
        s->walks[i] = walk_new(&d->sides[i], target, now);
        if (!s->walks[i]) {
            search_free(d, s);
            return ERR_NOMEM;
        }
    }
    *out = s;
    return 0;
}

struct dht_search *dht_find_node(struct dht *d, struct dht_side *side,
                                 const uint8_t target[KRPC_ID], usec now) {
    struct dht_search *s;
    if (search_new(d, target, 1u << (side - d->sides), &s, now) < 0)
        return NULL;
    s->method = KRPC_FIND_NODE;
    return s;
}

int dht_get_peers(struct dht *d, const uint8_t info_hash[20], uint16_t port,
                  unsigned flags, uint64_t cookie, usec now) {
    struct dht_search *s;
    int rc = search_new(d, info_hash, 3, &s, now);
    if (rc < 0)
        return rc;
    s->method = KRPC_GET_PEERS;
    s->port = port;
    s->flags = flags;
    s->cookie = cookie;
    d->due = INT64_MIN;
    return 0;
}

/* Freed by the next pulse: this one may be going on. */
void dht_cancel(struct dht *d, uint64_t cookie) {
    LIST_EACH(l, &d->searches) {
        struct dht_search *s = LIST_ITEM(l, struct dht_search, link);
        if (s->method == KRPC_GET_PEERS && s->cookie == cookie)
            s->canceled = true;
    }
    d->due = INT64_MIN;
}

void dht_searches_note_node(struct dht *d, const struct addr *a, const uint8_t *id) {
    struct krpc_node n = {.addr = *a};
    LIST_EACH(l, &d->searches) {
        struct dht_walk *w = LIST_ITEM(l, struct dht_search, link)->walks[a->family == 6];
        if (!w || w->lookup.count >= DHT_K)
            continue;
        if (id)
            memcpy(n.id, id, KRPC_ID);
        if (id)
            dht_lookup_add(&w->lookup, &n, DHT_NOBODY);
        else
            dht_lookup_add_unnamed(&w->lookup, a);
    }
}

/* -- questions ------------------------------------------------------------------------- */

static struct dht_question question_for(struct dht_search *s, const struct dht_hop *h,
                                        enum dht_purpose purpose) {
    return (struct dht_question){
        .purpose = purpose, .to = h->node, .named = h->named, .search = s};
}

/* Asks whom the lookup wants asked, while we may. */
static void ask_hops(struct dht *d, struct dht_search *s, struct dht_walk *w, usec now) {
    int hop;
    while (dht_may_ask(d, now) && (hop = dht_lookup_next(&w->lookup, now)) >= 0) {
        struct krpc m = {.method = s->method, .target = s->target};
        struct dht_question q = question_for(s, &w->lookup.hops[hop], DHT_HOP);
        q.hop = hop;
        m.noseed = s->flags & DHT_NOSEED && s->method == KRPC_GET_PEERS;
        if (!dht_ask(d, &m, &q, now))
            return;
        dht_lookup_note_asked(&w->lookup, hop, now);
    }
}

static void announce(struct dht *d, struct dht_search *s, struct dht_walk *w, usec now) {
    while (w->announced < w->target_count && dht_may_ask(d, now)) {
        const struct dht_hop *h = &w->lookup.hops[w->targets[w->announced]];
        struct dht_question q = question_for(NULL, h, DHT_ANNOUNCE);
        struct krpc m = {.method = KRPC_ANNOUNCE_PEER,
                         .target = s->target,
                         .port = s->port,
                         .implied_port = s->flags & DHT_IMPLIED_PORT,
                         .seed = s->flags & DHT_SEED,
                         .token = {h->token, h->token_len}};
        if (!dht_ask(d, &m, &q, now))
            return;
        w->announced++;
        s->result.announced++;
    }
}

/* When all that we knew turn out to be dead, the routers may know who lives. */
static void maybe_second_try(struct dht_walk *w, const struct dht_side *side, usec now) {
    if (w->second_try || w->lookup.answers || !dht_lookup_is_done(&w->lookup, now))
        return;
    w->second_try = true;
    add_strangers(w, side);
}

static bool has_arrived(const struct dht_search *s, const struct dht_walk *w, usec now) {
    return dht_lookup_is_done(&w->lookup, now) &&
           (w->lookup.queries || now - s->since >= DHT_PATIENCE);
}

/* True when this walk is over. */
static bool walk_pulse(struct dht *d, struct dht_search *s, int i, usec now) {
    struct dht_walk *w = s->walks[i];
    if (!w->announcing) {
        maybe_second_try(w, &d->sides[i], now);
        ask_hops(d, s, w, now);
        w->announcing = has_arrived(s, w, now);
        if (w->announcing && s->port)
            w->target_count = dht_lookup_targets(&w->lookup, w->targets);
    }
    if (w->announcing)
        announce(d, s, w, now);
    return w->announcing && w->announced == w->target_count;
}

static void walk_end(struct dht *d, struct dht_search *s, int i, usec now) {
    s->result.answers += s->walks[i]->lookup.answers;
    if (d->sides[i].bootstrap == s)
        dht_note_bootstrapped(&d->sides[i], s, s->walks[i]->lookup.answers, now);
    free(s->walks[i]);
    s->walks[i] = NULL;
}

/* -- peers ----------------------------------------------------------------------------- */

static void tell_peers(struct dht *d, struct dht_search *s, const struct addr *peers,
                       uint32_t n) {
    n = MIN(n, ALL_PEERS - s->result.peers);
    s->result.peers += n;
    if (n && d->hooks->on_peers && !s->canceled)
        d->hooks->on_peers(d->owner, s->cookie, s->target, peers, n);
}

static void start(struct dht *d, struct dht_search *s, usec now) {
    struct addr peers[OWN_PEERS];
    s->started = true;
    for (int family = 4; family <= 6 && s->method == KRPC_GET_PEERS; family += 2) {
        uint32_t n = dht_store_pick(&d->store, s->target, family, s->flags & DHT_NOSEED,
                                    peers, OWN_PEERS, &d->rng, now);
        tell_peers(d, s, peers, n);
    }
}

static void take_values(struct dht *d, struct dht_search *s, const struct krpc *m,
                        const struct addr *from) {
    struct addr peers[MAX_PEERS];
    struct span rest = m->values;
    uint32_t n = 0;
    while (n < MAX_PEERS && krpc_next_value(&rest, &peers[n]))
        n += dht_addr_told_ok(&peers[n], from);
    tell_peers(d, s, peers, n);
}

/* -- nodes ----------------------------------------------------------------------------- */

static bool is_us(const struct dht_side *side, const struct krpc_node *n) {
    return memcmp(n->id, side->table.own, KRPC_ID) == 0;
}

static void take_nodes(struct dht *d, struct dht_walk *w, int hop, const struct krpc *m,
                       const struct addr *from) {
    const struct dht_side *side = dht_side_of(d, from->family);
    struct span rest = from->family == 6 ? m->nodes6 : m->nodes;
    struct krpc_node n;
    for (uint32_t told = 0; told < MAX_TOLD && krpc_next_node(&rest, side->family, &n);) {
        if (n.addr.family != side->family || !dht_addr_told_ok(&n.addr, from) ||
            is_us(side, &n))
            continue;
        dht_lookup_add(&w->lookup, &n, hop);
        told++;
    }
}

/* Contacts of the other network are seeds there, while few are known (BEP 32). */
static void take_seeds(struct dht *d, const struct krpc *m, const struct addr *from) {
    int family = from->family == 6 ? 4 : 6;
    struct dht_side *other = dht_side_of(d, family);
    struct span rest = family == 6 ? m->nodes6 : m->nodes;
    struct dht_seed seed = {.named = true, .tries = DHT_SEED_TRIES - 1};
    if (!other->on || dht_table_size(&other->table) >= DHT_K)
        return;
    while (other->seed_count < DHT_SEEDS / 2 &&
           krpc_next_node(&rest, family, &seed.node)) {
        if (seed.node.addr.family == family && dht_addr_told_ok(&seed.node.addr, from))
            dht_seed_add(other, &seed);
    }
}

void dht_search_on_reply(struct dht *d, struct dht_search *s, int hop,
                         const struct krpc *m, const struct addr *from) {
    const struct dht_side *side = dht_side_of(d, from->family);
    struct dht_walk *w = s->walks[from->family == 6];
    bool router = dht_is_router(side, from);
    if (!w)
        return;
    dht_lookup_on_reply(&w->lookup, hop, router ? NULL : m->id, m->token);
    take_nodes(d, w, hop, m, from);
    take_seeds(d, m, from);
    if (s->method == KRPC_GET_PEERS)
        take_values(d, s, m, from);
}

void dht_search_on_failure(struct dht_search *s, int family, int hop) {
    struct dht_walk *w = s->walks[family == 6];
    if (w)
        dht_lookup_on_failure(&w->lookup, hop);
}

/* -- time ------------------------------------------------------------------------------ */

static void finish(struct dht *d, struct dht_search *s) {
    struct dht_search last = *s;
    search_free(d, s);
    if (last.method == KRPC_GET_PEERS && !last.canceled && d->hooks->on_search_done)
        d->hooks->on_search_done(d->owner, last.cookie, last.target, &last.result);
}

/* The one place where searches are freed; hooks only add and mark. */
void dht_searches_pulse(struct dht *d, usec now) {
    LIST_EACH(l, &d->searches) {
        struct dht_search *s = LIST_ITEM(l, struct dht_search, link);
        if (!s->started)
            start(d, s, now);
        for (int i = 0; i < 2 && !s->canceled; i++) {
            if (s->walks[i] && walk_pulse(d, s, i, now))
                walk_end(d, s, i, now);
        }
        if (s->canceled || (!s->walks[0] && !s->walks[1]))
            finish(d, s);
    }
}

/* A walk goes on when an answer comes, when a question gets late, when there are bytes to ask
 * with, and when its patience ends. */
usec dht_searches_due(struct dht *d, usec now) {
    bool spent = !dht_limits_may_ask(&d->limits, now);
    usec due = spent && d->search_count ? dht_limits_when(&d->limits, now) : USEC_NEVER;
    LIST_EACH(l, &d->searches) {
        const struct dht_search *s = LIST_ITEM(l, struct dht_search, link);
        for (int i = 0; i < 2; i++) {
            const struct dht_walk *w = s->walks[i];
            if (!w)
                continue;
            due = MIN(due, dht_lookup_due(&w->lookup, now));
            if (!w->lookup.queries)
                due = MIN(due, s->since + DHT_PATIENCE);
        }
    }
    return due;
}
