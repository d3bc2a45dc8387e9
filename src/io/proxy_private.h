/* proxy_private: between proxy.c (where the proxy is) and proxy_stream.c (what is said to it). */
#ifndef MARE_PROXY_PRIVATE_H
#define MARE_PROXY_PRIVATE_H

#include "base/bytes.h"
#include "base/list.h"
#include "io/proxy.h"
#include "proto/http_connect.h"
#include "proto/socks5.h"

#define PROXY_ADDRS 8

struct proxy {
    struct loop *loop;
    struct proxy_url url;
    struct addr bind;
    proxy_on_trouble *on_trouble;
    void *owner;
    struct addr addrs[PROXY_ADDRS];
    uint32_t count, next; /* 0: not known yet */
    bool literal;         /* no name */
    bool troubled;        /* told, and it has not worked since */
    uint32_t rests;       /* in a row */
    usec rests_until;
    usec resolved_at;
    struct resolve *resolve;
    struct link waiting; /* streams that need the address */
};

/* What is only there until the tunnel stands. */
struct tunnel {
    union {
        struct socks5 socks;
        struct http_connect http;
    };
    struct text out; /* to be sent */
    size_t sent;
};

struct proxy_stream {
    struct stream base;
    struct proxy *proxy;
    struct stream *inner; /* NULL: waits for the proxy's address */
    struct link waiting;
    struct tunnel *tunnel; /* NULL: it stands, or has failed */
    struct addr to;
    uint32_t at, tries; /* the proxy's address that is dialled, how many were before it */
    int wanted;
};

/* Sees to it that the address is known, or being asked for. */
int proxy_find(struct proxy *p, struct err *e) MUST_USE;
void proxy_note_works(struct proxy *p);
void proxy_note_trouble(struct proxy *p, int code, const char *what);
void proxy_note_unreachable(struct proxy *p, int code);
/* The address is known (0), or cannot be. */
void proxy_stream_go_on(struct proxy_stream *s, int status);

#endif
