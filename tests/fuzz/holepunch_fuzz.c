/* Any bytes as a ut_holepunch message; what was understood is written and read again. */
#include <stdlib.h>
#include <string.h>

#include "codec/holepunch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct holepunch m, again;
    uint8_t out[HOLEPUNCH_MAX];
    if (holepunch_decode(&m, data, size) < 0)
        return 0;
    require(m.type <= HOLEPUNCH_ERROR && m.addr.port);
    size_t len = holepunch_encode(out, &m);
    require(len <= sizeof out && holepunch_decode(&again, out, len) == 0);
    require(again.type == m.type && again.error == m.error);
    require(addr_equal(&again.addr, &m.addr));
    return 0;
}
