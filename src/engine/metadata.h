/* metadata: the info dictionary of a torrent that was named by a link, asked of several peers at
 * once (BEP 9); what the user wished in advance waits here, too. And the other way: handing the
 * dictionary out to others, whichever way it came.
 *
 *     link --> TORRENT_METADATA --[peers' extension handshakes]--> requests
 *                                 <-- data, hash matches: torrent_adopt; STATE/HASH.torrent
 *
 * Which piece of whom is proto/metadata_fetch's question. Here is one rule more: private torrents
 * (BEP 27) neither offer nor give it, for who has no .torrent has no business there. */
#ifndef MARE_METADATA_H
#define MARE_METADATA_H

#include "codec/magnet.h"
#include "engine/torrent.h"
#include "proto/metadata_fetch.h"

#define METADATA_MAX_FILE (32u << 20) /* STATE/HASH.torrent */
/* Times that one peer may ask for the whole: once is enough, but memory is short at times. */
#define METADATA_GENEROSITY 4u

struct metadata {
    struct torrent *torrent;
    struct metadata_fetch *fetch; /* NULL until it is started */
    struct timer timer;           /* asks whoever can be asked */
    struct magnet link;
    struct add_options options; /* with strings of its own */
};

int metadata_init(struct torrent *t, const struct add_options *o); /* 0 or ERR_NOMEM */
void metadata_free(struct torrent *t);
/* Takes the link over and leaves an empty one. */
void metadata_take_link(struct torrent *t, struct magnet *link);
const struct add_options *metadata_options(const struct torrent *t);
/* The torrent starts, or goes on after a pause. */
void metadata_start(struct torrent *t);
/* Pieces of it that have come, of how many (0 = nobody has told yet). */
uint32_t metadata_progress(const struct torrent *t, uint32_t *pieces);

/* An extension handshake came. A code closes the peer. */
int metadata_on_peer(struct peer *p);
void metadata_on_gone(struct peer *p);
/* A message of ut_metadata: theirs for us, or what they want of us. */
int metadata_on_message(struct peer *p, const uint8_t *data, size_t len);
/* Do we hand it out? */
bool metadata_is_offered(const struct torrent *t);

#endif
