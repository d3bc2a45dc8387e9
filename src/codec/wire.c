/* wire: one table knows every message (BEP 3, 5, 6, 10): its name, how long its body may be,
 * and which fields the body holds. Checking, decoding and encoding are walks along a row, so
 * a new message is a new row.
 *
 *     <length: u32> <id: u8> [index: u32] [begin: u32] [length: u32 | payload ...]
 *
 * A reader asks wire_check with nothing but the id and the length: a hostile length is
 * refused before a byte of the body is waited for. */
#include "codec/wire.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"

enum {
    INDEX = 1,
    BEGIN = 2,
    LENGTH = 4,
    PORT = 8
}; /* fields, in this order on the wire */

struct row {
    const char *name;  /* NULL: no such message */
    uint32_t min, max; /* bytes of body */
    uint8_t fixed;     /* of these, what wire_decode needs */
    uint8_t fields;
};

#define ANY (WIRE_MAX_MESSAGE - 1)

static const struct row rows[] = {
    [WIRE_CHOKE] = {"CHOKE", 0, 0, 0, 0},
    [WIRE_UNCHOKE] = {"UNCHOKE", 0, 0, 0, 0},
    [WIRE_INTERESTED] = {"INTERESTED", 0, 0, 0, 0},
    [WIRE_NOT_INTERESTED] = {"NOT_INTERESTED", 0, 0, 0, 0},
    [WIRE_HAVE] = {"HAVE", 4, 4, 4, INDEX},
    [WIRE_BITFIELD] = {"BITFIELD", 1, ANY, 0, 0},
    [WIRE_REQUEST] = {"REQUEST", 12, 12, 12, INDEX | BEGIN | LENGTH},
    [WIRE_PIECE] = {"PIECE", 8, 8 + WIRE_MAX_REQUEST, 8, INDEX | BEGIN},
    [WIRE_CANCEL] = {"CANCEL", 12, 12, 12, INDEX | BEGIN | LENGTH},
    [WIRE_PORT] = {"PORT", 2, 2, 2, PORT},
    [WIRE_SUGGEST] = {"SUGGEST", 4, 4, 4, INDEX},
    [WIRE_HAVE_ALL] = {"HAVE_ALL", 0, 0, 0, 0},
    [WIRE_HAVE_NONE] = {"HAVE_NONE", 0, 0, 0, 0},
    [WIRE_REJECT] = {"REJECT", 12, 12, 12, INDEX | BEGIN | LENGTH},
    [WIRE_ALLOWED_FAST] = {"ALLOWED_FAST", 4, 4, 4, INDEX},
    [WIRE_EXTENDED] = {"EXTENDED", 1, ANY, 1, 0},
};

static const struct row keepalive = {"KEEPALIVE", 0, 0, 0, 0};
static const struct row unknown = {NULL, 0, ANY, 0, 0};

static const struct row *row_of(int id) {
    if (id == WIRE_KEEPALIVE)
        return &keepalive;
    bool known = id >= 0 && (size_t)id < COUNT_OF(rows) && rows[id].name;
    return known ? &rows[id] : &unknown;
}

int wire_check(int id, uint32_t body_len, uint32_t pieces) {
    const struct row *r = row_of(id);
    if (body_len > ANY)
        return ERR_LIMIT;
    if (body_len < r->min || body_len > r->max)
        return ERR_PROTOCOL;
    if (id == WIRE_BITFIELD && pieces && body_len != (pieces - 1) / 8 + 1)
        return ERR_PROTOCOL;
    return 0;
}

uint32_t wire_fixed_len(int id) {
    return row_of(id)->fixed;
}

const char *wire_name(int id) {
    const char *name = row_of(id)->name;
    return name ? name : "?";
}

static uint32_t take_u32(const uint8_t **p) {
    *p += 4;
    return get_u32(*p - 4);
}

void wire_decode(struct wire_message *m, int id, const uint8_t *body, uint32_t body_len) {
    const struct row *r = row_of(id);
    *m = (struct wire_message){.id = id};
    if (r->fields & INDEX)
        m->index = take_u32(&body);
    if (r->fields & BEGIN)
        m->begin = take_u32(&body);
    if (r->fields & LENGTH)
        m->length = take_u32(&body);
    if (r->fields & PORT)
        m->port = get_u16(body);
    if (id == WIRE_PIECE)
        m->length = body_len - r->fixed;
}

static void give_u32(uint8_t **p, uint32_t v) {
    put_u32(*p, v);
    *p += 4;
}

size_t wire_put(uint8_t *out, const struct wire_message *m) {
    const struct row *r = row_of(m->id);
    if (m->id == WIRE_KEEPALIVE) {
        put_u32(out, 0);
        return 4;
    }
    assert(r->name && m->id != WIRE_BITFIELD && m->id != WIRE_EXTENDED);
    uint8_t *p = out + 5;
    if (r->fields & INDEX)
        give_u32(&p, m->index);
    if (r->fields & BEGIN)
        give_u32(&p, m->begin);
    if (r->fields & LENGTH)
        give_u32(&p, m->length);
    if (r->fields & PORT)
        put_u16(p, m->port), p += 2;
    uint32_t payload = m->id == WIRE_PIECE ? m->length : 0;
    wire_put_header(out, (enum wire_id)m->id, r->fixed + payload);
    return (size_t)(p - out);
}

size_t wire_put_simple(uint8_t out[5], enum wire_id id) {
    return wire_put_header(out, id, 0);
}

size_t wire_put_header(uint8_t out[5], enum wire_id id, uint32_t body_len) {
    put_u32(out, 1 + body_len);
    out[4] = (uint8_t)id;
    return 5;
}

static bool contains(const uint32_t *set, uint32_t count, uint32_t v) {
    for (uint32_t i = 0; i < count; i++)
        if (set[i] == v)
            return true;
    return false;
}

/* BEP 6: digests of digests of (address with its last byte masked, info hash) give the
 * pieces, five numbers a digest, so that a peer that reconnects gets no new ones. */
uint32_t wire_allowed_fast(uint32_t *out, uint32_t k, const uint8_t ip4[4],
                           const uint8_t info_hash[20], uint32_t pieces) {
    uint32_t count = 0;
    if (!ip4)
        return 0;
    if (pieces <= k) {
        for (; count < pieces; count++)
            out[count] = count;
        return count;
    }
    uint8_t seed[24] = {ip4[0], ip4[1], ip4[2], 0}, x[SHA1_LEN];
    memcpy(seed + 4, info_hash, 20);
    int rc = sha1(x, seed, sizeof seed);
    while (rc == 0 && count < k) {
        for (size_t i = 0; i < SHA1_LEN && count < k; i += 4) {
            uint32_t index = get_u32(x + i) % pieces;
            if (!contains(out, count, index))
                out[count++] = index;
        }
        memcpy(seed, x, SHA1_LEN);
        rc = sha1(x, seed, SHA1_LEN);
    }
    return count;
}
