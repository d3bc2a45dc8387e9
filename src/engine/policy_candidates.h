/* policy_candidates: who may come in (admit) and whom to dial next (connect), when somebody other than
 * the built-ins judges. Asked in the decide phase, about a bounded number at a time. */
#ifndef MARE_POLICY_CANDIDATES_H
#define MARE_POLICY_CANDIDATES_H

#include "engine/torrent.h"
#include "swarm/shortlist.h"

struct peer;

/* Judges addresses that nobody has judged yet. True: there are more, come back. */
bool policy_admit_known(struct torrent *t);
/* Must this incoming peer wait for a judgement? Then it is at the torrent's door from now on. */
bool policy_stops_at_door(struct peer *p);
/* Lets in, or closes, those at the door. */
void policy_open_door(struct torrent *t);
/* Whom to dial, best first, from those that are due; refused ones are put off for a minute. */
uint32_t policy_rank_due(struct torrent *t, bool seeding,
                         struct candidate *out[SHORTLIST_MAX]);

#endif
