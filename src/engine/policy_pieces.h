/* policy_pieces: which piece to open next with a peer (piece) and who gets an urgent one (source), when
 * somebody other than the built-ins judges. Asked in the decide phase; what comes of it lies in plans
 * (swarm/plan) and in the torrent's sourcing until the next blocks are asked for. */
#ifndef MARE_POLICY_PIECES_H
#define MARE_POLICY_PIECES_H

#include "engine/torrent.h"

struct peer;

void policy_pieces_init(struct torrent *t);
void policy_pieces_fini(struct torrent *t);
/* What download_next is to go by for this peer: NULL without a judge. A plan that is running out is
 * put on the torrent's list, and made anew in the next decide phase. */
const struct plan *policy_plan_of(struct peer *p);
/* It was asked for all that it may be. With nothing under way that would bring it back, what the
 * judge has refused is put to him again after a while. */
void policy_note_idle(struct peer *p);
/* A reader needs what it did not before: whoever rests because of a judge is asked at once. */
void policy_note_window(struct torrent *t);
/* The decide phase. */
void policy_pieces_decide(struct torrent *t);
/* Deadlines changed: who is to have the urgent pieces? */
void policy_note_deadlines(struct torrent *t);

#endif
