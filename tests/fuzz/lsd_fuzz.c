/* Any bytes as a local discovery message; what was understood is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "codec/lsd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct lsd_message m, again;
    struct text t;
    if (lsd_decode(&m, data, size) < 0)
        return 0;
    require(m.port && m.count && m.count <= LSD_MAX_HASHES);
    text_init(&t);
    lsd_encode(&t, &m, data[size - 1] & 1 ? 4 : 6);
    require(t.len <= LSD_MAX_MESSAGE);
    require(lsd_decode(&again, (const uint8_t *)t.data, t.len) == 0);
    require(again.port == m.port && again.count == m.count);
    require(memcmp(again.hashes, m.hashes, sizeof m.hashes) == 0);
    text_free(&t);
    return 0;
}
