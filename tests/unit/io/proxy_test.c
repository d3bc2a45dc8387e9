/* proxy: streams through a proxy on real TCP that answers by script: the listener of the world is the
 * proxy, and what comes after its words is the peer. */
#include "io/proxy.h"

#include "base/err.h"
#include "io/fetch.h"
#include "io/proxy_private.h"
#include "unit/io/net_fixture.h"

struct rig {
    struct world w;
    struct proxy *proxy;
    int troubles, trouble_code, mended;
    char trouble[256];
};

static void on_trouble(void *owner, int code, const char *sentence) {
    struct rig *g = owner;
    g->mended += code == 0;
    g->troubles += code < 0;
    g->trouble_code = code;
    snprintf(g->trouble, sizeof g->trouble, "%s", sentence);
}

static struct addr target(void) {
    struct addr a;
    CHECK_INT(addr_parse(&a, "1.2.3.4:6881", -1), 0);
    return a;
}

/* `form` has %u where the port of the world's listener belongs. */
static void rig_open(struct rig *g, const char *form) {
    char url[128];
    struct proxy_url parsed;
    memset(g, 0, sizeof *g);
    world_open(&g->w);
    snprintf(url, sizeof url, form, g->w.at.port);
    CHECK_INT(proxy_url_parse(&parsed, url, NULL), 0);
    g->proxy = proxy_new(g->w.loop, &parsed, NULL, on_trouble, g);
    CHECK(g->proxy != NULL);
}

static void rig_close(struct rig *g) {
    for (int i = 0; i < CROWD; i++)
        side_shut(&g->w.client[i]);
    proxy_free(g->proxy);
    g->proxy = NULL;
    world_close(&g->w);
}

static struct side *dial(struct rig *g, int i) {
    struct addr to = target();
    struct side *x = &g->w.client[i];
    struct stream *s = proxy_connect(g->proxy, &to, NULL);
    CHECK(s != NULL);
    x->world = &g->w;
    side_take(x, s);
    stream_want(s, STREAM_READ);
    return x;
}

/* The same, and the proxy has taken the connection. */
static struct side *reach(struct rig *g, int i) {
    struct side *x = dial(g, i);
    STEP_UNTIL(&g->w, g->w.accepted == i + 1);
    return x;
}

/* The proxy hears exactly these bytes. */
static void proxy_hears(struct rig *g, int i, const char *bytes, size_t len) {
    char got[256];
    size_t have = 0;
    while (have < len) {
        ssize_t n = side_get_patiently(&g->w.server[i], got + have, len - have);
        CHECK(n > 0);
        have += (size_t)n;
    }
    CHECK_MEM(got, bytes, len);
}

static void proxy_says(struct rig *g, int i, const char *bytes, size_t len) {
    struct iovec v = {(char *)(uintptr_t)bytes, len};
    CHECK_INT(stream_writev(g->w.server[i].s, &v, 1), (long long)len);
}

#define HEARS(g, i, bytes) proxy_hears(g, i, bytes, sizeof(bytes) - 1)
#define SAYS(g, i, bytes) proxy_says(g, i, bytes, sizeof(bytes) - 1)

/* The stream stands; the peer's first word came with the proxy's last; then both ways. */
static void check_passes(struct rig *g, struct side *x) {
    char got[16];
    STEP_UNTIL(&g->w, x->opens == 1);
    CHECK_INT(x->status, 0);
    CHECK_INT(side_get_patiently(x, got, sizeof got), 5);
    CHECK_MEM(got, "first", 5);
    CHECK_INT(side_put(x, "to peer"), 7);
    HEARS(g, 0, "to peer");
    SAYS(g, 0, " and on");
    CHECK_INT(side_get_patiently(x, got, sizeof got), 7);
    CHECK_MEM(got, " and on", 7);
}

TEST(proxy_stream_passes_everything_once_socks_agrees) {
    struct rig g;
    char got[16];
    rig_open(&g, "socks5://127.0.0.1:%u");
    struct side *x = reach(&g, 0);
    HEARS(&g, 0, "\x05\x01\0");
    CHECK_INT(side_get(x, got, 1), ERR_AGAIN);
    CHECK_INT(side_put(x, "early"), ERR_AGAIN);
    SAYS(&g, 0, "\x05\0");
    HEARS(&g, 0, "\x05\x01\0\x01\x01\x02\x03\x04\x1a\xe1");
    CHECK_INT(x->opens, 0);
    SAYS(&g, 0, "\x05\0\0\x01\0\0\0\0\0\0first"); /* the peer's words come along */
    check_passes(&g, x);
    rig_close(&g);
}

TEST(proxy_stream_passes_everything_once_http_agrees) {
    struct rig g;
    rig_open(&g, "http://127.0.0.1:%u");
    struct side *x = reach(&g, 0);
    HEARS(&g, 0, "CONNECT 1.2.3.4:6881 HTTP/1.1\r\nHost: 1.2.3.4:6881\r\n\r\n");
    SAYS(&g, 0, "HTTP/1.1 200 fine\r\nX: y\r\n\r\nfirst");
    check_passes(&g, x);
    rig_close(&g);
}

TEST(proxy_stream_hears_an_answer_byte_by_byte) {
    static const char answer[] = "\x05\0\x05\0\0\x01\0\0\0\0\0\0";
    struct rig g;
    rig_open(&g, "socks5://127.0.0.1:%u");
    struct side *x = reach(&g, 0);
    for (size_t i = 0; i < sizeof answer - 1; i++) {
        CHECK_INT(x->opens, 0);
        proxy_says(&g, 0, answer + i, 1);
        world_step(&g.w);
        world_step(&g.w);
    }
    STEP_UNTIL(&g.w, x->opens == 1);
    CHECK_INT(x->status, 0);
    rig_close(&g);
}

TEST(proxy_that_refuses_the_login_is_told_once_without_the_password) {
    struct rig g;
    rig_open(&g, "socks5://me:secret@127.0.0.1:%u");
    for (int i = 0; i < 2; i++) {
        struct side *x = reach(&g, i);
        SAYS(&g, i, "\x05\x02\x01\x01");
        STEP_UNTIL(&g.w, x->opens == 1);
        CHECK_INT(x->status, ERR_ACCESS);
    }
    CHECK_INT(g.troubles, 1);
    CHECK(strstr(g.trouble, "refused the user or the password"));
    CHECK(strstr(g.trouble, "socks5://127.0.0.1:"));
    CHECK(!strstr(g.trouble, "secret") && !strstr(g.trouble, "me:"));
    rig_close(&g);
}

TEST(proxy_that_cannot_reach_a_peer_is_no_trouble) {
    struct rig g;
    rig_open(&g, "socks5://127.0.0.1:%u");
    struct side *x = reach(&g, 0);
    SAYS(&g, 0, "\x05\0\x05\x05\0\x01\0\0\0\0\0\0");
    STEP_UNTIL(&g.w, x->opens == 1);
    CHECK_INT(x->status, ERR_REFUSED);
    CHECK_INT(g.troubles, 0);
    rig_close(&g);
}

TEST(proxy_that_hangs_up_fails_the_stream) {
    struct rig g;
    rig_open(&g, "http://127.0.0.1:%u");
    struct side *x = reach(&g, 0);
    SAYS(&g, 0, "HTTP/1.1 200 f");
    side_shut(&g.w.server[0]);
    STEP_UNTIL(&g.w, x->opens == 1);
    CHECK_INT(x->status, ERR_NETWORK);
    rig_close(&g);
}

TEST(proxy_that_is_not_there_is_told_and_may_come_back) {
    struct rig g;
    rig_open(&g, "socks5://127.0.0.1:%u");
    struct addr at = g.w.at;
    listener_close(g.w.listener);
    g.w.listener = NULL;
    for (int i = 0; i < 2; i++) {
        struct side *x = dial(&g, i);
        STEP_UNTIL(&g.w, x->opens == 1);
        CHECK_INT(x->status, ERR_REFUSED);
    }
    CHECK_INT(g.troubles, 1);
    CHECK(strstr(g.trouble, "cannot be reached"));
    CHECK((g.w.listener = listener_open(g.w.loop, &at, world_on_accept, &g.w, NULL)));
    struct side *x = dial(&g, 2);
    STEP_UNTIL(&g.w, g.w.accepted == 1);
    SAYS(&g, 0, "\x05\0\x05\0\0\x01\0\0\0\0\0\0");
    STEP_UNTIL(&g.w, x->opens == 1);
    CHECK_INT(x->status, 0);
    struct rig *again = &g; /* trouble that begins anew is told anew */
    listener_close(g.w.listener);
    g.w.listener = NULL;
    struct side *y = dial(again, 3);
    STEP_UNTIL(&g.w, y->opens == 1);
    CHECK_INT(g.troubles, 2);
    rig_close(&g);
}

/* As "localhost" may be: the first of its addresses has nobody who listens. */
TEST(proxy_with_several_addresses_is_dialled_at_the_next_without_a_word) {
    struct rig g;
    rig_open(&g, "socks5://127.0.0.1:%u");
    struct proxy *p = g.proxy;
    p->addrs[1] = p->addrs[0], p->count = 2;
    p->addrs[0].ip[3] = 9;
    struct side *x = dial(&g, 0), *y = dial(&g, 1);
    STEP_UNTIL(&g.w, g.w.accepted == 2);
    for (int i = 0; i < 2; i++)
        SAYS(&g, i, "\x05\0\x05\0\0\x01\0\0\0\0\0\0");
    STEP_UNTIL(&g.w, x->opens == 1 && y->opens == 1);
    CHECK_INT(x->status, 0);
    CHECK_INT(y->status, 0);
    CHECK_INT(g.troubles, 0);
    rig_close(&g);
}

TEST(proxy_given_by_name_is_found_while_streams_wait) {
    struct rig g;
    rig_open(&g, "socks5://localhost:%u");
    struct side *x = dial(&g, 0), *y = dial(&g, 1);
    struct side *gone = dial(&g, 2);
    side_shut(gone);
    STEP_UNTIL(&g.w, g.w.accepted == 2);
    for (int i = 0; i < 2; i++)
        SAYS(&g, i, "\x05\0\x05\0\0\x01\0\0\0\0\0\0");
    STEP_UNTIL(&g.w, x->opens == 1 && y->opens == 1);
    CHECK_INT(gone->opens, 0);
    rig_close(&g);
}

TEST(proxy_whose_name_is_unknown_fails_all_that_wait) {
    struct rig g;
    rig_open(&g, "socks5://no-such-host.invalid:%u");
    struct side *x = dial(&g, 0), *y = dial(&g, 1);
    CHECK_INT(x->opens, 0);
    STEP_UNTIL(&g.w, x->opens == 1 && y->opens == 1);
    CHECK_INT(x->status, ERR_NETWORK);
    CHECK_INT(g.troubles, 1);
    rig_close(&g);
}

TEST(proxy_stream_may_be_closed_at_any_time) {
    struct rig g;
    rig_open(&g, "socks5://127.0.0.1:%u");
    side_shut(dial(&g, 0));
    struct side *x = dial(&g, 1);
    STEP_UNTIL(&g.w, g.w.accepted >= 1);
    side_shut(x);
    world_step(&g.w);
    CHECK_INT(x->opens, 0);
    rig_close(&g);
}

TEST(proxy_connect_without_memory_begins_nothing) {
    struct rig g;
    struct addr to = target();
    rig_open(&g, "socks5://127.0.0.1:%u");
    CHECK_EACH_NOMEM(n) {
        struct stream *s = proxy_connect(g.proxy, &to, NULL);
        bool made = s, hit = check_nomem_hit();
        if (s)
            stream_close(s);
        CHECK(made != hit);
    }
    rig_close(&g);
}

/* ---- rests ------------------------------------------------------------------------------ */

static void fail_login(struct rig *g, int i) {
    struct side *x = dial(g, i);
    STEP_UNTIL(&g->w, g->w.accepted == i + 1);
    SAYS(g, i, "\x05\xff");
    STEP_UNTIL(&g->w, x->opens == 1);
    CHECK_INT(x->status, ERR_ACCESS);
}

TEST(proxy_in_trouble_rests_until_it_works) {
    struct rig g;
    rig_open(&g, "socks5://127.0.0.1:%u");
    CHECK_INT(proxy_rests_until(g.proxy), 0);
    fail_login(&g, 0);
    usec until = proxy_rests_until(g.proxy), now = loop_now(g.w.loop);
    CHECK(proxy_troubled(g.proxy));
    CHECK(until > now && until <= now + 2 * USEC_PER_SEC);
    fail_login(&g, 1); /* was dialled before, as it were */
    CHECK_INT(proxy_rests_until(g.proxy), until);
    struct side *x = reach(&g, 2);
    SAYS(&g, 2, "\x05\0\x05\x05\0\x01\0\0\0\0\0\0"); /* a refusal: it works */
    STEP_UNTIL(&g.w, x->opens == 1);
    CHECK_INT(x->status, ERR_REFUSED);
    CHECK(!proxy_troubled(g.proxy));
    CHECK_INT(proxy_rests_until(g.proxy), 0);
    CHECK_INT(g.mended, 1); /* told when it was in trouble before, and only then */
    x = dial(&g, 3);
    STEP_UNTIL(&g.w, g.w.accepted == 4);
    SAYS(&g, 3, "\x05\0\x05\x05\0\x01\0\0\0\0\0\0");
    STEP_UNTIL(&g.w, x->opens == 1);
    CHECK_INT(g.mended, 1);
    rig_close(&g);
}

/* ---- fetches ---------------------------------------------------------------------------- */

static void on_fetched(void *owner, const struct fetch_result *r) {
    *(int *)owner = r->http_status;
}

TEST(fetch_behind_socks_leaves_names_to_the_proxy) {
    struct rig g;
    char greeting[4];
    int http_status = -1;
    rig_open(&g, "socks5://127.0.0.1:%u");
    struct fetcher *f = fetcher_new(g.w.loop, NULL);
    fetcher_set_proxy(f, proxy_url_of(g.proxy));
    struct fetch_options o = {.url = "http://tracker.invalid:80/", .max_bytes = 100};
    CHECK(fetch_start(f, &o, on_fetched, &http_status, NULL));
    STEP_UNTIL(&g.w, g.w.accepted == 1);
    CHECK_INT(side_get_patiently(&g.w.server[0], greeting, 2), 2);
    int methods = greeting[1];
    CHECK(methods > 0 && methods <= 4);
    CHECK_INT(side_get_patiently(&g.w.server[0], greeting, (size_t)methods), methods);
    SAYS(&g, 0, "\x05\0");
    HEARS(&g, 0, "\x05\x01\0\x03\x0ftracker.invalid\0\x50");
    SAYS(&g, 0, "\x05\0\0\x01\0\0\0\0\0\0");
    HEARS(&g, 0, "GET / HTTP/1.1\r\nHost: tracker.invalid");
    SAYS(&g, 0, "HTTP/1.1 204 fine\r\n\r\n");
    STEP_UNTIL(&g.w, http_status >= 0);
    CHECK_INT(http_status, 204);
    fetcher_free(f);
    rig_close(&g);
}
