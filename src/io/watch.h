/* watch: one descriptor that the loop looks at. The base of streams, listeners and
 * fetches.
 *
 * A wish (watch_want) is only written down: it reaches libuv before the next wait. A wish
 * that is taken back within the step, as backpressure does all the time, costs no system
 * call, while each uv_poll_start costs two. */
#ifndef MARE_WATCH_H
#define MARE_WATCH_H

#include "io/loop_private.h"

struct watch;

/* `events`: UV_READABLE, UV_WRITABLE, those that are wanted; an error shows as readable,
 * wanted or not (unless nothing is). */
typedef void watch_ready(struct watch *w, int events);
/* The memory may go now. Called in a later step than watch_close. */
typedef void watch_closed(struct watch *w);

struct watch {
    uv_poll_t poll;
    struct loop *loop;
    struct link link; /* in loop->changed */
    int fd;
    int wanted, armed; /* what the owner wants, what libuv knows */
    bool keeps_fd;     /* the descriptor is somebody else's: watch_close leaves it open */
    watch_ready *ready;
    watch_closed *closed;
};

/* 0 or ERR_*; then nothing was taken: the descriptor is still the caller's, the memory
 * too. The descriptor becomes non-blocking and is closed by watch_close (see
 * keeps_fd). */
int watch_open(struct watch *w, struct loop *l, int fd, watch_ready *ready,
               watch_closed *closed) MUST_USE;
void watch_want(struct watch *w, int events);
void watch_close(struct watch *w); /* idempotent until `closed` was called */
void watch_apply_changes(struct loop *l);

#endif
