/* shared: see the header. */
#include "base/shared.h"

#include <assert.h>
#include <stdlib.h>

void shared_pool_init(struct shared_pool *p, struct budget *budget) {
    p->budget = budget;
    list_init(&p->all);
}

static void leave_pool(struct shared_bytes *b) {
    if (b->pool)
        budget_give(b->pool->budget, b->len);
    b->pool = NULL;
    list_remove(&b->link);
}

void shared_pool_fini(struct shared_pool *p) {
    while (!list_empty(&p->all))
        leave_pool(LIST_ITEM(p->all.next, struct shared_bytes, link));
}

static struct shared_bytes *wrap(uint8_t *data, size_t len) {
    struct shared_bytes *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    *b = (struct shared_bytes){.refs = 1, .data = data, .len = len};
    list_init(&b->link);
    return b;
}

struct shared_bytes *shared_adopt(struct shared_pool *p, uint8_t *data, size_t len) {
    struct shared_bytes *b = wrap(data, len);
    if (!b)
        return NULL;
    b->pool = p;
    list_append(&p->all, &b->link);
    return b;
}

struct shared_bytes *shared_new_unpaid(size_t len) {
    uint8_t *data = malloc(MAX(len, 1));
    struct shared_bytes *b = data ? wrap(data, len) : NULL;
    if (!b)
        free(data);
    return b;
}

struct shared_bytes *shared_new(struct shared_pool *p, size_t len) {
    if (!budget_take(p->budget, len))
        return NULL;
    uint8_t *data = malloc(MAX(len, 1));
    struct shared_bytes *b = data ? shared_adopt(p, data, len) : NULL;
    if (b)
        return b;
    free(data);
    budget_give(p->budget, len);
    return NULL;
}

void shared_move(struct shared_bytes *b, struct shared_pool *to) {
    leave_pool(b);
    b->pool = to;
    to->budget->used += b->len;
    list_append(&to->all, &b->link);
}

struct shared_bytes *shared_hold(struct shared_bytes *b) {
    b->refs++;
    return b;
}

void shared_drop(struct shared_bytes *b) {
    if (!b || --b->refs)
        return;
    leave_pool(b);
    free(b->data);
    free(b);
}

struct view view_of(struct shared_bytes *b, size_t from, size_t len) {
    assert(from <= b->len && len <= b->len - from);
    return (struct view){shared_hold(b), b->data + from, len};
}

struct view view_hold(const struct view *v) {
    if (v->owner)
        shared_hold(v->owner);
    return *v;
}

void view_drop(struct view *v) {
    shared_drop(v->owner);
    *v = (struct view){0};
}
