/* torrent_properties: what a torrent tells of itself. */
#include "base/addr.h"
#include "engine/metadata.h"
#include "engine/peer.h"
#include "engine/reader.h"
#include "engine/stream_media.h"
#include "engine/trackers.h"
#include "lua/guard.h"
#include "lua/http.h"
#include "lua/torrent.h"
#include "lua/value.h"

#include <stdlib.h>

/* ---- what it is ---------------------------------------------------------------------------- */

/* What only the info dictionary knows is nil until it is there. */
#define GET_META(name, push)                                       \
    static void get_##name(lua_State *L, const struct target *t) { \
        const struct metainfo *m = t->torrent->meta;               \
        if (m)                                                     \
            push;                                                  \
        else                                                       \
            lua_pushnil(L);                                        \
    }

static void get_name(lua_State *L, const struct target *t) {
    lua_pushstring(L, torrent_name(t->torrent));
}

GET_META(size, compat_pushcount(L, m->size))
GET_META(piece_length, compat_pushcount(L, m->piece_length))
GET_META(pieces, compat_pushcount(L, m->pieces))
GET_META(private, lua_pushboolean(L, m->private))
GET_META(comment, push_text_or_nil(L, m->comment))
GET_META(created_by, push_text_or_nil(L, m->created_by))

static void push_time(lua_State *L, int64_t unix_seconds) {
    if (unix_seconds)
        lua_pushinteger(L, (lua_Integer)unix_seconds);
    else
        lua_pushnil(L);
}

GET_META(created_at, push_time(L, m->creation_date))

static void get_info_hash(lua_State *L, const struct target *t) {
    push_hex(L, t->torrent->info_hash, sizeof t->torrent->info_hash);
}

static void get_magnet(lua_State *L, const struct target *t) {
    struct guard *guard = guard_push(L, free);
    guard->object = torrent_link(t->torrent);
    lua_pushstring(L, guard->object); /* nil without memory */
    guard_release(guard);
}

static void get_directory(lua_State *L, const struct target *t) {
    if (t->torrent->storage)
        lua_pushstring(L, storage_directory(t->torrent->storage));
    else
        lua_pushnil(L);
}

static void get_readers(lua_State *L, const struct target *t) {
    int n = 0;
    lua_newtable(L);
    LIST_EACH(l, &t->torrent->readers.list) {
        reader_push(L, 1, LIST_ITEM(l, struct reader, link));
        lua_rawseti(L, -2, ++n);
    }
}

static void get_files(lua_State *L, const struct target *t) {
    const struct metainfo *m = t->torrent->meta;
    int n = 0;
    lua_newtable(L);
    for (uint32_t i = 0; m && i < m->file_count; i++)
        if (file_is_visible(&m->files[i])) {
            file_push(L, 1, t->torrent->id, i);
            lua_rawseti(L, -2, ++n);
        }
}

/* ---- how far it is ------------------------------------------------------------------------- */

static void get_state(lua_State *L, const struct target *t) {
    lua_pushstring(L, torrent_state_name(t->torrent->state));
}

/* nil once the metadata is known. */
static void get_metadata_progress(lua_State *L, const struct target *t) {
    uint32_t pieces, here = metadata_progress(t->torrent, &pieces);
    if (t->torrent->meta)
        lua_pushnil(L);
    else
        lua_pushnumber(L, pieces ? (lua_Number)here / (lua_Number)pieces : 0);
}

static void get_paused(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->torrent->paused);
}

static void get_error(lua_State *L, const struct target *t) {
    push_text_or_nil(L, t->torrent->disk_err.text);
}

static void get_have(lua_State *L, const struct target *t) {
    compat_pushcount(L, torrent_bytes_have(t->torrent));
}

static void get_wanted(lua_State *L, const struct target *t) {
    compat_pushcount(L, torrent_bytes_wanted(t->torrent));
}

static void get_left(lua_State *L, const struct target *t) {
    compat_pushcount(L, torrent_bytes_left(t->torrent));
}

static void get_pieces_have(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->have.count);
}

static void push_share(lua_State *L, uint64_t part, uint64_t whole) {
    lua_pushnumber(L, whole ? (lua_Number)part / (lua_Number)whole : 1);
}

static void get_progress(lua_State *L, const struct target *t) {
    uint64_t wanted = torrent_bytes_wanted(t->torrent);
    if (t->torrent->meta)
        push_share(L, wanted - torrent_bytes_left(t->torrent), wanted);
    else
        lua_pushnumber(L, 0);
}

static lua_Number checked_share(const struct torrent *t) {
    uint32_t all = t->to_check.count;
    return all ? (lua_Number)t->checked / (lua_Number)all : 0;
}

static void get_check_progress(lua_State *L, const struct target *t) {
    const struct torrent *tor = t->torrent;
    if (tor->state == TORRENT_CHECKING)
        lua_pushnumber(L, checked_share(tor));
    else
        lua_pushnil(L);
}

static void get_done(lua_State *L, const struct target *t) {
    enum torrent_state s = t->torrent->state;
    lua_pushboolean(L, s == TORRENT_FINISHED || s == TORRENT_SEEDING);
}

/* One character a piece; the parts of a byte-sized map compress well on a terminal line. */
static void get_piece_map(lua_State *L, const struct target *t) {
    static const char looks[] = {'.', '-', '~', '~', '#'};
    const struct torrent *tor = t->torrent;
    uint32_t pieces = tor->meta ? tor->meta->pieces : 0;
    char *map = compat_newuserdata(L, pieces + 1);
    for (uint32_t i = 0; i < pieces; i++)
        map[i] = looks[picker_state(&tor->picker, i)];
    lua_pushlstring(L, map, pieces);
}

static void get_added_at(lua_State *L, const struct target *t) {
    push_time(L, t->torrent->added_at);
}

static void get_done_at(lua_State *L, const struct target *t) {
    push_time(L, t->torrent->done_at);
}

/* ---- traffic ------------------------------------------------------------------------------- */

static void get_downloaded(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->downloaded);
}

static void get_uploaded(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->uploaded);
}

static void get_wasted(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->wasted + t->torrent->failed_bytes);
}

static void get_ratio(lua_State *L, const struct target *t) {
    uint64_t down = t->torrent->downloaded;
    uint64_t base = down || !t->torrent->meta ? down : t->torrent->meta->size;
    if (base)
        push_share(L, t->torrent->uploaded, base);
    else
        lua_pushnumber(L, 0);
}

static uint64_t download_rate(const struct torrent *t) {
    return meter_rate(&t->down_meter, session_now(t->session));
}

static void get_download_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, download_rate(t->torrent));
}

static void get_upload_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, meter_rate(&t->torrent->up_meter, session_now(t->session)));
}

static void get_eta(lua_State *L, const struct target *t) {
    uint64_t left = torrent_bytes_left(t->torrent), rate = download_rate(t->torrent);
    if (left && !rate)
        lua_pushnil(L);
    else
        lua_pushnumber(L, left ? (lua_Number)left / (lua_Number)rate : 0);
}

/* ---- limits -------------------------------------------------------------------------------- */

static void get_up_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->up.rate);
}

static void set_up_rate(lua_State *L, const struct target *t, int value) {
    torrent_set_rates(t->torrent, check_rate(L, value, "up_rate"), t->torrent->down.rate);
}

static void get_down_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->down.rate);
}

static void set_down_rate(lua_State *L, const struct target *t, int value) {
    torrent_set_rates(t->torrent, t->torrent->up.rate, check_rate(L, value, "down_rate"));
}

static void get_slots(lua_State *L, const struct target *t) {
    push_limit(L, t->torrent->slots ? t->torrent->slots : t->session->settings.slots);
}

static void set_slots(lua_State *L, const struct target *t, int value) {
    t->torrent->slots = check_limit(L, value, "slots");
    torrent_want_decision(t->torrent, true, false);
}

static void get_connections(lua_State *L, const struct target *t) {
    uint32_t own = t->torrent->connections;
    push_limit(L, own ? own : t->session->settings.connections);
}

static void set_connections(lua_State *L, const struct target *t, int value) {
    t->torrent->connections = check_limit(L, value, "connections");
    torrent_want_decision(t->torrent, false, true);
}

/* ---- others -------------------------------------------------------------------------------- */

static void get_peers(lua_State *L, const struct target *t) {
    int n = 0;
    lua_newtable(L);
    LIST_EACH(l, &t->torrent->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY) {
            peer_push(L, 1, p);
            lua_rawseti(L, -2, ++n);
        }
    }
}

static void get_peer_count(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->ready_count);
}

static void get_connecting(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->peer_count - t->torrent->ready_count);
}

static void get_seeds(lua_State *L, const struct target *t) {
    compat_pushcount(L, torrent_seeds_connected(t->torrent));
}

static void get_known_peers(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->torrent->roster.count);
}

static void get_policy(lua_State *L, const struct target *t) {
    policy_push(L, 1, t->torrent->id);
}

static void set_policy(lua_State *L, const struct target *t, int value) {
    policy_assign_all(L, 1, t->torrent->id, value);
}

/* ---- playing ------------------------------------------------------------------------------- */

static void get_media(lua_State *L, const struct target *t) {
    const struct metainfo *m = t->torrent->meta;
    uint32_t count = m ? stream_media_count(m) : 0;
    struct stream_media *list = compat_newuserdata(L, (count + 1) * sizeof *list);
    if (m)
        stream_media_list(m, list);
    lua_newtable(L);
    for (uint32_t i = 0; i < count; i++) {
        file_push(L, 1, t->torrent->id, list[i].file);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void get_main_file(lua_State *L, const struct target *t) {
    const struct metainfo *m = t->torrent->meta;
    uint32_t file = m ? stream_media_main(m) : STREAM_NO_FILE;
    if (file == STREAM_NO_FILE)
        lua_pushnil(L);
    else
        file_push(L, 1, t->torrent->id, file);
}

static void get_url(lua_State *L, const struct target *t) {
    http_push_main_url(L, t->torrent);
}

static void get_playlist_url(lua_State *L, const struct target *t) {
    http_push_playlist_url(L, t->torrent);
}

const struct property torrent_properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    OBJECT_DATA,
    {"name", get_name, NULL, false},
    {"info_hash", get_info_hash, NULL, false},
    {"magnet", get_magnet, NULL, false},
    {"size", get_size, NULL, false},
    {"piece_length", get_piece_length, NULL, false},
    {"pieces", get_pieces, NULL, false},
    {"private", get_private, NULL, false},
    {"comment", get_comment, NULL, false},
    {"created_by", get_created_by, NULL, false},
    {"created_at", get_created_at, NULL, false},
    {"directory", get_directory, NULL, false},
    {"files", get_files, NULL, false},
    {"readers", get_readers, NULL, false},
    {"state", get_state, NULL, false},
    {"paused", get_paused, NULL, false},
    {"error", get_error, NULL, false},
    {"done", get_done, NULL, false},
    {"progress", get_progress, NULL, false},
    {"metadata_progress", get_metadata_progress, NULL, false},
    {"check_progress", get_check_progress, NULL, false},
    {"have", get_have, NULL, false},
    {"wanted", get_wanted, NULL, false},
    {"left", get_left, NULL, false},
    {"pieces_have", get_pieces_have, NULL, false},
    {"piece_map", get_piece_map, NULL, false},
    {"added_at", get_added_at, NULL, false},
    {"done_at", get_done_at, NULL, false},
    {"downloaded", get_downloaded, NULL, false},
    {"uploaded", get_uploaded, NULL, false},
    {"wasted", get_wasted, NULL, false},
    {"ratio", get_ratio, NULL, false},
    {"download_rate", get_download_rate, NULL, false},
    {"upload_rate", get_upload_rate, NULL, false},
    {"eta", get_eta, NULL, false},
    {"up_rate", get_up_rate, set_up_rate, false},
    {"down_rate", get_down_rate, set_down_rate, false},
    {"slots", get_slots, set_slots, false},
    {"connections", get_connections, set_connections, false},
    {"peers", get_peers, NULL, false},
    {"peer_count", get_peer_count, NULL, false},
    {"connecting", get_connecting, NULL, false},
    {"seeds", get_seeds, NULL, false},
    {"known_peers", get_known_peers, NULL, false},
    {"trackers", torrent_get_trackers, torrent_set_trackers, false},
    {"swarm_seeds", torrent_get_swarm_seeds, NULL, false},
    {"swarm_leechers", torrent_get_swarm_leechers, NULL, false},
    {"swarm_downloads", torrent_get_swarm_downloads, NULL, false},
    {"policy", get_policy, set_policy, false},
    {"media", get_media, NULL, false},
    {"main_file", get_main_file, NULL, false},
    {"url", get_url, NULL, false},
    {"playlist_url", get_playlist_url, NULL, false},
    {NULL, NULL, NULL, false},
};
