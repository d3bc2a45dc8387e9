/* active_piece: see the header for what it is. Here, the bookkeeping in one picture:
 *
 *              note_asked                note_received
 *     FREE  ---------------->  ASKED  ------------------>  RECEIVED
 *       ^   <----------------    |  note_asked: askers + 1     |
 *       |    note_unasked,       +--+                          |
 *       |    the last asker                                    |
 *       +------------------------- reset ----------------------+
 *
 * A block that nobody was asked for (given up, then delivered after all) goes straight from
 * FREE to RECEIVED. `first_free` is exact, so the next block to ask costs no search. */
#include "swarm/active_piece.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static uint32_t count_blocks(uint32_t length) {
    return length / WIRE_BLOCK + (length % WIRE_BLOCK != 0);
}

struct active_piece *active_piece_new(uint32_t index, uint32_t length, uint8_t *buffer) {
    uint32_t blocks = count_blocks(length);
    struct active_piece *p = malloc(sizeof *p + blocks * sizeof p->block[0]);

    assert(length > 0);
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    list_init(&p->link);
    p->index = index;
    p->length = length;
    p->blocks = blocks;
    active_piece_reset(p, buffer);
    return p;
}

void active_piece_free(struct active_piece *p) {
    free(p);
}

uint32_t active_piece_block_len(const struct active_piece *p, uint32_t block) {
    assert(block < p->blocks);
    return MIN(WIRE_BLOCK, p->length - block * WIRE_BLOCK);
}

int64_t active_piece_block_at(const struct active_piece *p, uint32_t begin,
                              uint32_t len) {
    if (begin % WIRE_BLOCK || begin >= p->length)
        return -1;
    uint32_t block = begin / WIRE_BLOCK;
    return len == active_piece_block_len(p, block) ? (int64_t)block : -1;
}

uint8_t *active_piece_place(struct active_piece *p, uint32_t block) {
    assert(p->buffer && block < p->blocks);
    return p->buffer + (size_t)block * WIRE_BLOCK;
}

static void leave_free(struct active_piece *p) {
    p->free_count--;
    while (p->first_free < p->blocks && p->block[p->first_free].state != BLOCK_FREE)
        p->first_free++;
}

void active_piece_note_asked(struct active_piece *p, uint32_t block) {
    struct block *b = &p->block[block];

    assert(block < p->blocks && b->state != BLOCK_RECEIVED && b->askers < UINT8_MAX);
    b->askers++;
    if (b->state == BLOCK_ASKED)
        return;
    b->state = BLOCK_ASKED;
    leave_free(p);
}

void active_piece_note_unasked(struct active_piece *p, uint32_t block) {
    struct block *b = &p->block[block];

    assert(block < p->blocks);
    if (b->state != BLOCK_ASKED)
        return;
    b->returned = true;
    if (--b->askers)
        return;
    b->state = BLOCK_FREE;
    p->free_count++;
    p->first_free = MIN(p->first_free, block);
}

int active_piece_note_received(struct active_piece *p, uint32_t block, handle from,
                               usec now) {
    struct block *b = &p->block[block];

    assert(block < p->blocks);
    if (b->state == BLOCK_RECEIVED)
        return 0;
    bool was_free = b->state == BLOCK_FREE;
    *b = (struct block){.state = BLOCK_RECEIVED, .from = from};
    if (was_free)
        leave_free(p);
    p->received++;
    p->buffered += active_piece_block_len(p, block);
    p->last_block_at = now;
    while (p->prefix < p->blocks && p->block[p->prefix].state == BLOCK_RECEIVED)
        p->prefix++;
    return 1;
}

int active_piece_add_block(struct active_piece *p, uint32_t begin, const uint8_t *data,
                           uint32_t len, handle from, usec now) {
    int64_t at = active_piece_block_at(p, begin, len);
    if (at < 0)
        return ERR_INVALID;
    uint32_t block = (uint32_t)at;
    if (p->block[block].state == BLOCK_RECEIVED)
        return 0;
    memcpy(active_piece_place(p, block), data, len);
    return active_piece_note_received(p, block, from, now);
}

int active_piece_add_block_from_chunked(struct active_piece *p, uint32_t begin,
                                        uint32_t len, struct chunked_buffer *in,
                                        handle from, usec now) {
    int64_t at = active_piece_block_at(p, begin, len);
    if (at < 0)
        return ERR_INVALID;
    if (chunked_buffer_length(in) < len)
        return ERR_AGAIN;
    uint32_t block = (uint32_t)at;
    if (p->block[block].state == BLOCK_RECEIVED) {
        (void)chunked_buffer_discard(in, len);
        return 0;
    }
    (void)chunked_buffer_consume(in, active_piece_place(p, block), len);
    return active_piece_note_received(p, block, from, now);
}

uint8_t *active_piece_take_buffer(struct active_piece *p) {
    uint8_t *buffer = p->buffer;
    if (!active_piece_has_all(p))
        return NULL;
    p->buffer = NULL;
    return buffer;
}

void active_piece_reset(struct active_piece *p, uint8_t *buffer) {
    memset(p->block, 0, p->blocks * sizeof p->block[0]);
    p->free_count = p->blocks;
    p->received = p->buffered = p->first_free = 0;
    p->only = 0;
    p->parole = false;
    p->buffer = buffer;
}
