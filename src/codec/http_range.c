#include "codec/http_range.h"

#include <stdio.h>
#include <string.h>

/* ---- Range --------------------------------------------------------------------------- */

static const char *skip_space(const char *p) {
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A number as long as anybody likes: beyond 64 bits it stays at the largest. */
static const char *read_number(const char *p, uint64_t *out) {
    *out = 0;
    for (; is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        *out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *out * 10 + digit;
    }
    return p;
}

static const char *skip_unit(const char *p) {
    static const char unit[] = "bytes";
    for (size_t i = 0; i < sizeof unit - 1; i++, p++)
        if ((*p | 0x20) != unit[i])
            return NULL;
    p = skip_space(p);
    return *p == '=' ? skip_space(p + 1) : NULL;
}

static enum http_range_answer take(uint64_t first, uint64_t last, uint64_t size,
                                   struct http_range *out) {
    out->first = first;
    out->length = MIN(last, size - 1) - first + 1;
    return RANGE_PART;
}

/* "-500" */
static enum http_range_answer suffix(const char *p, uint64_t size,
                                     struct http_range *out) {
    uint64_t n;
    const char *end = read_number(p, &n);
    if (end == p || *skip_space(end))
        return RANGE_WHOLE;
    if (!n || !size)
        return RANGE_BEYOND;
    return take(size - MIN(n, size), size - 1, size, out);
}

/* "500-", "500-999" */
static enum http_range_answer prefix(const char *p, uint64_t size,
                                     struct http_range *out) {
    uint64_t first, last = UINT64_MAX;
    const char *end = read_number(p, &first);
    if (end == p || *end != '-')
        return RANGE_WHOLE;
    if (is_digit(*++end))
        end = read_number(end, &last);
    if (*skip_space(end) || last < first)
        return RANGE_WHOLE;
    return first >= size ? RANGE_BEYOND : take(first, last, size, out);
}

enum http_range_answer http_range_parse(const char *text, uint64_t size,
                                        struct http_range *out) {
    const char *p = text ? skip_unit(text) : NULL;
    *out = (struct http_range){0, 0};
    enum http_range_answer answer = !p          ? RANGE_WHOLE
                                    : *p == '-' ? suffix(p + 1, size, out)
                                                : prefix(p, size, out);
    if (answer == RANGE_WHOLE)
        out->length = size;
    return answer;
}

/* ---- conditions ---------------------------------------------------------------------- */

/* A tag, quotes included, at p: what follows it; NULL when there is none. */
static const char *skip_tag(const char *p) {
    if (*p != '"')
        return NULL;
    const char *end = strchr(p + 1, '"');
    return end ? end + 1 : NULL;
}

bool http_tag_matches(const char *list, const char *tag) {
    const char *p = skip_space(list);
    if (*p == '*')
        return !*skip_space(p + 1);
    for (size_t len = strlen(tag); *p;) {
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        const char *end = skip_tag(p);
        if (!end)
            return false;
        if ((size_t)(end - p) == len && memcmp(p, tag, len) == 0)
            return true;
        p = skip_space(end);
        while (*p == ',' || *p == ' ' || *p == '\t')
            p++;
    }
    return false;
}

bool http_if_range(const char *text, const char *tag, const char *date) {
    return !text || strcmp(text, tag) == 0 || strcmp(text, date) == 0;
}

/* ---- dates --------------------------------------------------------------------------- */

/* From days since 1970 to a date of the Gregorian calendar: years begin in March, so that the leap
 * day is the last of its year, and 146097 days are 400 of them. */
static void split_days(int64_t days, int *year, int *month, int *day) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

#define LATEST 253402300799 /* the end of the year 9999 */

char *http_date(char out[HTTP_DATE], int64_t unix_seconds) {
    static const char names[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t at = MIN(MAX(unix_seconds, 0), LATEST), days = at / 86400;
    int rest = (int)(at % 86400), year, month, day;
    split_days(days, &year, &month, &day);
    snprintf(out, HTTP_DATE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             names + days % 7 * 3, day, months + (month - 1) * 3, year, rest / 3600,
             rest / 60 % 60, rest % 60);
    return out;
}
