/* web_server: see web_server.h. What good and what hostile servers say. */
#include "unit/io/web_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "support/check.h"

static const char gzip_hello[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57"
    "\x48\xaf\xca\x2c\xe0\x02\x00\x39\x7c\x63\x56\x0b\x00\x00\x00";

#define ANSWER(status, headers, body) "HTTP/1.1 " status "\r\n" headers "\r\n" body

static const struct {
    const char *path, *bytes;
} answers[] = {
    {"/plain", ANSWER("200 OK", "Content-Length: 5\r\n", "hello")},
    {"/empty", ANSWER("200 OK", "Content-Length: 0\r\n", "")},
    {"/chunked", ANSWER("200 OK", "Transfer-Encoding: chunked\r\n",
                        "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")},
    {"/missing", ANSWER("404 Not Found", "Content-Length: 14\r\n", "no such thing!")},
    {"/to-file",
     ANSWER("302 Found", "Location: file:///etc/passwd\r\nContent-Length: 0\r\n", "")},
    {"/to-ftp",
     ANSWER("302 Found", "Location: ftp://127.0.0.1/x\r\nContent-Length: 0\r\n", "")},
    {"/round", ANSWER("302 Found", "Location: /round\r\nContent-Length: 0\r\n", "")},
    {"/onward", ANSWER("302 Found", "Location: /plain\r\nContent-Length: 0\r\n", "")},
    {"/short", ANSWER("200 OK", "Content-Length: 50\r\nConnection: close\r\n", "hello")},
    {"/once", ANSWER("200 OK", "Content-Length: 5\r\nConnection: close\r\n", "hello")},
    {"/nonsense", "220 smtp.example ESMTP\r\n"},
};

/* All of it, or until the other side has had enough. */
static bool send_all(int fd, const void *data, size_t len) {
    const char *at = data;
    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n, len -= (size_t)n;
    }
    return true;
}

static void send_text(int fd, const char *text) {
    send_all(fd, text, strlen(text));
}

/* Does not stop by itself (up to 64 MiB, so that a fetch without a bound fails its
 * test). */
static void send_flood(int fd, const char *start, const char *again) {
    static const size_t enough = 64 << 20;
    char block[16384];
    size_t unit = strlen(again);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = again[i % unit];
    send_text(fd, start);
    for (size_t sent = 0; sent < enough; sent += sizeof block / unit * unit)
        if (!send_all(fd, block, sizeof block / unit * unit))
            return;
}

static bool wait_readable(struct server *v, int fd) {
    struct pollfd p[] = {{v->quit[0], POLLIN, 0}, {fd, POLLIN, 0}};
    poll(p, 2, -1);
    return !p[0].revents;
}

static bool path_is(const struct server *v, const char *path) {
    size_t len = strlen(path);
    const char *asked = v->request + 4;
    if (!strncmp(asked, "http://", 7)) /* as to a proxy */
        asked += 7 + strcspn(asked + 7, "/ ");
    return !strncmp(asked, path, len) && asked[len] == ' ';
}

static void send_gzip(int fd) {
    send_text(fd,
              ANSWER("200 OK", "Content-Encoding: gzip\r\nContent-Length: 31\r\n", ""));
    send_all(fd, gzip_hello, sizeof gzip_hello - 1);
}

/* False: the connection ends here. */
static bool answer(struct server *v, int fd) {
    char redirect[256];
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        if (path_is(v, answers[i].path)) {
            send_text(fd, answers[i].bytes);
            return strstr(answers[i].bytes, "Content-Length") &&
                   !strstr(answers[i].bytes, "close");
        }
    if (path_is(v, "/gzip"))
        send_gzip(fd);
    else if (path_is(v, "/flood"))
        send_flood(fd, ANSWER("200 OK", "", ""), "x");
    else if (path_is(v, "/flooding-redirect"))
        send_flood(
            fd,
            ANSWER("302 Found", "Location: /plain\r\nContent-Length: 67108864\r\n", ""),
            "x");
    else if (path_is(v, "/headers"))
        send_flood(fd, "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n");
    else if (path_is(v, "/silence"))
        wait_readable(v, fd); /* the client hangs up, or the test is over */
    else if (path_is(v, "/redirect")) {
        snprintf(redirect, sizeof redirect,
                 ANSWER("302 Found", "Location: %s\r\nContent-Length: 0\r\n", ""),
                 v->redirect_to);
        send_text(fd, redirect);
        return true;
    }
    return path_is(v, "/gzip");
}

static bool read_request(struct server *v, int fd) {
    size_t len = 0;
    while (len + 1 < sizeof v->request && wait_readable(v, fd)) {
        ssize_t n = recv(fd, v->request + len, sizeof v->request - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        v->request[len] = 0;
        if (strstr(v->request, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void *serve(void *arg) {
    struct server *v = arg;
    while (wait_readable(v, v->fd)) {
        socklen_t len = sizeof v->from;
        int fd = accept(v->fd, (struct sockaddr *)&v->from, &len);
        if (fd < 0)
            continue;
        v->connections++;
        while (read_request(v, fd) && answer(v, fd))
            ;
        close(fd);
    }
    return NULL;
}

void server_start(struct server *v, const char *ip) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    *v = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    inet_pton(AF_INET, ip, &at.sin_addr);
    CHECK(bind(v->fd, (struct sockaddr *)&at, len) == 0 && listen(v->fd, 16) == 0);
    CHECK(getsockname(v->fd, (struct sockaddr *)&at, &len) == 0);
    CHECK(pipe2(v->quit, O_CLOEXEC) == 0);
    v->port = ntohs(at.sin_port);
    CHECK(pthread_create(&v->thread, NULL, serve, v) == 0);
}

void server_stop(struct server *v) {
    close(v->quit[1]);
    pthread_join(v->thread, NULL);
    close(v->quit[0]);
    close(v->fd);
}
