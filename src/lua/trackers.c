/* trackers: a torrent's trackers in Lua: looked at, changed, asked.
 *
 *     torrent.trackers                     { { url = .., tier = 1, state = "working", .. }, .. }
 *     torrent.trackers = { a, { b, c } }   two tiers; rows as they are read will do, too */
#include "engine/torrent_trackers.h"

#include "lua/torrent.h"
#include "lua/value.h"

#define MOST 1001 /* one more than a torrent may have: the engine's own sentence then */

/* ---- looked at ----------------------------------------------------------------------------- */

void set_scrape_counts(lua_State *L, const struct scrape_counts *counts) {
    set_known(L, "seeds", counts->complete);
    set_known(L, "leechers", counts->incomplete);
    set_known(L, "downloads", counts->downloaded);
}

static void push_tracker(lua_State *L, const struct tracker_row *row, usec now) {
    lua_createtable(L, 0, 10);
    set_string(L, "url", row->url);
    set_string(L, "state", row->state);
    set_text(L, "message", row->message);
    set_known(L, "tier", (int64_t)row->tier + 1);
    set_scrape_counts(L, &row->counts);
    set_known(L, "peers", row->peers);
    set_known(L, "failures", row->failures);
    if (row->next_at != USEC_NEVER)
        set_seconds(L, "next", MAX(row->next_at - now, 0));
}

void torrent_get_trackers(lua_State *L, const struct target *t) {
    const struct trackers *trackers = t->torrent->trackers;
    uint32_t count = trackers ? trackers_count(trackers) : 0;
    struct tracker_row row;
    int n = 0;
    lua_newtable(L);
    for (uint32_t i = 0; i < count; i++)
        if (trackers_row(trackers, i, &row)) {
            push_tracker(L, &row, session_now(t->session));
            lua_rawseti(L, -2, ++n);
        }
}

static void push_known(lua_State *L, int64_t n) {
    if (n < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, (lua_Integer)n);
}

void torrent_get_swarm_seeds(lua_State *L, const struct target *t) {
    push_known(L, trackers_counts(t->torrent->trackers).complete);
}

void torrent_get_swarm_leechers(lua_State *L, const struct target *t) {
    push_known(L, trackers_counts(t->torrent->trackers).incomplete);
}

void torrent_get_swarm_downloads(lua_State *L, const struct target *t) {
    push_known(L, trackers_counts(t->torrent->trackers).downloaded);
}

/* ---- changed ------------------------------------------------------------------------------- */

struct places {
    uint32_t count;
    struct tracker_place at[MOST];
};

/* The address on top of the stack, which the table that it came from keeps alive. */
static void take_address(lua_State *L, struct places *p, uint32_t tier) {
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L,
                   "trackers must be a list of addresses or lists of addresses (tiers)");
    if (p->count < MOST)
        p->at[p->count++] = (struct tracker_place){lua_tostring(L, -1), tier};
    lua_pop(L, 1);
}

/* A row as it is read: its own tier counts. */
static bool take_row(lua_State *L, int i, struct places *p, uint32_t tier) {
    lua_pushliteral(L, "url");
    lua_rawget(L, i);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    lua_pushliteral(L, "tier");
    lua_rawget(L, i);
    if (!lua_isnil(L, -1))
        tier = (uint32_t)check_count_below(L, lua_gettop(L), 1000, "tier") - 1;
    lua_pop(L, 1);
    if (tier >= 1000)
        luaL_error(L, "tiers are counted from 1");
    take_address(L, p, tier);
    return true;
}

/* What is on top of the stack: an address, a row, or a list of addresses. */
static void take_tier(lua_State *L, struct places *p, uint32_t tier) {
    int list = lua_gettop(L);
    if (lua_type(L, list) != LUA_TTABLE) {
        take_address(L, p, tier);
        return;
    }
    if (!take_row(L, list, p, tier))
        for (int i = 1; lua_rawgeti(L, list, i), !lua_isnil(L, -1); i++)
            take_address(L, p, tier);
    lua_settop(L, list - 1);
}

void torrent_set_trackers(lua_State *L, const struct target *t, int value) {
    struct err e = {0};
    luaL_checktype(L, value, LUA_TTABLE);
    struct places *p = compat_newuserdata(L, sizeof *p);
    p->count = 0;
    for (int i = 1; lua_rawgeti(L, value, i), !lua_isnil(L, -1); i++)
        take_tier(L, p, MIN((uint32_t)i - 1, 999u));
    if (torrent_trackers_assign(t->torrent, p->at, p->count, &e) < 0)
        luaL_error(L, "%s", e.text);
}

static struct torrent *check_torrent(lua_State *L) {
    struct target t;
    target_check(L, 1, &torrent_class, &t);
    return t.torrent;
}

/* add_tracker(url, [tier]) */
int torrent_do_add_tracker(lua_State *L) {
    struct torrent *t = check_torrent(L);
    const char *url = luaL_checkstring(L, 2);
    struct err e = {0};
    uint32_t tier =
        lua_isnoneornil(L, 3) ? 1 : (uint32_t)check_count_below(L, 3, 1000, "tier");
    luaL_argcheck(L, tier >= 1, 3, "tiers are counted from 1");
    int status = torrent_trackers_add(t, url, tier - 1, &e);
    return push_status(L, status, &e);
}

/* remove_tracker(url): was it there? */
int torrent_do_remove_tracker(lua_State *L) {
    struct torrent *t = check_torrent(L);
    const char *url = luaL_checkstring(L, 2);
    lua_pushboolean(L, torrent_trackers_remove(t, url));
    return 1;
}

/* ---- asked --------------------------------------------------------------------------------- */

/* announce(): 'tracker' follows. */
int torrent_do_announce(lua_State *L) {
    struct torrent *t = check_torrent(L);
    if (t->paused)
        return push_failure_code(L, ERR_AGAIN, "the torrent is paused");
    trackers_announce(t->trackers);
    lua_pushboolean(L, 1);
    return 1;
}

/* scrape(): how many trackers are asked; 'scrape' follows for each. */
int torrent_do_scrape(lua_State *L) {
    struct torrent *t = check_torrent(L);
    struct err e = {0};
    int n = trackers_scrape(t->trackers, t->info_hash, &e);
    if (n < 0)
        return push_failure(L, &e);
    lua_pushinteger(L, n);
    return 1;
}
