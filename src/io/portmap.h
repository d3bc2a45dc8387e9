/* portmap: asks the router to let others in: NAT-PMP (RFC 6886, libnatpmp) first, for it is one
 * datagram, then UPnP IGD (miniupnpc). What was mapped is renewed at half of its lease, and taken
 * back at the end; should we die instead, the lease ends by itself.
 *
 *     the loop's thread                            the worker
 *     portmap_start ---- what to map ------------> map; sleep; renew; sleep ...
 *     told  <------- async: a result ------------- "UPnP: TCP 6881 -> 203.0.113.7:6881"
 *     portmap_end ------ please end -------------> unmap
 *     portmap_free                                 (joined; or left behind)
 *
 * Why a thread of its own and not a job: these libraries block, miniupnpc for seconds and
 * without a way to call it back, when a router takes a connection and then says nothing. A job in
 * libuv's pool would take a quarter of the hashing power away for that long, and nobody could
 * close before it ends. Whoever is in no hurry lets the worker end in order; else it is left to
 * itself: it owns what it needs, takes back what it had mapped meanwhile, and the code that it runs
 * stays loaded.
 *
 * Optional when mare is built: without either library it says so (portmap_supported). */
#ifndef MARE_PORTMAP_H
#define MARE_PORTMAP_H

#include "base/addr.h"
#include "io/loop.h"

#define PORTMAP_LEASE 3600u /* seconds */

struct portmap_options {
    uint16_t tcp, udp; /* our ports; 0 = none. The same ones are asked for outside */
    uint32_t lease;    /* seconds; 0 = PORTMAP_LEASE */
    struct addr bind;  /* family 0 = whatever leads to the router */
};

struct portmap_result {
    int code;             /* 0, or why nothing is mapped */
    char text[256];       /* one sentence */
    uint16_t tcp, udp;    /* the ports outside; 0 = not mapped */
    struct addr external; /* our address outside (no port); family 0 = not told */
};

struct portmap;
typedef void portmap_told(void *owner, const struct portmap_result *r);

/* The libraries that this build has: "NAT-PMP and UPnP"; NULL: neither. */
const char *portmap_methods(void);
/* 0, or ERR_UNSUPPORTED with a sentence. */
int portmap_supported(struct err *e) MUST_USE;

/* `told` comes inside loop_step, when something is known, and again when that changes. Tied to the
 * loop's device. NULL with *e. */
struct portmap *portmap_start(struct loop *l, const struct portmap_options *o,
                              portmap_told *told, void *owner, struct err *e);
/* No more news; what is mapped is taken back. Idempotent. */
void portmap_end(struct portmap *p);
/* Something is still to be taken back: worth waiting for, a little. */
bool portmap_busy(const struct portmap *p);
/* Never waits. Before loop_free. */
void portmap_free(struct portmap *p);

#endif
