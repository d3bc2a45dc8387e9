/* http: libmicrohttpd (MHD) without a thread.
 *
 *     loop --- watch ---> MHD's epoll descriptor: something is to be done on a socket
 *                              |
 *                              v
 *     pump:  MHD_run ---> on_access: a request; on_read: the next block of a stream; on_completed
 *
 * A connection that waits for us is suspended: MHD takes it off its epoll and forgets it until it is
 * resumed. It would not even hear that the client has gone, and that is the one thing that matters to a
 * viewer who seeks: so each connection has a watch of its own on the same socket, which asks for
 * nothing but that. (MHD also misses an end that comes together with the last bytes.)
 *
 * sendfile, alone of all ways to write, raises SIGPIPE when the client is gone. The process's signals
 * are not ours: it is blocked on this thread while MHD runs, and taken back if it came. And of a file
 * that somebody cuts under it, it sends nothing for ever, and MHD waits for a socket that is ready:
 * so its length is looked at now and then. */
#include "io/http.h"

#include <assert.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/sockaddr.h"
#include "io/watch.h"

#define ROUNDS 4 /* of MHD per step: each writes one block to each connection */

struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct watch watch;  /* MHD's epoll */
    struct timer again;  /* there is more to do than one step allows */
    struct link clients; /* struct client */
    uint32_t client_count;
    http_on_request *on_request;
    void *owner;
    uint16_t port;
    bool running, closing;
};

/* A connection, as long as it stands. */
struct client {
    struct link link;
    struct http_server *server;
    struct watch watch; /* for its end */
    struct timer idle;
    int fd;
    struct http_request *request; /* NULL: between two */
};

struct http_request {
    struct client *client;
    struct MHD_Connection *connection;
    struct MHD_Response *response; /* to be queued */
    unsigned status;
    char *path;
    bool head, asked, suspended, gone, ended;
    const struct http_hooks *hooks;
    void *owner;
    int file; /* MHD's; -1 = none is sent */
    uint64_t file_end;
    struct timer look; /* at the file */
};

/* ---- the end of a request ------------------------------------------------------------ */

static void tell_end(struct http_request *r) {
    if (r->ended)
        return;
    r->ended = true;
    timer_stop(loop_timers(r->client->server->loop), &r->look);
    if (r->hooks)
        r->hooks->ended(r->owner);
}

static void pump_soon(struct http_server *s) {
    timer_set(loop_timers(s->loop), &s->again, loop_now(s->loop));
}

/* MHD without a thread of its own does not show it on its epoll. */
void http_wake(struct http_request *r) {
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
    pump_soon(r->client->server);
}

/* MHD frees it as soon as it looks at its socket. */
void http_abort(struct http_request *r) {
    if (r->gone)
        return;
    r->gone = true;
    shutdown(r->client->fd, SHUT_RDWR);
    tell_end(r);
    http_wake(r);
}

static void request_free(struct http_request *r) {
    if (r->response)
        MHD_destroy_response(r->response);
    free(r->path);
    free(r);
}

/* ---- a file that is being sent --------------------------------------------------------- */

static void look_again(struct http_request *r) {
    struct loop *l = r->client->server->loop;
    timer_set(loop_timers(l), &r->look, loop_now(l) + HTTP_LOOK);
}

static void on_look(struct timer *t, usec now) {
    struct http_request *r = CONTAINER_OF(t, struct http_request, look);
    struct stat st;
    (void)now;
    if (fstat(r->file, &st) == 0 && (uint64_t)st.st_size >= r->file_end) {
        look_again(r);
        return;
    }
    if (r->hooks && r->hooks->cut)
        r->hooks->cut(r->owner);
    http_abort(r);
}

/* ---- clients ------------------------------------------------------------------------- */

static void start_idling(struct client *c) {
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
    start_idling(c);
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
    if (!s->closing)
        pump_soon(
            s); /* with its place free, MHD listens again, but not before it is run */
}

/* MHD calls it before it closes the descriptor. */
static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        client_open(cls, mhd, context);
    } else if (*context) {
        client_close(*context);
        *context = NULL;
    }
}

/* ---- requests ------------------------------------------------------------------------ */

/* One that is refused before its body is read; MHD closes the connection after it. */
static enum MHD_Result refuse(struct MHD_Connection *mhd, unsigned status) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(mhd, status, response);
    MHD_destroy_response(response);
    return result;
}

static const char *header(struct MHD_Connection *mhd, const char *name) {
    return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

static bool has_body(struct MHD_Connection *mhd) {
    const char *length = header(mhd, "Content-Length");
    return header(mhd, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

static enum MHD_Result begin(struct MHD_Connection *mhd, const char *url, bool head,
                             void **context) {
    struct client *c =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct http_request *r = c ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return MHD_NO;
    r->path = strdup(url);
    if (!r->path) {
        free(r);
        return MHD_NO;
    }
    r->client = c;
    r->connection = mhd;
    r->head = head;
    r->file = -1;
    timer_init(&r->look, on_look);
    c->request = r;
    timer_stop(loop_timers(c->server->loop), &c->idle);
    *context = r;
    return MHD_YES;
}

static enum MHD_Result send_answer(struct http_request *r) {
    enum MHD_Result result = MHD_queue_response(r->connection, r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    return result;
}

static void fall_asleep(struct http_request *r) {
    r->suspended = true;
    MHD_suspend_connection(r->connection);
}

/* MHD calls it with the headers, then when all of the request is there, and after each sleep. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version,
                                 const char *body, size_t *body_len, void **context) {
    struct http_server *s = cls;
    struct http_request *r = *context;
    (void)version, (void)body, (void)body_len;
    if (!r) {
        bool head = strcmp(method, "HEAD") == 0;
        if (!head && strcmp(method, "GET") != 0)
            return refuse(mhd, MHD_HTTP_METHOD_NOT_ALLOWED);
        if (has_body(mhd))
            return refuse(mhd, MHD_HTTP_CONTENT_TOO_LARGE);
        return begin(mhd, url, head, context);
    }
    if (!r->asked) {
        r->asked = true;
        s->on_request(s->owner, r);
    }
    if (r->gone)
        return MHD_NO;
    if (r->response)
        return send_answer(r);
    fall_asleep(r);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode why) {
    struct http_request *r = *context;
    (void)cls, (void)mhd, (void)why;
    if (!r)
        return;
    *context = NULL;
    r->gone = true;
    tell_end(r);
    r->client->request = NULL;
    start_idling(r->client);
    request_free(r);
}

void http_own(struct http_request *r, const struct http_hooks *hooks, void *owner) {
    assert(!r->hooks);
    r->hooks = hooks;
    r->owner = owner;
}

bool http_is_head(const struct http_request *r) {
    return r->head;
}

const char *http_path(const struct http_request *r) {
    return r->path;
}

const char *http_header(const struct http_request *r, const char *name) {
    return header(r->connection, name);
}

struct count {
    const char *name;
    int n;
};

static enum MHD_Result count_one(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value) {
    struct count *c = cls;
    (void)kind, (void)value;
    c->n += strcasecmp(name, c->name) == 0;
    return MHD_YES;
}

int http_header_count(const struct http_request *r, const char *name) {
    struct count c = {name, 0};
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, count_one, &c);
    return c.n;
}

const char *http_argument(const struct http_request *r, const char *name) {
    const char *value = NULL;
    size_t len;
    enum MHD_Result found = MHD_lookup_connection_value_n(
        r->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &len);
    return !found ? NULL : value ? value : "";
}

struct addr http_client(const struct http_request *r) {
    struct addr a = {0};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr)
        sockaddr_to_addr(info->client_addr, &a);
    return a;
}

/* ---- answers ------------------------------------------------------------------------- */

static bool add_fields(struct MHD_Response *response, const struct http_answer *a) {
    for (size_t i = 0; i < a->field_count; i++)
        if (!MHD_add_response_header(response, a->fields[i].name, a->fields[i].value))
            return false;
    return true;
}

static void answer(struct http_request *r, const struct http_answer *a,
                   struct MHD_Response *response) {
    assert(!r->response);
    if (response && !add_fields(response, a)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    r->response = response;
    r->status = a->status;
    if (response)
        http_wake(r);
    else
        http_abort(r);
}

void http_answer_bytes(struct http_request *r, const struct http_answer *a,
                       const void *data, size_t len) {
    answer(r, a,
           MHD_create_response_from_buffer(len, (void *)(uintptr_t)data,
                                           MHD_RESPMEM_MUST_COPY));
}

void http_answer_file(struct http_request *r, const struct http_answer *a, int fd,
                      uint64_t offset, uint64_t length) {
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(length, fd, offset);
    if (response) {
        r->file = fd;
        r->file_end = offset + length;
        look_again(r);
    } else {
        close(fd);
    }
    answer(r, a, response);
}

static ssize_t on_read(void *cls, uint64_t position, char *to, size_t len) {
    struct http_request *r = cls;
    (void)position;
    int n =
        r->gone || !r->hooks ? ERR_CLOSED : r->hooks->read(r->owner, (uint8_t *)to, len);
    if (n > 0)
        return n;
    if (n != ERR_AGAIN || r->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    fall_asleep(r);
    return 0;
}

void http_answer_stream(struct http_request *r, const struct http_answer *a,
                        uint64_t length) {
    size_t block = r->head ? 1 : (size_t)MIN(MAX(length, 1), HTTP_BLOCK);
    answer(r, a, MHD_create_response_from_callback(length, block, on_read, r, NULL));
}

/* ---- on the loop --------------------------------------------------------------------- */

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
    pump_soon(s);
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
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, s, MHD_OPTION_END);
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
