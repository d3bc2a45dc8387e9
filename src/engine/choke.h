/* choke: the rounds in which upload slots are given. Makes the snapshot rows of swarm/choker and
 * swarm/turnover, asks, and applies the answers. */
#ifndef MARE_CHOKE_H
#define MARE_CHOKE_H

#include "engine/torrent.h"

void choke_init(struct torrent *t);
/* The session's decide phase: a round is due. */
void choke_decide(struct torrent *t);

#endif
