/* store: pieces on their way to disk. A complete piece goes to a worker, which hashes and writes
 * it; HAVE is said only after both. */
#ifndef MARE_STORE_H
#define MARE_STORE_H

#include "engine/torrent.h"

void store_init(struct torrent *t);
/* The last block of a piece came: its buffer moves to a job. */
void store_on_complete(struct torrent *t, struct active_piece *p);
/* So much waits for hash and disk that asking for more would only fill memory. */
bool store_is_behind(const struct torrent *t);
void store_drop_waiting(struct torrent *t); /* the torrent goes: no more retries */
/* The piece is verified and on disk: bookkeeping that downloads and checks share. */
void store_note_have(struct torrent *t, uint32_t piece);
/* It is to be had no more (cap). */
void store_note_lost(struct torrent *t, uint32_t piece);

#endif
