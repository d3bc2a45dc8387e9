/* udp_trackers: asking UDP trackers (BEP 15), as fetch is for HTTP ones: one set per session.
 *
 *     udp_query_announce, udp_query_scrape
 *         |  the host's name is resolved on a worker
 *         v
 *     one leg per address family: proto/udp_announce over the session's datagrams
 *         |  each leg's answer is told when it comes: a tracker that knows our IPv4 peers
 *         v  knows others than the same one asked by IPv6
 *     the last one ends the query
 *
 * Once a leg has answered, the others have a few seconds more: a machine whose IPv6 leads nowhere
 * must not wait for it. Connection ids are kept here, because all torrents share them. */
#ifndef MARE_UDP_TRACKERS_H
#define MARE_UDP_TRACKERS_H

#include "engine/datagrams.h"
#include "proto/udp_announce.h"

struct udp_trackers; /* one per session */
struct udp_query;    /* one question to one tracker */

struct udp_result {
    int status;                         /* 0, or ERR_* with a sentence */
    const char *why;                    /* then */
    const struct announce_reply *reply; /* of an announce; NULL: no (further) one */
    const struct scrape_counts *counts; /* of a scrape; NULL */
    bool last;                          /* the query is gone after this */
};

/* Comes inside loop_step: once for each leg that answers, and once with `last` (which may be the
 * same call). With status < 0 `last` is set, and nobody has answered. It may cancel. */
typedef void udp_query_hook(void *owner, const struct udp_result *r);

struct udp_trackers *udp_trackers_new(struct loop *l, struct datagrams *d);
/* Pending queries end silently. Not from inside a hook. */
void udp_trackers_free(struct udp_trackers *u);

/* `url` and `r` are copied. `tries`: packets without an answer before a leg gives up, 0 = 3 (15, 30
 * and 60 s). NULL with *e if it cannot begin. */
struct udp_query *udp_query_announce(struct udp_trackers *u, const char *url,
                                     const struct announce_request *r, uint32_t tries,
                                     udp_query_hook *hook, void *owner, struct err *e);
struct udp_query *udp_query_scrape(struct udp_trackers *u, const char *url,
                                   const uint8_t info_hash[20], udp_query_hook *hook,
                                   void *owner, struct err *e);
void udp_query_cancel(struct udp_query *q); /* the hook is not called any more */

/* For specs: how long a second of the protocol's time-outs lasts; a query that has just been made
 * finds that its host has these addresses. */
void udp_trackers_set_pace(struct udp_trackers *u, usec second);
void udp_query_found(struct udp_query *q, const struct addr *a, uint32_t n);

#endif
