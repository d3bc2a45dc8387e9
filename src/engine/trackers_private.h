/* trackers_private: what the files of trackers share, and one knob for specs.
 *
 *     trackers           life and schedule: start, stop, when to announce to whom
 *     trackers_list      the list in its order, without any I/O: failover, promotion, rows
 *     trackers_announce  one announce: the request, and what becomes of it
 *     trackers_scrape    one scrape */
#ifndef MARE_TRACKERS_PRIVATE_H
#define MARE_TRACKERS_PRIVATE_H

#include "engine/trackers.h"

/* An announce over HTTP: by any family, or one by each (BEP 7). */
struct voice {
    struct tracker *tracker;
    uint8_t family;      /* 4, 6; 0 = any */
    bool heard;          /* this way it has answered, and does know us */
    struct fetch *fetch; /* in flight, or NULL */
};

struct tracker {
    struct trackers *owner;
    struct link leaving; /* removed, and not done with its farewell */
    char *url;
    char *shown; /* the same for sentences: no passkey, no password */
    uint32_t tier;
    bool udp;
    bool unsupported, told;    /* `told`: that it is unsupported has been reported */
    bool knows_us;             /* answered since the start */
    struct voice voice[2];     /* the announce in flight: one or both of these, */
    struct udp_query *query;   /* or this, or none */
    struct err why;            /* of a family that failed, until the other's end */
    int retry_in;              /* what it said */
    usec asked_at;             /* when it began, or the last one did */
    bool answered;             /* by one of the two address families */
    enum announce_event event; /* what that one says */
    char id[256];              /* its `tracker id`, to be echoed */
    char message[256];
    struct scrape_counts counts;
    struct fetch *scrape_fetch; /* the scrape in flight */
    struct udp_query *scrape_query;
    usec scrape_at; /* not before */
    uint32_t peers;
    uint32_t failures; /* in a row */
    bool proxy_failed; /* the last of them was the proxy's */
    uint32_t eager;    /* announces before the interval was over, in a row */
    usec next_at;      /* by its interval or its back-off */
    usec min_at;       /* the earliest that it allows */
};

struct trackers {
    struct trackers_tools tools;
    struct loop *loop; /* of the tools */
    const struct trackers_hooks *hooks;
    void *owner;
    struct tracker **list; /* by tier; within one, in the order to be tried */
    uint32_t count;
    struct link leaving;
    uint8_t info_hash[20], peer_id[20];
    uint8_t scraped[1][20]; /* the info hash that scrapes ask for */
    uint32_t key;
    bool running;
    bool want; /* more peers would be welcome */
    enum {
        OPEN,
        COMPLETED,
        TOLD
    } download; /* ended in this session? did a tracker hear? */
    struct timer timer;
    usec second;   /* how long one lasts: shorter in specs */
    usec patience; /* how long a silent tracker keeps the others waiting */
};

/* How long a second of intervals and back-offs lasts. */
void trackers_set_pace(struct trackers *t, usec second);

static inline bool tracker_in_flight(const struct tracker *k) {
    return k->voice[0].fetch || k->voice[1].fetch || k->query;
}

static inline bool tracker_is_leaving(const struct tracker *k) {
    return !list_empty(&k->leaving);
}

/* trackers_list */
int trackers_insert(struct trackers *t, const char *url, uint32_t tier, struct err *e);
/* A new list of those that are there and of new ones; NULL with *e, and nothing was changed. */
struct tracker **trackers_arrange(struct trackers *t, const struct tracker_place *places,
                                  uint32_t count, uint32_t *n, struct err *e);
/* Gives all of them the tiers of their places. */
void trackers_place(struct trackers *t, const struct tracker_place *places,
                    uint32_t count);
void trackers_shuffle(struct trackers *t);
void trackers_promote(struct trackers *t, const struct tracker *k);
struct tracker *trackers_find(const struct trackers *t, const char *url);
void trackers_take_out(struct trackers *t, struct tracker *k);
void tracker_free(struct tracker *k);
bool trackers_in_flight(const struct trackers *t); /* those that leave, too */
/* One that others wait for: in flight, and not for long. */
const struct tracker *trackers_awaited(const struct trackers *t);
/* When the tracker may be announced to, were it its turn. */
usec tracker_due(const struct tracker *k);
/* The tracker to announce to now (NULL = none), and when to look again. */
struct tracker *trackers_next(const struct trackers *t, usec now);
usec trackers_wake_at(const struct trackers *t);

/* trackers_announce */
int tracker_announce(struct tracker *k, enum announce_event event, struct err *e);
void tracker_cancel(struct tracker *k);
/* It failed: the next time is after its back-off, or retry_in seconds (0 = not given, -1 = never). */
void tracker_fail(struct tracker *k, int retry_in, const char *text);

/* trackers_scrape */
int tracker_scrape(struct tracker *k, const uint8_t info_hash[20], struct err *e);
void tracker_cancel_scrape(struct tracker *k);

/* trackers: an announce has ended and its hooks were called. */
void trackers_on_end(struct trackers *t, struct tracker *k, enum announce_event event);

#endif
