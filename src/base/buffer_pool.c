/* buffer_pool: a stack of idle buffers. The last one released is the next one handed out,
 * because its pages are the likeliest to be in the cache.
 *
 *     acquire <-- [ warm | ... | cold ] <-- release        full: free    empty: allocate
 *
 * Reuse would hide a buffer that is touched after its release from AddressSanitizer, so idle
 * buffers are poisoned where it runs. */
#include "base/buffer_pool.h"

#include "base/err.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

bool budget_take(struct budget *b, size_t bytes) {
    if (b->used > b->limit ||
        bytes > b->limit - b->used) /* the limit may have been lowered */
        return false;
    b->used += bytes;
    return true;
}

void budget_give(struct budget *b, size_t bytes) {
    assert(bytes <= b->used);
    b->used -= bytes;
}

/* Lies in the first bytes of an idle buffer: the pool of a torrent at rest takes no memory. */
struct idle_buffer {
    struct idle_buffer *below;
};

int buffer_pool_init(struct buffer_pool *p, size_t buffer_size, uint32_t max_idle,
                     struct budget *budget) {
    *p = (struct buffer_pool){
        .buffer_size = buffer_size, .max_idle = max_idle, .budget = budget};
    return buffer_size ? 0 : ERR_INVALID;
}

void buffer_pool_fini(struct buffer_pool *p) {
    assert(!p->in_use);
    buffer_pool_clear(p);
    *p = (struct buffer_pool){0};
}

static uint8_t *new_buffer(struct buffer_pool *p) {
    void *buffer;
    if (p->budget && !budget_take(p->budget, p->buffer_size))
        return NULL;
    size_t size = MAX(p->buffer_size, sizeof(struct idle_buffer));
    if (!posix_memalign(&buffer, (size_t)sysconf(_SC_PAGESIZE), size))
        return buffer;
    if (p->budget)
        budget_give(p->budget, p->buffer_size);
    return NULL;
}

static void free_buffer(struct buffer_pool *p, uint8_t *buffer) {
    free(buffer);
    if (p->budget)
        budget_give(p->budget, p->buffer_size);
}

static uint8_t *pop(struct buffer_pool *p) {
    struct idle_buffer *top = p->top;
    ASAN_UNPOISON_MEMORY_REGION(top, p->buffer_size);
    p->top = top->below;
    p->idle--;
    return (uint8_t *)top;
}

static void push(struct buffer_pool *p, uint8_t *buffer) {
    struct idle_buffer *top = (void *)buffer;
    top->below = p->top;
    p->top = top;
    p->idle++;
    ASAN_POISON_MEMORY_REGION(buffer, p->buffer_size);
}

uint8_t *buffer_pool_acquire(struct buffer_pool *p) {
    bool reuse = p->idle > 0;
    uint8_t *buffer = reuse ? pop(p) : new_buffer(p);
    if (!buffer)
        return NULL;
    p->in_use++;
    if (reuse)
        p->reused++;
    else
        p->created++;
    return buffer;
}

int buffer_pool_release(struct buffer_pool *p, uint8_t *buffer, size_t size) {
    if (!buffer || size != p->buffer_size)
        return ERR_INVALID;
    assert(p->in_use);
    p->in_use--;
    if (p->idle < p->max_idle)
        push(p, buffer);
    else
        free_buffer(p, buffer);
    return 0;
}

void buffer_pool_lose(struct buffer_pool *p) {
    assert(p->in_use);
    p->in_use--;
}

void buffer_pool_clear(struct buffer_pool *p) {
    while (p->idle)
        free_buffer(p, pop(p));
}
