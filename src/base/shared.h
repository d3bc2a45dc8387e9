/* shared: bytes that several may read and nobody changes, freed by the last who lets go.
 *
 *     shared_bytes  [ a verified piece, or what a job read ]    refs: 3
 *                       ^ view        ^ view
 *
 * A view is a part of it, and counts as one of those who hold it. The memory is charged
 * to a budget for as long as anybody holds it; when whoever has the budget goes first (a
 * script keeps a view of a session that it closed) the bytes stay, charged to nobody. One
 * thread only. */
#ifndef MARE_SHARED_H
#define MARE_SHARED_H

#include "base/buffer_pool.h"
#include "base/list.h"

/* Who pays: all that was made with it and lives. */
struct shared_pool {
    struct budget *budget;
    struct link all;
};

struct shared_bytes {
    uint32_t refs;
    uint8_t *data; /* malloc'ed */
    size_t len;
    struct shared_pool *pool; /* NULL: nobody pays any more */
    struct link link;
};

struct view {
    struct shared_bytes *owner; /* NULL: of nothing */
    const uint8_t *data;
    size_t len;
};

void shared_pool_init(struct shared_pool *p, struct budget *budget);
void shared_pool_fini(struct shared_pool *p); /* what lives goes on without it */

/* Fresh bytes to be filled, held once. NULL when the budget is spent or memory is out. */
struct shared_bytes *shared_new(struct shared_pool *p, size_t len) MUST_USE;
/* The same, charged to nobody: for what must go on when the budget is spent. Keep it
 * small. */
struct shared_bytes *shared_new_unpaid(size_t len) MUST_USE;
/* Takes over a malloc'ed buffer that is charged to the pool's budget already. NULL when
 * memory is out: then nothing has changed hands. */
struct shared_bytes *shared_adopt(struct shared_pool *p, uint8_t *data, size_t len)
    MUST_USE;
/* Another one pays from now on, whether its budget allows it or not. */
void shared_move(struct shared_bytes *b, struct shared_pool *to);
struct shared_bytes *shared_hold(struct shared_bytes *b);
void shared_drop(struct shared_bytes *b); /* NULL is fine */

/* A view of bytes from .. from + len of b, which it holds. */
struct view view_of(struct shared_bytes *b, size_t from, size_t len);
struct view view_hold(const struct view *v); /* one more of the same */
void view_drop(struct view *v);              /* idempotent: it is of nothing then */

#endif
