/* http_client: a connection of the HTTP server, from its first byte to its end.
 *
 * A connection that waits for us is suspended: MHD takes it off its epoll and forgets it until it is
 * resumed. It would not even hear that the client has gone, and that is the one thing that matters to a
 * viewer who seeks: so each connection has a watch of its own on the same socket, which asks for
 * nothing but that. (MHD also misses an end that comes together with the last bytes.) */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/http_private.h"

void http_start_idling(struct client *c) {
    struct loop *l = c->server->loop;
    timer_set(loop_timers(l), &c->idle, loop_now(l) + HTTP_IDLE);
}

static void on_idle(struct timer *t, usec now) {
    (void)now;
    shutdown(CONTAINER_OF(t, struct client, idle)->fd, SHUT_RDWR);
}

static void on_hang_up(struct watch *w, int events) {
    struct client *c = CONTAINER_OF(w, struct client, watch);
    (void)events;
    watch_want(w, 0);
    if (c->request)
        http_abort(c->request);
    else
        shutdown(c->fd, SHUT_RDWR);
}

static void on_watch_closed(struct watch *w) {
    free(CONTAINER_OF(w, struct client, watch));
}

/* One whose machine was switched off says no good-bye, and while it waits for us nothing is sent that
 * could fail. Asked after half a minute, it is gone after one. */
static void ask_for_life(int fd) {
    const int on = 1, idle = 30, every = 10, times = 3;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
#else
    (void)idle, (void)every, (void)times;
#endif
}

static void client_open(struct http_server *s, struct MHD_Connection *mhd, void **out) {
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct client *c = calloc(1, sizeof *c);
    if (!c || watch_open(&c->watch, s->loop, fd, on_hang_up, on_watch_closed) < 0) {
        free(c);
        shutdown(fd, SHUT_RDWR);
        return;
    }
    c->watch.keeps_fd = true; /* it is MHD's */
    c->server = s;
    c->fd = fd;
    ask_for_life(fd);
    timer_init(&c->idle, on_idle);
    http_start_idling(c);
    watch_want(&c->watch, UV_DISCONNECT);
    list_append(&s->clients, &c->link);
    s->client_count++;
    *out = c;
}

static void client_close(struct client *c) {
    struct http_server *s = c->server;
    timer_stop(loop_timers(s->loop), &c->idle);
    list_remove(&c->link);
    s->client_count--;
    watch_close(&c->watch);
    if (!s->closing) /* with its place free, MHD listens again, but not before it is run */
        http_pump_soon(s);
}

/* MHD calls it before it closes the descriptor. */
void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        client_open(cls, mhd, context);
    } else if (*context) {
        client_close(*context);
        *context = NULL;
    }
}
