/* Any bytes as an extension handshake, twice over the same state; what was understood must
 * survive being written and read again. */
#include <stdlib.h>
#include <string.h>

#include "codec/extension.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct extension_handshake h = {.upload_only = -1}, again = h;
    struct text t;
    if (extension_handshake_decode(&h, data, size) < 0)
        return 0;
    require(extension_handshake_decode(&h, data, size) == 0);
    text_init(&t);
    extension_handshake_encode(&t, &h);
    require(extension_handshake_decode(&again, (const uint8_t *)t.data, t.len) == 0);
    require(strcmp(again.version, h.version) == 0);
    memcpy(again.version, h.version, sizeof h.version);
    require(memcmp(&again, &h, sizeof h) == 0);
    text_free(&t);
    return 0;
}
