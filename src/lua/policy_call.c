/* policy_call: one round: one protected call in which a Lua function is asked about every row.
 *
 * Whatever the function does, the round ends: an error ends the protected call, a count hook ends
 * what runs too long, a yield is an error (there is a C frame below), and what is neither a number,
 * nil nor false is nonsense. The built-in then answers for this round; after POLICY_STRIKES rounds in
 * a row that failed, the function is taken away. Actions that it asks for are written down
 * (policy_queue.c), so nothing moves under the rows.
 *
 * The hook belongs to one coroutine. Those that the function makes inherit it; once budget is spent it
 * fires at every instruction, so no pcall of the function's can swallow the error for good. One that
 * was made before the round has no hook, and its instructions are not counted.
 *
 * Memory is bounded where it is allocated: for the time of a round Lua's allocator is ours, which
 * hands over to the one before, and refuses what would be too much. Lua then collects its garbage
 * and asks again. */
#include "lua/object.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HOOK_EVERY 1000   /* instructions between two looks at the budget */
#define RESERVE (1 << 18) /* once memory is spent: for telling so */

static const char TOO_MANY_INSTRUCTIONS[] = "it took more instructions than a round may",
                  TOO_MUCH_MEMORY[] = "it took more memory than a round may (32 MiB)";
_Static_assert(POLICY_MEMORY == 32 << 20, "as the sentence says");

struct round {
    struct policy_bridge *bridge;
    const struct policy_ask *ask;
    handle set;    /* whose function: the torrent's, or 0, the session's */
    int64_t left;  /* instructions */
    lua_Hook hook; /* of somebody else: set again afterwards */
    int mask, count;
    lua_State *L;
    lua_Alloc alloc; /* of somebody else: likewise */
    void *alloc_ctx;
    int64_t room;        /* bytes */
    bool collects;       /* Lua was told no, and is to try again without its garbage */
    bool refused;        /* memory is spent */
    struct round *outer; /* the round around this one, of another swarm; or NULL */
};

/* Where the hook finds its round: a key of the registry that nobody else has. */
static const char round_key = 0;

static void push_key(lua_State *L) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&round_key);
}

static struct round *current_round(lua_State *L) {
    push_key(L);
    lua_rawget(L, LUA_REGISTRYINDEX);
    struct round *r = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return r;
}

/* Raises only the first time in a state's life: the key stays. */
static void set_current_round(lua_State *L, struct round *r) {
    push_key(L);
    lua_pushlightuserdata(L, r);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

/* Without a new key, should there have been no memory for the first one. */
static void end_round(lua_State *L, const struct round *r) {
    if (current_round(L) == r)
        set_current_round(L, r->outer);
}

/* ---- the budget ---------------------------------------------------------------------------- */

static void on_count(lua_State *L, lua_Debug *ar) {
    (void)ar;
    struct round *r = lua_checkstack(L, 4) ? current_round(L) : NULL;
    if (!r) { /* a coroutine that was made in a round and lives on */
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    r->left -= HOOK_EVERY;
    if (r->left > 0)
        return;
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    luaL_error(L, r->refused ? TOO_MUCH_MEMORY : TOO_MANY_INSTRUCTIONS);
}

/* The budget of instructions is spent as well: a function that goes on all the same would have Lua
 * collect garbage with each attempt. */
static void refuse(struct round *r) {
    if (!r->refused)
        r->room = RESERVE;
    r->refused = true;
    r->left = 0;
    lua_sethook(r->L, on_count, LUA_MASKCOUNT, 1);
}

/* Of new objects `old` is not a size, but a type. */
static void *allocate(void *ctx, void *p, size_t old, size_t size) {
    struct round *r = ctx;
    size_t before = p ? old : 0;
    if (size > before && size - before > (uint64_t)MAX(r->room, 0)) {
        if (r->collects || size - before > POLICY_MEMORY)
            refuse(r);
        r->collects = !r->collects;
        return NULL;
    }
    r->collects = r->collects && size <= before;
    void *moved = r->alloc(r->alloc_ctx, p, old, size);
    if (moved || size == 0)
        r->room += (int64_t)before - (int64_t)size;
    return moved;
}

static void set_limits(lua_State *L, struct round *r) {
    r->L = L;
    r->room = POLICY_MEMORY;
    r->alloc = lua_getallocf(L, &r->alloc_ctx);
    lua_setallocf(L, allocate, r);
    r->hook = lua_gethook(L), r->mask = lua_gethookmask(L),
    r->count = lua_gethookcount(L);
    lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_EVERY);
}

static int collect(lua_State *L) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

/* Or the next round would begin with it, and add as much. */
static void collect_refused(lua_State *L) {
    lua_pushcfunction(L, collect);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) /* a finalizer's, in an old Lua */
        lua_pop(L, 1);
}

/* A hook that was set meanwhile (Lua's own Ctrl-C does) stays. */
static void lift_limits(lua_State *L, const struct round *r) {
    lua_setallocf(L, r->alloc, r->alloc_ctx);
    if (lua_gethook(L) == on_count)
        lua_sethook(L, r->hook, r->mask, r->count);
    if (r->refused)
        collect_refused(L);
}

/* Lua closes this library before it frees the last of its memory. */
void policy_abandon_rounds(lua_State *L) {
    for (const struct round *r = current_round(L); r; r = r->outer)
        lua_setallocf(L, r->alloc, r->alloc_ctx);
}

/* ---- the call ------------------------------------------------------------------------------ */

/* The objects that row i is about; returns how many. */
static int push_row(lua_State *L, const struct round *r, uint32_t i) {
    const struct policy_bridge *b = r->bridge;
    switch (r->ask->question) {
    case POLICY_ADMIT:
    case POLICY_CONNECT: candidate_push_row(L, 2, b, i); return 1;
    case POLICY_PIECE:
        piece_push_row(L, 2, b, i);
        peer_push_row(L, 2, b, 0);
        return 2;
    case POLICY_SOURCE:
        peer_push_row(L, 2, b, i);
        piece_push_row(L, 2, b, 0);
        return 2;
    default: peer_push_row(L, 2, b, i); return 1;
    }
}

static struct verdict read_verdict(lua_State *L) {
    lua_Number n = lua_tonumber(L, -1);
    switch (lua_type(L, -1)) {
    case LUA_TNIL: return (struct verdict){VERDICT_OWN, 0};
    case LUA_TBOOLEAN:
        if (!lua_toboolean(L, -1))
            return (struct verdict){VERDICT_NEVER, 0};
        break;
    case LUA_TNUMBER:
        if (n == n)
            return (struct verdict){VERDICT_SCORED, (double)n};
        luaL_error(L, "it answered with a number that is none (0/0)");
    }
    luaL_error(L, "it answered with a %s: a number, nil or false is expected",
               lua_toboolean(L, -1) && lua_isboolean(L, -1) ? "true"
                                                            : luaL_typename(L, -1));
    return (struct verdict){VERDICT_OWN, 0};
}

static void push_function(lua_State *L, const struct round *r) {
    env_push(L, 2, "policies");
    lua_pushinteger(L, (lua_Integer)r->set);
    lua_rawget(L, -2);
    lua_getfield(L, -1, policy_name(r->ask->question));
}

/* (round, swarm) */
static int run_round(lua_State *L) {
    struct round *r = lua_touserdata(L, 1);
    set_current_round(L, r);
    push_function(L, r);
    int f = lua_gettop(L);
    luaL_checkstack(L, 8, NULL);
    for (uint32_t i = 0; i < r->ask->n; i++) {
        lua_pushvalue(L, f);
        lua_call(L, push_row(L, r, i), 1);
        r->ask->verdicts[i] = read_verdict(L);
        lua_settop(L, f);
    }
    return 0;
}

static int trace(lua_State *L) {
    if (!lua_isstring(L, 1)) {
        lua_pushfstring(L, "(an error that is a %s)", luaL_typename(L, 1));
        lua_replace(L, 1);
    }
    compat_traceback(L, lua_tostring(L, 1));
    return 1;
}

/* Lua has words of its own for it, the same as if the machine had no memory. */
static const char *explain(lua_State *L, const struct round *r, int status) {
    return status == LUA_ERRMEM && r->refused ? TOO_MUCH_MEMORY : lua_tostring(L, -1);
}

/* Runs it with hook and key in place; leaves a message on the stack if it failed. */
static int call_protected(lua_State *L, struct round *r) {
    lua_pushcfunction(L, trace);
    int handler = lua_gettop(L);
    lua_pushcfunction(L, run_round);
    lua_pushlightuserdata(L, r);
    lua_pushvalue(L, 1);
    set_limits(L, r);
    int status = lua_pcall(L, 2, 0, handler);
    lift_limits(L, r);
    end_round(L, r);
    return status;
}

/* (round, function, arguments ..): its results */
static int run_limited(lua_State *L) {
    set_current_round(L, lua_touserdata(L, 1));
    lua_remove(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

int policy_limited(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    struct round r = {.left = POLICY_BUDGET, .outer = current_round(L)};
    int arguments = lua_gettop(L);
    lua_pushcfunction(L, trace);
    lua_insert(L, 1);
    lua_pushcfunction(L, run_limited);
    lua_insert(L, 2);
    lua_pushlightuserdata(L, &r);
    lua_insert(L, 3);
    set_limits(L, &r);
    int status = lua_pcall(L, arguments + 1, LUA_MULTRET, 1);
    lift_limits(L, &r);
    end_round(L, &r);
    if (status != LUA_OK) {
        lua_pushstring(L, explain(L, &r, status));
        lua_replace(L, -2);
    }
    lua_pushboolean(L, status == LUA_OK);
    lua_replace(L, 1);
    return lua_gettop(L);
}

/* ---- what comes of it ---------------------------------------------------------------------- */

static struct policy_set *find_set(struct policy_bridge *b, handle torrent,
                                   enum policy_question q) {
    struct policy_set *general = NULL;
    for (uint32_t i = 0; i < b->sets; i++) {
        struct policy_set *s = &b->set[i];
        if (!(s->has >> q & 1))
            continue;
        if (s->torrent == torrent)
            return s;
        if (!s->torrent)
            general = s;
    }
    return general;
}

static void note_failure(struct policy_bridge *b, struct policy_set *set,
                         const struct policy_ask *ask, const char *why) {
    char text[2048];
    enum policy_question q = ask->question;
    bool off = ++set->strikes[q] >= POLICY_STRIKES;
    b->counts[q].fallbacks++;
    if (off)
        set->has &= (uint8_t) ~(1u << q);
    snprintf(text, sizeof text, "policy %s%s: %s", policy_name(q),
             off ? " failed three times in a row and is switched off"
                 : " failed, the built-in decides this time",
             why ? why : "(no message)");
    if (b->report)
        b->report(b, ask->torrent, text);
}

static uint64_t nsec_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool bridge_has(void *owner, handle torrent, enum policy_question q) {
    struct policy_bridge *b = owner;
    return !b->asking && (b->record || (b->sets && find_set(b, torrent, q)));
}

static bool judge(struct policy_bridge *b, struct policy_set *set,
                  const struct policy_ask *ask) {
    lua_State *L = b->L;
    if (!L || b->asking || !lua_checkstack(L, 16))
        return false;
    struct round r = {.bridge = b,
                      .ask = ask,
                      .set = set->torrent,
                      .left = POLICY_BUDGET + (int64_t)ask->n * POLICY_BUDGET_ROW,
                      .outer = current_round(L)};
    struct policy_counts *counts = &b->counts[ask->question];
    uint64_t began = nsec_now();
    int top = lua_gettop(L);
    b->asking = ask;
    b->round++;
    int status = call_protected(L, &r);
    b->asking = NULL;
    counts->rounds++, counts->calls += ask->n, counts->nsec += nsec_now() - began;
    if (status == LUA_OK)
        set->strikes[ask->question] = 0;
    else
        note_failure(b, set, ask, explain(L, &r, status));
    lua_settop(L, top);
    return status == LUA_OK;
}

static void note_round(struct policy_bridge *b, const struct policy_ask *ask,
                       const char *by) {
    struct policy_self self;
    struct record_terms t = {0};
    t.self = ask->lore ? ask->lore->self : NULL;
    if (!t.self && b->tell && b->tell(b, ask->torrent, &self, &t.terms))
        t.self = &self;
    record_round(b->record, ask, by, &t, (usec)(nsec_now() / 1000));
}

static bool bridge_ask(void *owner, const struct policy_ask *ask) {
    struct policy_bridge *b = owner;
    struct policy_set *set = find_set(b, ask->torrent, ask->question);
    bool answered = set && judge(b, set, ask);
    if (b->record && !b->asking)
        note_round(b, ask, answered ? "policy" : set ? "failed" : "builtin");
    return answered;
}

const struct policy_hooks policy_bridge_hooks = {bridge_has, bridge_ask};

lua_State *policy_drive(struct policy_bridge *b, lua_State *L) {
    lua_State *before = b->L;
    b->L = L;
    return before;
}
