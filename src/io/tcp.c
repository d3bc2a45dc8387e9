/* tcp: streams over TCP. The sockets are our own and libuv only says when they are ready,
 * because its stream API has one buffer per callback: it cannot scatter what comes over
 * the places where it belongs (design.md, Data path).
 *
 * While a connection is being made the socket is watched for writability; SO_ERROR then
 * tells how it went. A connect that fails at once is told the same way, one step later: a
 * socket that is not connected reports itself as ready.
 *
 * Memory: stream_close hides the stream, libuv's close callback frees it. So a hook may
 * close any stream, its own included, while others of the same step still wait for their
 * turn. */
#include "io/tcp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/device.h"
#include "io/sockaddr.h"
#include "io/watch.h"

#define MAX_IOV 1024 /* what Linux takes (UIO_MAXIOV) */

_Static_assert((int)STREAM_READ == (int)UV_READABLE &&
                   (int)STREAM_WRITE == (int)UV_WRITABLE,
               "events pass unchanged");

struct tcp {
    struct stream stream;
    struct watch watch;
    bool connecting;
    int failed;     /* errno of a connect that failed at once */
    int want_later; /* the owner's wish while connecting */
};

static struct tcp *tcp_of(struct stream *s) {
    return CONTAINER_OF(s, struct tcp, stream);
}

/* ---- moving bytes ------------------------------------------------------------------ */

static ssize_t failure(int errnum) {
    return errnum == EAGAIN || errnum == EWOULDBLOCK ? ERR_AGAIN : err_from_errno(errnum);
}

static ssize_t tcp_readv(struct stream *s, const struct iovec *iov, int n) {
    struct tcp *t = tcp_of(s);
    ssize_t got;
    if (t->connecting)
        return ERR_AGAIN;
    do
        got = readv(t->watch.fd, iov, MIN(n, MAX_IOV));
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return ERR_EOF;
    return got > 0 ? got : failure(errno);
}

static ssize_t tcp_writev(struct stream *s, const struct iovec *iov, int n) {
    struct tcp *t = tcp_of(s);
    struct msghdr m = {.msg_iov = (struct iovec *)iov,
                       .msg_iovlen = (size_t)MIN(n, MAX_IOV)};
    ssize_t sent;
    if (t->connecting)
        return ERR_AGAIN;
    do
        sent = sendmsg(t->watch.fd, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 ? sent : failure(errno);
}

static void tcp_want(struct stream *s, int events) {
    struct tcp *t = tcp_of(s);
    if (t->connecting)
        t->want_later = events;
    else
        watch_want(&t->watch, events);
}

static usec tcp_rtt(struct stream *s) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(tcp_of(s)->watch.fd, IPPROTO_TCP, TCP_INFO, &info, &len))
        return 0;
    return info.tcpi_rtt;
}

static void tcp_close(struct stream *s) {
    watch_close(&tcp_of(s)->watch);
}

static const struct stream_ops tcp_ops = {
    .readv = tcp_readv,
    .writev = tcp_writev,
    .want = tcp_want,
    .rtt = tcp_rtt,
    .close = tcp_close,
};

/* ---- life -------------------------------------------------------------------------- */

static int connect_result(const struct tcp *t) {
    int errnum = 0;
    socklen_t len = sizeof errnum;
    if (t->failed)
        return err_from_errno(t->failed);
    if (getsockopt(t->watch.fd, SOL_SOCKET, SO_ERROR, &errnum, &len))
        errnum = errno;
    return errnum ? err_from_errno(errnum) : 0;
}

static void on_connected(struct tcp *t) {
    int status = connect_result(t);
    t->connecting = false;
    watch_want(&t->watch, status ? 0 : t->want_later);
    t->stream.hooks->on_open(t->stream.owner, status);
}

static void on_ready(struct watch *w, int events) {
    struct tcp *t = CONTAINER_OF(w, struct tcp, watch);
    if (t->connecting)
        on_connected(t);
    else
        t->stream.hooks->on_ready(t->stream.owner, events);
}

static void on_closed(struct watch *w) {
    free(CONTAINER_OF(w, struct tcp, watch));
}

/* Requests are small and wait for nothing: Nagle would only delay them. */
static struct tcp *tcp_new(struct loop *l, int fd) {
    struct tcp *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    if (watch_open(&t->watch, l, fd, on_ready, on_closed)) {
        free(t);
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    t->stream.ops = &tcp_ops;
    return t;
}

struct stream *tcp_from_fd(struct loop *l, int fd) {
    struct tcp *t = tcp_new(l, fd);
    return t ? &t->stream : NULL;
}

/* The port is chosen by connect, not by bind: as many connections as there are ports, to
 * each address, instead of that many at all. */
static int bind_source(int fd, const struct addr *to, const struct addr *source,
                       struct err *e) {
    struct sockaddr_storage at;
    struct addr any_port = *source;
    char text[ADDR_TEXT];
    any_port.port = 0;
    addr_format_ip(source, text);
    if (source->family != to->family)
        return err_set(e, ERR_INVALID, "cannot reach an IPv%d address from %s",
                       to->family, text);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&at, sockaddr_from_addr(&at, &any_port)))
        return err_errno(e, errno, "cannot connect from %s", text);
    return 0;
}

/* A socket on its way to `to`, or ERR_*. *failed takes the errno of a connect that is
 * over. */
static int dial(const struct loop *l, const struct addr *to, const struct addr *source,
                int *failed, struct err *e) {
    struct sockaddr_storage at;
    socklen_t len = sockaddr_from_addr(&at, to);
    if (!len)
        return err_set(e, ERR_INVALID, "no address to connect to");
    int fd = device_socket(l, to->family, SOCK_STREAM);
    if (fd < 0)
        return err_errno(e, errno, "cannot make a socket");
    int rc = source && source->family ? bind_source(fd, to, source, e) : 0;
    if (rc) {
        close(fd);
        return rc;
    }
    if (connect(fd, (struct sockaddr *)&at, len) && errno != EINPROGRESS &&
        errno != EINTR)
        *failed = errno;
    return fd;
}

struct stream *tcp_connect(struct loop *l, const struct addr *to,
                           const struct addr *source, struct err *e) {
    int failed = 0;
    int fd = dial(l, to, source, &failed, e);
    if (fd < 0)
        return NULL;
    struct tcp *t = tcp_new(l, fd);
    if (!t) {
        close(fd);
        err_set(e, ERR_NOMEM, "out of memory for a connection");
        return NULL;
    }
    t->connecting = true;
    t->failed = failed;
    watch_want(&t->watch, UV_WRITABLE);
    return &t->stream;
}

bool tcp_local_addr(struct stream *s, struct addr *out) {
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    if (getsockname(tcp_of(s)->watch.fd, (struct sockaddr *)&at, &len))
        return false;
    return sockaddr_to_addr((struct sockaddr *)&at, out);
}
