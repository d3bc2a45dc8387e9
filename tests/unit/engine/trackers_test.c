/* trackers: announcing to HTTP and UDP trackers on loopback that answer by script. A second of the
 * trackers lasts a millisecond here: an interval of 1,800 s is 1.8 s, the first back-off 15 ms. */
#include "engine/trackers_private.h"

#include "fake_tracker.h"
#include "fake_udp_tracker.h"
#include "support/check.h"

#define PATIENCE (10 * USEC_PER_SEC)

#define NO_PEERS "200 d8:intervali1800e5:peers0:e"
#define ONE_PEER                                             \
    "200 d8:intervali1800e5:peers6:\x7f\x01\x01\x01\x1a\xe1" \
    "e"
#define REFUSAL "200 d14:failure reason6:no waye"

static const uint8_t info_hash[20] = "0123456789abcdefghi",
                     peer_id[20] = "-ME0100-abcdefghijk";

struct fixture {
    struct loop *loop;
    struct fetcher *fetcher;
    struct fake_tracker *fake;
    struct stats stats;
    struct datagrams *datagrams;
    struct udp_trackers *udp;
    struct fake_udp_tracker fake_udp;
    struct trackers *t;
    struct rng rng;
    bool want; /* what describe says */
    bool stop_at_result;
    unsigned results, failures;
    int status;     /* of the last result, */
    char text[256]; /* its sentence, */
    char url[256];  /* url */
    uint32_t peers; /* and peers */
    uint32_t addrs; /* given in all */
    struct addr addr, external;
    char heard[4096];
    unsigned scrapes;
    int scrape_status;
    char scrape_text[256];
    struct scrape_counts counts;
};

static void describe(void *owner, struct announce_request *r, bool *want) {
    struct fixture *x = owner;
    r->port = 6881;
    r->uploaded = 1, r->downloaded = 2, r->left = 3;
    *want = x->want;
}

static void on_peers(void *owner, const struct addr *a, uint32_t n) {
    struct fixture *x = owner;
    x->addrs += n;
    x->addr = a[n - 1];
}

static void on_result(void *owner, const char *url, int status, const char *text,
                      uint32_t peers) {
    struct fixture *x = owner;
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
    ((struct fixture *)owner)->external = *a;
}

static void on_scrape(void *owner, const char *url, int status, const char *text,
                      const struct scrape_counts *counts) {
    struct fixture *x = owner;
    (void)url;
    x->scrapes++;
    x->scrape_status = status;
    snprintf(x->scrape_text, sizeof x->scrape_text, "%s", text);
    CHECK((counts != NULL) == (status == 0));
    if (counts)
        x->counts = *counts;
}

static const struct trackers_hooks hooks = {describe, on_peers, on_result, on_external_ip,
                                            on_scrape};

static struct trackers_tools tools_of(struct fixture *x) {
    return (struct trackers_tools){.loop = x->loop,
                                   .fetcher = x->fetcher,
                                   .udp = x->udp,
                                   .rng = &x->rng,
                                   .user_agent = "mare/test"};
}

static struct fixture *open_with(struct fake_tracker *fake, bool both) {
    struct fixture *x = calloc(1, sizeof *x);
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
    struct trackers_tools tools = tools_of(x);
    tools.both = both;
    x->t = trackers_new(&tools, NULL, &hooks, x);
    CHECK(x->t);
    trackers_set_pace(x->t, 1000);
    return x;
}

static struct fixture *open_fixture(void) {
    return open_with(fake_tracker_open(), false);
}

static void close_fixture(struct fixture *x) {
    trackers_free(x->t);
    fake_udp_close(&x->fake_udp);
    udp_trackers_free(x->udp);
    datagrams_free(x->datagrams);
    fetcher_free(x->fetcher);
    loop_free(x->loop);
    fake_tracker_close(x->fake);
    free(x);
}

/* A tracker of the fake one, in a tier. */
static void add(struct fixture *x, const char *path, uint32_t tier) {
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", fake_tracker_port(x->fake), path);
    CHECK_INT(trackers_add(x->t, url, tier, NULL), 0);
}

static void start(struct fixture *x) {
    trackers_start(x->t, info_hash, peer_id);
}

static void step(struct fixture *x) {
    CHECK_INT(loop_step(x->loop, 20 * USEC_PER_MSEC), 0);
}

/* Steps until so many announces have ended, and fails when they do not. */
static void until_results(struct fixture *x, unsigned n) {
    usec end = loop_now(x->loop) + PATIENCE;
    while (x->results < n) {
        CHECK(loop_now(x->loop) < end);
        step(x);
    }
}

static void until_quiet(struct fixture *x) {
    usec end = loop_now(x->loop) + PATIENCE;
    while (trackers_busy(x->t)) {
        CHECK(loop_now(x->loop) < end);
        step(x);
    }
}

static void until_asked(struct fixture *x, unsigned n) {
    usec end = loop_now(x->loop) + PATIENCE;
    while (fake_tracker_count(x->fake) < n) {
        CHECK(loop_now(x->loop) < end);
        step(x);
    }
}

/* The value of a key in the i-th request; "" if it is not there. */
static const char *asked(struct fixture *x, unsigned i, const char *key) {
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

/* All that the tracker heard: "/a started, /a completed". */
static const char *heard(struct fixture *x) {
    size_t len = 0;
    *x->heard = '\0';
    for (unsigned i = 0; i < fake_tracker_count(x->fake); i++) {
        const char *request = fake_tracker_request(x->fake, i),
                   *event = asked(x, i, "event");
        len += (size_t)snprintf(x->heard + len, sizeof x->heard - len, "%s%.*s %s",
                                i ? ", " : "", (int)strcspn(request, "?"), request,
                                *event ? event : "-");
    }
    return x->heard;
}

static struct tracker_row row(struct fixture *x, uint32_t i) {
    struct tracker_row r;
    CHECK(trackers_row(x->t, i, &r));
    return r;
}

static const char *path_of(struct fixture *x, uint32_t i) {
    return strrchr(row(x, i).url, '/');
}

/* -- the list --------------------------------------------------------------------------- */

TEST(trackers_list_is_ordered_by_tier) {
    struct fixture *x = open_fixture();
    add(x, "/late", 7);
    add(x, "/a", 0);
    add(x, "/c", 1);
    add(x, "/b", 0);
    CHECK_INT(trackers_count(x->t), 4);
    CHECK_STR(path_of(x, 0), "/a");
    CHECK_STR(path_of(x, 1), "/b");
    CHECK_STR(path_of(x, 2), "/c");
    CHECK_STR(path_of(x, 3), "/late");
    CHECK_INT(row(x, 3).tier, 7);
    CHECK_STR(row(x, 0).state, "idle");
    CHECK(row(x, 0).next_at == USEC_NEVER);
    struct tracker_row r;
    CHECK(!trackers_row(x->t, 4, &r));
    close_fixture(x);
}

TEST(trackers_list_refuses_what_is_no_tracker) {
    static const char *const bad[] = {"", "ftp://host/", "http://", "http:// host/",
                                      "announce"};
    struct fixture *x = open_fixture();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        CHECK_INT(trackers_add(x->t, bad[i], 0, &e), ERR_INVALID);
        CHECK(e.text[0]);
    }
    CHECK_INT(trackers_add(x->t, "http://host/a", 0, NULL), 0);
    CHECK_INT(trackers_add(x->t, "http://host/a", 3, NULL), ERR_EXISTS);
    CHECK_INT(trackers_count(x->t), 1);
    close_fixture(x);
}

TEST(trackers_list_is_bounded) {
    struct fixture *x = open_fixture();
    char url[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(url, sizeof url, "http://host/%d", i);
        CHECK_INT(trackers_add(x->t, url, 0, NULL), 0);
    }
    CHECK_INT(trackers_add(x->t, "http://host/more", 0, NULL), ERR_LIMIT);
    close_fixture(x);
}

static struct trackers *new_of(struct fixture *x, uint64_t seed) {
    char *urls[] = {"http://a/", "http://b/", "http://c/", "http://a/", "http://d/"};
    char *last[] = {"http://z/"};
    struct tracker_tier tiers[] = {{urls, 5}, {last, 1}};
    struct metainfo m = {.tiers = tiers, .tier_count = 2};
    rng_seed(&x->rng, seed);
    struct trackers_tools tools = tools_of(x);
    return trackers_new(&tools, &m, &hooks, x);
}

TEST(trackers_of_a_tier_are_shuffled_and_tiers_are_not) {
    struct fixture *x = open_fixture();
    uint32_t first[4] = {0};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct trackers *t = new_of(x, seed);
        struct tracker_row r;
        CHECK(t);
        CHECK_INT(trackers_count(t), 5); /* the double one is left out */
        CHECK(trackers_row(t, 4, &r));
        CHECK_STR(r.url, "http://z/");
        CHECK(trackers_row(t, 0, &r));
        first[r.url[7] - 'a']++;
        trackers_free(t);
    }
    for (int i = 0; i < 4; i++)
        CHECK(first[i] > 5);
    close_fixture(x);
}

TEST(trackers_without_memory_are_not_made) {
    struct fixture *x = open_fixture();
    CHECK_EACH_NOMEM(n) {
        struct trackers *t = new_of(x, 1);
        bool made = t, hit = check_nomem_hit();
        trackers_free(t);
        CHECK(made != hit);
    }
    close_fixture(x);
}

TEST(trackers_add_without_memory_changes_nothing) {
    struct fixture *x = open_fixture();
    CHECK_EACH_NOMEM(n) {
        int rc = trackers_add(x->t, "http://host/", 0, NULL);
        bool hit = check_nomem_hit();
        CHECK_INT(rc, hit ? ERR_NOMEM : 0);
        CHECK_INT(trackers_count(x->t), !hit);
    }
    close_fixture(x);
}

/* -- events ----------------------------------------------------------------------------- */

TEST(trackers_say_started_then_completed_then_stopped) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    until_results(x, 2);
    trackers_completed(x->t); /* only once */
    trackers_stop(x->t);
    CHECK(trackers_busy(x->t));
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a completed, /a stopped");
    CHECK_INT(x->failures, 0);
    close_fixture(x);
}

TEST(trackers_do_nothing_before_the_start) {
    struct fixture *x = open_fixture();
    add(x, "/a", 0);
    trackers_want_peers(x->t);
    trackers_completed(x->t);
    trackers_stop(x->t);
    for (int i = 0; i < 5; i++)
        step(x);
    CHECK_INT(fake_tracker_count(x->fake), 0);
    CHECK(!trackers_busy(x->t));
    close_fixture(x);
}

TEST(trackers_describe_the_torrent_in_the_request) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    x->want = true;
    start(x);
    until_results(x, 1);
    CHECK(strstr(fake_tracker_request(x->fake, 0), "info_hash=0123456789abcdefghi%00"));
    CHECK_STR(asked(x, 0, "peer_id"), "-ME0100-abcdefghijk%00");
    CHECK_STR(asked(x, 0, "port"), "6881");
    CHECK_STR(asked(x, 0, "uploaded"), "1");
    CHECK_STR(asked(x, 0, "downloaded"), "2");
    CHECK_STR(asked(x, 0, "left"), "3");
    CHECK_STR(asked(x, 0, "numwant"), "200");
    close_fixture(x);
}

TEST(trackers_ask_for_no_peers_when_none_are_wanted_or_at_the_end) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    x->want = true;
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(asked(x, 0, "numwant"), "0");
    CHECK_STR(asked(x, 1, "numwant"), "0");
    close_fixture(x);
}

TEST(trackers_say_started_until_it_was_answered) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", REFUSAL);
    fake_tracker_says(x->fake, "/a", "503 overload");
    fake_tracker_says(x->fake, "/a", "200 d8:intervali60e5:peers0:e");
    add(x, "/a", 0);
    start(x);
    until_results(x, 4);
    CHECK_STR(heard(x), "/a started, /a started, /a started, /a -");
    close_fixture(x);
}

TEST(trackers_say_completed_after_started_when_both_are_due) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    trackers_completed(x->t);
    until_results(x, 2);
    CHECK_STR(heard(x), "/a started, /a completed");
    close_fixture(x);
}

TEST(trackers_repeat_completed_until_it_was_answered) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/a", REFUSAL);
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    until_results(x, 3);
    CHECK_STR(heard(x), "/a started, /a completed, /a completed");
    close_fixture(x);
}

TEST(trackers_stop_right_after_the_end_of_a_download_says_completed_first) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a completed, /a stopped");
    close_fixture(x);
}

TEST(trackers_stop_while_completed_is_in_flight_waits_for_it) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    usec end = loop_now(x->loop) + PATIENCE;
    while (!trackers_busy(x->t) && loop_now(x->loop) < end)
        CHECK_INT(loop_step(x->loop, 0), 0);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a completed, /a stopped");
    close_fixture(x);
}

TEST(trackers_stop_before_the_first_answer_still_says_completed) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    while (!trackers_busy(x->t))
        CHECK_INT(loop_step(x->loop, 0), 0);
    trackers_completed(x->t);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a completed, /a stopped");
    close_fixture(x);
}

TEST(trackers_say_completed_once_even_if_it_fails_at_the_end) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/a", REFUSAL);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a completed, /a stopped");
    close_fixture(x);
}

TEST(trackers_say_stopped_only_to_those_that_answered) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/dead", "500 ");
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/dead", 0);
    add(x, "/a", 0);
    add(x, "/unused", 1);
    start(x);
    until_results(x, 2);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(heard(x), "/dead started, /a started, /a stopped");
    close_fixture(x);
}

TEST(trackers_stopped_in_a_hook_say_stopped_once) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    x->stop_at_result = true;
    start(x);
    until_results(x, 2);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a stopped");
    close_fixture(x);
}

TEST(trackers_stop_before_the_first_answer_says_nothing) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "hang");
    add(x, "/a", 0);
    start(x);
    until_asked(x, 1);
    CHECK_STR(row(x, 0).state, "announcing");
    trackers_stop(x->t);
    CHECK(!trackers_busy(x->t));
    CHECK_INT(x->results, 0);
    close_fixture(x);
}

TEST(trackers_start_after_a_stop_begins_anew) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_stop(x->t);
    until_quiet(x);
    start(x);
    start(x); /* idempotent */
    until_results(x, 3);
    CHECK_STR(heard(x), "/a started, /a stopped, /a started");
    close_fixture(x);
}

TEST(trackers_start_gives_up_a_stopped_that_hangs) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/a", "hang");
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_stop(x->t);
    until_asked(x, 2);
    start(x);
    until_results(x, 2);
    CHECK_STR(heard(x), "/a started, /a stopped, /a started");
    CHECK_INT(x->status, 0);
    close_fixture(x);
}

TEST(trackers_free_ends_what_is_in_flight_silently) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "hang");
    add(x, "/a", 0);
    start(x);
    until_asked(x, 1);
    trackers_free(x->t);
    x->t = NULL;
    step(x);
    CHECK_INT(x->results, 0);
    close_fixture(x);
}

TEST(trackers_survive_when_memory_runs_out_in_an_announce) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", ONE_PEER);
    add(x, "/a", 0);
    CHECK_EACH_NOMEM(n) {
        x->results = 0;
        start(x);
        until_results(x, 1);
        bool hit = check_nomem_hit();
        CHECK(hit || x->status == 0);
        CHECK(x->status == 0 || x->status == ERR_NOMEM);
        trackers_stop(x->t);
        until_quiet(x);
    }
    close_fixture(x);
}

/* -- failover --------------------------------------------------------------------------- */

TEST(trackers_go_through_the_tier_and_then_to_the_next) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/c", NO_PEERS);
    add(x, "/a", 0);
    add(x, "/b", 0);
    add(x, "/c", 1);
    add(x, "/d", 1);
    start(x);
    until_results(x, 3);
    CHECK_STR(heard(x), "/a started, /b started, /c started");
    CHECK_STR(row(x, 0).state, "failed");
    CHECK_INT(row(x, 0).failures, 1);
    CHECK_STR(row(x, 2).state, "working");
    CHECK_STR(row(x, 3).state, "idle");
    CHECK(row(x, 3).next_at == USEC_NEVER);
    close_fixture(x);
}

TEST(trackers_that_answer_move_to_the_front_of_their_tier) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/b", "200 d8:intervali60e5:peers0:e");
    add(x, "/zero", 0);
    add(x, "/a", 1);
    add(x, "/b", 1);
    start(x);
    until_results(x, 3);
    CHECK_STR(path_of(x, 0), "/zero");
    CHECK_STR(path_of(x, 1), "/b");
    CHECK_STR(path_of(x, 2), "/a");
    close_fixture(x);
}

TEST(trackers_behind_one_that_works_are_left_alone) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/b", "200 d8:intervali60e5:peers0:e");
    add(x, "/a", 0);
    add(x, "/b", 0);
    add(x, "/c", 1);
    start(x);
    until_results(x, 5);
    CHECK_STR(heard(x), "/a started, /b started, /b -, /b -, /b -");
    close_fixture(x);
}

TEST(trackers_of_an_earlier_tier_are_found_again) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "502 ");
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    add(x, "/a", 0);
    add(x, "/b", 1);
    start(x);
    until_results(x, 3);
    CHECK_STR(heard(x), "/a started, /b started, /a started");
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_INT(fake_tracker_count(x->fake), 5); /* both know us */
    close_fixture(x);
}

TEST(trackers_that_nobody_listens_at_fail_over) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    CHECK_INT(trackers_add(x->t, "http://127.0.0.1:1/announce", 0, NULL), 0);
    add(x, "/a", 1);
    start(x);
    until_results(x, 1);
    CHECK_INT(x->status, ERR_REFUSED);
    until_results(x, 2);
    CHECK_INT(x->status, 0);
    CHECK_STR(heard(x), "/a started");
    close_fixture(x);
}

/* As with a proxy that UDP would go round. */
TEST(trackers_without_udp_tell_so_once_and_skip_those) {
    struct fixture *x = open_fixture();
    x->t->tools.udp = NULL;
    fake_tracker_says(x->fake, "/a", "200 d8:intervali60e5:peers0:e");
    CHECK_INT(trackers_add(x->t, "udp://tracker.example:80/announce", 0, NULL), 0);
    start(x);
    trackers_want_peers(x->t);
    until_results(x, 1);
    CHECK_INT(x->status, ERR_UNSUPPORTED);
    CHECK_STR(x->url, "udp://tracker.example:80/announce");
    CHECK_STR(row(x, 0).state, "unsupported");
    CHECK(row(x, 0).next_at == USEC_NEVER);
    add(x, "/a", 5);
    until_results(x, 4);
    CHECK_INT(x->failures, 1);
    close_fixture(x);
}

TEST(trackers_added_while_nothing_works_are_tried_at_once) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    start(x);
    step(x);
    add(x, "/b", 1);
    until_results(x, 1);
    CHECK_STR(heard(x), "/b started");
    close_fixture(x);
}

TEST(trackers_removed_in_flight_give_way_to_the_next) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "hang");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    add(x, "/a", 0);
    add(x, "/b", 0);
    start(x);
    until_asked(x, 1);
    CHECK(trackers_remove(x->t, row(x, 0).url));
    CHECK(!trackers_remove(x->t, "http://unknown/"));
    until_results(x, 1);
    CHECK_STR(heard(x), "/a started, /b started");
    CHECK_INT(trackers_count(x->t), 1);
    close_fixture(x);
}

/* -- when ------------------------------------------------------------------------------- */

/* Seconds from now to the next announce of a tracker. */
static long long wait_of(struct fixture *x, uint32_t i) {
    return (row(x, i).next_at - loop_now(x->loop)) / USEC_PER_SEC;
}

TEST(trackers_back_off_doubles_up_to_half_an_hour) {
    static const int seconds[] = {15, 30, 60, 120, 240, 480, 960, 1800, 1800, 1800};
    struct fixture *x = open_fixture();
    trackers_set_pace(x->t, USEC_PER_SEC);
    add(x, "/a", 0);
    start(x);
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        tracker_fail(x->t->list[0], 0, "no");
        CHECK(wait_of(x, 0) >= seconds[i] - 1 && wait_of(x, 0) <= seconds[i] * 21 / 20);
    }
    close_fixture(x);
}

/* Nobody listens at port 1. */
static void break_proxy(struct fixture *x) {
    static const struct proxy_url nowhere = {
        .kind = PROXY_SOCKS5, .host = "127.0.0.1", .port = 1};
    fetcher_set_proxy(x->fetcher, &nowhere);
}

TEST(trackers_back_off_is_a_minute_at_most_while_the_proxy_is_the_trouble) {
    struct fixture *x = open_fixture();
    break_proxy(x);
    add(x, "/a", 0);
    start(x);
    until_results(x, 6); /* of those that lead somewhere it would be 480 s now */
    CHECK_INT(row(x, 0).failures, 6);
    CHECK(row(x, 0).next_at - loop_now(x->loop) <= 60 * 1050);
    close_fixture(x);
}

TEST(trackers_are_asked_again_once_the_proxy_works) {
    struct fixture *x = open_fixture();
    trackers_set_pace(x->t, USEC_PER_SEC);
    break_proxy(x);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    CHECK(row(x, 0).next_at > loop_now(x->loop) + PATIENCE);
    trackers_on_proxy_works(x->t);
    until_results(x, 2);
    close_fixture(x);
}

TEST(trackers_that_fail_by_themselves_do_not_mind_the_proxy) {
    struct fixture *x = open_fixture();
    trackers_set_pace(x->t, USEC_PER_SEC);
    fake_tracker_says(x->fake, "/a", REFUSAL);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_on_proxy_works(x->t);
    CHECK(row(x, 0).next_at > loop_now(x->loop) + PATIENCE);
    close_fixture(x);
}

TEST(trackers_retry_when_the_tracker_says) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "200 d14:failure reason4:busy8:retry in2:10e");
    trackers_set_pace(x->t, USEC_PER_SEC);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    CHECK_STR(x->text, "busy");
    CHECK(wait_of(x, 0) >= 598 && wait_of(x, 0) <= 631);
    close_fixture(x);
}

TEST(trackers_never_retry_when_the_tracker_says_never) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "200 d14:failure reason4:gone8:retry in5:nevere");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    add(x, "/a", 0);
    add(x, "/b", 0);
    start(x);
    until_results(x, 2);
    CHECK_STR(heard(x), "/a started, /b started");
    CHECK_STR(path_of(x, 1), "/a");
    CHECK(row(x, 1).next_at == USEC_NEVER);
    close_fixture(x);
}

TEST(trackers_wait_for_the_interval_and_a_little_more) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    trackers_set_pace(x->t, USEC_PER_SEC);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    CHECK(wait_of(x, 0) >= 1798 && wait_of(x, 0) <= 1890);
    close_fixture(x);
}

TEST(trackers_that_want_peers_wait_for_the_min_interval) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a",
                      "200 d8:intervali1800e12:min intervali300e5:peers0:e");
    trackers_set_pace(x->t, USEC_PER_SEC);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_want_peers(x->t);
    CHECK(wait_of(x, 0) >= 298 && wait_of(x, 0) <= 300);
    close_fixture(x);
}

TEST(trackers_asked_early_again_and_again_wait_for_longer) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    for (unsigned i = 1; i <= 3; i++) {
        until_results(x, i);
        trackers_want_peers(x->t);
    }
    int64_t first = fake_tracker_time(x->fake, 1) - fake_tracker_time(x->fake, 0);
    int64_t second = fake_tracker_time(x->fake, 2) - fake_tracker_time(x->fake, 1);
    CHECK(first >= 60000 && second >= 120000);
    CHECK_STR(heard(x), "/a started, /a -, /a -");
    close_fixture(x);
}

TEST(trackers_want_no_peers_earlier_than_the_interval_if_that_is_shorter) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "200 d8:intervali60e12:min intervali900e5:peers0:e");
    trackers_set_pace(x->t, USEC_PER_SEC);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_want_peers(x->t);
    CHECK(wait_of(x, 0) <= 63);
    close_fixture(x);
}

/* -- replies ---------------------------------------------------------------------------- */

TEST(trackers_give_peers_and_counts) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a",
                      "200 d8:completei5e11:external ip4:\x7f\x02\x02\x02"
                      "10:incompletei6e5:peers6:\x7f\x01\x01\x01\x1a\xe1"
                      "e");
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    char text[ADDR_TEXT];
    CHECK_INT(x->addrs, 1);
    CHECK_INT(x->peers, 1);
    CHECK_STR(addr_format(&x->addr, text), "127.1.1.1:6881");
    CHECK_STR(addr_format_ip(&x->external, text), "127.2.2.2");
    CHECK_INT(row(x, 0).counts.complete, 5);
    CHECK_INT(row(x, 0).counts.incomplete, 6);
    CHECK_INT(row(x, 0).counts.downloaded, -1);
    CHECK_INT(row(x, 0).peers, 1);
    close_fixture(x);
}

TEST(trackers_read_compressed_replies) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "gzip");
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    CHECK_INT(x->status, 0);
    CHECK_INT(x->addrs, 1);
    close_fixture(x);
}

TEST(trackers_do_not_give_ourselves) {
    struct fixture *x = open_fixture();
    fake_tracker_says(
        x->fake, "/a",
        "200 d5:peersld2:ip9:127.0.0.17:peer id20:someone else entirel4:porti7eed"
        "2:ip9:127.0.0.17:peer id20:-XX0100-abcdefghijkl4:porti8eeee");
    add(x, "/a", 0);
    trackers_start(x->t, info_hash, (const uint8_t *)"-XX0100-abcdefghijkl");
    until_results(x, 1);
    CHECK_INT(x->addrs, 1);
    CHECK_INT(x->addr.port, 7);
    close_fixture(x);
}

TEST(trackers_do_not_give_peers_to_one_who_leaves) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", ONE_PEER);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_INT(x->results, 3);
    CHECK_INT(x->addrs, 1);
    close_fixture(x);
}

TEST(trackers_echo_the_tracker_id_and_keep_the_key) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "200 d8:intervali60e5:peers0:10:tracker id4:a&b=e");
    fake_tracker_says(x->fake, "/a", "200 d8:intervali60e5:peers0:e");
    add(x, "/a", 0);
    start(x);
    until_results(x, 3);
    char key[16];
    snprintf(key, sizeof key, "%s", asked(x, 0, "key"));
    CHECK_INT(strlen(key), 8);
    CHECK_STR(asked(x, 0, "trackerid"), "");
    CHECK_STR(asked(x, 1, "trackerid"), "a%26b%3D");
    CHECK_STR(asked(x, 2, "trackerid"),
              "a%26b%3D"); /* also when it did not say it again */
    CHECK_STR(asked(x, 2, "key"), key);
    close_fixture(x);
}

TEST(trackers_tell_why_an_announce_failed) {
    static const struct {
        const char *reply;
        int status;
        const char *text;
    } cases[] = {
        {REFUSAL, ERR_REFUSED, "no way"},
        {"502 <html>", ERR_REFUSED, "the tracker answered 502 Bad Gateway"},
        {"404 ", ERR_REFUSED, "the tracker answered 404 Not Found"},
        {"599 ", ERR_REFUSED, "the tracker answered 599"},
        {"500 d5:peers0:e", ERR_REFUSED,
         "the tracker answered 500 Internal Server Error"},
        {"403 d14:failure reason13:unknown mouse8:retry in1:1e", ERR_REFUSED,
         "unknown mouse"},
        {"200 i7e", ERR_FORMAT, NULL},
        {"200 <html>", ERR_FORMAT, NULL},
        {"200 ", ERR_FORMAT, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture *x = open_fixture();
        fake_tracker_says(x->fake, "/a", cases[i].reply);
        add(x, "/a", 0);
        start(x);
        until_results(x, 1);
        CHECK_INT(x->status, cases[i].status);
        CHECK(x->text[0]);
        if (cases[i].text)
            CHECK_STR(x->text, cases[i].text);
        CHECK_STR(row(x, 0).message, x->text);
        CHECK_STR(row(x, 0).state, "failed");
        close_fixture(x);
    }
}

TEST(trackers_pass_a_warning_on_with_success) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a",
                      "200 d8:intervali1800e5:peers0:15:warning message9:old ratioe");
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    CHECK_INT(x->status, 0);
    CHECK_STR(x->text, "old ratio");
    CHECK_STR(row(x, 0).message, "old ratio");
    CHECK_STR(row(x, 0).state, "working");
    close_fixture(x);
}

TEST(trackers_keep_passkeys_out_of_sentences) {
    static const char *const urls[][2] = {
        {"https://host.example:8080/0123abc/announce", "https://host.example:8080/..."},
        {"http://user:secret@host/announce", "http://host/announce"},
        {"http://host/announce?passkey=1", "http://host/..."},
        {"http://host?passkey=1", "http://host/..."},
        {"http://host", "http://host"},
        {"udp://[::1]:80/announce", "udp://[::1]:80/announce"},
    };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct fixture *x = open_fixture();
        CHECK_INT(trackers_add(x->t, urls[i][0], 0, NULL), 0);
        CHECK_STR(x->t->list[0]->shown, urls[i][1]);
        CHECK_STR(row(x, 0).url, urls[i][0]);
        close_fixture(x);
    }
}

TEST(trackers_give_the_shown_url_to_on_result) {
    struct fixture *x = open_fixture();
    char shown[64];
    fake_tracker_says(x->fake, "/passkey/announce", NO_PEERS);
    add(x, "/passkey/announce", 0);
    start(x);
    until_results(x, 1);
    snprintf(shown, sizeof shown, "http://127.0.0.1:%u/...", fake_tracker_port(x->fake));
    CHECK_STR(x->url, shown);
    close_fixture(x);
}

/* -- UDP -------------------------------------------------------------------------------- */

static void add_udp(struct fixture *x, const char *path, uint32_t tier) {
    char url[128];
    CHECK_INT(trackers_add(x->t, fake_udp_url(&x->fake_udp, path, url), tier, NULL), 0);
}

TEST(trackers_by_udp_give_peers_and_counts) {
    struct fixture *x = open_fixture();
    memcpy(x->fake_udp.peers, "\x7f\x01\x01\x01\x1a\xe1\x7f\x01\x01\x02\x1a\xe1", 12);
    x->fake_udp.peers_len = 12;
    add_udp(x, "/announce", 0);
    x->want = true;
    start(x);
    until_results(x, 1);
    CHECK_INT(x->status, 0);
    CHECK_INT(x->peers, 2);
    CHECK_INT(x->addrs, 2);
    CHECK_INT(row(x, 0).peers, 2);
    CHECK_INT(row(x, 0).counts.complete, 7);
    CHECK_INT(row(x, 0).counts.incomplete, 5);
    CHECK_STR(row(x, 0).state, "working");
    CHECK_STR(x->fake_udp.path, "/announce");
    CHECK_INT(get_u32(x->fake_udp.last + 80), 2); /* started */
    CHECK_INT(get_u32(x->fake_udp.last + 92), 200);
    CHECK_INT(get_u16(x->fake_udp.last + 96), 6881);
    close_fixture(x);
}

TEST(trackers_by_udp_say_completed_and_stopped) {
    struct fixture *x = open_fixture();
    add_udp(x, "", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    until_results(x, 2);
    CHECK_INT(get_u32(x->fake_udp.last + 80), 1);
    trackers_stop(x->t);
    CHECK(trackers_busy(x->t));
    until_quiet(x);
    CHECK_INT(get_u32(x->fake_udp.last + 80), 3);
    CHECK_INT(x->fake_udp.announces, 3);
    close_fixture(x);
}

TEST(trackers_by_udp_that_are_silent_fail_over) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    x->fake_udp.deaf = 1000;
    add_udp(x, "", 0);
    add(x, "/a", 1);
    start(x);
    until_results(x, 2);
    CHECK_INT(x->failures, 1);
    CHECK_STR(row(x, 0).state, "failed");
    CHECK_STR(row(x, 1).state, "working");
    close_fixture(x);
}

TEST(trackers_free_ends_udp_silently) {
    struct fixture *x = open_fixture();
    x->fake_udp.deaf = 1000;
    add_udp(x, "", 0);
    start(x);
    step(x);
    CHECK_STR(row(x, 0).state, "announcing");
    close_fixture(x);
}

/* -- patience --------------------------------------------------------------------------- */

TEST(trackers_that_are_silent_do_not_keep_the_next_waiting) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/silent", "hang");
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/silent", 0);
    add(x, "/a", 0);
    x->t->patience = 20 * USEC_PER_MSEC;
    start(x);
    until_results(x, 1);
    CHECK_INT(x->status, 0);
    CHECK_STR(heard(x), "/silent started, /a started");
    CHECK_STR(path_of(x, 0), "/a");
    CHECK_STR(row(x, 1).state, "announcing"); /* it may still answer */
    close_fixture(x);
}

TEST(trackers_wait_for_one_at_a_time_while_they_are_patient) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/silent", "hang");
    add(x, "/silent", 0);
    add(x, "/a", 0);
    start(x);
    until_asked(x, 1);
    for (int i = 0; i < 5; i++)
        step(x);
    CHECK_STR(heard(x), "/silent started");
    close_fixture(x);
}

/* -- asking for more -------------------------------------------------------------------- */

TEST(trackers_announce_when_asked_to_as_soon_as_the_min_interval_allows) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_announce(x->t);
    until_results(x, 2);
    int64_t wait = fake_tracker_time(x->fake, 1) - fake_tracker_time(x->fake, 0);
    CHECK(wait >= 60000 && wait < 1800000);
    close_fixture(x);
}

TEST(trackers_that_failed_are_tried_when_asked_to_but_not_each_time) {
    struct fixture *x = open_fixture();
    trackers_set_pace(x->t, USEC_PER_SEC);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    for (int i = 0; i < 8; i++)
        tracker_fail(x->t->list[0], 0, "no");
    CHECK(row(x, 0).next_at - loop_now(x->loop) > 1000 * USEC_PER_SEC);
    trackers_announce(x->t);
    usec wait = row(x, 0).next_at - x->t->list[0]->asked_at;
    CHECK_INT(wait, 15 * USEC_PER_SEC);
    trackers_announce(x->t);
    CHECK_INT(row(x, 0).next_at - x->t->list[0]->asked_at, 15 * USEC_PER_SEC);
    close_fixture(x);
}

/* -- scrapes ---------------------------------------------------------------------------- */

static void until_scrapes(struct fixture *x, unsigned n) {
    usec end = loop_now(x->loop) + PATIENCE;
    while (x->scrapes < n) {
        CHECK(loop_now(x->loop) < end);
        step(x);
    }
}

TEST(trackers_scrape_by_udp_and_http_and_add_up_the_best) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/scrape",
                      "200 d5:filesd20:0123456789abcdefghijd8:completei4e"
                      "10:downloadedi9e10:incompletei3eeee");
    add_udp(x, "/announce", 0);
    add(x, "/announce", 0);
    CHECK_INT(trackers_counts(x->t).complete, -1);
    CHECK_INT(trackers_scrape(x->t, (const uint8_t *)"0123456789abcdefghij", NULL), 2);
    until_scrapes(x, 2);
    CHECK_INT(row(x, 1).counts.complete, 4);
    CHECK_INT(row(x, 1).counts.incomplete, 3);
    CHECK_INT(trackers_counts(x->t).complete, 7);
    CHECK_INT(trackers_counts(x->t).downloaded, 50);
    CHECK_INT(trackers_counts(x->t).incomplete, 5);
    close_fixture(x);
}

TEST(trackers_tell_why_a_scrape_failed) {
    static const struct {
        const char *reply;
        int status;
    } cases[] = {
        {"200 d14:failure reason6:no waye", ERR_REFUSED},
        {"404 ", ERR_REFUSED},
        {"200 <html>", ERR_FORMAT},
        {"200 d5:filesdee", ERR_NOTFOUND},
        {"200 d5:filesi1ee", ERR_NOTFOUND},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture *x = open_fixture();
        fake_tracker_says(x->fake, "/scrape", cases[i].reply);
        add(x, "/announce", 0);
        CHECK_INT(trackers_scrape(x->t, info_hash, NULL), 1);
        until_scrapes(x, 1);
        CHECK_INT(x->scrape_status, cases[i].status);
        CHECK(x->scrape_text[0]);
        CHECK_INT(row(x, 0).counts.complete, -1);
        close_fixture(x);
    }
}

TEST(trackers_are_scraped_once_a_minute_at_most) {
    struct fixture *x = open_fixture();
    trackers_set_pace(x->t, USEC_PER_SEC);
    add_udp(x, "/announce", 0);
    CHECK_INT(trackers_scrape(x->t, info_hash, NULL), 1);
    CHECK_INT(trackers_scrape(x->t, info_hash, NULL), ERR_AGAIN);
    until_scrapes(x, 1);
    CHECK_INT(trackers_scrape(x->t, info_hash, NULL), ERR_AGAIN);
    CHECK_INT(x->fake_udp.scrapes, 1);
    close_fixture(x);
}

TEST(trackers_that_cannot_be_scraped_are_not) {
    struct fixture *x = open_fixture();
    struct err e = {0};
    CHECK_INT(trackers_scrape(x->t, info_hash, &e), ERR_UNSUPPORTED);
    add(x, "/a", 0);
    CHECK_INT(trackers_scrape(x->t, info_hash, &e), ERR_UNSUPPORTED);
    CHECK_INT(fake_tracker_count(x->fake), 0);
    close_fixture(x);
}

/* -- another list ----------------------------------------------------------------------- */

TEST(trackers_assigned_take_the_place_of_all_and_keep_what_is_known) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    add(x, "/gone", 1);
    start(x);
    until_results(x, 1);
    char url[128];
    snprintf(url, sizeof url, "%s", row(x, 0).url);
    struct tracker_place places[] = {
        {"http://b/", 4}, {url, 2}, {"http://c/", 2}, {"http://b/", 0}};
    CHECK_INT(trackers_assign(x->t, places, 4, NULL), 0);
    CHECK_INT(trackers_count(x->t), 3);
    CHECK_STR(row(x, 0).url, url);
    CHECK_STR(row(x, 0).state, "working");
    CHECK_INT(row(x, 0).tier, 2);
    CHECK_STR(row(x, 1).url, "http://c/");
    CHECK_STR(row(x, 2).url, "http://b/");
    CHECK_INT(row(x, 2).tier, 4);
    CHECK_INT(trackers_assign(x->t, NULL, 0, NULL), 0);
    CHECK_INT(trackers_count(x->t), 0);
    close_fixture(x);
}

static void remove_it(struct fixture *x, const char *path) {
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", fake_tracker_port(x->fake), path);
    CHECK(trackers_remove(x->t, url));
}

/* -- by both families -------------------------------------------------------------------- */

static void add_localhost(struct fixture *x, const char *path, uint32_t tier) {
    char url[128];
    snprintf(url, sizeof url, "http://localhost:%u%s", fake_tracker_port(x->fake), path);
    CHECK_INT(trackers_add(x->t, url, tier, NULL), 0);
}

TEST(trackers_by_http_hear_it_by_both_families) {
    struct fixture *x = open_with(fake_tracker_open_both(), true);
    fake_tracker_says(x->fake, "/a", ONE_PEER);
    add_localhost(x, "/a", 0);
    start(x);
    until_results(x, 2);
    until_quiet(x);
    CHECK_INT(fake_tracker_family(x->fake, 0) + fake_tracker_family(x->fake, 1), 10);
    CHECK_INT(row(x, 0).peers, 2);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a started, /a stopped, /a stopped");
    CHECK_INT(fake_tracker_family(x->fake, 2) + fake_tracker_family(x->fake, 3), 10);
    CHECK_INT(x->failures, 0);
    close_fixture(x);
}

TEST(trackers_that_answer_by_one_family_are_working) {
    struct fixture *x = open_with(fake_tracker_open(), true);
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add_localhost(x, "/a", 0);
    start(x);
    until_results(x, 1);
    until_quiet(x);
    CHECK_STR(row(x, 0).state, "working");
    CHECK_INT(row(x, 0).failures, 0);
    trackers_stop(x->t);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a stopped");
    CHECK_INT(x->results, 2);
    CHECK_INT(x->failures, 0);
    close_fixture(x);
}

TEST(trackers_that_fail_by_both_families_fail_once_and_in_their_own_words) {
    struct fixture *x = open_with(fake_tracker_open(), true);
    fake_tracker_says(x->fake, "/a", REFUSAL);
    add_localhost(x, "/a", 0);
    start(x);
    until_results(x, 1);
    CHECK(!trackers_busy(x->t));
    CHECK_STR(x->text, "no way");
    CHECK_INT(row(x, 0).failures, 1);
    close_fixture(x);
}

/* The second family is silent: nobody is asked instead, and a stop does not wait for it. */
TEST(trackers_that_answered_by_one_family_are_not_passed_over) {
    struct fixture *x = open_with(fake_tracker_open_both(), true);
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/a", "hang");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    x->t->patience = 10 * USEC_PER_MSEC;
    add_localhost(x, "/a", 0);
    add_localhost(x, "/b", 1);
    start(x);
    until_asked(x, 2);
    until_results(x, 1);
    usec until = loop_now(x->loop) + 5 * x->t->patience;
    while (loop_now(x->loop) < until)
        step(x);
    CHECK_STR(heard(x), "/a started, /a started");
    CHECK(trackers_busy(x->t));
    close_fixture(x);
}

TEST(trackers_removed_hear_stopped) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add(x, "/a", 0);
    x->want = true;
    start(x);
    until_results(x, 1);
    remove_it(x, "/a");
    CHECK_INT(trackers_count(x->t), 0);
    CHECK(trackers_busy(x->t));
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a stopped");
    CHECK_STR(asked(x, 1, "numwant"), "0");
    CHECK_INT(x->addrs, 0);
    close_fixture(x);
}

TEST(trackers_removed_at_the_end_of_a_download_hear_of_that_first) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", ONE_PEER);
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    trackers_completed(x->t);
    CHECK_INT(trackers_assign(x->t, NULL, 0, NULL), 0);
    until_quiet(x);
    CHECK_STR(heard(x), "/a started, /a completed, /a stopped");
    CHECK_INT(x->addrs, 1); /* none of those that it names to who leaves */
    close_fixture(x);
}

/* `stopped` is said once, also when the torrent stops meanwhile or had stopped before. */
TEST(trackers_removed_beside_a_stop_hear_it_once) {
    for (int first = 0; first < 2; first++) {
        struct fixture *x = open_fixture();
        fake_tracker_says(x->fake, "/a", NO_PEERS);
        add(x, "/a", 0);
        start(x);
        until_results(x, 1);
        if (first)
            trackers_stop(x->t);
        remove_it(x, "/a");
        trackers_stop(x->t);
        until_quiet(x);
        CHECK_STR(heard(x), "/a started, /a stopped");
        close_fixture(x);
    }
}

TEST(trackers_that_come_back_while_they_leave_are_started) {
    for (int way = 0; way < 2; way++) {
        struct fixture *x = open_fixture();
        char url[128];
        fake_tracker_says(x->fake, "/a", NO_PEERS);
        fake_tracker_says(x->fake, "/a", "hang");
        fake_tracker_says(x->fake, "/a", NO_PEERS);
        add(x, "/a", 0);
        start(x);
        until_results(x, 1);
        snprintf(url, sizeof url, "%s", row(x, 0).url);
        remove_it(x, "/a");
        until_asked(x, 2);
        if (way)
            CHECK_INT(trackers_assign(x->t, &(struct tracker_place){url, 0}, 1, NULL), 0);
        else
            add(x, "/a", 0);
        until_results(x, 2);
        CHECK_STR(heard(x), "/a started, /a stopped, /a started");
        CHECK(!trackers_busy(x->t));
        close_fixture(x);
    }
}

TEST(trackers_end_while_one_leaves) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/a", "hang");
    add(x, "/a", 0);
    start(x);
    until_results(x, 1);
    remove_it(x, "/a");
    until_asked(x, 2);
    close_fixture(x);
}

TEST(trackers_assigned_in_flight_go_silently) {
    struct fixture *x = open_fixture();
    fake_tracker_says(x->fake, "/a", "hang");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    add(x, "/a", 0);
    start(x);
    until_asked(x, 1);
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/b", fake_tracker_port(x->fake));
    CHECK_INT(trackers_assign(x->t, &(struct tracker_place){url, 0}, 1, NULL), 0);
    until_results(x, 1);
    CHECK_STR(heard(x), "/a started, /b started");
    close_fixture(x);
}

TEST(trackers_assigned_wrongly_leave_all_as_it_was) {
    struct fixture *x = open_fixture();
    char url[128];
    struct err e = {0};
    add(x, "/a", 3);
    snprintf(url, sizeof url, "%s", row(x, 0).url);
    struct tracker_place bad[] = {{url, 0}, {"http://new/", 0}, {"ftp://host/", 1}};
    CHECK_INT(trackers_assign(x->t, bad, 3, &e), ERR_INVALID);
    CHECK(strstr(e.text, "ftp://host/"));
    CHECK_INT(trackers_count(x->t), 1);
    CHECK_INT(row(x, 0).tier, 3);
    CHECK_STR(row(x, 0).url, url);
    close_fixture(x);
}

TEST(trackers_assigned_without_memory_leave_all_as_it_was) {
    struct fixture *x = open_fixture();
    add(x, "/a", 0);
    char url[128];
    snprintf(url, sizeof url, "%s", row(x, 0).url);
    struct tracker_place places[] = {{url, 0}, {"http://b/", 0}, {"http://c/", 1}};
    CHECK_EACH_NOMEM(n) {
        int rc = trackers_assign(x->t, places, 3, NULL);
        bool hit = check_nomem_hit();
        CHECK_INT(rc, hit ? ERR_NOMEM : 0);
        CHECK_INT(trackers_count(x->t), hit ? 1 : 3);
        CHECK_STR(row(x, 0).url, url);
    }
    close_fixture(x);
}
