/* class: the metatables of objects, made of the tables that each class gives (object.h): looking a name up,
 * acting, or waiting with it for the end of a policy round. */
#include "base/base.h"
#include "lua/object.h"
#include "lua/suggest.h"

#include <string.h>

/* ---- looking up ---------------------------------------------------------------------------- */

bool class_resolve(const struct class *c, const void *box, struct target *t) {
    memset(t, 0, sizeof *t);
    t->alive = c->resolve(box, t);
    return t->alive;
}

static const struct policy_bridge *bridge_of(const struct class *c, const void *box) {
    return c->is_swarm ? &((const struct session_box *)box)->policy
                       : &((const struct box *)box)->owner->policy;
}

static const struct class *upvalue_class(lua_State *L, int n) {
    return lua_touserdata(L, lua_upvalueindex(n));
}

void target_check(lua_State *L, int arg, const struct class *c, struct target *t) {
    if (!class_resolve(c, luaL_checkudata(L, arg, c->metatable), t))
        luaL_error(L, "%s", c->gone);
}

/* ---- the metamethods ----------------------------------------------------------------------- */

/* Never returns: "peer has no property 'adress' (did you mean 'address'?)". */
static int no_such_member(lua_State *L, const struct class *c) {
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "%s is indexed by a name, not by a %s", c->name,
                          luaL_typename(L, 2));
    struct suggestion s;
    suggest_init(&s, lua_tostring(L, 2));
    for (lua_pushnil(L); lua_next(L, lua_upvalueindex(2)); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING && *lua_tostring(L, -2) != '_')
            suggest_try(&s, lua_tostring(L, -2));
    if (!s.best)
        return luaL_error(L, "%s has no property '%s'", c->name, s.wanted);
    return luaL_error(L, "%s has no property '%s' (did you mean '%s'?)", c->name,
                      s.wanted, s.best);
}

/* Pushes the method's function, or the property as a light userdata. Upvalue 2 maps names. */
static int push_member(lua_State *L) {
    lua_pushvalue(L, 2);
    return compat_rawget(L, lua_upvalueindex(2));
}

static int object_index(lua_State *L) {
    const struct class *c = upvalue_class(L, 1);
    const void *box = luaL_checkudata(L, 1, c->metatable);
    int type = push_member(L);
    if (type == LUA_TNIL)
        return no_such_member(L, c);
    if (type != LUA_TLIGHTUSERDATA)
        return 1;
    const struct property *p = lua_touserdata(L, -1);
    struct target t;
    if (!class_resolve(c, box, &t) && !p->always)
        return luaL_error(L, "%s", c->gone);
    p->get(L, &t);
    return 1;
}

static int object_newindex(lua_State *L) {
    const struct class *c = upvalue_class(L, 1);
    const void *box = luaL_checkudata(L, 1, c->metatable);
    int type = push_member(L);
    if (type == LUA_TNIL)
        return no_such_member(L, c);
    const struct property *p = lua_touserdata(L, -1);
    if (type != LUA_TLIGHTUSERDATA || !p->set)
        return luaL_error(L, "%s.%s is read-only", c->name, lua_tostring(L, 2));
    struct target t;
    if (!class_resolve(c, box, &t) && !p->always)
        return luaL_error(L, "%s", c->gone);
    if (policy_is_asking(bridge_of(c, box)) && p->set != object_set_data)
        policy_queue_set(L);
    else
        p->set(L, &t, 3);
    return 0;
}

static int object_tostring(lua_State *L) {
    const struct class *c = upvalue_class(L, 1);
    struct target t;
    if (class_resolve(c, luaL_checkudata(L, 1, c->metatable), &t))
        c->describe(L, &t);
    else
        lua_pushstring(L, c->gone + strlen(c->name) + strlen(" is "));
    lua_pushfstring(L, "%s (%s)", c->name, lua_tostring(L, -1));
    return 1;
}

/* ---- classes ------------------------------------------------------------------------------- */

/* C strings and const tables are not to be changed through these. */
static void push_address(lua_State *L, const void *p) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)p);
}

/* Calls an action, or lets it wait for the end of a policy round. */
static int object_act(lua_State *L) {
    const struct class *c = upvalue_class(L, 1);
    const luaL_Reg *action = lua_touserdata(L, lua_upvalueindex(2));
    const void *box = luaL_checkudata(L, 1, c->metatable);
    if (policy_queue(L, bridge_of(c, box), action->name))
        return policy_queued(L);
    return action->func(L);
}

static void push_lookup(lua_State *L, const struct class *c) {
    lua_newtable(L);
    for (const luaL_Reg *action = c->methods; action->name; action++) {
        push_address(L, c);
        push_address(L, action);
        lua_pushcclosure(L, object_act, 2);
        lua_setfield(L, -2, action->name);
    }
    if (c->queries) {
        push_address(L, c);
        luaL_setfuncs(L, c->queries, 1);
    }
    for (const struct property *p = c->properties; p->name; p++) {
        push_address(L, p);
        lua_setfield(L, -2, p->name);
    }
}

static void set_metamethod(lua_State *L, const struct class *c, const char *name,
                           lua_CFunction function) {
    push_address(L, c);
    lua_getfield(L, -2, "__methods");
    lua_pushcclosure(L, function, 2);
    lua_setfield(L, -2, name);
}

void class_register(lua_State *L, const struct class *c) {
    if (luaL_newmetatable(L, c->metatable)) {
        push_lookup(L, c);
        lua_setfield(L, -2, "__methods");
        push_address(L, c);
        lua_setfield(L, -2, "__class");
        lua_pushstring(L, c->name);
        lua_setfield(L, -2, "__metatable");
        set_metamethod(L, c, "__index", object_index);
        set_metamethod(L, c, "__newindex", object_newindex);
        set_metamethod(L, c, "__tostring", object_tostring);
        if (c->metamethods) {
            push_address(L, c);
            luaL_setfuncs(L, c->metamethods, 1);
        }
    }
    lua_pop(L, 1);
}

void class_push_methods(lua_State *L, const struct class *c) {
    luaL_getmetatable(L, c->metatable);
    lua_getfield(L, -1, "__methods");
    lua_remove(L, -2);
}

static void push_method_names(lua_State *L, const struct class *c) {
    int n = 0;
    lua_newtable(L);
    int names = lua_gettop(L);
    class_push_methods(L, c);
    for (lua_pushnil(L); lua_next(L, names + 1); lua_pop(L, 1))
        if (lua_isfunction(L, -1) && *lua_tostring(L, -2) != '_') {
            lua_pushvalue(L, -2);
            lua_rawseti(L, names, ++n);
        }
    lua_pop(L, 1);
}

static void push_property_names(lua_State *L, const struct class *c, bool writable) {
    int n = 0;
    lua_newtable(L);
    for (const struct property *p = c->properties; p->name; p++)
        if (!writable || p->set) {
            lua_pushstring(L, p->name);
            lua_rawseti(L, -2, ++n);
        }
}

void class_push_members(lua_State *L, const struct class *c) {
    lua_createtable(L, 0, 3);
    push_method_names(L, c);
    lua_setfield(L, -2, "methods");
    push_property_names(L, c, false);
    lua_setfield(L, -2, "properties");
    push_property_names(L, c, true);
    lua_setfield(L, -2, "writable");
}
