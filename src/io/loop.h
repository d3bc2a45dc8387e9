/* loop: the one place where time passes and the world comes in. Wraps a private libuv
 * loop.
 *
 * uv.h stays inside io/. Timers are base/timers (any number, no allocation); the loop
 * sleeps no longer than the first of them. Hooks of streams, fetches and jobs run inside
 * loop_step, on the caller's thread, and nowhere else. */
#ifndef MARE_LOOP_H
#define MARE_LOOP_H

#include "base/err.h"
#include "base/timers.h"

struct loop;

struct loop *loop_new(struct err *e); /* NULL on failure */
/* Closes what is left, waits for running jobs (their `done` is called with status
 * canceled where they had not begun), frees. Not from inside a hook. */
void loop_free(struct loop *l);

usec loop_now(const struct loop *l); /* as of this step; never goes back */
void loop_update_now(struct loop *l);
struct timers *loop_timers(struct loop *l);

/* For an outer loop: a descriptor that becomes readable when a step has something to do
 * (libuv's backend; -1 where there is none), and the longest time to wait for it: 0 =
 * step at once, USEC_NEVER = no limit. */
int loop_fd(const struct loop *l);
usec loop_timeout(const struct loop *l);

/* One turn: waits at most `wait` (0 = not at all, USEC_NEVER = until something happens),
 * runs the hooks of what happened, reaps finished jobs, fires due timers. 0, or ERR_BUSY
 * when called from inside itself. */
int loop_step(struct loop *l, usec wait);
/* Makes the current or next step return without waiting. The one function that any
 * thread, and a signal handler, may call. */
void loop_poke(struct loop *l);

#endif
