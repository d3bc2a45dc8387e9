/* bitset: a set of small numbers, laid out as BitTorrent's bitfield (BEP 3): number 0 is the
 * high bit of byte 0, spare bits at the end are zero. It counts its members as they change. */
#ifndef MARE_BITSET_H
#define MARE_BITSET_H

#include "base/base.h"

struct bitset {
    uint8_t *bytes;
    uint32_t size;  /* how many numbers it can hold: 0 .. size-1 */
    uint32_t count; /* how many it holds */
};

int bitset_init(struct bitset *b, uint32_t size) MUST_USE; /* empty; 0 or ERR_NOMEM */
void bitset_fini(struct bitset *b);                        /* safe on a zeroed struct */
size_t bitset_bytes(uint32_t size);                        /* (size + 7) / 8 */
static inline bool bitset_has(const struct bitset *b, uint32_t i) {
    return i < b->size && (b->bytes[i >> 3] & (0x80u >> (i & 7)));
}
/* True if i was not there; false if it was, or if i >= size. */
bool bitset_add(struct bitset *b, uint32_t i);
bool bitset_remove(struct bitset *b, uint32_t i); /* true if it was there */
void bitset_fill(struct bitset *b);
void bitset_clear(struct bitset *b);
static inline bool bitset_full(const struct bitset *b) {
    return b->count == b->size;
}
/* Takes the members from a wire bitfield: exact length, spare bits zero; 0 or ERR_FORMAT (then
 * the set is unchanged). */
int bitset_load(struct bitset *b, const uint8_t *bytes, size_t len) MUST_USE;
/* `to` is zeroed or initialised; unchanged on ERR_NOMEM. */
int bitset_copy(struct bitset *to, const struct bitset *from) MUST_USE;
/* Is there a member of a that is not in b? (sizes equal) */
bool bitset_any_missing(const struct bitset *a, const struct bitset *b);

#endif
