/* ut_metadata: the messages by which peers hand on the info dictionary (BEP 9).
 *
 *     d 8:msg_type i0e 5:piece i0e e                              request
 *     d 8:msg_type i1e 5:piece i0e 10:total_size i31235e e <16 KiB>   data
 *     d 8:msg_type i2e 5:piece i0e e                              reject
 *
 * The payload of a data message follows the dictionary and is a view into the caller's
 * bytes. A "piece" here is 16 KiB of the info dictionary, not of the torrent. */
#ifndef MARE_UT_METADATA_H
#define MARE_UT_METADATA_H

#include "base/bytes.h"
#include "base/err.h"

#define METADATA_PIECE 16384u
#define METADATA_MAX_MESSAGE (METADATA_PIECE + 1024u) /* a dictionary has some 50 bytes */

enum ut_metadata_type {
    METADATA_REQUEST,
    METADATA_DATA,
    METADATA_REJECT,
};

struct ut_metadata {
    enum ut_metadata_type type;
    uint32_t piece;
    uint32_t total_size; /* DATA: as the sender says; 0 = not given */
    struct span payload; /* DATA: 1 to 16384 bytes */
};

/* The message without its headers. 0; ERR_UNSUPPORTED for a type of the future, to be
 * ignored (BEP 9); ERR_FORMAT, ERR_LIMIT or ERR_NOMEM. */
int ut_metadata_decode(struct ut_metadata *m, const uint8_t *data, size_t len) MUST_USE;
/* Writes the dictionary, and of a data message the payload behind it. */
void ut_metadata_encode(struct text *out, const struct ut_metadata *m);

/* How many pieces an info dictionary of this size has, and how long one of them is. */
static inline uint32_t metadata_pieces(uint32_t size) {
    return size / METADATA_PIECE + (size % METADATA_PIECE != 0);
}
static inline uint32_t metadata_piece_len(uint32_t size, uint32_t piece) {
    return MIN(size - piece * METADATA_PIECE, METADATA_PIECE);
}

#endif
