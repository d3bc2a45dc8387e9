/* Any bytes as a ut_pex message; what is told on must be understood. */
#include <stdlib.h>

#include "codec/ut_pex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check_list(const struct pex_list *l) {
    require(l->count <= PEX_MAX_HEAR);
    for (uint32_t i = 0; i < l->count; i++) {
        enum addr_kind kind = addr_kind(&l->peers[i].addr);
        require(l->peers[i].addr.port && kind != ADDR_ANY && kind != ADDR_MULTICAST);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ut_pex m, again;
    struct text t;
    if (ut_pex_decode(&m, data, size) < 0)
        return 0;
    check_list(&m.added);
    check_list(&m.dropped);
    text_init(&t);
    ut_pex_encode(&t, &m);
    require(ut_pex_decode(&again, (const uint8_t *)t.data, t.len) == 0);
    require(again.added.count == MIN(m.added.count, PEX_MAX_TELL));
    require(again.dropped.count == MIN(m.dropped.count, PEX_MAX_TELL));
    text_free(&t);
    return 0;
}
