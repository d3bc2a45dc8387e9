#include "lua/guard.h"

#define GUARD_NAME "mare.guard.1"

void guard_release(struct guard *g) {
    void *object = g->object;
    g->object = NULL;
    if (object)
        g->release(object);
}

static int guard_gc(lua_State *L) {
    guard_release(luaL_checkudata(L, 1, GUARD_NAME));
    return 0;
}

struct guard *guard_push(lua_State *L, void (*release)(void *object)) {
    struct guard *g = compat_newuserdata(L, sizeof *g);
    g->object = NULL;
    g->release = release;
    if (luaL_newmetatable(L, GUARD_NAME)) {
        lua_pushcfunction(L, guard_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return g;
}
