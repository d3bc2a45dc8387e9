/* settings: what a session is told at its birth. Strings are copied by session_new. */
#ifndef MARE_SETTINGS_H
#define MARE_SETTINGS_H

#include "base/addr.h"
#include "proto/mse.h"

#define MARE_VERSION "0.1.0"
#define MARE_PEER_PREFIX "-mr0100-" /* Azureus style: mr, version 0.1.0.0 */

enum receive_mode {
    RECEIVE_SCATTER, /* straight into piece buffers */
    RECEIVE_CHUNKED  /* one big receive into chunks, then one copy: the reference */
};

struct settings {
    int port;              /* TCP listening port, 0 = any free one, -1 = do not listen */
    struct addr bind;      /* talk from this address only; family 0 = all */
    const char *device;    /* talk through this network interface only; NULL = any */
    const char *blocklist; /* file of addresses not to talk to; NULL = none */
    enum mse_policy encryption;
    bool portmap;           /* ask the router for our port */
    uint32_t portmap_lease; /* seconds; 0 = PORTMAP_LEASE */
    const char *directory;  /* where downloads go; NULL = "." */
    const char *state;      /* where resume files are kept; NULL = none are */
    uint64_t memory;        /* bytes of bulk data; 0 = 64 MiB */
    uint32_t connections;   /* per session; 0 = 200 */
    uint32_t slots;         /* upload slots per torrent; 0 = 8; UINT32_MAX = everybody */
    uint64_t up_rate, down_rate; /* bytes per second, 0 = no limit */
    usec turnover; /* how often the worst peers make room when (nearly) full; 0 = 300 s */
    enum receive_mode receive;
    bool full_allocation;
    bool pex, dht,
        lsd; /* ways to find peers; private torrents use none of them (BEP 27) */
    bool dht_read_only; /* BEP 43: ask others, answer nobody */
    /* Whom to ask who knows nobody: "HOST:PORT HOST:PORT". NULL = the well-known ones, or nobody
     * when `bind` is a loopback address; "" = nobody. */
    const char *dht_routers;
    const char *proxy; /* "socks5://..." or "http://..." (codec/proxy_url); NULL = none */
    bool proxy_bypass; /* what a proxy cannot carry goes without it (session_direct) */
    const char *user_agent; /* to trackers; NULL = "mare/VERSION" */
    const char
        *ca_file; /* extra certificate authority for https trackers; NULL = system's */
    bool check_invariants; /* torrent_check after every step: for specs, it is slow */
    uint64_t seed;         /* for decisions (specs, simulations); 0 = from the kernel */
};

/* A copy with strings of its own, and the defaults above. ERR_NOMEM leaves what settings_fini frees. */
int settings_copy(struct settings *to, const struct settings *from) MUST_USE;
void settings_fini(struct settings *s);

#endif
