/* fetch: HTTP and HTTPS on the session's loop, by libcurl's multi interface (the only
 * files that include curl are fetch*.c). Trackers, .torrent URLs, later web seeds.
 *
 * Bounds of hazards.md are enforced here: only http and https, redirects too (at most 5);
 * a global host may not redirect to a local address; TLS is verified; the body is cut off
 * at `max_bytes` with ERR_LIMIT. gzip is decoded. */
#ifndef MARE_FETCH_H
#define MARE_FETCH_H

#include "base/addr.h"
#include "codec/proxy_url.h"
#include "io/loop.h"

struct fetcher; /* one per session */
struct fetch;   /* one transfer */

struct fetch_options {
    const char *url;
    size_t max_bytes;
    usec timeout; /* of the whole; 0 = 60 s */
    const char *user_agent;
    const struct addr *bind; /* or NULL */
    uint8_t family;          /* 4 or 6: by addresses of this family alone; 0 = any */
    const char *ca_file;     /* extra certificate authority (specs); or NULL */
};

struct fetch_result {
    int status;      /* 0, ERR_* */
    int http_status; /* 200 ...; 0 if none came */
    const uint8_t *body;
    size_t len;
    const char *why;   /* one sentence when status < 0 */
    bool proxy_failed; /* it was not reached: nothing is said of who lies behind it */
};

typedef void fetch_done(void *owner, const struct fetch_result *r);

struct fetcher *fetcher_new(struct loop *l, struct err *e);
/* May a transfer go to this address (blocklists)? Asked before each connection and each request. */
typedef bool fetch_allows(void *owner, const struct addr *a);
void fetcher_set_allows(struct fetcher *f, fetch_allows *allows, void *owner);
/* Pending ones end silently. Not from inside a `done`. */
void fetcher_free(struct fetcher *f);
/* From now on all of them go through it, names included. Copied. */
void fetcher_set_proxy(struct fetcher *f, const struct proxy_url *proxy);
/* NULL with *e if it cannot begin. `done` comes inside loop_step, once; the transfer is
 * gone after it. Sentences never show more of the URL than its host (it may hold a
 * passkey). An HTTP status >= 400 is status 0 with the body (trackers put sentences
 * there). */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_options *o,
                          fetch_done *done, void *owner, struct err *e);
void fetch_cancel(struct fetch *t); /* done is not called; inside its own done: nothing */

#endif
