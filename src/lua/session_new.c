/* session_new: a session comes and goes: its options, the policies that it is judged by, its end. The
 * userdata is there first and is then filled, so an error on the way leaks nothing. */
#include "engine/access.h"
#include "engine/torrent.h"
#include "lua/dht.h"
#include "lua/options.h"
#include "lua/record_session.h"
#include "lua/session_private.h"
#include "lua/value.h"

#include <string.h>

/* ---- birth --------------------------------------------------------------------------------- */

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
void session_report_policy(struct policy_bridge *b, handle torrent, const char *text) {
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
    box->policy.report = session_report_policy;
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

static void box_close(lua_State *L, struct session_box *box, usec linger) {
    struct session *s = box->session;
    box->session = NULL;
    session_forget_event(box);
    policy_bridge_fini(L, &box->policy);
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
int session_do_close(lua_State *L) {
    usec linger = lua_isnoneornil(L, 2) ? 0 : check_seconds(L, 2, "linger");
    box_close(L, session_check_box(L, 1), linger);
    lua_pushboolean(L, 1);
    return 1;
}

int session_gc(lua_State *L) {
    box_close(L, session_check_box(L, 1), 0);
    return 0;
}

/* The end of a scope is as deliberate as close(). */
int session_leave(lua_State *L) {
    lua_settop(L, 1); /* without the error that ends it */
    if (policy_queue(L, &session_check_box(L, 1)->policy, "_close"))
        return 0;
    box_close(L, session_check_box(L, 1), USEC_PER_SEC);
    return 0;
}
