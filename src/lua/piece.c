/* piece: one piece of a torrent, counted from 0. */
#include "lua/torrent.h"
#include "lua/value.h"

static void get_index(lua_State *L, const struct target *t) {
    lua_pushinteger(L, (lua_Integer)t->index);
}

static void get_length(lua_State *L, const struct target *t) {
    compat_pushcount(L, metainfo_piece_size(t->torrent->meta, t->index));
}

static void get_offset(lua_State *L, const struct target *t) {
    compat_pushcount(L, (uint64_t)t->index * t->torrent->meta->piece_length);
}

static void get_hash(lua_State *L, const struct target *t) {
    push_hex(L, metainfo_hash(t->torrent->meta, t->index), SHA1_LEN);
}

static void get_state(lua_State *L, const struct target *t) {
    lua_pushstring(L, piece_state_name(picker_state(&t->torrent->picker, t->index)));
}

static void get_have(lua_State *L, const struct target *t) {
    lua_pushboolean(L, picker_state(&t->torrent->picker, t->index) == PIECE_HAVE);
}

static void get_availability(lua_State *L, const struct target *t) {
    compat_pushcount(L, picker_availability(&t->torrent->picker, t->index));
}

/* Bytes of it that have come. */
static void get_received(lua_State *L, const struct target *t) {
    const struct active_piece *open = active_pieces_get(&t->torrent->open, t->index);
    if (open && picker_state(&t->torrent->picker, t->index) == PIECE_ACTIVE)
        compat_pushcount(L, open->buffered);
    else if (picker_state(&t->torrent->picker, t->index) == PIECE_MISSING)
        lua_pushinteger(L, 0);
    else
        get_length(L, t);
}

static void get_priority(lua_State *L, const struct target *t) {
    lua_pushinteger(L, picker_priority(&t->torrent->picker, t->index));
}

static void set_priority(lua_State *L, const struct target *t, int value) {
    int priority = (int)check_count_below(L, value, PRIORITY_TOP + 1, "priority");
    torrent_set_piece_priority(t->torrent, t->index, priority);
}

static void get_deadline(lua_State *L, const struct target *t) {
    usec at = picker_deadline(&t->torrent->picker, t->index);
    if (at == USEC_NEVER)
        lua_pushnil(L);
    else
        push_seconds(L, at - session_now(t->session));
}

static void set_deadline(lua_State *L, const struct target *t, int value) {
    usec in = check_seconds(L, value, "deadline");
    usec at = in == USEC_NEVER ? USEC_NEVER : session_now(t->session) + in;
    torrent_set_piece_deadline(t->torrent, t->index, at);
}

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    {"torrent", object_get_torrent, NULL, true},
    {"index", get_index, NULL, false},
    {"length", get_length, NULL, false},
    {"offset", get_offset, NULL, false},
    {"hash", get_hash, NULL, false},
    {"state", get_state, NULL, false},
    {"have", get_have, NULL, false},
    {"availability", get_availability, NULL, false},
    {"received", get_received, NULL, false},
    {"priority", get_priority, set_priority, false},
    {"deadline", get_deadline, set_deadline, false},
    {NULL, NULL, NULL, false},
};

static const luaL_Reg methods[] = {{NULL, NULL}};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    t->torrent = t->session ? session_torrent(t->session, b->torrent) : NULL;
    t->index = b->index;
    return t->torrent && t->torrent->meta && t->index < t->torrent->meta->pieces;
}

const struct class piece_class = {
    .name = "piece",
    .metatable = "mare.piece.1",
    .gone = "piece is of a removed torrent",
    .properties = properties,
    .methods = methods,
    .resolve = resolve,
    .describe = get_index,
};
