/* session: the engine as a Lua value: how it is driven, and what else may be done with one. Methods with
 * a leading underscore are the raw ones on which lua/mare builds step, run, close, add and the
 * dispatch of events. Its birth and end are in session_new, the rest as session_private.h says. */
#include "lua/session.h"

#include "engine/access.h"
#include "engine/torrent.h"
#include "lua/http.h"
#include "lua/record_session.h"
#include "lua/session_private.h"
#include "lua/value.h"

struct session_box *session_check_box(lua_State *L, int arg) {
    return luaL_checkudata(L, arg, session_class.metatable);
}

struct session *session_check(lua_State *L, int arg) {
    struct target t;
    target_check(L, arg, &session_class, &t);
    return t.session;
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
    struct session_box *box = session_check_box(L, 1);
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
    struct session_box *box = session_check_box(L, 1);
    lua_settop(L, 2);
    lua_pushvalue(L, 1);
    box->dispatching = true;
    return end_dispatch(L, compat_pcallk(L, 1, 0, end_dispatch), 0);
}

/* _timeout(): seconds until a step is due; 0 when events wait; nil when nothing is planned. */
static int session_do_timeout(lua_State *L) {
    struct session *s = session_check(L, 1);
    usec t = s->events.count ? 0 : session_timeout(s);
    if (t == USEC_NEVER)
        lua_pushnil(L);
    else
        push_seconds(L, MAX(t, 0));
    return 1;
}

static int session_do_fd(lua_State *L) {
    int fd = session_fd(session_check(L, 1));
    if (fd < 0)
        return push_failure_code(L, ERR_UNSUPPORTED, "this system has no pollable loop");
    lua_pushinteger(L, fd);
    return 1;
}

static int session_do_events(lua_State *L) {
    session_check(L, 1);
    lua_pushliteral(L, "r");
    return 1;
}

/* _later(name, ...): in a policy call, has self:name(...) called after the step, and returns true. */
static int session_later(lua_State *L) {
    const struct session_box *box = session_check_box(L, 1);
    const char *name = luaL_checkstring(L, 2);
    lua_remove(L, 2);
    lua_pushboolean(L, policy_queue(L, &box->policy, name));
    return 1;
}

static int session_state(lua_State *L) {
    session_check_box(L, 1);
    compat_getuservalue(L, 1);
    lua_getfield(L, -1, "state");
    return 1;
}

/* _complain(text): an `error` event of a script's. */
static int session_complain(lua_State *L) {
    struct session_box *box = session_check_box(L, 1);
    session_report_policy(&box->policy, 0, luaL_checkstring(L, 2));
    return 0;
}

/* ---- whom we talk to ------------------------------------------------------------------------- */

/* load_blocklist(path): true or nil, message, code; 'blocklist' tells of the end. */
static int session_load_blocklist(lua_State *L) {
    struct session *s = session_check(L, 1);
    struct err e = {0};
    return push_status(L, access_reload(s, luaL_checkstring(L, 2), &e), &e);
}

/* unban(address): was it barred? */
static int session_do_unban(lua_State *L) {
    struct session *s = session_check(L, 1);
    struct addr a;
    luaL_argcheck(L, addr_parse(&a, luaL_checkstring(L, 2), 1) == 0, 2,
                  "an IP address is expected");
    lua_pushboolean(L, session_unban(s, &a));
    return 1;
}

/* ---- the class ------------------------------------------------------------------------------ */

static const luaL_Reg methods[] = {
    {"unban", session_do_unban}, {"_close", session_do_close},
    {"_add", session_do_add},    {"_add_link", session_add_link},
    {"_fetch", session_fetch},   {"load_blocklist", session_load_blocklist},
    {"_serve", http_serve},      {NULL, NULL},
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
    .properties = session_properties,
    .methods = methods,
    .queries = queries,
    .is_swarm = true,
    .metamethods = metamethods,
    .resolve = resolve,
    .describe = describe,
};
