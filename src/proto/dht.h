/* dht: a node of the distributed hash table (BEP 5; IPv6 of BEP 32, node ids of BEP 42, read-only
 * nodes of BEP 43, scrape answers of BEP 33), without sockets, clock or names.
 *
 *     a packet came  ->  dht_on_packet --+--> hooks.send ...        the caller asks again when
 *     time passed    ->  dht_tick -------+--> hooks.on_peers ...    the returned time has come
 *
 * IPv4 and IPv6 are two networks with a routing table and a node id each (BEP 32); one struct dht
 * takes part in both, and a search goes through both at a time. They share the peers that were
 * announced to us, the secret of the tokens and all limits.
 *
 * Bounds of hazards.md: 8 KB/s sent, of which others can never use up our share; five packets a
 * second per address, then five minutes of silence; 2,000 hashes of 500 peers; a fixed number of
 * searches and questions. Any packet costs at most its own length times a small factor.
 *
 * A hook may call everything but dht_free, dht_on_packet and dht_tick. All times are the loop's
 * `now`. Several nodes in one process know nothing of each other. */
#ifndef MARE_DHT_H
#define MARE_DHT_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#define DHT_SEARCHES 64u /* at a time */

struct dht;

struct dht_settings {
    bool ip4, ip6;         /* the families that we have a socket for */
    bool read_only;        /* BEP 43: we ask, and answer nobody */
    uint8_t secret[32];    /* of rng_secret: nobody else may know it */
    uint64_t seed;         /* for what is merely random: ids, jitter */
    uint8_t version[4];    /* `v` of our messages (BEP 20); all zero = none is sent */
    uint32_t upload_limit; /* bytes a second; 0 = 8,000 */
};

struct dht_result {
    uint32_t peers;     /* told by on_peers; the same peer may have been told often */
    uint32_t answers;   /* of nodes */
    uint32_t announced; /* nodes that were sent our announce */
};

struct dht_hooks {
    void (*send)(void *owner, const struct addr *to, const void *data, size_t len);
    /* These may be NULL. Addresses have been checked: ports, kinds, martians. */
    void (*on_peers)(void *owner, uint64_t cookie, const uint8_t info_hash[20],
                     const struct addr *peers, uint32_t count);
    void (*on_search_done)(void *owner, uint64_t cookie, const uint8_t info_hash[20],
                           const struct dht_result *result);
    void (*on_external_ip)(void *owner, const struct addr *ip); /* port 0 */
};

/* NULL when out of memory. `hooks` must outlive it. */
struct dht *dht_new(const struct dht_settings *s, const struct dht_hooks *hooks,
                    void *owner, usec now);
/* Without a farewell: no hook is called. */
void dht_free(struct dht *d);

/* Both return when to call dht_tick next (never USEC_NEVER). What else changes something sets
 * dht_due to now: call dht_tick soon after it. */
usec dht_on_packet(struct dht *d, const struct addr *from, const uint8_t *data,
                   size_t len, usec now);
usec dht_tick(struct dht *d, usec now);
usec dht_due(const struct dht *d);

/* A node that might exist: of a PORT message, of a torrent's `nodes`, of the user. It is asked a
 * few times, and known once it answers. */
void dht_add_node(struct dht *d, const struct addr *a);
/* A bootstrap node of everybody's: asked when we know no better, never kept. At most eight per
 * family; resolve names again when they changed, the latest ones count. */
void dht_add_router(struct dht *d, const struct addr *a);

enum {
    DHT_SEED = 1,   /* we announce as a seed (BEP 33) */
    DHT_NOSEED = 2, /* we are one: tell us of no others */
    DHT_IMPLIED_PORT =
        4 /* the peer's port is that of our packets: uTP on the same socket */
};
/* Looks for peers of an info hash, and announces us with `port` if that is not 0. 0; ERR_BUSY
 * when DHT_SEARCHES are running; ERR_NOMEM. It ends by on_search_done, or silently by
 * dht_cancel. Several searches may have the same cookie: dht_cancel ends them all. */
int dht_get_peers(struct dht *d, const uint8_t info_hash[20], uint16_t port,
                  unsigned flags, uint64_t cookie, usec now) MUST_USE;
void dht_cancel(struct dht *d, uint64_t cookie);

/* Our id and a selection of the nodes we know as a bencoded dictionary, and back: before the
 * first packet. A file that makes no sense is ERR_FORMAT and changes nothing. */
void dht_save(const struct dht *d, struct text *out, usec now);
int dht_load(struct dht *d, const uint8_t *data, size_t len) MUST_USE;

struct dht_side_stats {
    bool on, ready; /* ready: our place in the network was found */
    uint8_t id[20];
    uint32_t nodes, good; /* in the table; heard of within 15 minutes */
    uint32_t buckets;
    struct addr external; /* as others see us; family 0 = not known yet */
};

struct dht_stats {
    struct dht_side_stats ip4, ip6;
    uint32_t searches, questions; /* under way */
    uint32_t hashes, peers;       /* stored for others */
    uint64_t packets_in, packets_out, bytes_in, bytes_out;
    uint64_t malformed, limited,
        unanswered; /* packets dropped: no sense; their sender sends
                                                too much; we have sent too much */
    size_t memory;  /* bytes, all in all */
};
void dht_stats(const struct dht *d, struct dht_stats *out, usec now);
/* For specs: is everything as it must be? */
bool dht_check(const struct dht *d);

#endif
