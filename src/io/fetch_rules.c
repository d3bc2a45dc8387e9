/* fetch_rules: what a transfer asks for, and what hostile servers get.
 *
 * Schemes and the number of redirects are curl's own options. The sizes of body and
 * headers are counted as they come. And `guard` refuses a redirect from the open Internet
 * into the network of the user: before connecting, so that not even a port can be probed,
 * and again before the request is sent, because the connection may be one from the pool.
 *
 * Sentences name the host and never the URL, which may hold a passkey. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "io/device.h"
#include "io/fetch_private.h"
#include "io/sockaddr.h"

#define DEFAULT_TIMEOUT (60 * USEC_PER_SEC)
#define MAX_REDIRECTS 5L
#define MAX_HEADER_BYTES \
    (128 * 1024) /* of all answers of one transfer; curl has no bound */

/* ---- the URL ----------------------------------------------------------------------- */

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

char *fetch_host(const char *url, struct err *e) {
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

/* ---- bounds ------------------------------------------------------------------------ */

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

/* The bodies of redirects never reach on_body, so they are bounded here, where bytes are
 * counted as they come from the network (compressed, hence the slack: it can grow what is
 * small). */
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

/* True if a request may go to `a`. The first host may be anywhere, that is the user's
 * choice. */
static bool guard(struct fetch *t, const struct addr *a) {
    char text[ADDR_TEXT];
    long redirects = 0;
    const struct fetcher *f = t->fetcher;
    if (f->allows && !f->allows(f->allows_owner, a)) {
        err_set(&t->err, ERR_UNSAFE, "%.100s is %s, which the blocklist forbids", t->host,
                addr_format_ip(a, text));
        return false;
    }
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0 || !t->from_global || addr_kind(a) == ADDR_GLOBAL)
        return true;
    err_set(&t->err, ERR_UNSAFE,
            "%.100s redirects to %s, which is not on the open Internet", t->host,
            addr_format_ip(a, text));
    return false;
}

/* Behind a proxy. Where a name leads is not ours to see: family 0; only what the URL itself says. */
static struct addr named_address(struct fetch *t) {
    char *url = NULL;
    struct addr a = {0};
    curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &url);
    char *host = url ? fetch_host(url, NULL) : NULL;
    if (host && strcasecmp(host, "localhost") == 0)
        a = (struct addr){.ip = {127, 0, 0, 1}, .family = 4};
    else if (host && addr_parse(&a, host, 1) < 0)
        a = (struct addr){0};
    curl_free(host);
    return a;
}

static bool guard_name(struct fetch *t) {
    struct addr a = named_address(t);
    long redirects = 0;
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0)
        t->from_global = !a.family || addr_kind(&a) == ADDR_GLOBAL;
    return !a.family || guard(t, &a);
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
                                    struct curl_sockaddr *at) {
    struct addr a;
    (void)purpose;
    const struct fetch *t = arg;
    if (!sockaddr_to_addr(&at->addr, &a))
        return CURL_SOCKET_BAD;
    if (!t->fetcher->has_proxy && !guard(arg, &a))
        return CURL_SOCKET_BAD;
    int fd = socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
    if (fd < 0 || device_tie(t->fetcher->loop, fd) == 0)
        return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

static int on_request(void *arg, char *remote_ip, char *local_ip, int remote_port,
                      int local_port) {
    struct fetch *t = arg;
    struct addr a = {0};
    long redirects = 0;
    (void)local_ip, (void)remote_port, (void)local_port;
    if (t->fetcher->has_proxy)
        return guard_name(t) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
    if (addr_parse(&a, remote_ip, 1))
        return CURL_PREREQFUNC_ABORT;
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0)
        t->from_global = addr_kind(&a) == ADDR_GLOBAL;
    return guard(t, &a) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- options ----------------------------------------------------------------------- */

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

/* All of it, whatever no_proxy says in the environment; names are resolved over there. */
static CURLcode set_proxy(struct fetch *t) {
    const struct proxy_url *p = &t->fetcher->proxy;
    char shown[PROXY_URL_TEXT], at[PROXY_URL_TEXT + 8];
    const char *scheme = p->kind == PROXY_HTTP ? "http" : "socks5h"; /* h: the names */
    CURLcode rc = CURLE_OK;
    snprintf(at, sizeof at, "%s%s", scheme, strstr(proxy_url_format(p, shown), "://"));
    SET(rc, t, CURLOPT_PROXY, at);
    SET(rc, t, CURLOPT_NOPROXY, "");
    SET(rc, t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (p->user[0]) {
        SET(rc, t, CURLOPT_PROXYUSERNAME, p->user);
        SET(rc, t, CURLOPT_PROXYPASSWORD, p->password);
    }
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
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(rc, t, CURLOPT_QUICK_EXIT, 1L); /* nobody waits for a name that is given up */
#endif
    SET(rc, t, CURLOPT_ERRORBUFFER, t->words);
    SET(rc, t, CURLOPT_PRIVATE, t);
    if (o->ca_file)
        SET(rc, t, CURLOPT_CAINFO, o->ca_file);
    if (o->family)
        SET(rc, t, CURLOPT_IPRESOLVE,
            (long)(o->family == 6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_V4));
    if (!rc && o->bind && o->bind->family)
        rc = set_source(t, o->bind);
    if (!rc && t->fetcher->has_proxy)
        rc = set_proxy(t);
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

CURLcode fetch_set_options(struct fetch *t, const struct fetch_options *o) {
    CURLcode rc = set_request(t, o);
    return rc ? rc : set_bounds(t);
}

/* ---- what became of it ------------------------------------------------------------- */

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

/* What lies behind a proxy is refused in other ways. Silence is the proxy's when nobody has connected. */
bool fetch_proxy_failed(const struct fetch *t, CURLcode code) {
    curl_off_t connected = 0;
    if (!t->fetcher->has_proxy)
        return false;
    curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &connected);
    return code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT ||
           (code == CURLE_OPERATION_TIMEDOUT && connected == 0);
}

/* One sentence: ours where we ended it, curl's otherwise. */
void fetch_explain(struct fetch *t, CURLcode code) {
    const char *words = *t->words ? t->words : curl_easy_strerror(code);
    const char *way = t->fetcher->has_proxy ? " through the proxy" : "";
    if (t->err.code == 0)
        err_set(&t->err, code_of(t, code), "cannot fetch from %.100s%s: %s", t->host, way,
                words);
}
