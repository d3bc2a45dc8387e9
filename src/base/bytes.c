/* bytes: growable text, hexadecimal, UTF-8. Text grows by doubling; the first failed allocation
 * sets `failed` and from then on everything is ignored, so builders stay free of checks. */
#include "base/bytes.h"

#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool span_starts(struct span s, const char *prefix) {
    size_t len = strlen(prefix);
    return s.len >= len && strncasecmp((const char *)s.data, prefix, len) == 0;
}

void text_init(struct text *t) {
    *t = (struct text){0};
}

void text_free(struct text *t) {
    free(t->data);
    text_init(t);
}

void text_clear(struct text *t) {
    t->len = 0;
    t->failed = false;
    if (t->data)
        t->data[0] = '\0';
}

/* Makes room for `more` chars and the NUL behind them. */
static bool text_reserve(struct text *t, size_t more) {
    if (t->failed)
        return false;
    if (more < t->cap - t->len) /* never cap == len, but for both 0 */
        return true;
    t->failed = true;
    if (more >= SIZE_MAX / 2 - t->len)
        return false;
    size_t cap = MAX(MAX(2 * t->cap, t->len + more + 1), 64);
    char *data = realloc(t->data, cap);
    if (!data)
        return false;
    t->data = data;
    t->cap = cap;
    t->failed = false;
    return true;
}

void text_add(struct text *t, const void *data, size_t len) {
    if (!len || !text_reserve(t, len))
        return;
    memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = '\0';
}

void text_adds(struct text *t, const char *string) {
    text_add(t, string, strlen(string));
}

void text_addc(struct text *t, char c) {
    text_add(t, &c, 1);
}

/* Measures first: nearly everything fits, but nothing may be cut. */
void text_addf(struct text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    if (len <= 0 || !text_reserve(t, (size_t)len))
        return;
    va_start(args, format);
    vsnprintf(t->data + t->len, (size_t)len + 1, format, args);
    va_end(args);
    t->len += (size_t)len;
}

static bool is_unreserved(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

void text_add_urlencoded(struct text *t, const void *data, size_t len) {
    static const char digits[] = "0123456789ABCDEF"; /* RFC 3986, 2.1: upper case */
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        char escaped[3] = {'%', digits[p[i] >> 4], digits[p[i] & 15]};
        if (is_unreserved(p[i]))
            text_addc(t, (char)p[i]);
        else
            text_add(t, escaped, sizeof escaped);
    }
}

/* One char of a JSON string that may not stand for itself. */
static void add_json_escape(struct text *t, uint8_t c) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = c ? strchr(from, c) : NULL;
    if (at)
        text_addf(t, "\\%c", to[at - from]);
    else
        text_addf(t, "\\u%04x", c);
}

void text_add_json(struct text *t, const void *data, size_t len) {
    const uint8_t *p = data, *end = p + len;
    text_addc(t, '"');
    while (p < end) {
        size_t n = utf8_len(p, (size_t)(end - p));
        if (n == 0)
            text_adds(t, "\xEF\xBF\xBD"); /* U+FFFD */
        else if (*p < 0x20 || *p == '"' || *p == '\\')
            add_json_escape(t, *p);
        else
            text_add(t, p, n);
        p += MAX(n, 1);
    }
    text_addc(t, '"');
}

char *text_take(struct text *t, size_t *len) {
    char *data = NULL;
    if (text_reserve(t, 0)) { /* nothing added is "", not NULL */
        data = t->data;
        data[t->len] = '\0';
        if (len)
            *len = t->len;
        t->data = NULL;
    }
    text_free(t);
    return data;
}

void hex_encode(char *out, const uint8_t *data, size_t len) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(uint8_t *out, const char *hex, size_t len) {
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]); /* stops at a NUL */
        if (low < 0)
            return ERR_FORMAT;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* RFC 3629, table 3-7 of Unicode: the first byte gives the length, and for four of them a
 * tighter range of the second byte keeps out overlong forms, surrogates and what is too big. */
size_t utf8_len(const uint8_t *p, size_t len) {
    uint8_t low = 0x80, high = 0xBF;
    size_t n;
    if (!len)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : low;
    high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : high;
    if (len < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return n;
}
