#include "base/addr.h"

#include "base/err.h"
#include "support/check.h"

static struct addr parse(const char *text, int default_port) {
    struct addr a;
    if (addr_parse(&a, text, default_port))
        check_fail(__FILE__, __LINE__, "\"%s\" was refused", text);
    return a;
}

/* With a port to fall back on, what is parsed looks like this when formatted. */
TEST(addr_parse_and_format) {
    static const struct {
        const char *text, *formatted;
    } rows[] = {
        {"1.2.3.4:80", "1.2.3.4:80"},
        {"1.2.3.4", "1.2.3.4:6881"},
        {"255.255.255.255:65535", "255.255.255.255:65535"},
        {"0.0.0.0:1", "0.0.0.0:1"},
        {"[::1]:80", "[::1]:80"},
        {"[::1]", "[::1]:6881"},
        {"::1", "[::1]:6881"},
        {"::", "[::]:6881"},
        {"2001:db8::1:2", "[2001:db8::1:2]:6881"},
        {"[2001:DB8:0:0:0:0:0:1]:9", "[2001:db8::1]:9"},
        {"[1:2:3:4:5:6:7:8]:65535", "[1:2:3:4:5:6:7:8]:65535"},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
        {"::ffff:1.2.3.4", "1.2.3.4:6881"},
        {"[::ffff:1.2.3.4]:80", "1.2.3.4:80"},
        {"[::ffff:102:304]:80", "1.2.3.4:80"},
        {"[0000:0000:0000:0000:0000:ffff:192.168.100.200]:80", "192.168.100.200:80"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[ADDR_TEXT];
        struct addr a = parse(rows[i].text, 6881);
        CHECK_STR(addr_format(&a, out), rows[i].formatted);
        struct addr again = parse(out, -1);
        CHECK(addr_equal(&a, &again));
    }
}

TEST(addr_parse_refuses_malformed_text) {
    static const char *const bad[] = {
        "",
        " ",
        ":",
        ":80",
        "host:80",
        "localhost",
        "1.2.3",
        "1.2.3:80",
        "1.2.3.4.5:80",
        "1.2.3.256:80",
        "1.2.3.-4:80",
        "1.2.3.04:80", /* octal to some */
        "0x7f.0.0.1:80",
        "2130706433:80", /* 127.0.0.1 as one number */
        "1.2..4:80",
        " 1.2.3.4:80",
        "1.2.3.4 :80",
        "1.2.3.4:",
        "1.2.3.4:0",
        "1.2.3.4:00080",
        "1.2.3.4:65536",
        "1.2.3.4:99999",
        "1.2.3.4:100000",
        "1.2.3.4:4294967376",
        "1.2.3.4:-1",
        "1.2.3.4:+80",
        "1.2.3.4: 80",
        "1.2.3.4:80 ",
        "1.2.3.4:80x",
        "1.2.3.4:80:90",
        "[1.2.3.4]:80",
        "[]",
        "[]:80",
        "[::1",
        "[::1]80",
        "[::1]:",
        "[::1]:0",
        "[::1]:65536",
        "[::1]:80]",
        "[[::1]]:80",
        "::1]:80",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "12345::1",
        "g::1",
        "fe80::1%eth0",
        "[fe80::1%1]:80",
        "::1.2.3.256",
        "[0000:0000:0000:0000:0000:ffff:192.168.100.2000]:80",
        "[00000000000000000000000000000000000000000000000000000000000000000001::]:80",
        "1111111111111111111111111111111111111111111111111111111111:80",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct addr a;
        const char *text = (const char *)check_at_page_end(bad[i], strlen(bad[i]) + 1);
        if (addr_parse(&a, text, 6881) != ERR_FORMAT)
            check_fail(__FILE__, __LINE__, "\"%s\" was taken", bad[i]);
    }
}

TEST(addr_parse_wants_a_port_when_there_is_no_default) {
    struct addr a;
    CHECK_INT(addr_parse(&a, "1.2.3.4", -1), ERR_FORMAT);
    CHECK_INT(addr_parse(&a, "::1", -1), ERR_FORMAT);
    CHECK_INT(addr_parse(&a, "[::1]", -1), ERR_FORMAT);
    CHECK_INT(addr_parse(&a, "[::1]:1", -1), 0);
}

TEST(addr_parse_takes_zero_as_a_default) {
    struct addr a = parse("0.0.0.0", 0);
    CHECK_INT(a.port, 0);
}

TEST(addr_parse_leaves_the_address_alone_when_it_fails) {
    struct addr a = parse("1.2.3.4:5", -1), before = a;
    CHECK_INT(addr_parse(&a, "9.9.9.9:0", -1), ERR_FORMAT);
    CHECK(addr_equal(&a, &before));
}

TEST(addr_unused_bytes_are_zero) {
    struct addr a;
    memset(&a, 0xAA, sizeof a);
    CHECK_INT(addr_parse(&a, "1.2.3.4:5", -1), 0);
    for (int i = 4; i < 16; i++)
        CHECK_INT(a.ip[i], 0);
}

TEST(addr_format_ip_has_neither_port_nor_brackets) {
    char out[ADDR_TEXT];
    struct addr a = parse("[2001:db8::5]:80", -1), b = parse("1.2.3.4:80", -1);
    CHECK_STR(addr_format_ip(&a, out), "2001:db8::5");
    CHECK_STR(addr_format_ip(&b, out), "1.2.3.4");
}

TEST(addr_format_of_no_address_is_harmless) {
    char out[ADDR_TEXT];
    struct addr none = {0};
    CHECK_STR(addr_format_ip(&none, out), "none");
    CHECK_STR(addr_format(&none, out), "none:0");
}

TEST(addr_equal_counts_the_port_and_same_ip_does_not) {
    struct addr a = parse("1.2.3.4:5", -1), b = parse("1.2.3.4:6", -1);
    struct addr c = parse("1.2.3.5:5", -1), d = parse("[102:304::]:5", -1);
    CHECK(addr_equal(&a, &a));
    CHECK(!addr_equal(&a, &b));
    CHECK(addr_same_ip(&a, &b));
    CHECK(!addr_same_ip(&a, &c));
    CHECK(!addr_same_ip(&a, &d)); /* the same bytes of another family */
}

TEST(addr_hash_depends_on_everything) {
    struct addr a = parse("1.2.3.4:5", -1);
    static const char *const others[] = {"1.2.3.4:6", "1.2.3.5:5", "2.2.3.4:5",
                                         "[102:304::]:5", "[102:304::1]:5"};
    CHECK(addr_hash(&a, 1) == addr_hash(&a, 1));
    CHECK(addr_hash(&a, 1) != addr_hash(&a, 2));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct addr b = parse(others[i], -1);
        CHECK(addr_hash(&a, 1) != addr_hash(&b, 1));
    }
}

/* A table takes the low bits: neighbours must not pile up in one place. */
TEST(addr_hash_spreads_neighbours) {
    int filled[64] = {0};
    for (int i = 0; i < 64 * 64; i++) {
        struct addr a = {
            .ip = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}, .port = 1, .family = 4};
        filled[addr_hash(&a, 0) % 64]++;
    }
    for (int i = 0; i < 64; i++)
        CHECK(filled[i] > 16 &&
              filled[i] < 256); /* 64 expected, six deviations and more */
}

TEST(addr_kinds) {
    static const struct {
        const char *ip;
        enum addr_kind kind;
    } rows[] = {
        {"8.8.8.8", ADDR_GLOBAL},
        {"1.0.0.0", ADDR_GLOBAL},
        {"0.0.0.0", ADDR_ANY},
        {"0.255.255.255", ADDR_ANY},
        {"127.0.0.1", ADDR_LOOPBACK},
        {"127.255.255.255", ADDR_LOOPBACK},
        {"126.255.255.255", ADDR_GLOBAL},
        {"128.0.0.0", ADDR_GLOBAL},
        {"10.0.0.0", ADDR_PRIVATE},
        {"10.255.255.255", ADDR_PRIVATE},
        {"9.255.255.255", ADDR_GLOBAL},
        {"11.0.0.0", ADDR_GLOBAL},
        {"172.16.0.0", ADDR_PRIVATE},
        {"172.31.255.255", ADDR_PRIVATE},
        {"172.15.255.255", ADDR_GLOBAL},
        {"172.32.0.0", ADDR_GLOBAL},
        {"192.168.0.1", ADDR_PRIVATE},
        {"192.167.255.255", ADDR_GLOBAL},
        {"192.169.0.0", ADDR_GLOBAL},
        {"100.64.0.0", ADDR_PRIVATE},
        {"100.127.255.255", ADDR_PRIVATE},
        {"100.63.255.255", ADDR_GLOBAL},
        {"100.128.0.0", ADDR_GLOBAL},
        {"169.254.0.1", ADDR_LINK},
        {"169.253.255.255", ADDR_GLOBAL},
        {"169.255.0.0", ADDR_GLOBAL},
        {"223.255.255.255", ADDR_GLOBAL},
        {"224.0.0.1", ADDR_MULTICAST},
        {"239.192.152.143", ADDR_MULTICAST},
        {"240.0.0.1", ADDR_MULTICAST},
        {"255.255.255.255", ADDR_MULTICAST},
        {"::", ADDR_ANY},
        {"::1", ADDR_LOOPBACK},
        {"::2", ADDR_GLOBAL},
        {"2001:db8::1", ADDR_GLOBAL},
        {"1::1", ADDR_GLOBAL},
        {"fc00::1", ADDR_PRIVATE},
        {"fdff::1", ADDR_PRIVATE},
        {"fbff::1", ADDR_GLOBAL},
        {"fe00::1", ADDR_GLOBAL},
        {"fe80::1", ADDR_LINK},
        {"febf::1", ADDR_LINK},
        {"fec0::1", ADDR_GLOBAL},
        {"fe7f::1", ADDR_GLOBAL},
        {"ff02::1", ADDR_MULTICAST},
        {"ff15::efc0:988f", ADDR_MULTICAST},
        {"::ffff:127.0.0.1", ADDR_LOOPBACK}, /* no way round by mapping */
        {"::ffff:10.0.0.1", ADDR_PRIVATE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct addr a = parse(rows[i].ip, 1);
        if (addr_kind(&a) != rows[i].kind)
            check_fail(__FILE__, __LINE__, "%s is of kind %d", rows[i].ip,
                       (int)addr_kind(&a));
    }
}

TEST(addr_kind_of_no_address_is_any) {
    struct addr none = {0};
    CHECK_INT(addr_kind(&none), ADDR_ANY);
}

TEST(addr_compact_ip4_goes_both_ways) {
    uint8_t out[18];
    struct addr a, want = parse("1.2.3.4:6881", -1);
    memset(&a, 0xAA, sizeof a);
    CHECK(addr_from_compact(&a, check_at_page_end("\x01\x02\x03\x04\x1A\xE1", 6), 6));
    CHECK(addr_equal(&a, &want));
    CHECK_INT(addr_to_compact(&a, out), 6);
    CHECK_MEM(out, "\x01\x02\x03\x04\x1A\xE1", 6);
}

TEST(addr_compact_ip6_goes_both_ways) {
    static const uint8_t wire[18] = {0x20, 1, 0xD, 0xB8, [15] = 1, 0x1A, 0xE1};
    uint8_t out[18];
    struct addr a, want = parse("[2001:db8::1]:6881", -1);
    CHECK(addr_from_compact(&a, check_at_page_end(wire, 18), 18));
    CHECK(addr_equal(&a, &want));
    CHECK_INT(addr_to_compact(&a, out), 18);
    CHECK_MEM(out, wire, 18);
}

TEST(addr_compact_mapped_ip6_becomes_ip4) {
    static const uint8_t wire[18] = {[10] = 0xFF, 0xFF, 1, 2, 3, 4, 0, 80};
    struct addr a, want = parse("1.2.3.4:80", -1);
    CHECK(addr_from_compact(&a, wire, sizeof wire));
    CHECK(addr_equal(&a, &want));
    CHECK_INT(a.family, 4);
}

TEST(addr_compact_may_lack_the_port) {
    static const uint8_t wire[16] = {0x20, 1, 0xD, 0xB8, [15] = 1};
    struct addr a, want4 = parse("1.2.3.4:1", -1), want6 = parse("[2001:db8::1]:1", -1);
    CHECK(addr_from_compact(&a, check_at_page_end("\x01\x02\x03\x04", 4), 4));
    CHECK(addr_same_ip(&a, &want4) && a.port == 0);
    CHECK(addr_from_compact(&a, check_at_page_end(wire, 16), 16));
    CHECK(addr_same_ip(&a, &want6) && a.port == 0);
}

TEST(addr_compact_of_another_length_is_none) {
    struct addr a = parse("1.2.3.4:80", -1), before = a;
    for (size_t len = 0; len < 24; len++)
        if (len != 4 && len != 6 && len != 16 && len != 18)
            CHECK(!addr_from_compact(&a, (const uint8_t[24]){1}, len));
    CHECK(addr_equal(&a, &before));
}

TEST(addr_usable_is_one_host_with_a_port) {
    static const char *const not [] = {"0.0.0.0:1", "224.0.0.1:1", "[::]:1",
                                       "[ff02::1]:1"};
    struct addr a = parse("127.0.0.1:1", -1), none = {.port = 1};
    CHECK(addr_usable(&a));
    a.port = 0;
    CHECK(!addr_usable(&a));
    CHECK(!addr_usable(&none));
    for (size_t i = 0; i < COUNT_OF(not ); i++) {
        a = parse(not [i], -1);
        CHECK(!addr_usable(&a));
    }
}
