/* magnet: links as they are meant, as they arrive, and as nobody should have written
 * them. */
#include "codec/magnet.h"

#include "support/check.h"

#define HEX "0123456789abcdef0123456789abcdef01234567"
#define BASE32 "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH"
#define LINK "magnet:?xt=urn:btih:" HEX

static const uint8_t hash[20] = "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab"
                                "\xcd\xef\x01\x23\x45\x67";

static int parse_bytes(struct magnet *m, const char *s, size_t len) {
    struct err e = {0};
    int rc = magnet_parse(m, (const char *)check_at_page_end(s, len), len, &e);
    CHECK(rc == 0 || e.text[0]);
    return rc;
}

static int parse(struct magnet *m, const char *s) {
    return parse_bytes(m, s, strlen(s));
}

TEST(magnet_reads_every_spelling_of_the_hash) {
    static const char *const links[] = {
        HEX,
        "0123456789ABCDEF0123456789ABCDEF01234567",
        BASE32,
        "aerukz4jvpg66ajdivtytk6n54asgrlh",
        "  " HEX "\n",
        LINK,
        "MAGNET:?XT=URN:BTIH:" HEX,
        "magnet:?xt=urn:btih:" BASE32,
        "magnet:?dn=x&xt=urn:btih:" HEX "&tr=",
        "magnet:?xt=urn%3Abtih%3A" HEX,
        "magnet:?xt.1=urn:sha1:YNCKHTQC&xt.2=urn:btih:" HEX,
        "magnet:xt=urn:btih:" HEX,
        "magnet://?xt=urn:btih:" HEX,
        "magnet:?dn=x&amp;xt=urn:btih:" HEX "&amp;dn=y",
        "magnet%3A%3Fxt%3Durn%3Abtih%3A" HEX "%26dn%3Dx",
        "magnet:?xt=urn:btih:short&xt=urn:btih:" HEX,
        "magnet:?xt=urn:btmh:1220aa&xt=urn:btih:" HEX,
        LINK "&xt=urn:btih:ffffffffffffffffffffffffffffffffffffffff",
        "/home/me/magnet:?xt=urn:btih:" HEX,
    };
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        struct magnet m;
        if (parse(&m, links[i]) != 0)
            check_fail(__FILE__, __LINE__, "\"%s\" is refused", links[i]);
        CHECK_MEM(m.info_hash, hash, 20);
        CHECK(magnet_likely(links[i], strlen(links[i])));
        magnet_free(&m);
    }
}

TEST(magnet_refuses_with_a_sentence) {
    static const struct {
        const char *text;
        int code;
        const char *words;
    } rows[] = {
        {"", ERR_FORMAT, "neither"},
        {"hello", ERR_FORMAT, "neither"},
        {"http://a/magnet:?xt=urn:btih:" HEX, ERR_FORMAT, "neither"},
        {"magnet:", ERR_FORMAT, "neither"},
        {"magnet:?", ERR_FORMAT, "neither"},
        {"magnet:?dn=x", ERR_FORMAT, "xt=urn:btih"},
        {"magnet:?xt", ERR_FORMAT, "xt=urn:btih"},
        {"magnet:?xt=urn:btih:", ERR_FORMAT, "has 1"},
        {"magnet:?xt=urn:btih:0123", ERR_FORMAT, "has 4 "},
        {LINK "0", ERR_FORMAT, "has 41 "},
        {"magnet:?xt=urn:btih:x123456789abcdef0123456789abcdef01234567", ERR_FORMAT,
         "has 40 "},
        {"magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1", ERR_FORMAT, "base32"},
        {"magnet:?xt=urn:btmh:1220" HEX, ERR_UNSUPPORTED, "v2"},
        {"0123456789abcdef0123456789abcdef0123456", ERR_FORMAT, "neither"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct magnet m;
        struct err e;
        int rc = magnet_parse(&m, rows[i].text, strlen(rows[i].text), &e);
        if (rc != rows[i].code || !strstr(e.text, rows[i].words))
            check_fail(__FILE__, __LINE__, "\"%s\": %d, %s", rows[i].text, rc, e.text);
    }
}

TEST(magnet_likely_knows_links_from_paths) {
    static const char *const others[] = {
        "",          "debian.torrent", "http://a/b", "./magnet:?x",
        "/tmp/" HEX, "magnets",        HEX "0",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (magnet_likely(others[i], strlen(others[i])))
            check_fail(__FILE__, __LINE__, "\"%s\" is taken", others[i]);
    CHECK(magnet_likely("magnet:?broken", 14));
}

TEST(magnet_reads_the_name) {
    static const struct {
        const char *link, *name;
    } rows[] = {
        {LINK "&dn=a+b%20c%2Bd", "a b c+d"},
        {LINK "&dn=a%1bb%0Ac", "a?b c"},
        {LINK "&dn=%C3%A4%E2%80%AE", "ä?"},
        {LINK "&dn=%FF", "?"},
        {LINK "&dn=one&dn=two", "one"},
        {LINK "&dn=50%&x=", "50%"},
        {LINK "&dn=%4", "%4"},
        {LINK "&dn=%zz%4g", "%zz%4g"},
        {LINK "&dn=..%2F..%2Fx", "../../x"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct magnet m;
        CHECK_INT(parse(&m, rows[i].link), 0);
        CHECK_STR(m.name, rows[i].name);
        magnet_free(&m);
    }
}

TEST(magnet_reads_and_repairs_trackers) {
    static const struct {
        const char *link, *url;
    } rows[] = {
        {LINK "&tr=http://t/a", "http://t/a"},
        {LINK "&tr=http%3A%2F%2Ft%2Fa%3Fx%3D1%26y", "http://t/a?x=1&y"},
        {LINK "&tr=http%3A%2F%2Ft%2Fa%3Fx%3D%2526y", "http://t/a?x=%26y"},
        {LINK "&tr.1=udp://t:80/announce", "udp://t:80/announce"},
        {LINK "&tr=http:/t/a", "http://t/a"},
        {LINK "&tr=udp:/t:80/a//b", "udp://t:80/a//b"},
        {LINK "&tr=http%253A%252F%252Ft%252Fa", "http://t/a"},
        {LINK "&tr=http%253a%252f%252ft", "http://t"},
        {LINK "&tr=https://t/a+b", "https://t/a+b"},
        {LINK "&tr=http://t/a%20b%C3%A4", "http://t/a%20b%C3%A4"},
        {LINK "&amp;tr=%20http://t%0A", "http://t"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct magnet m;
        CHECK_INT(parse(&m, rows[i].link), 0);
        CHECK_INT(m.trackers.count, 1);
        CHECK_STR(m.trackers.items[0], rows[i].url);
        magnet_free(&m);
    }
}

TEST(magnet_leaves_out_what_is_no_tracker) {
    static const char *const links[] = {
        LINK "&tr=wss://t",
        LINK "&tr=t:80",
        LINK "&tr=",
        LINK "&tr=http://",
        LINK "&tr=http:/",
        LINK "&tr=http:",
        LINK "&tr=file:///etc/x",
        LINK "&tr=http://t%00/a",
        LINK "&tr=http://t%0D%0AX:y",
        LINK "&tr",
        LINK "&trx=http://t",
        LINK "&tr.x=http://t",
    };
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        struct magnet m;
        CHECK_INT(parse(&m, links[i]), 0);
        CHECK_INT(m.trackers.count, 0);
        magnet_free(&m);
    }
}

TEST(magnet_reads_several_of_each) {
    struct magnet m;
    CHECK_INT(parse(&m,
                    LINK "&tr=http://a&tr=http://b&tr=http://a&ws=http://w/f&ws=udp://w"
                         "&x.pe=1.2.3.4:5&x.pe=[::1]:80&x.pe=host.example:6881"),
              0);
    CHECK_INT(m.trackers.count, 2);
    CHECK_STR(m.trackers.items[1], "http://b");
    CHECK_INT(m.webseeds.count, 1);
    CHECK_STR(m.webseeds.items[0], "http://w/f");
    CHECK_INT(m.peers.count, 3);
    CHECK_STR(m.peers.items[0], "1.2.3.4:5");
    CHECK_STR(m.peers.items[1], "[::1]:80");
    CHECK_STR(m.peers.items[2], "host.example:6881");
    magnet_free(&m);
}

TEST(magnet_leaves_out_what_is_no_peer) {
    static const char *const links[] = {
        LINK "&x.pe=",        LINK "&x.pe=host",     LINK "&x.pe=host:",
        LINK "&x.pe=host:0",  LINK "&x.pe=:80",      LINK "&x.pe=host:65536",
        LINK "&x.pe=::1",     LINK "&x.pe=h:1:2",    LINK "&x.pe=h%00:1",
        LINK "&x.pe=a b:1",   LINK "&x.pe=h:000001", LINK "&x.pe=http://h:1",
        LINK "&x.pe=[::1]:x", LINK "&x.pe=h%0A:1",
    };
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        struct magnet m;
        CHECK_INT(parse(&m, links[i]), 0);
        CHECK_INT(m.peers.count, 0);
        magnet_free(&m);
    }
}

TEST(magnet_goes_on_behind_a_peer_that_is_too_long) {
    struct magnet m;
    struct text t;
    text_init(&t);
    text_adds(&t, LINK "&x.pe=");
    for (int i = 0; i < 300; i++)
        text_addc(&t, 'h');
    text_adds(&t, ":1&x.pe=h:1");
    CHECK_INT(parse_bytes(&m, t.data, t.len), 0);
    CHECK_INT(m.peers.count, 1);
    text_free(&t);
    magnet_free(&m);
}

TEST(magnet_reads_selected_files) {
    struct magnet m;
    CHECK_INT(parse(&m, LINK "&so=0,2,4,6-8"), 0);
    CHECK_INT(m.file_count, 4);
    for (uint32_t i = 0; i < 10; i++)
        CHECK_INT(magnet_selects(&m, i), i <= 8 && i != 1 && i != 3 && i != 5);
    magnet_free(&m);
}

TEST(magnet_leaves_out_what_is_no_file) {
    static const char *const links[] = {
        LINK "&so=",      LINK "&so=,",  LINK "&so=x",          LINK "&so=3-2",
        LINK "&so=-1",    LINK "&so=1-", LINK "&so=4294967296", LINK "&so=2000001",
        LINK "&so=1-2-3", LINK "&so=1x",
    };
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        struct magnet m;
        CHECK_INT(parse(&m, links[i]), 0);
        CHECK_INT(m.file_count, 0);
        CHECK(magnet_selects(&m, 7));
        magnet_free(&m);
    }
}

/* A link with `n` fields of this form. */
static void parse_many(struct magnet *m, const char *format, int n) {
    struct text t;
    text_init(&t);
    text_adds(&t, LINK);
    for (int i = 0; i < n; i++) {
        text_adds(&t, format);
        text_addf(&t, "%d", i);
    }
    CHECK_INT(parse_bytes(m, t.data, t.len), 0);
    text_free(&t);
}

TEST(magnet_number_of_everything_is_bounded) {
    struct magnet m;
    parse_many(&m, "&tr=http://t/", 1000);
    CHECK_INT(m.trackers.count, MAGNET_MAX_LIST);
    magnet_free(&m);
    parse_many(&m, "&ws=http://t/", 1000);
    CHECK_INT(m.webseeds.count, MAGNET_MAX_LIST);
    magnet_free(&m);
    parse_many(&m, "&x.pe=h:1", 1000);
    CHECK_INT(m.peers.count, MAGNET_MAX_LIST);
    magnet_free(&m);
    parse_many(&m, "&so=", 3000);
    CHECK_INT(m.file_count, MAGNET_MAX_RANGES);
    magnet_free(&m);
}

TEST(magnet_length_of_everything_is_bounded) {
    struct magnet m;
    struct text t;
    text_init(&t);
    text_adds(&t, LINK "&tr=http://t/");
    for (int i = 0; i < 2048; i++)
        text_addc(&t, 'x');
    text_adds(&t, "&dn=");
    while (t.len < MAGNET_MAX_LEN)
        text_addc(&t, 'n');
    CHECK_INT(parse_bytes(&m, t.data, t.len), 0);
    CHECK_INT(m.trackers.count, 0);
    CHECK_INT(strlen(m.name), MAGNET_MAX_NAME);
    magnet_free(&m);
    text_addc(&t, 'n');
    CHECK_INT(parse_bytes(&m, t.data, t.len), ERR_LIMIT);
    text_free(&t);
}

static const char full[] = LINK "&dn=a%20name&tr=http%3A%2F%2Ft%2Fa%3Fb&ws=http%3A%2F%2Fw"
                                "&x.pe=%5B%3A%3A1%5D%3A80&x.pe=h%3A1&so=0,2-5";

TEST(magnet_writes_what_it_reads) {
    struct magnet m;
    struct text t;
    text_init(&t);
    CHECK_INT(parse(&m, full), 0);
    magnet_write(&t, &m);
    CHECK_STR(t.data, full);
    text_free(&t);
    magnet_free(&m);
}

TEST(magnet_survives_being_cut_anywhere) {
    for (size_t len = 0; len < sizeof full; len++) {
        struct magnet m;
        CHECK_INT(parse_bytes(&m, full, len), len < strlen(LINK) ? ERR_FORMAT : 0);
        magnet_free(&m);
    }
}

TEST(magnet_says_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct magnet m;
        int rc = magnet_parse(&m, full, sizeof full - 1, NULL);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(m.peers.count, rc == 0 ? 2 : 0);
        magnet_free(&m);
    }
}
