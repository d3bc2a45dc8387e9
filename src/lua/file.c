/* file: one file of a torrent. Its box holds the number in the metainfo; people count from 1 and
 * without the padding. */
#include "codec/media.h"
#include "engine/reader.h"
#include "lua/http.h"
#include "lua/options.h"
#include "lua/torrent.h"
#include "lua/value.h"

static const struct metainfo_file *file_of(const struct target *t) {
    return &t->torrent->meta->files[t->index];
}

static void get_index(lua_State *L, const struct target *t) {
    uint32_t n = 1;
    for (uint32_t i = 0; i < t->index; i++)
        n += file_is_visible(&t->torrent->meta->files[i]);
    lua_pushinteger(L, (lua_Integer)n);
}

static void get_path(lua_State *L, const struct target *t) {
    lua_pushstring(L, file_of(t)->path);
}

static void get_length(lua_State *L, const struct target *t) {
    compat_pushcount(L, file_of(t)->length);
}

static void get_offset(lua_State *L, const struct target *t) {
    compat_pushcount(L, file_of(t)->offset);
}

static void get_have(lua_State *L, const struct target *t) {
    compat_pushcount(L, torrent_file_have(t->torrent, t->index));
}

static void get_progress(lua_State *L, const struct target *t) {
    uint64_t length = file_of(t)->length, have = torrent_file_have(t->torrent, t->index);
    lua_pushnumber(L, length ? (lua_Number)have / (lua_Number)length : 1);
}

static void get_complete(lua_State *L, const struct target *t) {
    lua_pushboolean(L, torrent_file_have(t->torrent, t->index) == file_of(t)->length);
}

static void get_first_piece(lua_State *L, const struct target *t) {
    uint32_t first, end;
    metainfo_file_pieces(t->torrent->meta, t->index, &first, &end);
    lua_pushinteger(L, (lua_Integer)first);
}

static void get_piece_count(lua_State *L, const struct target *t) {
    uint32_t first, end;
    metainfo_file_pieces(t->torrent->meta, t->index, &first, &end);
    lua_pushinteger(L, (lua_Integer)(end - first));
}

static void set_to(lua_State *L, const struct target *t, int priority) {
    int status = torrent_set_file_priority(t->torrent, t->index, priority);
    if (status < 0)
        luaL_error(L, "cannot change a file's priority (%s)", err_name(status));
}

static void get_priority(lua_State *L, const struct target *t) {
    lua_pushinteger(L, t->torrent->file_priority[t->index]);
}

static void set_priority(lua_State *L, const struct target *t, int value) {
    set_to(L, t, (int)check_count_below(L, value, PRIORITY_TOP + 1, "priority"));
}

static void get_wanted(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->torrent->file_priority[t->index] != PRIORITY_SKIP);
}

static void set_wanted(lua_State *L, const struct target *t, int value) {
    luaL_checktype(L, value, LUA_TBOOLEAN);
    bool was = t->torrent->file_priority[t->index] != PRIORITY_SKIP;
    bool is = lua_toboolean(L, value);
    if (is != was)
        set_to(L, t, is ? PRIORITY_NORMAL : PRIORITY_SKIP);
}

static void get_kind(lua_State *L, const struct target *t) {
    push_text_or_nil(L, media_kind_name(media_kind(file_of(t)->path)));
}

static void get_url(lua_State *L, const struct target *t) {
    http_push_file_url(L, t->torrent, t->index);
}

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    {"torrent", object_get_torrent, NULL, true},
    {"index", get_index, NULL, false},
    {"path", get_path, NULL, false},
    {"length", get_length, NULL, false},
    {"offset", get_offset, NULL, false},
    {"have", get_have, NULL, false},
    {"progress", get_progress, NULL, false},
    {"complete", get_complete, NULL, false},
    {"first_piece", get_first_piece, NULL, false},
    {"piece_count", get_piece_count, NULL, false},
    {"priority", get_priority, set_priority, false},
    {"wanted", get_wanted, set_wanted, false},
    {"kind", get_kind, NULL, false},
    {"url", get_url, NULL, false},
    {NULL, NULL, NULL, false},
};

#define FIELD(name) offsetof(struct reader_options, name)
static const struct option reader_option_list[] = {
    {"position", OPTION_COUNT, FIELD(position), NULL},
    {"window", OPTION_COUNT, FIELD(window), NULL},
    {"group", OPTION_COUNT, FIELD(group), NULL},
    {"prefetch", OPTION_BOOLEAN, FIELD(prefetch), NULL},
    {NULL, OPTION_STRING, 0, NULL},
};
#undef FIELD

/* reader{ position = .., window = .., group = .., prefetch = .. }: a reader; or nil, message,
 * code. */
static int do_reader(lua_State *L) {
    struct target t;
    target_check(L, 1, &file_class, &t);
    struct reader_options o = {.prefetch = true, .ownerless = true};
    struct err e = {0};
    options_read(L, 2, "file:reader", reader_option_list, &o);
    struct reader *r = reader_open(t.torrent, t.index, &o, &e);
    if (!r)
        return push_failure(L, &e);
    reader_push(L, 1, r);
    return 1;
}

static const luaL_Reg methods[] = {{"reader", do_reader}, {NULL, NULL}};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->index = b->index;
    return torrent_class.resolve(box, t) && t->torrent->meta &&
           t->index < t->torrent->meta->file_count;
}

const struct class file_class = {
    .name = "file",
    .metatable = "mare.file.1",
    .gone = "file is of a removed torrent",
    .properties = properties,
    .methods = methods,
    .resolve = resolve,
    .describe = get_path,
};
