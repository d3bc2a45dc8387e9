/* loop: one turn of a private libuv loop, and our timers after it.
 *
 *      loop_step   tell libuv the changed wishes -> set the alarm -> uv_run:
 *                  [ wait | hooks of streams, fetches, finished jobs | bury closed handles ]
 *                  -> timers that are due
 *
 * Two things of libuv shape this file. It tells epoll of new descriptors only inside
 * uv_run, so somebody who waits on loop_fd would miss them: whatever needs one more
 * uv_run sets `dirty`, and loop_timeout says 0 until it happened. And uv_run returns at
 * once, without looking at anything, when no handle is active: the waker always is.
 *
 * There is no lock: everything but loop_poke belongs to the thread that steps. */
#include "io/loop_private.h"

#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>

#include "io/watch.h"

static void on_alarm(uv_timer_t *t) {
    (void)t; /* it was there to end the wait */
}

static void on_poke(uv_async_t *a) {
    resolver_reap(CONTAINER_OF(a->loop, struct loop, uv));
}

/* What libuv needs: 0, or its error code with nothing left to close. */
static int open_uv(struct loop *l) {
    int rc = uv_loop_init(&l->uv);
    if (rc)
        return rc;
    rc = uv_async_init(&l->uv, &l->waker, on_poke);
    if (rc)
        uv_loop_close(&l->uv);
    else
        uv_timer_init(&l->uv, &l->alarm);
    return rc;
}

struct loop *loop_new(struct err *e) {
    struct loop *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(e, ERR_NOMEM, "out of memory for an event loop");
        return NULL;
    }
    int rc = open_uv(l);
    if (rc) {
        err_errno(e, -rc, "cannot make an event loop");
        free(l);
        return NULL;
    }
    timers_init(&l->timers);
    list_init(&l->changed);
    list_init(&l->requests);
    loop_update_now(l);
    l->dirty = true; /* epoll does not know of the waker yet */
    return l;
}

/* The owner is gone: its streams and listeners are closed for it. */
static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (uv_is_closing(handle))
        return;
    if (handle->type == UV_POLL)
        watch_close(handle->data);
    else
        uv_close(handle, NULL);
}

void loop_free(struct loop *l) {
    if (!l)
        return;
    assert(!l->stepping);
    l->stepping = l->closing = true;
    LIST_EACH(link, &l->requests)
        uv_cancel(LIST_ITEM(link, struct request, link)->uv);
    resolver_free(l);
    uv_walk(&l->uv, close_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT); /* until the last running job is done */
    int rc = uv_loop_close(&l->uv);
    assert(rc == 0);
    (void)rc;
    free(l);
}

usec loop_now(const struct loop *l) {
    return l->now;
}

static usec clock_now(void) {
    return (usec)(uv_hrtime() / 1000);
}

void loop_update_now(struct loop *l) {
    l->now = clock_now();
    l->stale = false;
}

void loop_wake(struct loop *l) {
    if (l->stale)
        loop_update_now(l);
}

struct timers *loop_timers(struct loop *l) {
    return &l->timers;
}

int loop_fd(const struct loop *l) {
    return uv_backend_fd(&l->uv);
}

static usec until_first_timer(const struct loop *l) {
    usec due = timers_due(&l->timers);
    return due == USEC_NEVER ? USEC_NEVER : MAX(0, due - clock_now());
}

usec loop_timeout(const struct loop *l) {
    return l->dirty ? 0 : until_first_timer(l);
}

/* Rounded up: a wait that ends a little early would be repeated, with nothing to wait
 * for. The alarm repeats, because uv_run fires what is due *before* it waits too: after a
 * long pause between here and there (a stopped process), nothing would end the wait. */
static void set_alarm(struct loop *l, usec wait) {
    if (wait == USEC_NEVER)
        return;
    uv_update_time(&l->uv);
    uint64_t msec =
        (uint64_t)(MIN(wait, INT_MAX * USEC_PER_MSEC) + USEC_PER_MSEC - 1) / 1000;
    uv_timer_start(&l->alarm, on_alarm, msec, 1);
}

int loop_step(struct loop *l, usec wait) {
    if (l->stepping)
        return ERR_BUSY;
    l->stepping = true;
    l->dirty = false;
    watch_apply_changes(l);

    wait = MIN(MAX(0, wait), until_first_timer(l));
    if (wait)
        set_alarm(l, wait);
    l->stale = true;
    uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    uv_timer_stop(&l->alarm);

    loop_update_now(l);
    timers_fire(&l->timers, l->now);
    l->stepping = false;
    return 0;
}

void loop_poke(struct loop *l) {
    uv_async_send(&l->waker);
}

void loop_stay_loaded(void) {
    static const char here = 0;
    Dl_info info;
    if (dladdr(&here, &info) && info.dli_fname)
        (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
