/* channel: io/channel for the command: lines to and from programs of the same user.
 *
 *     core.channel_listen(name), core.channel_connect(name)    a channel; or nil, message, code
 *     channel:accept()       who knocked: a channel; nil: nobody
 *     channel:read()         a line; nil: not yet; false: it has ended, and all was read
 *     channel:write(text)    true, now or later; or nil, message, code
 *     channel:close()        also when it is collected
 *     core.channel_wait({ session:fd(), channel, .. }, seconds)
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "io/channel.h"
#include "lua/command.h"
#include "lua/value.h"

#define METATABLE "mare.channel.1"
#define WAIT_MOST 256

static struct channel *check_channel(lua_State *L, int i) {
    return luaL_checkudata(L, i, METATABLE);
}

static int method_accept(lua_State *L);

static int method_read(lua_State *L) {
    const char *line;
    size_t len;
    int status = channel_read(check_channel(L, 1), &line, &len);
    if (status == 0)
        lua_pushlstring(L, line, len);
    else if (status == ERR_EOF)
        lua_pushboolean(L, 0);
    else if (status == ERR_AGAIN)
        lua_pushnil(L);
    else
        return push_failure_code(L, status, "out of memory");
    return 1;
}

static int method_write(lua_State *L) {
    size_t len;
    struct channel *c = check_channel(L, 1);
    const char *text = luaL_checklstring(L, 2, &len);
    int status = channel_write(c, text, len);
    if (status < 0)
        return push_failure_code(L, status, "the other side does not listen");
    lua_pushboolean(L, 1);
    return 1;
}

static int method_close(lua_State *L) {
    channel_close(check_channel(L, 1));
    return 0;
}

static const luaL_Reg methods[] = {
    {"accept", method_accept}, {"read", method_read}, {"write", method_write},
    {"close", method_close},   {NULL, NULL},
};

/* A closed one, to be filled. */
static struct channel *push_channel(lua_State *L) {
    struct channel *c = lua_newuserdata(L, sizeof *c);
    memset(c, 0, sizeof *c);
    c->fd = -1;
    if (luaL_newmetatable(L, METATABLE)) {
        luaL_newlibtable(L, methods);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, method_close);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, method_close);
        lua_setfield(L, -2, "__close");
    }
    lua_setmetatable(L, -2);
    return c;
}

static int method_accept(lua_State *L) {
    struct channel *listener = check_channel(L, 1);
    struct channel *c = push_channel(L);
    if (channel_accept(listener, c) < 0)
        lua_pushnil(L);
    return 1;
}

int command_channel_listen(lua_State *L) {
    struct err e = {0};
    const char *name = luaL_checkstring(L, 1);
    return channel_listen(push_channel(L), name, &e) < 0 ? push_failure(L, &e) : 1;
}

int command_channel_connect(lua_State *L) {
    struct err e = {0};
    const char *name = luaL_checkstring(L, 1);
    return channel_connect(push_channel(L), name, &e) < 0 ? push_failure(L, &e) : 1;
}

static int milliseconds(lua_Number seconds) {
    double msec = ceil((double)seconds * 1000);
    return msec >= INT_MAX ? -1 : msec > 0 ? (int)msec : 0;
}

/* channel_wait(list, [seconds]) */
int command_channel_wait(lua_State *L) {
    int fds[WAIT_MOST];
    struct channel *channels[WAIT_MOST];
    size_t fd_count = 0, n = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    int msec = milliseconds(luaL_optnumber(L, 2, HUGE_VAL));
    size_t count = lua_rawlen(L, 1);
    luaL_argcheck(L, count <= WAIT_MOST, 1, "too many to wait for");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (int)i + 1);
        if (lua_isnumber(L, -1))
            fds[fd_count++] = (int)lua_tointeger(L, -1);
        else
            channels[n++] = luaL_checkudata(L, -1, METATABLE);
        lua_pop(L, 1);
    }
    lua_pushinteger(L, channel_wait(fds, fd_count, channels, n, msec));
    return 1;
}
