/* bench: what the programs of this folder share: clocks, sockets, the handshake, and the lines of
 * JSON that they tell the harness what happens with.
 *
 * They are short-lived and measured, so they die of the first error, and they know the protocol
 * by themselves as far as they can: what they count is an outside counter for the engine. */
#ifndef MARE_BENCH_H
#define MARE_BENCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "codec/wire.h"
#include "proto/handshake.h"

#define MIB ((size_t)1 << 20)

static inline void die(const char *what) {
    perror(what);
    exit(2);
}

static inline void *must(void *p) {
    if (!p)
        die("memory");
    return p;
}

/* ---- time -------------------------------------------------------------------------- */

static inline double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static inline double now(void) {
    return seconds_of(CLOCK_MONOTONIC);
}
static inline double cpu_seconds(void) {
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* {"event":"NAME","time":..,"cpu":..  and then `more`, if any, which begins with a comma. The
 * time is the wall clock, so that two processes can be compared. */
static inline void say_event(const char *name, const char *more) {
    printf("{\"event\":\"%s\",\"time\":%.6f,\"cpu\":%.6f%s}\n", name,
           seconds_of(CLOCK_REALTIME), cpu_seconds(), more);
    fflush(stdout);
}

/* ---- options: every one of them has a value ---------------------------------------- */

/* Walks over "--name value" pairs: the value of `name` in argv, or `other`. */
static inline const char *option(int argc, char **argv, const char *name,
                                 const char *other) {
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    if (!other) {
        fprintf(stderr, "%s: %s is missing\n", argv[0], name);
        exit(2);
    }
    return other;
}
static inline uint64_t option_number(int argc, char **argv, const char *name,
                                     const char *other) {
    return strtoull(option(argc, argv, name, other), NULL, 10);
}
static inline void option_info_hash(int argc, char **argv, uint8_t out[20]) {
    const char *hex = option(argc, argv, "--infohash", NULL);
    if (strlen(hex) != 40 || hex_decode(out, hex, 20) < 0) {
        fprintf(stderr, "%s: not an info hash: %s\n", argv[0], hex);
        exit(2);
    }
}

/* "127.0.0.1:6881" */
static inline struct sockaddr_in parse_address(const char *text) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    char host[64];
    snprintf(host, sizeof host, "%s", text);
    char *colon = strrchr(host, ':');
    if (!colon) {
        fprintf(stderr, "not HOST:PORT: %s\n", text);
        exit(2);
    }
    *colon = 0;
    a.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        die(text);
    return a;
}

/* ---- sockets ----------------------------------------------------------------------- */

/* The n-th address from 127.0.0.1 on: clients keep one connection per address. */
static inline struct sockaddr_in loopback(uint32_t n, uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + n);
    return a;
}

static inline void set_nodelay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* A connection that is being made, from the n-th address. */
static inline int dial_from(uint32_t n, const struct sockaddr_in *to) {
    struct sockaddr_in from = loopback(n, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof from) < 0)
        die("bind");
    set_nodelay(fd);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
        die("connect");
    return fd;
}

/* 0, or why the connection could not be made. */
static inline int dial_error(int fd) {
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error;
}

static inline void watch(int epoll, int op, int fd, void *owner, bool out) {
    struct epoll_event e = {.events = EPOLLIN | (out ? (uint32_t)EPOLLOUT : 0u),
                            .data.ptr = owner};
    if (epoll_ctl(epoll, op, fd, &e) < 0)
        die("epoll_ctl");
}

/* ---- the protocol ------------------------------------------------------------------ */

static inline void put_hello(uint8_t out[HANDSHAKE_LEN], const uint8_t info_hash[20],
                             const char *client, uint32_t number, bool extensions) {
    struct handshake h = {.extensions = extensions};
    char id[21];
    snprintf(id, sizeof id, "-%.6s-%06u%06u", client, (unsigned)getpid() % 1000000,
             number % 1000000);
    memcpy(h.info_hash, info_hash, sizeof h.info_hash);
    memcpy(h.peer_id, id, sizeof h.peer_id);
    handshake_encode(out, &h);
}

static inline uint32_t count_pieces(uint64_t size, uint32_t piece_length) {
    return (uint32_t)((size + piece_length - 1) / piece_length);
}
static inline uint32_t piece_size(uint64_t size, uint32_t piece_length, uint32_t piece) {
    uint64_t rest = size - (uint64_t)piece * piece_length;
    return rest < piece_length ? (uint32_t)rest : piece_length;
}

#endif
