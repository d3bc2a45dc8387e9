/* metadata_fetch: the info dictionary of a magnet link, put together from many peers at
 * once (BEP 9). Without I/O: the caller hands in what peers say and what time it is, and
 * asks what to request of whom.
 *
 *     handshake with metadata_size  -> metadata_fetch_on_peer
 *     after anything happened       -> metadata_fetch_next_request, each peer, until false
 *     data, reject, closed          -> on_data, on_reject, on_gone
 *     timer at metadata_fetch_due   -> metadata_fetch_tick, then next_request again
 *
 * Nothing is known but the hash of the whole, so a piece can neither be checked by itself
 * nor can its size be believed. Hence:
 *
 * - One size is tried at a time. As long as nothing has arrived it is that which most
 *   peers name; afterwards it stays until its peers give nothing more.
 * - Memory for a piece is taken when it arrives, never for a claimed size (but for a
 *   table of 24 bytes per piece).
 * - Each piece remembers its sender. When the whole does not match its hash the senders
 *   are reported. If there was only one he lied: he is barred here, and the caller may
 *   ban him. If there were several, nobody is accused, and from then on one peer at a
 *   time is asked for everything, so that the next mismatch convicts. */
#ifndef MARE_METADATA_FETCH_H
#define MARE_METADATA_FETCH_H

#include "base/hash.h"
#include "base/slots.h"
#include "codec/ut_metadata.h"

#define METADATA_MAX_PEERS 200u
#define METADATA_PIPELINE 4u /* requests that one peer has at a time */
#define METADATA_COPIES 3u   /* peers that are asked for one piece at a time */
#define METADATA_TIMEOUT (8 * USEC_PER_SEC)
#define METADATA_QUIET \
    (30 * USEC_PER_SEC) /* pause after silence or a reject, times their
                                               number in a row */

struct metadata_fetch;

struct metadata_fetch *metadata_fetch_new(const uint8_t info_hash[SHA1_LEN]);
void metadata_fetch_free(struct metadata_fetch *f); /* NULL is fine */

/* A peer says that it has the metadata and how large it is. 0; ERR_LIMIT: a size that
 * cannot be, or too many peers: it is not asked; ERR_PROTOCOL: it has said another size
 * before, and is barred; ERR_NOMEM. */
int metadata_fetch_on_peer(struct metadata_fetch *f, handle peer, uint32_t size) MUST_USE;
void metadata_fetch_on_gone(struct metadata_fetch *f, handle peer);

/* True if a request is to be sent to this peer now; it counts as sent. */
bool metadata_fetch_next_request(struct metadata_fetch *f, handle peer, usec now,
                                 uint32_t *piece);

/* 1: complete and verified (metadata_fetch_take). 0: taken, or not needed any more.
 * ERR_NOTFOUND: was not asked for, ignored. ERR_PROTOCOL: wrong length or another size;
 * the peer is barred. ERR_HASH: complete, but not what the hash says: see suspects; all
 * starts over. ERR_NOMEM: not taken, the piece will be asked for again. */
int metadata_fetch_on_data(struct metadata_fetch *f, handle peer,
                           const struct ut_metadata *data, usec now) MUST_USE;
/* The peer has not got it, or has given enough: it is left in peace for a while. */
void metadata_fetch_on_reject(struct metadata_fetch *f, handle peer, uint32_t piece,
                              usec now);

/* Gives up requests that were not answered in time. */
void metadata_fetch_tick(struct metadata_fetch *f, usec now);
/* When to tick and to ask for requests again; USEC_NEVER when only a new peer can
 * help. */
usec metadata_fetch_due(const struct metadata_fetch *f);

/* Who sent what did not match, after ERR_HASH and until the next one. One alone is
 * guilty. They may be gone by now. */
const handle *metadata_fetch_suspects(const struct metadata_fetch *f, uint32_t *count);

bool metadata_fetch_done(const struct metadata_fetch *f);
/* The verified bytes, once: free() them. NULL if there are none (yet). */
uint8_t *metadata_fetch_take(struct metadata_fetch *f, size_t *len);
/* For display: pieces that have arrived, of how many (0 = size not known). */
uint32_t metadata_fetch_progress(const struct metadata_fetch *f, uint32_t *pieces);

#endif
