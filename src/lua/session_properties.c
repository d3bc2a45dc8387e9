/* session_properties: what a session tells of itself, and what may be set. */
#include "engine/access.h"
#include "engine/peer.h"
#include "engine/torrent.h"
#include "lua/dht.h"
#include "lua/http.h"
#include "lua/session_private.h"
#include "lua/value.h"
#include "swarm/turnover.h"

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
    const struct session *s = t->session;
    const struct addr *known[] = {&s->external_addr, &s->external4, &s->external6};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i]->family) {
            push_ip_text(L, known[i]);
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
#define STATS_PUSH_COUNTER(name, what) set_count(L, #name, counters.name);
#define STATS_PUSH_GAUGE(name, what) set_count(L, #name, gauges.name);
    STATS_COUNTERS(STATS_PUSH_COUNTER)
    STATS_GAUGES(STATS_PUSH_GAUGE)
#undef STATS_PUSH_COUNTER
#undef STATS_PUSH_GAUGE
    policy_push_stats(L, &((const struct session_box *)lua_touserdata(L, 1))->policy);
    lua_setfield(L, -2, "policy");
}

/* What is barred: an IP address; on loopback with the port. */
static void push_barred(lua_State *L, const struct addr *a) {
    if (addr_kind(a) == ADDR_LOOPBACK)
        push_address_text(L, a);
    else
        push_ip_text(L, a);
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
        set_seconds(L, "seconds", b->until == USEC_NEVER ? USEC_NEVER : b->until - now);
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

const struct property session_properties[] = {
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
