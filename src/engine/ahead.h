/* ahead: the beginning of a large piece is hashed while its end is still coming.
 *
 * A piece of 16 MiB takes some ten milliseconds to hash: when its last block arrives, most of
 * that is done. The beginnings of several open pieces go through one loop (base/hash_lanes). */
#ifndef MARE_AHEAD_H
#define MARE_AHEAD_H

#include "engine/torrent.h"

/* A block came, and the piece is not complete. */
void ahead_on_block(struct torrent *t, struct active_piece *p);

#endif
