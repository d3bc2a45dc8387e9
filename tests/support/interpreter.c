/* interpreter: a Lua 5.4 that is compiled like the module, for `make check`.
 *
 *     build/check/lua SCRIPT [ARG]...       build/check/lua -e CHUNK
 *
 * A sanitized module needs the sanitizer in the process before it. Preloading it into the
 * system's lua5.4 does that as well, but is inherited by each shell and client that a spec
 * starts, and their leaks are not ours to report. */
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static int with_traceback(lua_State *L) {
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* As the manual says: the script's name at 0, its arguments from 1, this program at -1. */
static void set_arg(lua_State *L, int argc, char **argv) {
    lua_newtable(L);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - 1);
    }
    lua_setglobal(L, "arg");
}

static int load(lua_State *L, int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "-e") == 0)
        return luaL_loadstring(L, argv[2]);
    return luaL_loadfile(L, argc > 1 ? argv[1] : NULL);
}

static int run(lua_State *L, int argc, char **argv) {
    lua_pushcfunction(L, with_traceback);
    int status = load(L, argc, argv);
    if (status == LUA_OK) {
        for (int i = 2; i < argc; i++)
            lua_pushstring(L, argv[i]);
        status = lua_pcall(L, argc > 2 ? argc - 2 : 0, 0, 1);
    }
    if (status != LUA_OK)
        fprintf(stderr, "%s: %s\n", argv[0], lua_tostring(L, -1));
    return status != LUA_OK;
}

int main(int argc, char **argv) {
    lua_State *L = luaL_newstate();
    if (!L)
        return 1;
    luaL_openlibs(L);
    set_arg(L, argc, argv);
    int status = run(L, argc, argv);
    lua_close(L);
    return status;
}
