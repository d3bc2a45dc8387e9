/* module: mare.core, the raw half of `require "mare"`. lua/mare adds what is easier said in Lua:
 * handlers, coroutines, sources of torrents. Keeps nothing: loading it twice gives two tables that work on
 * the same metatables. */
#include "engine/settings.h"
#include "io/portmap.h"
#include "lua/blocklist.h"
#include "lua/command.h"
#include "lua/dht.h"
#include "lua/http.h"
#include "lua/info.h"
#include "lua/object.h"
#include "lua/replay.h"
#include "lua/session.h"
#include "lua/sim.h"

#include <time.h>

static const struct class *const classes[] = {
    &session_class, &torrent_class, &file_class, &peer_class,
    &piece_class,   &reader_class,  &view_class, &candidate_class,
    &policy_class,  &dht_class,     &http_class,
};

/* now(): seconds of a clock that never goes back. */
static int core_now(lua_State *L) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
    return 1;
}

/* type(value): "session", "torrent", ... or nil. */
static int core_type(lua_State *L) {
    luaL_checkany(L, 1);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (luaL_testudata(L, 1, classes[i]->metatable)) {
            lua_pushstring(L, classes[i]->name);
            return 1;
        }
    lua_pushnil(L);
    return 1;
}

/* _members(): { session = { methods = .., properties = .., writable = .. }, torrent = .. } */
static int core_members(lua_State *L) {
    lua_newtable(L);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        class_push_members(L, classes[i]);
        lua_setfield(L, -2, classes[i]->name);
    }
    return 1;
}

static const luaL_Reg functions[] = {
    {"session", session_create},
    {"info", info_parse},
    {"create", create_bytes},
    {"blocklist", blocklist_create},
    {"magnet", magnet_read},
    {"_is_magnet", magnet_is_likely},
    {"sim", sim_create},
    {"replay", replay_create},
    {"now", core_now},
    {"type", core_type},
    {"terminal_width", command_terminal_width},
    {"catch_interrupts", command_catch_interrupts},
    {"interrupted", command_interrupted},
    {"start_program", command_start_program},
    {"program_status", command_program_status},
    {"stop_program", command_stop_program},
    {"process_alive", command_process_alive},
    {"process_id", command_process_id},
    {"close_inherited", command_close_inherited},
    {"channel_listen", command_channel_listen},
    {"channel_connect", command_channel_connect},
    {"channel_wait", command_channel_wait},
    {"limited", policy_limited},
    {"_members", core_members},
    {NULL, NULL},
};

/* methods.torrent.on = function ... */
static void push_method_tables(lua_State *L) {
    lua_newtable(L);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        class_register(L, classes[i]);
        class_push_methods(L, classes[i]);
        lua_setfield(L, -2, classes[i]->name);
    }
}

static void push_event_names(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; i < EVENT_COUNT; i++) {
        lua_pushstring(L, event_name((enum event_type)i));
        lua_rawseti(L, -2, i + 1);
    }
}

/* What a build may lack: { portmap = "NAT-PMP and UPnP" or false, encryption = true or false }. */
static void push_features(lua_State *L) {
    lua_newtable(L);
    if (portmap_methods())
        lua_pushstring(L, portmap_methods());
    else
        lua_pushboolean(L, 0);
    lua_setfield(L, -2, "portmap");
    lua_pushboolean(L, mse_supported(NULL) == 0);
    lua_setfield(L, -2, "encryption");
}

MARE_EXPORT int luaopen_mare_core(lua_State *L);

int luaopen_mare_core(lua_State *L) {
    luaL_newlibtable(L, functions);
    luaL_setfuncs(L, functions, 0);
    push_method_tables(L);
    lua_setfield(L, -2, "methods");
    sim_register(L);
    replay_register(L);
    lua_pushlightuserdata(L, NULL); /* what null in JSON is read as */
    lua_setfield(L, -2, "null");
    push_event_names(L);
    lua_setfield(L, -2, "events");
    lua_pushliteral(L, MARE_VERSION);
    lua_setfield(L, -2, "version");
    push_features(L);
    lua_setfield(L, -2, "features");
    return 1;
}
