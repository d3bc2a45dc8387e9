/* active_pieces: the open pieces of one torrent, and where their buffers come from.
 *
 * A full-sized piece takes its buffer from the pool, the shorter last one is allocated apart
 * (charged to the same budget). The number of open pieces is bounded by the budget and by 1.5 x
 * the peers (selection.md), so that pieces get finished. */
#ifndef MARE_ACTIVE_PIECES_H
#define MARE_ACTIVE_PIECES_H

#include "swarm/active_piece.h"

struct active_pieces {
    struct buffer_pool pool;
    uint32_t piece_length;
    uint64_t size; /* of the torrent: gives the last piece's length */
    uint32_t pieces;
    struct link list; /* oldest first */
    uint32_t count;
    struct active_piece **by_index; /* sparse: NULL where not open */
};

int active_pieces_init(struct active_pieces *a, uint64_t size, uint32_t piece_length,
                       uint32_t pieces, uint32_t max_idle, struct budget *budget)
    MUST_USE;
void active_pieces_fini(struct active_pieces *a); /* frees what is open */

/* The open piece, or NULL. */
struct active_piece *active_pieces_get(const struct active_pieces *a, uint32_t index);
/* Opens a piece that is not open: NULL when the budget is spent or memory is out. */
struct active_piece *active_pieces_open(struct active_pieces *a, uint32_t index,
                                        usec now);
/* Closes one: buffer (if it still has it) back to the pool. */
void active_pieces_close(struct active_pieces *a, struct active_piece *p);
/* A buffer that was handed over stays away: it is the caller's, who frees it (free) and gives
 * back to the budget what it is charged with. */
void active_pieces_lose_buffer(struct active_pieces *a, uint32_t length);
/* A buffer that was handed over comes back (after the write). */
void active_pieces_give_buffer(struct active_pieces *a, uint8_t *buffer, uint32_t length);

#endif
