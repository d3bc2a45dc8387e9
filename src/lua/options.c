#include "lua/options.h"

#include "lua/suggest.h"
#include "lua/value.h"

#include <string.h>

static const struct option *find(const struct option *list, const char *name) {
    for (const struct option *o = list; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

/* Never returns. */
static void no_such_option(lua_State *L, const char *of, const struct option *list,
                           const char *name) {
    struct suggestion s;
    suggest_init(&s, name);
    for (const struct option *o = list; o->name; o++)
        suggest_try(&s, o->name);
    if (s.best)
        luaL_error(L, "%s: no option '%s' (did you mean '%s'?)", of, name, s.best);
    luaL_error(L, "%s: no option '%s'", of, name);
}

static void want(lua_State *L, int i, int type, const char *name) {
    if (lua_type(L, i) != type)
        luaL_error(L, "%s must be a %s, not a %s", name, lua_typename(L, type),
                   luaL_typename(L, i));
}

/* The place of the string at i among "a|b|c"; raises when it is none of them. */
static int check_word(lua_State *L, int i, const struct option *o) {
    want(L, i, LUA_TSTRING, o->name);
    const char *given = lua_tostring(L, i);
    size_t len = strlen(given);
    int n = 0;
    for (const char *w = o->words;; n++) {
        size_t end = strcspn(w, "|");
        if (end == len && memcmp(w, given, len) == 0)
            return n;
        if (!w[end])
            return luaL_error(L, "%s is one of %s, not '%s'", o->name, o->words, given);
        w += end + 1;
    }
}

static int check_integer(lua_State *L, int i, const char *name) {
    if (lua_isboolean(L, i) && !lua_toboolean(L, i))
        return -1;
    return (int)check_count_below(L, i, 65536, name);
}

static double check_number(lua_State *L, int i, const char *name) {
    want(L, i, LUA_TNUMBER, name);
    double n = (double)lua_tonumber(L, i);
    if (!(n >= 0))
        luaL_error(L, "%s must be 0 or more", name);
    return n;
}

static void read_one(lua_State *L, int i, const struct option *o, void *place) {
    switch (o->kind) {
    case OPTION_STRING:
        want(L, i, LUA_TSTRING, o->name);
        *(const char **)place = lua_tostring(L, i);
        break;
    case OPTION_BOOLEAN:
        want(L, i, LUA_TBOOLEAN, o->name);
        *(bool *)place = lua_toboolean(L, i);
        break;
    case OPTION_INTEGER: *(int *)place = check_integer(L, i, o->name); break;
    case OPTION_COUNT: *(uint64_t *)place = check_count(L, i, o->name); break;
    case OPTION_NUMBER: *(double *)place = check_number(L, i, o->name); break;
    case OPTION_RATE: *(uint64_t *)place = check_rate(L, i, o->name); break;
    case OPTION_LIMIT: *(uint32_t *)place = check_limit(L, i, o->name); break;
    case OPTION_WORD: *(int *)place = check_word(L, i, o); break;
    case OPTION_FLAG: *(bool *)place = check_word(L, i, o) != 0; break;
    case OPTION_TABLE: want(L, i, LUA_TTABLE, o->name); break;
    case OPTION_FUNCTION: want(L, i, LUA_TFUNCTION, o->name); break;
    case OPTION_ANY: break;
    }
}

void options_read(lua_State *L, int i, const char *of, const struct option *list,
                  void *out) {
    if (lua_isnoneornil(L, i))
        return;
    i = lua_absindex(L, i);
    luaL_checktype(L, i, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "%s: options have names", of);
        const struct option *o = find(list, lua_tostring(L, -2));
        if (!o)
            no_such_option(L, of, list, lua_tostring(L, -2));
        else
            read_one(L, lua_gettop(L), o, (char *)out + o->offset);
    }
}
