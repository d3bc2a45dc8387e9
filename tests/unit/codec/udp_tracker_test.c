/* udp_tracker: every packet byte by byte, and replies of any length. */
#include "codec/udp_tracker.h"

#include "support/check.h"

static const uint8_t hash[20] = "aaaaaaaaaaaaaaaaaaaa", id[20] = "-mr0100-abcdefghijkl";

static const struct announce_request sample = {.info_hash = hash,
                                               .peer_id = id,
                                               .port = 0x1ae1,
                                               .uploaded = 0x0102030405060708,
                                               .downloaded = 2,
                                               .left = UINT64_MAX,
                                               .event = ANNOUNCE_STARTED,
                                               .numwant = -1,
                                               .key = 0xabcdef01};

TEST(udp_connect_is_written) {
    uint8_t out[16];
    CHECK_INT(udp_connect_encode(out, 0x01020304), 16);
    CHECK_MEM(out, "\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\x01\x02\x03\x04", 16);
}

TEST(udp_announce_is_written) {
    uint8_t out[UDP_TRACKER_MAX_PACKET];
    CHECK_INT(udp_announce_encode(out, &sample, NULL), 98);
    udp_header_put(out, 0x1112131415161718, UDP_ANNOUNCE, 0x21222324);
    CHECK_MEM(out,
              "\x11\x12\x13\x14\x15\x16\x17\x18"
              "\0\0\0\x01\x21\x22\x23\x24"
              "aaaaaaaaaaaaaaaaaaaa"
              "-mr0100-abcdefghijkl"
              "\0\0\0\0\0\0\0\x02"
              "\xff\xff\xff\xff\xff\xff\xff\xff"
              "\x01\x02\x03\x04\x05\x06\x07\x08"
              "\0\0\0\x02"
              "\0\0\0\0"
              "\xab\xcd\xef\x01"
              "\xff\xff\xff\xff"
              "\x1a\xe1",
              98);
}

TEST(udp_announce_numbers_its_events) {
    static const uint8_t rows[][2] = {{ANNOUNCE_NONE, 0},
                                      {ANNOUNCE_COMPLETED, 1},
                                      {ANNOUNCE_STARTED, 2},
                                      {ANNOUNCE_STOPPED, 3}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t out[UDP_TRACKER_MAX_PACKET];
        struct announce_request r = sample;
        r.event = rows[i][0];
        udp_announce_encode(out, &r, NULL);
        CHECK_INT(get_u32(out + 80), rows[i][1]);
    }
}

TEST(udp_announce_carries_the_url) {
    static const struct {
        const char *url, *option;
        size_t len;
    } rows[] = {
        {"udp://t:80/dir?a=b&c=d", "\x02\x0c/dir?a=b&c=d", 14},
        {"udp://t:80", "\x02\0", 2},
        {"udp://t?x", "\x02\x02?x", 4},
        {"udp://t/a#b/c", "\x02\x02/a", 4},
        {"udp://t#/c", "\x02\0", 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t out[UDP_TRACKER_MAX_PACKET];
        CHECK_INT(udp_announce_encode(out, &sample, rows[i].url), 98 + rows[i].len);
        CHECK_MEM(out + 98, rows[i].option, rows[i].len);
    }
}

TEST(udp_announce_splits_a_long_url_and_leaves_out_one_that_is_too_long) {
    static const struct {
        size_t path, len;
    } rows[] = {{255, 257},   {256, 260}, {510, 514}, {511, 517},
                {1192, 1202}, {1193, 0},  {3000, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char url[4000] = "udp://t/";
        uint8_t out[UDP_TRACKER_MAX_PACKET];
        memset(url + strlen(url), 'x', rows[i].path - 1);
        CHECK_INT(udp_announce_encode(out, &sample, url), 98 + rows[i].len);
        if (rows[i].len > 257) {
            CHECK_INT(out[98 + 1], 255);
            CHECK_INT(out[98 + 257], 2);
        }
    }
}

TEST(udp_scrape_is_written) {
    static const uint8_t hashes[2][20] = {"aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"};
    uint8_t out[UDP_TRACKER_MAX_PACKET];
    CHECK_INT(udp_scrape_encode(out, hashes, 2), 56);
    CHECK_MEM(out + 16, "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb", 40);
    CHECK(16 + 20 * SCRAPE_MAX_HASHES <= UDP_TRACKER_MAX_PACKET);
}

static bool decode(struct udp_reply *r, const char *s, size_t len) {
    return udp_reply_decode(r, check_at_page_end(s, len), len);
}

TEST(udp_replies_have_a_shortest_length) {
    static const struct {
        const char *bytes;
        size_t least;
        enum udp_action action;
    } rows[] = {
        {"\0\0\0\0\1\2\3\4\1\2\3\4\5\6\7\x08rest", 16, UDP_CONNECT},
        {"\0\0\0\1\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0rest", 20, UDP_ANNOUNCE},
        {"\0\0\0\2\1\2\3\4rest", 8, UDP_SCRAPE},
        {"\0\0\0\3\1\2\3\4rest", 8, UDP_ERROR},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct udp_reply r;
        for (size_t len = 0; len <= rows[i].least + 4; len++)
            CHECK_INT(decode(&r, rows[i].bytes, len), len >= rows[i].least);
        CHECK_INT(r.action, rows[i].action);
        CHECK_INT(r.transaction, 0x01020304);
    }
}

TEST(udp_reply_of_no_action_is_none) {
    struct udp_reply r;
    CHECK(!decode(&r, "\0\0\0\4\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0", 20));
    CHECK(!decode(&r, "\1\0\0\0\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0", 20));
}

TEST(udp_connect_reply_is_read) {
    struct udp_reply r;
    CHECK(decode(&r, "\0\0\0\0\1\2\3\4\x11\x12\x13\x14\x15\x16\x17\x18", 16));
    CHECK(r.connection == 0x1112131415161718);
}

static void read_announce(struct announce_reply *r, const char *s, size_t len,
                          uint8_t family) {
    struct span body = {check_at_page_end(s, len), len};
    CHECK_INT(udp_announce_decode(r, body, family), 0);
}

static void expect_peer(const struct announce_reply *r, uint32_t i, const char *want) {
    char text[ADDR_TEXT];
    CHECK(i < r->peer_count);
    CHECK_STR(addr_format(&r->peers[i].addr, text), want);
}

#define COUNTS "\0\0\x03\x84\0\0\0\x05\0\0\0\x07"

TEST(udp_announce_reply_is_read) {
    static const char s[] = COUNTS "\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\0\x50"
                                   "tail";
    struct announce_reply r;
    read_announce(&r, s, sizeof s - 1, 4);
    CHECK_INT(r.interval, 900);
    CHECK_INT(r.min_interval, ANNOUNCE_MIN_INTERVAL);
    CHECK_INT(r.incomplete, 5);
    CHECK_INT(r.complete, 7);
    CHECK_INT(r.downloaded, -1);
    CHECK_STR(r.failure, "");
    CHECK_INT(r.peer_count, 2);
    expect_peer(&r, 0, "1.2.3.4:6881");
    expect_peer(&r, 1, "5.6.7.8:80");
    announce_reply_free(&r);
}

TEST(udp_announce_reply_of_an_ip6_tracker_has_ip6_peers) {
    static const char s[] = COUNTS "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05\x1a\xe1";
    struct announce_reply r;
    read_announce(&r, s, sizeof s - 1, 6);
    CHECK_INT(r.peer_count, 1);
    expect_peer(&r, 0, "[2001:db8::5]:6881");
    announce_reply_free(&r);
}

TEST(udp_announce_drops_unusable_addresses) {
    static const char s[] = COUNTS "\x01\x02\x03\x04\0\0" /* port 0 */
                                   "\0\0\0\0\0\x50"       /* any */
                                   "\xe0\0\0\x01\0\x50"   /* multicast */
                                   "\x09\x09\x09\x09\0\x50";
    struct announce_reply r;
    read_announce(&r, s, sizeof s - 1, 4);
    CHECK_INT(r.peer_count, 1);
    expect_peer(&r, 0, "9.9.9.9:80");
    announce_reply_free(&r);
}

TEST(udp_announce_numbers_are_clamped) {
    static const struct {
        uint32_t sent, interval;
        int64_t count;
    } rows[] = {
        {0, 60, 0},
        {59, 60, 59},
        {900, 900, 900},
        {86401, 86400, 86401},
        {1000000001, 86400, -1},
        {UINT32_MAX, 86400, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t s[12];
        struct announce_reply r;
        for (int k = 0; k < 3; k++)
            put_u32(s + 4 * k, rows[i].sent);
        read_announce(&r, (const char *)s, sizeof s, 4);
        CHECK_INT(r.interval, rows[i].interval);
        CHECK_INT(r.complete, rows[i].count);
        CHECK_INT(r.incomplete, rows[i].count);
        announce_reply_free(&r);
    }
}

TEST(udp_announce_number_of_peers_is_bounded) {
    static uint8_t s[65507]; /* the largest datagram */
    struct announce_reply r;
    memset(s, 1, sizeof s);
    read_announce(&r, (const char *)s, sizeof s, 4);
    CHECK_INT(r.peer_count, ANNOUNCE_MAX_PEERS);
    announce_reply_free(&r);
}

TEST(udp_announce_says_when_memory_is_out) {
    static const char s[] = COUNTS "\x01\x02\x03\x04\x1a\xe1";
    CHECK_EACH_NOMEM(n) {
        struct announce_reply r;
        int rc =
            udp_announce_decode(&r, (struct span){(const uint8_t *)s, sizeof s - 1}, 4);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(r.peer_count, rc == 0);
        announce_reply_free(&r);
    }
}

TEST(udp_scrape_reply_is_read_as_far_as_it_goes) {
    static const char s[] = "\0\0\0\x01\0\0\0\x02\xff\xff\xff\xff\0\0\0\x04\0\0\0\x05";
    struct scrape_counts c[2];
    udp_scrape_decode(c, 2, (struct span){check_at_page_end(s, 20), 20});
    CHECK_INT(c[0].complete, 1);
    CHECK_INT(c[0].downloaded, 2);
    CHECK_INT(c[0].incomplete, -1);
    CHECK_INT(c[1].complete, -1);
}

TEST(udp_error_is_made_printable) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } rows[] = {
        {"no such torrent", 15, "no such torrent"},
        {"no\x1b[2J", 6, "no?[2J"},
        {"whole\0", 6, "whole"},
        {"", 0, "the tracker refused without a reason"},
        {"\0\0", 2, "the tracker refused without a reason"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[256];
        udp_error_decode(out, (struct span){(const uint8_t *)rows[i].bytes, rows[i].len});
        CHECK_STR(out, rows[i].text);
    }
}

/* -- addresses ----------------------------------------------------------------------- */

TEST(udp_tracker_host_and_port_are_found_in_its_url) {
    static const struct {
        const char *url, *host;
        uint16_t port;
    } cases[] = {
        {"udp://tracker.example:80", "tracker.example", 80},
        {"udp://1.2.3.4:6969/announce", "1.2.3.4", 6969},
        {"udp://[2001:db8::1]:65535/x?y=1:2", "2001:db8::1", 65535},
        {"UDP://u:p@h:1#f", "h", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char host[256];
        uint16_t port;
        CHECK_INT(udp_tracker_host(cases[i].url, host, &port), 0);
        CHECK_STR(host, cases[i].host);
        CHECK_INT(port, cases[i].port);
    }
}

TEST(udp_tracker_host_refuses_what_has_none) {
    static const char *const bad[] = {
        "udp://h",    "udp://h:",    "udp://h:0",  "udp://:1",           "udp://h:65536",
        "udp://h:1x", "udp://h/x:1", "udp://u@:1", "udp://h:99999999999"};
    char host[256], name[300], url[320];
    uint16_t port;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK_INT(udp_tracker_host(bad[i], host, &port), ERR_INVALID);
    memset(name, 'x', sizeof name);
    for (int len = 255; len <= 256; len++) {
        snprintf(url, sizeof url, "udp://%.*s:1", len, name);
        CHECK_INT(udp_tracker_host(url, host, &port), len == 255 ? 0 : ERR_INVALID);
    }
}
