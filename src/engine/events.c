/* events: a ring that grows by doubling up to a limit, oldest first.
 *
 *     pop <- [ piece 7 | done | peer ........ piece 9 ] <- push
 *                                             ^ head + count, modulo cap
 *
 * What does not fit is counted and let go. The count becomes an `overflow` event that stands where
 * the missing ones would have stood: before the next event that finds room, or at the end. Until
 * it has its place nothing else is let in, so the order is never wrong. */
#include "engine/events.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAP 64

static const char *const names[] = {
    [EVENT_STATE] = "state",       [EVENT_METADATA] = "metadata",
    [EVENT_CHECKED] = "checked",   [EVENT_PIECE] = "piece",
    [EVENT_FILE] = "file",         [EVENT_DONE] = "done",
    [EVENT_PEER] = "peer",         [EVENT_PEER_CLOSED] = "peer_closed",
    [EVENT_TRACKER] = "tracker",   [EVENT_PEERS] = "peers",
    [EVENT_SCRAPE] = "scrape",     [EVENT_HASH_FAILED] = "hash_failed",
    [EVENT_BANNED] = "banned",     [EVENT_READ] = "read",
    [EVENT_MOVED] = "moved",       [EVENT_REMOVED] = "removed",
    [EVENT_SAVED] = "saved",       [EVENT_BLOCKLIST] = "blocklist",
    [EVENT_PORTMAP] = "portmap",   [EVENT_ERROR] = "error",
    [EVENT_OVERFLOW] = "overflow",
};

_Static_assert(COUNT_OF(names) == EVENT_COUNT, "every event has its name");

const char *event_name(enum event_type t) {
    assert((unsigned)t < EVENT_COUNT);
    return names[t];
}

void event_fini(struct event *ev) {
    free(ev->text);
    free(ev->data);
    view_drop(&ev->view);
    ev->text = NULL;
    ev->data = NULL;
    ev->len = 0;
}

void events_init(struct events *q) {
    *q = (struct events){.limit = EVENTS_MAX};
}

void events_fini(struct events *q) {
    struct event ev;
    while (events_pop(q, &ev))
        event_fini(&ev);
    free(q->ring);
    events_init(q);
}

/* Doubles the ring; its contents are laid out from the start again. */
static bool grow(struct events *q) {
    uint32_t cap = q->cap ? q->cap * 2 : FIRST_CAP;
    struct event *ring = malloc(cap * sizeof *ring);
    if (!ring)
        return false;
    for (uint32_t i = 0; i < q->count; i++)
        ring[i] = q->ring[(q->head + i) % q->cap];
    free(q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return true;
}

/* Room for n more, within the limit? */
static bool has_room(struct events *q, uint32_t n) {
    if (q->limit < n || q->count > q->limit - n)
        return false;
    return q->count + n <= q->cap || grow(q);
}

static void append(struct events *q, const struct event *ev) {
    q->ring[(q->head + q->count++) % q->cap] = *ev;
}

static struct event take_overflow(struct events *q) {
    struct event ev = {.type = EVENT_OVERFLOW, .index = q->dropped};
    q->dropped = 0;
    return ev;
}

void events_push(struct events *q, struct event *ev) {
    if (!has_room(q, q->dropped ? 2 : 1)) {
        q->dropped += q->dropped < UINT32_MAX;
        event_fini(ev);
        return;
    }
    if (q->dropped) {
        struct event overflow = take_overflow(q);
        append(q, &overflow);
    }
    append(q, ev);
    ev->text = NULL;
    ev->data = NULL;
    ev->view = (struct view){0};
}

bool events_pop(struct events *q, struct event *out) {
    if (q->count) {
        *out = q->ring[q->head];
        q->head = (q->head + 1) % q->cap;
        q->count--;
        return true;
    }
    if (!q->dropped)
        return false;
    *out = take_overflow(q);
    return true;
}
