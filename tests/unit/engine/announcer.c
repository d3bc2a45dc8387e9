/* announcer: see the header. */
#include "announcer.h"

const uint8_t announcer_hash[20] = "0123456789abcdefghi";
static const uint8_t peer_id[20] = "-ME0100-abcdefghijk";

static void describe(void *owner, struct announce_request *r, bool *want) {
    struct announcer *x = owner;
    r->port = 6881;
    r->uploaded = 1, r->downloaded = 2, r->left = 3;
    *want = x->want;
}

static void on_peers(void *owner, const struct addr *a, uint32_t n) {
    struct announcer *x = owner;
    x->addrs += n;
    x->addr = a[n - 1];
}

static void on_result(void *owner, const char *url, int status, const char *text,
                      uint32_t peers) {
    struct announcer *x = owner;
    x->results++;
    x->failures += status < 0;
    x->status = status;
    x->peers = peers;
    snprintf(x->text, sizeof x->text, "%s", text);
    snprintf(x->url, sizeof x->url, "%s", url);
    if (x->stop_at_result)
        trackers_stop(x->t);
}

static void on_external_ip(void *owner, const struct addr *a) {
    ((struct announcer *)owner)->external = *a;
}

static void on_scrape(void *owner, const char *url, int status, const char *text,
                      const struct scrape_counts *counts) {
    struct announcer *x = owner;
    (void)url;
    x->scrapes++;
    x->scrape_status = status;
    snprintf(x->scrape_text, sizeof x->scrape_text, "%s", text);
    CHECK((counts != NULL) == (status == 0));
    if (counts)
        x->counts = *counts;
}

const struct trackers_hooks announcer_hooks = {describe, on_peers, on_result,
                                               on_external_ip, on_scrape};

struct trackers_tools announcer_tools(struct announcer *x) {
    return (struct trackers_tools){.loop = x->loop,
                                   .fetcher = x->fetcher,
                                   .udp = x->udp,
                                   .rng = &x->rng,
                                   .user_agent = "mare/test"};
}

struct announcer *announcer_open_with(struct fake_tracker *fake, bool both) {
    struct announcer *x = calloc(1, sizeof *x);
    CHECK(x);
    x->fake = fake;
    CHECK((x->loop = loop_new(NULL)));
    CHECK((x->fetcher = fetcher_new(x->loop, NULL)));
    rng_seed(&x->rng, 1);
    static const struct addr any;
    CHECK((x->datagrams = datagrams_new(x->loop, &any, 0, &x->stats)));
    CHECK((x->udp = udp_trackers_new(x->loop, x->datagrams)));
    udp_trackers_set_pace(x->udp, 1000);
    fake_udp_open(&x->fake_udp, x->loop, "127.0.0.1");
    struct trackers_tools tools = announcer_tools(x);
    tools.both = both;
    x->t = trackers_new(&tools, NULL, &announcer_hooks, x);
    CHECK(x->t);
    trackers_set_pace(x->t, 1000);
    return x;
}

struct announcer *announcer_open(void) {
    return announcer_open_with(fake_tracker_open(), false);
}

void announcer_close(struct announcer *x) {
    trackers_free(x->t);
    fake_udp_close(&x->fake_udp);
    udp_trackers_free(x->udp);
    datagrams_free(x->datagrams);
    fetcher_free(x->fetcher);
    loop_free(x->loop);
    fake_tracker_close(x->fake);
    free(x);
}

void announcer_add(struct announcer *x, const char *path, uint32_t tier) {
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", fake_tracker_port(x->fake), path);
    CHECK_INT(trackers_add(x->t, url, tier, NULL), 0);
}

void announcer_start(struct announcer *x) {
    trackers_start(x->t, announcer_hash, peer_id);
}

void announcer_step(struct announcer *x) {
    CHECK_INT(loop_step(x->loop, 20 * USEC_PER_MSEC), 0);
}

void announcer_until_results(struct announcer *x, unsigned n) {
    ANNOUNCER_UNTIL(x, x->results >= n);
}

void announcer_until_quiet(struct announcer *x) {
    ANNOUNCER_UNTIL(x, !trackers_busy(x->t));
}

void announcer_until_asked(struct announcer *x, unsigned n) {
    ANNOUNCER_UNTIL(x, fake_tracker_count(x->fake) >= n);
}

const char *announcer_asked(struct announcer *x, unsigned i, const char *key) {
    static char value[256];
    const char *request = fake_tracker_request(x->fake, i);
    char pattern[64];
    CHECK(request);
    *value = '\0';
    snprintf(pattern, sizeof pattern, "&%s=", key);
    const char *at = strstr(request, pattern);
    if (at) {
        at += strlen(pattern);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "& "), at);
    }
    return value;
}

const char *announcer_heard(struct announcer *x) {
    size_t len = 0;
    *x->heard = '\0';
    for (unsigned i = 0; i < fake_tracker_count(x->fake); i++) {
        const char *request = fake_tracker_request(x->fake, i),
                   *event = announcer_asked(x, i, "event");
        len += (size_t)snprintf(x->heard + len, sizeof x->heard - len, "%s%.*s %s",
                                i ? ", " : "", (int)strcspn(request, "?"), request,
                                *event ? event : "-");
    }
    return x->heard;
}

struct tracker_row announcer_row(struct announcer *x, uint32_t i) {
    struct tracker_row r;
    CHECK(trackers_row(x->t, i, &r));
    return r;
}

const char *announcer_path(struct announcer *x, uint32_t i) {
    return strrchr(announcer_row(x, i).url, '/');
}

void announcer_add_udp(struct announcer *x, const char *path, uint32_t tier) {
    char url[128];
    CHECK_INT(trackers_add(x->t, fake_udp_url(&x->fake_udp, path, url), tier, NULL), 0);
}

void announcer_until_scrapes(struct announcer *x, unsigned n) {
    ANNOUNCER_UNTIL(x, x->scrapes >= n);
}

struct announcer *announcer_saying(const char *const *replies) {
    struct announcer *x = announcer_open();
    for (; *replies; replies++)
        fake_tracker_says(x->fake, "/a", *replies);
    announcer_add(x, "/a", 0);
    return x;
}

void announcer_begin(struct announcer *x) {
    announcer_start(x);
    announcer_until_results(x, 1);
}

void announcer_end(struct announcer *x) {
    trackers_stop(x->t);
    announcer_until_quiet(x);
}
