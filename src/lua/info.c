/* info: a .torrent's contents as a Lua table, without a session. */
#include "lua/info.h"

#include "codec/metainfo.h"
#include "lua/guard.h"
#include "lua/torrent.h"
#include "lua/value.h"

static void release(void *metainfo) {
    metainfo_drop(metainfo);
}

static void push_tiers(lua_State *L, const struct metainfo *m) {
    lua_createtable(L, (int)m->tier_count, 0);
    for (uint32_t i = 0; i < m->tier_count; i++) {
        push_strings(L, m->tiers[i].urls, m->tiers[i].count);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_file(lua_State *L, const struct metainfo_file *f) {
    lua_createtable(L, 0, 3);
    set_string(L, "path", f->path);
    set_count(L, "length", f->length);
    set_count(L, "offset", f->offset);
}

static void push_files(lua_State *L, const struct metainfo *m) {
    int n = 0;
    lua_newtable(L);
    for (uint32_t i = 0; i < m->file_count; i++)
        if (file_is_visible(&m->files[i])) {
            push_file(L, &m->files[i]);
            lua_rawseti(L, -2, ++n);
        }
}

/* For session:add, which speaks of files by the numbers in `files`: the place of each in the metainfo. */
static void push_places(lua_State *L, const struct metainfo *m) {
    int n = 0;
    lua_newtable(L);
    for (uint32_t i = 0; i < m->file_count; i++)
        if (file_is_visible(&m->files[i])) {
            lua_pushinteger(L, (lua_Integer)i + 1);
            lua_rawseti(L, -2, ++n);
        }
}

static void push_metainfo(lua_State *L, const struct metainfo *m) {
    lua_createtable(L, 0, 16);
    set_string(L, "name", m->name);
    push_hex(L, m->info_hash, sizeof m->info_hash);
    lua_setfield(L, -2, "info_hash");
    set_count(L, "piece_length", m->piece_length);
    set_count(L, "pieces", m->pieces);
    set_count(L, "size", m->size);
    set_flag(L, "private", m->private);
    push_tiers(L, m);
    lua_setfield(L, -2, "trackers");
    push_strings(L, m->webseeds, m->webseed_count);
    lua_setfield(L, -2, "webseeds");
    set_text(L, "comment", m->comment);
    set_text(L, "created_by", m->created_by);
    if (m->creation_date) {
        lua_pushinteger(L, (lua_Integer)m->creation_date);
        lua_setfield(L, -2, "created_at");
    }
    push_strings(L, m->renamed, m->renamed_count);
    lua_setfield(L, -2, "renamed");
    push_files(L, m);
    lua_setfield(L, -2, "files");
    push_places(L, m);
    lua_setfield(L, -2, "_places");
    lua_pushinteger(L, (lua_Integer)m->file_count);
    lua_setfield(L, -2, "_file_count");
}

int info_parse(lua_State *L) {
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    struct guard *guard = guard_push(L, release);
    struct metainfo *m = NULL;
    struct err e = {0};
    int status = metainfo_parse(&m, (const uint8_t *)bytes, len, &e);
    if (status < 0)
        return push_status(L, status, &e);
    guard->object = m;
    push_metainfo(L, m);
    guard_release(guard);
    return 1;
}
