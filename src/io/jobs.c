/* jobs: uv_queue_work with a record of our own, so that a job is a plain struct without
 * libuv in it. The record lives from jobs_submit until just before `done`. */
#include "io/jobs.h"

#include <stdlib.h>

#include "io/loop_private.h"

struct record {
    uv_work_t work;
    struct request request;
    struct job *job;
};

static void on_work(uv_work_t *work) {
    struct record *r = work->data;
    uint64_t since = uv_hrtime();
    r->job->run(r->job);
    r->job->nsec = (int64_t)(uv_hrtime() - since);
}

static void on_done(uv_work_t *work, int status) {
    struct record *r = work->data;
    struct job *j = r->job;
    loop_wake(j->loop);
    j->loop->jobs--;
    list_remove(&r->request.link);
    free(r);
    j->impl = NULL;
    j->done(j, status ? ERR_CANCELED : 0);
}

/* Cannot fail: the arguments are sound, and libuv allocates nothing for it. */
static void queue(struct loop *l, struct record *r) {
    sigset_t before;
    loop_mask_signals(&before);
    uv_queue_work(&l->uv, &r->work, on_work, on_done);
    loop_restore_signals(&before);
}

int jobs_submit(struct loop *l, struct job *j) {
    if (l->closing)
        return ERR_CLOSED;
    struct record *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->job = j;
    r->work.data = r;
    r->request.uv = (uv_req_t *)&r->work;
    list_append(&l->requests, &r->request.link);
    j->loop = l;
    j->impl = r;
    l->jobs++;
    queue(l, r);
    return 0;
}

void jobs_cancel(struct job *j) {
    struct record *r = j->impl;
    if (r)
        uv_cancel(r->request.uv); /* fails when it runs already: then it ends as usual */
}

uint32_t jobs_pending(const struct loop *l) {
    return l->jobs;
}
