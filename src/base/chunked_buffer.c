/* chunked_buffer: a list of chunks, each a view of somebody's bytes with the way to give them
 * back, or bytes of our own behind the chunk's header in the same allocation:
 *
 *     by reference   [ chunk | data ]--> bytes of the pusher     release(owner, ...) at the end
 *     borrowed       [ chunk | data ]--> bytes of the pusher     no release: keep() copies them
 *     copied         [ chunk | data | own bytes ]
 *                               +-----^
 *
 * A chunk is never empty, and is dropped with its last byte: so the first chunk always has
 * something to read, and `skip` < its length. */
#include "base/chunked_buffer.h"

#include "base/bytes.h"
#include "base/err.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
    struct chunk *next;
    const uint8_t *data;
    size_t len;
    chunk_release *release;
    void *owner;
    uint8_t own[];
};

void chunked_buffer_init(struct chunked_buffer *b) {
    *b = (struct chunked_buffer){0};
}

void chunked_buffer_fini(struct chunked_buffer *b) {
    chunked_buffer_clear(b);
}

static void append(struct chunked_buffer *b, struct chunk *c) {
    if (b->last)
        b->last->next = c;
    else
        b->first = c;
    b->last = c;
    b->length += c->len;
}

int chunked_buffer_push(struct chunked_buffer *b, const uint8_t *data, size_t len,
                        chunk_release *release, void *owner) {
    if (!len) {
        if (release)
            release(owner, data, len);
        return 0;
    }
    struct chunk *c = malloc(sizeof *c);
    if (!c)
        return ERR_NOMEM;
    *c = (struct chunk){.data = data, .len = len, .release = release, .owner = owner};
    append(b, c);
    return 0;
}

static struct chunk *new_copy(const uint8_t *data, size_t len) {
    struct chunk *c = len < SIZE_MAX - sizeof *c ? malloc(sizeof *c + len) : NULL;
    if (!c)
        return NULL;
    *c = (struct chunk){.data = c->own, .len = len};
    memcpy(c->own, data, len);
    return c;
}

int chunked_buffer_push_copy(struct chunked_buffer *b, const uint8_t *data, size_t len) {
    if (!len)
        return 0;
    struct chunk *c = new_copy(data, len);
    if (!c)
        return ERR_NOMEM;
    append(b, c);
    return 0;
}

static bool is_borrowed(const struct chunk *c) {
    return !c->release && c->data != c->own;
}

/* Puts a copy of what is left of a borrowed chunk in its place. When memory runs out half way,
 * the bytes are the same as before, only some of them have moved: keeping again goes on. */
int chunked_buffer_keep(struct chunked_buffer *b) {
    struct chunk *before = NULL;
    for (struct chunk *c = b->first; c; before = c, c = c->next) {
        size_t skip = before ? 0 : b->skip;
        if (!is_borrowed(c))
            continue;
        struct chunk *copy = new_copy(c->data + skip, c->len - skip);
        if (!copy)
            return ERR_NOMEM;
        copy->next = c->next;
        if (before)
            before->next = copy;
        else
            b->first = copy, b->skip = 0;
        if (b->last == c)
            b->last = copy;
        free(c);
        c = copy;
    }
    return 0;
}

/* The chunk that holds the byte at *offset from the front (there must be one); *offset is then
 * counted from that chunk's start. */
static const struct chunk *seek(const struct chunked_buffer *b, size_t *offset) {
    const struct chunk *c = b->first;
    assert(*offset < b->length);
    *offset += b->skip;
    for (; *offset >= c->len; c = c->next)
        *offset -= c->len;
    return c;
}

int chunked_buffer_peek(const struct chunked_buffer *b, size_t offset) {
    if (offset >= b->length)
        return -1;
    const struct chunk *c = seek(b, &offset);
    return c->data[offset];
}

bool chunked_buffer_peek_u32(const struct chunked_buffer *b, size_t offset,
                             uint32_t *out) {
    uint8_t raw[4];
    if (!chunked_buffer_copy_to(b, offset, raw, sizeof raw))
        return false;
    *out = get_u32(raw);
    return true;
}

bool chunked_buffer_copy_to(const struct chunked_buffer *b, size_t offset, void *to,
                            size_t len) {
    uint8_t *out = to;
    if (offset > b->length || len > b->length - offset)
        return false;
    if (!len)
        return true;
    for (const struct chunk *c = seek(b, &offset); len; c = c->next, offset = 0) {
        size_t n = MIN(len, c->len - offset);
        memcpy(out, c->data + offset, n);
        out += n;
        len -= n;
    }
    return true;
}

struct span chunked_buffer_front(const struct chunked_buffer *b) {
    if (!b->first)
        return (struct span){NULL, 0};
    return (struct span){b->first->data + b->skip, b->first->len - b->skip};
}

/* Unlinks before it releases: the pusher may push the same memory again from there. */
static void drop_first(struct chunked_buffer *b) {
    struct chunk *c = b->first;
    b->first = c->next;
    if (!b->first)
        b->last = NULL;
    b->skip = 0;
    if (c->release)
        c->release(c->owner, c->data, c->len);
    free(c);
}

bool chunked_buffer_discard(struct chunked_buffer *b, size_t len) {
    if (len > b->length)
        return false;
    while (len) {
        size_t n = MIN(len, b->first->len - b->skip);
        b->skip += n;
        b->length -= n;
        len -= n;
        if (b->skip == b->first->len)
            drop_first(b);
    }
    return true;
}

bool chunked_buffer_consume(struct chunked_buffer *b, void *to, size_t len) {
    return chunked_buffer_copy_to(b, 0, to, len) && chunked_buffer_discard(b, len);
}

void chunked_buffer_clear(struct chunked_buffer *b) {
    chunked_buffer_discard(b, b->length);
}
