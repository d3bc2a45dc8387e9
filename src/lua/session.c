/* session: the engine as a Lua value. Methods with a leading underscore are the raw ones on which
 * lua/mare builds step, run, close, add and the dispatch of events. */
#include "engine/session.h"

#include "engine/access.h"
#include "engine/page.h"
#include "engine/peer.h"
#include "engine/torrent.h"
#include "lua/dht.h"
#include "lua/http.h"
#include "lua/object.h"
#include "lua/options.h"
#include "lua/record_session.h"
#include "lua/session.h"
#include "lua/value.h"
#include "swarm/turnover.h"

#include <string.h>

static struct session_box *check_box(lua_State *L, int arg) {
    return luaL_checkudata(L, arg, session_class.metatable);
}

static struct session *check_session(lua_State *L, int arg) {
    struct target t;
    target_check(L, arg, &session_class, &t);
    return t.session;
}

/* ---- life ---------------------------------------------------------------------------------- */

#define FIELD(name) offsetof(struct settings, name)
static const struct option settings_options[] = {
    {"port", OPTION_INTEGER, FIELD(port), NULL},
    {"bind", OPTION_STRING, FIELD(device), NULL},
    {"blocklist", OPTION_STRING, FIELD(blocklist), NULL},
    {"encryption", OPTION_WORD, FIELD(encryption), "off|prefer|require"},
    {"portmap", OPTION_BOOLEAN, FIELD(portmap), NULL},
    {"portmap_lease", OPTION_LIMIT, FIELD(portmap_lease), NULL},
    {"directory", OPTION_STRING, FIELD(directory), NULL},
    {"state", OPTION_STRING, FIELD(state), NULL},
    {"memory", OPTION_COUNT, FIELD(memory), NULL},
    {"connections", OPTION_LIMIT, FIELD(connections), NULL},
    {"slots", OPTION_LIMIT, FIELD(slots), NULL},
    {"up_rate", OPTION_RATE, FIELD(up_rate), NULL},
    {"down_rate", OPTION_RATE, FIELD(down_rate), NULL},
    {"receive", OPTION_WORD, FIELD(receive), "scatter|chunked"},
    {"allocation", OPTION_FLAG, FIELD(full_allocation), "sparse|full"},
    {"pex", OPTION_BOOLEAN, FIELD(pex), NULL},
    {"dht", OPTION_ANY, 0, NULL},
    {"lsd", OPTION_BOOLEAN, FIELD(lsd), NULL},
    {"user_agent", OPTION_STRING, FIELD(user_agent), NULL},
    {"ca_file", OPTION_STRING, FIELD(ca_file), NULL},
    {"proxy", OPTION_STRING, FIELD(proxy), NULL},
    {"proxy_bypass", OPTION_BOOLEAN, FIELD(proxy_bypass), NULL},
    {"seed", OPTION_COUNT, FIELD(seed), NULL},
    {NULL, OPTION_STRING, 0, NULL},
};

/* `bind` is an address, or else the name of an interface. */
static void take_bind(struct settings *s) {
    if (s->device && addr_parse(&s->bind, s->device, 1) == 0) {
        s->bind.port = 0;
        s->device = NULL;
    }
}

/* A policy failed: an `error` event of its torrent, or of the session. */
static void report_policy(struct policy_bridge *b, handle torrent, const char *text) {
    struct session_box *box = CONTAINER_OF(b, struct session_box, policy);
    struct event ev = {.type = EVENT_ERROR, .torrent = torrent, .code = ERR_SCRIPT};
    ev.text = strdup(text);
    if (box->session)
        events_push(&box->session->events, &ev);
    else
        event_fini(&ev);
}

static void note_policy(struct policy_bridge *b, handle torrent, enum policy_question q) {
    const struct session *s = CONTAINER_OF(b, struct session_box, policy)->session;
    if (!s)
        return;
    LIST_EACH(l, &s->torrent_list) {
        struct torrent *t = LIST_ITEM(l, struct torrent, in_session);
        if (!torrent || torrent == t->id)
            torrent_on_policy(t, q);
    }
}

static void connect_policy(struct session_box *box) {
    box->policy.report = report_policy;
    box->policy.changed = note_policy;
    box->policy.tell = record_tell;
    if (box->session)
        box->session->policy = (struct policy){&policy_bridge_hooks, &box->policy};
}

int session_create(lua_State *L) {
    struct settings settings;
    struct err e = {0};
    memset(&settings, 0, sizeof settings);
    settings.pex = true;
    settings.portmap = true;
    settings.encryption = mse_supported(NULL) < 0 ? MSE_OFF : MSE_PREFER;
    options_read(L, 1, "mare.session", settings_options, &settings);
    take_bind(&settings);
    dht_read_settings(L, 1, &settings);
    struct session_box *box = compat_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    env_create(L, -1);
    luaL_getmetatable(L, session_class.metatable);
    lua_setmetatable(L, -2);
    box->session = session_new(&settings, &e);
    connect_policy(box);
    return box->session ? 1 : push_failure(L, &e);
}

static void forget_event(struct session_box *box) {
    if (box->has_event)
        event_fini(&box->event);
    box->has_event = false;
}

static void box_close(struct session_box *box, usec linger) {
    struct session *s = box->session;
    box->session = NULL;
    forget_event(box);
    policy_bridge_fini(&box->policy);
    if (!s)
        return;
    /* os.exit(0, true) inside a policy: the state is closed in the middle of a step that nobody will
     * end. */
    s->stepping = false;
    s->policy.hooks = NULL;
    if (linger > 0)
        (void)session_close(s, linger);
    session_free(s);
}

/* _close([linger seconds]): true; also when it is closed already. */
static int session_do_close(lua_State *L) {
    usec linger = lua_isnoneornil(L, 2) ? 0 : check_seconds(L, 2, "linger");
    box_close(check_box(L, 1), linger);
    lua_pushboolean(L, 1);
    return 1;
}

static int session_gc(lua_State *L) {
    box_close(check_box(L, 1), 0);
    return 0;
}

/* The end of a scope is as deliberate as close(). */
static int session_leave(lua_State *L) {
    lua_settop(L, 1); /* without the error that ends it */
    if (policy_queue(L, &check_box(L, 1)->policy, "_close"))
        return 0;
    box_close(check_box(L, 1), USEC_PER_SEC);
    return 0;
}

/* ---- driving ------------------------------------------------------------------------------- */

/* With this coroutine to ask policies in; then does what they asked for. */
static int step(lua_State *L, struct session_box *box, usec wait) {
    if (box->session->stepping)
        return ERR_BUSY;
    lua_State *before = policy_drive(&box->policy, L);
    int status = session_step(box->session, wait);
    policy_drive(&box->policy, before);
    policy_perform(L, 1, &box->policy);
    return status;
}

/* _step([seconds]): true or nil, message, code. */
static int session_do_step(lua_State *L) {
    struct session_box *box = check_box(L, 1);
    usec wait = check_seconds(L, 2, "seconds");
    if (box->dispatching)
        return push_failure_code(L, ERR_BUSY, "already stepping");
    int status = box->session ? step(L, box, wait) : ERR_CLOSED;
    if (status == ERR_BUSY)
        return push_failure_code(L, status, "already stepping");
    if (status == ERR_CLOSED)
        return push_failure_code(L, status, session_class.gone);
    return push_status(L, status, &(struct err){0});
}

/* Back from handlers, however they ended. One may have yielded meanwhile, where Lua can. */
static int end_dispatch(lua_State *L, int status, compat_context context) {
    struct session_box *box = lua_touserdata(L, 1);
    (void)context;
    box->dispatching = false;
    return status == LUA_OK || status == LUA_YIELD ? 0 : lua_error(L);
}

/* _dispatch(f): calls f(session), which calls the handlers. */
static int session_dispatch(lua_State *L) {
    struct session_box *box = check_box(L, 1);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    box->dispatching = true;
    return end_dispatch(L, compat_pcallk(L, 1, 0, end_dispatch), 0);
}

/* _timeout(): seconds until a step is due; 0 when events wait; nil when nothing is planned. */
static int session_do_timeout(lua_State *L) {
    struct session *s = check_session(L, 1);
    usec t = s->events.count ? 0 : session_timeout(s);
    if (t == USEC_NEVER)
        lua_pushnil(L);
    else
        push_seconds(L, MAX(t, 0));
    return 1;
}

static int session_do_fd(lua_State *L) {
    int fd = session_fd(check_session(L, 1));
    if (fd < 0)
        return push_failure_code(L, ERR_UNSUPPORTED, "this system has no pollable loop");
    lua_pushinteger(L, fd);
    return 1;
}

static int session_do_events(lua_State *L) {
    check_session(L, 1);
    lua_pushliteral(L, "r");
    return 1;
}

/* _later(name, ...): in a policy call, has self:name(...) called after the step, and returns true. */
static int session_later(lua_State *L) {
    const struct session_box *box = check_box(L, 1);
    const char *name = luaL_checkstring(L, 2);
    lua_remove(L, 2);
    lua_pushboolean(L, policy_queue(L, &box->policy, name));
    return 1;
}

static int session_state(lua_State *L) {
    check_box(L, 1);
    compat_getuservalue(L, 1);
    lua_getfield(L, -1, "state");
    return 1;
}

/* ---- events -------------------------------------------------------------------------------- */

static void push_event_index(lua_State *L, const struct event *ev) {
    switch (ev->type) {
    case EVENT_PIECE:
    case EVENT_HASH_FAILED: piece_push(L, 1, ev->torrent, ev->index); break;
    case EVENT_FILE: file_push(L, 1, ev->torrent, ev->index); break;
    default: lua_pushinteger(L, (lua_Integer)ev->index); break;
    }
}

static void push_event_peer(lua_State *L, const struct event *ev) {
    const struct box peer = {.torrent = ev->torrent, .peer = ev->peer};
    if (ev->peer)
        box_push(L, 1, &peer_class, &peer);
    else
        lua_pushnil(L);
}

static void push_event_torrent(lua_State *L, const struct event *ev) {
    if (ev->torrent)
        torrent_push(L, 1, ev->torrent);
    else
        lua_pushnil(L);
}

static void set_known(lua_State *L, const char *name, int64_t n) {
    if (n < 0)
        return;
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, name);
}

static void push_counts(lua_State *L, const struct event *ev) {
    struct scrape_counts counts;
    memcpy(&counts, ev->data, sizeof counts);
    lua_createtable(L, 0, 6);
    set_known(L, "seeds", counts.complete);
    set_known(L, "leechers", counts.incomplete);
    set_known(L, "downloads", counts.downloaded);
}

/* The peer's last facts; a scrape's numbers; the bytes of a read. */
static void push_event_data(lua_State *L, const struct event *ev) {
    struct peer_facts facts;
    if (ev->view.owner && ev->index == READ_VIEW) {
        view_push(L, 1, &ev->view);
        return;
    } else if (ev->view.owner) {
        lua_pushlstring(L, (const char *)ev->view.data, ev->view.len);
        return;
    }
    if (ev->type == EVENT_SCRAPE) {
        push_counts(L, ev);
        return;
    }
    if (ev->type != EVENT_PEER_CLOSED || ev->len != sizeof facts) {
        lua_pushlstring(L, (const char *)ev->data, ev->len);
        return;
    }
    memcpy(&facts, ev->data, sizeof facts);
    lua_createtable(L, 0, 8);
    push_address_text(L, &facts.addr);
    lua_setfield(L, -2, "address");
    lua_pushstring(L, facts.client);
    lua_setfield(L, -2, "client");
    lua_pushboolean(L, facts.incoming);
    lua_setfield(L, -2, "incoming");
    compat_pushcount(L, facts.downloaded);
    lua_setfield(L, -2, "downloaded");
    compat_pushcount(L, facts.uploaded);
    lua_setfield(L, -2, "uploaded");
    push_seconds(L, facts.connected_for);
    lua_setfield(L, -2, "connected_for");
}

/* What died is kept no longer than the script itself holds it. */
static void note_deaths(lua_State *L, const struct event *ev, int torrent, int peer) {
    if (ev->type == EVENT_REMOVED && ev->torrent) {
        box_release(L, torrent);
        policy_forget(L, 1, ev->torrent);
    } else if (ev->type == EVENT_PEER_CLOSED && ev->peer)
        box_release(L, peer);
    else if (ev->type == EVENT_OVERFLOW)
        box_sweep(L, 1);
}

/* _poll(): name, torrent, peer, index or piece or file, code, text, token, data; nothing when the queue
 * is empty. The event belongs to the box meanwhile, so that an error here leaks nothing. */
static int session_poll(lua_State *L) {
    struct session_box *box = check_box(L, 1);
    forget_event(box);
    if (!box->session || !events_pop(&box->session->events, &box->event))
        return 0;
    box->has_event = true;
    const struct event *ev = &box->event;
    lua_settop(L, 1);
    lua_pushstring(L, event_name(ev->type));
    push_event_torrent(L, ev);
    push_event_peer(L, ev);
    push_event_index(L, ev);
    if (ev->code < 0)
        lua_pushstring(L, err_name(ev->code));
    else
        lua_pushnil(L);
    push_text_or_nil(L, ev->text);
    compat_pushcount(L, ev->token);
    if (ev->data || ev->view.owner)
        push_event_data(L, ev);
    else
        lua_pushnil(L);
    note_deaths(L, ev, 3, 4);
    forget_event(box);
    return 8;
}

/* ---- torrents ------------------------------------------------------------------------------ */

struct lua_add_options {
    struct add_options add;
    const char *priorities; /* one digit a file */
};

#undef FIELD
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

/* _add(bytes, options): torrent; or nil, message, code and, if it is here already, the torrent. */
static int session_do_add(lua_State *L) {
    struct session *s = check_session(L, 1);
    size_t len;
    const uint8_t *bytes = (const uint8_t *)luaL_checklstring(L, 2, &len);
    struct lua_add_options o;
    struct torrent *t = NULL;
    struct err e = {0};
    read_add_options(L, 3, s, &o);
    int status = torrent_add(s, bytes, len, &o.add, &t, &e);
    return push_added(L, status, t, &e);
}

/* _add_link(text, options): the same for a magnet link or an info-hash. */
static int session_add_link(lua_State *L) {
    struct session *s = check_session(L, 1);
    size_t len;
    const char *link = luaL_checklstring(L, 2, &len);
    struct lua_add_options o;
    struct torrent *t = NULL;
    struct err e = {0};
    read_add_options(L, 3, s, &o);
    int status = torrent_add_link(s, link, len, &o.add, &t, &e);
    return push_added(L, status, t, &e);
}

/* _fetch(url, token): the event 'read' follows. */
static int session_fetch(lua_State *L) {
    struct session *s = check_session(L, 1);
    struct err e = {0};
    int status = page_fetch(s, luaL_checkstring(L, 2), check_count(L, 3, "token"), &e);
    return push_status(L, status, &e);
}

static int session_torrents(lua_State *L) {
    struct session *s = check_session(L, 1);
    int n = 0;
    lua_newtable(L);
    LIST_EACH(l, &s->torrent_list) {
        torrent_push(L, 1, LIST_ITEM(l, struct torrent, in_session)->id);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* find("40 hexadecimal digits"): torrent or nil. */
static int session_do_find(lua_State *L) {
    struct session *s = check_session(L, 1);
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

/* load_blocklist(path): true or nil, message, code; 'blocklist' tells of the end. */
static int session_load_blocklist(lua_State *L) {
    struct session *s = check_session(L, 1);
    struct err e = {0};
    return push_status(L, access_reload(s, luaL_checkstring(L, 2), &e), &e);
}

/* unban(address): was it barred? */
static int session_do_unban(lua_State *L) {
    struct session *s = check_session(L, 1);
    struct addr a;
    luaL_argcheck(L, addr_parse(&a, luaL_checkstring(L, 2), 1) == 0, 2,
                  "an IP address is expected");
    lua_pushboolean(L, session_unban(s, &a));
    return 1;
}

/* _complain(text): an `error` event of a script's. */
static int session_complain(lua_State *L) {
    struct session_box *box = check_box(L, 1);
    report_policy(&box->policy, 0, luaL_checkstring(L, 2));
    return 0;
}

static const luaL_Reg methods[] = {
    {"unban", session_do_unban},
    {"_close", session_do_close},
    {"_add", session_do_add},
    {"_add_link", session_add_link},
    {"_fetch", session_fetch},
    {"load_blocklist", session_load_blocklist},
    {NULL, NULL},
};

static const luaL_Reg queries[] = {
    {"fd", session_do_fd},
    {"events", session_do_events},
    {"torrents", session_torrents},
    {"find", session_do_find},
    {"_step", session_do_step},
    {"_dispatch", session_dispatch},
    {"_timeout", session_do_timeout},
    {"_poll", session_poll},
    {"_later", session_later},
    {"_serve", http_serve},
    {"_complain", session_complain},
    {"_recording", session_recording},
    {"_recorded", session_recorded},
    {"_state", session_state},
    {"_attached", object_attached},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", session_gc},
    {"__close", session_leave},
    {NULL, NULL},
};

/* ---- properties ---------------------------------------------------------------------------- */

static void get_port(lua_State *L, const struct target *t) {
    if (t->session->port)
        lua_pushinteger(L, t->session->port);
    else
        lua_pushnil(L);
}

static void get_external_port(lua_State *L, const struct target *t) {
    if (t->session->external_port)
        lua_pushinteger(L, t->session->external_port);
    else
        lua_pushnil(L);
}

static void get_external_ip(lua_State *L, const struct target *t) {
    char text[ADDR_TEXT];
    const struct session *s = t->session;
    const struct addr *known[] = {&s->external_addr, &s->external4, &s->external6};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i]->family) {
            lua_pushstring(L, addr_format_ip(known[i], text));
            return;
        }
    lua_pushnil(L);
}

static void get_peer_id(lua_State *L, const struct target *t) {
    push_hex(L, t->session->peer_id, sizeof t->session->peer_id);
}

static void get_directory(lua_State *L, const struct target *t) {
    lua_pushstring(L,
                   t->session->settings.directory ? t->session->settings.directory : ".");
}

/* Without its user and password. */
static void get_proxy(lua_State *L, const struct target *t) {
    char text[PROXY_URL_TEXT];
    if (t->session->proxy)
        lua_pushstring(L, proxy_url_format(proxy_url_of(t->session->proxy), text));
    else
        lua_pushnil(L);
}

static void get_memory(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->session->budget.limit);
}

static void get_memory_used(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->session->budget.used);
}

static void get_connections(lua_State *L, const struct target *t) {
    push_limit(L, t->session->settings.connections);
}

static void set_connections(lua_State *L, const struct target *t, int value) {
    t->session->settings.connections = check_limit(L, value, "connections");
}

static void get_slots(lua_State *L, const struct target *t) {
    push_limit(L, t->session->settings.slots);
}

static void set_slots(lua_State *L, const struct target *t, int value) {
    t->session->settings.slots = check_limit(L, value, "slots");
}

static void get_up_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->session->up.rate);
}

static void set_up_rate(lua_State *L, const struct target *t, int value) {
    session_set_rates(t->session, check_rate(L, value, "up_rate"), t->session->down.rate);
}

static void get_down_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->session->down.rate);
}

static void set_down_rate(lua_State *L, const struct target *t, int value) {
    session_set_rates(t->session, t->session->up.rate, check_rate(L, value, "down_rate"));
}

static void get_upload_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, meter_rate(&t->session->up_meter, session_now(t->session)));
}

static void get_download_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, meter_rate(&t->session->down_meter, session_now(t->session)));
}

static void get_peers(lua_State *L, const struct target *t) {
    uint32_t at = 0;
    int n = 0;
    lua_newtable(L);
    for (struct peer *p; (p = slots_each(&t->session->peers, &at));)
        if (p->state == PEER_READY) {
            peer_push(L, 1, p);
            lua_rawseti(L, -2, ++n);
        }
}

static void get_dht(lua_State *L, const struct target *t) {
    (void)t;
    box_push(L, 1, &dht_class, &(struct box){.torrent = 0});
}

static void get_connection_count(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->session->connections);
}

static void get_blocked_ranges(lua_State *L, const struct target *t) {
    compat_pushcount(L, access_ranges(t->session));
}

static void get_encryption(lua_State *L, const struct target *t) {
    static const char *const names[] = {"off", "prefer", "require"};
    lua_pushstring(L, names[t->session->settings.encryption]);
}

static void get_stats(lua_State *L, const struct target *t) {
    const struct stats counters = t->session->stats;
    struct gauges gauges;
    stats_gauges(t->session, &gauges);
    lua_newtable(L);
#define STATS_PUSH_COUNTER(name, what)  \
    compat_pushcount(L, counters.name); \
    lua_setfield(L, -2, #name);
#define STATS_PUSH_GAUGE(name, what)  \
    compat_pushcount(L, gauges.name); \
    lua_setfield(L, -2, #name);
    STATS_COUNTERS(STATS_PUSH_COUNTER)
    STATS_GAUGES(STATS_PUSH_GAUGE)
#undef STATS_PUSH_COUNTER
#undef STATS_PUSH_GAUGE
    policy_push_stats(L, &((const struct session_box *)lua_touserdata(L, 1))->policy);
    lua_setfield(L, -2, "policy");
}

/* What is barred: an IP address; on loopback with the port. */
static void push_barred(lua_State *L, const struct addr *a) {
    char text[ADDR_TEXT];
    if (addr_kind(a) == ADDR_LOOPBACK)
        lua_pushstring(L, addr_format(a, text));
    else
        lua_pushstring(L, addr_format_ip(a, text));
}

/* { { address = .., seconds = left, nil for good }, .. } */
static void get_bans(lua_State *L, const struct target *t) {
    const struct bans *bans = &t->session->bans;
    usec now = session_now(t->session);
    int n = 0;
    lua_newtable(L);
    for (uint32_t i = 0; i < bans->count; i++) {
        const struct ban *b = &bans->ban[i];
        if (b->until <= now)
            continue;
        lua_createtable(L, 0, 2);
        push_barred(L, &b->addr);
        lua_setfield(L, -2, "address");
        push_span(L, b->until == USEC_NEVER ? USEC_NEVER : b->until - now);
        lua_setfield(L, -2, "seconds");
        lua_rawseti(L, -2, ++n);
    }
}

static void get_turnover(lua_State *L, const struct target *t) {
    push_seconds(L, t->session->settings.turnover);
}

static void set_turnover(lua_State *L, const struct target *t, int value) {
    usec every = check_seconds(L, value, "turnover");
    t->session->settings.turnover = every == USEC_NEVER ? TURNOVER_EVERY : every;
    LIST_EACH(l, &t->session->torrent_list) {
        torrent_want_decision(LIST_ITEM(l, struct torrent, in_session), true, false);
    }
}

static void get_policy(lua_State *L, const struct target *t) {
    (void)t;
    policy_push(L, 1, 0);
}

static void set_policy(lua_State *L, const struct target *t, int value) {
    (void)t;
    policy_assign_all(L, 1, 0, value);
}

static void get_http(lua_State *L, const struct target *t) {
    http_push(L, 1, t->session);
}

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    OBJECT_DATA,
    {"port", get_port, NULL, false},
    {"external_port", get_external_port, NULL, false},
    {"external_ip", get_external_ip, NULL, false},
    {"peer_id", get_peer_id, NULL, false},
    {"directory", get_directory, NULL, false},
    {"proxy", get_proxy, NULL, false},
    {"memory", get_memory, NULL, false},
    {"memory_used", get_memory_used, NULL, false},
    {"connections", get_connections, set_connections, false},
    {"slots", get_slots, set_slots, false},
    {"up_rate", get_up_rate, set_up_rate, false},
    {"down_rate", get_down_rate, set_down_rate, false},
    {"upload_rate", get_upload_rate, NULL, false},
    {"download_rate", get_download_rate, NULL, false},
    {"peers", get_peers, NULL, false},
    {"dht", get_dht, NULL, false},
    {"connection_count", get_connection_count, NULL, false},
    {"blocked_ranges", get_blocked_ranges, NULL, false},
    {"encryption", get_encryption, NULL, false},
    {"stats", get_stats, NULL, false},
    {"bans", get_bans, NULL, false},
    {"turnover", get_turnover, set_turnover, false},
    {"policy", get_policy, set_policy, false},
    {"http", get_http, NULL, false},
    {NULL, NULL, NULL, false},
};

static bool resolve(const void *box, struct target *t) {
    t->session = ((const struct session_box *)box)->session;
    return t->session != NULL;
}

static void describe(lua_State *L, const struct target *t) {
    if (t->session->port)
        lua_pushfstring(L, "port %d", (int)t->session->port);
    else
        lua_pushliteral(L, "not listening");
}

const struct class session_class = {
    .name = "session",
    .metatable = "mare.session.1",
    .gone = "session is closed",
    .properties = properties,
    .methods = methods,
    .queries = queries,
    .is_swarm = true,
    .metamethods = metamethods,
    .resolve = resolve,
    .describe = describe,
};
