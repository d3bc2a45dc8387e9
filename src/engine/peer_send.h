/* peer_send: bytes out. Control messages collect in a small buffer; blocks leave in flights:
 *
 *     sendmsg: [control] [13-byte header][block][header][block] ...   one system call
 *
 * A flight's blocks lie in one buffer of the session's upload pool, each block page-aligned enough
 * and its header apart from it: a block right behind its header in one buffer is what makes copies
 * slow (design.md, Data path, upload). A peer with nothing to send holds neither. Once a flight has begun to
 * leave, control messages wait behind it, for a message cannot be cut in two. So a flight is as large
 * as the socket takes at once: the next is twice as large after one that left whole, half after
 * one that did not. */
#ifndef MARE_PEER_SEND_H
#define MARE_PEER_SEND_H

#include <sys/uio.h>

#include "base/bytes.h"
#include "codec/wire.h"

#define FLIGHT_LEAST 4 /* blocks */
#define FLIGHT_BLOCKS 16
#define FLIGHT_BYTES \
    (FLIGHT_BLOCKS * WIRE_BLOCK)    /* 256 KiB: also holds one block of 128 KiB */
#define SEND_MAX_CONTROL (1u << 20) /* a peer that does not read what we say is dropped */

struct peer;

struct flight {
    struct iovec iov[2 * FLIGHT_BLOCKS]; /* header, block, header, block ... */
    int iovs, at; /* all, and the first that is not completely sent */
    bool begun;   /* some of it has left */
    uint8_t header[FLIGHT_BLOCKS][WIRE_PIECE_HEADER];
    struct wire_message block[FLIGHT_BLOCKS];
    uint32_t blocks;
    uint8_t *buffer; /* of session->upload_pool */
};

struct peer_send {
    struct text control;
    size_t control_sent;   /* bytes of it that have left */
    struct flight *flight; /* NULL when no block is leaving */
    uint32_t most;         /* blocks in the next flight */
    bool reading;          /* a worker reads the flight's blocks: do not send it yet */
    bool blocked;          /* the socket took no more: wait for writable */
};

void peer_send_init(struct peer_send *s);
void peer_send_fini(struct peer *p);
/* Queues a control message and puts the peer on the dirty list. */
void peer_say(struct peer *p, const struct wire_message *m);
void peer_say_simple(struct peer *p, enum wire_id id);
void peer_say_raw(struct peer *p, const void *data, size_t len);
void peer_say_extended(struct peer *p, uint8_t ext_id, const void *data, size_t len);
bool peer_has_output(const struct peer *p);
/* Writes what the socket takes. Session step only. */
void peer_flush(struct peer *p);
void flight_free(struct peer *p, struct flight *f);

#endif
