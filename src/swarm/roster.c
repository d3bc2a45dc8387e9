/* roster: a hash table of candidates (open addressing, linear probing, at most half full) and
 * one rule of order over them. The best one is looked for when it is needed: with 3,000
 * addresses a look costs less than keeping them sorted under an order that changes with time,
 * and a look that finds nobody is remembered.
 *
 * Source: the order and the back-off are libtorrent's; the priority is BEP 40. */
#include "swarm/roster.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64u /* a power of two, as every later capacity */

/* ---- the table ---- */

void roster_init(struct roster *r) {
    *r = (struct roster){0};
    if (rng_secret(&r->seed, sizeof r->seed) < 0)
        r->seed = (uint64_t)(uintptr_t)r; /* not secret, yet bounded: ROSTER_MAX */
}

void roster_fini(struct roster *r) {
    for (uint32_t i = 0; i < r->cap; i++)
        free(r->table[i]);
    free(r->table);
    *r = (struct roster){0};
}

static uint32_t home(const struct roster *r, const struct addr *a) {
    return (uint32_t)addr_hash(a, r->seed) & (r->cap - 1);
}

/* The slot that holds the address, or the free one where it would be. */
static uint32_t slot_of(const struct roster *r, const struct addr *a) {
    uint32_t i = home(r, a);
    while (r->table[i] && !addr_equal(&r->table[i]->addr, a))
        i = (i + 1) & (r->cap - 1);
    return i;
}

static int grow(struct roster *r) {
    struct roster old = *r;
    uint32_t cap = r->cap ? r->cap * 2 : FIRST_CAP;
    struct candidate **table = calloc(cap, sizeof(struct candidate *));
    if (!table)
        return ERR_NOMEM;
    r->table = table, r->cap = cap;
    for (uint32_t i = 0; i < old.cap; i++)
        if (old.table[i])
            table[slot_of(r, &old.table[i]->addr)] = old.table[i];
    free(old.table);
    return 0;
}

/* Empties a slot and closes the gap: everything up to the next free slot finds its place anew. */
static struct candidate *take(struct roster *r, uint32_t slot) {
    struct candidate *taken = r->table[slot];
    r->table[slot] = NULL;
    r->count--;
    for (uint32_t i = (slot + 1) & (r->cap - 1); r->table[i];
         i = (i + 1) & (r->cap - 1)) {
        struct candidate *c = r->table[i];
        r->table[i] = NULL;
        r->table[slot_of(r, &c->addr)] = c;
    }
    return taken;
}

struct candidate *roster_find(const struct roster *r, const struct addr *a) {
    return r->cap ? r->table[slot_of(r, a)] : NULL;
}

struct candidate *roster_each(const struct roster *r, uint32_t *at) {
    while (*at < r->cap) {
        struct candidate *c = r->table[(*at)++];
        if (c)
            return c;
    }
    return NULL;
}

/* ---- coming and going ---- */

static bool usable(const struct roster *r, const struct addr *a) {
    return addr_usable(a) && !addr_equal(a, &r->own4) && !addr_equal(a, &r->own6);
}

static void refresh(struct roster *r, struct candidate *c, uint32_t source, usec now) {
    c->sources |= source;
    c->last_seen = now;
    if (c->admission == ADMISSION_REFUSED && now - c->judged_at >= ROSTER_JUDGED_ANEW)
        c->admission = ADMISSION_UNKNOWN;
    r->unjudged |= c->admission == ADMISSION_UNKNOWN;
    if (source & SOURCE_TRACKER && c->failures)
        c->failures--;
    if (source & SOURCE_MANUAL)
        c->failures = 0;
}

/* The least useful that may be forgotten: a ban is no ban when it is forgotten. */
static struct candidate *least_useful(const struct roster *r, usec now) {
    struct candidate *least = NULL, *c;
    for (uint32_t at = 0; (c = roster_each(r, &at));)
        if (!c->connected && c->banned_until <= now)
            if (!least || candidate_before(least, c, r))
                least = c;
    return least;
}

/* Full: room is made only by something less useful than the new one. */
static int replace(struct roster *r, const struct candidate *new, usec now) {
    struct candidate *least = least_useful(r, now);
    if (!least || !candidate_before(new, least, r))
        return ERR_LIMIT;
    struct candidate *c = take(r, slot_of(r, &least->addr));
    *c = *new;
    r->table[slot_of(r, &c->addr)] = c;
    r->count++;
    return 1;
}

static int insert(struct roster *r, const struct candidate *new) {
    if ((r->count + 1) * 2 > r->cap && grow(r) < 0)
        return ERR_NOMEM;
    struct candidate *c = malloc(sizeof *c);
    if (!c)
        return ERR_NOMEM;
    *c = *new;
    r->table[slot_of(r, &c->addr)] = c;
    r->count++;
    return 1;
}

int roster_add(struct roster *r, const struct addr *a, uint32_t source, usec now) {
    if (!usable(r, a))
        return ERR_INVALID;
    r->idle_until = 0;
    r->has_named |= (source & SOURCE_MANUAL) != 0;
    struct candidate *known = roster_find(r, a);
    if (known) {
        refresh(r, known, source, now);
        return 0;
    }
    r->unjudged = true;
    const struct candidate new = {.addr = *a, .sources = source, .last_seen = now};
    return r->count < ROSTER_MAX ? insert(r, &new) : replace(r, &new, now);
}

/* What moves into a slot that falls free has not been looked at, or is looked at again. */
void roster_keep(struct roster *r, uint32_t sources) {
    for (uint32_t i = 0; i < r->cap;) {
        const struct candidate *c = r->table[i];
        if (c && !c->connected && !(c->sources & sources))
            free(take(r, i));
        else
            i++;
    }
}

/* ---- the order ---- */

static bool is_local(const struct candidate *c) {
    return addr_kind(&c->addr) != ADDR_GLOBAL;
}

static uint32_t priority(const struct candidate *c, const struct roster *r) {
    return peer_priority(c->addr.family == 4 ? &r->own4 : &r->own6, &c->addr);
}

bool candidate_before(const struct candidate *a, const struct candidate *b,
                      const struct roster *r) {
    bool refused_a = a->admission == ADMISSION_REFUSED;
    if (refused_a != (b->admission == ADMISSION_REFUSED))
        return !refused_a;
    if (a->failures != b->failures)
        return a->failures < b->failures;
    if (is_local(a) != is_local(b))
        return is_local(a);
    if (a->last_tried != b->last_tried)
        return a->last_tried < b->last_tried;
    if (a->sources != b->sources) /* bits in order of worth: the best source decides */
        return a->sources > b->sources;
    uint32_t priority_a = priority(a, r), priority_b = priority(b, r);
    if (priority_a != priority_b)
        return priority_a > priority_b;
    /* Our own address is not known yet: an order of ours, so that not everybody in the swarm
     * dials the same one. */
    return addr_hash(&a->addr, r->seed) < addr_hash(&b->addr, r->seed);
}

/* How long after a try the next one may come. */
static usec patience(const struct candidate *c) {
    if (c->sources & SOURCE_MANUAL)
        return MIN(MAX(c->failures, 1) * ROSTER_RETRY_NAMED, ROSTER_RETRY);
    return (c->failures + 1) * ROSTER_RETRY;
}

usec roster_due(const struct roster *r, const struct candidate *c, bool seeding) {
    bool named = c->sources & SOURCE_MANUAL;
    if (r->judged_only && c->admission != ADMISSION_GRANTED && !named)
        return USEC_NEVER;
    if (c->connected || (c->failures >= ROSTER_MAX_FAILURES && !named) ||
        c->sources == SOURCE_INCOMING)
        return USEC_NEVER;
    if (seeding && c->upload_only)
        return USEC_NEVER;
    usec retry = c->last_tried ? c->last_tried + patience(c) : 0;
    return MAX(MAX(retry, c->banned_until), c->declined_until);
}

/* Whatever happens to a candidate meanwhile makes it ready after a ROSTER_RETRY at the earliest
 * (a named one sooner); an address that is added is looked at at once. So an empty-handed look
 * holds that long. */
static void note_idle(struct roster *r, usec earliest, usec now, bool seeding) {
    usec most = r->has_named ? ROSTER_RETRY_NAMED : ROSTER_RETRY;
    r->idle_until = r->count ? MIN(earliest, now + most) : USEC_NEVER;
    r->idle_seeding = seeding;
}

static bool known_idle(const struct roster *r, usec now, bool seeding) {
    return now < r->idle_until && seeding == r->idle_seeding;
}

struct candidate *roster_next(struct roster *r, usec now, bool seeding) {
    struct candidate *best = NULL, *c;
    usec earliest = USEC_NEVER;
    if (known_idle(r, now, seeding))
        return NULL;
    for (uint32_t at = 0; (c = roster_each(r, &at));) {
        usec when = roster_due(r, c, seeding);
        earliest = MIN(earliest, when);
        if (when <= now && (!best || candidate_before(c, best, r)))
            best = c;
    }
    if (!best)
        note_idle(r, earliest, now, seeding);
    return best;
}

usec roster_next_due(struct roster *r, usec now, bool seeding) {
    return roster_next(r, now, seeding) ? now : r->idle_until;
}

/* ---- what became of it ---- */

void roster_note_dialled(struct candidate *c, usec now) {
    c->connected = true;
    c->last_tried = now;
}

void roster_note_connected(struct candidate *c, usec now) {
    c->connected = true;
    c->failures = 0;
    c->last_tried = now;
}

void roster_note_failed(struct candidate *c, usec now) {
    c->connected = false;
    c->last_tried = now;
    if (c->failures < UINT8_MAX)
        c->failures++;
}

/* The wait begins now: whoever has just hung up (or was hung up on) is not called right back. */
void roster_note_closed(struct candidate *c, usec now) {
    c->connected = false;
    c->last_tried = now;
}

void roster_note_untried(struct roster *r, struct candidate *c) {
    c->connected = false;
    c->last_tried = 0;
    r->idle_until = 0;
}

void roster_note_new_wish(struct roster *r) {
    struct candidate *c;
    uint32_t at = 0;
    while ((c = roster_each(r, &at)))
        if (!c->connected && c->failures == 0)
            c->last_tried = 0;
    r->idle_until = 0;
}

void roster_ban(struct candidate *c, usec until) {
    c->banned_until = until;
}

const char *source_name(uint32_t sources) {
    static const char *const names[] = {"incoming", "resume",  "pex",   "dht",
                                        "lsd",      "tracker", "manual"};
    for (size_t i = COUNT_OF(names); i-- > 0;)
        if (sources & 1u << i)
            return names[i];
    return "unknown";
}

/* ---- BEP 40 ---- */

/* The bytes that tell two networks apart count whole, the rest only by every other bit: 2 bytes
 * of IPv4 (6 of IPv6), and one more than the two have in common from there on. */
static size_t whole_bytes(const struct addr *a, const struct addr *b, size_t len) {
    size_t whole = len == 4 ? 2 : 6;
    while (whole < len && !memcmp(a->ip, b->ip, whole))
        whole++;
    return whole;
}

static uint32_t crc_sorted(uint8_t *both, size_t len) {
    uint8_t sorted[32];
    bool swap = memcmp(both, both + len, len) > 0;
    memcpy(sorted, both + (swap ? len : 0), len);
    memcpy(sorted + len, both + (swap ? 0 : len), len);
    return crc32c(0, sorted, 2 * len);
}

static uint32_t port_priority(uint16_t a, uint16_t b) {
    uint8_t both[4];
    put_u16(both, a);
    put_u16(both + 2, b);
    return crc_sorted(both, 2);
}

uint32_t peer_priority(const struct addr *own, const struct addr *peer) {
    uint8_t both[32];
    size_t len = own->family == 4 ? 4 : 16;
    if (!own->family || own->family != peer->family)
        return 0;
    if (addr_same_ip(own, peer))
        return port_priority(own->port, peer->port);
    size_t whole = whole_bytes(own, peer, len);
    for (size_t i = 0; i < len; i++) {
        uint8_t mask = i < whole ? 0xFF : 0x55;
        both[i] = own->ip[i] & mask;
        both[len + i] = peer->ip[i] & mask;
    }
    return crc_sorted(both, len);
}
