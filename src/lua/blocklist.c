/* blocklist: codec/blocklist as a Lua value that belongs to no session.
 *
 *     list:add(text)     ranges now, or nil, message, code; the list is then as before
 *     list:has(ip)       true if the address is in it; "1.2.3.4", "1.2.3.4:6881", "[::1]:6881"
 *     #list              ranges
 *     list.complaints    lines of the last text that made no sense: { { line, what }, .. }
 *
 * A list of half a million lines is read in a fifth of a second, and asked by binary search. */
#include "lua/blocklist.h"

#include <string.h>

#include "codec/blocklist.h"
#include "lua/value.h"

#define METATABLE "mare.blocklist.1"

static struct blocklist *check_list(lua_State *L) {
    return luaL_checkudata(L, 1, METATABLE);
}

static int add(lua_State *L) {
    struct blocklist *list = check_list(L);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    struct err e = {0};
    int status = blocklist_add_text(list, text, len, &e);
    if (status < 0)
        return push_failure(L, &e);
    lua_pushinteger(L, (lua_Integer)blocklist_count(list));
    return 1;
}

static int has(lua_State *L) {
    struct blocklist *list = check_list(L);
    const char *text = luaL_checkstring(L, 2);
    struct addr a;
    if (addr_parse(&a, text, 1) < 0)
        return luaL_argerror(L, 2, "an IP address is expected, such as 1.2.3.4 or ::1");
    lua_pushboolean(L, blocklist_has(list, &a));
    return 1;
}

static int length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)blocklist_count(check_list(L)));
    return 1;
}

static void push_complaints(lua_State *L, const struct blocklist *list) {
    uint32_t n = MIN(list->complaint_count, BLOCKLIST_MAX_COMPLAINTS);
    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, (lua_Integer)list->complaints[i].line);
        lua_setfield(L, -2, "line");
        lua_pushstring(L, list->complaints[i].what);
        lua_setfield(L, -2, "what");
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static int get_member(lua_State *L) {
    struct blocklist *list = check_list(L);
    const char *name = luaL_checkstring(L, 2);
    if (strcmp(name, "add") == 0)
        lua_pushcfunction(L, add);
    else if (strcmp(name, "has") == 0)
        lua_pushcfunction(L, has);
    else if (strcmp(name, "complaints") == 0)
        push_complaints(L, list);
    else
        return luaL_error(
            L, "a blocklist has no member '%s'; it has add, has, complaints", name);
    return 1;
}

static int describe(lua_State *L) {
    lua_pushfstring(L, "blocklist: %d ranges", (int)blocklist_count(check_list(L)));
    return 1;
}

static int collect(lua_State *L) {
    struct blocklist *list = check_list(L);
    blocklist_fini(list);
    blocklist_init(list);
    return 0;
}

static const luaL_Reg metamethods[] = {
    {"__index", get_member}, {"__len", length}, {"__tostring", describe},
    {"__gc", collect},       {NULL, NULL},
};

int blocklist_create(lua_State *L) {
    blocklist_init(lua_newuserdata(L, sizeof(struct blocklist)));
    if (luaL_newmetatable(L, METATABLE))
        luaL_setfuncs(L, metamethods, 0);
    lua_setmetatable(L, -2);
    return 1;
}
