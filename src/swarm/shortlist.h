/* shortlist: whom among thousands of addresses a judge is asked about. A roster may hold 3,000, and a
 * judge costs a microsecond each: too much for every dial. So it sees the best in the built-in order,
 * and as many of the others in turn: whatever it looks for, it has seen everybody after a while. */
#ifndef MARE_SHORTLIST_H
#define MARE_SHORTLIST_H

#include "swarm/roster.h"

#define SHORTLIST_BEST 64u
#define SHORTLIST_MAX (2 * SHORTLIST_BEST)

/* Those that may be dialled now, the best first, then others from where the last sweep ended.
 * Returns how many. All of them if they are no more than SHORTLIST_MAX. */
uint32_t shortlist_due(struct roster *r, usec now, bool seeding,
                       struct candidate *out[SHORTLIST_MAX]);
/* Those that have not been judged yet (admit). */
uint32_t shortlist_unjudged(struct roster *r, struct candidate *out[SHORTLIST_MAX]);
/* There is a new judge: nobody has been judged by it. */
void shortlist_forget(struct roster *r);

#endif
