/* slots: a table of objects with a generation per slot and a list of the free ones.
 *
 *     handle  [ generation : 32 | index + 1 : 32 ]
 *
 * A slot's generation grows when its object is removed. One that has used up all its
 * generations is never given out again: a handle means one object for ever. */
#include "base/slots.h"

#include <assert.h>
#include <stdlib.h>

struct slot {
    void *object; /* NULL = free */
    uint32_t generation;
    uint32_t next_free; /* index + 1 of the next free slot, 0 at the end */
};

void slots_init(struct slots *s) {
    *s = (struct slots){0};
}

void slots_fini(struct slots *s) {
    free(s->slot);
    slots_init(s);
}

/* Doubles the table; the new slots are given out from the lowest. */
static bool grow(struct slots *s) {
    uint32_t cap = s->cap ? s->cap * 2 : 16;
    if (cap > UINT32_MAX / 4)
        return false;
    struct slot *slot = realloc(s->slot, cap * sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = s->cap; i < cap; i++)
        slot[i] = (struct slot){.next_free = i + 1 < cap ? i + 2 : 0};
    s->free_head = s->cap + 1; /* the list was empty, or we would not grow */
    s->slot = slot;
    s->cap = cap;
    return true;
}

handle slots_add(struct slots *s, void *object) {
    assert(object);
    if (!s->free_head && !grow(s))
        return 0;
    uint32_t index = s->free_head - 1;
    struct slot *slot = &s->slot[index];
    s->free_head = slot->next_free;
    slot->object = object;
    s->count++;
    return (handle)slot->generation << 32 | (index + 1);
}

/* The slot of a live handle, or NULL. */
static struct slot *find(const struct slots *s, handle h) {
    uint32_t index =
        (uint32_t)h - 1; /* handle 0 wraps round to a number that no table has */
    if (index >= s->cap)
        return NULL;
    struct slot *slot = &s->slot[index];
    return slot->object && slot->generation == h >> 32 ? slot : NULL;
}

void *slots_get(const struct slots *s, handle h) {
    const struct slot *slot = find(s, h);
    return slot ? slot->object : NULL;
}

void slots_remove(struct slots *s, handle h) {
    struct slot *slot = find(s, h);
    if (!slot)
        return;
    slot->object = NULL;
    s->count--;
    if (slot->generation++ == UINT32_MAX)
        return;
    slot->next_free = s->free_head;
    s->free_head = (uint32_t)h;
}

void *slots_each(const struct slots *s, uint32_t *at) {
    while (*at < s->cap) {
        void *object = s->slot[(*at)++].object;
        if (object)
            return object;
    }
    return NULL;
}
