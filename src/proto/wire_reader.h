/* wire_reader: the bytes of one connection, on their way in: handshake, then messages,
 * with payload going to its final place. It does no I/O: it says where the next bytes
 * should be put (plan), its owner reads them there, and tells how many came (commit).
 *
 *   plan:   [rest of the block in flight -> its place]
 *           [13-byte header][place of the next requested block]   x n, as predicted
 *           [scratch]
 *
 *   commit: bytes of the block in flight are simply there; each predicted header is
 *           compared with what came. Equal: the block is in place, nothing was copied.
 *           Different: everything from there on is moved out of the way into a chunk and
 *           parsed like any other bytes.
 *
 * Prediction knows the order of our own outstanding requests; how far it is trusted is
 * another file's question (prediction). While it rests a read ends with the next header,
 * whose block is placed by the following read: one call a block, but no copy either. In
 * chunked mode there is only the scratch: every payload byte is copied once to its place.
 * That is the reference path, and the way of packet transports.
 *
 * Between reads a connection keeps only a partial message, never the scratch. Messages
 * are checked for length before their body (codec/wire). */
#ifndef MARE_WIRE_READER_H
#define MARE_WIRE_READER_H

#include <sys/uio.h>

#include "base/chunked_buffer.h"
#include "codec/wire.h"
#include "proto/handshake.h"
#include "proto/prediction.h"

#define WIRE_SLOTS 32 /* predicted blocks in one read at most */
#define WIRE_IOV (2 * WIRE_SLOTS + 2)

/* A block that is expected next, and where it goes. Anything may land there until
 * commit ends, if the guess is wrong: no place is another slot's, or that of the block
 * in flight, or holds bytes that somebody needs. The length is not 0. */
struct wire_slot {
    uint32_t index, begin, length;
    uint8_t *place;
};

/* All return 0 or a negative code that ends the connection: the reader stops at once
 * and forgets what it kept; only divert and fini may follow. */
struct wire_hooks {
    int (*on_handshake)(void *owner, const struct handshake *h);
    /* Any but PIECE and those below. Of an unknown one only the id is set, its body is
     * skipped. */
    int (*on_message)(void *owner, const struct wire_message *m);
    /* BITFIELD or EXTENDED: its whole body (len bytes) is at the front of `body`; the
     * hook need not consume it. For EXTENDED the first byte is the sub-id. */
    int (*on_body)(void *owner, int id, struct chunked_buffer *body, uint32_t len);
    /* A PIECE header came (m->index, begin, length of payload). Where does the payload
     * go? NULL = nobody wants it: it is drained. The place stays valid until on_block
     * or divert. */
    uint8_t *(*on_piece)(void *owner, const struct wire_message *m);
    /* All of that payload has come; place as on_piece gave it. */
    int (*on_block)(void *owner, const struct wire_message *m, uint8_t *place);
    /* Fills in what is expected next, in order; returns how many. May be NULL. */
    uint32_t (*predict)(void *owner, struct wire_slot *slots, uint32_t max);
};

struct wire_reader {
    const struct wire_hooks *hooks;
    void *owner;
    bool scatter;              /* else chunked */
    bool greeted;              /* the handshake is behind us */
    uint32_t pieces;           /* of the torrent; 0 = not known: bounds message lengths */
    struct chunked_buffer in;  /* what was received and not parsed */
    struct wire_message block; /* the PIECE in flight; valid when in_block */
    bool in_block;
    uint8_t *place; /* its place, NULL = drain */
    uint32_t got;   /* payload bytes of it that have come */
    uint32_t skip;  /* bytes of an unknown message still to be dropped */
    struct prediction prediction;
    uint8_t *expected; /* place of the block that would be predicted; while resting */
    uint32_t crumbs;   /* reads since the kept bytes were last in one chunk */
    /* counted for the owner to collect; payload that is moved away and then copied to its
     * place counts twice in payload_copied */
    uint64_t payload_received, payload_copied, slots_predicted, slots_missed;
};

/* The layout of one read; lives on the stack between plan and commit. */
struct wire_plan {
    struct iovec iov[WIRE_IOV];
    int iovs;
    struct wire_slot slot[WIRE_SLOTS];
    uint8_t header[WIRE_SLOTS][WIRE_PIECE_HEADER];
    uint32_t slots;
    uint32_t had;   /* bytes of the first header that came earlier */
    bool in_flight; /* the first iovec is the rest of the block in flight */
    uint8_t *scratch;
    size_t scratch_len;
    uint8_t *moved; /* what went out of the way, until commit ends */
};

void wire_reader_init(struct wire_reader *r, const struct wire_hooks *hooks, void *owner,
                      bool scatter);
void wire_reader_fini(struct wire_reader *r);

/* Lays out the next read of at most `limit` bytes (rate limits), with `scratch` at its
 * end. Always at least one byte. */
void wire_reader_plan(struct wire_reader *r, struct wire_plan *plan, uint8_t *scratch,
                      size_t scratch_len, size_t limit);
/* `n` bytes came as planned: calls hooks for all that is complete, keeps the rest. 0;
 * the code of a hook; ERR_PROTOCOL / ERR_LIMIT for a bad message; ERR_NOMEM. Scratch
 * is free after it. */
int wire_reader_commit(struct wire_reader *r, struct wire_plan *plan, size_t n) MUST_USE;
/* The same for bytes that come as packets. They are the caller's again after it: what
 * is left of a partial message is copied. */
int wire_reader_push(struct wire_reader *r, const uint8_t *data, size_t len) MUST_USE;
/* The block in flight is not wanted any more, or its place is gone: the rest of it is
 * drained. */
void wire_reader_divert(struct wire_reader *r);

#endif
