/* udp_trackers: questions over real sockets on loopback to trackers that answer by script. A second
 * of the protocol lasts a millisecond: the first repetition comes after 15 ms. */
#include "engine/udp_trackers.h"

#include "base/err.h"
#include "fake_udp_tracker.h"
#include "support/check.h"

struct answer {
    struct udp_query *query; /* to be canceled inside the hook; NULL = not */
    int calls, lasts, status;
    uint32_t peers;
    bool scraped;
    struct scrape_counts counts;
    int64_t complete;
    char why[256];
};

struct rig {
    struct loop *loop;
    struct stats stats;
    struct datagrams *d;
    struct udp_trackers *u;
    struct fake_udp_tracker f;
    char url[128];
};

static const uint8_t hash[20] = "aaaaaaaaaaaaaaaaaaaa", id[20] = "-mr0100-abcdefghijkl";
static const struct announce_request sample = {
    .info_hash = hash, .peer_id = id, .port = 6881, .numwant = 50, .left = 9};

static void on_result(void *owner, const struct udp_result *r) {
    struct answer *a = owner;
    CHECK_INT(a->lasts, 0);
    a->calls++;
    a->lasts += r->last;
    a->status = r->status;
    CHECK(r->status == 0 || (r->last && r->why[0]));
    snprintf(a->why, sizeof a->why, "%s", r->why ? r->why : "");
    if (r->reply) {
        a->peers += r->reply->peer_count;
        a->complete = r->reply->complete;
    }
    if (r->counts) {
        a->scraped = true;
        a->counts = *r->counts;
    }
    if (a->query)
        udp_query_cancel(a->query);
}

static void rig_open_at(struct rig *g, const char *ip) {
    static const struct addr any;
    memset(g, 0, sizeof *g);
    g->loop = loop_new(NULL);
    g->d = datagrams_new(g->loop, &any, 0, &g->stats);
    g->u = udp_trackers_new(g->loop, g->d);
    CHECK(g->u != NULL);
    udp_trackers_set_pace(g->u, 1000);
    fake_udp_open(&g->f, g->loop, ip);
    memcpy(g->f.peers, "\x7f\x01\x01\x01\x1a\xe1", 6);
    g->f.peers_len = 6;
    fake_udp_url(&g->f, "/announce?key=1", g->url);
}

static void rig_open(struct rig *g) {
    rig_open_at(g, "127.0.0.1");
}

static void rig_close(struct rig *g) {
    fake_udp_close(&g->f);
    udp_trackers_free(g->u);
    datagrams_free(g->d);
    loop_free(g->loop);
}

static void until_last(struct rig *g, const struct answer *a) {
    usec end = loop_now(g->loop) + 10 * USEC_PER_SEC;
    while (!a->lasts && loop_now(g->loop) < end)
        CHECK_INT(loop_step(g->loop, 20 * USEC_PER_MSEC), 0);
    CHECK_INT(a->lasts, 1);
}

static struct udp_query *begin(struct rig *g, const char *url, struct answer *a) {
    memset(a, 0, sizeof *a);
    struct udp_query *q = udp_query_announce(g->u, url, &sample, 0, on_result, a, NULL);
    CHECK(q != NULL);
    CHECK_INT(a->calls, 0);
    return q;
}

static void ask(struct rig *g, const char *url, struct answer *a) {
    begin(g, url, a);
    until_last(g, a);
}

/* The tracker is restarted, or not, between two announces: how often one connected. */
static uint32_t connects_of_two(bool restarted) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    udp_trackers_set_pace(g.u, USEC_PER_SEC);
    ask(&g, g.url, &a);
    g.f.id += restarted;
    ask(&g, g.url, &a);
    CHECK_INT(a.status, 0);
    CHECK_INT(g.f.announces, 2);
    uint32_t connects = g.f.connects;
    rig_close(&g);
    return connects;
}

TEST(udp_trackers_announce_and_say_the_path) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    ask(&g, g.url, &a);
    CHECK_INT(a.status, 0);
    CHECK_INT(a.calls, 1);
    CHECK_INT(a.peers, 1);
    CHECK_INT(a.complete, 7);
    CHECK_STR(g.f.path, "/announce?key=1");
    CHECK_MEM(g.f.last + 16, hash, 20);
    CHECK_MEM(g.f.last + 36, id, 20);
    rig_close(&g);
}

TEST(udp_trackers_announce_by_ipv6) {
    struct rig g;
    struct answer a;
    rig_open_at(&g, "::1");
    memcpy(g.f.peers, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1", 18);
    g.f.peers_len = 18;
    ask(&g, g.url, &a);
    CHECK_INT(a.status, 0);
    CHECK_INT(a.peers, 1);
    rig_close(&g);
}

TEST(udp_trackers_share_a_connection_for_a_minute) {
    CHECK_INT(connects_of_two(false), 1);
}

TEST(udp_trackers_connect_again_to_one_that_was_restarted) {
    CHECK_INT(connects_of_two(true), 2);
}

TEST(udp_trackers_say_it_again_when_a_packet_is_lost) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    g.f.deaf = 2;
    ask(&g, g.url, &a);
    CHECK_INT(a.status, 0);
    CHECK_INT(g.f.announces, 1);
    rig_close(&g);
}

TEST(udp_trackers_give_up_on_silence) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    g.f.deaf = 1000;
    ask(&g, g.url, &a);
    CHECK_INT(a.status, ERR_TIMEOUT);
    CHECK_INT(1000 - g.f.deaf, 3);
    CHECK(strstr(a.why, "127.0.0.1 does not answer"));
    rig_close(&g);
}

TEST(udp_trackers_pass_a_refusal_on) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    g.f.refuses = true;
    ask(&g, g.url, &a);
    CHECK_INT(a.status, ERR_REFUSED);
    CHECK_STR(a.why, "no way");
    rig_close(&g);
}

TEST(udp_trackers_scrape) {
    struct rig g;
    struct answer a = {0};
    rig_open(&g);
    CHECK(udp_query_scrape(g.u, g.url, hash, on_result, &a, NULL));
    until_last(&g, &a);
    CHECK_INT(a.status, 0);
    CHECK(a.scraped);
    CHECK_INT(a.counts.complete, 7);
    CHECK_INT(a.counts.downloaded, 50);
    CHECK_INT(a.counts.incomplete, 5);
    CHECK_MEM(g.f.last + 16, hash, 20);
    rig_close(&g);
}

/* A host that has both of these addresses. */
static void begin_both(struct rig *g, const struct fake_udp_tracker *other,
                       struct answer *a) {
    struct addr both[] = {g->f.at, other->at};
    udp_query_found(begin(g, "udp://both.invalid:80", a), both, 2);
}

TEST(udp_trackers_ask_a_host_by_both_families) {
    struct rig g;
    struct answer a;
    struct fake_udp_tracker six;
    rig_open(&g);
    fake_udp_open(&six, g.loop, "::1");
    memcpy(six.peers, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1", 18);
    six.peers_len = 18;
    begin_both(&g, &six, &a);
    until_last(&g, &a);
    CHECK_INT(a.status, 0);
    CHECK_INT(a.calls, 2); /* each one's when it comes */
    CHECK_INT(a.peers, 2);
    fake_udp_close(&six);
    rig_close(&g);
}

TEST(udp_trackers_do_not_wait_long_for_the_second_family) {
    struct rig g;
    struct answer a;
    struct fake_udp_tracker six;
    rig_open(&g);
    fake_udp_open(&six, g.loop, "::1");
    six.deaf = 1000;
    begin_both(&g, &six, &a);
    until_last(&g, &a);
    CHECK_INT(a.status, 0);
    CHECK_INT(a.peers, 1);
    CHECK_INT(a.calls, 2); /* the answer, and that there is no other */
    CHECK_INT(1000 - six.deaf, 1);
    fake_udp_close(&six);
    rig_close(&g);
}

TEST(udp_trackers_are_content_with_the_family_that_answers) {
    struct rig g;
    struct answer a;
    struct fake_udp_tracker six;
    rig_open(&g);
    fake_udp_open(&six, g.loop, "::1");
    six.refuses = true;
    g.f.deaf = 1; /* so that the refusal comes first */
    begin_both(&g, &six, &a);
    until_last(&g, &a);
    CHECK_INT(a.status, 0);
    CHECK_INT(a.peers, 1);
    CHECK_INT(a.calls, 1);
    fake_udp_close(&six);
    rig_close(&g);
}

TEST(udp_query_for_both_families_may_be_canceled_in_the_first_answer) {
    struct rig g;
    struct answer a;
    struct fake_udp_tracker six;
    rig_open(&g);
    fake_udp_open(&six, g.loop, "::1");
    six.deaf = 1000;
    struct addr both[] = {g.f.at, six.at};
    struct udp_query *q = begin(&g, "udp://both.invalid:80", &a);
    a.query = q;
    udp_query_found(q, both, 2);
    for (int i = 0; i < 100 && !a.calls; i++)
        CHECK_INT(loop_step(g.loop, 20 * USEC_PER_MSEC), 0);
    for (int i = 0; i < 10; i++)
        CHECK_INT(loop_step(g.loop, USEC_PER_MSEC), 0);
    CHECK_INT(a.calls, 1);
    CHECK_INT(a.lasts, 0);
    fake_udp_close(&six);
    rig_close(&g);
}

TEST(udp_trackers_tell_of_a_name_that_is_none) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    ask(&g, "udp://no-such-host.invalid:80/", &a);
    CHECK_INT(a.status, ERR_NETWORK);
    CHECK(strstr(a.why, "no-such-host.invalid"));
    rig_close(&g);
}

TEST(udp_trackers_need_a_port) {
    static const char *const bad[] = {"udp://host",        "udp://host/", "udp://host:0",
                                      "udp://host:99999/", "udp://:80",   "udp://h:8x"};
    struct rig g;
    struct answer a = {0};
    rig_open(&g);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        CHECK(!udp_query_announce(g.u, bad[i], &sample, 0, on_result, &a, &e));
        CHECK_INT(e.code, ERR_INVALID);
    }
    rig_close(&g);
}

/* -- hostile ones ----------------------------------------------------------------------- */

/* Packets with the right transaction, but not from where the question went. */
TEST(udp_trackers_believe_only_the_address_they_asked) {
    struct rig g;
    struct answer a;
    struct fake_udp_tracker other;
    uint8_t forged[20] = {0, 0, 0, UDP_ERROR};
    rig_open(&g);
    fake_udp_open(&other, g.loop, "127.0.0.2");
    g.f.deaf = 1;
    begin(&g, g.url, &a);
    while (g.f.deaf)
        CHECK_INT(loop_step(g.loop, 20 * USEC_PER_MSEC), 0);
    other.from = g.f.from;
    other.from.port = datagrams_port(g.d, 4);
    memcpy(forged + 4, g.f.last + 12, 4);
    fake_udp_says(&other, forged, sizeof forged);
    until_last(&g, &a);
    CHECK_INT(a.status, 0);
    fake_udp_close(&other);
    rig_close(&g);
}

TEST(udp_trackers_ignore_what_answers_another_question) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    g.f.lies = true;
    ask(&g, g.url, &a);
    CHECK_INT(a.status, ERR_TIMEOUT);
    rig_close(&g);
}

TEST(udp_trackers_ignore_empty_and_cut_off_datagrams) {
    struct rig g;
    struct answer a;
    uint8_t cut[16] = {0};
    rig_open(&g);
    g.f.deaf = 1;
    begin(&g, g.url, &a);
    while (g.f.deaf)
        CHECK_INT(loop_step(g.loop, 20 * USEC_PER_MSEC), 0);
    memcpy(cut + 4, g.f.last + 12, 4);
    for (size_t len = 0; len < sizeof cut; len++)
        fake_udp_says(&g.f, cut, len);
    until_last(&g, &a);
    CHECK_INT(a.status, 0);
    rig_close(&g);
}

/* -- life ------------------------------------------------------------------------------- */

TEST(udp_query_cancel_is_silent) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    struct udp_query *q = begin(&g, g.url, &a);
    udp_query_cancel(q);
    q = begin(&g, g.url, &a);
    CHECK_INT(loop_step(g.loop, 0), 0);
    udp_query_cancel(q);
    q = begin(&g, "udp://localhost:1", &a);
    CHECK_INT(loop_step(g.loop, 0), 0);
    udp_query_cancel(q);
    for (int i = 0; i < 10; i++)
        CHECK_INT(loop_step(g.loop, USEC_PER_MSEC), 0);
    CHECK_INT(a.calls, 0);
    rig_close(&g);
}

TEST(udp_query_may_be_canceled_inside_its_hook) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    a.query = begin(&g, g.url, &a);
    until_last(&g, &a);
    a = (struct answer){0};
    rig_close(&g);
}

TEST(udp_trackers_free_ends_pending_queries_silently) {
    struct rig g;
    struct answer a, b, c;
    rig_open(&g);
    begin(&g, g.url, &a);
    begin(&g, "udp://localhost:1", &b);
    CHECK_INT(loop_step(g.loop, 0), 0);
    begin(&g, g.url, &c);
    rig_close(&g);
    CHECK_INT(a.calls + b.calls + c.calls, 0);
}

TEST(udp_query_without_memory_fails_whole) {
    struct rig g;
    struct answer a;
    rig_open(&g);
    CHECK_EACH_NOMEM(n) {
        memset(&a, 0, sizeof a);
        struct udp_query *q =
            udp_query_announce(g.u, g.url, &sample, 0, on_result, &a, NULL);
        if (q)
            until_last(&g, &a);
        bool hit = check_nomem_hit();
        CHECK(hit || a.status == 0);
        CHECK(!hit || !q || a.status == ERR_NOMEM || a.status == ERR_NETWORK);
    }
    rig_close(&g);
}
