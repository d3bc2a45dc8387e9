/* pex: the difference of two sorted lists.
 *
 *     told    A   C D   F          both walked at once:
 *     peers   A B   D E F G        only in told -> dropped (C), only in peers -> added (B E G)
 *
 * If there are too many to add, a random place in the list is where it begins: else every
 * peer would be told of the same lowest addresses first. */
#include "swarm/pex.h"

#include <stdlib.h>
#include <string.h>

/* Forgiven earliness: a message and the jitter of clocks. */
#define SLACK (PEX_INTERVAL + 10 * USEC_PER_SEC)

void pex_init(struct pex *p) {
    *p = (struct pex){0};
}

void pex_fini(struct pex *p) {
    free(p->told);
    pex_init(p);
}

static int compare(const struct addr *a, const struct addr *b) {
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    int order = memcmp(a->ip, b->ip, sizeof a->ip);
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

static int compare_peers(const void *a, const void *b) {
    return compare(&((const struct pex_peer *)a)->addr,
                   &((const struct pex_peer *)b)->addr);
}

static int compare_addrs(const void *a, const void *b) {
    return compare(a, b);
}

uint32_t pex_sort(struct pex_peer *peers, uint32_t count) {
    uint32_t kept = 0;
    if (count)
        qsort(peers, count, sizeof *peers, compare_peers);
    for (uint32_t i = 0; i < count; i++)
        if (!kept || compare(&peers[kept - 1].addr, &peers[i].addr) != 0)
            peers[kept++] = peers[i];
    return kept;
}

static bool is_told(const struct pex *p, const struct addr *a) {
    return p->count && bsearch(a, p->told, p->count, sizeof *a, compare_addrs);
}

static bool is_peer(const struct pex_peer *peers, uint32_t count, const struct addr *a) {
    struct pex_peer key = {.addr = *a};
    return count && bsearch(&key, peers, count, sizeof key, compare_peers);
}

static void find_dropped(const struct pex *p, struct pex_list *out,
                         const struct pex_peer *peers, uint32_t count) {
    out->count = 0;
    for (uint32_t i = 0; i < p->count && out->count < PEX_MAX_TELL; i++)
        if (!is_peer(peers, count, &p->told[i]))
            out->peers[out->count++] = (struct pex_peer){.addr = p->told[i]};
}

static void find_added(const struct pex *p, struct pex_list *out, uint32_t room,
                       const struct pex_peer *peers, uint32_t count,
                       const struct addr *self, struct rng *rng) {
    uint32_t first = rng_below(rng, count);
    out->count = 0;
    for (uint32_t i = 0; i < count && out->count < room; i++) {
        const struct pex_peer *peer = &peers[(first + i) % count];
        if (!is_told(p, &peer->addr) && !addr_equal(&peer->addr, self))
            out->peers[out->count++] = *peer;
    }
}

static int reserve(struct pex *p, uint32_t count) {
    if (count <= p->cap)
        return 0;
    uint32_t cap = MIN(MAX(count, 2 * p->cap), PEX_MAX_TOLD);
    struct addr *told = realloc(p->told, cap * sizeof *told);
    if (!told)
        return ERR_NOMEM;
    p->told = told;
    p->cap = cap;
    return 0;
}

static void forget(struct pex *p, const struct pex_list *dropped) {
    uint32_t kept = 0, next = 0; /* dropped is in the order of told */
    for (uint32_t i = 0; i < p->count; i++) {
        if (next < dropped->count && addr_equal(&dropped->peers[next].addr, &p->told[i]))
            next++;
        else
            p->told[kept++] = p->told[i];
    }
    p->count = kept;
}

static void remember(struct pex *p, const struct pex_list *added) {
    for (uint32_t i = 0; i < added->count; i++)
        p->told[p->count++] = added->peers[i].addr;
    if (p->count)
        qsort(p->told, p->count, sizeof *p->told, compare_addrs);
}

int pex_tell(struct pex *p, struct ut_pex *out, const struct pex_peer *peers,
             uint32_t count, const struct addr *self, struct rng *rng, usec now) {
    if (now < p->next_tell)
        return 0;
    find_dropped(p, &out->dropped, peers, count);
    uint32_t stay = p->count - out->dropped.count;
    find_added(p, &out->added, MIN(PEX_MAX_TELL, PEX_MAX_TOLD - stay), peers, count, self,
               rng);
    if (!out->added.count && !out->dropped.count)
        return 0;
    if (reserve(p, stay + out->added.count) < 0)
        return ERR_NOMEM;
    forget(p, &out->dropped);
    remember(p, &out->added);
    p->next_tell = now + PEX_INTERVAL;
    return 1;
}

bool pex_hear(struct pex *p, usec now) {
    if (now + SLACK < p->next_hear)
        return false;
    p->next_hear = MAX(p->next_hear, now) + PEX_INTERVAL;
    return true;
}
