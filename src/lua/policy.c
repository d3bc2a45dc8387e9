/* policy: who has which function. `session.policy` and `torrent.policy` are objects with six fields;
 * a question goes to the torrent's function, else to the session's, else to the built-in. The functions
 * lie in env.policies, so a session that its own policies refer to can be collected; beside them, in
 * C, a bit per question tells whether there is anything to ask. */
#include "lua/policy.h"

#include <stdlib.h>

#include "base/array.h"
#include "engine/session.h"
#include "lua/object.h"
#include "lua/value.h"

/* ---- sets ---------------------------------------------------------------------------------- */

static struct policy_set *find_set(const struct policy_bridge *b, handle torrent) {
    for (uint32_t i = 0; i < b->sets; i++)
        if (b->set[i].torrent == torrent)
            return &b->set[i];
    return NULL;
}

static struct policy_set *find_or_add_set(struct policy_bridge *b, handle torrent) {
    struct policy_set *set = find_set(b, torrent);
    if (set)
        return set;
    if (ARRAY_ROOM(b->set, b->sets, b->cap) < 0)
        return NULL;
    set = &b->set[b->sets++];
    *set = (struct policy_set){.torrent = torrent};
    return set;
}

void policy_bridge_fini(lua_State *L, struct policy_bridge *b) {
    if (policy_is_asking(b))
        policy_abandon_rounds(L);
    free(b->set);
    record_free(b->record);
    b->set = NULL, b->record = NULL;
    b->sets = b->cap = 0;
}

static struct policy_bridge *bridge_near(lua_State *L, int near) {
    session_push(L, near);
    struct session_box *box = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return &box->policy;
}

/* Pushes the table of a torrent's functions; nil if there is none and it is not to be created. */
static void push_functions(lua_State *L, int near, handle torrent, bool create) {
    env_push(L, near, "policies");
    lua_pushinteger(L, (lua_Integer)torrent);
    if (compat_rawget(L, -2) == LUA_TNIL && create) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushinteger(L, (lua_Integer)torrent);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    }
    lua_remove(L, -2);
}

/* ---- assigning ----------------------------------------------------------------------------- */

static void check_function(lua_State *L, enum policy_question q, int value) {
    if (!lua_isnil(L, value) && !lua_isfunction(L, value))
        luaL_error(L, "policy.%s must be a function or nil, not a %s", policy_name(q),
                   luaL_typename(L, value));
}

void policy_assign(lua_State *L, int near, handle torrent, enum policy_question q,
                   int value) {
    near = lua_absindex(L, near), value = lua_absindex(L, value);
    check_function(L, q, value);
    push_functions(L, near, torrent, true);
    lua_pushvalue(L, value);
    lua_setfield(L, -2, policy_name(q));
    lua_pop(L, 1);
    struct policy_bridge *b = bridge_near(L, near);
    struct policy_set *set = find_or_add_set(b, torrent);
    if (!set)
        luaL_error(L, "out of memory");
    uint8_t bit = (uint8_t)(1u << q);
    set->strikes[q] = 0;
    set->has = (uint8_t)(lua_isnil(L, value) ? set->has & ~bit : set->has | bit);
    if (b->changed)
        b->changed(b, torrent, q);
}

/* A misspelt name would silently do nothing. */
static void check_names(lua_State *L, int value) {
    for (lua_pushnil(L); lua_next(L, value); lua_pop(L, 1)) {
        enum policy_question q = POLICY_QUESTIONS;
        if (lua_type(L, -2) == LUA_TSTRING)
            q = policy_named(lua_tostring(L, -2));
        if (q == POLICY_QUESTIONS && lua_isfunction(L, -1))
            luaL_error(L, "a policy has no function '%s'",
                       lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?");
    }
}

void policy_assign_all(lua_State *L, int near, handle torrent, int value) {
    near = lua_absindex(L, near), value = lua_absindex(L, value);
    bool reset = lua_isnil(L, value);
    if (!reset && !lua_istable(L, value))
        luaL_error(L, "policy must be a table of functions or nil, not a %s",
                   luaL_typename(L, value));
    if (!reset)
        check_names(L, value);
    int top = lua_gettop(L);
    for (int q = 0; q < POLICY_QUESTIONS; q++) {
        if (reset)
            lua_pushnil(L);
        else
            lua_getfield(L, value, policy_name((enum policy_question)q));
        check_function(L, (enum policy_question)q, -1);
    }
    for (int q = 0; q < POLICY_QUESTIONS; q++)
        policy_assign(L, near, torrent, (enum policy_question)q, top + 1 + q);
    lua_settop(L, top);
}

void policy_forget(lua_State *L, int near, handle torrent) {
    near = lua_absindex(L, near);
    struct policy_bridge *b = bridge_near(L, near);
    struct policy_set *set = find_set(b, torrent);
    if (set)
        *set = b->set[--b->sets];
    env_push(L, near, "policies");
    lua_pushinteger(L, (lua_Integer)torrent);
    lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* ---- the object ---------------------------------------------------------------------------- */

void policy_push(lua_State *L, int near, handle torrent) {
    box_push(L, near, &policy_class, &(struct box){.torrent = torrent});
}

static handle torrent_of(lua_State *L) {
    return ((const struct box *)lua_touserdata(L, 1))->torrent;
}

/* A function that was switched off has left its place. */
static void get(lua_State *L, enum policy_question q) {
    const struct policy_set *set = find_set(bridge_near(L, 1), torrent_of(L));
    push_functions(L, 1, torrent_of(L), false);
    if (set && set->has >> q & 1)
        lua_getfield(L, -1, policy_name(q));
    else
        lua_pushnil(L);
}

#define FIELD(name, question)                                                 \
    static void get_##name(lua_State *L, const struct target *t) {            \
        (void)t;                                                              \
        get(L, question);                                                     \
    }                                                                         \
    static void set_##name(lua_State *L, const struct target *t, int value) { \
        (void)t;                                                              \
        policy_assign(L, 1, torrent_of(L), question, value);                  \
    }

FIELD(admit, POLICY_ADMIT)
FIELD(connect, POLICY_CONNECT)
FIELD(unchoke, POLICY_UNCHOKE)
FIELD(drop, POLICY_DROP)
FIELD(piece, POLICY_PIECE)
FIELD(source, POLICY_SOURCE)

static const struct property properties[] = {
    {"admit", get_admit, set_admit, false},
    {"connect", get_connect, set_connect, false},
    {"unchoke", get_unchoke, set_unchoke, false},
    {"drop", get_drop, set_drop, false},
    {"piece", get_piece, set_piece, false},
    {"source", get_source, set_source, false},
    {NULL, NULL, NULL, false},
};

static const luaL_Reg methods[] = {{NULL, NULL}};

/* A simulated swarm has no session, and its torrents never die. */
static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    return !t->session || !b->torrent || session_torrent(t->session, b->torrent);
}

static void describe(lua_State *L, const struct target *t) {
    (void)t;
    lua_pushstring(L, torrent_of(L) ? "of a torrent" : "of a session");
}

const struct class policy_class = {
    .name = "policy",
    .metatable = "mare.policy.1",
    .gone = "policy is of a removed torrent",
    .properties = properties,
    .methods = methods,
    .resolve = resolve,
    .describe = describe,
};

/* ---- the torrent of a simulated peer -------------------------------------------------------- */

static void push_new_self(lua_State *L, const struct policy_self *self) {
    lua_createtable(L, 0, 8);
    set_flag(L, "done", self->done);
    set_string(L, "state", self->done ? "seeding" : "downloading");
    set_number(L, "progress", self->progress);
    set_count(L, "downloaded", self->downloaded);
    set_count(L, "uploaded", self->uploaded);
    set_count(L, "peer_count", self->connected);
    set_number(L, "ratio",
               (double)self->uploaded /
                   (double)(self->downloaded ? self->downloaded : 1));
}

/* One table serves a whole round. */
bool policy_push_self(lua_State *L, int near, const struct policy_bridge *b) {
    const struct policy_lore *lore = b->asking ? b->asking->lore : NULL;
    if (!lore || !lore->self)
        return false;
    near = lua_absindex(L, near);
    env_push(L, near, "self");
    env_push(L, near, "self_round");
    bool fresh = !lua_isnil(L, -2) && lua_tointeger(L, -1) == (lua_Integer)b->round;
    lua_pop(L, 1);
    if (fresh)
        return true;
    lua_pop(L, 1);
    push_new_self(L, lore->self);
    compat_getuservalue(L, near);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "self");
    lua_pushinteger(L, (lua_Integer)b->round);
    lua_setfield(L, -2, "self_round");
    lua_pop(L, 1);
    return true;
}

/* ---- counts -------------------------------------------------------------------------------- */

static void push_counts(lua_State *L, const struct policy_counts *c) {
    lua_createtable(L, 0, 4);
    set_count(L, "rounds", c->rounds);
    set_count(L, "calls", c->calls);
    set_number(L, "seconds", (double)c->nsec / 1e9);
    set_count(L, "fallbacks", c->fallbacks);
}

void policy_push_stats(lua_State *L, const struct policy_bridge *b) {
    lua_createtable(L, 0, POLICY_QUESTIONS);
    for (int q = 0; q < POLICY_QUESTIONS; q++) {
        push_counts(L, &b->counts[q]);
        lua_setfield(L, -2, policy_name((enum policy_question)q));
    }
}
