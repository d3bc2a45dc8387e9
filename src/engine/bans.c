/* bans: see the header. A short array is walked when somebody connects: rare enough. */
#include "engine/bans.h"

#include "base/array.h"

#include <stdlib.h>

void bans_fini(struct bans *b) {
    free(b->ban);
    *b = (struct bans){0};
}

bool bans_covers(const struct addr *barred, const struct addr *a) {
    if (addr_kind(barred) == ADDR_LOOPBACK)
        return addr_equal(barred, a);
    return addr_same_ip(barred, a);
}

static struct ban *find(struct bans *b, const struct addr *a) {
    for (uint32_t i = 0; i < b->count; i++)
        if (bans_covers(&b->ban[i].addr, a))
            return &b->ban[i];
    return NULL;
}

static struct ban *first_to_end(struct bans *b) {
    struct ban *first = b->ban;
    for (uint32_t i = 1; i < b->count; i++)
        if (b->ban[i].until < first->until)
            first = &b->ban[i];
    return first;
}

static struct ban *room(struct bans *b) {
    if (b->count == BANS_MAX)
        return first_to_end(b);
    if (ARRAY_ROOM(b->ban, b->count, b->cap) < 0)
        return NULL;
    return &b->ban[b->count++];
}

bool bans_add(struct bans *b, const struct addr *a, usec until) {
    struct ban *ban = find(b, a);
    if (!ban)
        ban = room(b);
    if (!ban)
        return false;
    *ban = (struct ban){*a, until};
    return true;
}

bool bans_remove(struct bans *b, const struct addr *a) {
    struct ban *ban = find(b, a);
    if (!ban)
        return false;
    *ban = b->ban[--b->count];
    return true;
}

bool bans_has(struct bans *b, const struct addr *a, usec now) {
    struct ban *ban = find(b, a);
    if (ban && ban->until <= now) {
        *ban = b->ban[--b->count];
        return false;
    }
    return ban != NULL;
}
