/* announcer: a torrent's trackers, all of them on loopback, HTTP and UDP, which answer by script. A
 * second of the trackers lasts a millisecond here: an interval of 1,800 s is 1.8 s, the first back-off
 * 15 ms. What the hooks are told is kept. */
#ifndef MARE_ANNOUNCER_H
#define MARE_ANNOUNCER_H

#include "engine/trackers_private.h"
#include "fake_tracker.h"
#include "fake_udp_tracker.h"
#include "support/check.h"

#define ANNOUNCER_PATIENCE (10 * USEC_PER_SEC)

#define NO_PEERS "200 d8:intervali1800e5:peers0:e"
#define ONE_PEER                                             \
    "200 d8:intervali1800e5:peers6:\x7f\x01\x01\x01\x1a\xe1" \
    "e"
#define REFUSAL "200 d14:failure reason6:no waye"

struct announcer {
    struct loop *loop;
    struct fetcher *fetcher;
    struct fake_tracker *fake;
    struct stats stats;
    struct datagrams *datagrams;
    struct udp_trackers *udp;
    struct fake_udp_tracker fake_udp;
    struct trackers *t;
    struct rng rng;
    bool want; /* what describe says */
    bool stop_at_result;
    unsigned results, failures;
    int status;     /* of the last result, */
    char text[256]; /* its sentence, */
    char url[256];  /* url */
    uint32_t peers; /* and peers */
    uint32_t addrs; /* given in all */
    struct addr addr, external;
    char heard[4096];
    unsigned scrapes;
    int scrape_status;
    char scrape_text[256];
    struct scrape_counts counts;
};

extern const uint8_t announcer_hash[20];            /* the torrent's */
extern const struct trackers_hooks announcer_hooks; /* owner: the announcer */

/* Knows no tracker yet. `both`: we have two families to be announced. */
struct announcer *announcer_open_with(struct fake_tracker *fake, bool both);
struct announcer *announcer_open(void); /* of one */
void announcer_close(struct announcer *x);
struct trackers_tools announcer_tools(struct announcer *x);
/* A tracker of the HTTP fake, in a tier; one of the UDP fake. */
void announcer_add(struct announcer *x, const char *path, uint32_t tier);
void announcer_add_udp(struct announcer *x, const char *path, uint32_t tier);
/* Has one tracker, "/a", which replies so: once each, the last one for ever. */
#define announcer_with(...) announcer_saying((const char *const[]){__VA_ARGS__, NULL})
struct announcer *announcer_saying(const char *const *replies);

void announcer_start(struct announcer *x);
void announcer_begin(
    struct announcer *x);                /* the same, and the first announce has ended */
void announcer_end(struct announcer *x); /* stops, and everybody has heard of it */
void announcer_step(struct announcer *x);
/* Steps until so many of them have come, or nothing is in flight. */
#define ANNOUNCER_UNTIL(x, cond)                              \
    do {                                                      \
        usec end_ = loop_now((x)->loop) + ANNOUNCER_PATIENCE; \
        while (!(cond)) {                                     \
            CHECK(loop_now((x)->loop) < end_);                \
            announcer_step(x);                                \
        }                                                     \
    } while (0)
void announcer_until_results(struct announcer *x, unsigned n);
void announcer_until_asked(struct announcer *x, unsigned n);
void announcer_until_scrapes(struct announcer *x, unsigned n);
void announcer_until_quiet(struct announcer *x);

/* The value of a key in the i-th request; "" if it is not there. */
const char *announcer_asked(struct announcer *x, unsigned i, const char *key);
/* All that the HTTP fake heard: "/a started, /a completed". */
const char *announcer_heard(struct announcer *x);
struct tracker_row announcer_row(struct announcer *x, uint32_t i);
const char *announcer_path(struct announcer *x, uint32_t i); /* of the URL in that row */

#endif
