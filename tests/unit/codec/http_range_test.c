/* http_range: the table of RFC 9110, and what it leaves open. The same through a real connection is
 * tests/lua/http_spec.lua. */
#include "codec/http_range.h"

#include "support/check.h"

static const struct {
    const char *text;
    uint64_t size;
    enum http_range_answer answer;
    uint64_t first, length;
} rows[] = {
    {NULL, 10, RANGE_WHOLE, 0, 10},
    {"", 10, RANGE_WHOLE, 0, 10},
    {"bytes=0-", 10, RANGE_PART, 0, 10},
    {"bytes=0-0", 10, RANGE_PART, 0, 1},
    {"bytes=9-9", 10, RANGE_PART, 9, 1},
    {"bytes=9-10", 10, RANGE_PART, 9, 1},
    {"bytes=10-", 10, RANGE_BEYOND, 0, 0},
    {"bytes=10-9", 10, RANGE_WHOLE, 0, 10},
    {"bytes=-1", 10, RANGE_PART, 9, 1},
    {"bytes=-10", 10, RANGE_PART, 0, 10},
    {"bytes=-11", 10, RANGE_PART, 0, 10},
    {"bytes=-0", 10, RANGE_BEYOND, 0, 0},
    {"bytes=0-", 0, RANGE_BEYOND, 0, 0},
    {"bytes=-1", 0, RANGE_BEYOND, 0, 0},
    {"BYTES =\t3-4 \t", 10, RANGE_PART, 3, 2},
    {"bytes=3-4,", 10, RANGE_WHOLE, 0, 10},
    {"bytes=3-4,6-7", 10, RANGE_WHOLE, 0, 10},
    {"bytes=3-4-", 10, RANGE_WHOLE, 0, 10},
    {"bytes=3 -4", 10, RANGE_WHOLE, 0, 10},
    {"bytes=+3-4", 10, RANGE_WHOLE, 0, 10},
    {"bytes=-3-4", 10, RANGE_WHOLE, 0, 10},
    {"bytes=", 10, RANGE_WHOLE, 0, 10},
    {"bytes=-", 10, RANGE_WHOLE, 0, 10},
    {"byte=3-4", 10, RANGE_WHOLE, 0, 10},
    {"bytesx=3-4", 10, RANGE_WHOLE, 0, 10},
    {"bytes=18446744073709551615-", 10, RANGE_BEYOND, 0, 0},
    {"bytes=18446744073709551616-", 10, RANGE_BEYOND, 0, 0},
    {"bytes=0-18446744073709551615", UINT64_MAX, RANGE_PART, 0, UINT64_MAX},
    {"bytes=-18446744073709551615", UINT64_MAX, RANGE_PART, 0, UINT64_MAX},
    {"bytes=18446744073709551614-99999999999999999999", UINT64_MAX, RANGE_PART,
     UINT64_MAX - 1, 1},
};

TEST(http_range_answers_each_row) {
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_range r;
        const char *text = rows[i].text;
        if (text)
            text = (const char *)check_at_page_end(text, strlen(text) + 1);
        CHECK_INT(http_range_parse(text, rows[i].size, &r), rows[i].answer);
        CHECK(r.first == rows[i].first && r.length == rows[i].length);
    }
}

static const struct {
    const char *list;
    bool matches;
} tags[] = {
    {"\"a\"", true},
    {"W/\"a\"", true},
    {"\"b\", \"a\"", true},
    {"\"b\",\"a\"", true},
    {" * ", true},
    {"\"b\"", false},
    {"a", false},
    {"", false},
    {"\"a", false},
    {"\"", false},
    {"\"aa\"", false},
    {"W/", false},
    {"* \"a\"", false},
    {"\"b\" , W/\"a\"", true},
    {"\"b\" nonsense \"a\"", false},
};

TEST(http_tag_matches_a_list_as_caches_do) {
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        size_t len = strlen(tags[i].list) + 1;
        const char *list = (const char *)check_at_page_end(tags[i].list, len);
        CHECK_INT(http_tag_matches(list, "\"a\""), tags[i].matches);
    }
}

TEST(http_if_range_wants_the_same_tag_or_date) {
    CHECK(http_if_range(NULL, "\"a\"", "then"));
    CHECK(http_if_range("\"a\"", "\"a\"", "then"));
    CHECK(http_if_range("then", "\"a\"", "then"));
    CHECK(!http_if_range("W/\"a\"", "\"a\"", "then"));
    CHECK(!http_if_range("", "\"a\"", "then"));
}

TEST(http_date_is_that_of_the_calendar) {
    static const struct {
        int64_t at;
        const char *date;
    } dates[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
        {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {-1, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        char out[HTTP_DATE];
        CHECK_STR(http_date(out, dates[i].at), dates[i].date);
    }
}
