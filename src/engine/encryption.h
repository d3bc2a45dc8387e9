/* encryption: how the engine uses Message Stream Encryption (proto/mse, io/mse_stream).
 *
 *     incoming   both are taken on one port: who begins with BitTorrent's own word speaks plain
 *     outgoing   under PREFER encrypted first, then plain: on a new connection, at once, and without
 *                counting as a failure. Where plain (or encrypted) went through before, that is
 *                tried first; so an address that only takes one of the two costs one connection
 *                more, once.
 *
 * Encrypted first is what libtorrent (`pe_enabled`) and Transmission (`preferred`) do: a peer that
 * insists on encryption, or a network that cuts what looks like BitTorrent, is met without a
 * failure. Of the two kinds of payload we choose the clear one wherever both sides allow it (so
 * does libtorrent by default): it goes the way of plain connections, without a pass over it.
 * Transmission chooses RC4: then a block is decrypted where it was received, in one pass.
 * Under REQUIRE the payload is RC4, too: who says require does not mean the first 100 bytes. */
#ifndef MARE_ENCRYPTION_H
#define MARE_ENCRYPTION_H

#include "engine/peer.h"
#include "io/mse_stream.h"

/* Wraps the stream on which p dials or was dialled, as the settings say. NULL: out of memory; then
 * `inner` is still the caller's. */
struct stream *encryption_dial(struct peer *p, struct stream *inner);
struct stream *encryption_accept(struct peer *p, struct stream *inner);
/* Which way p is to be dialled first. */
bool encryption_begins(const struct peer *p);
/* The connection failed before their handshake came: shall p be dialled the other way? Only once. */
bool encryption_try_other(struct peer *p);
/* Both handshakes are through: remembers what works. */
void encryption_note_works(struct peer *p);
/* Does the info-hash of their handshake fit the one that they proved to know? */
bool encryption_fits(const struct peer *p, const uint8_t info_hash[20]);

/* For people: "rc4"; "handshake": payload in the clear behind an encrypted beginning; NULL. */
const char *encryption_name(const struct peer *p);

#endif
