/* array: room for one more in an array that doubles. The array is a plain pointer with a count and
 * a capacity beside it, all zero at first, freed by free().
 *
 *     if (ARRAY_ROOM(t->bucket, t->count, t->cap) < 0)
 *         return ERR_NOMEM;
 *     t->bucket[t->count++] = ...; */
#ifndef MARE_ARRAY_H
#define MARE_ARRAY_H

#include "base/base.h"

#define ARRAY_ROOM(items, count, cap) \
    array_room(&(items), sizeof *(items), (count), &(cap))

/* `items` is the address of the pointer to things of `size` bytes. 0, or ERR_NOMEM and nothing has
 * changed. Call it by the macro. */
int array_room(void *items, size_t size, uint32_t count, uint32_t *cap) MUST_USE;

#endif
