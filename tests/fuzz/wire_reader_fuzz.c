/* Any bytes as a script: what the peer says, how the kernel cuts it, what is predicted
 * and where payload is sent. Read by scatter and from chunks, it must come to the same
 * hook calls and the same bytes (support/wire_owner.h: check_same). */
#include <stdlib.h>

#define CHECK(cond)  \
    do {             \
        if (!(cond)) \
            abort(); \
    } while (0)
#include "support/wire_owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_same(data, size);
    return 0;
}
