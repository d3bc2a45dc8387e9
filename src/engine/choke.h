/* choke: the rounds in which upload slots are given. Makes the snapshot rows of swarm/choker and
 * swarm/turnover, asks, and applies the answers. */
#ifndef MARE_CHOKE_H
#define MARE_CHOKE_H

#include "engine/torrent.h"

struct peer;

void choke_init(struct torrent *t);
/* The session's decide phase: a round is due. */
void choke_decide(struct torrent *t);

/* Chokes or unchokes at once, and rounds leave it so until then. A slot that is held open is one
 * fewer for the others, from the next round on. */
void choke_hold(struct peer *p, bool choking, usec until);

#endif
