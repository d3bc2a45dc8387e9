/* buffer_pool: piece buffers of one size, used over and over.
 *
 * A fresh megabyte costs a page fault every four kilobytes; a used one is warm. The pool
 * keeps up to `max_idle` buffers between uses; surplus ones are freed at release. What is
 * handed out plus what lies idle is charged to a budget shared by all pools of a session. */
#ifndef MARE_BUFFER_POOL_H
#define MARE_BUFFER_POOL_H

#include "base/base.h"

/* Bytes of bulk memory that a session may use at once (design.md, `memory`). */
struct budget {
    size_t limit, used;
};
/* False when it would exceed the limit; then nothing is taken. */
bool budget_take(struct budget *b, size_t bytes);
void budget_give(struct budget *b, size_t bytes);

struct buffer_pool {
    size_t buffer_size;
    uint32_t max_idle; /* buffers kept for reuse */
    uint32_t idle, in_use;
    struct idle_buffer *top; /* the idle ones, last released first (warmest) */
    struct budget *budget;
    uint64_t created, reused; /* statistics */
};

/* `budget` may be NULL (unbounded). 0 or ERR_INVALID (size 0). Buffers are aligned
 * to the page size. */
int buffer_pool_init(struct buffer_pool *p, size_t buffer_size, uint32_t max_idle,
                     struct budget *budget) MUST_USE;
void buffer_pool_fini(struct buffer_pool *p); /* nothing may be in use */
/* NULL when the budget is spent or memory is out; contents are undefined. */
uint8_t *buffer_pool_acquire(struct buffer_pool *p) MUST_USE;
/* `size` must be the pool's (else ERR_INVALID and the buffer stays the caller's). Keeps the
 * buffer if fewer than max_idle lie idle, frees it otherwise. */
int buffer_pool_release(struct buffer_pool *p, uint8_t *buffer, size_t size);
/* A buffer in use is somebody else's from now on, who frees it and gives its size back to the
 * budget. */
void buffer_pool_lose(struct buffer_pool *p);
void buffer_pool_clear(struct buffer_pool *p); /* frees the idle ones */

#endif
