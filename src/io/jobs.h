/* jobs: work for other threads (libuv's pool). A job owns its data and sees no engine
 * object: `run` on a worker, then `done` inside loop_step, exactly once for every job
 * submitted. */
#ifndef MARE_JOBS_H
#define MARE_JOBS_H

#include "base/list.h"
#include "io/loop.h"

struct job {
    void (*run)(struct job *j);
    void (*done)(struct job *j, int status); /* 0, or ERR_CANCELED: run was not called */
    int64_t nsec;                            /* how long `run` took */
    struct loop *loop;
    void *impl; /* the pool's own record */
};

/* Hands the job over until its `done`. 0; ERR_NOMEM, or ERR_CLOSED inside loop_free (then
 * neither function is called). */
int jobs_submit(struct loop *l, struct job *j) MUST_USE;
/* Cancels it if it has not begun (its done comes with ERR_CANCELED in a later step). */
void jobs_cancel(struct job *j);
uint32_t jobs_pending(const struct loop *l); /* submitted, done not yet called */

#endif
