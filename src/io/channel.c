#include "io/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE 16384u
#define BACKLOG 32
#define WAIT_MOST 256u

/* ---- names ------------------------------------------------------------------------------- */

struct name {
    struct sockaddr_un addr;
    socklen_t len;
};

static int name_parse(struct name *n, const char *text, struct err *e) {
    size_t len = strlen(text);
    memset(n, 0, sizeof *n);
    if (len == 0 || len >= sizeof n->addr.sun_path)
        return err_set(e, ERR_INVALID, "%.60s is no good as the name of a socket", text);
    n->addr.sun_family = AF_UNIX;
    memcpy(n->addr.sun_path, text, len);
    n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (text[0] == '@')
        n->addr.sun_path[0] = '\0';
    return 0;
}

/* A socket for this name. */
static int open_socket(struct channel *c, const char *name, struct name *n,
                       struct err *e) {
    memset(c, 0, sizeof *c);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return err_errno(e, errno, "cannot open a local socket");
    return name_parse(n, name, e);
}

static bool is_ours(int fd) {
    struct ucred who;
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           who.uid == geteuid();
}

static int fail(struct channel *c, int status) {
    channel_close(c);
    return status;
}

int channel_listen(struct channel *c, const char *name, struct err *e) {
    struct name n;
    int status = open_socket(c, name, &n, e);
    if (status < 0)
        return fail(c, status);
    if (bind(c->fd, (struct sockaddr *)&n.addr, n.len) < 0) {
        if (errno == EADDRINUSE)
            return fail(c, err_set(e, ERR_EXISTS, "somebody listens at %s", name));
        return fail(c, err_errno(e, errno, "cannot listen at %s", name));
    }
    if (listen(c->fd, BACKLOG) < 0)
        return fail(c, err_errno(e, errno, "cannot listen at %s", name));
    return 0;
}

int channel_connect(struct channel *c, const char *name, struct err *e) {
    struct name n;
    int status = open_socket(c, name, &n, e);
    if (status < 0)
        return fail(c, status);
    if (connect(c->fd, (struct sockaddr *)&n.addr, n.len) < 0)
        return fail(c, err_errno(e, errno, "cannot connect to %s", name));
    if (!is_ours(c->fd))
        return fail(c, err_set(e, ERR_ACCESS, "%s is somebody else's", name));
    return 0;
}

int channel_accept(struct channel *listener, struct channel *c) {
    memset(c, 0, sizeof *c);
    c->fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (c->fd < 0)
        return ERR_AGAIN;
    return is_ours(c->fd) ? 0 : fail(c, ERR_AGAIN);
}

void channel_close(struct channel *c) {
    if (c->fd >= 0)
        close(c->fd);
    free(c->in.data);
    free(c->out.data);
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->ended = true;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static int make_room(struct channel_bytes *b, size_t more, size_t most) {
    if (b->len + more > most)
        return ERR_LIMIT;
    if (b->len + more > b->cap) {
        size_t cap = b->cap ? b->cap : READ_SIZE;
        while (cap < b->len + more)
            cap *= 2;
        char *grown = realloc(b->data, cap);
        if (!grown)
            return ERR_NOMEM;
        b->data = grown;
        b->cap = cap;
    }
    return 0;
}

static void drop_front(struct channel_bytes *b, size_t n) {
    if (n > 0) {
        b->len -= n;
        memmove(b->data, b->data + n, b->len);
    }
}

static void flush(struct channel *c) {
    size_t sent = 0;
    while (sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            c->out.len = sent = 0; /* its end is told where it is read */
            break;
        }
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    drop_front(&c->out, sent);
}

int channel_write(struct channel *c, const char *data, size_t len) {
    if (c->fd < 0)
        return ERR_CLOSED;
    int status = make_room(&c->out, len, CHANNEL_QUEUE_MOST);
    if (status < 0)
        return status;
    memcpy(c->out.data + c->out.len, data, len);
    c->out.len += len;
    flush(c);
    return 0;
}

bool channel_has_unsent(const struct channel *c) {
    return c->out.len > 0;
}

/* What has come since. ERR_AGAIN when that is nothing. */
static int receive(struct channel *c) {
    ssize_t n;
    if (c->ended)
        return ERR_EOF;
    int status = make_room(&c->in, READ_SIZE, CHANNEL_LINE_MOST + READ_SIZE);
    if (status < 0)
        return status == ERR_NOMEM ? status : fail(c, ERR_EOF);
    do {
        n = recv(c->fd, c->in.data + c->in.len, READ_SIZE, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        c->in.len += (size_t)n;
        return 0;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return ERR_AGAIN;
    c->ended = true;
    return ERR_EOF;
}

int channel_read(struct channel *c, const char **line, size_t *len) {
    int status = 0;
    if (c->fd >= 0)
        flush(c);
    drop_front(&c->in, c->taken);
    c->taken = 0;
    while (status == 0) {
        const char *end = c->in.len ? memchr(c->in.data, '\n', c->in.len) : NULL;
        if (end) {
            *line = c->in.data;
            *len = (size_t)(end - c->in.data);
            c->taken = *len + 1;
            return 0;
        }
        status = receive(c);
    }
    return status;
}

/* ---- waiting ----------------------------------------------------------------------------- */

int channel_wait(const int *fds, size_t fd_count, struct channel *const *channels,
                 size_t n, int msec) {
    struct pollfd polled[WAIT_MOST];
    nfds_t count = 0;
    for (size_t i = 0; i < fd_count && count < WAIT_MOST; i++)
        polled[count++] = (struct pollfd){fds[i], POLLIN, 0};
    for (size_t i = 0; i < n && count < WAIT_MOST; i++)
        if (channels[i]->fd >= 0 && !channels[i]->ended)
            polled[count++] = (struct pollfd){
                channels[i]->fd,
                (short)(POLLIN | (channel_has_unsent(channels[i]) ? POLLOUT : 0)), 0};
    int ready = poll(polled, count, msec);
    return ready < 0 ? 0 : ready;
}
