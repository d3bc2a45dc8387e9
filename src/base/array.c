/* array: see the header. */
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FIRST_CAP 4u

int array_room(void *items, size_t size, uint32_t count, uint32_t *cap) {
    void *now, *grown = NULL;
    if (count < *cap)
        return 0;
    uint32_t wanted = *cap ? 2 * *cap : FIRST_CAP;
    memcpy(&now, items, sizeof now); /* whatever type it points to */
    if (wanted > *cap && wanted <= SIZE_MAX / size)
        grown = realloc(now, wanted * size);
    if (!grown)
        return ERR_NOMEM;
    memcpy(items, &grown, sizeof grown);
    *cap = wanted;
    return 0;
}
