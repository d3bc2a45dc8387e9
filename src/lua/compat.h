/* compat: one source for Lua 5.1 to 5.4 and LuaJIT.
 *
 * The binding is written in the words of 5.4. Where an older Lua lacks one, it is made here from
 * what that Lua has; nothing else in src/lua asks for a version. (mpv embeds LuaJIT or 5.2.) */
#ifndef MARE_COMPAT_H
#define MARE_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARE_EXPORT __attribute__((visibility("default")))

/* A user value is a table everywhere: that is what 5.1 can hang on a userdata. */
#if LUA_VERSION_NUM >= 504
#define compat_newuserdata(L, size) lua_newuserdatauv(L, size, 1)
#define compat_getuservalue(L, i) ((void)lua_getiuservalue(L, i, 1))
#define compat_setuservalue(L, i) ((void)lua_setiuservalue(L, i, 1))
#else
#define compat_newuserdata(L, size) lua_newuserdata(L, size)
#if LUA_VERSION_NUM >= 502
#define compat_getuservalue(L, i) ((void)lua_getuservalue(L, i))
#define compat_setuservalue(L, i) ((void)lua_setuservalue(L, i))
#else
#define compat_getuservalue(L, i) lua_getfenv(L, i)
#define compat_setuservalue(L, i) ((void)lua_setfenv(L, i))
#endif
#endif

/* A protected call that a yield may cross; in 5.1 it may not (LuaJIT's own rules apply). */
#if LUA_VERSION_NUM >= 503
typedef lua_KContext compat_context;
#define compat_pcallk(L, args, results, k) lua_pcallk(L, args, results, 0, 0, k)
#elif LUA_VERSION_NUM == 502
typedef int
    compat_context; /* its continuations find their status otherwise: none is used */
#define compat_pcallk(L, args, results, k) lua_pcall(L, args, results, 0)
#else
typedef int compat_context;
#define LUA_OK 0
#define compat_pcallk(L, args, results, k) lua_pcall(L, args, results, 0)
#endif

#if LUA_VERSION_NUM < 502
#define lua_rawlen(L, i) lua_objlen(L, i)
#define lua_absindex(L, i) \
    ((i) > 0 || (i) <= LUA_REGISTRYINDEX ? (i) : lua_gettop(L) + (i) + 1)
#define luaL_newlibtable(L, list) \
    lua_createtable(L, 0, sizeof(list) / sizeof(*(list)) - 1)

static inline void compat_setfuncs(lua_State *L, const luaL_Reg *list, int upvalues) {
    for (; list->name; list++) {
        for (int i = 0; i < upvalues; i++)
            lua_pushvalue(L, -upvalues);
        lua_pushcclosure(L, list->func, upvalues);
        lua_setfield(L, -(upvalues + 2), list->name);
    }
    lua_pop(L, upvalues);
}
#define luaL_setfuncs compat_setfuncs

static inline void *compat_testudata(lua_State *L, int i, const char *name) {
    void *box = lua_touserdata(L, i);
    if (!box || !lua_getmetatable(L, i))
        return NULL;
    luaL_getmetatable(L, name);
    if (!lua_rawequal(L, -1, -2))
        box = NULL;
    lua_pop(L, 2);
    return box;
}
#define luaL_testudata compat_testudata
#endif

/* Pushes the message with a traceback of L below it. */
static inline void compat_traceback(lua_State *L, const char *message) {
#if LUA_VERSION_NUM >= 502
    luaL_traceback(L, L, message, 1);
#else
    lua_getglobal(L, "debug");
    lua_getfield(L, -1, "traceback");
    lua_pushstring(L, message);
    lua_pushinteger(L, 2);
    lua_call(L, 2, 1);
#endif
}

/* lua_rawget that says what it found, as 5.3 does. */
static inline int compat_rawget(lua_State *L, int table) {
    lua_rawget(L, table);
    return lua_type(L, -1);
}

/* lua_getfield that says what it found. */
static inline int compat_getfield(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    return lua_type(L, -1);
}

/* A count, exact as long as it is below 2^53 (where numbers are doubles) or 2^63. */
static inline void compat_pushcount(lua_State *L, uint64_t n) {
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, (lua_Integer)n);
#else
    lua_pushnumber(L, (lua_Number)n);
#endif
}

#endif
