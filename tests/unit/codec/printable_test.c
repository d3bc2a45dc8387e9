/* printable: what strangers' text looks like when it reaches a terminal. */
#include "codec/printable.h"

#include "support/check.h"

static const struct {
    const char *in, *out;
} rows[] = {
    {"plain", "plain"},
    {"", ""},
    {"two\nlines\tx", "two lines x"},
    {"\x1b[2J", "?[2J"},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
    {"caf\xe9", "caf?"},
    {"\xc2\x85z", "?z"},
    {"a\xe2\x80\xae"
     "b",
     "a?b"},
};

TEST(printable_add_replaces_what_is_unfit) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct text t;
        size_t len = strlen(rows[i].in);
        text_init(&t);
        text_adds(&t, ">");
        printable_add(&t, (struct span){check_at_page_end(rows[i].in, len), len});
        CHECK_STR(t.data + 1, rows[i].out);
        text_free(&t);
    }
}

TEST(printable_copy_replaces_what_is_unfit) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[64];
        size_t len = strlen(rows[i].in);
        printable_copy(out, sizeof out,
                       (struct span){check_at_page_end(rows[i].in, len), len});
        CHECK_STR(out, rows[i].out);
    }
}

TEST(printable_copy_cuts_between_characters) {
    static const uint8_t in[] = "ab\xe2\x82\xac";
    static const char *const want[] = {NULL, "", "a", "ab", "ab", "ab", "ab\xe2\x82\xac"};
    for (size_t size = 1; size < COUNT_OF(want); size++) {
        char out[8];
        memset(out, 'x', sizeof out);
        printable_copy(out, size, (struct span){in, 5});
        CHECK_STR(out, want[size]);
    }
}

TEST(utf8_valid_looks_at_all_of_it) {
    CHECK(utf8_valid((struct span){(const uint8_t *)"a\xc3\xa9z", 4}));
    CHECK(!utf8_valid((struct span){(const uint8_t *)"abc\xc3", 4}));
    CHECK(utf8_valid((struct span){NULL, 0}));
}
