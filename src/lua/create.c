/* create: mare.create, a .torrent's bytes from a file or folder.
 *
 * The engine calls back while it hashes. What a script's function raises must not jump over the
 * engine's frames: it is caught, the work is cancelled, and it is raised again afterwards. */
#include "engine/create.h"

#include "engine/settings.h"
#include "lua/guard.h"
#include "lua/info.h"
#include "lua/options.h"
#include "lua/value.h"

#include <stdlib.h>
#include <string.h>

struct creation {
    struct create_options create;
    uint64_t piece_length, created_at;
    lua_State *L;
    int failed; /* where the error of a callback lies on the stack; 0 = none */
    const char *sentence;
    struct text out;
};

enum { PATH = 1, OPTIONS, PROGRESS, NOTE };

#define FIELD(name) offsetof(struct creation, name)
static const struct option creation_options[] = {
    {"name", OPTION_STRING, FIELD(create.name), NULL},
    {"piece_length", OPTION_COUNT, FIELD(piece_length), NULL},
    {"align", OPTION_BOOLEAN, FIELD(create.align), NULL},
    {"private", OPTION_BOOLEAN, FIELD(create.private), NULL},
    {"trackers", OPTION_TABLE, 0, NULL},
    {"webseeds", OPTION_TABLE, 0, NULL},
    {"comment", OPTION_STRING, FIELD(create.comment), NULL},
    {"created_by", OPTION_STRING, FIELD(create.created_by), NULL},
    {"created_at", OPTION_COUNT, FIELD(created_at), NULL},
    {"source", OPTION_STRING, FIELD(create.source), NULL},
    {"progress", OPTION_FUNCTION, 0, NULL},
    {"note", OPTION_FUNCTION, 0, NULL},
    {NULL, OPTION_STRING, 0, NULL},
};
#undef FIELD

/* A list of strings as C has it; the array lies on the stack, the strings in the options. */
static const char *const *read_list(lua_State *L, const char *name) {
    if (lua_isnoneornil(L, OPTIONS) || compat_getfield(L, OPTIONS, name) == LUA_TNIL)
        return NULL;
    size_t count = lua_rawlen(L, -1);
    const char **list = compat_newuserdata(L, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (int)i + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "%s must be a list of strings", name);
        list[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    list[count] = NULL;
    return list;
}

static bool call(struct creation *c, int args, int results) {
    if (lua_pcall(c->L, args, results, 0) == 0)
        return true;
    c->failed = lua_gettop(c->L);
    return false;
}

static bool on_progress(void *ctx, uint64_t done, uint64_t total) {
    struct creation *c = ctx;
    if (c->failed)
        return false;
    lua_pushvalue(c->L, PROGRESS);
    lua_pushnumber(c->L, (lua_Number)done);
    lua_pushnumber(c->L, (lua_Number)total);
    if (!call(c, 2, 1))
        return false;
    bool go_on = !lua_isboolean(c->L, -1) || lua_toboolean(c->L, -1);
    lua_pop(c->L, 1);
    return go_on;
}

/* Making a string may fail, so it is made inside the protected call. */
static int call_note(lua_State *L) {
    const struct creation *c = lua_touserdata(L, 2);
    lua_settop(L, 1);
    lua_pushstring(L, c->sentence);
    lua_call(L, 1, 0);
    return 0;
}

static void on_note(void *ctx, const char *sentence) {
    struct creation *c = ctx;
    if (c->failed)
        return;
    c->sentence = sentence;
    lua_pushcfunction(c->L, call_note);
    lua_pushvalue(c->L, NOTE);
    lua_pushlightuserdata(c->L, c);
    call(c, 2, 0);
}

static void read_creation(lua_State *L, struct creation *c) {
    options_read(L, OPTIONS, "mare.create", creation_options, c);
    if (c->piece_length > UINT32_MAX)
        luaL_error(L, "piece_length is at most 16 MiB");
    c->create.path = lua_tostring(L, PATH);
    c->create.piece_length = (uint32_t)c->piece_length;
    c->create.creation_date = (int64_t)c->created_at;
    c->create.trackers = read_list(L, "trackers");
    c->create.webseeds = read_list(L, "webseeds");
    c->create.progress = lua_isnil(L, PROGRESS) ? NULL : on_progress;
    c->create.note = lua_isnil(L, NOTE) ? NULL : on_note;
    c->create.ctx = c;
    c->L = L;
}

static void push_callback(lua_State *L, const char *name) {
    if (lua_istable(L, OPTIONS))
        lua_getfield(L, OPTIONS, name);
    else
        lua_pushnil(L);
}

/* [..., guard] -> the result, or an error raised */
static int finish(lua_State *L, struct creation *c, int status, const struct err *e,
                  struct guard *guard) {
    size_t len;
    guard->object = text_take(&c->out, &len);
    if (c->failed) {
        lua_pushvalue(L, c->failed);
        return lua_error(L); /* the collector finds the guard */
    }
    if (status < 0)
        return push_status(L, status, e);
    lua_pushlstring(L, guard->object, len);
    guard_release(guard);
    return 1;
}

int create_bytes(lua_State *L) {
    struct creation c;
    struct err e = {0};
    memset(&c, 0, sizeof c);
    luaL_checkstring(L, PATH);
    lua_settop(L, OPTIONS);
    push_callback(L, "progress");
    push_callback(L, "note");
    c.create.created_by = "mare/" MARE_VERSION;
    read_creation(L, &c);
    struct guard *guard = guard_push(L, free);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    text_init(&c.out);
    int status = create_torrent(&c.create, &c.out, &e);
    return finish(L, &c, status, &e, guard);
}
