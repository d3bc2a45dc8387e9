/* proxy: streams that go through the user's proxy (SOCKS5 or HTTP CONNECT).
 *
 *     owner --> proxy_stream --> TCP to the proxy ==> the other end
 *                 | until the tunnel stands: proto/socks5, proto/http_connect
 *                 ` then calls only pass: a block still lands at its final place
 *
 * One `struct proxy` per session knows where the proxy is. A name is resolved when it is first
 * needed, and again after the proxy could not be reached; streams that are dialled meanwhile wait
 * for it inside. */
#ifndef MARE_PROXY_H
#define MARE_PROXY_H

#include "codec/proxy_url.h"
#include "io/stream.h"

struct proxy;

/* The proxy itself is the trouble (unreachable, login refused), not what lies behind it: one
 * sentence, told when it begins and not again before a tunnel stood. That is told with code 0. */
typedef void proxy_on_trouble(void *owner, int code, const char *sentence);

/* `bind` (or NULL): connect from there. Both are copied. NULL when out of memory. */
struct proxy *proxy_new(struct loop *l, const struct proxy_url *url,
                        const struct addr *bind, proxy_on_trouble *on_trouble,
                        void *owner);
void proxy_free(struct proxy *p); /* after all of its streams; NULL is nothing */
const struct proxy_url *proxy_url_of(const struct proxy *p);

/* Is the proxy itself in trouble, so that a stream that failed says nothing of whom it was for? */
bool proxy_troubled(const struct proxy *p);
/* It is in trouble: better dial nobody before (2 s after the first failure, doubling up to a
 * minute); else 0. */
usec proxy_rests_until(const struct proxy *p);

/* As tcp_connect. on_open tells 0, or: what the proxy says of the other end (ERR_REFUSED,
 * ERR_NETWORK, ERR_TIMEOUT, ERR_ACCESS, ERR_UNSUPPORTED), or how the way to it failed. */
struct stream *proxy_connect(struct proxy *p, const struct addr *to, struct err *e);

#endif
