/* add: how a torrent comes to be in a session: by a .torrent's bytes, or by a link that says no
 * more than its info-hash and where to ask; and what it is given when its info dictionary is
 * known: memory for its pieces, its resume state, the wanted files, storage.
 *
 *     torrent_add        known -----------------------------> content, check
 *     torrent_add_link   known (state directory) -----------> content, check
 *                    \-> not known: state METADATA, peers ... torrent_adopt -> content, check */
#ifndef MARE_ADD_H
#define MARE_ADD_H

#include "engine/torrent.h"

/* The info dictionary is known: `data` is a whole .torrent of this very info-hash. The torrent
 * leaves TORRENT_METADATA; on failure it stays there, with nothing changed. */
int torrent_adopt(struct torrent *t, const uint8_t *data, size_t len, struct err *e)
    MUST_USE;
/* Frees what torrent_adopt gives. For torrent_bury. */
void content_free(struct torrent *t);

#endif
