/* fetch: libcurl's multi interface on our loop. curl tells which sockets it waits for (on_socket)
 * and when it wants to be called without one (on_timeout); we tell it what happened:
 *
 *      watch ready ----+
 *                      +--> drive: curl_multi_socket_action, then the finished ones are reaped
 *      our timer   ----+
 *
 * What hostile servers get is here too. Scheme and number of redirects are curl's own options;
 * body and header sizes are counted as they come; and `guard` refuses a redirect from
 * the open Internet into the network of the user: before connecting, so that not even a port can be
 * probed, and again before the request is sent, because a connection may be one from the pool.
 *
 * Nothing global: curl_global_init counts its callers. Proxies come from the environment, as
 * everywhere with curl. */
#include "io/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "io/sockaddr.h"
#include "io/watch.h"

#define DEFAULT_TIMEOUT (60 * USEC_PER_SEC)
#define MAX_REDIRECTS 5L
#define MAX_HEADER_BYTES \
    (128 * 1024) /* of all answers of one transfer; curl has no bound */
#define MAX_IDLE_CONNECTIONS 8L

struct fetcher {
    struct loop *loop;
    CURLM *multi;
    struct timer timer;  /* curl's own deadline */
    struct link fetches; /* those that are not finished */
    bool starved;        /* one of them could not get a watch */
    bool busy;           /* inside drive */
};

struct fetch {
    struct link link;
    struct fetcher *fetcher;
    CURL *easy;
    char *host; /* for sentences: the whole URL may hold a passkey */
    fetch_done *done;
    void *owner;
    struct text body;
    size_t max_bytes, header_bytes;
    bool from_global; /* the first host was one of the open Internet */
    bool starved, finished;
    struct err err; /* why we ended it, when it was us */
    char words[CURL_ERROR_SIZE];
};

struct fetch_socket {
    struct watch watch;
    struct fetcher *fetcher;
};

/* ---- what became of it -------------------------------------------------------------------- */

static int connect_error(const struct fetch *t) {
    long errnum = 0;
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &errnum);
    return errnum ? err_from_errno((int)errnum) : ERR_NETWORK;
}

static int code_of(const struct fetch *t, CURLcode code) {
    switch (code) {
    case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
    case CURLE_COULDNT_CONNECT: return connect_error(t);
    case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
    case CURLE_UNSUPPORTED_PROTOCOL: /* the first URL was checked: a redirect */
    case CURLE_PEER_FAILED_VERIFICATION: return ERR_UNSAFE;
    case CURLE_TOO_MANY_REDIRECTS: return ERR_LIMIT;
    case CURLE_INTERFACE_FAILED: return ERR_INVALID;
    case CURLE_SSL_CACERT_BADFILE: return ERR_NOTFOUND;
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return ERR_PROTOCOL;
    default: return ERR_NETWORK;
    }
}

/* One sentence: ours where we ended it, curl's otherwise. */
static void explain(struct fetch *t, CURLcode code) {
    const char *words = *t->words ? t->words : curl_easy_strerror(code);
    if (t->err.code == 0)
        err_set(&t->err, code_of(t, code), "cannot fetch from %.100s: %s", t->host,
                words);
}

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
        explain(t, code);
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

/* ---- curl on the loop --------------------------------------------------------------------- */

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

/* Rather late than early: curl does not say again what it said before, so a deadline that finds
 * nothing due (curl rounds down to milliseconds) would be lost. */
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

/* Failing here would be the end of the whole multi handle, so that only the transfer fails. */
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

struct fetcher *fetcher_new(struct loop *l, struct err *e) {
    struct fetcher *f = calloc(1, sizeof *f);
    bool ready = f && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (ready && !(f->multi = curl_multi_init()))
        curl_global_cleanup();
    if (!f || !f->multi) {
        err_set(e, ERR_NOMEM, "libcurl cannot be started");
        free(f);
        return NULL;
    }
    f->loop = l;
    list_init(&f->fetches);
    timer_init(&f->timer, on_timer);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, MAX_IDLE_CONNECTIONS);
    return f;
}

void fetcher_free(struct fetcher *f) {
    if (!f)
        return;
    assert(!f->busy);
    while (!list_empty(&f->fetches))
        fetch_free(LIST_ITEM(f->fetches.next, struct fetch, link));
    curl_multi_cleanup(f->multi);
    timer_stop(loop_timers(f->loop), &f->timer);
    curl_global_cleanup();
    free(f);
}

/* ---- bounds ------------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *arg) {
    struct fetch *t = arg;
    n *= size;
    if (n > t->max_bytes - t->body.len) {
        err_set(&t->err, ERR_LIMIT,
                "%.100s sends more than the %zu bytes that are allowed", t->host,
                t->max_bytes);
        return 0;
    }
    text_add(&t->body, data, n);
    if (t->body.failed) {
        err_set(&t->err, ERR_NOMEM, "out of memory for what %.100s sends", t->host);
        return 0;
    }
    return n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg) {
    struct fetch *t = arg;
    (void)data;
    n *= size;
    t->header_bytes += n;
    if (t->header_bytes > MAX_HEADER_BYTES) {
        err_set(&t->err, ERR_LIMIT, "%.100s sends more than %d bytes of headers", t->host,
                MAX_HEADER_BYTES);
        return 0;
    }
    return n;
}

/* The bodies of redirects never reach on_body, so they are bounded here, where bytes are counted
 * as they come from the network (compressed, hence the slack: it can grow what is small). */
static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now) {
    struct fetch *t = arg;
    (void)total, (void)up_total, (void)up_now;
    size_t slack = t->max_bytes / 16 + 65536;
    if ((uint64_t)now <= t->max_bytes || (uint64_t)now - t->max_bytes <= slack)
        return 0;
    err_set(&t->err, ERR_LIMIT, "%.100s sends more than the %zu bytes that are allowed",
            t->host, t->max_bytes);
    return 1;
}

/* True if a request may go to `a`. The first host may be anywhere, that is the user's choice. */
static bool guard(struct fetch *t, const struct addr *a) {
    char text[ADDR_TEXT];
    long redirects = 0;
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0 || !t->from_global || addr_kind(a) == ADDR_GLOBAL)
        return true;
    err_set(&t->err, ERR_UNSAFE,
            "%.100s redirects to %s, which is not on the open Internet", t->host,
            addr_format_ip(a, text));
    return false;
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
                                    struct curl_sockaddr *at) {
    struct addr a;
    (void)purpose;
    if (!sockaddr_to_addr(&at->addr, &a) || !guard(arg, &a))
        return CURL_SOCKET_BAD;
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

static int on_request(void *arg, char *remote_ip, char *local_ip, int remote_port,
                      int local_port) {
    struct fetch *t = arg;
    struct addr a = {0};
    long redirects = 0;
    (void)local_ip, (void)remote_port, (void)local_port;
    if (addr_parse(&a, remote_ip, 1))
        return CURL_PREREQFUNC_ABORT;
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0)
        t->from_global = addr_kind(&a) == ADDR_GLOBAL;
    return guard(t, &a) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- one transfer ------------------------------------------------------------------------- */

/* Goes on only while all went well, so that a list of settings is checked once. */
#define SET(rc, t, option, value) \
    ((rc) = (rc) ? (rc) : curl_easy_setopt((t)->easy, (option), (value)))

static CURLcode set_source(struct fetch *t, const struct addr *a) {
    char text[ADDR_TEXT], source[ADDR_TEXT + 8];
    CURLcode rc = CURLE_OK;
    snprintf(source, sizeof source, "host!%s", addr_format_ip(a, text));
    SET(rc, t, CURLOPT_INTERFACE, source);
    SET(rc, t, CURLOPT_IPRESOLVE,
        (long)(a->family == 6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_V4));
    return rc;
}

static CURLcode set_request(struct fetch *t, const struct fetch_options *o) {
    usec timeout = o->timeout > 0 ? o->timeout : DEFAULT_TIMEOUT;
    CURLcode rc = CURLE_OK;
    SET(rc, t, CURLOPT_URL, o->url);
    SET(rc, t, CURLOPT_USERAGENT, o->user_agent);
    SET(rc, t, CURLOPT_ACCEPT_ENCODING, ""); /* all that curl can decode */
    SET(rc, t, CURLOPT_TIMEOUT_MS, (long)((timeout + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
    SET(rc, t, CURLOPT_NOSIGNAL, 1L);
    SET(rc, t, CURLOPT_ERRORBUFFER, t->words);
    SET(rc, t, CURLOPT_PRIVATE, t);
    if (o->ca_file)
        SET(rc, t, CURLOPT_CAINFO, o->ca_file);
    if (!rc && o->bind && o->bind->family)
        rc = set_source(t, o->bind);
    return rc;
}

static CURLcode set_bounds(struct fetch *t) {
    CURLcode rc = CURLE_OK;
    SET(rc, t, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(rc, t, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(rc, t, CURLOPT_FOLLOWLOCATION, 1L);
    SET(rc, t, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    SET(rc, t, CURLOPT_WRITEFUNCTION, on_body);
    SET(rc, t, CURLOPT_WRITEDATA, t);
    SET(rc, t, CURLOPT_HEADERFUNCTION, on_header);
    SET(rc, t, CURLOPT_HEADERDATA, t);
    SET(rc, t, CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(rc, t, CURLOPT_XFERINFODATA, t);
    SET(rc, t, CURLOPT_NOPROGRESS, 0L);
    SET(rc, t, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(rc, t, CURLOPT_OPENSOCKETDATA, t);
    SET(rc, t, CURLOPT_PREREQFUNCTION, on_request);
    SET(rc, t, CURLOPT_PREREQDATA, t);
    return rc;
}

/* The host of an http or https URL, for curl_free; NULL with *e for any other. */
static char *http_host(CURLU *u, struct err *e) {
    char *scheme = NULL, *host = NULL;
    CURLUcode rc = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    if (!rc && strcmp(scheme, "http") && strcmp(scheme, "https"))
        err_set(e, ERR_UNSUPPORTED, "cannot fetch by %.32s, only by http and https",
                scheme);
    else if (rc || (rc = curl_url_get(u, CURLUPART_HOST, &host, 0)))
        err_set(e, rc == CURLUE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_INVALID, "not a URL: %s",
                curl_url_strerror(rc));
    curl_free(scheme);
    return host;
}

static char *host_of(const char *url, struct err *e) {
    char *host = NULL;
    CURLU *u = curl_url();
    CURLUcode rc = CURLUE_OUT_OF_MEMORY;
    if (u)
        rc = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (rc == CURLUE_OK)
        host = http_host(u, e);
    else
        err_set(e, rc == CURLUE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_INVALID, "not a URL: %s",
                curl_url_strerror(rc));
    curl_url_cleanup(u);
    return host;
}

/* Not yet known to the multi handle. */
static struct fetch *fetch_new(struct fetcher *f, const struct fetch_options *o,
                               struct err *e) {
    char *host = host_of(o->url, e);
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
    CURLcode rc = t->easy ? set_request(t, o) : CURLE_OUT_OF_MEMORY;
    rc = rc ? rc : set_bounds(t);
    if (!rc && curl_multi_add_handle(t->fetcher->multi, t->easy))
        rc = CURLE_OUT_OF_MEMORY;
    if (rc)
        return err_set(e, rc == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_INVALID,
                       "cannot fetch from %.100s: %s", t->host, curl_easy_strerror(rc));
    return 0;
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_options *o,
                          fetch_done *done, void *owner, struct err *e) {
    struct fetch *t = fetch_new(f, o, e);
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
