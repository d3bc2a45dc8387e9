/* proxy_stream: a stream through the proxy. Until the tunnel stands it reads exactly what the
 * machines ask for, so that the first byte of the other end is read by the owner; from then on it
 * only passes calls. */
#include <stdlib.h>

#include "base/err.h"
#include "io/proxy_private.h"

static struct proxy_stream *of(struct stream *s) {
    return CONTAINER_OF(s, struct proxy_stream, base);
}

/* ---- the tunnel ----------------------------------------------------------------------- */

static bool is_socks(const struct proxy_stream *s) {
    return s->proxy->url.kind == PROXY_SOCKS5;
}

static void begin(struct proxy_stream *s) {
    struct tunnel *t = s->tunnel;
    if (is_socks(s))
        socks5_init(&t->socks, &s->proxy->url, &s->to, &t->out);
    else
        http_connect_init(&t->http, &s->proxy->url, &s->to, &t->out);
}

static size_t wants(const struct proxy_stream *s) {
    return is_socks(s) ? socks5_wants(&s->tunnel->socks)
                       : http_connect_wants(&s->tunnel->http);
}

static int take(struct proxy_stream *s, const uint8_t *data, size_t len) {
    struct tunnel *t = s->tunnel;
    int rc = is_socks(s) ? socks5_take(&t->socks, data, len, &t->out)
                         : http_connect_take(&t->http, data, len);
    return rc >= 0 && t->out.failed ? ERR_NOMEM : rc;
}

static const char *trouble(const struct proxy_stream *s) {
    return is_socks(s) ? s->tunnel->socks.trouble : s->tunnel->http.trouble;
}

static void end_tunnel(struct proxy_stream *s) {
    if (s->tunnel)
        text_free(&s->tunnel->out);
    free(s->tunnel);
    s->tunnel = NULL;
}

/* Tells the owner; it may close us in there, so nothing may follow. */
static void fail(struct proxy_stream *s, int status) {
    if (s->tunnel && trouble(s))
        proxy_note_trouble(s->proxy, status, trouble(s));
    end_tunnel(s);
    if (s->inner)
        stream_want(s->inner, 0);
    s->base.hooks->on_open(s->base.owner, status);
}

static void succeed(struct proxy_stream *s) {
    end_tunnel(s);
    proxy_note_works(s->proxy);
    stream_want(s->inner, s->wanted);
    s->base.hooks->on_open(s->base.owner, 0);
}

/* ---- what is said --------------------------------------------------------------------- */

/* 0, also when some has to wait; or why it cannot be sent. */
static int flush(struct proxy_stream *s) {
    struct tunnel *t = s->tunnel;
    while (t->sent < t->out.len) {
        struct iovec v = {t->out.data + t->sent, t->out.len - t->sent};
        ssize_t n = stream_writev(s->inner, &v, 1);
        if (n == ERR_AGAIN)
            break;
        if (n < 0)
            return (int)n;
        t->sent += (size_t)n;
    }
    stream_want(s->inner, STREAM_READ | (t->sent < t->out.len ? STREAM_WRITE : 0));
    return 0;
}

/* Till nothing more comes: 1 when the tunnel stands. */
static int hear(struct proxy_stream *s) {
    for (;;) {
        uint8_t bytes[512];
        struct iovec v = {bytes, MIN(wants(s), sizeof bytes)};
        ssize_t n = stream_readv(s->inner, &v, 1);
        if (n == ERR_AGAIN)
            return 0;
        if (n == ERR_EOF)
            return ERR_NETWORK; /* some say so that the other end cannot be reached */
        int rc = n < 0 ? (int)n : take(s, bytes, (size_t)n);
        if (n > 0 && rc < 0 && !trouble(s))
            proxy_note_works(s->proxy); /* it is the other end that does not */
        if (rc == 0)
            rc = flush(s);
        if (rc != 0)
            return rc;
    }
}

/* ---- dialling ------------------------------------------------------------------------- */

static const struct stream_hooks inner_hooks;

static int dial(struct proxy_stream *s, struct err *e) {
    struct proxy *p = s->proxy;
    struct err inner = {0};
    s->at = p->next;
    s->inner = tcp_connect(p->loop, &p->addrs[p->next], p->bind.family ? &p->bind : NULL,
                           &inner);
    if (!s->inner)
        return err_set(e, inner.code, "%s", inner.text);
    s->inner->hooks = &inner_hooks, s->inner->owner = s;
    return 0;
}

/* "localhost" is two addresses, and many a proxy listens at one of them. */
static bool dial_next(struct proxy_stream *s) {
    struct proxy *p = s->proxy;
    if (++s->tries >= p->count)
        return false;
    if (p->next == s->at)
        p->next = (p->next + 1) % p->count;
    stream_close(s->inner);
    s->inner = NULL;
    return dial(s, NULL) == 0;
}

/* ---- the inner stream's hooks --------------------------------------------------------- */

static void on_open(void *owner, int status) {
    struct proxy_stream *s = owner;
    if (status < 0 && dial_next(s))
        return;
    if (status < 0)
        proxy_note_unreachable(s->proxy, status);
    if (status == 0)
        status = flush(s);
    if (status < 0)
        fail(s, status);
}

static void on_ready(void *owner, int events) {
    struct proxy_stream *s = owner;
    if (!s->tunnel) {
        s->base.hooks->on_ready(s->base.owner, events);
        return;
    }
    int rc = events & STREAM_WRITE ? flush(s) : 0;
    if (rc == 0 && (events & STREAM_READ))
        rc = hear(s);
    if (rc == 1)
        succeed(s);
    else if (rc < 0)
        fail(s, rc);
}

static const struct stream_hooks inner_hooks = {on_open, on_ready};

/* ---- the owner's calls ---------------------------------------------------------------- */

static bool stands(const struct proxy_stream *s) {
    return s->inner && !s->tunnel;
}

static ssize_t do_readv(struct stream *s, const struct iovec *iov, int n) {
    return stands(of(s)) ? stream_readv(of(s)->inner, iov, n) : ERR_AGAIN;
}

static ssize_t do_writev(struct stream *s, const struct iovec *iov, int n) {
    return stands(of(s)) ? stream_writev(of(s)->inner, iov, n) : ERR_AGAIN;
}

static void do_want(struct stream *s, int events) {
    of(s)->wanted = events;
    if (stands(of(s)))
        stream_want(of(s)->inner, events);
}

static usec do_rtt(struct stream *s) {
    return of(s)->inner ? stream_rtt(of(s)->inner) : 0;
}

static void do_close(struct stream *base) {
    struct proxy_stream *s = of(base);
    list_remove(&s->waiting);
    if (s->inner)
        stream_close(s->inner);
    end_tunnel(s);
    free(s);
}

static const struct stream_ops ops = {do_readv, do_writev, do_want, do_rtt, do_close};

/* ---- birth ---------------------------------------------------------------------------- */

void proxy_stream_go_on(struct proxy_stream *s, int status) {
    if (status == 0)
        status = dial(s, NULL);
    if (status < 0)
        fail(s, status);
}

static int start(struct proxy_stream *s, struct err *e) {
    begin(s);
    if (s->tunnel->out.failed)
        return err_set(e, ERR_NOMEM, "out of memory for a connection");
    int rc = proxy_find(s->proxy, e);
    if (rc == 0 && s->proxy->count)
        return dial(s, e);
    if (rc == 0)
        list_append(&s->proxy->waiting, &s->waiting);
    return rc;
}

struct stream *proxy_connect(struct proxy *p, const struct addr *to, struct err *e) {
    struct proxy_stream *s = calloc(1, sizeof *s);
    struct tunnel *t = calloc(1, sizeof *t);
    if (!s || !t) {
        free(s), free(t);
        err_set(e, ERR_NOMEM, "out of memory for a connection");
        return NULL;
    }
    s->base.ops = &ops;
    s->proxy = p, s->tunnel = t, s->to = *to;
    list_init(&s->waiting);
    text_init(&t->out);
    if (start(s, e) == 0)
        return &s->base;
    do_close(&s->base);
    return NULL;
}
