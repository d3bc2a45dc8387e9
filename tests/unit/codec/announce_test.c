/* announce: the URL, every form of the reply, and what a hostile tracker gets. */
#include "codec/announce.h"

#include "support/check.h"

static const uint8_t hash[20] =
    "\x12\x34\x56\x78\x9a\xbc\xde\xf1\x23\x45\x67\x89\xab\xcd\xef"
    "\x12\x34\x56\x78\x9a";
static const uint8_t id[20] = "-mr0100-abcdefghijkl";

static const struct announce_request sample = {.info_hash = hash,
                                               .peer_id = id,
                                               .port = 6881,
                                               .uploaded = 1,
                                               .downloaded = 2,
                                               .left = UINT64_MAX,
                                               .numwant = -1,
                                               .key = 0xab};

#define QUERY                                                                     \
    "info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A&peer_id=-mr0100-"     \
    "abcdefghijkl"                                                                \
    "&port=6881&uploaded=1&downloaded=2&left=18446744073709551615&compact=1&key=" \
    "000000ab"

static void expect_url(const char *tracker, const struct announce_request *r,
                       const char *want) {
    struct text t;
    text_init(&t);
    announce_url(&t, tracker, r);
    CHECK_STR(t.data, want);
    text_free(&t);
}

TEST(announce_url_follows_the_trackers_own) {
    expect_url("http://t/a", &sample, "http://t/a?" QUERY);
    expect_url("http://t/a?x=1", &sample, "http://t/a?x=1&" QUERY);
    expect_url("http://t/a?", &sample, "http://t/a?" QUERY);
    expect_url("http://t/a?x=1&", &sample, "http://t/a?x=1&" QUERY);
    expect_url("http://t/a#frag?y", &sample, "http://t/a?" QUERY);
}

TEST(announce_url_tells_the_event) {
    struct announce_request r = sample;
    r.event = ANNOUNCE_STARTED;
    expect_url("http://t", &r, "http://t?" QUERY "&event=started");
    r.event = ANNOUNCE_STOPPED;
    expect_url("http://t", &r, "http://t?" QUERY "&event=stopped");
    r.event = ANNOUNCE_COMPLETED;
    expect_url("http://t", &r, "http://t?" QUERY "&event=completed");
}

TEST(announce_url_carries_the_optional_fields) {
    struct announce_request r = sample;
    struct addr ip6 = {.family = 6, .port = 1};
    ip6.ip[15] = 1;
    r.numwant = 0;
    r.tracker_id = "a&b";
    r.ip6 = &ip6;
    expect_url("http://t", &r,
               "http://t?" QUERY "&numwant=0&trackerid=a%26b&ipv6=%3A%3A1");
}

static int parse_bytes(struct announce_reply *r, const char *s, size_t len) {
    struct err e = {0};
    int rc = announce_reply_parse(r, check_at_page_end(s, len), len, &e);
    CHECK(rc == 0 || e.text[0]);
    return rc;
}

#define PARSE(r, literal) parse_bytes(r, literal, sizeof(literal) - 1)

static void expect_peer(const struct announce_reply *r, uint32_t i, const char *want) {
    char text[ADDR_TEXT];
    CHECK(i < r->peer_count);
    CHECK_STR(addr_format(&r->peers[i].addr, text), want);
}

TEST(announce_reads_compact_peers) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r,
                    "d8:intervali900e5:peers12:\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08"
                    "\x00\x50"
                    "e"),
              0);
    CHECK_INT(r.interval, 900);
    CHECK_INT(r.peer_count, 2);
    expect_peer(&r, 0, "1.2.3.4:6881");
    expect_peer(&r, 1, "5.6.7.8:80");
    CHECK(!r.peers[0].has_id);
    announce_reply_free(&r);
}

TEST(announce_reads_compact_peers6) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d5:peers6:\x01\x02\x03\x04\x1a\xe1"
                        "6:peers618:\x20\x01\x0d\xb8\0\0\0\0"
                        "\0\0\0\0\0\0\0\x05\x1a\xe1"
                        "e"),
              0);
    CHECK_INT(r.peer_count, 2);
    expect_peer(&r, 1, "[2001:db8::5]:6881");
    announce_reply_free(&r);
}

TEST(announce_reads_dictionary_peers) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d5:peersl"
                        "d2:ip7:1.2.3.47:peer id20:-mr0100-abcdefghijkl4:porti6881ee"
                        "d2:ip11:2001:db8::54:porti1ee"
                        "d2:ip7:5.6.7.87:peer id3:abc4:porti2ee"
                        "ee"),
              0);
    CHECK_INT(r.peer_count, 3);
    expect_peer(&r, 0, "1.2.3.4:6881");
    CHECK(r.peers[0].has_id);
    CHECK_MEM(r.peers[0].id, id, 20);
    expect_peer(&r, 1, "[2001:db8::5]:1");
    CHECK(!r.peers[1].has_id && !r.peers[2].has_id);
    announce_reply_free(&r);
}

TEST(announce_drops_names_and_broken_dictionary_peers) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d5:peersl"
                        "d2:ip9:localhost4:porti1ee"
                        "d2:ip7:1.2.3.44:porti0ee"
                        "d2:ip7:1.2.3.44:porti65536ee"
                        "d2:ip7:1.2.3.44:porti-1ee"
                        "d2:ip8:1.2.3.4\0"
                        "4:porti1ee"
                        "d2:ip7:1.2.3.4e"
                        "d4:porti1ee"
                        "d2:ipi1e4:porti1ee"
                        "i1e0:lede"
                        "ee"),
              0);
    CHECK_INT(r.peer_count, 0);
    announce_reply_free(&r);
}

TEST(announce_drops_unusable_addresses) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d5:peers30:"
                        "\x01\x02\x03\x04\0\0"   /* port 0 */
                        "\0\0\0\0\0\x50"         /* any */
                        "\xe0\0\0\x01\0\x50"     /* multicast */
                        "\xff\xff\xff\xff\0\x50" /* broadcast */
                        "\x09\x09\x09\x09\0\x50"
                        "e"), /* fine */
              0);
    CHECK_INT(r.peer_count, 1);
    expect_peer(&r, 0, "9.9.9.9:80");
    announce_reply_free(&r);
}

TEST(announce_ignores_an_incomplete_last_peer) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d5:peers8:\x01\x02\x03\x04\x1a\xe1\x01\x02"
                        "e"),
              0);
    CHECK_INT(r.peer_count, 1);
    announce_reply_free(&r);
}

TEST(announce_number_of_peers_is_bounded) {
    struct announce_reply r;
    struct text t;
    text_init(&t);
    text_addf(&t, "d5:peers%u:", 6 * (ANNOUNCE_MAX_PEERS + 10));
    for (uint32_t i = 0; i < ANNOUNCE_MAX_PEERS + 10; i++)
        text_add(&t, "\x01\x02\x03\x04\x1a\xe1", 6);
    text_addc(&t, 'e');
    CHECK_INT(announce_reply_parse(&r, (const uint8_t *)t.data, t.len, NULL), 0);
    CHECK_INT(r.peer_count, ANNOUNCE_MAX_PEERS);
    announce_reply_free(&r);
    text_free(&t);
}

TEST(announce_reply_size_is_bounded) {
    struct announce_reply r;
    uint8_t *data = calloc(1, ANNOUNCE_MAX_REPLY + 1);
    CHECK(data);
    CHECK_INT(announce_reply_parse(&r, data, ANNOUNCE_MAX_REPLY + 1, NULL), ERR_LIMIT);
    announce_reply_free(&r);
    CHECK_INT(announce_reply_parse(&r, data, ANNOUNCE_MAX_REPLY, NULL), ERR_FORMAT);
    announce_reply_free(&r);
    free(data);
}

TEST(announce_intervals_are_clamped) {
    static const struct {
        const char *text;
        int interval, min_interval;
    } rows[] = {
        {"de", 1800, 60},
        {"d8:intervali0e12:min intervali0ee", 60, 60},
        {"d8:intervali-5e12:min intervali-9223372036854775808ee", 60, 60},
        {"d8:intervali86401e12:min intervali9223372036854775807ee", 86400, 86400},
        {"d8:intervali900e12:min intervali300ee", 900, 300},
        {"d8:interval3:900e", 1800, 60},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct announce_reply r;
        CHECK_INT(parse_bytes(&r, rows[i].text, strlen(rows[i].text)), 0);
        CHECK_INT(r.interval, rows[i].interval);
        CHECK_INT(r.min_interval, rows[i].min_interval);
        announce_reply_free(&r);
    }
}

TEST(announce_counts_must_be_plausible) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d8:completei5e10:downloadedi-3e10:incompletei99999999999ee"), 0);
    CHECK_INT(r.complete, 5);
    CHECK_INT(r.incomplete, -1);
    CHECK_INT(r.downloaded, -1);
    announce_reply_free(&r);
}

TEST(announce_failure_is_a_sentence_and_nothing_else) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d14:failure reason9:not\x1b here8:intervali900e5:peers6:"
                        "\x01\x02\x03\x04\x1a\xe1"
                        "8:retry ini5ee"),
              0);
    CHECK_STR(r.failure, "not? here");
    CHECK_INT(r.retry_in, 300);
    CHECK_INT(r.interval, 0);
    CHECK_INT(r.peer_count, 0);
    announce_reply_free(&r);
}

TEST(announce_failure_without_a_reason_is_still_one) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d14:failure reason0:e"), 0);
    CHECK(r.failure[0]);
    announce_reply_free(&r);
}

TEST(announce_retry_in_is_minutes_or_never) {
    static const struct {
        const char *text;
        int seconds;
    } rows[] = {
        {"d14:failure reason1:x8:retry in5:nevere", -1},
        {"d14:failure reason1:x8:retry in2:10e", 600},
        {"d14:failure reason1:x8:retry ini-1ee", 0},
        {"d14:failure reason1:x8:retry ini9223372036854775807ee", 86400},
        {"d14:failure reason1:xe", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct announce_reply r;
        CHECK_INT(parse_bytes(&r, rows[i].text, strlen(rows[i].text)), 0);
        CHECK_INT(r.retry_in, rows[i].seconds);
        announce_reply_free(&r);
    }
}

TEST(announce_reads_warning_and_tracker_id) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d10:tracker id5:a&b c15:warning message6:slow\n!e"), 0);
    CHECK_STR(r.tracker_id, "a&b c");
    CHECK_STR(r.warning, "slow !");
    announce_reply_free(&r);
}

TEST(announce_long_text_is_cut) {
    struct announce_reply r;
    struct text t;
    text_init(&t);
    text_adds(&t, "d15:warning message1000:");
    for (int i = 0; i < 1000; i++)
        text_addc(&t, 'w');
    text_addc(&t, 'e');
    CHECK_INT(parse_bytes(&r, t.data, t.len), 0);
    CHECK_INT(strlen(r.warning), 255);
    announce_reply_free(&r);
    text_free(&t);
}

TEST(announce_reads_the_external_address) {
    struct announce_reply r;
    char text[ADDR_TEXT];
    CHECK_INT(PARSE(&r, "d11:external ip4:\x01\x02\x03\x04"
                        "e"),
              0);
    CHECK_STR(addr_format_ip(&r.external_ip, text), "1.2.3.4");
    announce_reply_free(&r);
    CHECK_INT(PARSE(&r, "d11:external ip3:\x01\x02\x03"
                        "e"),
              0);
    CHECK_INT(r.external_ip.family, 0);
    announce_reply_free(&r);
}

TEST(announce_refuses_what_is_no_reply) {
    static const char *const texts[] = {"", "<html>", "le", "i1e", "d5:peers6:abc"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct announce_reply r;
        CHECK_INT(parse_bytes(&r, texts[i], strlen(texts[i])), ERR_FORMAT);
        CHECK(!r.peers);
        announce_reply_free(&r);
    }
}

TEST(announce_ignores_bytes_behind_the_reply) {
    struct announce_reply r;
    CHECK_INT(PARSE(&r, "d8:intervali900ee\r\n"), 0);
    CHECK_INT(r.interval, 900);
    announce_reply_free(&r);
}

TEST(announce_reply_says_when_memory_is_out) {
    static const char text[] = "d5:peersld2:ip7:1.2.3.44:porti1eeee";
    CHECK_EACH_NOMEM(n) {
        struct announce_reply r;
        int rc = announce_reply_parse(&r, (const uint8_t *)text, sizeof text - 1, NULL);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(r.peer_count, rc == 0);
        announce_reply_free(&r);
    }
}
