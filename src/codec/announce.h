/* announce: a tracker request as a URL, and its reply (BEP 3, 7, 23; BEP 24 external ip).
 * A message and its inverse in one file. Scrape comes in beside it. */
#ifndef MARE_ANNOUNCE_H
#define MARE_ANNOUNCE_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "codec/tracker_reply.h"

#define ANNOUNCE_MAX_REPLY 1048576u
#define ANNOUNCE_MAX_PEERS 3000u

enum announce_event {
    ANNOUNCE_NONE,
    ANNOUNCE_STARTED,
    ANNOUNCE_STOPPED,
    ANNOUNCE_COMPLETED
};

struct announce_request {
    const uint8_t *info_hash; /* 20 bytes */
    const uint8_t *peer_id;   /* 20 bytes */
    uint16_t port;
    uint64_t uploaded, downloaded, left;
    enum announce_event event;
    int numwant;            /* -1 = tracker's default */
    uint32_t key;           /* BEP 7 key: the same client after its address changed */
    const char *tracker_id; /* as the tracker gave it, or NULL */
    const struct addr *ip6; /* our other address (BEP 7 ipv6=), or NULL */
};

/* Appends the query to the tracker's URL (which may have one already), compact=1. */
void announce_url(struct text *out, const char *tracker,
                  const struct announce_request *r);

struct announce_peer {
    struct addr addr;
    bool has_id; /* dictionary form only */
    uint8_t id[20];
};

struct announce_reply {
    char failure[256]; /* "" = success; then nothing else is set (but retry_in) */
    char warning[256];
    char tracker_id[256];
    int interval;     /* seconds, clamped; 1800 when not given */
    int min_interval; /* seconds, clamped; ANNOUNCE_MIN_INTERVAL when not given */
    int retry_in;     /* BEP 31 minutes as seconds; 0 = not given, -1 = never */
    int64_t complete, incomplete, downloaded; /* -1 = not given; implausible counts too */
    struct addr external_ip;                  /* BEP 24; family 0 = not given */
    /* IPv4 and IPv6, without port 0 and unusable addresses */
    struct announce_peer *peers;
    uint32_t peer_count;
};

/* 0, or ERR_FORMAT / ERR_LIMIT / ERR_NOMEM with a sentence. Names in dictionary peers that are
 * not numeric addresses are dropped. Text from the tracker is cut to printable UTF-8. */
int announce_reply_parse(struct announce_reply *r, const uint8_t *data, size_t len,
                         struct err *e) MUST_USE;
void announce_reply_free(struct announce_reply *r);

#endif
