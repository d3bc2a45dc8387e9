/* blocklist: every format, ends of ranges, joining, and lists that are no lists. */
#include "codec/blocklist.h"

#include "base/bytes.h"
#include "base/rng.h"
#include "support/check.h"

static int add(struct blocklist *b, const char *text, size_t len) {
    struct err e = {0};
    int rc = blocklist_add_text(b, check_at_page_end(text, len), len, &e);
    CHECK(rc == 0 || e.text[0]);
    return rc;
}

static bool has(const struct blocklist *b, const char *ip) {
    struct addr a;
    CHECK_INT(addr_parse(&a, ip, 1), 0);
    return blocklist_has(b, &a);
}

/* A list of one line blocks these and what lies between, and not those around. */
static const struct {
    const char *line, *before, *first, *last, *after; /* "" = there is none */
} rows[] = {
    {"Some name:1.2.3.4-1.2.3.9", "1.2.3.3", "1.2.3.4", "1.2.3.9", "1.2.3.10"},
    {"A: b, c: 1.2.3.4 - 1.2.3.9 ", "1.2.3.3", "1.2.3.4", "1.2.3.9", "1.2.3.10"},
    {":1.2.3.4-1.2.3.4", "1.2.3.3", "1.2.3.4", "1.2.3.4", "1.2.3.5"},
    {"9.9.9.9 x:1.2.3.4-1.2.3.9", "1.2.3.3", "1.2.3.4", "1.2.3.9", "1.2.3.10"},
    {"10:1.2.3.4-1.2.3.9", "1.2.3.3", "1.2.3.4", "1.2.3.9", "1.2.3.10"},
    {"n:2001:db8::-2001:db8::ff", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:db8::", "2001:db8::ff", "2001:db8::100"},
    {"001.002.003.004 - 001.002.003.009 , 000 , Name", "1.2.3.3", "1.2.3.4", "1.2.3.9",
     "1.2.3.10"},
    {"1.2.3.4-1.2.3.9,127,x", "1.2.3.3", "1.2.3.4", "1.2.3.9", "1.2.3.10"},
    {"010.008.000.000-010.008.000.255, 100", "10.7.255.255", "10.8.0.0", "10.8.0.255",
     "10.8.1.0"},
    {"1.2.3.4/24", "1.2.2.255", "1.2.3.0", "1.2.3.255", "1.2.4.0"},
    {"1.2.3.4/32 # host", "1.2.3.3", "1.2.3.4", "1.2.3.4", "1.2.3.5"},
    {"1.2.3.4/31 ; two", "1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.6"},
    {"128.0.0.0/1", "127.255.255.255", "128.0.0.0", "255.255.255.255", ""},
    {"0.0.0.0/0", "", "0.0.0.0", "255.255.255.255", "::"},
    {"2001:db8::1/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
     "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
    {"2001:db8::8/125", "2001:db8::7", "2001:db8::8", "2001:db8::f", "2001:db8::10"},
    {"::/0", "1.2.3.4", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
    {"::ffff:1.2.3.0/120", "1.2.2.255", "1.2.3.0", "1.2.3.255", "1.2.4.0"},
    {"1.2.3.4", "1.2.3.3", "1.2.3.4", "1.2.3.4", "1.2.3.5"},
    {"2001:db8::9f", "2001:db8::9e", "2001:db8::9f", "2001:db8::9f", "2001:db8::a0"},
    {"2001:db8::F", "2001:db8::e", "2001:db8::f", "2001:db8::f", "2001:db8::10"},
    {"2001:DB8::5", "2001:db8::4", "2001:db8::5", "2001:db8::5", "2001:db8::6"},
    {"1.2.3.4-1.2.3.9", "1.2.3.3", "1.2.3.4", "1.2.3.9", "1.2.3.10"},
    {"\t2001:db8::5 - 2001:db8::9\r", "2001:db8::4", "2001:db8::5", "2001:db8::9",
     "2001:db8::a"},
};

TEST(blocklist_reads_every_format) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct blocklist b = {0};
        CHECK_INT(add(&b, rows[i].line, strlen(rows[i].line)), 0);
        if (blocklist_count(&b) != 1 || b.complaint_count)
            check_fail(__FILE__, __LINE__, "\"%s\" is not taken", rows[i].line);
        bool good = has(&b, rows[i].first) && has(&b, rows[i].last) &&
                    !(rows[i].before[0] && has(&b, rows[i].before)) &&
                    !(rows[i].after[0] && has(&b, rows[i].after));
        if (!good)
            check_fail(__FILE__, __LINE__, "\"%s\" blocks something else", rows[i].line);
        blocklist_fini(&b);
    }
}

TEST(blocklist_complains_about_what_makes_no_sense) {
    static const struct {
        const char *line, *words;
    } bad[] = {
        {"hello", "no address"},
        {"<html>", "no address"},
        {"Name:", "no address"},
        {"Name:1.2.3.4", "no address"},
        {"Name:1.2.3.4-", "no address"},
        {"Name:1.2.3.4-1.2.3.5 x", "no address"},
        {"1.2.3", "no address"},
        {"1.2.3.4.5", "no address"},
        {"1.2.3.256", "no address"},
        {"1.2.3.0004", "no address"},
        {"1.2.3.2559", "no address"},
        {"1..2.3", "no address"},
        {"1.2.3.", "no address"},
        {"1.2.3.4:80", "no address"},
        {"a:1.2.3.4-1.2.3.3 :x", "ends before"},
        {"::00000000000000000000000000000000000000000000000000000000000000000000",
         "no address"},
        {"1.2.3.4 5", "no address"},
        {"1.2.3.4-", "no address"},
        {"1.2.3.4/", "no address"},
        {"1.2.3.4,", "no address"},
        {"1.2.3.4,x", "no address"},
        {"1.2.3.4/x", "no address"},
        {"::1::", "no address"},
        {":", "no address"},
        {"1.2.3.4/33", "prefix"},
        {"::/129", "prefix"},
        {"::ffff:1.2.3.4/95", "prefix"},
        {"1.2.3.4-1.2.3.3", "ends before"},
        {"Name:1.2.3.4-1.2.3.3", "ends before"},
        {"1.2.3.4-::1", "other IPv6"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct blocklist b = {0};
        CHECK_INT(add(&b, bad[i].line, strlen(bad[i].line)), 0);
        if (blocklist_count(&b) || b.complaint_count != 1)
            check_fail(__FILE__, __LINE__, "\"%s\" is taken", bad[i].line);
        CHECK_INT(b.complaints[0].line, 1);
        if (!strstr(b.complaints[0].what, bad[i].words))
            check_fail(__FILE__, __LINE__, "\"%s\": %s", bad[i].line,
                       b.complaints[0].what);
        blocklist_fini(&b);
    }
}

TEST(blocklist_passes_over_comments_and_allowed_ones) {
    static const char text[] =
        "# c\n; c\n// c\n\n  \r\n\t# c\n1.2.3.4-1.2.3.5 , 200 , friend\n";
    struct blocklist b = {0};
    CHECK_INT(add(&b, text, sizeof text - 1), 0);
    CHECK_INT(blocklist_count(&b), 0);
    CHECK_INT(b.complaint_count, 0);
    blocklist_fini(&b);
}

TEST(blocklist_complaints_have_line_numbers_and_a_bound) {
    struct blocklist b = {0};
    struct text t;
    text_init(&t);
    text_adds(&t, "\xef\xbb\xbf# list\n1.1.1.1\n");
    for (int i = 0; i < 100; i++)
        text_adds(&t, "junk\n");
    text_adds(&t, "2.2.2.2");
    CHECK_INT(add(&b, t.data, t.len), 0);
    CHECK_INT(blocklist_count(&b), 2);
    CHECK_INT(b.complaint_count, 100);
    CHECK_INT(b.complaints[0].line, 3);
    CHECK_INT(b.complaints[BLOCKLIST_MAX_COMPLAINTS - 1].line,
              3 + BLOCKLIST_MAX_COMPLAINTS - 1);
    CHECK_INT(add(&b, "3.3.3.3", 7), 0);
    CHECK_INT(b.complaint_count, 0);
    text_free(&t);
    blocklist_fini(&b);
}

TEST(blocklist_line_length_is_bounded) {
    struct blocklist b = {0};
    struct text t;
    text_init(&t);
    while (t.len < BLOCKLIST_MAX_LINE - 15)
        text_addc(&t, ':');
    text_adds(&t, "1.1.1.1-1.1.1.1");
    CHECK_INT(add(&b, t.data, t.len), 0);
    CHECK_INT(blocklist_count(&b), 1);
    text_adds(&t, "9");
    CHECK_INT(add(&b, t.data, t.len), 0);
    CHECK_INT(b.complaint_count, 1);
    text_free(&t);
    blocklist_fini(&b);
}

TEST(blocklist_joins_what_overlaps_or_touches) {
    static const struct {
        const char *text;
        uint32_t count;
    } lists[] = {
        {"1.1.1.1\n1.1.1.1", 1},
        {"1.1.1.2\n1.1.1.1", 1},
        {"1.1.1.3\n1.1.1.1", 2},
        {"1.1.1.0/24\n1.1.1.5", 1},
        {"1.1.1.5\n1.1.1.0/24\n1.1.2.0/24\n9.9.9.9", 2},
        {"255.255.255.255\n0.0.0.0", 2},
        {"0.0.0.0/0\n255.255.255.255\n0.0.0.0", 1},
        {"::2\n::1", 1},
        {"::3\n::1", 2},
        {"2001:db8::/33\n2001:db8:8000::/33", 1},
        {"::ffff:ffff:ffff:ffff\n0:0:0:1::", 1},
        {"::/0\nffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n::", 1},
        {"255.255.255.255\n::", 2},
    };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct blocklist b = {0};
        CHECK_INT(add(&b, lists[i].text, strlen(lists[i].text)), 0);
        if (blocklist_count(&b) != lists[i].count)
            check_fail(__FILE__, __LINE__, "\"%s\" are %u", lists[i].text,
                       blocklist_count(&b));
        blocklist_fini(&b);
    }
}

/* Random small ranges in a space of 256 addresses, against a plain table. */
TEST(blocklist_agrees_with_a_plain_table) {
    struct rng rng;
    rng_seed(&rng, 1);
    for (int round = 0; round < 200; round++) {
        struct blocklist b = {0};
        bool blocked[256] = {false};
        bool six = round & 1;
        for (uint32_t n = rng_below(&rng, 30); n > 0; n--) {
            uint32_t first = rng_below(&rng, 256);
            uint32_t last = first + rng_below(&rng, 12);
            last = MIN(255, last);
            struct addr a = {.ip = {10}, .family = six ? 6 : 4}, z = a;
            a.ip[six ? 15 : 3] = (uint8_t)first, z.ip[six ? 15 : 3] = (uint8_t)last;
            CHECK_INT(blocklist_add_range(&b, &a, &z), 0);
            memset(blocked + first, true, last - first + 1);
        }
        for (uint32_t i = 0; i < 256; i++) {
            struct addr a = {.ip = {10}, .family = six ? 6 : 4, .port = 5};
            a.ip[six ? 15 : 3] = (uint8_t)i;
            CHECK_INT(blocklist_has(&b, &a), blocked[i]);
        }
        blocklist_fini(&b);
    }
}

TEST(blocklist_empty_has_nothing) {
    struct blocklist b;
    struct addr nobody = {0};
    blocklist_init(&b);
    CHECK(!has(&b, "1.2.3.4") && !has(&b, "::1"));
    CHECK(!blocklist_has(&b, &nobody));
    CHECK_INT(blocklist_add_text(&b, NULL, 0, NULL), 0);
    CHECK_INT(blocklist_add_range(&b, &nobody, &nobody), ERR_INVALID);
    blocklist_fini(&b);
}

TEST(blocklist_says_that_it_is_compressed) {
    struct blocklist b = {0};
    CHECK_INT(add(&b, "\x1f\x8b\x08", 3), ERR_UNSUPPORTED);
    CHECK_INT(add(&b, "PK\3\4", 4), ERR_UNSUPPORTED);
    blocklist_fini(&b);
}

TEST(blocklist_number_of_ranges_is_bounded) {
    struct blocklist b = {0};
    struct text t;
    text_init(&t);
    CHECK_INT(add(&b, "9.9.9.9", 7), 0);
    for (uint32_t i = 0; i <= BLOCKLIST_MAX_RANGES && !t.failed; i++)
        text_add(&t, "1.1.1.1\n", 8);
    CHECK(!t.failed);
    CHECK_INT(blocklist_add_text(&b, t.data, t.len, NULL), ERR_LIMIT);
    CHECK_INT(blocklist_count(&b), 1);
    CHECK(has(&b, "9.9.9.9") && !has(&b, "1.1.1.1"));
    text_free(&t);
    blocklist_fini(&b);
}

TEST(blocklist_survives_being_cut_anywhere) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t len = 0; len < strlen(rows[i].line); len++) {
            struct blocklist b = {0};
            CHECK_INT(add(&b, rows[i].line, len), 0);
            CHECK(blocklist_count(&b) + b.complaint_count <= 1);
            blocklist_fini(&b);
        }
    }
}

TEST(blocklist_stays_as_it_was_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct blocklist b = {0};
        int rc = blocklist_add_text(&b, "1.1.1.1\n::1\n", 12, NULL);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(blocklist_count(&b), rc == 0 ? 2 : 0);
        blocklist_fini(&b);
    }
}
