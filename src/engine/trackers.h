/* trackers: one torrent's trackers (BEP 3, 12, 15), announced to over HTTP(S) by the fetcher and
 * over UDP by udp_trackers.
 *
 * Tiers are tried in order, the urls of a tier in shuffled order; the first that answers moves to
 * the front of its tier (BEP 12). A failed one backs off: 15 s, then doubling up to 30 min (or what
 * it says, BEP 31; one minute while the proxy is not reached), and the next is tried at once. One that is silent for a few seconds is not
 * waited for: the next is tried as if it had failed, and should it answer after all, good. After a
 * success the next announce comes after the tracker's interval; with few peers and a wish for
 * more, after its min interval. Events: started first, completed once when a download ends in this
 * session, stopped at the end (to those that knew us). Where we listen by IPv4 and IPv6, a tracker
 * hears each by its own family (BEP 7): one that answers is enough. Scrapes (BEP 48) are asked for by the user
 * alone, at most once a minute each. Knows torrents only through its hooks. */
#ifndef MARE_TRACKERS_H
#define MARE_TRACKERS_H

#include "base/rng.h"
#include "codec/announce.h"
#include "codec/metainfo.h"
#include "engine/udp_trackers.h"
#include "io/fetch.h"

struct trackers;

/* Called from inside a step of the loop only. They may ask for anything here but trackers_free and
 * trackers_remove. */
struct trackers_hooks {
    /* Fills transfer totals, port, and whether more peers are wanted (numwant). */
    void (*describe)(void *owner, struct announce_request *r, bool *want_peers);
    void (*on_peers)(void *owner, const struct addr *a, uint32_t n);
    /* Every announce's end: 0 with a warning or "", or ERR_* with a sentence; `peers` = how many
     * came. `url` is for people: without what may be a passkey ("https://host/..."). */
    void (*on_result)(void *owner, const char *url, int status, const char *text,
                      uint32_t peers);
    /* Where the tracker sees us (BEP 24). */
    void (*on_external_ip)(void *owner, const struct addr *a);
    /* Every scrape's end: as on_result. `counts` is NULL when it failed. */
    void (*on_scrape)(void *owner, const char *url, int status, const char *text,
                      const struct scrape_counts *counts);
};

/* What they work with; all of it must live on, but for the struct itself. */
struct trackers_tools {
    struct loop *loop;
    struct fetcher *fetcher;
    struct udp_trackers
        *udp; /* NULL: UDP must not be used, for it would go round the proxy */
    struct rng *rng;
    const char *user_agent;
    struct addr bind; /* family 0 = any */
    bool both; /* we can be reached by IPv4 and by IPv6: HTTP trackers hear it by each */
    const char *ca_file; /* or NULL */
};

/* For looking at (torrent.trackers): one row a tracker. */
struct tracker_row {
    const char *url;
    uint32_t tier;
    const char *state;   /* "idle", "announcing", "working", "failed", "unsupported" */
    const char *message; /* last sentence, "" if none */
    struct scrape_counts counts; /* -1 unknown */
    uint32_t peers;              /* in the last reply */
    uint32_t failures;           /* in a row */
    usec next_at; /* loop time of the next announce (in the past: due); USEC_NEVER */
};

/* `m` may be NULL (a magnet's). */
struct trackers *trackers_new(const struct trackers_tools *tools,
                              const struct metainfo *m,
                              const struct trackers_hooks *hooks, void *owner);
void trackers_free(struct trackers *t); /* pending announces end silently */
void trackers_start(struct trackers *t, const uint8_t info_hash[20],
                    const uint8_t peer_id[20]);
/* The download ended: `completed` goes out once. */
void trackers_completed(struct trackers *t);
/* Says `stopped` and announces no more; trackers_start begins anew. */
void trackers_stop(struct trackers *t);
bool trackers_busy(const struct trackers *t); /* something is in flight */
/* More peers would be welcome: announces when min interval allows. */
void trackers_want_peers(struct trackers *t);
/* The user asks for it: announces when min interval allows; those that failed are tried again, though
 * not within 15 s. */
void trackers_announce(struct trackers *t);
/* The proxy has worked: those that were not reached because of it are tried again. */
void trackers_on_proxy_works(struct trackers *t);
/* Asks every tracker that can be, how large the swarm is; also while not started. How many are
 * asked now; ERR_AGAIN (all were within the last minute), ERR_UNSUPPORTED, ERR_NOMEM. */
int trackers_scrape(struct trackers *t, const uint8_t info_hash[20], struct err *e)
    MUST_USE;
/* What the best informed one says of the swarm's size; -1 = none says. */
struct scrape_counts trackers_counts(const struct trackers *t);
/* Those that are removed, here or below, hear `stopped` if they know us. */
int trackers_add(struct trackers *t, const char *url, uint32_t tier, struct err *e);
bool trackers_remove(struct trackers *t, const char *url);
/* These in the place of all: one that is there already stays what it is (but for its tier), doubles
 * are left out. Or nothing is changed: ERR_INVALID, ERR_LIMIT, ERR_NOMEM. */
struct tracker_place {
    const char *url;
    uint32_t tier;
};
int trackers_assign(struct trackers *t, const struct tracker_place *places,
                    uint32_t count, struct err *e);
uint32_t trackers_count(const struct trackers *t);
bool trackers_row(const struct trackers *t, uint32_t i, struct tracker_row *out);

#endif
