/* bencode: what is read, what is refused, and that look-ups in nothing give nothing. */
#include "codec/bencode.h"

#include "support/check.h"

static int parse(struct bencode *doc, const char *s, struct err *e) {
    size_t len = strlen(s);
    return bencode_parse(doc, check_at_page_end(s, len), len, e);
}

static void expect_code(const char *s, int code) {
    struct bencode doc;
    struct err e = {0};
    int rc = parse(&doc, s, &e);
    if (rc != code)
        check_fail(__FILE__, __LINE__, "\"%.40s\" gives %d, expected %d", s, rc, code);
    CHECK(code == 0 || e.text[0]);
    bencode_free(&doc);
}

static void expect_all(const char *const *texts, size_t count, int code) {
    for (size_t i = 0; i < count; i++)
        expect_code(texts[i], code);
}

TEST(bencode_reads_integers) {
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"i0e", 0},
                {"i7e", 7},
                {"i-7e", -7},
                {"i10e", 10},
                {"i9223372036854775807e", INT64_MAX},
                {"i-9223372036854775808e", INT64_MIN}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bencode doc;
        int64_t v = 1;
        CHECK_INT(parse(&doc, rows[i].text, NULL), 0);
        CHECK(bencode_int(bencode_root(&doc), &v));
        CHECK_INT(v, rows[i].value);
        bencode_free(&doc);
    }
}

TEST(bencode_reads_strings_as_views) {
    struct bencode doc;
    struct span s;
    static const uint8_t data[] = "4:a\0b:";
    CHECK_INT(bencode_parse(&doc, data, 6, NULL), 0);
    CHECK(bencode_string(bencode_root(&doc), &s));
    CHECK_INT(s.len, 4);
    CHECK(s.data == data + 2);
    bencode_free(&doc);
}

TEST(bencode_walks_a_list) {
    struct bencode doc;
    struct span s;
    CHECK_INT(parse(&doc, "li1eli2ei3ee1:xe", NULL), 0);
    struct bnode list = bencode_root(&doc), n = bencode_first(list);
    CHECK_INT(bencode_size(list), 3);
    CHECK_INT(bencode_type(n), BENCODE_INT);
    n = bencode_next(n);
    CHECK_INT(bencode_size(n), 2);
    n = bencode_next(n);
    CHECK(bencode_string(n, &s) && s.len == 1 && s.data[0] == 'x');
    CHECK_INT(bencode_type(bencode_next(n)), BENCODE_NONE);
    bencode_free(&doc);
}

TEST(bencode_finds_keys_and_tells_them) {
    struct bencode doc;
    int64_t v;
    CHECK_INT(parse(&doc, "d1:ad1:ci1ee2:abi2e0:i3ee", NULL), 0);
    struct bnode root = bencode_root(&doc);
    CHECK(bencode_int(bencode_get(bencode_get(root, "a"), "c"), &v) && v == 1);
    CHECK(bencode_int(bencode_get(root, "ab"), &v) && v == 2);
    CHECK(bencode_int(bencode_get(root, ""), &v) && v == 3);
    CHECK_INT(bencode_type(bencode_get(root, "b")), BENCODE_NONE);
    struct span key = bencode_key(bencode_next(bencode_first(root)));
    CHECK_INT(key.len, 2);
    CHECK_MEM(key.data, "ab", 2);
    CHECK_INT(bencode_size(root), 3);
    bencode_free(&doc);
}

TEST(bencode_first_of_a_repeated_key_counts) {
    struct bencode doc;
    int64_t v;
    CHECK_INT(parse(&doc, "d1:bi1e1:ai2e1:bi3ee", NULL), 0);
    CHECK(bencode_int(bencode_get(bencode_root(&doc), "b"), &v) && v == 1);
    bencode_free(&doc);
}

TEST(bencode_raw_is_the_value_as_it_stands) {
    struct bencode doc;
    CHECK_INT(parse(&doc, "d4:infod1:xi1ee1:z0:e", NULL), 0);
    struct span raw = bencode_raw(bencode_get(bencode_root(&doc), "info"));
    CHECK_INT(raw.len, 8);
    CHECK_MEM(raw.data, "d1:xi1ee", 8);
    bencode_free(&doc);
}

TEST(bencode_look_ups_in_nothing_give_nothing) {
    struct bnode none = {NULL, 0};
    struct span s;
    int64_t v;
    CHECK_INT(bencode_type(none), BENCODE_NONE);
    CHECK(!bencode_get(none, "a").doc && !bencode_first(none).doc);
    CHECK(!bencode_next(none).doc && !bencode_key(none).data && !bencode_raw(none).data);
    CHECK(!bencode_int(none, &v) && !bencode_string(none, &s));
    CHECK_INT(bencode_size(none), 0);
}

TEST(bencode_look_ups_of_the_wrong_type_give_nothing) {
    struct bencode doc;
    struct span s;
    int64_t v;
    CHECK_INT(parse(&doc, "l1:ai1ee", NULL), 0);
    struct bnode a = bencode_first(bencode_root(&doc)), one = bencode_next(a);
    CHECK(!bencode_int(a, &v) && !bencode_string(one, &s));
    CHECK(!bencode_get(bencode_root(&doc), "a").doc && !bencode_first(a).doc);
    CHECK(!bencode_key(a).data);
    bencode_free(&doc);
}

TEST(bencode_empty_containers_have_no_members) {
    struct bencode doc;
    CHECK_INT(parse(&doc, "lledelee", NULL), 0);
    CHECK_INT(bencode_size(bencode_root(&doc)), 3);
    for (struct bnode n = bencode_first(bencode_root(&doc)); n.doc; n = bencode_next(n))
        CHECK(!bencode_first(n).doc);
    bencode_free(&doc);
}

TEST(bencode_refuses_leading_zeros) {
    static const char *const texts[] = {"i00e", "i01e", "i-01e",
                                        "01:a", "00:",  "d01:ai1ee"};
    expect_all(texts, COUNT_OF(texts), ERR_FORMAT);
}

TEST(bencode_refuses_minus_zero) {
    expect_code("i-0e", ERR_FORMAT);
}

TEST(bencode_refuses_numbers_beyond_64_bits) {
    static const char *const texts[] = {"i9223372036854775808e", "i-9223372036854775809e",
                                        "i18446744073709551616e",
                                        "i99999999999999999999999999e"};
    expect_all(texts, COUNT_OF(texts), ERR_FORMAT);
}

TEST(bencode_refuses_broken_numbers) {
    static const char *const texts[] = {"ie", "i-e", "i--1e", "i+1e",
                                        "i1", "i1x", "i 1e",  "i"};
    expect_all(texts, COUNT_OF(texts), ERR_FORMAT);
}

TEST(bencode_refuses_strings_longer_than_the_data) {
    static const char *const texts[] = {
        "1:", "5:abcd", "9999999:x", "4294967297:x", "1844674407370955161699:x",
        "3",  "3abc"};
    expect_all(texts, COUNT_OF(texts), ERR_FORMAT);
}

TEST(bencode_refuses_keys_that_are_not_strings) {
    static const char *const texts[] = {"di1ei2ee", "dli1eei2ee", "d1:a", "d1:ae", "dx"};
    expect_all(texts, COUNT_OF(texts), ERR_FORMAT);
}

TEST(bencode_refuses_what_is_no_value) {
    static const char *const texts[] = {"",  "e",   "x",  "<html>", "l",
                                        "d", "le1", "lx", ":"};
    expect_all(texts, COUNT_OF(texts), ERR_FORMAT);
}

TEST(bencode_refuses_data_behind_the_value) {
    expect_code("i1ei2e", ERR_FORMAT);
    expect_code("dee", ERR_FORMAT);
}

TEST(bencode_prefix_tells_how_much_was_used) {
    struct bencode doc;
    size_t used = 0;
    const uint8_t *data = check_at_page_end("d1:ai1eepayload", 15);
    CHECK_INT(bencode_parse_prefix(&doc, data, 15, &used, NULL), 0);
    CHECK_INT(used, 8);
    CHECK(!bencode_next(bencode_root(&doc)).doc);
    bencode_free(&doc);
}

static void nest(char *text, int depth) {
    memset(text, 'l', (size_t)depth);
    memset(text + depth, 'e', (size_t)depth);
    text[2 * depth] = '\0';
}

TEST(bencode_depth_is_bounded) {
    char text[512];
    nest(text, BENCODE_MAX_DEPTH);
    expect_code(text, 0);
    nest(text, BENCODE_MAX_DEPTH + 1);
    expect_code(text, ERR_LIMIT);
}

/* A list of n empty strings: two bytes a token. */
static int parse_many(uint32_t n) {
    struct bencode doc;
    size_t len = 2 * (size_t)n + 2;
    uint8_t *data = malloc(len);
    CHECK(data);
    data[0] = 'l';
    for (size_t i = 1; i + 1 < len; i += 2)
        memcpy(data + i, "0:", 2);
    data[len - 1] = 'e';
    int rc = bencode_parse(&doc, data, len, NULL);
    bencode_free(&doc);
    free(data);
    return rc;
}

TEST(bencode_tokens_are_bounded) {
    CHECK_INT(parse_many(BENCODE_MAX_TOKENS - 1), 0);
    CHECK_INT(parse_many(BENCODE_MAX_TOKENS), ERR_LIMIT);
}

TEST(bencode_bytes_are_bounded) {
    struct bencode doc;
    uint8_t *data = calloc(1, BENCODE_MAX_BYTES + 1);
    CHECK(data);
    memcpy(data, "33554423:", 9);
    CHECK_INT(bencode_parse(&doc, data, BENCODE_MAX_BYTES, NULL), 0);
    bencode_free(&doc);
    CHECK_INT(bencode_parse(&doc, data, BENCODE_MAX_BYTES + 1, NULL), ERR_LIMIT);
    bencode_free(&doc);
    free(data);
}

TEST(bencode_cut_anywhere_is_refused) {
    static const char text[] = "d1:ali1ei-20ee2:bcd0:3:xyzee";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct bencode doc;
        CHECK_INT(bencode_parse(&doc, check_at_page_end(text, len), len, NULL),
                  ERR_FORMAT);
        bencode_free(&doc);
    }
    expect_code(text, 0);
}

TEST(bencode_errors_name_the_byte) {
    struct bencode doc;
    struct err e;
    CHECK_INT(parse(&doc, "d1:ai01ee", &e), ERR_FORMAT);
    CHECK_STR(e.text, "byte 5: the number has a leading zero");
    CHECK_INT(e.code, ERR_FORMAT);
}

TEST(bencode_writes_what_it_reads) {
    struct text t;
    text_init(&t);
    text_addc(&t, 'd');
    bencode_adds(&t, "a");
    bencode_add_int(&t, INT64_MIN);
    bencode_adds(&t, "b");
    bencode_add_string(&t, "\0x", 2);
    text_addc(&t, 'e');
    CHECK_INT(t.len, 34);
    CHECK_MEM(t.data, "d1:ai-9223372036854775808e1:b2:\0xe", 34);
    text_free(&t);
}

TEST(bencode_parse_says_when_memory_is_out) {
    char text[256];
    nest(text, 100);
    CHECK_EACH_NOMEM(n) {
        struct bencode doc;
        int rc = bencode_parse(&doc, (const uint8_t *)text, 200, NULL);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK(rc == 0 || !doc.tokens);
        bencode_free(&doc);
    }
}
