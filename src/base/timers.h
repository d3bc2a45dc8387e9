/* timers: deadlines, earliest first. An intrusive pairing heap: setting and stopping never
 * allocate, so they never fail, and the cost does not grow with timers that are far away.
 * Sans-I/O: the owner asks when the next is due and calls timers_fire with the time. */
#ifndef MARE_TIMERS_H
#define MARE_TIMERS_H

#include "base/base.h"

struct timer {
    usec due; /* USEC_NEVER when not set */
    void (*fire)(struct timer *t, usec now);
    struct timer *child, *next, *prev; /* prev of a first child: its parent */
};

struct timers {
    struct timer *root;
};

void timers_init(struct timers *heap);
void timer_init(struct timer *t, void (*fire)(struct timer *t, usec now));
static inline bool timer_is_set(const struct timer *t) {
    return t->due != USEC_NEVER;
}
/* Moves it if it is set already; USEC_NEVER stops it. */
void timer_set(struct timers *heap, struct timer *t, usec due);
void timer_stop(struct timers *heap, struct timer *t); /* idempotent */
usec timers_due(const struct timers *heap);            /* USEC_NEVER when empty */
/* Fires all that are due at `now`, in order; a timer is unset before its function runs and
 * may set itself again (then it fires in the next call, even if due at once). */
int timers_fire(struct timers *heap, usec now);

#endif
