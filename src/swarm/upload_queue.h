/* upload_queue: what a peer asked of us and has not got yet, bounded (hazards.md): at most 2,000
 * requests and 128 KiB a request; more than 300 while choked ends the connection;
 * an allowed-fast piece is given at most three times over. First in, first out. */
#ifndef MARE_UPLOAD_QUEUE_H
#define MARE_UPLOAD_QUEUE_H

#include "base/base.h"

#define UPLOAD_QUEUE_MAX 2000u
#define UPLOAD_QUEUE_WHILE_CHOKED 300u

struct upload_request {
    uint32_t piece, begin, length;
};

struct upload_queue {
    struct upload_request *ring;
    uint32_t cap, head, count;
    uint64_t bytes;                /* sum of lengths */
    uint32_t refused_while_choked; /* since the last choke */
};

void upload_queue_init(struct upload_queue *q);
void upload_queue_fini(struct upload_queue *q);
/* Checks (piece, begin, length) against the piece's size by subtraction. 0; ERR_PROTOCOL out of
 * bounds, empty or over WIRE_MAX_REQUEST (disconnect); ERR_LIMIT queue full (reject or drop it); ERR_NOMEM. */
int upload_queue_push(struct upload_queue *q, uint32_t piece, uint32_t begin,
                      uint32_t length, uint32_t piece_size) MUST_USE;
/* The i-th oldest, without taking it; false beyond the end. */
bool upload_queue_front(const struct upload_queue *q, uint32_t i,
                        struct upload_request *out);
void upload_queue_pop(struct upload_queue *q);
/* Takes that very request out; false if it is not queued (any more). */
bool upload_queue_cancel(struct upload_queue *q, uint32_t piece, uint32_t begin,
                         uint32_t length);
void upload_queue_clear(struct upload_queue *q);
/* One more request came while choked: true when it is one too many. */
bool upload_queue_note_choked_request(struct upload_queue *q);
void upload_queue_note_choke(struct upload_queue *q); /* we choke: counts anew */

#endif
