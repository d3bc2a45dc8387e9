/* object: boxes and the env that they share, what scripts hang on them, and the members that all
 * objects have. What a class is made of: class.c. */
#include "lua/object.h"

#include <string.h>

/* ---- the env and the boxes ----------------------------------------------------------------- */

static void push_weak(lua_State *L, const char *mode) {
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
}

void env_create(lua_State *L, int session) {
    session = lua_absindex(L, session);
    lua_createtable(L, 0, 6);
    push_weak(L, "v");
    lua_setfield(L, -2, "boxes");
    push_weak(L, "k");
    lua_setfield(L, -2, "attached");
    lua_newtable(L);
    lua_setfield(L, -2, "kept");
    lua_newtable(L);
    lua_setfield(L, -2, "state");
    lua_newtable(L);
    lua_setfield(L, -2, "policies");
    lua_pushvalue(L, session);
    lua_setfield(L, -2, "session");
    compat_setuservalue(L, session);
}

void env_push(lua_State *L, int near, const char *field) {
    compat_getuservalue(L, near);
    lua_getfield(L, -1, field);
    lua_remove(L, -2);
}

void session_push(lua_State *L, int near) {
    env_push(L, near, "session");
}

/* A short string is the one key that every Lua compares by value at no loss. */
static void key_push(lua_State *L, const struct class *c, const struct box *b) {
    char key[1 + sizeof(handle) + sizeof b->index];
    handle h = b->reader ? b->reader : b->peer ? b->peer : b->torrent;
    key[0] = c->name[0] == 'p' ? c->name[1] : c->name[0]; /* p(e)er, p(i)ece */
    memcpy(key + 1, &h, sizeof h);
    memcpy(key + 1 + sizeof h, &b->index, sizeof b->index);
    lua_pushlstring(L, key, sizeof key);
}

/* [boxes] -> [boxes, box] */
static void box_create(lua_State *L, int near, const struct class *c,
                       const struct box *b) {
    struct box *fresh = compat_newuserdata(L, sizeof *fresh);
    *fresh = *b;
    session_push(L, near);
    fresh->owner = lua_touserdata(L, -1);
    lua_pop(L, 1);
    compat_getuservalue(L, near);
    compat_setuservalue(L, -2);
    luaL_getmetatable(L, c->metatable);
    lua_setmetatable(L, -2);
    key_push(L, c, b);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
}

void box_push(lua_State *L, int near, const struct class *c, const struct box *b) {
    near = lua_absindex(L, near);
    env_push(L, near, "boxes");
    key_push(L, c, b);
    if (compat_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        box_create(L, near, c, b);
    }
    lua_remove(L, -2);
}

void torrent_push(lua_State *L, int near, handle torrent) {
    box_push(L, near, &torrent_class, &(struct box){.torrent = torrent});
}

void file_push(lua_State *L, int near, handle torrent, uint32_t file) {
    box_push(L, near, &file_class, &(struct box){.torrent = torrent, .index = file});
}

void piece_push(lua_State *L, int near, handle torrent, uint32_t piece) {
    box_push(L, near, &piece_class, &(struct box){.torrent = torrent, .index = piece});
}

/* ---- attachments --------------------------------------------------------------------------- */

static void keep(lua_State *L, int arg) {
    env_push(L, arg, "kept");
    lua_pushvalue(L, arg);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

void box_push_attached(lua_State *L, int arg, bool alive, bool create) {
    arg = lua_absindex(L, arg);
    env_push(L, arg, "attached");
    lua_pushvalue(L, arg);
    if (compat_rawget(L, -2) == LUA_TNIL && create) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, arg);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
        if (alive)
            keep(L, arg);
    }
    lua_remove(L, -2);
}

void box_release(lua_State *L, int arg) {
    arg = lua_absindex(L, arg);
    env_push(L, arg, "kept");
    lua_pushvalue(L, arg);
    lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static bool box_is_dead(lua_State *L, int i) {
    struct target t;
    if (!lua_getmetatable(L, i))
        return true;
    lua_getfield(L, -1, "__class");
    const struct class *c = lua_touserdata(L, -1);
    lua_pop(L, 2);
    return !class_resolve(c, lua_touserdata(L, i), &t);
}

void box_sweep(lua_State *L, int near) {
    env_push(L, near, "kept");
    int kept = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, kept);) {
        lua_pop(L, 1);
        if (box_is_dead(L, lua_gettop(L))) {
            lua_pushvalue(L, -1);
            lua_pushnil(L);
            lua_rawset(L, kept); /* emptying a field is allowed while walking */
        }
    }
    lua_pop(L, 1);
}

/* ---- shared members ------------------------------------------------------------------------ */

int object_attached(lua_State *L) {
    const struct class *c = lua_touserdata(L, lua_upvalueindex(1));
    struct target t;
    class_resolve(c, luaL_checkudata(L, 1, c->metatable), &t);
    box_push_attached(L, 1, t.alive, lua_toboolean(L, 2));
    return 1;
}

void object_get_data(lua_State *L, const struct target *t) {
    box_push_attached(L, 1, t->alive, true);
    lua_getfield(L, -1, "data");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, "data");
    }
}

void object_set_data(lua_State *L, const struct target *t, int value) {
    luaL_checktype(L, value, LUA_TTABLE);
    box_push_attached(L, 1, t->alive, true);
    lua_pushvalue(L, value);
    lua_setfield(L, -2, "data");
}

void object_get_alive(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->alive);
}

void object_get_session(lua_State *L, const struct target *t) {
    (void)t;
    session_push(L, 1);
}

void object_get_torrent(lua_State *L, const struct target *t) {
    const struct box *b = lua_touserdata(L, 1);
    (void)t;
    if (!policy_push_self(L, 1, &b->owner->policy))
        torrent_push(L, 1, b->torrent);
}
