/* magnet: what a link says, as a Lua table shaped like that of info: what only the info dictionary
 * knows is not there. */
#include "codec/magnet.h"

#include "lua/guard.h"
#include "lua/info.h"
#include "lua/value.h"

#include <stdlib.h>

static void release(void *magnet) {
    magnet_free(magnet);
    free(magnet);
}

/* Each its own tier. */
static void push_tiers(lua_State *L, const struct magnet_list *list) {
    lua_createtable(L, (int)list->count, 0);
    for (uint32_t i = 0; i < list->count; i++) {
        push_strings(L, &list->items[i], 1);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_magnet(lua_State *L, const struct magnet *m) {
    lua_createtable(L, 0, 8);
    set_text(L, "name", m->name);
    push_hex(L, m->info_hash, sizeof m->info_hash);
    lua_setfield(L, -2, "info_hash");
    push_tiers(L, &m->trackers);
    lua_setfield(L, -2, "trackers");
    push_strings(L, m->webseeds.items, m->webseeds.count);
    lua_setfield(L, -2, "webseeds");
    push_strings(L, m->peers.items, m->peers.count);
    lua_setfield(L, -2, "peers");
    lua_newtable(L);
    lua_setfield(L, -2, "renamed");
    lua_newtable(L);
    lua_setfield(L, -2, "files");
}

int magnet_read(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct guard *guard = guard_push(L, release);
    struct err e = {0};
    struct magnet *m = calloc(1, sizeof *m);
    if (!m)
        return push_failure_code(L, ERR_NOMEM, "out of memory");
    int status = magnet_parse(m, text, len, &e);
    if (status < 0) {
        free(m);
        return push_status(L, status, &e);
    }
    guard->object = m;
    push_magnet(L, m);
    guard_release(guard);
    return 1;
}

int magnet_is_likely(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_pushboolean(L, magnet_likely(text, len));
    return 1;
}
