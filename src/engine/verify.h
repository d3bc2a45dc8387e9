/* verify: pieces that lie on disk already are hashed by workers, HASH_LANES of them in a batch.
 *
 * A session runs a few batches at a time, whatever the number of torrents that are being checked:
 * more would only fill memory, and make a disk seek. The others wait in line. */
#ifndef MARE_VERIFY_H
#define MARE_VERIFY_H

#include "engine/torrent.h"

/* Goes on with the pieces in t->to_check, from t->check_next; those that match are added to
 * t->found. torrent_on_checked follows when all are done. */
void verify_pieces(struct torrent *t);

#endif
