/* torrent: what may be done with one. */
#include "lua/torrent.h"

#include "base/addr.h"
#include "lua/options.h"
#include "lua/value.h"

#include <stdlib.h>
#include <string.h>

static struct torrent *check_torrent(lua_State *L) {
    struct target t;
    target_check(L, 1, &torrent_class, &t);
    return t.torrent;
}

/* With the info dictionary; raises while it is not known. */
static struct torrent *check_known(lua_State *L) {
    struct torrent *t = check_torrent(L);
    if (!t->meta)
        luaL_error(
            L, "the torrent's metadata is not known yet (wait for the event 'metadata')");
    return t;
}

static int push_true(lua_State *L) {
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- life ---------------------------------------------------------------------------------- */

static int do_pause(lua_State *L) {
    torrent_pause(check_torrent(L));
    return push_true(L);
}

static int do_resume(lua_State *L) {
    torrent_resume(check_torrent(L));
    return push_true(L);
}

static int do_recheck(lua_State *L) {
    struct err e = {0};
    int status = torrent_recheck(check_known(L), &e);
    return push_status(L, status, &e);
}

/* save(): resume state goes to disk; 'saved' follows. */
static int do_save(lua_State *L) {
    struct torrent *t = check_torrent(L);
    if (!t->session->settings.state)
        return push_failure_code(L, ERR_UNSUPPORTED, "the session keeps no state");
    return push_status(L, torrent_save(t), &(struct err){0});
}

/* move(directory): 'moved' follows. */
static int do_move(lua_State *L) {
    struct torrent *t = check_known(L);
    struct err e = {0};
    int status = torrent_move(t, luaL_checkstring(L, 2), &e);
    return push_status(L, status, &e);
}

static const struct option remove_options[] = {
    {"data", OPTION_BOOLEAN, 0, NULL},
    {NULL, OPTION_STRING, 0, NULL},
};

/* _remove{data = true}: 'removed' follows. */
static int do_remove(lua_State *L) {
    struct torrent *t = check_torrent(L);
    bool data = false;
    options_read(L, 2, "torrent:remove", remove_options, &data);
    torrent_remove(t, data);
    return push_true(L);
}

/* ---- pieces and files ---------------------------------------------------------------------- */

/* piece(index): from 0, as everywhere in BitTorrent. */
static int do_piece(lua_State *L) {
    const struct torrent *t = check_known(L);
    piece_push(L, 1, t->id,
               (uint32_t)check_count_below(L, 2, t->meta->pieces, "piece index"));
    return 1;
}

/* file(number): from 1, like the list of files. nil beyond the end. */
static int do_file(lua_State *L) {
    const struct torrent *t = check_known(L);
    uint64_t number = check_count(L, 2, "file number");
    for (uint32_t i = 0; i < t->meta->file_count; i++)
        if (file_is_visible(&t->meta->files[i]) && --number == 0) {
            file_push(L, 1, t->id, i);
            return 1;
        }
    lua_pushnil(L);
    return 1;
}

/* _read(offset, length, token): the event 'read' follows. */
static int do_read(lua_State *L) {
    struct torrent *t = check_known(L);
    struct err e = {0};
    uint64_t offset = check_count(L, 2, "offset");
    uint32_t length = (uint32_t)check_count_below(L, 3, UINT32_MAX, "length");
    uint64_t token = check_count(L, 4, "token");
    return push_status(L, torrent_read(t, offset, length, token, &e), &e);
}

/* ---- addresses ----------------------------------------------------------------------------- */

static int connect_name(struct torrent *t, const char *name, struct err *e) {
    char host[256];
    uint16_t port;
    if (strlen(name) >= sizeof host)
        return err_set(e, ERR_INVALID, "the host name is too long");
    strcpy(host, name);
    if (!split_host_port(host, &port))
        return err_set(e, ERR_INVALID, "'%s' is not HOST:PORT", name);
    return torrent_connect_host(t, host, port, e);
}

/* connect("host:port") */
static int do_connect(lua_State *L) {
    struct torrent *t = check_torrent(L);
    const char *text = luaL_checkstring(L, 2);
    struct addr a;
    struct err e = {0};
    int status;
    if (addr_parse(&a, text, -1) < 0)
        status = connect_name(t, text, &e);
    else if ((status = torrent_connect(t, &a, SOURCE_MANUAL)) < 0)
        err_set(&e, status,
                status == ERR_UNSAFE
                    ? "%s is on the blocklist, or out of the bound address's reach"
                    : "%s cannot be a peer's address",
                text);
    return push_status(L, status, &e);
}

/* suggest("1.2.3.4:6881"): known like one that other peers told of. */
static int do_suggest(lua_State *L) {
    struct torrent *t = check_torrent(L);
    const char *text = luaL_checkstring(L, 2);
    struct addr a;
    struct err e = {0};
    int status = addr_parse(&a, text, -1);
    if (status < 0 || (status = torrent_connect(t, &a, SOURCE_PEX)) < 0)
        err_set(&e, status, "%s cannot be a peer's address", text);
    return push_status(L, status, &e);
}

/* ban(ip, [seconds]) */
static int do_ban(lua_State *L) {
    struct torrent *t = check_torrent(L);
    const char *text = luaL_checkstring(L, 2);
    struct addr a;
    luaL_argcheck(L, addr_parse(&a, text, 1) == 0, 2, "an IP address is expected");
    torrent_ban(t, &a, check_seconds(L, 3, "seconds"), "by the script");
    return push_true(L);
}

static const luaL_Reg methods[] = {
    {"pause", do_pause},
    {"resume", do_resume},
    {"recheck", do_recheck},
    {"save", do_save},
    {"move", do_move},
    {"_remove", do_remove},
    {"connect", do_connect},
    {"suggest", do_suggest},
    {"ban", do_ban},
    {"add_tracker", torrent_do_add_tracker},
    {"remove_tracker", torrent_do_remove_tracker},
    {"announce", torrent_do_announce},
    {"scrape", torrent_do_scrape},
    {"_read", do_read},
    {NULL, NULL},
};

static const luaL_Reg queries[] = {
    {"piece", do_piece},
    {"file", do_file},
    {"_attached", object_attached},
    {NULL, NULL},
};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    t->torrent = t->session ? session_torrent(t->session, b->torrent) : NULL;
    return t->torrent != NULL;
}

static void describe(lua_State *L, const struct target *t) {
    lua_pushstring(L, torrent_name(t->torrent));
}

const struct class torrent_class = {
    .name = "torrent",
    .metatable = "mare.torrent.1",
    .gone = "torrent is removed",
    .properties = torrent_properties,
    .methods = methods,
    .queries = queries,
    .resolve = resolve,
    .describe = describe,
};
