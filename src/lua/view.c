/* view: verified bytes as a read-only Lua value, without a copy and without a Lua string.
 * It holds what it shows: it outlives reader, torrent and session. Lua knows nothing of
 * the memory behind it, so who takes many lets go of them (release, or <close>). */
#include "lua/object.h"
#include "lua/value.h"

#include <string.h>

struct view_box {
    struct box box; /* like all the others: its owner's env is kept */
    struct view view;
};

void view_push(lua_State *L, int near, const struct view *v) {
    near = lua_absindex(L, near);
    struct view_box *b = compat_newuserdata(L, sizeof *b);
    memset(b, 0, sizeof *b);
    session_push(L, near);
    b->box.owner = lua_touserdata(L, -1);
    lua_pop(L, 1);
    compat_getuservalue(L, near);
    compat_setuservalue(L, -2);
    luaL_getmetatable(L, view_class.metatable);
    lua_setmetatable(L, -2);
    b->view = view_hold(v);
}

static struct view_box *check_box(lua_State *L) {
    return luaL_checkudata(L, 1, view_class.metatable);
}

static const struct view *check_view(lua_State *L) {
    struct view_box *b = check_box(L);
    if (!b->view.owner)
        luaL_error(L, "%s", view_class.gone);
    return &b->view;
}

/* ---- what strings can do, too ------------------------------------------------------ */

/* A place as string.sub counts: from 1, from the end when negative. */
static size_t place(lua_State *L, int arg, lua_Integer none, size_t len) {
    lua_Integer i = luaL_optinteger(L, arg, none);
    if (i < 0)
        i += (lua_Integer)len + 1;
    return i < 0 ? 0 : (size_t)i;
}

/* Bytes from .. to of arguments 2 and 3, counted from 0; false when there are none. */
static bool range(lua_State *L, const struct view *v, lua_Integer first, bool one,
                  size_t *from, size_t *to) {
    *from = MAX(place(L, 2, first, v->len), 1) - 1;
    *to = one && lua_isnoneornil(L, 3) ? *from + 1 : place(L, 3, -1, v->len);
    *to = MIN(*to, v->len);
    return *from < *to;
}

/* sub(i, [j]): a string. */
static int do_sub(lua_State *L) {
    const struct view *v = check_view(L);
    size_t from, to;
    if (!range(L, v, 1, false, &from, &to))
        from = to = 0;
    lua_pushlstring(L, (const char *)v->data + from, to - from);
    return 1;
}

/* byte([i], [j]): numbers. */
static int do_byte(lua_State *L) {
    const struct view *v = check_view(L);
    size_t from, to;
    if (!range(L, v, 1, true, &from, &to))
        return 0;
    luaL_argcheck(L, to - from < 8000, 3, "too many bytes at once");
    luaL_checkstack(L, (int)(to - from), "too many bytes at once");
    for (size_t i = from; i < to; i++)
        lua_pushinteger(L, v->data[i]);
    return (int)(to - from);
}

/* find(text, [init]): where it begins and ends, as plain text; nil when it is not
 * there. */
static int do_find(lua_State *L) {
    const struct view *v = check_view(L);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    size_t from = MAX(place(L, 3, 1, v->len), 1) - 1;
    const uint8_t *found =
        from <= v->len ? memmem(v->data + from, v->len - from, text, len) : NULL;
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, (lua_Integer)(found - v->data) + 1);
    lua_pushinteger(L, (lua_Integer)(found - v->data) + (lua_Integer)len);
    return 2;
}

static int get_len(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_view(L)->len);
    return 1;
}

/* release(): the memory may go now. Idempotent. */
static int do_release(lua_State *L) {
    view_drop(&check_box(L)->view);
    lua_pushboolean(L, 1);
    return 1;
}

/* It holds what it shows: nothing that a script does with it touches the engine. */
static const luaL_Reg methods[] = {{NULL, NULL}};

static const luaL_Reg queries[] = {
    {"sub", do_sub},         {"byte", do_byte}, {"find", do_find},
    {"release", do_release}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__len", get_len},
    {"__gc", do_release},
    {"__close", do_release},
    {NULL, NULL},
};

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {NULL, NULL, NULL, false},
};

static bool resolve(const void *box, struct target *t) {
    (void)t;
    return ((const struct view_box *)box)->view.owner != NULL;
}

static void describe(lua_State *L, const struct target *t) {
    (void)t;
    const struct view_box *b = lua_touserdata(L, 1);
    lua_pushfstring(L, "%f bytes", (lua_Number)b->view.len);
}

const struct class view_class = {
    .name = "view",
    .metatable = "mare.view.1",
    .gone = "view is released",
    .properties = properties,
    .methods = methods,
    .queries = queries,
    .metamethods = metamethods,
    .resolve = resolve,
    .describe = describe,
};
