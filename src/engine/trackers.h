/* trackers: one torrent's trackers (BEP 3, 12), announced to over HTTP(S) by the fetcher.
 *
 * Tiers are tried in order, the urls of a tier in shuffled order; the first that answers moves to
 * the front of its tier (BEP 12). A failed one backs off: 15 s, then doubling up to 30 min (or what
 * it says, BEP 31), and the next is tried at once. After a success the next announce comes
 * after the tracker's interval; with few peers and a wish for more, after its min interval. Events:
 * started first, completed once when a download ends in this session, stopped at the end (to those
 * that knew us). One announce a tier at a time. Knows torrents only through its hooks. */
#ifndef MARE_TRACKERS_H
#define MARE_TRACKERS_H

#include "base/rng.h"
#include "codec/announce.h"
#include "codec/metainfo.h"
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
    void (*on_external_ip)(void *owner, const struct addr *a);
};

/* For looking at (torrent.trackers): one row a tracker. */
struct tracker_row {
    const char *url;
    uint32_t tier;
    const char *state;   /* "idle", "announcing", "working", "failed", "unsupported" */
    const char *message; /* last sentence, "" if none */
    int64_t complete, incomplete; /* -1 unknown */
    uint32_t peers;               /* in the last reply */
    uint32_t failures;            /* in a row */
    usec next_at; /* loop time of the next announce (in the past: due); USEC_NEVER */
};

/* `m` may be NULL (a magnet's). What the other pointers point at must live on, but for *bind. */
struct trackers *trackers_new(struct loop *l, struct fetcher *f, const struct metainfo *m,
                              const struct trackers_hooks *hooks, void *owner,
                              struct rng *rng, const char *user_agent,
                              const struct addr *bind, const char *ca_file);
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
int trackers_add(struct trackers *t, const char *url, uint32_t tier, struct err *e);
bool trackers_remove(struct trackers *t, const char *url);
uint32_t trackers_count(const struct trackers *t);
bool trackers_row(const struct trackers *t, uint32_t i, struct tracker_row *out);

#endif
