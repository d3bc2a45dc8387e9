/* bencode (BEP 3): one pass over the bytes makes an array of tokens; everything else is a
 * walk in that array.
 *
 *     d 4:spam l i7e 1:x e e          start .. end   the value's own bytes
 *     ^        ^ ^   ^               next           first token behind all it contains
 *     0        1 2   3               key            where its key's text begins (0 = none)
 *
 * A dictionary's keys have no tokens: a key's text ends where its value starts, so the value
 * remembers only its beginning. A member is the last one when the byte behind it is the `e`
 * of its container, so members need no link to their container either. The parser keeps the
 * open containers on a stack of its own instead of calling itself: the depth of the input
 * never becomes depth of the C stack. */
#include "codec/bencode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct bencode_token {
    uint32_t start, end, next, key;
};

struct parser {
    struct bencode *doc;
    uint32_t pos, cap;
    uint32_t key; /* of the value that comes next */
    uint32_t depth;
    uint32_t open[BENCODE_MAX_DEPTH]; /* tokens of the open containers */
    struct err *e;
};

static int malformed(const struct parser *p, uint32_t at, const char *what) {
    return err_set(p->e, ERR_FORMAT, "byte %u: %s", at, what);
}

static int too_much(const struct parser *p, const char *what) {
    return err_set(p->e, ERR_LIMIT, "byte %u: %s", p->pos, what);
}

/* -1 at the end of the input. */
static int peek(const struct parser *p) {
    return p->pos < p->doc->len ? p->doc->data[p->pos] : -1;
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static int token_grow(struct parser *p) {
    if (p->doc->count == BENCODE_MAX_TOKENS)
        return too_much(p, "more than 3 million values");
    if (ARRAY_ROOM(p->doc->tokens, p->doc->count, p->cap) < 0)
        return err_set(p->e, ERR_NOMEM, "out of memory");
    return 0;
}

/* A token of the value that starts here, under the key that was read before it. */
static int token_add(struct parser *p) {
    int rc = token_grow(p);
    if (rc < 0)
        return rc;
    struct bencode_token *t = &p->doc->tokens[p->doc->count++];
    *t = (struct bencode_token){.start = p->pos, .key = p->key};
    p->key = 0;
    return 0;
}

static void token_close(struct parser *p, uint32_t token) {
    p->doc->tokens[token].end = p->pos;
    p->doc->tokens[token].next = p->doc->count;
}

/* Digits without leading zeros, at most `max`. */
static int read_digits(struct parser *p, uint64_t max, uint64_t *out) {
    uint32_t at = p->pos;
    uint64_t v = 0;
    if (!is_digit(peek(p)))
        return malformed(p, at,
                         peek(p) < 0 ? "the data ends too early" : "expected a digit");
    for (; is_digit(peek(p)); p->pos++) {
        uint64_t digit = (uint64_t)(p->doc->data[p->pos] - '0');
        if (v > (max - digit) / 10)
            return malformed(p, at, "the number is too large");
        v = v * 10 + digit;
    }
    if (p->doc->data[at] == '0' && p->pos - at > 1)
        return malformed(p, at, "the number has a leading zero");
    *out = v;
    return 0;
}

/* The magnitude of INT64_MIN is one more than that of INT64_MAX. */
static int read_int(struct parser *p) {
    uint32_t at = p->pos++;
    bool negative = peek(p) == '-';
    p->pos += negative;
    uint64_t v = 0;
    int rc = read_digits(p, (uint64_t)INT64_MAX + negative, &v);
    if (rc < 0)
        return rc;
    if (negative && v == 0)
        return malformed(p, at, "minus zero is not a number");
    if (peek(p) != 'e')
        return malformed(p, p->pos, "the number does not end with 'e'");
    p->pos++;
    return 0;
}

/* Steps over <length>:<bytes>; *text is where the bytes begin. */
static int read_string(struct parser *p, uint32_t *text) {
    uint32_t at = p->pos;
    uint64_t n = 0;
    int rc = read_digits(p, BENCODE_MAX_BYTES, &n);
    if (rc < 0)
        return rc;
    if (peek(p) != ':')
        return malformed(p, p->pos, "expected ':' behind a string's length");
    p->pos++;
    if (n > p->doc->len - p->pos)
        return malformed(p, at, "the string is longer than the data");
    *text = p->pos;
    p->pos += (uint32_t)n;
    return 0;
}

static int read_open(struct parser *p) {
    if (p->depth == BENCODE_MAX_DEPTH)
        return too_much(p, "nested deeper than 100");
    p->open[p->depth++] = p->doc->count - 1;
    p->pos++;
    return 0;
}

static int read_value(struct parser *p) {
    uint32_t token = p->doc->count, text;
    int c = peek(p), rc = token_add(p);
    if (rc < 0)
        return rc;
    if (c == 'd' || c == 'l')
        return read_open(p);
    if (c == 'i')
        rc = read_int(p);
    else if (is_digit(c))
        rc = read_string(p, &text);
    else
        rc = malformed(p, p->pos,
                       c < 0 ? "the data ends too early" : "no value begins here");
    if (rc == 0)
        token_close(p, token);
    return rc;
}

/* One member (with its key) or the end of the innermost open container. */
static int read_member(struct parser *p) {
    uint32_t container = p->open[p->depth - 1];
    if (peek(p) == 'e') {
        p->pos++;
        p->depth--;
        token_close(p, container);
        return 0;
    }
    if (p->doc->data[p->doc->tokens[container].start] == 'd') {
        if (peek(p) >= 0 && !is_digit(peek(p)))
            return malformed(p, p->pos, "the key is not a string");
        int rc = read_string(p, &p->key);
        if (rc < 0)
            return rc;
    }
    return read_value(p);
}

int bencode_parse_prefix(struct bencode *doc, const uint8_t *data, size_t len,
                         size_t *used, struct err *e) {
    *doc = (struct bencode){.data = data, .len = len};
    struct parser p = {.doc = doc, .e = e};
    if (len > BENCODE_MAX_BYTES)
        return err_set(e, ERR_LIMIT, "%zu bytes are more than the 32 MiB that are read",
                       len);
    int rc = read_value(&p);
    while (rc == 0 && p.depth > 0)
        rc = read_member(&p);
    if (rc < 0) {
        bencode_free(doc);
        return rc;
    }
    *used = p.pos;
    return 0;
}

int bencode_parse(struct bencode *doc, const uint8_t *data, size_t len, struct err *e) {
    size_t used;
    int rc = bencode_parse_prefix(doc, data, len, &used, e);
    if (rc < 0 || used == len)
        return rc;
    bencode_free(doc);
    return err_set(e, ERR_FORMAT, "byte %zu: more data behind the value", used);
}

void bencode_free(struct bencode *doc) {
    free(doc->tokens);
    *doc = (struct bencode){0};
}

static const struct bnode nothing = {NULL, 0};

static const struct bencode_token *token_of(struct bnode n) {
    assert(n.token < n.doc->count);
    return &n.doc->tokens[n.token];
}

struct bnode bencode_root(const struct bencode *doc) {
    return doc->count ? (struct bnode){doc, 0} : nothing;
}

enum bencode_type bencode_type(struct bnode n) {
    if (!n.doc)
        return BENCODE_NONE;
    switch (n.doc->data[token_of(n)->start]) {
    case 'i': return BENCODE_INT;
    case 'l': return BENCODE_LIST;
    case 'd': return BENCODE_DICT;
    default: return BENCODE_STRING;
    }
}

struct bnode bencode_first(struct bnode n) {
    enum bencode_type type = bencode_type(n);
    if (type != BENCODE_LIST && type != BENCODE_DICT)
        return nothing;
    bool empty = token_of(n)->next == n.token + 1;
    return empty ? nothing : (struct bnode){n.doc, n.token + 1};
}

struct bnode bencode_next(struct bnode n) {
    if (!n.doc || n.token == 0)
        return nothing;
    const struct bencode_token *t = token_of(n);
    bool last = n.doc->data[t->end] == 'e';
    return last ? nothing : (struct bnode){n.doc, t->next};
}

struct span bencode_key(struct bnode member) {
    if (!member.doc || token_of(member)->key == 0)
        return (struct span){NULL, 0};
    const struct bencode_token *t = token_of(member);
    return (struct span){member.doc->data + t->key, t->start - t->key};
}

struct bnode bencode_get(struct bnode dict, const char *key) {
    if (bencode_type(dict) != BENCODE_DICT)
        return nothing;
    size_t len = strlen(key);
    struct bnode n = bencode_first(dict);
    for (; n.doc; n = bencode_next(n)) {
        struct span k = bencode_key(n);
        if (k.len == len && memcmp(k.data, key, len) == 0)
            break;
    }
    return n;
}

uint32_t bencode_size(struct bnode n) {
    uint32_t size = 0;
    for (struct bnode m = bencode_first(n); m.doc; m = bencode_next(m))
        size++;
    return size;
}

/* The parser has checked that the digits fit. */
bool bencode_int(struct bnode n, int64_t *out) {
    if (bencode_type(n) != BENCODE_INT)
        return false;
    const uint8_t *p = n.doc->data + token_of(n)->start + 1;
    bool negative = *p == '-';
    uint64_t v = 0;
    for (p += negative; *p != 'e'; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    *out = negative ? -(int64_t)(v - 1) - 1 : (int64_t)v;
    return true;
}

bool bencode_get_number(struct bnode dict, const char *key, int64_t max, int64_t *out) {
    int64_t v;
    if (!bencode_int(bencode_get(dict, key), &v) || v < 0 || v > max)
        return false;
    *out = v;
    return true;
}

bool bencode_string(struct bnode n, struct span *out) {
    if (bencode_type(n) != BENCODE_STRING)
        return false;
    const struct bencode_token *t = token_of(n);
    const uint8_t *p = n.doc->data + t->start;
    while (*p++ != ':')
        ;
    *out = (struct span){p, (size_t)(n.doc->data + t->end - p)};
    return true;
}

struct span bencode_raw(struct bnode n) {
    if (!n.doc)
        return (struct span){NULL, 0};
    const struct bencode_token *t = token_of(n);
    return (struct span){n.doc->data + t->start, t->end - t->start};
}

void bencode_add_int(struct text *t, int64_t v) {
    text_addf(t, "i%llde", (long long)v);
}

void bencode_add_string(struct text *t, const void *data, size_t len) {
    text_addf(t, "%zu:", len);
    text_add(t, data, len);
}

void bencode_adds(struct text *t, const char *string) {
    bencode_add_string(t, string, strlen(string));
}
