/* policy_queue: what a policy function asks for is done after the step. A round is a question: while
 * it is put, nothing may close, choke or ban. So actions (object.h: `methods`, and properties that
 * are set) are written down in env.queued, in order, and done when the step is over and nothing is
 * being walked. A simulator takes the list and does it in its own way. */
#include "lua/object.h"

#define QUEUE_MAX 10000 /* asked for in one step: a script that forgets itself is told */

static void push_queue(lua_State *L, int near) {
    near = lua_absindex(L, near);
    env_push(L, near, "queued");
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    compat_getuservalue(L, near);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "queued");
    lua_pop(L, 1);
}

static void append(lua_State *L, int list) {
    size_t n = lua_rawlen(L, list);
    if (n >= QUEUE_MAX)
        luaL_error(L, "more than %d actions in one step", QUEUE_MAX);
    lua_rawseti(L, list, (int)n + 1);
}

/* { object, name, arguments .. , n = }, of a call whose arguments are on the stack. */
static void queue_call(lua_State *L, const char *name) {
    int top = lua_gettop(L);
    push_queue(L, 1);
    lua_createtable(L, top + 1, 1);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, name);
    lua_rawseti(L, -2, 2);
    for (int i = 2; i <= top; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushinteger(L, top - 1);
    lua_setfield(L, -2, "n");
    append(L, top + 1);
    lua_settop(L, top);
}

bool policy_queue(lua_State *L, const struct policy_bridge *b, const char *name) {
    if (!policy_is_asking(b))
        return false;
    luaL_checkstack(L, 8, NULL);
    queue_call(L, name);
    return true;
}

int policy_queued(lua_State *L) {
    lua_pushboolean(L, 1);
    lua_pushliteral(L, "queued");
    return 2;
}

void policy_queue_set(lua_State *L) {
    push_queue(L, 1);
    int list = lua_gettop(L);
    lua_createtable(L, 3, 2);
    for (int i = 1; i <= 3; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, 1);
    lua_setfield(L, -2, "n");
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "set");
    append(L, list);
    lua_settop(L, list - 1);
}

void policy_take_actions(lua_State *L, int near) {
    near = lua_absindex(L, near);
    env_push(L, near, "queued");
    if (lua_isnil(L, -1))
        return;
    compat_getuservalue(L, near);
    lua_pushnil(L);
    lua_setfield(L, -2, "queued");
    lua_pop(L, 1);
}

/* (action) */
static int perform_one(lua_State *L) {
    lua_getfield(L, 1, "n");
    int n = (int)lua_tointeger(L, -1);
    lua_getfield(L, 1, "set");
    bool set = lua_toboolean(L, -1);
    lua_settop(L, 1);
    luaL_checkstack(L, n + 4, "too many arguments");
    lua_rawgeti(L, 1, 1);
    lua_rawgeti(L, 1, 2);
    if (set) {
        lua_rawgeti(L, 1, 3);
        lua_settable(L, 2);
        return 0;
    }
    lua_gettable(L, 2);
    lua_pushvalue(L, 2);
    for (int i = 0; i < n; i++)
        lua_rawgeti(L, 1, i + 3);
    lua_call(L, n + 1, 0);
    return 0;
}

static void report_failure(lua_State *L, struct policy_bridge *b, int action) {
    lua_rawgeti(L, action, 2);
    lua_pushfstring(L, "%s, asked for by a policy, failed: %s", lua_tostring(L, -1),
                    lua_tostring(L, -2));
    if (b->report)
        b->report(b, 0, lua_tostring(L, -1));
    lua_pop(L, 2);
}

void policy_perform(lua_State *L, int near, struct policy_bridge *b) {
    policy_take_actions(L, near);
    int list = lua_gettop(L);
    size_t n = lua_isnil(L, list) ? 0 : lua_rawlen(L, list);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, list, (int)i);
        lua_pushcfunction(L, perform_one);
        lua_pushvalue(L, -2);
        if (lua_pcall(L, 1, 0, 0) != LUA_OK)
            report_failure(L, b, list + 1);
        lua_settop(L, list);
    }
    lua_settop(L, list - 1);
}
