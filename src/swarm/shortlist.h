/* shortlist: whom among thousands of addresses a judge is asked about. A roster may hold 3,000, and a
 * judge costs a microsecond each: too much for every dial. So it sees the best in the built-in order,
 * and as many of the others in turn: whatever it looks for, it has seen everybody after a while. */
#ifndef MARE_SHORTLIST_H
#define MARE_SHORTLIST_H

#include "swarm/policy.h"
#include "swarm/roster.h"

#define SHORTLIST_BEST 64u
#define SHORTLIST_MAX (2 * SHORTLIST_BEST)

/* Those that may be dialled now, the best first, then others from where the last sweep ended.
 * Returns how many. All of them if they are no more than SHORTLIST_MAX. */
uint32_t shortlist_due(struct roster *r, usec now, bool seeding,
                       struct candidate *out[SHORTLIST_MAX]);
/* Those that have not been judged yet (admit), and could be dialled. */
uint32_t shortlist_unjudged(struct roster *r, struct candidate *out[SHORTLIST_MAX]);
/* What the judge said of these: who may be dialled at all (admit). */
void shortlist_admit(struct roster *r, struct candidate *const *list,
                     const struct verdict *verdicts, uint32_t n, usec now);
/* Whom to dial (connect), best first, the built-in order among equals: returns how many are left. Who
 * is refused is put off for a minute. */
uint32_t shortlist_rank(struct candidate **list, const struct verdict *verdicts,
                        uint32_t n, usec now);
/* There is a new judge: nobody has been judged by it. */
void shortlist_forget(struct roster *r);

#endif
