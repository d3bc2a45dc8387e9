/* Any bytes as the stream of a peer, read as the engine does: header, check, fixed part. What
 * decodes must encode to the bytes it came from. The first byte is the number of pieces. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

/* The fixed part alone, in memory of its own: one byte too far is seen. */
static void decode(const uint8_t *header, int id, const uint8_t *body,
                   uint32_t body_len) {
    uint8_t out[WIRE_REQUEST_LEN], *copy;
    struct wire_message m;
    uint32_t fixed = wire_fixed_len(id);
    require(fixed <= body_len);
    require((copy = malloc(fixed ? fixed : 1)));
    memcpy(copy, body, fixed);
    wire_decode(&m, id, copy, body_len);
    free(copy);
    if (id == WIRE_BITFIELD || id == WIRE_EXTENDED || strcmp(wire_name(id), "?") == 0)
        return;
    require(wire_put(out, &m) == 5 + fixed);
    require(memcmp(out, header, 5 + fixed) == 0);
}

/* Bytes used, or 0 when the rest makes no whole message. */
static size_t read_message(const uint8_t *p, size_t left, uint32_t pieces) {
    if (left < 4)
        return 0;
    uint32_t length = get_u32(p);
    if (length == 0)
        return wire_check(WIRE_KEEPALIVE, 0, pieces) == 0 ? 4 : 0;
    if (left < 5 || wire_check(p[4], length - 1, pieces) < 0)
        return 0;
    require(length <= WIRE_MAX_MESSAGE);
    if (left - 4 < length)
        return 0;
    decode(p, p[4], p + 5, length - 1);
    return 4 + (size_t)length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint32_t pieces = size ? data[0] : 0;
    size_t used = 1;
    for (size_t at = 1; at < size && used; at += used)
        used = read_message(data + at, size - at, pieces);
    return 0;
}
