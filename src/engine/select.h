/* select: which files and pieces are wanted. A piece has the highest priority of its files;
 * priority 0 is "skip". */
#ifndef MARE_SELECT_H
#define MARE_SELECT_H

#include "engine/torrent.h"

/* At birth: the user's choice, else what resume says, else what the link says, else everything. */
void select_init(struct torrent *t, const struct add_options *o);
/* What a piece's priority is to be, by its files and by what readers need. */
int select_piece_priority(const struct torrent *t, uint32_t piece);
/* The wanted files as a set (initialised here, freed by the caller). 0 or ERR_NOMEM. */
int select_wanted(const struct torrent *t, struct bitset *out);

#endif
