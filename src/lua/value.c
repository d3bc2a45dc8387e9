#include "lua/value.h"

#include "base/addr.h"
#include "base/bytes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_LIMIT 9007199254740992.0 /* 2^53: up to here a double counts exactly */

int push_failure_code(lua_State *L, int code, const char *text) {
    lua_pushnil(L);
    lua_pushstring(L, text);
    lua_pushstring(L, err_name(code));
    return 3;
}

int push_failure(lua_State *L, const struct err *e) {
    return push_failure_code(L, e->code, e->text);
}

int push_status(lua_State *L, int status, const struct err *e) {
    if (status < 0)
        return push_failure_code(L, status, e->code ? e->text : err_name(status));
    lua_pushboolean(L, 1);
    return 1;
}

void push_hex(lua_State *L, const uint8_t *data, size_t len) {
    char hex[2 * 32 + 1];
    hex_encode(hex, data, MIN(len, (size_t)32));
    lua_pushstring(L, hex);
}

void push_text_or_nil(lua_State *L, const char *text) {
    if (text && *text)
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
}

void push_seconds(lua_State *L, usec t) {
    lua_pushnumber(L, (lua_Number)t / (lua_Number)USEC_PER_SEC);
}

void push_span(lua_State *L, usec t) {
    if (t == USEC_NEVER)
        lua_pushnil(L);
    else
        push_seconds(L, t);
}

void push_limit(lua_State *L, uint32_t n) {
    if (n == UINT32_MAX)
        lua_pushnumber(L, HUGE_VAL);
    else
        compat_pushcount(L, n);
}

void push_address_text(lua_State *L, const struct addr *a) {
    char text[ADDR_TEXT];
    lua_pushstring(L, addr_format(a, text));
}

void push_ip_text(lua_State *L, const struct addr *a) {
    char text[ADDR_TEXT];
    lua_pushstring(L, addr_format_ip(a, text));
}

void push_strings(lua_State *L, char *const *strings, uint32_t count) {
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushstring(L, strings[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

void set_string(lua_State *L, const char *name, const char *text) {
    lua_pushstring(L, text); /* NULL: nil */
    lua_setfield(L, -2, name);
}

void set_text(lua_State *L, const char *name, const char *text) {
    push_text_or_nil(L, text);
    lua_setfield(L, -2, name);
}

void set_count(lua_State *L, const char *name, uint64_t n) {
    compat_pushcount(L, n);
    lua_setfield(L, -2, name);
}

void set_known(lua_State *L, const char *name, int64_t n) {
    if (n >= 0)
        set_count(L, name, (uint64_t)n);
}

void set_number(lua_State *L, const char *name, double n) {
    lua_pushnumber(L, (lua_Number)n);
    lua_setfield(L, -2, name);
}

void set_flag(lua_State *L, const char *name, bool is) {
    lua_pushboolean(L, is);
    lua_setfield(L, -2, name);
}

void set_seconds(lua_State *L, const char *name, usec t) {
    push_span(L, t);
    lua_setfield(L, -2, name);
}

bool split_host_port(char *text, uint16_t *port) {
    char *colon = strrchr(text, ':'), *end;
    if (!colon || colon == text || strchr(text, ':') != colon)
        return false;
    long n = strtol(colon + 1, &end, 10);
    if (*end || end == colon + 1 || n < 1 || n > 65535)
        return false;
    *colon = '\0';
    *port = (uint16_t)n;
    return true;
}

uint64_t check_count(lua_State *L, int i, const char *what) {
    return check_count_below(L, i, (uint64_t)COUNT_LIMIT, what);
}

uint64_t check_count_below(lua_State *L, int i, uint64_t end, const char *what) {
    if (lua_type(L, i) != LUA_TNUMBER)
        luaL_error(L, "%s must be a number, not %s", what, luaL_typename(L, i));
    lua_Number n = lua_tonumber(L, i);
    if (!(n >= 0 && n < (lua_Number)end && n == (lua_Number)(uint64_t)n)) {
        char most[24];
        snprintf(most, sizeof most, "%llu", (unsigned long long)(end - 1));
        luaL_error(L, "%s is a whole number from 0 to %s", what, most);
    }
    return (uint64_t)n;
}

static bool is_unlimited(lua_State *L, int i) {
    return lua_type(L, i) == LUA_TNUMBER && lua_tonumber(L, i) >= COUNT_LIMIT;
}

uint64_t check_rate(lua_State *L, int i, const char *what) {
    if (lua_isnoneornil(L, i) || is_unlimited(L, i))
        return 0;
    if (lua_type(L, i) != LUA_TNUMBER || !(lua_tonumber(L, i) >= 0))
        luaL_error(L, "%s must be bytes per second (0 or nil: no limit)", what);
    lua_Number n = lua_tonumber(L, i);
    return n > 0 && n < 1 ? 1 : (uint64_t)n;
}

uint32_t check_limit(lua_State *L, int i, const char *what) {
    if (lua_isnoneornil(L, i))
        return 0;
    if (is_unlimited(L, i))
        return UINT32_MAX;
    return (uint32_t)check_count_below(L, i, UINT32_MAX, what);
}

usec check_seconds(lua_State *L, int i, const char *what) {
    if (lua_isnoneornil(L, i))
        return USEC_NEVER;
    if (lua_type(L, i) != LUA_TNUMBER || !(lua_tonumber(L, i) >= 0))
        luaL_error(L, "%s must be seconds (a number from 0 up)", what);
    lua_Number n = lua_tonumber(L, i);
    return n > 1e9 ? USEC_NEVER : (usec)(n * (lua_Number)USEC_PER_SEC);
}
