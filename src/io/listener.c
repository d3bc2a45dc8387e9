/* listener: a socket that accepts. At most ACCEPTS_PER_STEP connections are taken per
 * step, so that a flood of them leaves time for the others. When the process runs out of
 * descriptors the socket stays readable: accepting is paused, or the loop would spin on
 * it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/device.h"
#include "io/sockaddr.h"
#include "io/tcp.h"
#include "io/watch.h"

#define ACCEPTS_PER_STEP 16
#define PAUSE USEC_PER_SEC

struct listener {
    struct watch watch;
    struct timer pause;
    listener_on_accept *on_accept;
    void *owner;
    uint16_t port;
    bool closed;
};

static void on_pause_over(struct timer *t, usec now) {
    (void)now;
    watch_want(&CONTAINER_OF(t, struct listener, pause)->watch, UV_READABLE);
}

static void pause_accepting(struct listener *n) {
    struct loop *l = n->watch.loop;
    watch_want(&n->watch, 0);
    timer_set(loop_timers(l), &n->pause, loop_now(l) + PAUSE);
}

static bool is_shortage(int errnum) {
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

/* One connection; false when there is none, or none can be taken now. What the network
 * did to a connection that waited (ECONNABORTED and its like) is no reason to stop. */
static bool accept_one(struct listener *n) {
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    struct addr from;
    int fd =
        accept4(n->watch.fd, (struct sockaddr *)&at, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (is_shortage(errno))
            pause_accepting(n);
        return errno != EAGAIN && errno != EWOULDBLOCK && !is_shortage(errno);
    }
    sockaddr_to_addr((struct sockaddr *)&at, &from);
    struct stream *s = tcp_from_fd(n->watch.loop, fd);
    if (s)
        n->on_accept(n->owner, s, &from);
    else
        close(fd);
    return true;
}

static void on_ready(struct watch *w, int events) {
    struct listener *n = CONTAINER_OF(w, struct listener, watch);
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_STEP && !n->closed; i++)
        if (!accept_one(n))
            return;
}

static void on_closed(struct watch *w) {
    free(CONTAINER_OF(w, struct listener, watch));
}

struct listener *listener_open(struct loop *l, const struct addr *at,
                               listener_on_accept *on_accept, void *owner,
                               struct err *e) {
    uint16_t port = 0;
    int fd = sockaddr_listen(device_socket(l, at->family, SOCK_STREAM), at, &port, e);
    if (fd < 0)
        return NULL;
    struct listener *n = calloc(1, sizeof *n);
    int rc = n ? watch_open(&n->watch, l, fd, on_ready, on_closed) : ERR_NOMEM;
    if (rc) {
        err_set(e, rc, "cannot watch a listening socket (%s)", err_name(rc));
        close(fd);
        free(n);
        return NULL;
    }
    timer_init(&n->pause, on_pause_over);
    n->on_accept = on_accept;
    n->owner = owner;
    n->port = port;
    watch_want(&n->watch, UV_READABLE);
    return n;
}

uint16_t listener_port(const struct listener *n) {
    return n->port;
}

void listener_close(struct listener *n) {
    n->closed = true;
    timer_stop(loop_timers(n->watch.loop), &n->pause);
    watch_close(&n->watch);
}
