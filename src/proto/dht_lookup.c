/* dht_lookup: hops in an array that stand still, and their order by distance beside it.
 *
 *     hops    [0: far][1: near][2: nearest] ...      tellers = indices of hops that named it
 *     order   2 1 0 ...
 */
#include "proto/dht_lookup.h"

#include <assert.h>
#include <string.h>

#include "proto/dht_id.h"

void dht_lookup_init(struct dht_lookup *l, const uint8_t target[KRPC_ID]) {
    l->count = l->queries = l->answers = l->overdraft = 0;
    memcpy(l->target, target, KRPC_ID);
}

/* -- order ----------------------------------------------------------------------------- */

static bool is_closer(const struct dht_lookup *l, const struct dht_hop *a,
                      const struct dht_hop *b) {
    if (a->named != b->named)
        return a->named;
    return a->named && dht_id_compare(l->target, a->node.id, b->node.id) < 0;
}

/* Into the first n entries of the order. */
static void sort_in(struct dht_lookup *l, uint32_t n, uint8_t hop) {
    uint32_t at = n;
    while (at > 0 && is_closer(l, &l->hops[hop], &l->hops[l->order[at - 1]]))
        at--;
    memmove(l->order + at + 1, l->order + at, n - at);
    l->order[at] = hop;
}

static void take_out(struct dht_lookup *l, uint8_t hop) {
    uint8_t *at = memchr(l->order, hop, l->count);
    assert(at);
    memmove(at, at + 1, (size_t)(l->order + l->count - at - 1));
}

/* -- nodes ----------------------------------------------------------------------------- */

/* The first teller of this hop who has credit; -1 when none has. */
static int find_credit(const struct dht_lookup *l, const struct dht_hop *h) {
    for (uint32_t i = 0; i < h->teller_count; i++) {
        if (l->hops[h->tellers[i]].credit > 0)
            return h->tellers[i];
    }
    return -1;
}

static bool has_credit(const struct dht_lookup *l, const struct dht_hop *h) {
    return !h->teller_count || find_credit(l, h) >= 0;
}

/* Takes over who named the other; somebody who has lost his credit is replaced first. */
static void merge_tellers(const struct dht_lookup *l, struct dht_hop *h,
                          const struct dht_hop *other) {
    uint32_t i = 0;
    if (!h->teller_count || !other->teller_count) {
        h->teller_count = 0;
        return;
    }
    while (i < h->teller_count && h->tellers[i] != other->tellers[0] &&
           l->hops[h->tellers[i]].credit > 0)
        i++;
    if (i == DHT_LOOKUP_TELLERS)
        return;
    h->tellers[i] = other->tellers[0];
    h->teller_count = (uint8_t)MAX(h->teller_count, i + 1);
}

/* Only an answer proves that an id and an address belong together: until then a false pair must
 * not keep the true one out. An address without an id contradicts nobody. */
static bool is_same(const struct dht_hop *a, const struct dht_hop *b) {
    bool id = a->named && b->named && !memcmp(a->node.id, b->node.id, KRPC_ID);
    bool addr = addr_equal(&a->node.addr, &b->node.addr);
    if (a->step == DHT_ANSWERED)
        return addr || id;
    return addr && (id || ((!a->named || !b->named) && a->step != DHT_FAILED));
}

static bool is_known(struct dht_lookup *l, const struct dht_hop *h) {
    for (uint32_t i = 0; i < l->count; i++) {
        struct dht_hop *other = &l->hops[i];
        if (!is_same(other, h))
            continue;
        if (other->step == DHT_FRESH_NODE)
            merge_tellers(l, other, h);
        return true;
    }
    return false;
}

/* A place for a new hop when all are taken: that of one whom nobody can vouch for; of the
 * farthest one not asked yet, if the new one is closer; -1. */
static int replaceable(const struct dht_lookup *l, const struct dht_hop *h) {
    int far = -1;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct dht_hop *other = &l->hops[l->order[i]];
        if (other->step != DHT_FRESH_NODE)
            continue;
        if (!has_credit(l, other))
            return l->order[i];
        if (is_closer(l, h, other))
            far = l->order[i];
    }
    return far;
}

static void add(struct dht_lookup *l, const struct dht_hop *h) {
    if (is_known(l, h))
        return;
    int place = (int)l->count;
    if (l->count == DHT_LOOKUP_NODES) {
        place = replaceable(l, h);
        if (place < 0)
            return;
        take_out(l, (uint8_t)place);
        l->count--;
    }
    l->hops[place] = *h;
    sort_in(l, l->count++, (uint8_t)place);
}

void dht_lookup_add(struct dht_lookup *l, const struct krpc_node *n, int teller) {
    struct dht_hop h = {.node = *n,
                        .named = true,
                        .fits = dht_id_fits(n->id, &n->addr),
                        .credit = DHT_LOOKUP_CREDIT};
    if (teller != DHT_NOBODY) {
        h.tellers[0] = (uint8_t)teller;
        h.teller_count = 1;
    }
    add(l, &h);
}

void dht_lookup_add_unnamed(struct dht_lookup *l, const struct addr *a) {
    struct dht_hop h = {.credit = DHT_LOOKUP_CREDIT};
    h.node.addr = *a;
    add(l, &h);
}

/* -- what next ------------------------------------------------------------------------- */

static bool is_late(const struct dht_hop *h, usec now) {
    return now - h->asked_at >= DHT_LOOKUP_LATE;
}

/* One of a block of addresses is enough: the others would be the same person's. */
static bool has_neighbour(const struct dht_lookup *l, const struct dht_hop *h) {
    for (uint32_t i = 0; i < l->count; i++) {
        const struct dht_hop *other = &l->hops[i];
        if (other != h && other->step == DHT_ANSWERED &&
            dht_same_block(&other->node.addr, &h->node.addr))
            return true;
    }
    return false;
}

static bool may_be_asked(const struct dht_lookup *l, const struct dht_hop *h) {
    return h->step == DHT_FRESH_NODE && !has_neighbour(l, h);
}

/* Goes through those that still matter, closest first: the hop to be asked, or -1; and how many
 * questions are waited for. Behind eight answers nobody matters but, up to eight of them,
 * those whose ids fit. */
static int scan(const struct dht_lookup *l, usec now, uint32_t *waiting) {
    uint32_t answers = 0, fitting = 0;
    int next = -1, doubtful = -1;
    *waiting = 0;
    for (uint32_t i = 0; i < l->count && fitting < DHT_LOOKUP_WIDTH; i++) {
        const struct dht_hop *h = &l->hops[l->order[i]];
        bool matters = answers < DHT_LOOKUP_WIDTH || (h->fits && h->named);
        if (h->step == DHT_ANSWERED && h->named) {
            answers++;
            fitting += h->fits;
        } else if (matters && h->step == DHT_ASKED) {
            *waiting += !is_late(h, now);
        } else if (matters && may_be_asked(l, h)) {
            int *choice = has_credit(l, h) ? &next : &doubtful;
            *choice = *choice < 0 ? l->order[i] : *choice;
        }
    }
    if (next < 0 && !*waiting && answers < DHT_LOOKUP_WIDTH &&
        l->overdraft < DHT_LOOKUP_OVERDRAFT)
        next = doubtful;
    return l->queries < DHT_LOOKUP_QUERIES ? next : -1;
}

static uint32_t under_way(const struct dht_lookup *l, usec now) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++)
        n += l->hops[i].step == DHT_ASKED && !is_late(&l->hops[i], now);
    return n;
}

int dht_lookup_next(const struct dht_lookup *l, usec now) {
    uint32_t waiting;
    return under_way(l, now) < DHT_LOOKUP_ALPHA ? scan(l, now, &waiting) : -1;
}

bool dht_lookup_is_done(const struct dht_lookup *l, usec now) {
    uint32_t waiting;
    return scan(l, now, &waiting) < 0 && !waiting;
}

usec dht_lookup_due(const struct dht_lookup *l, usec now) {
    usec due = USEC_NEVER;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct dht_hop *h = &l->hops[i];
        if (h->step == DHT_ASKED && !is_late(h, now))
            due = MIN(due, h->asked_at + DHT_LOOKUP_LATE);
    }
    return due;
}

/* -- what happens ---------------------------------------------------------------------- */

static void give_credit(struct dht_lookup *l, uint8_t teller, int change) {
    l->hops[teller].credit = (int16_t)(l->hops[teller].credit + change);
}

void dht_lookup_note_asked(struct dht_lookup *l, int hop, usec now) {
    struct dht_hop *h = &l->hops[hop];
    int debtor = find_credit(l, h);
    assert(h->step == DHT_FRESH_NODE);
    l->overdraft += !has_credit(l, h);
    h->step = DHT_ASKED;
    h->asked_at = now;
    l->queries++;
    if (!h->teller_count)
        return;
    h->debtor = debtor < 0 ? h->tellers[0] : (uint8_t)debtor;
    give_credit(l, h->debtor, -1);
}

/* All who named it told the truth, and the debt is paid. */
static void reward_tellers(struct dht_lookup *l, const struct dht_hop *h) {
    for (uint32_t i = 0; i < h->teller_count; i++)
        give_credit(l, h->tellers[i], 1);
    if (h->teller_count)
        give_credit(l, h->debtor, 1);
}

void dht_lookup_on_reply(struct dht_lookup *l, int hop, const uint8_t *id,
                         struct span token) {
    struct dht_hop *h = &l->hops[hop];
    assert(h->step == DHT_ASKED && token.len <= sizeof h->token);
    h->step = DHT_ANSWERED;
    h->token_len = (uint8_t)token.len;
    if (token.len)
        memcpy(h->token, token.data, token.len);
    l->answers++;
    reward_tellers(l, h);
    if (h->named || !id)
        return;
    memcpy(h->node.id, id, KRPC_ID);
    h->named = true;
    h->fits = dht_id_fits(id, &h->node.addr);
    take_out(l, (uint8_t)hop);
    sort_in(l, l->count - 1, (uint8_t)hop);
}

void dht_lookup_on_failure(struct dht_lookup *l, int hop) {
    assert(l->hops[hop].step == DHT_ASKED);
    l->hops[hop].step = DHT_FAILED;
}

uint32_t dht_lookup_targets(const struct dht_lookup *l,
                            uint8_t out[2 * DHT_LOOKUP_WIDTH]) {
    uint32_t n = 0, fitting = 0;
    for (uint32_t i = 0; i < l->count && n < 2 * DHT_LOOKUP_WIDTH; i++) {
        const struct dht_hop *h = &l->hops[l->order[i]];
        if (h->step != DHT_ANSWERED || !h->named || !h->token_len)
            continue;
        if (n < DHT_LOOKUP_WIDTH || (h->fits && fitting < DHT_LOOKUP_WIDTH)) {
            out[n++] = l->order[i];
            fitting += h->fits;
        }
    }
    return n;
}
