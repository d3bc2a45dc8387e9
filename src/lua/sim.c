/* sim: mare.core.sim, a simulated swarm (swarm/sim.h) whose peers ask Lua policies, by the same
 * bridge as a session's. lua/mare/sim.lua checks and explains the options, and makes of the results
 * what people read; here is the raw half.
 *
 *     raw = core.sim({ pieces = .., seed = .. }, { { count = .., up_low = .., policy = {} }, .. })
 *     while raw:run(10000) do end
 *     raw:results()
 *
 * What policies ask for (peer:ban, peer:close, choke, unchoke) is done after the event in which they
 * did: the bridge's list is taken, and the simulator does it in its own way. */
#include "swarm/sim.h"

#include "lua/object.h"
#include "lua/options.h"
#include "lua/sim.h"
#include "lua/value.h"

#include <stdlib.h>
#include <string.h>

#define SIM_NAME "mare.sim.1"
#define ERRORS_KEPT 10

/* Begins as a session does: the bridge and the boxes look at no more than that. */
struct sim_box {
    struct session_box base; /* its session stays NULL */
    struct sim *sim;
    bool running;
    uint32_t errors;
    char *error[ERRORS_KEPT];
};

static struct sim_box *check_sim(lua_State *L) {
    return luaL_checkudata(L, 1, SIM_NAME);
}

/* ---- making --------------------------------------------------------------------------------- */

struct settings {
    uint64_t pieces, blocks, block_length, tracker_reply, loss_window;
    uint64_t arrive, linger, abort, max_time, sample, seed;
};

#define FIELD(name) \
    { #name, OPTION_COUNT, offsetof(struct settings, name), NULL }
static const struct option settings_options[] = {
    FIELD(pieces),      FIELD(blocks), FIELD(block_length), FIELD(tracker_reply),
    FIELD(loss_window), FIELD(arrive), FIELD(linger),       FIELD(abort),
    FIELD(max_time),    FIELD(sample), FIELD(seed),         {NULL, OPTION_COUNT, 0, NULL},
};
#undef FIELD

static uint32_t narrow(lua_State *L, uint64_t n, const char *name) {
    if (n > UINT32_MAX)
        luaL_error(L, "mare.core.sim: %s is too large", name);
    return (uint32_t)n;
}

static struct sim_settings read_settings(lua_State *L, int i) {
    struct settings r = {.linger = (uint64_t)USEC_NEVER, .abort = (uint64_t)USEC_NEVER};
    options_read(L, i, "mare.core.sim", settings_options, &r);
    return (struct sim_settings){
        .pieces = narrow(L, r.pieces, "pieces"),
        .blocks = narrow(L, r.blocks, "blocks"),
        .block_length = narrow(L, r.block_length, "block_length"),
        .tracker_reply = narrow(L, r.tracker_reply, "tracker_reply"),
        .loss_window = narrow(L, r.loss_window, "loss_window"),
        .arrive = (usec)r.arrive,
        .linger = (usec)r.linger,
        .abort = (usec)r.abort,
        .max_time = (usec)r.max_time,
        .sample = (usec)r.sample,
        .seed = r.seed,
    };
}

struct group {
    uint64_t count, up_low, up_high, down_low, down_high, latency_low, latency_high;
    uint64_t play, connections;
    uint32_t slots;
    bool seed;
};

#define FIELD(name) \
    { #name, OPTION_COUNT, offsetof(struct group, name), NULL }
static const struct option group_options[] = {
    FIELD(count),
    FIELD(up_low),
    FIELD(up_high),
    FIELD(down_low),
    FIELD(down_high),
    FIELD(latency_low),
    FIELD(latency_high),
    FIELD(play),
    FIELD(connections),
    {"slots", OPTION_LIMIT, offsetof(struct group, slots), NULL},
    {"seed", OPTION_BOOLEAN, offsetof(struct group, seed), NULL},
    {"policy", OPTION_TABLE, 0, NULL},
    {NULL, OPTION_COUNT, 0, NULL},
};
#undef FIELD

static struct sim_group read_group(lua_State *L, int i) {
    struct group r = {.count = 0};
    options_read(L, i, "mare.core.sim", group_options, &r);
    return (struct sim_group){
        .count = narrow(L, r.count, "count"),
        .seed = r.seed,
        .up = {narrow(L, r.up_low, "up"), narrow(L, r.up_high, "up")},
        .down = {narrow(L, r.down_low, "down"), narrow(L, r.down_high, "down")},
        .latency = {narrow(L, r.latency_low, "latency"),
                    narrow(L, r.latency_high, "latency")},
        .slots = r.slots,
        .connections = narrow(L, r.connections, "connections"),
        .play = narrow(L, r.play, "play"),
    };
}

static void on_report(struct policy_bridge *b, handle torrent, const char *text) {
    struct session_box *base = CONTAINER_OF(b, struct session_box, policy);
    struct sim_box *box = CONTAINER_OF(base, struct sim_box, base);
    (void)torrent;
    if (box->errors < ERRORS_KEPT)
        box->error[box->errors] = strdup(text); /* NULL: a line less */
    box->errors += box->errors < ERRORS_KEPT;
}

static struct sim_box *push_box(lua_State *L) {
    struct sim_box *box = compat_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    luaL_getmetatable(L, SIM_NAME);
    lua_setmetatable(L, -2);
    env_create(L, -1);
    box->base.policy.report = on_report;
    return box;
}

/* The groups' policies are those of torrents 1, 2, ... */
static void assign_policies(lua_State *L, int box, int groups, uint32_t n) {
    for (uint32_t g = 0; g < n; g++) {
        lua_rawgeti(L, groups, (int)g + 1);
        if (compat_getfield(L, -1, "policy") != LUA_TNIL)
            policy_assign_all(L, box, g + 1, -1);
        lua_pop(L, 2);
    }
}

/* (settings, groups) */
int sim_create(lua_State *L) {
    int err;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    uint32_t n = (uint32_t)lua_rawlen(L, 2);
    struct sim_box *box = push_box(L);
    struct sim_settings settings = read_settings(L, 1);
    struct sim_group *groups = compat_newuserdata(L, MAX(n, 1u) * sizeof *groups);
    for (uint32_t g = 0; g < n; g++) {
        lua_rawgeti(L, 2, (int)g + 1);
        groups[g] = read_group(L, lua_gettop(L));
        lua_pop(L, 1);
    }
    assign_policies(L, 3, 2, n);
    settings.policy = (struct policy){&policy_bridge_hooks, &box->base.policy};
    box->sim = sim_new(&settings, groups, n, &err);
    if (!box->sim)
        return luaL_error(L, err == ERR_NOMEM
                                 ? "out of memory"
                                 : "mare.core.sim: a setting is out of range");
    lua_settop(L, 3);
    return 1;
}

/* ---- running -------------------------------------------------------------------------------- */

static enum sim_action action_named(const char *name) {
    static const char *const names[] = {[SIM_CLOSE] = "close",
                                        [SIM_BAN] = "ban",
                                        [SIM_CHOKE] = "choke",
                                        [SIM_UNCHOKE] = "unchoke"};
    size_t i = 0;
    while (i < COUNT_OF(names) && (!name || strcmp(names[i], name) != 0))
        i++;
    return (enum sim_action)i;
}

/* { peer, "ban", seconds } at the top. Actions that no simulated swarm knows are let go. */
static void perform(lua_State *L, struct sim *s) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    lua_rawgeti(L, -3, 3);
    const struct box *b = luaL_testudata(L, -3, peer_class.metatable);
    enum sim_action action =
        action_named(lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL);
    lua_Number seconds = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    bool bounded = seconds >= 0 && seconds < 1e9;
    if (b && action < SIM_ACTIONS)
        sim_act(s, b->peer, action,
                bounded ? (usec)(seconds * (lua_Number)USEC_PER_SEC) : USEC_NEVER);
    lua_pop(L, 3);
}

static void perform_all(lua_State *L, struct sim *s) {
    policy_take_actions(L, 1);
    size_t n = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, (int)i);
        perform(L, s);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static int drive(struct sim_box *box, lua_State *L, uint32_t events) {
    struct policy_bridge *b = &box->base.policy;
    lua_State *before = policy_drive(b, L);
    uint64_t round = b->round;
    int more = 1;
    box->running = true;
    while (more > 0 && events-- && b->round == round)
        more = sim_run(box->sim, 1);
    box->running = false;
    (void)policy_drive(b, before);
    return more;
}

/* run(events): so many, or until a policy was asked; true while there is more to come. */
static int do_run(lua_State *L) {
    struct sim_box *box = check_sim(L);
    uint64_t events = check_count_below(L, 2, UINT32_MAX, "events");
    if (box->running)
        return luaL_error(L, "a policy cannot run the swarm that asks it");
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_settop(L, 2);
    int more = drive(box, L, (uint32_t)events);
    perform_all(L, box->sim);
    if (more < 0)
        return luaL_error(L, "out of memory");
    lua_pushboolean(L, more);
    return 1;
}

/* ---- what came of it ------------------------------------------------------------------------ */

static void push_peer_result(lua_State *L, const struct sim_peer_result *r) {
    lua_createtable(L, 0, 10);
    set_count(L, "group", r->group + 1);
    set_count(L, "pieces", r->pieces);
    set_count(L, "up", r->up);
    set_count(L, "down", r->down);
    set_count(L, "uploaded", r->uploaded);
    set_count(L, "downloaded", r->downloaded);
    set_seconds(L, "joined", r->joined_at);
    set_seconds(L, "finished", r->finished_at);
    set_seconds(L, "left", r->left_at);
}

static void push_peers(lua_State *L, const struct sim *s) {
    uint32_t n = sim_peer_count(s);
    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        struct sim_peer_result r;
        sim_peer_result(s, i, &r);
        push_peer_result(L, &r);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_sample(lua_State *L, const struct sim_sample *a) {
    lua_createtable(L, 0, 7);
    set_seconds(L, "time", a->at);
    set_count(L, "present", a->present);
    set_count(L, "finished", a->finished);
    set_number(L, "upload_use",
               a->upload_capacity ? (double)a->upload_rate / (double)a->upload_capacity
                                  : 0);
    set_count(L, "rarest", a->rarest);
    set_number(L, "copies", a->copies);
    set_number(L, "diversity", a->diversity);
}

static void push_series(lua_State *L, const struct sim *s) {
    uint32_t n;
    const struct sim_sample *a = sim_samples(s, &n);
    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        push_sample(L, &a[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_errors(lua_State *L, const struct sim_box *box) {
    int n = 0;
    lua_newtable(L);
    for (uint32_t i = 0; i < box->errors; i++)
        if (box->error[i]) {
            lua_pushstring(L, box->error[i]);
            lua_rawseti(L, -2, ++n);
        }
}

/* results(): peers, series, totals, what policies cost, their errors. */
static int do_results(lua_State *L) {
    const struct sim_box *box = check_sim(L);
    struct sim_totals t;
    sim_totals(box->sim, &t);
    lua_createtable(L, 0, 10);
    push_peers(L, box->sim);
    lua_setfield(L, -2, "peers");
    push_series(L, box->sim);
    lua_setfield(L, -2, "series");
    policy_push_stats(L, &box->base.policy);
    lua_setfield(L, -2, "policy");
    push_errors(L, box);
    lua_setfield(L, -2, "errors");
    set_seconds(L, "time", t.at);
    set_count(L, "moved", t.moved);
    set_count(L, "wasted", t.wasted);
    set_count(L, "capacity", t.capacity);
    set_count(L, "events", t.events);
    set_flag(L, "stalled", t.stalled);
    return 1;
}

static int sim_gc(lua_State *L) {
    struct sim_box *box = check_sim(L);
    sim_free(box->sim);
    box->sim = NULL;
    policy_bridge_fini(L, &box->base.policy);
    for (uint32_t i = 0; i < ERRORS_KEPT; i++) {
        free(box->error[i]);
        box->error[i] = NULL;
    }
    return 0;
}

void sim_register(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"run", do_run}, {"results", do_results}, {NULL, NULL}};
    if (luaL_newmetatable(L, SIM_NAME)) {
        lua_pushcfunction(L, sim_gc);
        lua_setfield(L, -2, "__gc");
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}
