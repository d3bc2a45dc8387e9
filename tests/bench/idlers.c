/* idlers: a crowd that does nothing. Opens --count connections to one peer, each from an address of its
 * own, says hello, that it has nothing and wants nothing, and then only listens.
 *
 *     idlers --peer HOST:PORT --infohash HEX --pieces N [--count 2000]
 *
 * Says "ready" when the peer has greeted them all (or "short" after ten seconds, with how many),
 * stays until stdin closes. What the peer spends on them is for the harness to see. */
#include <poll.h>

#include "bench.h"

#define FIRST_ADDRESS 1000
#define AT_ONCE 100 /* being greeted: a listener's backlog is short */

struct idler {
    int fd;
    bool greeted;
};

struct crowd {
    struct sockaddr_in peer;
    uint8_t info_hash[20];
    uint32_t pieces, count, dialled, greeted, lost;
    int epoll;
    struct idler *idlers;
};

static void introduce(struct crowd *c, int fd, uint32_t number) {
    uint32_t len = (c->pieces + 7) / 8;
    uint8_t *out = must(calloc(1, HANDSHAKE_LEN + 5 + len));
    put_hello(out, c->info_hash, "NO0002", number, false);
    size_t size = HANDSHAKE_LEN;
    size += wire_put_header(out + size, WIRE_BITFIELD, len) + len;
    if (send(fd, out, size, MSG_NOSIGNAL) != (ssize_t)size)
        die("send");
    free(out);
}

/* Blocking: on loopback the connection is made at once. */
static void dial(struct crowd *c, uint32_t number) {
    struct sockaddr_in from = loopback(FIRST_ADDRESS + number, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(fd, (struct sockaddr *)&c->peer, sizeof c->peer) < 0)
        die("connect");
    c->idlers[number].fd = fd;
    introduce(c, fd, number);
    watch(c->epoll, EPOLL_CTL_ADD, fd, &c->idlers[number], false);
}

static void on_ready(struct crowd *c, struct idler *i) {
    uint8_t drop[65536];
    ssize_t n = recv(i->fd, drop, sizeof drop, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        close(i->fd);
        c->lost++;
    } else if (n > 0 && !i->greeted) {
        i->greeted = true;
        c->greeted++;
    }
}

static void turn(struct crowd *c) {
    struct epoll_event events[256];
    int n = epoll_wait(c->epoll, events, COUNT_OF(events), 10);
    for (int i = 0; i < n; i++)
        on_ready(c, events[i].data.ptr);
}

static void say_crowd(const struct crowd *c, const char *event) {
    char more[64];
    snprintf(more, sizeof more, ",\"greeted\":%u,\"lost\":%u", c->greeted, c->lost);
    say_event(event, more);
}

static void gather(struct crowd *c) {
    double until = now() + 10;
    while (c->greeted + c->lost < c->count && now() < until) {
        while (c->dialled < c->count && c->dialled - c->greeted - c->lost < AT_ONCE)
            dial(c, c->dialled++);
        turn(c);
    }
    say_crowd(c, c->greeted == c->count ? "ready" : "short");
}

static bool is_over(void) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) > 0;
}

int main(int argc, char **argv) {
    struct crowd c = {.peer = parse_address(option(argc, argv, "--peer", NULL))};
    option_info_hash(argc, argv, c.info_hash);
    c.pieces = (uint32_t)option_number(argc, argv, "--pieces", NULL);
    c.count = (uint32_t)option_number(argc, argv, "--count", "2000");
    c.idlers = must(calloc(c.count, sizeof *c.idlers));
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    gather(&c);
    while (!is_over())
        turn(&c);
    say_crowd(&c, "done");
    return 0;
}
