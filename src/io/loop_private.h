/* loop_private: what the files of io/ share about the loop. Nobody above io/ includes
 * this (or uv.h). */
#ifndef MARE_LOOP_PRIVATE_H
#define MARE_LOOP_PRIVATE_H

#include "base/list.h"
#include "io/loop.h"

/* After base/base.h: it brings sys/param.h along, which defines MIN and MAX as well. */
#include <signal.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
    uv_timer_t alarm; /* ends a wait */
    uv_async_t
        waker; /* loop_poke; it also keeps uv_run from finding nothing to live for */
    struct timers timers;
    usec now;
    struct link changed;       /* watches whose wish libuv has not heard yet */
    struct link requests;      /* what waits for the thread pool: struct request */
    struct resolver *resolver; /* of names (resolve.c); NULL before the first */
    uint32_t jobs;             /* submitted, done not yet called */
    bool stepping;             /* inside loop_step or loop_free */
    bool closing;              /* inside loop_free: nothing new may begin */
    bool stale;                /* `now` is from before the wait */
    char device[16];           /* all sockets are tied to it (device); "" = none */
    bool dirty; /* something waits for the next uv_run, and loop_fd does not show it */
};

/* A piece of work on the thread pool, so that loop_free can cancel it. */
struct request {
    struct link link;
    uv_req_t *uv;
};

/* Before the hooks of an event: the clock is read once per step, and only if something
 * came. */
void loop_wake(struct loop *l);
/* Answers that came from threads are told; at the end the others are left behind. */
void resolver_reap(struct loop *l);
void resolver_free(struct loop *l);
/* A thread that nobody waits for is in our code, or will come back to it: whoever unloads the module
 * does not unload that. */
void loop_stay_loaded(void);
/* The next step has something to do that does not show on loop_fd. */
static inline void loop_touch(struct loop *l) {
    l->dirty = true;
}

/* libuv starts its threads with the first request. They inherit the mask of signals: ours
 * block them all, so that a signal of the host interrupts the host's threads. */
static inline void loop_mask_signals(sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
}
static inline void loop_restore_signals(const sigset_t *before) {
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

#endif
