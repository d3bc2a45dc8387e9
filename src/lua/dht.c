#include "lua/dht.h"

#include "engine/session.h"
#include "lua/options.h"
#include "lua/value.h"

#include <string.h>

/* ---- settings ------------------------------------------------------------------------------ */

static const struct option options[] = {
    {"routers", OPTION_TABLE, 0, NULL},
    {"read_only", OPTION_BOOLEAN, offsetof(struct settings, dht_read_only), NULL},
    {NULL, OPTION_STRING, 0, NULL},
};

static bool is_host_port(const char *text) {
    char host[256];
    struct addr a;
    uint16_t port;
    if (strlen(text) >= sizeof host || strchr(text, ' '))
        return false;
    strcpy(host, text);
    return addr_parse(&a, text, -1) == 0 || split_host_port(host, &port);
}

/* Pushes "HOST:PORT HOST:PORT" for the list at `i`. */
static void push_routers(lua_State *L, int i) {
    i = lua_absindex(L, i);
    lua_pushliteral(L, "");
    for (int n = 1;; n++) {
        lua_rawgeti(L, i, n);
        if (lua_isnil(L, -1))
            break;
        if (lua_type(L, -1) != LUA_TSTRING || !is_host_port(lua_tostring(L, -1)))
            luaL_error(L, "dht.routers[%d] must be \"HOST:PORT\"", n);
        lua_pushliteral(L, " ");
        lua_insert(L, -2);
        lua_concat(L, 3);
    }
    lua_pop(L, 1);
}

static bool is_given(lua_State *L, int i, const char *name) {
    if (!lua_istable(L, i))
        return false;
    lua_getfield(L, i, name);
    bool given = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return given;
}

/* Who does not listen is not looked for; on the machine itself there is nobody to be found by a call
 * into the network. */
static void choose_defaults(lua_State *L, int i, struct settings *s) {
    bool alone = addr_kind(&s->bind) == ADDR_LOOPBACK;
    if (!is_given(L, i, "lsd"))
        s->lsd = s->port >= 0 && !alone;
    s->dht = s->port >= 0;
}

void dht_read_settings(lua_State *L, int i, struct settings *s) {
    i = lua_absindex(L, i);
    choose_defaults(L, i, s);
    if (!is_given(L, i, "dht")) {
        lua_pushnil(L);
        return;
    }
    lua_getfield(L, i, "dht");
    if (lua_isboolean(L, -1)) {
        s->dht = lua_toboolean(L, -1);
        return;
    }
    if (!lua_istable(L, -1))
        luaL_error(L, "dht must be true, false or a table, not a %s",
                   luaL_typename(L, -1));
    options_read(L, -1, "mare.session: dht", options, s);
    lua_getfield(L, -1, "routers");
    lua_remove(L, -2);
    if (lua_isnil(L, -1))
        return;
    push_routers(L, -1);
    lua_remove(L, -2);
    s->dht_routers = lua_tostring(L, -1);
}

/* ---- methods ------------------------------------------------------------------------------- */

static struct session *check_session(lua_State *L) {
    struct target t;
    target_check(L, 1, &dht_class, &t);
    return t.session;
}

static int is_off(lua_State *L) {
    return push_failure_code(L, ERR_UNSUPPORTED, "the DHT is off in this session");
}

/* add_node(host, port) */
static int do_add_node(lua_State *L) {
    const struct session *s = check_session(L);
    const char *host = luaL_checkstring(L, 2);
    uint16_t port = (uint16_t)check_count_below(L, 3, 65536, "port");
    struct err e = {0};
    luaL_argcheck(L, port > 0, 3, "a port is from 1 to 65535");
    luaL_argcheck(L, *host && strlen(host) < 256, 2,
                  "a host name or address is expected");
    if (!s->dht)
        return is_off(L);
    return push_status(L, dht_node_add(s->dht, host, port, &e), &e);
}

/* _get_peers(hash, token): the event 'read' follows. */
static int do_get_peers(lua_State *L) {
    const struct session *s = check_session(L);
    size_t len;
    const char *hex = luaL_checklstring(L, 2, &len);
    uint64_t token = check_count(L, 3, "token");
    uint8_t hash[20];
    struct err e = {0};
    luaL_argcheck(L, len == 40 && hex_decode(hash, hex, 20) == 0, 2,
                  "an info-hash has 40 hexadecimal digits");
    if (!s->dht)
        return is_off(L);
    return push_status(L, dht_node_get_peers(s->dht, hash, token, &e), &e);
}

static const luaL_Reg methods[] = {
    {"add_node", do_add_node},
    {"_get_peers", do_get_peers},
    {NULL, NULL},
};

/* ---- properties ---------------------------------------------------------------------------- */

/* All zero while it is off. */
static struct dht_stats stats_of(const struct target *t) {
    struct dht_stats st;
    memset(&st, 0, sizeof st);
    if (t->session->dht)
        dht_node_stats(t->session->dht, &st);
    return st;
}

static void get_state(lua_State *L, const struct target *t) {
    struct dht_stats st = stats_of(t);
    if (!t->session->dht)
        lua_pushliteral(L, "off");
    else if (st.ip4.ready || st.ip6.ready)
        lua_pushliteral(L, "ready");
    else
        lua_pushliteral(L, "bootstrapping");
}

static void push_id(lua_State *L, const struct dht_side_stats *side) {
    if (side->on)
        push_hex(L, side->id, sizeof side->id);
    else
        lua_pushnil(L);
}

static void get_id(lua_State *L, const struct target *t) {
    struct dht_stats st = stats_of(t);
    push_id(L, &st.ip4);
}

static void get_id6(lua_State *L, const struct target *t) {
    struct dht_stats st = stats_of(t);
    push_id(L, &st.ip6);
}

static void get_port(lua_State *L, const struct target *t) {
    uint16_t port = 0;
    if (t->session->dht && !(port = datagrams_port(t->session->datagrams, 4)))
        port = datagrams_port(t->session->datagrams, 6);
    if (port)
        lua_pushinteger(L, port);
    else
        lua_pushnil(L);
}

static void push_external(lua_State *L, const struct addr *a) {
    char text[ADDR_TEXT];
    lua_pushstring(L, a->family ? addr_format_ip(a, text) : NULL);
}

static void get_external(lua_State *L, const struct target *t) {
    struct dht_stats st = stats_of(t);
    push_external(L, &st.ip4.external);
}

static void get_external6(lua_State *L, const struct target *t) {
    struct dht_stats st = stats_of(t);
    push_external(L, &st.ip6.external);
}

static void get_read_only(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->session->settings.dht_read_only);
}

#define COUNT(name, field)                                         \
    static void get_##name(lua_State *L, const struct target *t) { \
        compat_pushcount(L, stats_of(t).field);                    \
    }
COUNT(nodes, ip4.nodes)
COUNT(nodes6, ip6.nodes)
COUNT(searches, searches)
COUNT(stored_hashes, hashes)
COUNT(stored_peers, peers)
COUNT(refused, limited)
COUNT(unanswered, unanswered)
COUNT(malformed, malformed)
COUNT(memory, memory)

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    {"state", get_state, NULL, false},
    {"id", get_id, NULL, false},
    {"id6", get_id6, NULL, false},
    {"nodes", get_nodes, NULL, false},
    {"nodes6", get_nodes6, NULL, false},
    {"port", get_port, NULL, false},
    {"external", get_external, NULL, false},
    {"external6", get_external6, NULL, false},
    {"read_only", get_read_only, NULL, false},
    {"searches", get_searches, NULL, false},
    {"stored_hashes", get_stored_hashes, NULL, false},
    {"stored_peers", get_stored_peers, NULL, false},
    {"refused", get_refused, NULL, false},
    {"unanswered", get_unanswered, NULL, false},
    {"malformed", get_malformed, NULL, false},
    {"memory", get_memory, NULL, false},
    {NULL, NULL, NULL, false},
};

static bool resolve(const void *box, struct target *t) {
    t->session = ((const struct box *)box)->owner->session;
    return t->session != NULL;
}

const struct class dht_class = {
    .name = "dht",
    .metatable = "mare.dht.1",
    .gone = "session is closed",
    .properties = properties,
    .methods = methods,
    .resolve = resolve,
    .describe = get_state,
};
