/* session_torrents: how torrents come into a session, and how they are found there. lua/mare/sources.lua
 * tells paths, addresses and links apart. */
#include "engine/page.h"
#include "engine/torrent.h"
#include "lua/options.h"
#include "lua/session_private.h"
#include "lua/value.h"

#include <string.h>

struct lua_add_options {
    struct add_options add;
    const char *priorities; /* one digit a file */
};

#define FIELD(name) offsetof(struct lua_add_options, name)
static const struct option add_option_list[] = {
    {"directory", OPTION_STRING, FIELD(add.directory), NULL},
    {"paused", OPTION_BOOLEAN, FIELD(add.paused), NULL},
    {"seed", OPTION_BOOLEAN, FIELD(add.seed_mode), NULL},
    {"allocation", OPTION_FLAG, FIELD(add.full_allocation), "sparse|full"},
    {"storage", OPTION_FLAG, FIELD(add.in_memory), "disk|memory"},
    {"max_memory", OPTION_COUNT, FIELD(add.max_memory), NULL},
    {"max_disk", OPTION_COUNT, FIELD(add.max_disk), NULL},
    {"throwaway", OPTION_BOOLEAN, FIELD(add.throwaway), NULL},
    {"priorities", OPTION_STRING, FIELD(priorities), NULL},
    {"_choose_later", OPTION_BOOLEAN, FIELD(add.choose_later), NULL},
    {NULL, OPTION_STRING, 0, NULL},
};
#undef FIELD

/* options.priorities is a string of bytes 0..7, one a file. */
static void read_add_options(lua_State *L, int i, const struct session *s,
                             struct lua_add_options *o) {
    memset(o, 0, sizeof *o);
    o->add.full_allocation = s->settings.full_allocation;
    options_read(L, i, "session:add", add_option_list, o);
    if (o->priorities) {
        size_t count;
        lua_getfield(L, i, "priorities");
        o->add.file_priority = (const uint8_t *)lua_tolstring(L, -1, &count);
        o->add.file_priorities = (uint32_t)count;
    }
}

static int push_added(lua_State *L, int status, const struct torrent *t,
                      const struct err *e) {
    if (status < 0)
        push_status(L, status, e);
    if (t)
        torrent_push(L, 1, t->id);
    return status < 0 ? 3 + (t != NULL) : 1;
}

static int add(lua_State *L, bool is_link) {
    struct session *s = session_check(L, 1);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    struct lua_add_options o;
    struct torrent *t = NULL;
    struct err e = {0};
    read_add_options(L, 3, s, &o);
    int status = is_link ? torrent_add_link(s, text, len, &o.add, &t, &e)
                         : torrent_add(s, (const uint8_t *)text, len, &o.add, &t, &e);
    return push_added(L, status, t, &e);
}

/* _add(bytes, options): torrent; or nil, message, code and, if it is here already, the torrent. */
int session_do_add(lua_State *L) {
    return add(L, false);
}

/* _add_link(text, options): the same for a magnet link or an info-hash. */
int session_add_link(lua_State *L) {
    return add(L, true);
}

/* _fetch(url, token): the event 'read' follows. */
int session_fetch(lua_State *L) {
    struct session *s = session_check(L, 1);
    struct err e = {0};
    int status = page_fetch(s, luaL_checkstring(L, 2), check_count(L, 3, "token"), &e);
    return push_status(L, status, &e);
}

int session_torrents(lua_State *L) {
    struct session *s = session_check(L, 1);
    int n = 0;
    lua_newtable(L);
    LIST_EACH(l, &s->torrent_list) {
        torrent_push(L, 1, LIST_ITEM(l, struct torrent, in_session)->id);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* find("40 hexadecimal digits"): torrent or nil. */
int session_do_find(lua_State *L) {
    struct session *s = session_check(L, 1);
    size_t len;
    const char *hex = luaL_checklstring(L, 2, &len);
    uint8_t hash[20];
    luaL_argcheck(L, len == 40 && hex_decode(hash, hex, 20) == 0, 2,
                  "an info-hash has 40 hexadecimal digits");
    struct torrent *t = session_find(s, hash);
    if (t)
        torrent_push(L, 1, t->id);
    else
        lua_pushnil(L);
    return 1;
}
