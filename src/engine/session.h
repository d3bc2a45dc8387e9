/* session: one engine. It owns the loop, the listening sockets, the memory budget and everything
 * that lives; it is driven by whoever calls session_step, on one thread.
 *
 *     wait, read, reap jobs, timers   (loop_step: hooks only change state and queue)
 *     decide                          choke rounds, turnover, whom to dial
 *     request                         peers that can take more requests
 *     write                           peers with something to say
 *     bury                            the one place where peers and torrents are freed
 *
 * No walk over all peers or torrents happens per step: what needs attention is on a list. */
#ifndef MARE_SESSION_H
#define MARE_SESSION_H

#include "base/buffer_pool.h"
#include "base/digest_map.h"
#include "base/list.h"
#include "base/meter.h"
#include "base/rng.h"
#include "base/shared.h"
#include "engine/bans.h"
#include "engine/datagrams.h"
#include "engine/dht_node.h"
#include "engine/dht_seek.h"
#include "engine/events.h"
#include "engine/external.h"
#include "engine/lsd.h"
#include "engine/settings.h"
#include "engine/stats.h"
#include "engine/udp_trackers.h"
#include "io/fetch.h"
#include "io/jobs.h"
#include "io/loop.h"
#include "io/proxy.h"
#include "io/stream.h"
#include "swarm/policy.h"

#define SESSION_SCRATCH 65536u /* bytes behind the predicted slots in one read */

struct torrent;
struct peer;
struct reader;
struct stream_server;

struct session {
    struct settings settings; /* strings owned */
    struct loop *loop;
    struct fetcher *fetcher;
    struct listener *listener4, *listener6;
    uint16_t port;             /* the real listening port; 0 = not listening */
    struct portmap *portmap;   /* NULL = no router is asked (mapping) */
    uint16_t external_port;    /* the router's, 0 = not mapped */
    struct addr external_addr; /* as the router says; family 0 = it did not */
    struct datagrams *datagrams;
    struct dht_node *dht; /* NULL: off */
    struct dht_seekers seekers;
    struct lsd *lsd;                  /* NULL: off */
    struct addr external4, external6; /* what others see; family 0 = not known */
    struct udp_trackers *udp_trackers;
    struct proxy *proxy; /* NULL: none */
    uint8_t peer_id[20];
    struct rng rng;
    struct budget budget;      /* bulk memory */
    struct shared_pool shared; /* what is shown to readers, charged to it */
    struct buffer_pool upload_pool;
    uint8_t *scratch; /* one receive scratch for all peers */
    struct bucket up, down;
    struct meter up_meter, down_meter; /* payload */
    struct stats stats;
    struct events events;
    struct slots torrents, peers, readers;
    struct digest_map by_hash,
        by_obfuscated;           /* torrents, by info-hash and as MSE names it */
    struct blocklist *blocklist; /* NULL = none (access) */
    uint32_t connections;        /* peers that live, attempts included */
    struct link torrent_list;    /* in order of adding */
    struct link unknown;         /* incoming peers that have not said which torrent yet */
    struct link hungry;          /* peers that could be asked for more */
    struct link starving;        /* peers that wait for memory */
    struct link dirty;           /* peers with something to write */
    struct link throttled_down, throttled_up; /* peers that wait for a rate limit */
    struct link to_decide;                    /* torrents whose decisions are due */
    struct link checkers; /* torrents that wait for their turn to be checked (verify) */
    uint32_t batches;     /* of pieces that are being checked */
    struct link dying_peers, dying_torrents;
    struct link lookups;     /* host names being resolved */
    struct link pages;       /* web addresses being fetched */
    struct link readers_due; /* whose pending read may have an answer */
    struct timer down_timer, up_timer;
    handle up_first; /* the peer that was let at the upload limit first, last time */
    struct bans bans;
    struct external votes; /* of peers and trackers, for external4 and external6 */
    struct policy policy;  /* who judges instead of the built-ins; no hooks = nobody */
    usec dial_second;      /* the second that `dials` counts */
    uint32_t dials;
    struct stream_server *http; /* NULL: it serves nothing */
    uint32_t http_number;       /* servers it has had */
    bool stepping, closed;
};

/* NULL with *e (port in use, state directory not writable ...). */
struct session *session_new(const struct settings *s, struct err *e);
/* Saves resume state, says `stopped` to trackers and waits for that at most `linger`, closes
 * everything, waits for running jobs. All torrents and peers are gone after it. Idempotent.
 * ERR_BUSY from inside a step. */
int session_close(struct session *s, usec linger);
void session_free(struct session *s); /* closes with linger 0 if still open */

int session_fd(const struct session *s);
usec session_timeout(
    const struct session *s); /* until the next step is due; USEC_NEVER */
int session_step(struct session *s,
                 usec wait); /* 0; ERR_BUSY inside itself; ERR_CLOSED */

static inline usec session_now(const struct session *s) {
    return loop_now(s->loop);
}
/* May anything leave this machine but through the proxy? While it may not, there is no listening,
 * no DHT, no local discovery, no UDP tracker, no port mapping, and no name of a peer is resolved. */
static inline bool session_direct(const struct session *s) {
    return !s->proxy || s->settings.proxy_bypass;
}
/* A connection to a peer: as tcp_connect, from the address that is bound, through the proxy. */
struct stream *session_connect(struct session *s, const struct addr *to, struct err *e);
void session_set_rates(struct session *s, uint64_t up, uint64_t down);
struct torrent *session_torrent(const struct session *s, handle h); /* NULL when gone */
struct peer *session_peer(const struct session *s, handle h);
struct reader *session_reader(const struct session *s, handle h);
struct torrent *session_find(const struct session *s, const uint8_t info_hash[20]);
/* A torrent comes (0 or ERR_NOMEM) or goes: on the list, and to be found by its hash. */
int session_enlist(struct session *s, struct torrent *t) MUST_USE;
void session_delist(struct torrent *t);

/* Somebody who knows tells how we are seen from outside: that is ours, not to be dialled. */
void session_note_external(struct session *s, const struct addr *ip);
void session_note_memory(
    struct session *s); /* bulk memory came back: starving peers may ask */
/* The budget is spent: gives back to it some of what is in use for nothing; false if there was
 * nothing. */
bool session_free_idle(struct session *s);
void lookups_cancel(struct session *s);

/* Queues an event; `format` may be NULL. */
void session_event(struct session *s, enum event_type type, struct torrent *t,
                   struct peer *p, uint32_t index, int code, const char *format, ...)
    PRINTF_LIKE(7, 8);

#endif
