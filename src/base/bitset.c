/* bitset: see the header for the layout. Memory is rounded up to whole 64-bit words whose spare
 * bytes stay zero, so that counting and comparing go word by word without a tail. */
#include "base/bitset.h"

#include "base/err.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

size_t bitset_bytes(uint32_t size) {
    return ((size_t)size + 7) / 8;
}

static size_t word_count(uint32_t size) {
    return ((size_t)size + 63) / 64;
}

static uint64_t word(const struct bitset *b, size_t i) {
    uint64_t w;
    memcpy(&w, b->bytes + 8 * i, 8);
    return w;
}

static uint32_t count_members(const struct bitset *b) {
    uint32_t n = 0;
    for (size_t i = 0; i < word_count(b->size); i++)
        n += (uint32_t)__builtin_popcountll(word(b, i));
    return n;
}

/* The bits of the last byte that stand for no number. */
static uint8_t spare_bits(uint32_t size) {
    return (uint8_t)(size & 7 ? 0xFF >> (size & 7) : 0);
}

int bitset_init(struct bitset *b, uint32_t size) {
    *b = (struct bitset){0};
    b->bytes = calloc(MAX(word_count(size), 1), 8);
    if (!b->bytes)
        return ERR_NOMEM;
    b->size = size;
    return 0;
}

void bitset_fini(struct bitset *b) {
    free(b->bytes);
    *b = (struct bitset){0};
}

bool bitset_add(struct bitset *b, uint32_t i) {
    if (i >= b->size || bitset_has(b, i))
        return false;
    b->bytes[i >> 3] |= (uint8_t)(0x80u >> (i & 7));
    b->count++;
    return true;
}

bool bitset_remove(struct bitset *b, uint32_t i) {
    if (!bitset_has(b, i))
        return false;
    b->bytes[i >> 3] &= (uint8_t) ~(0x80u >> (i & 7));
    b->count--;
    return true;
}

void bitset_fill(struct bitset *b) {
    size_t n = bitset_bytes(b->size);
    if (!n)
        return;
    memset(b->bytes, 0xFF, n);
    b->bytes[n - 1] &= (uint8_t)~spare_bits(b->size);
    b->count = b->size;
}

void bitset_clear(struct bitset *b) {
    size_t n = bitset_bytes(b->size);
    if (n)
        memset(b->bytes, 0, n);
    b->count = 0;
}

int bitset_load(struct bitset *b, const uint8_t *bytes, size_t len) {
    if (len != bitset_bytes(b->size))
        return ERR_FORMAT;
    if (!len)
        return 0;
    if (bytes[len - 1] & spare_bits(b->size))
        return ERR_FORMAT;
    memcpy(b->bytes, bytes, len);
    b->count = count_members(b);
    return 0;
}

int bitset_copy(struct bitset *to, const struct bitset *from) {
    struct bitset fresh = *to;
    if (to == from)
        return 0;
    if (!to->bytes || to->size != from->size) {
        if (bitset_init(&fresh, from->size))
            return ERR_NOMEM;
        bitset_fini(to);
    }
    if (from->size)
        memcpy(fresh.bytes, from->bytes, bitset_bytes(from->size));
    fresh.count = from->count;
    *to = fresh;
    return 0;
}

bool bitset_any_missing(const struct bitset *a, const struct bitset *b) {
    assert(a->size == b->size);
    for (size_t i = 0; i < word_count(a->size); i++)
        if (word(a, i) & ~word(b, i))
            return true;
    return false;
}
