/* watch: see watch.h. uv_poll is level-triggered: as long as the condition holds and is
 * wanted, each step tells of it. */
#include "io/watch.h"

#include <unistd.h>

static void note_change(struct watch *w) {
    list_remove(&w->link);
    if (w->wanted == w->armed)
        return;
    list_append(&w->loop->changed, &w->link);
    loop_touch(w->loop);
}

/* libuv has stopped a poll that reports an error. It is armed again, because an owner who
 * only reads a little of what is left shall hear of the rest. */
static void on_poll(uv_poll_t *poll, int status, int events) {
    struct watch *w = poll->data;
    loop_wake(w->loop);
    if (status < 0) {
        w->armed = 0;
        note_change(w);
        events = w->wanted ? UV_READABLE | w->wanted : 0;
    } else {
        events &= w->wanted; /* an earlier hook of this step may have changed it */
    }
    if (events)
        w->ready(w, events);
}

int watch_open(struct watch *w, struct loop *l, int fd, watch_ready *ready,
               watch_closed *closed) {
    *w = (struct watch){.loop = l, .fd = fd, .ready = ready, .closed = closed};
    list_init(&w->link);
    if (l->closing)
        return ERR_CLOSED;
    int rc = uv_poll_init(&l->uv, &w->poll, fd);
    w->poll.data = w;
    return rc ? err_from_errno(-rc) : 0;
}

void watch_want(struct watch *w, int events) {
    if (events == w->wanted)
        return;
    w->wanted = events;
    note_change(w);
}

static void arm(struct watch *w) {
    if (w->wanted)
        uv_poll_start(&w->poll, w->wanted, on_poll);
    else
        uv_poll_stop(&w->poll);
    w->armed = w->wanted;
}

void watch_apply_changes(struct loop *l) {
    for (struct link *link; (link = list_shift(&l->changed));)
        arm(LIST_ITEM(link, struct watch, link));
}

static void on_closed(uv_handle_t *handle) {
    struct watch *w = handle->data;
    w->closed(w);
}

/* The descriptor is closed at once (libuv allows it), so that its port is free again and
 * the other side hears of it; events that already wait in this step are dropped by
 * libuv. */
void watch_close(struct watch *w) {
    uv_handle_t *handle = (uv_handle_t *)&w->poll;
    if (uv_is_closing(handle))
        return;
    w->wanted = 0;
    list_remove(&w->link);
    uv_close(handle, on_closed);
    if (!w->keeps_fd)
        close(w->fd);
    loop_touch(w->loop);
}
