/* stream: a connection as the engine sees it: readiness, readv, writev. TCP is one;
 * encryption sits on top of one; uTP and a simulated network come in beside it. Not a
 * buffered stream on purpose: the engine lays out where the next bytes go (design.md,
 * Data path).
 *
 * Owner's duty: after stream_close no hook is called any more and the pointer is dead.
 * Closing inside a hook is fine. */
#ifndef MARE_STREAM_H
#define MARE_STREAM_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/addr.h"
#include "io/loop.h"

enum { STREAM_READ = 1, STREAM_WRITE = 2 };

struct stream_hooks {
    /* The connection stands (0), or failed: ERR_REFUSED, ERR_TIMEOUT, ERR_NETWORK ... */
    void (*on_open)(void *owner, int status);
    /* Bytes may be read or written now; errors show up as readable, unless nothing is
     * wanted. Level-triggered: called each step while the wanted condition holds. */
    void (*on_ready)(void *owner, int events);
};

struct stream {
    const struct stream_ops *ops;
    const struct stream_hooks *hooks; /* set by the owner before the next step */
    void *owner;
};

struct stream_ops {
    ssize_t (*readv)(struct stream *s, const struct iovec *iov, int n);
    ssize_t (*writev)(struct stream *s, const struct iovec *iov, int n);
    void (*want)(struct stream *s, int events);
    usec (*rtt)(struct stream *s);
    void (*close)(struct stream *s);
};

/* > 0 bytes moved; ERR_AGAIN; ERR_EOF (read only: the other side closed); ERR_NETWORK ...
 * At most 1,024 pieces of iovec. Never raises SIGPIPE. */
static inline ssize_t stream_readv(struct stream *s, const struct iovec *iov, int n) {
    return s->ops->readv(s, iov, n);
}
static inline ssize_t stream_writev(struct stream *s, const struct iovec *iov, int n) {
    return s->ops->writev(s, iov, n);
}
/* Which conditions to report; none = neither (backpressure). Cheap when nothing
 * changes. */
static inline void stream_want(struct stream *s, int events) {
    s->ops->want(s, events);
}
/* Smoothed round-trip time of the transport, 0 if it does not know (TCP_INFO). */
static inline usec stream_rtt(struct stream *s) {
    return s->ops->rtt(s);
}
static inline void stream_close(struct stream *s) {
    s->ops->close(s);
}

/* Dials. on_open tells how it went, always in a later step, never inside this call; also
 * when the system knows at once (unreachable). `bind` (port ignored) chooses the source
 * address, may be NULL. NULL with *e if it cannot begin: no socket, no such source
 * address, no memory. */
struct stream *tcp_connect(struct loop *l, const struct addr *to, const struct addr *bind,
                           struct err *e);
bool tcp_local_addr(struct stream *s, struct addr *out);

/* Listens on `at` (family 4 or 6, port 0 = any; IPv6 sockets are V6ONLY, so both may
 * share a port). Accepted streams are open already (no on_open). The hook owns the
 * stream: it sets its hooks or closes it. A shortage of descriptors (EMFILE) pauses
 * accepting for a second. */
typedef void listener_on_accept(void *owner, struct stream *s, const struct addr *from);
struct listener;
struct listener *listener_open(struct loop *l, const struct addr *at,
                               listener_on_accept *on_accept, void *owner, struct err *e);
uint16_t listener_port(const struct listener *n);
void listener_close(struct listener *n);

/* Resolves a host name on a thread: `done` in a later step with up to 16 addresses (port
 * set), or status ERR_NETWORK and a sentence; ERR_CANCELED when the loop is freed
 * before, which does not wait for a name server. */
struct resolve;
typedef void resolve_done(void *owner, int status, const struct addr *addrs, uint32_t n,
                          const char *why);
struct resolve *resolve_start(struct loop *l, const char *host, uint16_t port,
                              resolve_done *done, void *owner, struct err *e);
void resolve_cancel(struct resolve *r); /* done is not called any more */

#endif
