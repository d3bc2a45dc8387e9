/* active_piece: one piece while its blocks arrive.
 *
 *     buffer  [ block 0 | block 1 | block 2 | ... ]   one contiguous buffer from the pool
 *     state     received   asked    free
 *
 * A block is free, asked or received. Its bytes land at their final place: the reader asks for
 * the place (`active_piece_place`), lets the kernel write there and notes the arrival. While one
 * peer's bytes are landing in a block nobody else's may (`landing`): a second copy of the block
 * waits elsewhere and is added with active_piece_add_block. Who delivered each block is kept
 * for blame. When all blocks are there the same memory is handed to the hash job. */
#ifndef MARE_ACTIVE_PIECE_H
#define MARE_ACTIVE_PIECE_H

#include "base/buffer_pool.h"
#include "base/chunked_buffer.h"
#include "base/hash_lanes.h"
#include "base/list.h"
#include "base/slots.h"
#include "codec/wire.h"

enum block_state { BLOCK_FREE, BLOCK_ASKED, BLOCK_RECEIVED };

struct block {
    uint8_t state;
    uint8_t askers; /* peers that it is asked of (end game: up to 3) */
    /* Some peer's bytes are being received into its place. Whoever sets it clears it again; an
     * arrival clears it too: a copy that was still landing has lost and must go elsewhere. */
    bool landing;
    bool returned; /* was asked and given back: somebody may still send it */
    handle from;   /* who delivered it */
    /* asked: when whoever was asked last should have answered, and when it is late */
    usec due_at, late_at;
};

struct active_piece {
    struct link link; /* in active_pieces */
    uint32_t index, length;
    uint32_t blocks;               /* how many */
    uint32_t free_count, received; /* blocks in those states */
    uint32_t buffered;             /* bytes received */
    uint32_t first_free;           /* the first free block; `blocks` when there is none */
    uint8_t *buffer;               /* `length` bytes; NULL once handed over */
    bool pooled;                   /* the buffer goes back to the pool */
    handle only;     /* if set, only this peer is asked (parole, fast peers) */
    bool parole;     /* `only` is on parole: nobody may help it out */
    uint32_t prefix; /* blocks received without a gap from the first one on */
    bool held;       /* a worker reads the buffer (hashing ahead): it may not be closed */
    uint32_t hashed; /* bytes of the prefix that are in `stream` already */
    struct hash_stream stream;
    usec opened_at, last_block_at;
    struct block block[];
};

/* `buffer` stays owned by whoever made the piece (active_pieces). */
struct active_piece *active_piece_new(uint32_t index, uint32_t length, uint8_t *buffer);
void active_piece_free(struct active_piece *p); /* not the buffer */

/* The last one is shorter. */
uint32_t active_piece_block_len(const struct active_piece *p, uint32_t block);
/* The number of the block at `begin` if (begin, len) is exactly a block of ours; else -1. */
int64_t active_piece_block_at(const struct active_piece *p, uint32_t begin, uint32_t len);
uint8_t *active_piece_place(struct active_piece *p, uint32_t block);

void active_piece_note_asked(struct active_piece *p, uint32_t block);
/* One asker fewer (rejected, cancelled, peer gone); free again when it was the last. Harmless on a
 * received block. */
void active_piece_note_unasked(struct active_piece *p, uint32_t block);
/* The block's bytes are in place. 1, or 0 if it was received before (a duplicate). */
int active_piece_note_received(struct active_piece *p, uint32_t block, handle from,
                               usec now);
/* Copies a block in: 1 added; 0 duplicate, nothing written; ERR_INVALID not a block of ours. */
int active_piece_add_block(struct active_piece *p, uint32_t begin, const uint8_t *data,
                           uint32_t len, handle from, usec now);
/* The same from the front of a chunked buffer, which it consumes by `len` when it returns >= 0;
 * ERR_AGAIN when fewer than len bytes are there. */
int active_piece_add_block_from_chunked(struct active_piece *p, uint32_t begin,
                                        uint32_t len, struct chunked_buffer *in,
                                        handle from, usec now);
static inline bool active_piece_has_all(const struct active_piece *p) {
    return p->received == p->blocks;
}
/* Hands the assembled buffer over (the same memory, no copy); p->buffer is NULL then. Only when
 * all blocks are there; else NULL. */
uint8_t *active_piece_take_buffer(struct active_piece *p);
/* After a failed hash: everything free again, into `buffer` (the old one, given back). */
void active_piece_reset(struct active_piece *p, uint8_t *buffer);

#endif
