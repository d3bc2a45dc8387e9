/* wire: the messages between peers (BEP 3, 6, 5's PORT, 10), one row of one table each.
 *
 *     <length: u32> <id: u8> <body>          length counts id and body; 0 is a keep-alive
 *
 * Lengths are checked by the table before a body is read. Payload and bitfields are not decoded
 * here: the reader routes their bytes. */
#ifndef MARE_WIRE_H
#define MARE_WIRE_H

#include "base/base.h"

#define WIRE_BLOCK 16384u         /* what everybody asks for */
#define WIRE_MAX_REQUEST 131072u  /* most that we serve in one block (hazards.md) */
#define WIRE_MAX_MESSAGE 1048576u /* nothing longer is accepted */
#define WIRE_PIECE_HEADER 13u     /* length, id, index, begin */
#define WIRE_REQUEST_LEN 17u

enum wire_id {
    WIRE_CHOKE = 0,
    WIRE_UNCHOKE = 1,
    WIRE_INTERESTED = 2,
    WIRE_NOT_INTERESTED = 3,
    WIRE_HAVE = 4,
    WIRE_BITFIELD = 5,
    WIRE_REQUEST = 6,
    WIRE_PIECE = 7,
    WIRE_CANCEL = 8,
    WIRE_PORT = 9,          /* BEP 5 */
    WIRE_SUGGEST = 13,      /* BEP 6 */
    WIRE_HAVE_ALL = 14,     /* BEP 6 */
    WIRE_HAVE_NONE = 15,    /* BEP 6 */
    WIRE_REJECT = 16,       /* BEP 6 */
    WIRE_ALLOWED_FAST = 17, /* BEP 6 */
    WIRE_EXTENDED = 20,     /* BEP 10 */
    WIRE_KEEPALIVE = 256    /* no id on the wire */
};

/* A message of fixed form. Only the fields of its kind are set. */
struct wire_message {
    int id; /* enum wire_id */
    /* The piece: HAVE, REQUEST, PIECE, CANCEL, SUGGEST, REJECT, ALLOWED_FAST. */
    uint32_t index;
    uint32_t begin; /* REQUEST, PIECE, CANCEL, REJECT */
    /* REQUEST, CANCEL, REJECT: bytes of the block; PIECE: bytes of payload. */
    uint32_t length;
    uint16_t port; /* PORT */
};

/* Is a message of this id and body length (without the id byte) possible in a torrent of so
 * many pieces (0 = not known yet)? 0; ERR_PROTOCOL for a wrong length; ERR_LIMIT for one over
 * WIRE_MAX_MESSAGE. Unknown ids are fine up to the maximum: they are skipped. */
int wire_check(int id, uint32_t body_len, uint32_t pieces) MUST_USE;
/* How many bytes of the body a reader must have before wire_decode: all for fixed messages,
 * 8 for PIECE (the payload follows), 0 for BITFIELD, 1 for EXTENDED (its sub-id), 0 unknown. */
uint32_t wire_fixed_len(int id);
/* Decodes the fixed part. `body_len` is the whole body's length, already checked. */
void wire_decode(struct wire_message *m, int id, const uint8_t *body, uint32_t body_len);
const char *wire_name(int id); /* "HAVE"; "?" if unknown */

/* Encoders write at out and return the length. */

/* Any message of fixed form, at most 17 bytes; of a PIECE only its 13-byte header. */
size_t wire_put(uint8_t *out, const struct wire_message *m);
/* CHOKE .. NOT_INTERESTED, HAVE_ALL, HAVE_NONE. */
size_t wire_put_simple(uint8_t out[5], enum wire_id id);
/* The header of a BITFIELD, an EXTENDED: their bodies follow. */
size_t wire_put_header(uint8_t out[5], enum wire_id id, uint32_t body_len);

/* BEP 6: the k pieces that a peer at this IPv4 address may ask while choked. Returns how many
 * were written (fewer if the torrent is small; 0 for IPv6). */
uint32_t wire_allowed_fast(uint32_t *out, uint32_t k, const uint8_t ip4[4],
                           const uint8_t info_hash[20], uint32_t pieces);

#endif
