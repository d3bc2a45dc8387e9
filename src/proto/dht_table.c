/* dht_table: buckets in an array, contacts in the buckets. See the header for the picture.
 *
 * To find an address the whole table is walked: it has some two hundred contacts, and this is
 * done once per answer that we asked for. */
#include "proto/dht_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "proto/dht_id.h"

#define RETRY (30 * USEC_PER_SEC) /* before a contact is asked again whether it lives */

void dht_table_init(struct dht_table *t, const uint8_t own[KRPC_ID]) {
    *t = (struct dht_table){0};
    memcpy(t->own, own, KRPC_ID);
}

void dht_table_fini(struct dht_table *t) {
    free(t->buckets);
    t->buckets = NULL;
    t->count = t->cap = 0;
}

/* -- finding --------------------------------------------------------------------------- */

static uint32_t index_of(const struct dht_table *t, const uint8_t *id) {
    uint32_t shared = dht_id_shared(t->own, id);
    return MIN(shared, t->count - 1);
}

/* Where a contact stands; `bucket` is NULL if there is none. */
struct place {
    struct dht_bucket *bucket;
    uint32_t index;
    bool spare;
};

typedef bool match_fn(const struct dht_contact *c, const void *what);

static bool match_host(const struct dht_contact *c, const void *addr) {
    return dht_same_host(&c->node.addr, addr);
}

static bool match_id(const struct dht_contact *c, const void *id) {
    return memcmp(c->node.id, id, KRPC_ID) == 0;
}

static bool match_block(const struct dht_contact *c, const void *addr) {
    return dht_same_block(&c->node.addr, addr);
}

static bool match_misfit(const struct dht_contact *c, const void *nothing) {
    (void)nothing;
    return !c->fits;
}

static struct place find_in(struct dht_bucket *b, match_fn *match, const void *what) {
    for (uint32_t i = 0; i < b->live_count; i++) {
        if (match(&b->live[i], what))
            return (struct place){b, i, false};
    }
    for (uint32_t i = 0; i < b->spare_count; i++) {
        if (match(&b->spare[i], what))
            return (struct place){b, i, true};
    }
    return (struct place){0};
}

static struct place find(const struct dht_table *t, match_fn *match, const void *what) {
    struct place p = {0};
    for (uint32_t i = 0; i < t->count && !p.bucket; i++)
        p = find_in(&t->buckets[i], match, what);
    return p;
}

static struct dht_contact *contact_at(struct place p) {
    return p.spare ? &p.bucket->spare[p.index] : &p.bucket->live[p.index];
}

/* -- moving ---------------------------------------------------------------------------- */

/* A full row of spares loses its first, the one that stands there for longest. */
static void add_spare(struct dht_bucket *b, const struct dht_contact *c) {
    if (b->spare_count == DHT_SPARES)
        memmove(b->spare, b->spare + 1, --b->spare_count * sizeof *b->spare);
    b->spare[b->spare_count++] = *c;
}

/* A live contact's place goes to the spare that came last. */
static void remove_place(struct place p) {
    struct dht_bucket *b = p.bucket;
    if (p.spare) {
        b->spare_count--;
        memmove(&b->spare[p.index], &b->spare[p.index + 1],
                (b->spare_count - p.index) * sizeof *b->spare);
    } else if (b->spare_count) {
        b->live[p.index] = b->spare[--b->spare_count];
    } else {
        b->live[p.index] = b->live[--b->live_count];
    }
}

static int add_bucket(struct dht_table *t, usec now) {
    if (ARRAY_ROOM(t->buckets, t->count, t->cap) < 0)
        return ERR_NOMEM;
    struct dht_bucket *b = &t->buckets[t->count++];
    b->live_count = b->spare_count = 0;
    b->changed = now;
    return 0;
}

/* Sorts a bucket's contacts into it and the one behind it; the copy is of 16 contacts. */
static int split(struct dht_table *t, usec now) {
    int rc = add_bucket(t, now);
    if (rc < 0)
        return rc;
    struct dht_bucket *b = &t->buckets[t->count - 2], old = *b;
    b->live_count = b->spare_count = 0;
    for (uint32_t i = 0; i < old.live_count; i++) {
        struct dht_bucket *to = &t->buckets[index_of(t, old.live[i].node.id)];
        to->live[to->live_count++] = old.live[i];
    }
    for (uint32_t i = 0; i < old.spare_count; i++) {
        struct dht_bucket *to = &t->buckets[index_of(t, old.spare[i].node.id)];
        if (to->live_count < DHT_K)
            to->live[to->live_count++] = old.spare[i];
        else
            add_spare(to, &old.spare[i]);
    }
    return 0;
}

static bool is_bad(const struct dht_contact *c) {
    return c->failures >= DHT_FAILURES;
}

static bool match_bad(const struct dht_contact *c, const void *nothing) {
    (void)nothing;
    return is_bad(c);
}

/* The live contact that has to go for this one: a bad one, or one whose id does not fit. */
static struct place replaceable(struct dht_bucket *b, bool fits) {
    struct place p = find_in(b, match_bad, NULL);
    if (!p.bucket || p.spare)
        p = fits ? find_in(b, match_misfit, NULL) : (struct place){0};
    return p.spare ? (struct place){0} : p;
}

static bool may_split(const struct dht_table *t, uint32_t index) {
    return index == t->count - 1 && t->count < 8 * KRPC_ID;
}

/* 1 when it is among the live ones then. */
static int enter(struct dht_table *t, const struct dht_contact *c, usec now) {
    uint32_t i = index_of(t, c->node.id);
    while (t->buckets[i].live_count == DHT_K && may_split(t, i)) {
        int rc = split(t, now);
        if (rc < 0)
            return rc;
        i = index_of(t, c->node.id);
    }
    struct dht_bucket *b = &t->buckets[i];
    if (find_in(b, match_block, &c->node.addr).bucket)
        return 0;
    struct place p = replaceable(b, c->fits);
    if (b->live_count < DHT_K) {
        b->live[b->live_count++] = *c;
    } else if (p.bucket) {
        if (!is_bad(contact_at(p)))
            add_spare(b, contact_at(p));
        *contact_at(p) = *c;
    } else {
        add_spare(b, c);
        return 0;
    }
    b->changed = now;
    return 1;
}

/* -- what happens ---------------------------------------------------------------------- */

static bool is_good(const struct dht_contact *c, usec now) {
    return !is_bad(c) && now - c->heard < DHT_FRESH;
}

/* A known contact answered, or somebody who may not come in: true when there is no more to do.
 * False with all contacts gone that contradict the new one. */
static bool refresh(struct dht_table *t, const struct krpc_node *n, usec now) {
    struct place p = find(t, match_host, &n->addr);
    struct dht_contact *c = p.bucket ? contact_at(p) : NULL;
    if (c && addr_equal(&c->node.addr, &n->addr) && match_id(c, n->id)) {
        c->heard = p.bucket->changed = now;
        c->failures = 0;
        return true;
    }
    if (c && is_good(c, now) && !addr_equal(&c->node.addr, &n->addr))
        return true; /* a second node of that host */
    if (c)
        remove_place(p);
    p = find(t, match_id, n->id);
    if (p.bucket && is_good(contact_at(p), now))
        return true; /* it claims the id of a node that is well */
    if (p.bucket)
        remove_place(p);
    return false;
}

int dht_table_on_reply(struct dht_table *t, const struct krpc_node *n, usec now) {
    struct dht_contact c = {.node = *n, .heard = now, .asked = now};
    if (memcmp(n->id, t->own, KRPC_ID) == 0 || refresh(t, n, now))
        return 0;
    if (!t->count && add_bucket(t, now) < 0)
        return ERR_NOMEM;
    c.fits = dht_id_fits(n->id, &n->addr);
    return enter(t, &c, now);
}

void dht_table_on_query(struct dht_table *t, const struct krpc_node *n, usec now) {
    struct place p = find(t, match_id, n->id);
    if (p.bucket && addr_equal(&contact_at(p)->node.addr, &n->addr))
        contact_at(p)->heard = now;
}

static struct place find_addr(const struct dht_table *t, const struct addr *a) {
    struct place p = find(t, match_host, a);
    return p.bucket && addr_equal(&contact_at(p)->node.addr, a) ? p : (struct place){0};
}

void dht_table_remove(struct dht_table *t, const struct addr *a) {
    struct place p = find_addr(t, a);
    if (p.bucket)
        remove_place(p);
}

void dht_table_on_timeout(struct dht_table *t, const struct addr *a) {
    struct place p = find_addr(t, a);
    if (!p.bucket)
        return;
    struct dht_contact *c = contact_at(p);
    c->failures++;
    bool replaced = is_bad(c) && (p.spare || p.bucket->spare_count);
    if (replaced || c->failures >= DHT_GIVE_UP)
        remove_place(p);
}

bool dht_table_wants(const struct dht_table *t, const struct krpc_node *n) {
    if (!t->count)
        return true;
    if (find(t, match_host, &n->addr).bucket || find(t, match_id, n->id).bucket)
        return false;
    uint32_t i = index_of(t, n->id);
    struct dht_bucket *b = &t->buckets[i];
    if (find_in(b, match_block, &n->addr).bucket)
        return false;
    return b->live_count < DHT_K || may_split(t, i) ||
           replaceable(b, dht_id_fits(n->id, &n->addr)).bucket;
}

int dht_table_rebase(struct dht_table *t, const uint8_t own[KRPC_ID], usec now) {
    struct dht_table fresh;
    int rc = 0;
    dht_table_init(&fresh, own);
    if (t->count)
        rc = add_bucket(&fresh, now);
    for (uint32_t i = 0; i < t->count && rc >= 0; i++) {
        const struct dht_bucket *b = &t->buckets[i];
        for (uint32_t j = 0; j < b->live_count && rc >= 0; j++)
            rc = enter(&fresh, &b->live[j], now);
    }
    if (rc < 0) {
        dht_table_fini(&fresh);
        return rc;
    }
    dht_table_fini(t);
    *t = fresh;
    return 0;
}

/* -- asking ---------------------------------------------------------------------------- */

/* Into an array that is sorted by distance, if it is one of the `max` closest. */
static uint32_t insert(struct krpc_node *out, uint32_t n, uint32_t max,
                       const uint8_t *target, const struct krpc_node *node) {
    uint32_t at = n;
    while (at > 0 && dht_id_compare(target, node->id, out[at - 1].id) < 0)
        at--;
    if (at == max)
        return n;
    n = MIN(n + 1, max);
    memmove(out + at + 1, out + at, (n - at - 1) * sizeof *out);
    out[at] = *node;
    return n;
}

enum quality { GOOD, NOT_BAD, ANY };

static uint32_t closest(const struct dht_table *t, const uint8_t *target,
                        struct krpc_node *out, uint32_t max, enum quality q, usec now) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        for (uint32_t j = 0; j < t->buckets[i].live_count; j++) {
            const struct dht_contact *c = &t->buckets[i].live[j];
            if (q == ANY || (q == NOT_BAD && !is_bad(c)) ||
                (q == GOOD && is_good(c, now)))
                n = insert(out, n, max, target, &c->node);
        }
    }
    return n;
}

uint32_t dht_table_closest(const struct dht_table *t, const uint8_t *target,
                           struct krpc_node *out, uint32_t max, bool only_good,
                           usec now) {
    if (only_good)
        return closest(t, target, out, max, GOOD, now);
    uint32_t n = closest(t, target, out, max, NOT_BAD, now);
    return n ? n : closest(t, target, out, max, ANY, now);
}

/* Failed ones first: they are either gone, or their place is waited for. */
static bool more_questionable(const struct dht_contact *a, const struct dht_contact *b) {
    if (!b || a->failures != b->failures)
        return !b || a->failures > b->failures;
    return a->heard < b->heard;
}

const struct dht_contact *dht_table_next_questionable(struct dht_table *t, usec now) {
    struct dht_contact *worst = NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        for (uint32_t j = 0; j < t->buckets[i].live_count; j++) {
            struct dht_contact *c = &t->buckets[i].live[j];
            bool asks =
                (c->failures || now - c->heard >= DHT_FRESH) && now - c->asked >= RETRY;
            if (asks && more_questionable(c, worst))
                worst = c;
        }
    }
    if (worst)
        worst->asked = now;
    return worst;
}

bool dht_table_next_stale(struct dht_table *t, struct rng *rng, uint8_t target[KRPC_ID],
                          usec now) {
    for (uint32_t i = 0; i < t->count; i++) {
        if (now - t->buckets[i].changed < DHT_FRESH)
            continue;
        t->buckets[i].changed = now;
        dht_id_random(target, t->own, i, rng);
        return true;
    }
    return false;
}

void dht_table_note_sparse(struct dht_table *t, usec now) {
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->buckets[i].live_count < DHT_K)
            t->buckets[i].changed = now - DHT_FRESH;
    }
}

uint32_t dht_table_size(const struct dht_table *t) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->count; i++)
        n += t->buckets[i].live_count;
    return n;
}

uint32_t dht_table_good(const struct dht_table *t, usec now) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        for (uint32_t j = 0; j < t->buckets[i].live_count; j++)
            n += is_good(&t->buckets[i].live[j], now);
    }
    return n;
}

static bool check_contact(const struct dht_table *t, struct place p) {
    const struct dht_contact *c = contact_at(p);
    struct place by_host = find(t, match_host, &c->node.addr);
    struct place by_id = find(t, match_id, c->node.id);
    return &t->buckets[index_of(t, c->node.id)] == p.bucket && contact_at(by_host) == c &&
           contact_at(by_id) == c;
}

bool dht_table_check(const struct dht_table *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        struct dht_bucket *b = &t->buckets[i];
        if (b->live_count > DHT_K || b->spare_count > DHT_SPARES)
            return false;
        if (b->spare_count && b->live_count < DHT_K)
            return false;
        for (uint32_t j = 0; j < b->live_count + b->spare_count; j++) {
            bool spare = j >= b->live_count;
            if (!check_contact(t,
                               (struct place){b, spare ? j - b->live_count : j, spare}))
                return false;
        }
    }
    return true;
}
