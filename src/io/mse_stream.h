/* mse_stream: a stream that speaks Message Stream Encryption over another one (proto/mse).
 *
 *     owner --plain--> [ encrypt into a buffer ] --> inner stream
 *     owner <--plain-- [ decrypt in place, where readv has put the bytes ] <-- inner stream
 *
 * So a block that comes encrypted still lands at its final place: decryption is its one pass, and no
 * copy (payload_copied does not count it). What goes out is copied once, to be encrypted. The
 * handshake is done in here; the owner hears on_open when it is through (or how it failed). When the
 * two sides agree on plain payload the filter only passes calls on. */
#ifndef MARE_MSE_STREAM_H
#define MARE_MSE_STREAM_H

#include "io/stream.h"
#include "proto/mse.h"

/* Where plain may be tried instead (MSE_PREFER), who says nothing for so long after the connection
 * stands does not understand us: on_open tells ERR_TIMEOUT. An answer takes one round trip and one
 * computation; this leaves time for a packet that is lost twice (sent again after 1 s and 2 s).
 * libtorrent waits 10 s for the handshake as a whole, and dials again. */
#define MSE_ANSWER_WITHIN (5 * USEC_PER_SEC)

/* Both take `inner` over (it is closed with the new stream); NULL when out of memory, then it is still
 * the caller's. Set hooks and owner of the result before the next step.
 *
 * Outgoing: `inner` may still be connecting. `initial` (the BitTorrent handshake) rides along with
 * the encryption handshake; it must not be sent again. */
struct stream *mse_stream_dial(struct loop *l, struct stream *inner,
                               const struct mse_options *options,
                               const uint8_t info_hash[20], struct span initial);
/* Incoming: `inner` is open; tells plain BitTorrent from encrypted by itself. `find` names our torrent. */
struct stream *mse_stream_accept(struct loop *l, struct stream *inner,
                                 const struct mse_options *options,
                                 const struct mse_hooks *find, void *find_owner);

bool mse_stream_connected(const struct stream *s); /* the inner one stands */
/* After on_open: how it turned out. */
bool mse_stream_encrypted(const struct stream *s); /* the payload is */
/* The info-hash that an encrypted handshake named; NULL if it was plain. */
const uint8_t *mse_stream_info_hash(const struct stream *s);

#endif
