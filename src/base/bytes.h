/* bytes: big-endian numbers in and out of memory, views of text, hexadecimal, and growable text.
 *
 * `struct text` is the one growable buffer of the code that builds messages. It remembers a
 * failed allocation (`failed`) and ignores what comes after, so that a builder checks once at
 * the end instead of at every step. */
#ifndef MARE_BYTES_H
#define MARE_BYTES_H

#include "base/base.h"

static inline uint16_t get_u16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t get_u64(const uint8_t *p) {
    return (uint64_t)get_u32(p) << 32 | get_u32(p + 4);
}
static inline void put_u16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v;
}
static inline void put_u32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8),
    p[3] = (uint8_t)v;
}
static inline void put_u64(uint8_t *p, uint64_t v) {
    put_u32(p, (uint32_t)(v >> 32)), put_u32(p + 4, (uint32_t)v);
}

/* Without blanks and control characters at both ends. */
static inline struct span span_trim(struct span s) {
    while (s.len && s.data[0] <= ' ')
        s.data++, s.len--;
    while (s.len && s.data[s.len - 1] <= ' ')
        s.len--;
    return s;
}

static inline struct span span_skip(struct span s, size_t n) {
    return (struct span){s.data + n, s.len - n};
}
bool span_starts(struct span s, const char *prefix); /* in letters of either case */

struct text {
    char *data; /* always NUL-terminated once something was added; NULL when empty */
    size_t len, cap;
    bool failed; /* an allocation failed: the contents are incomplete */
};

static inline struct span text_span(const struct text *t) {
    return (struct span){(const uint8_t *)t->data, t->len};
}

void text_init(struct text *t);
void text_free(struct text *t); /* and leaves it as after text_init */
void text_clear(struct text *t);
void text_add(struct text *t, const void *data, size_t len);
void text_adds(struct text *t, const char *string);
void text_addc(struct text *t, char c);
void text_addf(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);
/* Percent-encodes everything but RFC 3986's unreserved characters. */
void text_add_urlencoded(struct text *t, const void *data, size_t len);
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_add_json(struct text *t, const void *data, size_t len);
/* Gives the bytes away: the caller frees them with free(). NULL if anything failed. */
char *text_take(struct text *t, size_t *len);

/* out holds 2 * len + 1 chars; lower case. */
void hex_encode(char *out, const uint8_t *data, size_t len);
/* Exactly 2 * len digits of either case at `hex`; 0 or ERR_FORMAT. */
int hex_decode(uint8_t *out, const char *hex, size_t len) MUST_USE;

/* Length of the valid UTF-8 sequence at p (1..4), or 0 if there is none (overlong forms,
 * surrogates and values over U+10FFFF are not valid). */
size_t utf8_len(const uint8_t *p, size_t len);

#endif
