/* Any bytes as the start of a connection: whole, and split where the first byte says. Both ways
 * must give one answer. The peer id's name must be fit to be shown. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static int decode_split(struct handshake *h, const uint8_t *data, size_t size,
                        size_t at) {
    struct chunked_buffer in;
    chunked_buffer_init(&in);
    require(chunked_buffer_push_copy(&in, data, at) == 0);
    int rc = handshake_decode(h, &in);
    if (rc == 0) {
        require(chunked_buffer_push_copy(&in, data + at, size - at) == 0);
        rc = handshake_decode(h, &in);
    }
    chunked_buffer_fini(&in);
    return rc;
}

static void check_name(const uint8_t *id) {
    char name[64];
    client_name(name, id);
    require(memchr(name, '\0', sizeof name));
    for (const char *p = name; *p; p++)
        require(*p >= ' ' && *p <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct handshake whole, split;
    if (size < 1)
        return 0;
    size_t at = data[0] % size;
    data++, size--;
    int rc = decode_split(&whole, data, size, size);
    require(rc == 0 || rc == 1 || rc == ERR_PROTOCOL);
    require(decode_split(&split, data, size, at) == rc);
    require(rc != 1 || memcmp(whole.peer_id, split.peer_id, 20) == 0);
    if (size >= 20)
        check_name(data + size - 20);
    return 0;
}
