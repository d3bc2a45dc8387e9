/* dht_store: a hash table of swarms, each an array of peers in no order.
 *
 *     table -> swarm [ hash | peers: (address, seeds?, seen at) ... ]
 *
 * A peer's place in the array means nothing, so one leaves by having the last one moved onto it,
 * and a random selection is made by shuffling as many as are wanted to the front. */
#include "proto/dht_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "proto/dht_bloom.h"
#include "proto/dht_id.h"

struct stored {
    struct addr addr;
    bool seeds;
    usec at;
};

struct dht_swarm {
    uint8_t hash[KRPC_ID];
    uint32_t count, cap;
    struct stored *peers;
};

void dht_store_init(struct dht_store *s, uint64_t seed) {
    *s = (struct dht_store){.seed = seed};
}

static void swarm_free(struct dht_swarm *w) {
    free(w->peers);
    free(w);
}

void dht_store_fini(struct dht_store *s) {
    for (uint32_t i = 0; i < s->cap; i++) {
        if (s->table[i])
            swarm_free(s->table[i]);
    }
    free(s->table);
    dht_store_init(s, s->seed);
}

/* -- the table ------------------------------------------------------------------------- */

/* Others choose the hashes: without a secret they could choose colliding ones. */
static uint32_t home_of(const struct dht_store *s, const uint8_t *hash) {
    struct addr key = {.port = get_u16(hash + 16), .family = 4};
    memcpy(key.ip, hash, sizeof key.ip);
    return (uint32_t)addr_hash(&key, s->seed) & (s->cap - 1);
}

/* Where this hash is, or where it would be put. */
static uint32_t place_of(const struct dht_store *s, const uint8_t *hash) {
    uint32_t i = home_of(s, hash);
    while (s->table[i] && memcmp(s->table[i]->hash, hash, KRPC_ID))
        i = (i + 1) & (s->cap - 1);
    return i;
}

/* The table is at most half full, up to a size that is enough for all the hashes we hold. */
static int grow(struct dht_store *s) {
    struct dht_store bigger = *s;
    bigger.cap = s->cap ? s->cap * 2 : 16;
    bigger.table = calloc(bigger.cap, sizeof *bigger.table);
    if (!bigger.table)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < s->cap; i++) {
        if (s->table[i])
            bigger.table[place_of(&bigger, s->table[i]->hash)] = s->table[i];
    }
    free(s->table);
    *s = bigger;
    return 0;
}

/* Those that follow without a gap may have been pushed on by the one that goes: put them again. */
static void remove_at(struct dht_store *s, uint32_t i) {
    s->peers -= s->table[i]->count;
    s->hashes--;
    swarm_free(s->table[i]);
    s->table[i] = NULL;
    for (i = (i + 1) & (s->cap - 1); s->table[i]; i = (i + 1) & (s->cap - 1)) {
        struct dht_swarm *w = s->table[i];
        s->table[i] = NULL;
        s->table[place_of(s, w->hash)] = w;
    }
}

/* Makes room for one more hash: that with the fewest peers is missed by the fewest. */
static void remove_smallest(struct dht_store *s) {
    uint32_t least = s->cap;
    for (uint32_t i = 0; i < s->cap; i++) {
        if (s->table[i] &&
            (least == s->cap || s->table[i]->count < s->table[least]->count))
            least = i;
    }
    if (least < s->cap)
        remove_at(s, least);
}

static struct dht_swarm *find(const struct dht_store *s, const uint8_t *hash) {
    return s->cap ? s->table[place_of(s, hash)] : NULL;
}

static struct dht_swarm *create(struct dht_store *s, const uint8_t *hash) {
    if (s->hashes >= DHT_STORE_HASHES)
        remove_smallest(s);
    if (2 * (s->hashes + 1) > s->cap && grow(s) < 0)
        return NULL;
    struct dht_swarm *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    memcpy(w->hash, hash, KRPC_ID);
    s->table[place_of(s, hash)] = w;
    s->hashes++;
    return w;
}

/* -- a swarm --------------------------------------------------------------------------- */

static void forget(struct dht_store *s, struct dht_swarm *w, uint32_t i) {
    w->peers[i] = w->peers[--w->count];
    s->peers--;
}

static void expire(struct dht_store *s, struct dht_swarm *w, usec now) {
    for (uint32_t i = w->count; i-- > 0;) {
        if (now - w->peers[i].at >= DHT_STORE_AGE)
            forget(s, w, i);
    }
}

/* The place to overwrite for this peer: its own; its host's oldest one when the host has too
 * many; the oldest of all when the swarm is full. count = it may be appended. */
static uint32_t choose_place(const struct dht_swarm *w, const struct addr *peer) {
    uint32_t of_host = 0, oldest = w->count, oldest_of_host = w->count;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct stored *p = &w->peers[i];
        if (addr_equal(&p->addr, peer))
            return i;
        if (oldest == w->count || p->at < w->peers[oldest].at)
            oldest = i;
        if (!dht_same_host(&p->addr, peer))
            continue;
        of_host++;
        if (oldest_of_host == w->count || p->at < w->peers[oldest_of_host].at)
            oldest_of_host = i;
    }
    if (of_host >= DHT_STORE_PER_HOST)
        return oldest_of_host;
    return w->count >= DHT_STORE_PEERS ? oldest : w->count;
}

static int put(struct dht_store *s, struct dht_swarm *w, const struct stored *peer) {
    uint32_t i = choose_place(w, &peer->addr);
    if (i < w->count) {
        w->peers[i] = *peer;
        return 0;
    }
    int rc = ARRAY_ROOM(w->peers, w->count, w->cap);
    if (rc < 0)
        return rc;
    w->peers[w->count++] = *peer;
    s->peers++;
    return 0;
}

int dht_store_put(struct dht_store *s, const uint8_t *hash, const struct addr *peer,
                  bool seeds, usec now) {
    struct stored entry = {*peer, seeds, now};
    if (s->peers >= DHT_STORE_ALL)
        remove_smallest(s);
    struct dht_swarm *w = find(s, hash);
    if (!w)
        w = create(s, hash);
    if (!w)
        return ERR_NOMEM;
    expire(s, w, now);
    int rc = put(s, w, &entry);
    if (rc < 0 && !w->count)
        remove_at(s, place_of(s, hash));
    return rc;
}

/* -- asking ---------------------------------------------------------------------------- */

static void swap(struct stored *a, struct stored *b) {
    struct stored c = *a;
    *a = *b;
    *b = c;
}

uint32_t dht_store_pick(struct dht_store *s, const uint8_t *hash, int family, bool noseed,
                        struct addr *out, uint32_t max, struct rng *rng, usec now) {
    struct dht_swarm *w = find(s, hash);
    uint32_t n = 0;
    if (!w)
        return 0;
    expire(s, w, now);
    for (uint32_t i = 0; i < w->count && n < max; i++) {
        swap(&w->peers[i], &w->peers[i + rng_below(rng, w->count - i)]);
        const struct stored *p = &w->peers[i];
        if (p->addr.family == family && !(noseed && p->seeds))
            out[n++] = p->addr;
    }
    return n;
}

int dht_store_scrape(struct dht_store *s, const uint8_t *hash, uint8_t seeds[KRPC_BLOOM],
                     uint8_t peers[KRPC_BLOOM], usec now) {
    struct dht_swarm *w = find(s, hash);
    if (!w)
        return ERR_NOTFOUND;
    memset(seeds, 0, KRPC_BLOOM);
    memset(peers, 0, KRPC_BLOOM);
    expire(s, w, now);
    for (uint32_t i = 0; i < w->count; i++) {
        int rc = dht_bloom_add(w->peers[i].seeds ? seeds : peers, &w->peers[i].addr);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Where one was removed another may stand now. */
void dht_store_sweep(struct dht_store *s, usec now) {
    for (uint32_t i = 0; i < s->cap; i++) {
        while (s->table[i]) {
            expire(s, s->table[i], now);
            if (s->table[i]->count)
                break;
            remove_at(s, i);
        }
    }
}

size_t dht_store_memory(const struct dht_store *s) {
    size_t bytes = s->cap * sizeof *s->table;
    for (uint32_t i = 0; i < s->cap; i++) {
        if (s->table[i])
            bytes += sizeof *s->table[i] + s->table[i]->cap * sizeof(struct stored);
    }
    return bytes;
}
