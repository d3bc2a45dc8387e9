/* nomem: a Lua whose memory runs out at the nth allocation, for every n (nomem_spec compiles it).
 *
 *     nomem SCRIPT...     each script returns prepare, attempt
 *
 * attempt(prepare()) runs again and again, and finds one allocation more each time before none is
 * granted any more, until it succeeds. Whatever it has begun is then to be closed and collected
 * in peace. What leaks or breaks is for the sanitizers or valgrind to tell. */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

struct memory {
    long left; /* allocations until there are no more; negative: no limit */
    long refused;
};

static void *grant(void *ctx, void *p, size_t old, size_t size) {
    struct memory *m = ctx;
    if (size == 0) {
        free(p);
        return NULL;
    }
    if (p && size <= old) /* shrinking must not fail */
        return realloc(p, size);
    if (m->left == 0) {
        m->refused++;
        return NULL;
    }
    if (m->left > 0)
        m->left--;
    return realloc(p, size);
}

static int fail(lua_State *L, const char *where) {
    fprintf(stderr, "%s: %s\n", where, lua_tostring(L, -1));
    return -1;
}

/* 1: it ran to its end; 0: it did not; -1: something else went wrong. */
static int attempt(const char *script, long allocations) {
    struct memory memory = {-1, 0};
    lua_State *L = lua_newstate(grant, &memory);
    int result = -1;
    luaL_openlibs(L);
    if (luaL_dofile(L, script) != LUA_OK) {
        fail(L, script);
    } else {
        lua_insert(L, 1); /* attempt, prepare */
        if (lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK) {
            fail(L, "prepare");
        } else {
            memory.left = allocations;
            int status = lua_pcall(L, lua_gettop(L) - 1, 0, 0);
            memory.left = -1;
            result = status == LUA_OK && !memory.refused;
            if (status != LUA_OK && !memory.refused)
                result = fail(L, script);
        }
    }
    lua_close(L);
    return result;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        long n = 0;
        int result;
        while ((result = attempt(argv[i], n)) == 0)
            n++;
        printf("%s: %ld allocations\n", argv[i], n);
        if (result < 0)
            return 1;
    }
    return 0;
}
