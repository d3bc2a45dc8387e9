/* fetch against a small HTTP server of our own; TLS is tried with openssl's test
 * server. */
#include "io/fetch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/io/net_fixture.h"
#include "unit/io/web_server.h"

/* ---- a fetch and what came of it --------------------------------------------------- */

struct outcome {
    int calls, status, http_status;
    size_t len;
    char body[4096], why[256];
};

static void on_done(void *owner, const struct fetch_result *r) {
    struct outcome *o = owner;
    o->calls++;
    o->status = r->status;
    o->http_status = r->http_status;
    o->len = r->len;
    memcpy(o->body, r->len ? (const char *)r->body : "", MIN(r->len, sizeof o->body - 1));
    snprintf(o->why, sizeof o->why, "%s", r->why ? r->why : "");
}

struct rig {
    struct server server;
    struct loop *loop;
    struct fetcher *fetcher;
};

static void rig_open_at(struct rig *g, const char *ip) {
    struct err e = {0};
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("all_proxy");
    server_start(&g->server, ip);
    CHECK((g->loop = loop_new(&e)) != NULL);
    CHECK((g->fetcher = fetcher_new(g->loop, &e)) != NULL);
}

static void rig_open(struct rig *g) {
    rig_open_at(g, "127.0.0.1");
}

static void rig_close(struct rig *g) {
    fetcher_free(g->fetcher);
    loop_free(g->loop);
    server_stop(&g->server);
}

static void run_until_done(struct rig *g, const struct outcome *o) {
    usec limit = loop_now(g->loop) + 30 * USEC_PER_SEC;
    while (!o->calls && loop_now(g->loop) < limit)
        CHECK_INT(loop_step(g->loop, USEC_PER_SEC), 0);
    CHECK_INT(o->calls, 1);
}

static void fetch_with(struct rig *g, struct fetch_options *o, const char *path,
                       struct outcome *out) {
    char url[256];
    struct err e = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", g->server.port, path);
    *out = (struct outcome){0};
    if (!o->url)
        o->url = url;
    o->max_bytes = o->max_bytes ? o->max_bytes : 1 << 20;
    CHECK(fetch_start(g->fetcher, o, on_done, out, &e) != NULL);
    CHECK_INT(out->calls, 0);
    run_until_done(g, out);
}

/* Once, with the default options. */
static struct outcome fetch_path(const char *path) {
    struct rig g;
    struct outcome out;
    rig_open(&g);
    fetch_with(&g, &(struct fetch_options){0}, path, &out);
    rig_close(&g);
    return out;
}

/* ---- what comes in good order ------------------------------------------------------ */

TEST(fetch_brings_the_body) {
    struct outcome o = fetch_path("/plain");
    CHECK_INT(o.status, 0);
    CHECK_INT(o.http_status, 200);
    CHECK_INT(o.len, 5);
    CHECK_STR(o.body, "hello");
    CHECK_STR(o.why, "");
}

TEST(fetch_brings_an_empty_body) {
    struct outcome o = fetch_path("/empty");
    CHECK_INT(o.status, 0);
    CHECK_INT(o.len, 0);
}

TEST(fetch_joins_chunks) {
    CHECK_STR(fetch_path("/chunked").body, "hello");
}

TEST(fetch_decodes_gzip) {
    struct outcome o = fetch_path("/gzip");
    CHECK_INT(o.status, 0);
    CHECK_STR(o.body, "hello gzip\n");
}

TEST(fetch_brings_the_body_of_an_http_error) {
    struct outcome o = fetch_path("/missing");
    CHECK_INT(o.status, 0);
    CHECK_INT(o.http_status, 404);
    CHECK_STR(o.body, "no such thing!");
}

TEST(fetch_follows_a_redirect) {
    struct outcome o = fetch_path("/onward");
    CHECK_INT(o.status, 0);
    CHECK_STR(o.body, "hello");
}

TEST(fetch_says_who_it_is) {
    struct rig g;
    struct outcome out;
    rig_open(&g);
    fetch_with(&g, &(struct fetch_options){.user_agent = "mare/test"}, "/plain", &out);
    CHECK(strstr(g.server.request, "User-Agent: mare/test\r\n"));
    rig_close(&g);
}

TEST(fetch_comes_from_the_bound_address) {
    struct rig g;
    struct outcome out;
    struct addr source;
    char from[INET_ADDRSTRLEN];
    rig_open(&g);
    CHECK_INT(addr_parse(&source, "127.0.0.2", 1), 0);
    fetch_with(&g, &(struct fetch_options){.bind = &source}, "/plain", &out);
    CHECK_INT(out.status, 0);
    inet_ntop(AF_INET, &g.server.from.sin_addr, from, sizeof from);
    CHECK_STR(from, "127.0.0.2");
    rig_close(&g);
}

TEST(fetch_runs_several_at_once) {
    struct rig g;
    struct outcome out[3] = {0};
    char url[64];
    struct err e;
    rig_open(&g);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/once", g.server.port);
    struct fetch_options o = {.url = url, .max_bytes = 100};
    for (int i = 0; i < 3; i++)
        CHECK(fetch_start(g.fetcher, &o, on_done, &out[i], &e));
    for (int i = 0; i < 3; i++) {
        run_until_done(&g, &out[i]);
        CHECK_STR(out[i].body, "hello");
    }
    rig_close(&g);
}

TEST(fetch_progresses_under_an_outer_loop) {
    struct rig g;
    struct outcome out = {0};
    char url[64];
    struct err e;
    rig_open(&g);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/onward", g.server.port);
    CHECK(fetch_start(g.fetcher, &(struct fetch_options){.url = url, .max_bytes = 100},
                      on_done, &out, &e));
    for (int i = 0; i < 1000 && !out.calls; i++) {
        usec wait = loop_timeout(g.loop);
        struct pollfd p = {loop_fd(g.loop), POLLIN, 0};
        poll(&p, 1, wait == USEC_NEVER ? 5000 : (int)((wait + 999) / 1000));
        CHECK_INT(loop_step(g.loop, 0), 0);
    }
    CHECK_STR(out.body, "hello");
    rig_close(&g);
}

/* ---- through a proxy ----------------------------------------------------------------- */

/* The server as an HTTP proxy that answers for everybody. */
static void rig_open_behind_proxy(struct rig *g) {
    struct proxy_url proxy;
    char url[64];
    rig_open(g);
    snprintf(url, sizeof url, "http://me:secret@127.0.0.1:%d", g->server.port);
    CHECK_INT(proxy_url_parse(&proxy, url, NULL), 0);
    fetcher_set_proxy(g->fetcher, &proxy);
}

TEST(fetch_behind_a_proxy_leaves_names_to_it_whatever_the_environment_says) {
    struct rig g;
    struct outcome o;
    setenv("no_proxy", "*", 1);
    rig_open_behind_proxy(&g);
    struct fetch_options options = {.url = "http://tracker.invalid/plain"};
    fetch_with(&g, &options, "", &o);
    run_until_done(&g, &o);
    unsetenv("no_proxy");
    CHECK_INT(o.status, 0);
    CHECK_STR(o.body, "hello");
    CHECK(strstr(g.server.request, "GET http://tracker.invalid/plain "));
    CHECK(strstr(g.server.request, "Proxy-Authorization: Basic bWU6c2VjcmV0"));
    rig_close(&g);
}

TEST(fetch_behind_a_proxy_refuses_a_redirect_from_global_to_local) {
    static const char *const places[] = {"http://127.0.0.1/plain", "http://[::1]/plain",
                                         "http://localhost/plain", "http://10.0.0.1/"};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct rig g;
        struct outcome o;
        rig_open_behind_proxy(&g);
        g.server.redirect_to = places[i];
        struct fetch_options options = {.url = "http://tracker.invalid/redirect"};
        fetch_with(&g, &options, "", &o);
        run_until_done(&g, &o);
        CHECK_INT(o.status, ERR_UNSAFE);
        rig_close(&g);
    }
}

static bool forbid_8888(void *owner, const struct addr *a) {
    (void)owner;
    return a->ip[0] != 8;
}

TEST(fetch_behind_a_proxy_asks_the_blocklist_of_addresses_that_are_named) {
    struct rig g;
    struct outcome o;
    rig_open_behind_proxy(&g);
    fetcher_set_allows(g.fetcher, forbid_8888, NULL);
    struct fetch_options options = {.url = "http://8.8.8.8/plain"};
    fetch_with(&g, &options, "", &o);
    run_until_done(&g, &o);
    CHECK_INT(o.status, ERR_UNSAFE);
    CHECK(strstr(o.why, "blocklist"));
    options.url = "http://9.8.8.8/plain";
    fetch_with(&g, &options, "", &o);
    run_until_done(&g, &o);
    CHECK_INT(o.status, 0);
    rig_close(&g);
}

TEST(fetch_behind_a_proxy_that_is_not_there_goes_no_other_way) {
    struct rig g;
    struct outcome o;
    struct proxy_url proxy;
    rig_open(&g);
    CHECK_INT(proxy_url_parse(&proxy, "socks5://127.0.0.1:1", NULL), 0);
    fetcher_set_proxy(g.fetcher, &proxy);
    struct fetch_options options = {0};
    fetch_with(&g, &options, "/plain", &o);
    run_until_done(&g, &o);
    CHECK(o.status < 0);
    CHECK(strstr(o.why, "cannot fetch from 127.0.0.1 through the proxy: "));
    CHECK_INT(g.server.connections, 0);
    rig_close(&g);
}

/* ---- what does not ----------------------------------------------------------------- */

static const struct {
    const char *path;
    int status;
} refused[] = {
    {"/to-file", ERR_UNSAFE},
    {"/to-ftp", ERR_UNSAFE},
    {"/round", ERR_LIMIT},
    {"/flood", ERR_LIMIT},
    {"/headers", ERR_LIMIT},
    {"/short", ERR_PROTOCOL},
    {"/flooding-redirect", ERR_LIMIT},
    {"/vanish", ERR_PROTOCOL},
};

TEST(fetch_refuses_what_hostile_servers_do) {
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct outcome o = fetch_path(refused[i].path);
        if (o.status != refused[i].status)
            check_fail(__FILE__, __LINE__, "%s: %s (%s), expected %s", refused[i].path,
                       err_name(o.status), o.why, err_name(refused[i].status));
        CHECK(strstr(o.why, "127.0.0.1"));
        CHECK_INT(o.len, 0);
    }
}

TEST(fetch_refuses_what_is_not_http) {
    struct outcome o = fetch_path("/nonsense");
    CHECK(o.status < 0);
    CHECK_INT(o.len, 0);
}

TEST(fetch_takes_exactly_max_bytes) {
    struct rig g;
    struct outcome out;
    rig_open(&g);
    fetch_with(&g, &(struct fetch_options){.max_bytes = 5}, "/plain", &out);
    CHECK_INT(out.status, 0);
    fetch_with(&g, &(struct fetch_options){.max_bytes = 4}, "/plain", &out);
    CHECK_INT(out.status, ERR_LIMIT);
    rig_close(&g);
}

TEST(fetch_counts_max_bytes_after_decoding) {
    struct rig g;
    struct outcome out;
    rig_open(&g);
    fetch_with(&g, &(struct fetch_options){.max_bytes = 10}, "/gzip", &out);
    CHECK_INT(out.status, ERR_LIMIT);
    rig_close(&g);
}

TEST(fetch_times_out) {
    struct rig g;
    struct outcome out;
    rig_open(&g);
    fetch_with(&g, &(struct fetch_options){.timeout = 100 * USEC_PER_MSEC}, "/silence",
               &out);
    CHECK_INT(out.status, ERR_TIMEOUT);
    CHECK(strstr(out.why, "127.0.0.1"));
    rig_close(&g);
}

TEST(fetch_tells_of_a_refused_connection) {
    struct rig g;
    struct outcome out;
    struct server gone;
    char url[64];
    rig_open(&g);
    server_start(&gone, "127.0.0.1");
    server_stop(&gone);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/announce?key=hidden", gone.port);
    fetch_with(&g, &(struct fetch_options){.url = url}, "", &out);
    CHECK_INT(out.status, ERR_REFUSED);
    CHECK(!strstr(out.why, "hidden"));
    rig_close(&g);
}

TEST(fetch_tells_of_an_unknown_host) {
    struct rig g;
    struct outcome out;
    rig_open(&g);
    fetch_with(&g, &(struct fetch_options){.url = "http://no-such-host.invalid/"}, "",
               &out);
    CHECK_INT(out.status, ERR_NETWORK);
    CHECK(strstr(out.why, "no-such-host.invalid"));
    rig_close(&g);
}

static const struct {
    const char *url;
    int code;
} not_begun[] = {
    {"ftp://127.0.0.1/x", ERR_UNSUPPORTED}, {"file:///etc/passwd", ERR_UNSUPPORTED},
    {"gopher://h/", ERR_UNSUPPORTED},       {"", ERR_INVALID},
    {"no url at all", ERR_INVALID},         {"http://", ERR_INVALID},
    {"http://h:99999/", ERR_INVALID},
};

TEST(fetch_begins_only_http_and_https) {
    struct rig g;
    rig_open(&g);
    for (size_t i = 0; i < COUNT_OF(not_begun); i++) {
        struct err e = {0};
        struct fetch_options o = {.url = not_begun[i].url, .max_bytes = 1};
        CHECK(!fetch_start(g.fetcher, &o, on_done, NULL, &e));
        if (e.code != not_begun[i].code)
            check_fail(__FILE__, __LINE__, "%s: %s", o.url, e.text);
        CHECK(e.text[0]);
    }
    rig_close(&g);
}

/* ---- the end of things ------------------------------------------------------------- */

TEST(fetch_cancel_is_silent) {
    struct rig g;
    struct outcome out = {0};
    char url[64];
    struct err e;
    rig_open(&g);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/silence", g.server.port);
    struct fetch_options o = {.url = url, .max_bytes = 100};
    struct fetch *t = fetch_start(g.fetcher, &o, on_done, &out, &e);
    CHECK(t);
    for (int i = 0; i < 10; i++)
        CHECK_INT(loop_step(g.loop, 10 * USEC_PER_MSEC), 0);
    fetch_cancel(t);
    CHECK_INT(loop_step(g.loop, 0), 0);
    CHECK_INT(out.calls, 0);
    rig_close(&g);
}

TEST(fetcher_free_ends_pending_ones_silently) {
    struct rig g;
    struct outcome out[2] = {0};
    char url[64];
    struct err e;
    rig_open(&g);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/silence", g.server.port);
    struct fetch_options o = {.url = url, .max_bytes = 100};
    CHECK(fetch_start(g.fetcher, &o, on_done, &out[0], &e));
    for (int i = 0; i < 10; i++)
        CHECK_INT(loop_step(g.loop, 10 * USEC_PER_MSEC), 0);
    CHECK(fetch_start(g.fetcher, &o, on_done, &out[1], &e));
    rig_close(&g);
    CHECK_INT(out[0].calls + out[1].calls, 0);
}

struct pair {
    struct fetch *first, *second;
    int calls;
};

static void cancel_both(void *owner, const struct fetch_result *r) {
    struct pair *p = owner;
    (void)r;
    p->calls++;
    fetch_cancel(p->first);
    fetch_cancel(p->second);
}

TEST(fetch_may_be_canceled_inside_a_done) {
    struct rig g;
    struct pair p = {0};
    char url[64];
    struct err e;
    rig_open(&g);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/plain", g.server.port);
    struct fetch_options o = {.url = url, .max_bytes = 100};
    p.first = fetch_start(g.fetcher, &o, cancel_both, &p, &e);
    p.second = fetch_start(g.fetcher, &o, cancel_both, &p, &e);
    CHECK(p.first && p.second);
    for (int i = 0; i < 20; i++)
        CHECK_INT(loop_step(g.loop, 10 * USEC_PER_MSEC), 0);
    CHECK_INT(p.calls, 1);
    rig_close(&g);
}

TEST(fetch_leaks_no_descriptor) {
    fetch_path("/plain"); /* libraries open theirs once */
    int before = open_descriptors();
    fetch_path("/onward");
    fetch_path("/flood");
    fetch_path("/vanish");
    CHECK_INT(open_descriptors(), before);
}

/* ---- a redirect into the user's network -------------------------------------------- */

/* A network of our own in which 203.0.113.7, a global address, is ours. False where the
 * system does not allow that. */
static bool enter_global_network(void) {
    struct ifreq lo = {.ifr_name = "lo"}, alias = {.ifr_name = "lo:1"};
    struct sockaddr_in at = {.sin_family = AF_INET};
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && unshare(CLONE_NEWNET))
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    lo.ifr_flags = IFF_UP;
    inet_pton(AF_INET, "203.0.113.7", &at.sin_addr);
    memcpy(&alias.ifr_addr, &at, sizeof at);
    bool ok = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &lo) && !ioctl(fd, SIOCSIFADDR, &alias);
    close(fd);
    return ok;
}

enum { AS_EXPECTED, UNEXPECTED, NOT_POSSIBLE };

/* A global host redirects to `to`, where `local` listens. `warm`: a connection to there
 * is in the pool already. */
static int redirect_from_global(const char *to, bool warm, int expected) {
    struct rig g;
    struct server local;
    struct outcome out;
    char url[64], target[64];
    if (!enter_global_network())
        return NOT_POSSIBLE;
    rig_open_at(&g, "203.0.113.7");
    server_start(&local, to);
    snprintf(url, sizeof url, "http://203.0.113.7:%d/redirect", g.server.port);
    snprintf(target, sizeof target, "http://%s:%d/plain", to, local.port);
    g.server.redirect_to = target;
    if (warm)
        fetch_with(&g, &(struct fetch_options){.url = target}, "", &out);
    memset(local.request, 0, sizeof local.request);
    fetch_with(&g, &(struct fetch_options){.url = url}, "", &out);
    bool asked = local.request[0];
    int connections = local.connections;
    rig_close(&g);
    server_stop(&local);
    if (out.status != expected || asked != (expected == 0))
        fprintf(stderr, "%s: %d, %s\n", to, out.status, out.why);
    else if (connections == (warm || expected == 0))
        return AS_EXPECTED;
    return UNEXPECTED;
}

/* In a child, because a process cannot come back from another network. */
static int in_child(const char *to, bool warm, int expected) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(redirect_from_global(to, warm, expected));
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : UNEXPECTED;
}

static void check_redirect(const char *to, bool warm, int expected) {
    int r = in_child(to, warm, expected);
    if (r == NOT_POSSIBLE)
        fprintf(stderr, "fetch: no network of our own here: not tried: redirect to %s\n",
                to);
    CHECK(r == AS_EXPECTED || r == NOT_POSSIBLE);
}

TEST(fetch_refuses_a_redirect_from_global_to_local) {
    check_redirect("127.0.0.1", false, ERR_UNSAFE);
}

TEST(fetch_refuses_a_redirect_to_local_on_a_pooled_connection) {
    check_redirect("127.0.0.1", true, ERR_UNSAFE);
}

TEST(fetch_follows_a_redirect_from_global_to_global) {
    check_redirect("203.0.113.7", false, 0);
}

/* ---- TLS --------------------------------------------------------------------------- */

/* A command's pid; it ends with us. */
static pid_t start(char *const argv[]) {
    pid_t pid = fork();
    if (pid)
        return pid;
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0), dup2(null, 1), dup2(null, 2);
    execvp(argv[0], argv);
    _exit(127);
}

static void make_certificate(char *key, char *certificate) {
    char *argv[] = {"openssl",  "req",           "-x509",   "-newkey",
                    "rsa:2048", "-nodes",        "-keyout", key,
                    "-out",     certificate,     "-days",   "2",
                    "-subj",    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    NULL};
    int status = -1;
    waitpid(start(argv), &status, 0);
    CHECK_INT(status, 0);
}

static uint16_t unused_port(void) {
    struct server s;
    server_start(&s, "127.0.0.1");
    server_stop(&s);
    return s.port;
}

static bool answers_at(uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    bool ok = !connect(fd, (struct sockaddr *)&at, sizeof at);
    close(fd);
    return ok;
}

static pid_t start_tls_server(char *key, char *certificate, uint16_t port) {
    char at[32];
    snprintf(at, sizeof at, "127.0.0.1:%d", port);
    char *argv[] = {"openssl", "s_server", "-quiet", "-www",      "-accept", at,
                    "-key",    key,        "-cert",  certificate, NULL};
    pid_t pid = start(argv);
    for (int i = 0; i < 500 && !answers_at(port); i++)
        usleep(10000);
    return pid;
}

TEST(fetch_verifies_tls) {
    struct rig g;
    struct outcome without, with;
    char key[4200], certificate[4200], url[64];
    uint16_t port = unused_port();
    snprintf(key, sizeof key, "%s/key.pem", check_tmpdir());
    snprintf(certificate, sizeof certificate, "%s/certificate.pem", check_tmpdir());
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
    make_certificate(key, certificate);
    pid_t pid = start_tls_server(key, certificate, port);

    rig_open(&g);
    fetch_with(&g, &(struct fetch_options){.url = url}, "", &without);
    fetch_with(&g, &(struct fetch_options){.url = url, .ca_file = certificate}, "",
               &with);
    rig_close(&g);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);

    CHECK_INT(without.status, ERR_UNSAFE);
    CHECK(strstr(without.why, "certificate"));
    CHECK_INT(with.status, 0);
    CHECK_INT(with.http_status, 200);
    CHECK(strstr(with.body, "s_server"));
}
