/* Any bytes as a ut_metadata message; what was understood is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "codec/ut_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ut_metadata m, again;
    struct text t;
    if (ut_metadata_decode(&m, data, size) < 0)
        return 0;
    text_init(&t);
    ut_metadata_encode(&t, &m);
    require(ut_metadata_decode(&again, (const uint8_t *)t.data, t.len) == 0);
    require(again.type == m.type && again.piece == m.piece);
    require(again.total_size == m.total_size && again.payload.len == m.payload.len);
    require(m.payload.len <= METADATA_PIECE);
    require(!m.payload.len || !memcmp(again.payload.data, m.payload.data, m.payload.len));
    text_free(&t);
    return 0;
}
