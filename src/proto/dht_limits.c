/* dht_limits: one meter per host that sent something lately, in a table of fixed size.
 *
 *     hosts   [set 0: 4 meters][set 1] ...      a host's set is chosen by a keyed hash
 *
 * A meter is a single time, `until`: each packet pushes it a fifth of a second into the future,
 * from now at the earliest. When it is more than the burst ahead, the host has sent more
 * than five packets a second, and until becomes the end of its silence. A host that nobody has
 * heard of lately gives its place away; which hosts share a set, nobody outside can know. */
#include "proto/dht_limits.h"

#include <stdlib.h>
#include <string.h>

#define SETS 256u
#define WAYS 4u
#define STEP (USEC_PER_SEC / DHT_RATE)

struct dht_meter {
    uint64_t host; /* its hash, by a secret key */
    usec until;
    bool silenced;
};

int dht_limits_init(struct dht_limits *l, uint64_t seed, uint64_t upload_rate, usec now) {
    l->seed = seed;
    bucket_init(&l->upload, upload_rate, now);
    l->hosts = calloc((size_t)SETS * WAYS, sizeof *l->hosts);
    return l->hosts ? 0 : ERR_NOMEM;
}

void dht_limits_fini(struct dht_limits *l) {
    free(l->hosts);
    l->hosts = NULL;
}

size_t dht_limits_memory(void) {
    return (size_t)SETS * WAYS * sizeof(struct dht_meter);
}

/* -- packets --------------------------------------------------------------------------- */

/* Of an IPv6 host the /64 counts, for it has as many addresses as it likes in there. On a local
 * network many nodes may share an address, and none of them is a stranger. */
static uint64_t hash_host(const struct dht_limits *l, const struct addr *host) {
    struct addr key = *host;
    if (addr_kind(host) == ADDR_GLOBAL) {
        key.port = 0;
        if (key.family == 6)
            memset(key.ip + 8, 0, 8);
    }
    return addr_hash(&key, l->seed);
}

static struct dht_meter *find(const struct dht_limits *l, uint64_t host) {
    struct dht_meter *set = &l->hosts[host % SETS * WAYS];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].host == host)
            return &set[i];
    }
    return NULL;
}

/* The meter in its set that matters least: its time has passed first. */
static struct dht_meter *replace(struct dht_limits *l, uint64_t host) {
    struct dht_meter *set = &l->hosts[host % SETS * WAYS], *least = set;
    for (unsigned i = 1; i < WAYS; i++) {
        if (set[i].until < least->until)
            least = &set[i];
    }
    *least = (struct dht_meter){.host = host};
    return least;
}

bool dht_limits_is_silenced(const struct dht_limits *l, const struct addr *host,
                            usec now) {
    const struct dht_meter *m = find(l, hash_host(l, host));
    return m && m->silenced && now < m->until;
}

bool dht_limits_admit(struct dht_limits *l, const struct addr *host, usec now) {
    uint64_t key = hash_host(l, host);
    struct dht_meter *m = find(l, key);
    if (!m)
        m = replace(l, key);
    if (m->silenced && now < m->until)
        return false;
    m->silenced = false;
    m->until = MAX(m->until, now) + STEP;
    if (m->until - now <= (usec)DHT_BURST * STEP)
        return true;
    m->silenced = true;
    m->until = now + DHT_SILENCE;
    return false;
}

/* -- bytes ----------------------------------------------------------------------------- */

#define RESERVE 16384 /* half of what a bucket holds (base/meter) */

bool dht_limits_may_answer(struct dht_limits *l, usec now) {
    return bucket_ready(&l->upload, now) > RESERVE;
}

bool dht_limits_may_ask(struct dht_limits *l, usec now) {
    return bucket_ready(&l->upload, now) > 0;
}

void dht_limits_note_sent(struct dht_limits *l, size_t len) {
    bucket_take(&l->upload, len + DHT_OVERHEAD);
}

usec dht_limits_when(struct dht_limits *l, usec now) {
    return bucket_when(&l->upload, now);
}

/* -- addresses ------------------------------------------------------------------------- */

bool dht_addr_told_ok(const struct addr *a, const struct addr *teller) {
    return addr_usable(a) &&
           (addr_kind(a) == ADDR_GLOBAL || addr_kind(teller) != ADDR_GLOBAL);
}
