/* http: what it does to the process around it. What it answers to whom is tests/lua/http_spec.lua. */
#include "io/http.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/check.h"

static volatile sig_atomic_t pipes; /* a handler has nothing but globals */

static void count_pipe(int number) {
    (void)number;
    pipes = pipes + 1;
}

/* As sendfile does when the client is gone. */
static void on_request(void *owner, struct http_request *r) {
    int *requests = owner;
    ++*requests;
    raise(SIGPIPE);
    http_answer_bytes(r, &(struct http_answer){.status = 200}, "x", 1);
}

static int dial(uint16_t port) {
    static const char words[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(send(fd, words, sizeof words - 1, MSG_NOSIGNAL), sizeof words - 1);
    return fd;
}

static bool waits(void) {
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, SIGPIPE);
}

static void serve_one(struct loop *l) {
    int requests = 0;
    char byte;
    struct err e = {0};
    struct http_options o = {.at = {.family = 4, .ip = {127, 0, 0, 1}}, .connections = 8};
    struct http_server *s = http_open(l, &o, on_request, &requests, &e);
    CHECK(s);
    int fd = dial(http_port(s));
    for (int i = 0; i < 1000 && recv(fd, &byte, 1, MSG_DONTWAIT) != 1; i++)
        (void)loop_step(l, 10 * USEC_PER_MSEC);
    CHECK_INT(requests, 1);
    close(fd);
    http_close(s);
}

static void with_handler(void (*what)(struct loop *l)) {
    struct sigaction mine = {.sa_handler = count_pipe}, before;
    struct err e = {0};
    struct loop *l = loop_new(&e);
    CHECK(l);
    CHECK_INT(sigaction(SIGPIPE, &mine, &before), 0);
    pipes = 0;
    what(l);
    CHECK_INT(sigaction(SIGPIPE, &before, NULL), 0);
    loop_free(l);
}

TEST(http_raises_no_sigpipe_in_its_process) {
    with_handler(serve_one);
    CHECK_INT(pipes, 0);
    CHECK(!waits());
}

static void serve_with_one_pending(struct loop *l) {
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    raise(SIGPIPE);
    serve_one(l);
    CHECK(waits());
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

TEST(http_leaves_the_process_the_sigpipe_that_was_there_before) {
    with_handler(serve_with_one_pending);
    CHECK_INT(pipes, 1);
}
