/* chunked_buffer: bytes as they arrived, without ever being joined.
 *
 *      push            push (by reference, O(1))
 *        v               v
 *     [ chunk ] -> [ chunk ] -> [ chunk ]
 *        ^ front: peek, peek_u32, copy_to, discard, consume
 *
 * A receive buffer that concatenates copies every byte that waits each time a packet comes.
 * This one keeps references: parsing reads across the borders, and payload is copied once,
 * to its final place. It is the receive path wherever bytes come as packets (uTP, scripts) and
 * the reference that the scatter path is measured against. */
#ifndef MARE_CHUNKED_BUFFER_H
#define MARE_CHUNKED_BUFFER_H

#include "base/base.h"

struct chunk;

struct chunked_buffer {
    struct chunk *first, *last;
    size_t skip; /* bytes of the first chunk that are already consumed */
    size_t length;
};

typedef void chunk_release(void *owner, const uint8_t *data, size_t len);

void chunked_buffer_init(struct chunked_buffer *b);
void chunked_buffer_fini(struct chunked_buffer *b); /* releases what is left */

/* Appends a reference to data[0..len). The bytes stay where they are and must not change until
 * `release` is called with them (whole, as pushed) once the last of them was consumed. Without
 * `release` the bytes are borrowed: see chunked_buffer_keep. Empty chunks are released at
 * once. 0, or ERR_NOMEM (then nothing was taken: the caller still owns the bytes). */
int chunked_buffer_push(struct chunked_buffer *b, const uint8_t *data, size_t len,
                        chunk_release *release, void *owner) MUST_USE;
/* Appends a copy that the buffer owns. */
int chunked_buffer_push_copy(struct chunked_buffer *b, const uint8_t *data, size_t len)
    MUST_USE;
/* Before a borrowed chunk's memory is used again: copies the rest of borrowed bytes to memory
 * of the buffer's own. Costs nothing when all was consumed. */
int chunked_buffer_keep(struct chunked_buffer *b) MUST_USE;

static inline size_t chunked_buffer_length(const struct chunked_buffer *b) {
    return b->length;
}
/* The byte at `offset` from the front, or -1 when the buffer is that short. */
int chunked_buffer_peek(const struct chunked_buffer *b, size_t offset);
/* Reads a big-endian number at `offset`; false (and *out untouched) when too short. */
bool chunked_buffer_peek_u32(const struct chunked_buffer *b, size_t offset,
                             uint32_t *out);
/* Copies len bytes from `offset` to `to` without consuming; false (nothing copied) if short. */
bool chunked_buffer_copy_to(const struct chunked_buffer *b, size_t offset, void *to,
                            size_t len);
/* The longest contiguous run at the front (may be shorter than the buffer). */
struct span chunked_buffer_front(const struct chunked_buffer *b);
/* Drops len bytes from the front, releasing chunks that are used up; false if short. */
bool chunked_buffer_discard(struct chunked_buffer *b, size_t len);
/* copy_to from the front and discard in one. */
bool chunked_buffer_consume(struct chunked_buffer *b, void *to, size_t len);
void chunked_buffer_clear(struct chunked_buffer *b);

#endif
