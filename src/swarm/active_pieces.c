/* active_pieces: see the header. A buffer leaves the pool when its piece is opened and comes
 * back by one of two ways: with the piece (active_pieces_close), or alone, when a job that had
 * taken it is done with it (active_pieces_give_buffer). Its length tells where it belongs. */
#include "swarm/active_pieces.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

int active_pieces_init(struct active_pieces *a, uint64_t size, uint32_t piece_length,
                       uint32_t pieces, uint32_t max_idle, struct budget *budget) {
    *a = (struct active_pieces){
        .piece_length = piece_length, .size = size, .pieces = pieces};
    list_init(&a->list);
    a->by_index = calloc(MAX(pieces, 1u), sizeof(struct active_piece *));
    if (!a->by_index)
        return ERR_NOMEM;
    int err = buffer_pool_init(&a->pool, piece_length, max_idle, budget);
    if (err < 0) {
        free(a->by_index);
        a->by_index = NULL;
    }
    return err;
}

void active_pieces_fini(struct active_pieces *a) {
    if (!a->by_index)
        return;
    while (!list_empty(&a->list))
        active_pieces_close(a, LIST_ITEM(a->list.next, struct active_piece, link));
    buffer_pool_fini(&a->pool);
    free(a->by_index);
    a->by_index = NULL;
}

struct active_piece *active_pieces_get(const struct active_pieces *a, uint32_t index) {
    return index < a->pieces ? a->by_index[index] : NULL;
}

static uint32_t length_of(const struct active_pieces *a, uint32_t index) {
    uint64_t left = a->size - (uint64_t)index * a->piece_length;
    return (uint32_t)MIN(left, (uint64_t)a->piece_length);
}

/* Idle buffers are charged too: they go before the budget counts as spent. */
static bool charge(struct active_pieces *a, uint32_t length) {
    if (!a->pool.budget || budget_take(a->pool.budget, length))
        return true;
    buffer_pool_clear(&a->pool);
    return budget_take(a->pool.budget, length);
}

/* The shorter last piece does not fit the pool, but the same budget pays for it. */
static uint8_t *acquire_apart(struct active_pieces *a, uint32_t length) {
    if (!charge(a, length))
        return NULL;
    uint8_t *buffer = malloc(length);
    if (!buffer && a->pool.budget)
        budget_give(a->pool.budget, length);
    return buffer;
}

static void release_apart(struct active_pieces *a, uint8_t *buffer, uint32_t length) {
    free(buffer);
    if (a->pool.budget)
        budget_give(a->pool.budget, length);
}

static uint8_t *acquire(struct active_pieces *a, uint32_t length) {
    return length == a->piece_length ? buffer_pool_acquire(&a->pool)
                                     : acquire_apart(a, length);
}

void active_pieces_give_buffer(struct active_pieces *a, uint8_t *buffer,
                               uint32_t length) {
    if (length == a->piece_length)
        (void)buffer_pool_release(&a->pool, buffer, length);
    else
        release_apart(a, buffer, length);
}

void active_pieces_lose_buffer(struct active_pieces *a, uint32_t length) {
    if (length == a->piece_length)
        buffer_pool_lose(&a->pool);
}

struct active_piece *active_pieces_open(struct active_pieces *a, uint32_t index,
                                        usec now) {
    assert(index < a->pieces && !a->by_index[index]);
    uint32_t length = length_of(a, index);
    uint8_t *buffer = acquire(a, length);
    if (!buffer)
        return NULL;
    struct active_piece *p = active_piece_new(index, length, buffer);
    if (!p) {
        active_pieces_give_buffer(a, buffer, length);
        return NULL;
    }
    p->pooled = length == a->piece_length;
    p->opened_at = now;
    list_append(&a->list, &p->link);
    a->by_index[index] = p;
    a->count++;
    return p;
}

void active_pieces_close(struct active_pieces *a, struct active_piece *p) {
    assert(a->by_index[p->index] == p);
    if (p->buffer)
        active_pieces_give_buffer(a, p->buffer, p->length);
    list_remove(&p->link);
    a->by_index[p->index] = NULL;
    a->count--;
    active_piece_free(p);
}
