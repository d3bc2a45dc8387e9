/* upload_queue: a ring that doubles up to its bound. Peers ask in runs and are answered in
 * order, so the front is where everything happens; CANCEL, which may hit the middle, is rare
 * and pays for the search. */
#include "swarm/upload_queue.h"

#include "base/err.h"
#include "codec/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16u /* a power of two, as every later capacity */

static struct upload_request *at(const struct upload_queue *q, uint32_t i) {
    return &q->ring[(q->head + i) & (q->cap - 1)];
}

void upload_queue_init(struct upload_queue *q) {
    *q = (struct upload_queue){0};
}

void upload_queue_fini(struct upload_queue *q) {
    free(q->ring);
    upload_queue_init(q);
}

static int grow(struct upload_queue *q) {
    uint32_t cap = q->cap ? q->cap * 2 : FIRST_CAP;
    struct upload_request *ring = malloc(cap * sizeof *ring);
    if (!ring)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < q->count; i++)
        ring[i] = *at(q, i);
    free(q->ring);
    q->ring = ring, q->cap = cap, q->head = 0;
    return 0;
}

int upload_queue_push(struct upload_queue *q, uint32_t piece, uint32_t begin,
                      uint32_t length, uint32_t piece_size) {
    if (!length || length > WIRE_MAX_REQUEST)
        return ERR_PROTOCOL;
    if (begin > piece_size || length > piece_size - begin)
        return ERR_PROTOCOL;
    if (q->count >= UPLOAD_QUEUE_MAX)
        return ERR_LIMIT;
    if (q->count == q->cap && grow(q) < 0)
        return ERR_NOMEM;
    q->count++;
    *at(q, q->count - 1) = (struct upload_request){piece, begin, length};
    q->bytes += length;
    return 0;
}

bool upload_queue_front(const struct upload_queue *q, uint32_t i,
                        struct upload_request *out) {
    if (i >= q->count)
        return false;
    *out = *at(q, i);
    return true;
}

void upload_queue_pop(struct upload_queue *q) {
    assert(q->count > 0);
    q->bytes -= at(q, 0)->length;
    q->head = (q->head + 1) & (q->cap - 1);
    q->count--;
}

static void remove_at(struct upload_queue *q, uint32_t i) {
    q->bytes -= at(q, i)->length;
    for (; i + 1 < q->count; i++)
        *at(q, i) = *at(q, i + 1);
    q->count--;
}

bool upload_queue_cancel(struct upload_queue *q, uint32_t piece, uint32_t begin,
                         uint32_t length) {
    for (uint32_t i = 0; i < q->count; i++) {
        const struct upload_request *u = at(q, i);
        if (u->piece == piece && u->begin == begin && u->length == length) {
            remove_at(q, i);
            return true;
        }
    }
    return false;
}

void upload_queue_clear(struct upload_queue *q) {
    q->head = q->count = 0;
    q->bytes = 0;
}

bool upload_queue_note_choked_request(struct upload_queue *q) {
    if (q->refused_while_choked <= UPLOAD_QUEUE_WHILE_CHOKED)
        q->refused_while_choked++;
    return q->refused_while_choked > UPLOAD_QUEUE_WHILE_CHOKED;
}

void upload_queue_note_choke(struct upload_queue *q) {
    q->refused_while_choked = 0;
}
