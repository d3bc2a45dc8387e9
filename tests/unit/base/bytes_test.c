#include "base/bytes.h"

#include "base/err.h"
#include "support/check.h"

TEST(bytes_numbers_are_big_endian) {
    static const uint8_t wire[8] = {0x81, 0x02, 0x03, 0xF4, 0x05, 0x06, 0x07, 0xF8};
    uint8_t out[8];
    CHECK_INT(get_u16(wire), 0x8102);
    CHECK_INT(get_u32(wire), 0x810203F4);
    CHECK(get_u64(wire) == 0x810203F4050607F8u);
    put_u16(out, 0x8102);
    CHECK_MEM(out, wire, 2);
    put_u32(out, 0x810203F4);
    CHECK_MEM(out, wire, 4);
    put_u64(out, 0x810203F4050607F8u);
    CHECK_MEM(out, wire, 8);
}

TEST(text_is_null_while_empty) {
    struct text t;
    text_init(&t);
    text_add(&t, NULL, 0);
    text_adds(&t, "");
    text_addf(&t, "%s", "");
    CHECK(!t.data && !t.len && !t.failed);
}

TEST(text_grows_and_stays_terminated) {
    struct text t;
    text_init(&t);
    for (int i = 0; i < 1000; i++) {
        text_addc(&t, (char)('a' + i % 26));
        CHECK_INT(t.len, i + 1);
        CHECK_INT(t.data[t.len], 0);
        CHECK(t.len < t.cap);
    }
    for (int i = 0; i < 1000; i++)
        CHECK_INT(t.data[i], 'a' + i % 26);
    text_free(&t);
}

TEST(text_addf_formats_behind_what_is_there) {
    struct text t;
    text_init(&t);
    text_adds(&t, "n=");
    text_addf(&t, "%d %s", 42, "x");
    CHECK_STR(t.data, "n=42 x");
    text_addf(&t, "%0300d", 7);
    CHECK_INT(t.len, 306);
    CHECK_INT(t.data[305], '7');
    text_free(&t);
}

TEST(text_keeps_nul_bytes) {
    struct text t;
    text_init(&t);
    text_add(&t, "a\0b", 3);
    CHECK_INT(t.len, 3);
    CHECK_MEM(t.data, "a\0b\0", 4);
    text_free(&t);
}

TEST(text_clear_forgets_the_contents_and_the_failure) {
    struct text t;
    text_init(&t);
    text_adds(&t, "abc");
    t.failed = true;
    text_clear(&t);
    CHECK_STR(t.data, "");
    text_adds(&t, "de");
    CHECK_STR(t.data, "de");
    text_free(&t);
}

TEST(text_ignores_what_comes_after_a_failure) {
    struct text t;
    text_init(&t);
    text_adds(&t, "abc");
    text_add(&t, "", SIZE_MAX / 2); /* refused before a byte is read */
    CHECK(t.failed);
    text_adds(&t, "def");
    text_addf(&t, "%d", 1);
    CHECK_STR(t.data, "abc");
    CHECK(!text_take(&t, NULL));
    CHECK(!t.data && !t.failed);
}

TEST(text_take_gives_the_bytes_away) {
    struct text t;
    size_t len = 99;
    text_init(&t);
    text_adds(&t, "abc");
    char *taken = text_take(&t, &len);
    CHECK_STR(taken, "abc");
    CHECK_INT(len, 3);
    CHECK(!t.data && !t.len && !t.cap);
    free(taken);
}

TEST(text_take_of_nothing_is_an_empty_string) {
    struct text t;
    size_t len = 99;
    text_init(&t);
    char *taken = text_take(&t, &len);
    CHECK_STR(taken, "");
    CHECK_INT(len, 0);
    free(taken);
}

TEST(text_urlencodes_all_but_the_unreserved) {
    struct text t;
    text_init(&t);
    text_add_urlencoded(&t, "aZ09-._~ /%\x00\xFF+", 14);
    CHECK_STR(t.data, "aZ09-._~%20%2F%25%00%FF%2B");
    text_free(&t);
}

TEST(text_writes_json_strings) {
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", "\"\""},
        {"plain /", "\"plain /\""},
        {"q\" b\\", "\"q\\\" b\\\\\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1F\x7F", "\"\\u0001\\u001f\x7F\""},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\x99",
         "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\x99\""},
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"cut \xE2\x82", "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct text t;
        text_init(&t);
        text_add_json(&t, rows[i].in, strlen(rows[i].in));
        CHECK_STR(t.data, rows[i].out);
        text_free(&t);
    }
}

TEST(text_writes_nul_as_a_json_escape) {
    struct text t;
    text_init(&t);
    text_add_json(&t, "a\0b", 3);
    CHECK_STR(t.data, "\"a\\u0000b\"");
    text_free(&t);
}

TEST(hex_goes_both_ways) {
    uint8_t all[256], back[256];
    char hex[2 * sizeof all + 1];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    hex_encode(hex, all, sizeof all);
    CHECK_INT(strlen(hex), 512);
    CHECK_MEM(hex + 2 * 0xAB, "abac", 4);
    CHECK_INT(hex_decode(back, hex, sizeof back), 0);
    CHECK_MEM(back, all, sizeof all);
}

TEST(hex_decode_takes_upper_case) {
    uint8_t out[2];
    CHECK_INT(hex_decode(out, "aBFe", 2), 0);
    CHECK_MEM(out, "\xAB\xFE", 2);
}

TEST(hex_decode_refuses_other_chars) {
    static const char bad[][3] = {"0g", "g0", " 0", "0x", "-1",
                                  "/0", ":0", "@a", "`a", "0\xB0"};
    uint8_t out[1];
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK_INT(hex_decode(out, bad[i], 1), ERR_FORMAT);
}

TEST(hex_decode_stops_at_the_end_of_a_short_string) {
    uint8_t out[8];
    const char *odd = (const char *)check_at_page_end("abc", 4);
    const char *even = (const char *)check_at_page_end("abcd", 5);
    CHECK_INT(hex_decode(out, odd, 8), ERR_FORMAT);
    CHECK_INT(hex_decode(out, even, 8), ERR_FORMAT);
}

TEST(utf8_len_of_valid_and_invalid_sequences) {
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"a", 1},
        {"\x7F", 1},
        {"\xC2\x80", 2},
        {"\xDF\xBF", 2},
        {"\xE0\xA0\x80", 3},
        {"\xED\x9F\xBF", 3},
        {"\xEE\x80\x80", 3},
        {"\xEF\xBF\xBF", 3},
        {"\xF0\x90\x80\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"", 0},
        {"\x80", 0},             /* a continuation alone */
        {"\xBF", 0},             /* likewise */
        {"\xC0\x80", 0},         /* overlong NUL */
        {"\xC1\xBF", 0},         /* overlong */
        {"\xE0\x9F\xBF", 0},     /* overlong */
        {"\xF0\x8F\xBF\xBF", 0}, /* overlong */
        {"\xED\xA0\x80", 0},     /* surrogate */
        {"\xED\xBF\xBF", 0},     /* surrogate */
        {"\xF4\x90\x80\x80", 0}, /* over U+10FFFF */
        {"\xF5\x80\x80\x80", 0},
        {"\xFF", 0},
        {"\xC2", 0}, /* cut off */
        {"\xE2\x82", 0},
        {"\xF0\x9F\x8C", 0},
        {"\xC2z", 0}, /* interrupted */
        {"\xE2\x82z", 0},
        {"\xF0\x9F\x8Cz", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t n = strlen(rows[i].bytes);
        CHECK_INT(utf8_len(check_at_page_end(rows[i].bytes, n), n), rows[i].len);
    }
}

TEST(text_remembers_any_failed_allocation) {
    CHECK_EACH_NOMEM(n) {
        struct text t;
        text_init(&t);
        for (int i = 0; i < 100; i++)
            text_addf(&t, "%d,", i);
        text_add_json(&t, "x\"", 2);
        bool failed = t.failed;
        char *taken = text_take(&t, NULL);
        bool hit = check_nomem_hit();
        CHECK_INT(failed, hit);
        CHECK_INT(!taken, hit);
        free(taken);
    }
}

TEST(text_take_of_nothing_may_fail) {
    CHECK_EACH_NOMEM(n) {
        struct text t;
        text_init(&t);
        char *taken = text_take(&t, NULL);
        CHECK_INT(!taken, check_nomem_hit());
        free(taken);
    }
}
