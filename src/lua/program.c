/* program: the command's way to start a player and to hear of its end, without waiting for it. */
#include "io/program.h"
#include "lua/command.h"
#include "lua/value.h"

#define WORDS_MOST 4096

static int check_pid(lua_State *L) {
    return (int)check_count_below(L, 1, INT32_MAX, "process id");
}

/* start_program{ "mpv", ... }: its process id; or nil, message, code. */
int command_start_program(lua_State *L) {
    struct err e = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    int n = (int)lua_rawlen(L, 1);
    luaL_argcheck(L, n > 0 && n < WORDS_MOST, 1, "a program and its arguments");
    char **argv = compat_newuserdata(L, ((size_t)n + 1) * sizeof *argv);
    luaL_checkstack(L, n, "too many arguments");
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 1, i + 1); /* stays on the stack, and with it its bytes */
        argv[i] = (char *)(uintptr_t)luaL_checkstring(L, -1);
    }
    argv[n] = NULL;
    int pid = program_start(argv, &e);
    if (pid < 0)
        return push_failure(L, &e);
    lua_pushinteger(L, pid);
    return 1;
}

/* program_status(pid): its exit status once it has ended; nil while it runs. */
int command_program_status(lua_State *L) {
    int status = program_status(check_pid(L));
    if (status == ERR_AGAIN)
        lua_pushnil(L);
    else
        lua_pushinteger(L, status < 0 ? 255 : status);
    return 1;
}

/* stop_program(pid, [at once]) */
int command_stop_program(lua_State *L) {
    program_stop(check_pid(L), lua_toboolean(L, 2));
    return 0;
}

/* process_alive(pid) */
int command_process_alive(lua_State *L) {
    lua_pushboolean(L, program_alive(check_pid(L)));
    return 1;
}

/* process_id(): of ourselves. */
int command_process_id(lua_State *L) {
    lua_pushinteger(L, program_self());
    return 1;
}

/* close_inherited(): all descriptors but the standard streams. */
int command_close_inherited(lua_State *L) {
    (void)L;
    program_close_inherited();
    return 0;
}
