/* fetch: libcurl's multi interface on our loop. curl tells which sockets it waits for
 * (on_socket) and when it wants to be called without one (on_timeout); we tell it what
 * happened:
 *
 *      watch ready ----+
 *                      +--> drive: curl_multi_socket_action, then the finished ones are reaped
 *      our timer   ----+
 *
 * Nothing global: curl_global_init counts its callers. Unless the session has a proxy, they come
 * from the environment, as everywhere with curl. */
#include <assert.h>
#include <stdlib.h>

#include "io/fetch_private.h"
#include "io/loop_private.h"
#include "io/watch.h"

#define MAX_IDLE_CONNECTIONS 8L

struct fetch_socket {
    struct watch watch;
    struct fetcher *fetcher;
};

/* ---- the end of one ---------------------------------------------------------------- */

static void fetch_free(struct fetch *t) {
    list_remove(&t->link);
    if (t->easy) {
        curl_multi_remove_handle(t->fetcher->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    text_free(&t->body);
    curl_free(t->host);
    free(t);
}

static void finish(struct fetch *t, CURLcode code) {
    struct fetch_result r = {0};
    long http_status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
    r.http_status = (int)http_status;
    if (code) {
        fetch_explain(t, code);
        r.proxy_failed = fetch_proxy_failed(t, code);
        r.status = t->err.code;
        r.why = t->err.text;
    } else {
        r.body = (const uint8_t *)(t->body.data ? t->body.data : "");
        r.len = t->body.len;
    }
    t->finished = true;
    t->done(t->owner, &r);
    fetch_free(t);
}

/* ---- curl on the loop -------------------------------------------------------------- */

static struct fetch *fetch_of(CURL *easy) {
    char *t = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    return (struct fetch *)(void *)t;
}

static void reap_finished(struct fetcher *f) {
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left));)
        if (m->msg == CURLMSG_DONE)
            finish(fetch_of(m->easy_handle), m->data.result);
}

/* From the front each time: `done` may have canceled any of the others. */
static void reap_starved(struct fetcher *f) {
    struct link *l = f->fetches.next;
    f->starved = false;
    while (l != &f->fetches) {
        struct fetch *t = LIST_ITEM(l, struct fetch, link);
        l = l->next;
        if (t->starved) {
            finish(t, CURLE_OUT_OF_MEMORY);
            l = f->fetches.next;
        }
    }
}

static void drive(struct fetcher *f, curl_socket_t fd, int events) {
    int running;
    f->busy = true;
    curl_multi_socket_action(f->multi, fd, events, &running);
    reap_finished(f);
    if (f->starved)
        reap_starved(f);
    f->busy = false;
}

static void on_ready(struct watch *w, int events) {
    struct fetch_socket *s = CONTAINER_OF(w, struct fetch_socket, watch);
    int happened = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                   (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    drive(s->fetcher, w->fd, happened);
}

static void on_closed(struct watch *w) {
    free(CONTAINER_OF(w, struct fetch_socket, watch));
}

static void on_timer(struct timer *t, usec now) {
    (void)now;
    drive(CONTAINER_OF(t, struct fetcher, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* Rather late than early: curl does not say again what it said before, so a deadline that
 * finds nothing due (curl rounds down to milliseconds) would be lost. */
static int on_timeout(CURLM *multi, long msec, void *arg) {
    struct fetcher *f = arg;
    struct timers *timers = loop_timers(f->loop);
    (void)multi;
    if (msec < 0) {
        timer_stop(timers, &f->timer);
        return 0;
    }
    loop_update_now(
        f->loop); /* the caller may have come a long way since the step began */
    timer_set(timers, &f->timer,
              loop_now(f->loop) + (msec ? msec + 1 : 0) * USEC_PER_MSEC);
    return 0;
}

static struct fetch_socket *socket_new(struct fetcher *f, curl_socket_t fd) {
    struct fetch_socket *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (watch_open(&s->watch, f->loop, fd, on_ready, on_closed)) {
        free(s);
        return NULL;
    }
    s->watch.keeps_fd = true; /* it is curl's */
    s->fetcher = f;
    curl_multi_assign(f->multi, fd, s);
    return s;
}

/* Failing here would be the end of the whole multi handle, so that only the transfer
 * fails. */
static void starve(struct fetcher *f, CURL *easy) {
    struct fetch *t = fetch_of(easy);
    if (t)
        t->starved = f->starved = true;
}

_Static_assert(CURL_POLL_IN == UV_READABLE && CURL_POLL_OUT == UV_WRITABLE &&
                   CURL_POLL_INOUT == (UV_READABLE | UV_WRITABLE),
               "what curl waits for passes unchanged");

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known) {
    struct fetcher *f = arg;
    struct fetch_socket *s = known;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            watch_close(&s->watch);
        return 0;
    }
    if (!s && !(s = socket_new(f, fd)))
        starve(f, easy);
    else
        watch_want(&s->watch, what);
    return 0;
}

/* ---- life -------------------------------------------------------------------------- */

struct fetcher *fetcher_new(struct loop *l, struct err *e) {
    struct fetcher *f = calloc(1, sizeof *f);
    if (!f) {
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    f->loop = l;
    list_init(&f->fetches);
    timer_init(&f->timer, on_timer);
    return f;
}

void fetcher_set_allows(struct fetcher *f, fetch_allows *allows, void *owner) {
    f->allows = allows;
    f->allows_owner = owner;
}

void fetcher_set_proxy(struct fetcher *f, const struct proxy_url *proxy) {
    f->has_proxy = true;
    f->proxy = *proxy;
}

/* libcurl and what it brings along take three megabytes as soon as they are started: a session
 * that asks nobody does without. */
static int wake_curl(struct fetcher *f, struct err *e) {
    if (f->multi)
        return 0;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, ERR_NOMEM, "libcurl cannot be started");
    f->multi = curl_multi_init();
    if (!f->multi) {
        curl_global_cleanup();
        return err_set(e, ERR_NOMEM, "libcurl cannot be started");
    }
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, MAX_IDLE_CONNECTIONS);
    loop_stay_loaded(); /* curl leaves threads behind that resolve what was given up */
    return 0;
}

void fetcher_free(struct fetcher *f) {
    if (!f)
        return;
    assert(!f->busy);
    while (!list_empty(&f->fetches))
        fetch_free(LIST_ITEM(f->fetches.next, struct fetch, link));
    timer_stop(loop_timers(f->loop), &f->timer);
    if (f->multi) {
        curl_multi_cleanup(f->multi);
        timer_stop(loop_timers(f->loop), &f->timer); /* curl may have set it again */
        curl_global_cleanup();
    }
    free(f);
}

/* Not yet known to the multi handle. */
static struct fetch *fetch_new(struct fetcher *f, const struct fetch_options *o,
                               struct err *e) {
    char *host = fetch_host(o->url, e);
    if (!host)
        return NULL;
    struct fetch *t = calloc(1, sizeof *t);
    if (!t) {
        curl_free(host);
        err_set(e, ERR_NOMEM, "out of memory for a transfer");
        return NULL;
    }
    list_init(&t->link);
    text_init(&t->body);
    t->fetcher = f;
    t->host = host;
    t->max_bytes = o->max_bytes;
    t->easy = curl_easy_init();
    return t;
}

static int begin(struct fetch *t, const struct fetch_options *o, struct err *e) {
    CURLcode rc = t->easy ? fetch_set_options(t, o) : CURLE_OUT_OF_MEMORY;
    if (!rc && curl_multi_add_handle(t->fetcher->multi, t->easy))
        rc = CURLE_OUT_OF_MEMORY;
    if (rc)
        return err_set(e, rc == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_INVALID,
                       "cannot fetch from %.100s: %s", t->host, curl_easy_strerror(rc));
    return 0;
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_options *o,
                          fetch_done *done, void *owner, struct err *e) {
    struct fetch *t = wake_curl(f, e) < 0 ? NULL : fetch_new(f, o, e);
    if (!t)
        return NULL;
    t->done = done;
    t->owner = owner;
    if (begin(t, o, e)) {
        fetch_free(t);
        return NULL;
    }
    list_append(&f->fetches, &t->link);
    return t;
}

void fetch_cancel(struct fetch *t) {
    if (!t->finished) /* from inside its own done, where it goes anyway */
        fetch_free(t);
}
