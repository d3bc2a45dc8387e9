/* proxy: see the header. Here is where the proxy is found; proxy_stream.c has what is said to it. */
#include "io/proxy.h"

#include <stdlib.h>
#include <string.h>

#include "io/proxy_private.h"

#define FIRST_REST (2 * USEC_PER_SEC)
#define MAX_REST (60 * USEC_PER_SEC)
#define RESOLVE_AGAIN (60 * USEC_PER_SEC) /* a name server is not asked more often */

struct proxy *proxy_new(struct loop *l, const struct proxy_url *url,
                        const struct addr *bind, proxy_on_trouble *on_trouble,
                        void *owner) {
    struct proxy *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->loop = l, p->url = *url;
    p->on_trouble = on_trouble, p->owner = owner;
    if (bind)
        p->bind = *bind;
    list_init(&p->waiting);
    struct addr literal;
    if (addr_parse(&literal, url->host, url->port) == 0) {
        literal.port = url->port;
        p->addrs[0] = literal;
        p->count = 1;
        p->literal = true;
    }
    return p;
}

void proxy_free(struct proxy *p) {
    if (p && p->resolve)
        resolve_cancel(p->resolve);
    free(p);
}

const struct proxy_url *proxy_url_of(const struct proxy *p) {
    return &p->url;
}

bool proxy_troubled(const struct proxy *p) {
    return p->troubled;
}

usec proxy_rests_until(const struct proxy *p) {
    return p->rests_until;
}

void proxy_note_works(struct proxy *p) {
    bool mended = p->troubled;
    p->troubled = false;
    p->rests = 0;
    p->rests_until = 0;
    if (mended)
        p->on_trouble(p->owner, 0, "");
}

/* Those that were dialled together fail together: that is one failure. */
static void rest(struct proxy *p) {
    usec now = loop_now(p->loop);
    if (p->rests_until > now)
        return;
    p->rests_until = now + MIN(FIRST_REST << MIN(p->rests, 6u), MAX_REST);
    p->rests++;
}

void proxy_note_trouble(struct proxy *p, int code, const char *what) {
    char shown[PROXY_URL_TEXT];
    struct err e;
    rest(p);
    if (p->troubled)
        return;
    p->troubled = true;
    err_set(&e, code, "the proxy %.150s %s", proxy_url_format(&p->url, shown), what);
    p->on_trouble(p->owner, code, e.text);
}

/* The next of its addresses has its turn; a name may have moved. */
void proxy_note_unreachable(struct proxy *p, int code) {
    p->next = p->count ? (p->next + 1) % p->count : 0;
    if (!p->literal && loop_now(p->loop) - p->resolved_at >= RESOLVE_AGAIN)
        p->count = 0;
    proxy_note_trouble(p, code, "cannot be reached: peers and trackers wait for it");
}

/* Those that wait go on or fail; each may close others in its hook. */
static void on_resolved(void *owner, int status, const struct addr *a, uint32_t n,
                        const char *why) {
    struct proxy *p = owner;
    struct link *l;
    (void)why;
    p->resolve = NULL;
    p->resolved_at = loop_now(p->loop);
    p->count = MIN(n, (uint32_t)PROXY_ADDRS);
    p->next = 0;
    for (uint32_t i = 0; i < p->count; i++)
        p->addrs[i] = a[i];
    if (status < 0)
        proxy_note_trouble(p, status, "cannot be found: its name has no address");
    struct link now;
    list_init(&now);
    while ((l = list_shift(&p->waiting)))
        list_append(&now, l);
    while ((l = list_shift(&now)))
        proxy_stream_go_on(LIST_ITEM(l, struct proxy_stream, waiting), status);
}

int proxy_find(struct proxy *p, struct err *e) {
    if (p->count || p->resolve)
        return 0;
    struct err inner = {0};
    p->resolve = resolve_start(p->loop, p->url.host, p->url.port, on_resolved, p, &inner);
    return p->resolve ? 0 : err_set(e, inner.code, "%s", inner.text);
}
