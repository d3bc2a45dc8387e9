/* fake_tracker: one thread, one connection at a time, one request a
 * connection, by 127.0.0.1 and, if asked for, by ::1. The lock guards
 * the script and the record; the thread ends when its listening socket is shut down. */
#include "fake_tracker.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"

#define MAX_REQUESTS 64
#define MAX_LINE 2048
#define MAX_SCRIPT 32

struct fake_tracker {
    int fd, fd6; /* -1: by IPv4 alone */
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct {
        const char *path, *reply;
    } script[MAX_SCRIPT];
    unsigned script_len;
    char requests[MAX_REQUESTS][MAX_LINE];
    int64_t times[MAX_REQUESTS];
    int families[MAX_REQUESTS];
    unsigned count;
    int hanging[MAX_REQUESTS];
    unsigned hanging_count;
};

/* d8:intervali1800e5:peers6: 127.1.1.1:6881 e */
static const uint8_t gzipped[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0xb1, 0xb0, 0xca,
    0xcc, 0x2b, 0x49, 0x2d, 0x2a, 0x4b, 0xcc, 0xc9, 0x34, 0xb4, 0x30, 0x30, 0x48, 0x35,
    0xb5, 0x2a, 0x48, 0x4d, 0x2d, 0x2a, 0x36, 0xb3, 0xaa, 0x67, 0x64, 0x64, 0x94, 0x7a,
    0x98, 0x0a, 0x00, 0xd5, 0xae, 0xa7, 0x55, 0x21, 0x00, 0x00, 0x00};

static int64_t now_usec(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The reply that is next for the path of a request. */
static const char *next_reply(struct fake_tracker *f, const char *target) {
    const char *found = NULL;
    size_t len = strcspn(target, "?");
    for (unsigned i = 0, left = 1; i < f->script_len && left; i++) {
        if (!f->script[i].path || strlen(f->script[i].path) != len ||
            memcmp(f->script[i].path, target, len) != 0)
            continue;
        for (unsigned j = i + 1; j < f->script_len; j++)
            if (f->script[j].path && strcmp(f->script[j].path, f->script[i].path) == 0)
                left = 0; /* not the last: used up now */
        found = f->script[i].reply;
        if (!left)
            f->script[i].path = NULL;
        break;
    }
    return found ? found : "404 no such path";
}

static const char *record(struct fake_tracker *f, const char *head, int family) {
    const char *target = head + 4, *reply;
    pthread_mutex_lock(&f->lock);
    reply = next_reply(f, target);
    if (f->count < MAX_REQUESTS) {
        f->times[f->count] = now_usec();
        f->families[f->count] = family;
        snprintf(f->requests[f->count++], MAX_LINE, "%.*s", (int)strcspn(target, " "),
                 target);
    }
    pthread_mutex_unlock(&f->lock);
    return reply;
}

static bool read_head(int fd, char *head, size_t size) {
    size_t len = 0;
    while (len + 1 < size) {
        ssize_t n = recv(fd, head + len, size - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        head[len] = '\0';
        if (strstr(head, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void answer(int fd, const char *reply) {
    char head[256];
    bool gzip = strcmp(reply, "gzip") == 0;
    const void *body = gzip ? (const void *)gzipped : reply + 4;
    size_t len = gzip ? sizeof gzipped : strlen(reply + 4);
    int n =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %.3s X\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
                 gzip ? "200" : reply, len, gzip ? "Content-Encoding: gzip\r\n" : "");
    (void)!send(fd, head, (size_t)n, MSG_NOSIGNAL);
    (void)!send(fd, body, len, MSG_NOSIGNAL);
}

/* From either of its sockets; below 0 when the first is shut down. */
static int take(struct fake_tracker *f, int *family) {
    struct pollfd fds[] = {{f->fd, POLLIN, 0}, {f->fd6, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0)
        return -1;
    *family = fds[0].revents ? 4 : 6;
    return accept(*family == 4 ? f->fd : f->fd6, NULL, NULL);
}

static void *serve(void *arg) {
    struct fake_tracker *f = arg;
    char head[MAX_LINE + 1024];
    for (int fd, family; (fd = take(f, &family)) >= 0;) {
        const char *reply =
            read_head(fd, head, sizeof head) ? record(f, head, family) : "hang";
        if (strcmp(reply, "hang") == 0 && f->hanging_count < MAX_REQUESTS) {
            f->hanging[f->hanging_count++] = fd;
            continue;
        }
        answer(fd, reply);
        close(fd);
    }
    return NULL;
}

static struct fake_tracker *bind4(void) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    struct fake_tracker *f = calloc(1, sizeof *f);
    CHECK(f);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(f->fd >= 0);
    CHECK_INT(bind(f->fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(listen(f->fd, 16), 0);
    CHECK_INT(getsockname(f->fd, (struct sockaddr *)&at, &len), 0);
    f->port = ntohs(at.sin_port);
    f->fd6 = -1;
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

static struct fake_tracker *start(struct fake_tracker *f) {
    CHECK_INT(pthread_create(&f->thread, NULL, serve, f), 0);
    return f;
}

struct fake_tracker *fake_tracker_open(void) {
    return start(bind4());
}

/* The port that is free by IPv4 may be taken by IPv6. */
static bool bind6(struct fake_tracker *f) {
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(f->port)};
    int on = 1;
    at.sin6_addr = in6addr_loopback;
    f->fd6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(f->fd6 >= 0);
    CHECK_INT(setsockopt(f->fd6, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
    return bind(f->fd6, (struct sockaddr *)&at, sizeof at) == 0 &&
           listen(f->fd6, 16) == 0;
}

struct fake_tracker *fake_tracker_open_both(void) {
    for (int tries = 0; tries < 100; tries++) {
        struct fake_tracker *f = bind4();
        if (bind6(f))
            return start(f);
        close(f->fd), close(f->fd6);
        free(f);
    }
    check_fail(__FILE__, __LINE__, "no port that is free on 127.0.0.1 and on ::1");
}

void fake_tracker_close(struct fake_tracker *f) {
    shutdown(f->fd, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    for (unsigned i = 0; i < f->hanging_count; i++)
        close(f->hanging[i]);
    close(f->fd);
    if (f->fd6 >= 0)
        close(f->fd6);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

uint16_t fake_tracker_port(const struct fake_tracker *f) {
    return f->port;
}

void fake_tracker_says(struct fake_tracker *f, const char *path, const char *reply) {
    pthread_mutex_lock(&f->lock);
    CHECK(f->script_len < MAX_SCRIPT);
    f->script[f->script_len].path = path;
    f->script[f->script_len++].reply = reply;
    pthread_mutex_unlock(&f->lock);
}

unsigned fake_tracker_count(struct fake_tracker *f) {
    pthread_mutex_lock(&f->lock);
    unsigned count = f->count;
    pthread_mutex_unlock(&f->lock);
    return count;
}

/* What was recorded never changes again. */
const char *fake_tracker_request(struct fake_tracker *f, unsigned i) {
    return i < fake_tracker_count(f) ? f->requests[i] : NULL;
}

int64_t fake_tracker_time(struct fake_tracker *f, unsigned i) {
    return i < fake_tracker_count(f) ? f->times[i] : 0;
}

int fake_tracker_family(struct fake_tracker *f, unsigned i) {
    return i < fake_tracker_count(f) ? f->families[i] : 0;
}
