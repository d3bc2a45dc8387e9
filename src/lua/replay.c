/* replay: see the header.
 *
 *     raw = core.replay(policy, header)
 *     answer = raw:ask(round)      lines as lua/mare/json.lua reads them, null = core.null
 *
 * A recording is input like any other: whatever is not as record.h says raises a sentence, which
 * lua/mare/replay.lua gives its line. Rows are made of it anew, so a policy sees the same properties
 * as in a session. Actions that it asks for are counted, and not done. */
#include "lua/replay.h"

#include "lua/object.h"
#include "lua/policy_columns.h"
#include "lua/record.h"
#include "lua/value.h"

#include <stdlib.h>
#include <string.h>

#define REPLAY_NAME "mare.replay.1"

struct replay_box {
    struct session_box base; /* its session stays NULL */
    struct column_map columns[ROW_KINDS];
    char *error; /* of the round that is put, or NULL */
};

/* What a recorded piece has beyond its row. */
struct piece_lore {
    uint32_t piece, first, files, holders;
    handle holder[RECORD_HOLDERS];
};

/* One round, rebuilt. */
struct rebuilt {
    struct policy_ask ask;
    struct policy_lore lore;
    struct policy_self self;
    struct policy_terms terms;
    struct piece_lore *pieces;
    uint32_t piece_count;
    struct verdict *said; /* in the recording; ask.verdicts: now */
};

static struct replay_box *check_replay(lua_State *L) {
    return luaL_checkudata(L, 1, REPLAY_NAME);
}

/* ---- making ------------------------------------------------------------------------------ */

static void on_report(struct policy_bridge *b, handle torrent, const char *text) {
    struct session_box *base = CONTAINER_OF(b, struct session_box, policy);
    struct replay_box *box = CONTAINER_OF(base, struct replay_box, base);
    (void)torrent;
    free(box->error);
    box->error = strdup(text); /* NULL: a sentence less */
}

int replay_create(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    struct replay_box *box = compat_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    luaL_getmetatable(L, REPLAY_NAME);
    lua_setmetatable(L, -2);
    env_create(L, -1);
    box->base.policy.report = on_report;
    for (int kind = 0; kind < ROW_KINDS; kind++) {
        lua_getfield(L, 2, row_kind_name((enum row_kind)kind));
        columns_read_names(L, (enum row_kind)kind, &box->columns[kind]);
    }
    policy_assign_all(L, 3, 0, 1);
    return 1;
}

/* ---- reading a round: (box, round), and a table at 3 for what has to outlive its rows ------- */

enum { ROUND = 2, KEEP = 3 };

static bool is_null(lua_State *L, int i) {
    return lua_isnil(L, i) || (lua_islightuserdata(L, i) && !lua_touserdata(L, i));
}

/* table[name] as a whole number up to `most`; `other` for null and what is not there. */
static uint64_t get_count(lua_State *L, int table, const char *name, uint64_t most,
                          uint64_t other) {
    lua_getfield(L, table, name);
    uint64_t n = is_null(L, -1) ? other : columns_read_count(L, lua_gettop(L), name);
    lua_pop(L, 1);
    if (n > most)
        luaL_error(L, "%s is too large", name);
    return n;
}

static void *keep_new(lua_State *L, size_t size) {
    void *block = compat_newuserdata(L, MAX(size, (size_t)1));
    memset(block, 0, MAX(size, (size_t)1));
    lua_rawseti(L, KEEP, (int)lua_rawlen(L, KEEP) + 1);
    return block;
}

static enum policy_question read_question(lua_State *L) {
    lua_getfield(L, ROUND, "ask");
    enum policy_question q = POLICY_QUESTIONS;
    if (lua_type(L, -1) == LUA_TSTRING)
        q = policy_named(lua_tostring(L, -1));
    if (q == POLICY_QUESTIONS)
        luaL_error(L, "it asks a question that there is not");
    lua_pop(L, 1);
    return q;
}

static void read_self(lua_State *L, struct rebuilt *r) {
    lua_getfield(L, ROUND, "self");
    if (lua_istable(L, -1)) {
        int self = lua_gettop(L);
        lua_getfield(L, self, "done");
        lua_getfield(L, self, "progress");
        r->self = (struct policy_self){
            .done = lua_toboolean(L, -2),
            .progress = (double)lua_tonumber(L, -1),
            .downloaded = get_count(L, self, "downloaded", UINT64_MAX, 0),
            .uploaded = get_count(L, self, "uploaded", UINT64_MAX, 0),
            .connected = (uint32_t)get_count(L, self, "connected", UINT32_MAX, 0),
            .done_for = USEC_NEVER,
        };
        lua_settop(L, self);
    }
    lua_pop(L, 1);
    r->terms = (struct policy_terms){
        .done = r->self.done,
        .slots = (uint32_t)get_count(L, ROUND, "slots", UINT32_MAX, UINT32_MAX),
        .piece_length = (uint32_t)get_count(L, ROUND, "piece_length", UINT32_MAX, 0),
    };
}

/* [first, files] and [holder, ..], behind the columns of the piece at the top. */
static void read_piece_lore(lua_State *L, const struct column_map *map,
                            struct piece_lore *lore) {
    int row = lua_gettop(L);
    lua_rawgeti(L, row, map->count + 1);
    lua_rawgeti(L, row, map->count + 2);
    if (!lua_istable(L, row + 1) || !lua_istable(L, row + 2))
        luaL_error(L, "a piece lacks its files and holders");
    for (int i = 1; i <= 2; i++)
        lua_rawgeti(L, row + 1, i);
    lore->first = (uint32_t)MIN(columns_read_count(L, row + 3, "a file"), UINT32_MAX);
    lore->files = (uint32_t)MIN(columns_read_count(L, row + 4, "files"), 1000u);
    lore->holders = (uint32_t)MIN(lua_rawlen(L, row + 2), (size_t)RECORD_HOLDERS);
    for (uint32_t i = 0; i < lore->holders; i++) {
        lua_rawgeti(L, row + 2, (int)i + 1);
        lore->holder[i] = columns_read_count(L, lua_gettop(L), "a holder");
    }
    lua_settop(L, row);
}

/* The row of that kind at the top, which is popped. */
static void read_row(lua_State *L, const struct replay_box *box, enum row_kind kind,
                     void *row, struct rebuilt *r) {
    columns_read_row(L, kind, &box->columns[kind], row, KEEP);
    if (kind == ROW_PIECE) {
        struct piece_lore *lore = &r->pieces[r->piece_count++];
        lore->piece = ((const struct piece_row *)row)->index;
        read_piece_lore(L, &box->columns[kind], lore);
    }
    lua_pop(L, 1);
}

static void set_rows(struct policy_ask *ask, enum row_kind kind, const void *rows) {
    switch (kind) {
    case ROW_PEER: ask->peers = rows; break;
    case ROW_PIECE: ask->pieces = rows; break;
    default: ask->candidates = rows;
    }
}

static void read_rows(lua_State *L, const struct replay_box *box, struct rebuilt *r) {
    enum row_kind kind = row_kind_of(r->ask.question);
    size_t size = row_size(kind);
    lua_getfield(L, ROUND, "rows");
    int list = lua_gettop(L);
    size_t n = lua_istable(L, list) ? lua_rawlen(L, list) : 0;
    if (!n || n > RECORD_ROWS)
        luaL_error(L, "rows is not a list of 1 to %d rows", (int)RECORD_ROWS);
    char *rows = keep_new(L, n * size);
    r->pieces = keep_new(L, (n + 1) * sizeof *r->pieces);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        read_row(L, box, kind, rows + i * size, r);
    }
    r->ask.n = (uint32_t)n;
    set_rows(&r->ask, kind, rows);
    lua_pop(L, 1);
}

static void read_for(lua_State *L, const struct replay_box *box, struct rebuilt *r) {
    if (r->ask.question != POLICY_PIECE && r->ask.question != POLICY_SOURCE)
        return;
    enum row_kind kind = r->ask.question == POLICY_PIECE ? ROW_PEER : ROW_PIECE;
    void *row = keep_new(L, row_size(kind));
    lua_getfield(L, ROUND, "for");
    read_row(L, box, kind, row, r);
    set_rows(&r->ask, kind, row);
}

static struct verdict read_verdict(lua_State *L, int i) {
    lua_Number n = lua_tonumber(L, i);
    if (is_null(L, i))
        return (struct verdict){VERDICT_OWN, 0};
    if (lua_isboolean(L, i) && !lua_toboolean(L, i))
        return (struct verdict){VERDICT_NEVER, 0};
    if (lua_type(L, i) != LUA_TNUMBER || n != n)
        luaL_error(L, "said has something other than scores, false and null");
    return (struct verdict){VERDICT_SCORED, (double)n};
}

static void read_said(lua_State *L, struct rebuilt *r) {
    lua_getfield(L, ROUND, "said");
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) != r->ask.n)
        luaL_error(L, "said has not one answer for each row");
    r->said = keep_new(L, r->ask.n * sizeof *r->said);
    r->ask.verdicts = keep_new(L, r->ask.n * sizeof *r->said);
    for (uint32_t i = 0; i < r->ask.n; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        r->said[i] = read_verdict(L, lua_gettop(L));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* ---- lore -------------------------------------------------------------------------------- */

static const struct piece_lore *find_piece(const struct rebuilt *r, uint32_t piece) {
    for (uint32_t i = 0; i < r->piece_count; i++)
        if (r->pieces[i].piece == piece)
            return &r->pieces[i];
    return NULL;
}

static uint32_t holders(void *owner, uint32_t piece, handle *out, uint32_t max) {
    const struct piece_lore *lore = find_piece(owner, piece);
    uint32_t n = lore ? MIN(lore->holders, max) : 0;
    for (uint32_t i = 0; i < n; i++)
        out[i] = lore->holder[i];
    return n;
}

static uint32_t files(void *owner, uint32_t piece, uint32_t *first) {
    const struct piece_lore *lore = find_piece(owner, piece);
    *first = lore ? lore->first : 0;
    return lore ? lore->files : 0;
}

/* ---- asking ------------------------------------------------------------------------------ */

static void push_verdict(lua_State *L, const struct verdict *v) {
    switch (v->kind) {
    case VERDICT_OWN: lua_pushlightuserdata(L, NULL); break;
    case VERDICT_NEVER: lua_pushboolean(L, 0); break;
    case VERDICT_SCORED: lua_pushnumber(L, (lua_Number)v->score); break;
    }
}

/* { order = { row, .. }, chosen = count, said = { verdict, .. } } */
static void push_order(lua_State *L, const struct rebuilt *r, struct verdict *verdicts) {
    struct policy_ask ask = r->ask;
    uint32_t *order = keep_new(L, ask.n * sizeof *order), chosen;
    ask.verdicts = verdicts;
    int count = policy_order(&ask, &r->terms, order, &chosen);
    if (count < 0)
        luaL_error(L, "out of memory");
    lua_createtable(L, 0, 3);
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)order[i] + 1);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "order");
    lua_createtable(L, (int)ask.n, 0);
    for (uint32_t i = 0; i < ask.n; i++) {
        push_verdict(L, &verdicts[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "said");
    lua_pushinteger(L, (lua_Integer)chosen);
    lua_setfield(L, -2, "chosen");
}

/* { ban = 2, .. }, how often actions were asked for. */
static void push_actions(lua_State *L) {
    policy_take_actions(L, 1);
    int list = lua_gettop(L);
    size_t n = lua_istable(L, list) ? lua_rawlen(L, list) : 0;
    lua_newtable(L);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, list, (int)i);
        lua_rawgeti(L, -1, 2);
        lua_pushvalue(L, -1);
        lua_rawget(L, list + 1);
        lua_pushinteger(L, lua_tointeger(L, -1) + 1);
        lua_replace(L, -2);
        lua_rawset(L, list + 1);
        lua_settop(L, list + 1);
    }
    lua_remove(L, list);
}

static void put(lua_State *L, struct replay_box *box, const struct policy_ask *ask) {
    const struct policy p = {&policy_bridge_hooks, &box->base.policy};
    lua_State *before = policy_drive(&box->base.policy, L);
    free(box->error);
    box->error = NULL;
    (void)policy_ask(&p, ask);
    (void)policy_drive(&box->base.policy, before);
}

/* ask(round): { was = order, now = order, actions = counts, error = text or nil } */
static int do_ask(lua_State *L) {
    struct replay_box *box = check_replay(L);
    struct rebuilt r;
    memset(&r, 0, sizeof r);
    luaL_checktype(L, ROUND, LUA_TTABLE);
    if (policy_is_asking(&box->base.policy))
        return luaL_error(L, "a policy cannot replay the recording that asks it");
    lua_settop(L, ROUND);
    luaL_checkstack(L, LUA_MINSTACK * 2, NULL);
    lua_newtable(L);
    r.ask.question = read_question(L);
    r.ask.torrent = get_count(L, ROUND, "torrent", UINT64_MAX, 0);
    read_self(L, &r);
    read_rows(L, box, &r);
    read_for(L, box, &r);
    read_said(L, &r);
    r.lore = (struct policy_lore){&r, holders, files, &r.self};
    r.ask.lore = &r.lore;
    put(L, box, &r.ask);
    lua_createtable(L, 0, 4);
    push_order(L, &r, r.said);
    lua_setfield(L, -2, "was");
    push_order(L, &r, r.ask.verdicts);
    lua_setfield(L, -2, "now");
    push_actions(L);
    lua_setfield(L, -2, "actions");
    set_string(L, "error", box->error);
    return 1;
}

static int replay_gc(lua_State *L) {
    struct replay_box *box = check_replay(L);
    free(box->error);
    box->error = NULL;
    policy_bridge_fini(L, &box->base.policy);
    return 0;
}

void replay_register(lua_State *L) {
    if (luaL_newmetatable(L, REPLAY_NAME)) {
        lua_pushcfunction(L, replay_gc);
        lua_setfield(L, -2, "__gc");
        lua_newtable(L);
        lua_pushcfunction(L, do_ask);
        lua_setfield(L, -2, "ask");
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}
