/* reader: a file read in order while it comes. The engine owns the reader; the box knows
 * its handle, and closes it when a script drops the last reference to it. A read's answer
 * is an event like that of torrent:read (lua/mare/reader.lua waits for it). */
#include "engine/reader.h"

#include "lua/options.h"
#include "lua/torrent.h"
#include "lua/value.h"

#include <stdlib.h>
#include <string.h>

static struct reader *check_reader(lua_State *L) {
    struct target t;
    target_check(L, 1, &reader_class, &t);
    return t.reader;
}

void reader_push(lua_State *L, int near, const struct reader *r) {
    box_push(L, near, &reader_class,
             &(struct box){.torrent = r->torrent->id, .reader = r->id, .index = r->file});
}

/* ---- reading ----------------------------------------------------------------------- */

/* A read under way. The session outlives it: its hook is called before that closes. */
struct script_read {
    struct session *session;
    handle torrent;
    uint64_t token;
    bool as_view;
};

static const char *sentence(int status, const struct err *e) {
    if (e)
        return e->text;
    return status == ERR_CLOSED ? reader_class.gone : "the read was canceled";
}

static void on_done(void *ctx, int status, struct view *v, const struct err *e) {
    struct script_read *s = ctx;
    struct event ev = {.type = EVENT_READ, .torrent = s->torrent, .token = s->token};
    if (status == 1)
        ev.view = *v, ev.index = s->as_view ? READ_VIEW : READ_STRING;
    else if (status == 0)
        ev.index = READ_END;
    else
        ev.code = status, ev.text = strdup(sentence(status, e));
    events_push(&s->session->events, &ev);
    free(s);
}

/* _read(max, token, as_view): the event 'read' follows. */
static int do_read(lua_State *L) {
    struct reader *r = check_reader(L);
    size_t max = (size_t)check_count_below(L, 2, SIZE_MAX, "length");
    luaL_argcheck(L, max > 0, 2, "at least one byte");
    uint64_t token = check_count(L, 3, "token");
    struct script_read *s = calloc(1, sizeof *s);
    if (!s)
        return push_failure_code(L, ERR_NOMEM, "out of memory");
    *s = (struct script_read){r->torrent->session, r->torrent->id, token,
                              lua_toboolean(L, 4)};
    int status = reader_read(r, max, on_done, s);
    if (status < 0)
        free(s);
    if (status == ERR_BUSY)
        return push_failure_code(L, status, "a read of this reader is under way already");
    return push_status(L, status, &(struct err){0});
}

static int push_true(lua_State *L) {
    lua_pushboolean(L, 1);
    return 1;
}

/* seek(position): from the beginning of the file. */
static int do_seek(lua_State *L) {
    struct reader *r = check_reader(L);
    if (reader_seek(r, check_count(L, 2, "position")) < 0)
        return push_failure_code(L, ERR_INVALID, "that is behind the end of the file");
    return push_true(L);
}

static int do_cancel(lua_State *L) {
    reader_cancel(check_reader(L));
    return push_true(L);
}

static int do_rest(lua_State *L) {
    reader_rest(check_reader(L));
    return push_true(L);
}

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    t->reader = t->session ? session_reader(t->session, b->reader) : NULL;
    t->torrent = t->reader ? t->reader->torrent : NULL;
    t->index = b->index;
    return t->torrent != NULL;
}

/* Idempotent. Readers of the HTTP server are not the script's to close by forgetting
 * them. */
static int do_close(lua_State *L) {
    struct target t;
    if (resolve(luaL_checkudata(L, 1, reader_class.metatable), &t))
        reader_close(t.reader);
    return push_true(L);
}

static int collect(lua_State *L) {
    struct target t;
    if (resolve(luaL_checkudata(L, 1, reader_class.metatable), &t) && t.reader->ownerless)
        reader_close(t.reader);
    return 0;
}

static const luaL_Reg methods[] = {
    {"_read", do_read},  {"seek", do_seek}, {"cancel", do_cancel},
    {"close", do_close}, {NULL, NULL},
};

static const luaL_Reg queries[] = {
    {"rest", do_rest},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", collect},
    {"__close", do_close},
    {NULL, NULL},
};

/* ---- properties -------------------------------------------------------------------- */

static void get_file(lua_State *L, const struct target *t) {
    file_push(L, 1, t->torrent->id, t->index);
}

static void get_position(lua_State *L, const struct target *t) {
    compat_pushcount(L, reader_position(t->reader));
}

static void get_length(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->reader->length);
}

static void get_window(lua_State *L, const struct target *t) {
    const struct window *w = &t->reader->window;
    compat_pushcount(L, MIN(window_bytes(w), w->length - w->position));
}

static void get_ready(lua_State *L, const struct target *t) {
    compat_pushcount(L, reader_ready(t->reader, UINT64_MAX));
}

static void get_group(lua_State *L, const struct target *t) {
    if (t->reader->group)
        compat_pushcount(L, t->reader->group);
    else
        lua_pushnil(L);
}

static void get_superseded(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->reader->superseded);
}

/* Seconds that it has been waiting for bytes that are not here; nil when it is not. */
static void get_waiting(lua_State *L, const struct target *t) {
    if (t->reader->waiting_since)
        push_seconds(L, session_now(t->session) - t->reader->waiting_since);
    else
        lua_pushnil(L);
}

static void get_stalls(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->reader->stalls);
}

static void get_read(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->reader->bytes_read);
}

static void set_positive(lua_State *L, const char *name, double n) {
    if (n >= 0)
        set_number(L, name, n);
}

static void get_health(lua_State *L, const struct target *t) {
    const struct reader_health *h = &t->reader->health;
    lua_createtable(L, 0, 4);
    set_positive(L, "cached_seconds", h->cached_seconds);
    set_positive(L, "playhead", h->playhead);
    set_positive(L, "bitrate", h->bitrate > 0 ? h->bitrate : -1);
    set_flag(L, "paused_for_cache", h->paused_for_cache);
}

#define FIELD(name) offsetof(struct reader_health, name)
static const struct option health_options[] = {
    {"cached_seconds", OPTION_NUMBER, FIELD(cached_seconds), NULL},
    {"paused_for_cache", OPTION_BOOLEAN, FIELD(paused_for_cache), NULL},
    {"playhead", OPTION_NUMBER, FIELD(playhead), NULL},
    {"bitrate", OPTION_NUMBER, FIELD(bitrate), NULL},
    {NULL, OPTION_STRING, 0, NULL},
};
#undef FIELD

static void set_health(lua_State *L, const struct target *t, int value) {
    struct reader_health h = {.cached_seconds = -1, .playhead = -1};
    luaL_checktype(L, value, LUA_TTABLE);
    options_read(L, value, "reader.health", health_options, &h);
    reader_set_health(t->reader, &h);
}

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    {"torrent", object_get_torrent, NULL, true},
    {"file", get_file, NULL, false},
    {"position", get_position, NULL, false},
    {"length", get_length, NULL, false},
    {"window", get_window, NULL, false},
    {"ready", get_ready, NULL, false},
    {"group", get_group, NULL, false},
    {"superseded", get_superseded, NULL, false},
    {"waiting", get_waiting, NULL, false},
    {"stalls", get_stalls, NULL, false},
    {"bytes_read", get_read, NULL, false},
    {"health", get_health, set_health, false},
    {NULL, NULL, NULL, false},
};

static void describe(lua_State *L, const struct target *t) {
    lua_pushfstring(L, "%s at %f", t->torrent->meta->files[t->index].path,
                    (lua_Number)reader_position(t->reader));
}

const struct class reader_class = {
    .name = "reader",
    .metatable = "mare.reader.1",
    .gone = "reader is closed",
    .properties = properties,
    .methods = methods,
    .queries = queries,
    .metamethods = metamethods,
    .resolve = resolve,
    .describe = describe,
};
