/* http: libmicrohttpd (MHD) without a thread.
 *
 *     loop --- watch ---> MHD's epoll descriptor: something is to be done on a socket
 *                              |
 *                              v
 *     pump:  MHD_run ---> on_access: a request; on_read: the next block of a stream; on_completed
 *
 * Here is the server: MHD on the loop, its beginning and its end. Connections are in http_client,
 * requests and answers in http_request.
 *
 * sendfile, alone of all ways to write, raises SIGPIPE when the client is gone. The process's signals
 * are not ours: it is blocked on this thread while MHD runs, and taken back if it came. */
#include "io/http.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/http_private.h"
#include "io/sockaddr.h"

#define ROUNDS 4 /* of MHD per step: each writes one block to each connection */

/* ---- on the loop --------------------------------------------------------------------- */

void http_pump_soon(struct http_server *s) {
    timer_set(loop_timers(s->loop), &s->again, loop_now(s->loop));
}

/* Nobody has waited for SIGPIPE before: then one that waits now is of our making. */
static void forget_sigpipe(const sigset_t *set) {
    const struct timespec at_once = {0, 0};
    while (sigtimedwait(set, NULL, &at_once) == SIGPIPE)
        continue;
}

static void run(struct http_server *s) {
    MHD_UNSIGNED_LONG_LONG wait = 1;
    for (int i = 0; i < ROUNDS; i++) {
        MHD_run(s->daemon);
        if (MHD_get_timeout(s->daemon, &wait) != MHD_YES || wait > 0)
            return;
    }
    http_pump_soon(s);
}

static void pump(struct http_server *s) {
    sigset_t set, before, waiting;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigpending(&waiting);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    s->running = true;
    run(s);
    s->running = false;
    if (!sigismember(&waiting, SIGPIPE))
        forget_sigpipe(&set);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void on_ready(struct watch *w, int events) {
    (void)events;
    pump(CONTAINER_OF(w, struct http_server, watch));
}

static void on_again(struct timer *t, usec now) {
    (void)now;
    pump(CONTAINER_OF(t, struct http_server, again));
}

/* ---- life ---------------------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd, uint32_t limit) {
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, http_on_access, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
        http_on_completed, s, MHD_OPTION_END);
}

static void on_server_closed(struct watch *w) {
    free(CONTAINER_OF(w, struct http_server, watch));
}

static int start(struct http_server *s, const struct http_options *o, struct err *e) {
    int family = o->at.family == 6 ? AF_INET6 : AF_INET;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    fd = sockaddr_listen(fd, &o->at, &s->port, e);
    if (fd < 0)
        return fd;
    s->daemon = start_daemon(s, fd, o->connections);
    if (!s->daemon) {
        close(fd);
        return err_set(e, ERR_UNSUPPORTED, "the HTTP server cannot be started");
    }
    int epoll = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int status = watch_open(&s->watch, s->loop, epoll, on_ready, on_server_closed);
    if (status < 0) {
        MHD_stop_daemon(s->daemon);
        return err_set(e, status, "the HTTP server cannot be watched");
    }
    s->watch.keeps_fd = true;
    watch_want(&s->watch, UV_READABLE);
    return 0;
}

struct http_server *http_open(struct loop *l, const struct http_options *o,
                              http_on_request *on_request, void *owner, struct err *e) {
    struct http_server *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    s->loop = l;
    s->on_request = on_request;
    s->owner = owner;
    list_init(&s->clients);
    timer_init(&s->again, on_again);
    if (start(s, o, e) < 0) {
        free(s);
        return NULL;
    }
    return s;
}

/* MHD does not stop while it has suspended connections. */
void http_close(struct http_server *s) {
    assert(!s->running);
    LIST_EACH(l, &s->clients) {
        struct http_request *r = LIST_ITEM(l, struct client, link)->request;
        if (r)
            http_abort(r);
    }
    s->closing = true;
    timer_stop(loop_timers(s->loop), &s->again);
    watch_close(&s->watch); /* before MHD closes what it looks at */
    MHD_stop_daemon(s->daemon);
}

uint16_t http_port(const struct http_server *s) {
    return s->port;
}

uint32_t http_connections(const struct http_server *s) {
    return s->client_count;
}
