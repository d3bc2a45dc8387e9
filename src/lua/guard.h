/* guard: holds one C object while Lua functions that may raise are called. Should one of them do,
 * the collector releases the object; else guard_release does, at once. */
#ifndef MARE_GUARD_H
#define MARE_GUARD_H

#include "lua/compat.h"

struct guard {
    void *object;
    void (*release)(void *object);
};

/* Pushes an empty guard: fill `object` when it exists. */
struct guard *guard_push(lua_State *L, void (*release)(void *object));
void guard_release(struct guard *g); /* idempotent */

#endif
