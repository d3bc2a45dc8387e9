/* http: the session's streaming server. Its box is known by the server's number, so that one that was
 * closed stays closed when the session serves anew. */
#include "lua/http.h"

#include "engine/stream_media.h"
#include "engine/stream_server.h"
#include "engine/torrent.h"
#include "lua/options.h"
#include "lua/value.h"

#include <string.h>

#define ASSETS_MOST 16

static const struct stream_server *server_of(const struct target *t) {
    return t->session->http;
}

void http_push(lua_State *L, int near, const struct session *s) {
    if (s->http)
        box_push(L, near, &http_class, &(struct box){.index = s->http->number});
    else
        lua_pushnil(L);
}

/* ---- serving ------------------------------------------------------------------------------- */

struct lua_serve_options {
    struct stream_options serve;
    const char *host;
    int port;
};

#define FIELD(name) offsetof(struct lua_serve_options, name)
static const struct option serve_options[] = {
    {"host", OPTION_STRING, FIELD(host), NULL},
    {"port", OPTION_INTEGER, FIELD(port), NULL},
    {"token", OPTION_STRING, FIELD(serve.token), NULL},
    {NULL, OPTION_STRING, 0, NULL},
};
#undef FIELD

/* The address to listen at; none = the default. */
static void take_host(lua_State *L, struct lua_serve_options *o) {
    if (o->host && addr_parse(&o->serve.at, o->host, 1) < 0)
        luaL_error(L, "host must be an IP address, not '%s'", o->host);
    o->serve.at.port = (uint16_t)o->port;
}

/* A string of the table on top; it lives as long as that does. */
static const char *take_string(lua_State *L, int n, size_t *len) {
    lua_rawgeti(L, -1, n);
    const char *s = luaL_checklstring(L, -1, len);
    lua_pop(L, 1);
    return s;
}

/* { { name, type, bytes }, ... } at `i`: how many. */
static size_t read_assets(lua_State *L, int i, struct stream_asset *out) {
    size_t n = 0;
    for (; n < ASSETS_MOST; n++, lua_pop(L, 1)) {
        lua_rawgeti(L, i, (int)n + 1);
        if (!lua_istable(L, -1))
            break;
        out[n].name = take_string(L, 1, NULL);
        out[n].type = take_string(L, 2, NULL);
        out[n].data = take_string(L, 3, &out[n].len);
    }
    lua_pop(L, 1);
    return n;
}

/* _serve(options, assets): the server; or nil, message, code. */
int http_serve(lua_State *L) {
    struct target t;
    struct lua_serve_options o;
    struct stream_asset assets[ASSETS_MOST];
    struct err e = {0};
    target_check(L, 1, &session_class, &t);
    memset(&o, 0, sizeof o);
    options_read(L, 2, "session:serve", serve_options, &o);
    luaL_argcheck(L, o.port >= 0, 2, "port is a number from 0 to 65535");
    luaL_checktype(L, 3, LUA_TTABLE);
    take_host(L, &o);
    o.serve.assets = assets;
    o.serve.asset_count = read_assets(L, 3, assets);
    if (stream_server_open(t.session, &o.serve, &e) < 0)
        return push_failure(L, &e);
    http_push(L, 1, t.session);
    return 1;
}

/* ---- methods ------------------------------------------------------------------------------- */

/* close(): true. Connections end; also when it is closed already. */
static int do_close(lua_State *L) {
    struct target t = {0};
    if (http_class.resolve(luaL_checkudata(L, 1, http_class.metatable), &t))
        stream_server_close(t.session);
    lua_pushboolean(L, 1);
    return 1;
}

/* drop([torrent or file], [seconds]): how many connections that waited for data, so long already,
 * were ended. */
static int do_drop(lua_State *L) {
    struct target t, of;
    handle torrent = 0;
    uint32_t file = STREAM_NO_FILE;
    usec age = lua_isnoneornil(L, 3) ? 0 : check_seconds(L, 3, "age");
    target_check(L, 1, &http_class, &t);
    if (!lua_isnoneornil(L, 2)) {
        bool is_file = luaL_testudata(L, 2, file_class.metatable) != NULL;
        target_check(L, 2, is_file ? &file_class : &torrent_class, &of);
        torrent = of.torrent->id;
        file = is_file ? of.index : STREAM_NO_FILE;
    }
    lua_pushinteger(L,
                    (lua_Integer)stream_server_drop(t.session->http, torrent, file, age));
    return 1;
}

static const luaL_Reg methods[] = {
    {"close", do_close},
    {"drop", do_drop},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__close", do_close},
    {NULL, NULL},
};

/* ---- addresses ----------------------------------------------------------------------------- */

#define URL_MOST 1200 /* origin, token, hash, number, and a name of 255 encoded bytes */

/* Frees it before anything can raise. */
static void push_text(lua_State *L, struct text *t) {
    char copy[URL_MOST];
    size_t len = MIN(t->len, sizeof copy);
    bool failed = t->failed;
    memcpy(copy, t->data ? t->data : "", len);
    text_free(t);
    if (failed)
        luaL_error(L, "out of memory");
    lua_pushlstring(L, copy, len);
}

static void begin_url(struct text *url, const struct stream_server *v) {
    text_init(url);
    stream_server_add_origin(url, v);
}

void http_push_file_url(lua_State *L, const struct torrent *t, uint32_t file) {
    const struct stream_server *v = t->session->http;
    struct text url;
    if (!v || !t->meta || file == STREAM_NO_FILE) {
        lua_pushnil(L);
        return;
    }
    begin_url(&url, v);
    stream_path_add_file(&url, v->token, t->info_hash,
                         stream_number_of_file(t->meta, file), t->meta->files[file].path);
    push_text(L, &url);
}

void http_push_main_url(lua_State *L, const struct torrent *t) {
    http_push_file_url(L, t, t->meta ? stream_media_main(t->meta) : STREAM_NO_FILE);
}

void http_push_playlist_url(lua_State *L, const struct torrent *t) {
    const struct stream_server *v = t->session->http;
    struct text url;
    if (!v) {
        lua_pushnil(L);
        return;
    }
    begin_url(&url, v);
    stream_path_add_playlist(&url, v->token, t->info_hash);
    push_text(L, &url);
}

static void get_url(lua_State *L, const struct target *t) {
    struct text url;
    begin_url(&url, server_of(t));
    text_addf(&url, "/%s/", server_of(t)->token);
    push_text(L, &url);
}

static void get_host(lua_State *L, const struct target *t) {
    push_ip_text(L, &server_of(t)->at);
}

static void get_port(lua_State *L, const struct target *t) {
    lua_pushinteger(L, server_of(t)->at.port);
}

static void get_token(lua_State *L, const struct target *t) {
    lua_pushstring(L, server_of(t)->token);
}

static void get_connections(lua_State *L, const struct target *t) {
    lua_pushinteger(L, (lua_Integer)http_connections(server_of(t)->http));
}

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    {"url", get_url, NULL, false},
    {"host", get_host, NULL, false},
    {"port", get_port, NULL, false},
    {"token", get_token, NULL, false},
    {"connections", get_connections, NULL, false},
    {NULL, NULL, NULL, false},
};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    t->index = b->index;
    return t->session && t->session->http && t->session->http->number == b->index;
}

const struct class http_class = {
    .name = "http",
    .metatable = "mare.http.1",
    .gone = "http is closed",
    .properties = properties,
    .methods = methods,
    .metamethods = metamethods,
    .resolve = resolve,
    .describe = get_url,
};
