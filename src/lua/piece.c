/* piece: one piece of a torrent, counted from 0. Like a peer's, its properties read from a row: that
 * of a policy call, or one that is made of the living torrent. */
#include "engine/policy_rows.h"
#include "lua/torrent.h"
#include "lua/value.h"

#define HOLDERS_MAX 1000 /* named at once */

void piece_push_row(lua_State *L, int near, const struct policy_bridge *b, uint32_t i) {
    piece_push(L, near, b->asking->torrent, b->asking->pieces[i].index);
    struct box *box = lua_touserdata(L, -1);
    box->row = i, box->round = b->round;
}

static const struct piece_row *row_of(const struct target *t, struct piece_row *own) {
    if (t->piece_row)
        return t->piece_row;
    piece_fill_row(t->torrent, t->index, own);
    return own;
}

#define GET(name, push)                                            \
    static void get_##name(lua_State *L, const struct target *t) { \
        struct piece_row own;                                      \
        const struct piece_row *row = row_of(t, &own);             \
        push;                                                      \
    }

static void push_hash(lua_State *L, const uint8_t *hash) {
    if (hash)
        push_hex(L, hash, SHA1_LEN);
    else
        lua_pushnil(L);
}

GET(index, lua_pushinteger(L, (lua_Integer)row->index))
GET(length, compat_pushcount(L, row->length))
GET(offset, compat_pushcount(L, row->offset))
GET(hash, push_hash(L, row->hash))
GET(state, lua_pushstring(L, piece_state_name(row->state)))
GET(have, lua_pushboolean(L, row->state == PIECE_HAVE))
GET(availability, compat_pushcount(L, row->availability))
GET(received, compat_pushcount(L, row->received))
GET(progress,
    lua_pushnumber(L, (lua_Number)row->received / (lua_Number)MAX(row->length, 1u)))
GET(priority, lua_pushinteger(L, row->priority))
GET(deadline, push_span(L, row->deadline))

/* ---- who has it, what lies in it ----------------------------------------------------------- */

static struct policy_lore lore_of(const struct target *t) {
    if (t->piece_row)
        return t->lore ? *t->lore : (struct policy_lore){0};
    return torrent_lore(t->torrent);
}

static void get_holders(lua_State *L, const struct target *t) {
    struct policy_lore lore = lore_of(t);
    handle torrent = ((const struct box *)lua_touserdata(L, 1))->torrent;
    handle *found = compat_newuserdata(L, HOLDERS_MAX * sizeof *found);
    uint32_t n =
        lore.holders ? lore.holders(lore.owner, t->index, found, HOLDERS_MAX) : 0;
    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        const struct box box = {.torrent = torrent, .peer = found[i]};
        box_push(L, 1, &peer_class, &box);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void get_files(lua_State *L, const struct target *t) {
    struct policy_lore lore = lore_of(t);
    handle torrent = ((const struct box *)lua_touserdata(L, 1))->torrent;
    uint32_t first = 0, n = lore.files ? lore.files(lore.owner, t->index, &first) : 0;
    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n; i++) {
        file_push(L, 1, torrent, first + i);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* ---- what is wanted of it ------------------------------------------------------------------ */

static void set_priority(lua_State *L, const struct target *t, int value) {
    int priority = (int)check_count_below(L, value, PRIORITY_TOP + 1, "priority");
    torrent_set_piece_priority(t->torrent, t->index, priority);
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
    {"holders", get_holders, NULL, false},
    {"files", get_files, NULL, false},
    {"received", get_received, NULL, false},
    {"progress", get_progress, NULL, false},
    {"priority", get_priority, set_priority, false},
    {"deadline", get_deadline, set_deadline, false},
    {NULL, NULL, NULL, false},
};

static const luaL_Reg methods[] = {{NULL, NULL}};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    t->index = b->index;
    if (box_has_row(b) && b->owner->policy.asking->pieces) {
        t->piece_row = &b->owner->policy.asking->pieces[b->row];
        t->lore = b->owner->policy.asking->lore;
        return true;
    }
    return torrent_class.resolve(box, t) && t->torrent->meta &&
           t->index < t->torrent->meta->pieces;
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
