/* bencode: the one data format of BitTorrent (BEP 3), read without copying and written
 * canonically.
 *
 * Parsing makes an array of tokens over the caller's bytes. It is iterative, a claimed length
 * allocates nothing, and strings are views, so hostile input costs at most its own size times a
 * small factor. Bounds (hazards.md): depth 100, 3 million tokens (at most 64 MiB for a while),
 * 32 MiB. Refused: leading zeros, -0, numbers beyond 64 bits, keys that are not strings, anything
 * after the value. Dictionary keys out of order or repeated are accepted, as the field does (the
 * first one counts), because torrents with them exist and their info hash is taken over the raw
 * bytes anyway. */
#ifndef MARE_BENCODE_H
#define MARE_BENCODE_H

#include "base/bytes.h"
#include "base/err.h"

#define BENCODE_MAX_DEPTH 100
#define BENCODE_MAX_TOKENS 3000000
#define BENCODE_MAX_BYTES 33554432 /* 32 MiB: metadata may have 30 (metainfo) */

enum bencode_type {
    BENCODE_NONE,
    BENCODE_INT,
    BENCODE_STRING,
    BENCODE_LIST,
    BENCODE_DICT
};

struct bencode_token;

/* A parsed text. `data` must outlive it. */
struct bencode {
    const uint8_t *data;
    size_t len;
    struct bencode_token *tokens;
    uint32_t count;
};

/* One value in it; a plain value that needs no release. A node of no value (`BENCODE_NONE`) is
 * what every failed look-up gives, and look-ups in it give it again: chains need no checks. */
struct bnode {
    const struct bencode *doc;
    uint32_t token;
};

/* The whole input is one value: 0, ERR_FORMAT, ERR_LIMIT or ERR_NOMEM; the sentence names the
 * byte offset. On failure nothing needs freeing (and freeing is harmless). */
int bencode_parse(struct bencode *doc, const uint8_t *data, size_t len, struct err *e)
    MUST_USE;
/* The same for a value that other bytes follow (ut_metadata): *used is its length. */
int bencode_parse_prefix(struct bencode *doc, const uint8_t *data, size_t len,
                         size_t *used, struct err *e) MUST_USE;
void bencode_free(struct bencode *doc);

struct bnode bencode_root(const struct bencode *doc);
enum bencode_type bencode_type(struct bnode n);
struct bnode bencode_get(struct bnode dict, const char *key);
/* Members of a list, or the values of a dictionary (its key: bencode_key). */
struct bnode bencode_first(struct bnode n);
struct bnode bencode_next(struct bnode n);
struct span bencode_key(struct bnode member);
uint32_t bencode_size(struct bnode n);          /* number of members */
bool bencode_int(struct bnode n, int64_t *out); /* false if it is not an integer */
/* The member `key`, if that is an integer from 0 to `max`; else false, and *out stays. */
bool bencode_get_number(struct bnode dict, const char *key, int64_t max, int64_t *out);
bool bencode_string(struct bnode n, struct span *out); /* false if it is not a string */
/* The value's own bytes, as they stand in the input (the info dictionary's hash is of these). */
struct span bencode_raw(struct bnode n);

/* Writing. Containers are opened with text_addc(t, 'd' or 'l') and closed with 'e'; keys must
 * come in sorted order, which is the caller's duty. */
void bencode_add_int(struct text *t, int64_t v);
void bencode_add_string(struct text *t, const void *data, size_t len);
void bencode_adds(struct text *t, const char *string);

#endif
