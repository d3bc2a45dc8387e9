/* peer: one connection, as a script sees it after both handshakes. Its properties read from a row
 * (swarm/policy.h): the snapshot of a policy call, which may be of a simulated peer, or one that is
 * made of the living peer there and then. So both have the same properties by construction. */
#include "engine/peer.h"

#include "engine/choke.h"
#include "engine/policy_rows.h"
#include "lua/object.h"
#include "lua/value.h"
#include "swarm/choker.h"

static struct peer *check_peer(lua_State *L, struct target *t) {
    target_check(L, 1, &peer_class, t);
    return t->peer;
}

void peer_push(lua_State *L, int near, const struct peer *p) {
    const struct box box = {.torrent = p->torrent ? p->torrent->id : 0, .peer = p->id};
    box_push(L, near, &peer_class, &box);
}

void peer_push_row(lua_State *L, int near, const struct policy_bridge *b, uint32_t i) {
    const struct policy_ask *ask = b->asking;
    const struct box box = {.torrent = ask->torrent, .peer = ask->peers[i].peer};
    box_push(L, near, &peer_class, &box);
    struct box *pushed = lua_touserdata(L, -1);
    pushed->row = i, pushed->round = b->round;
}

static const struct peer_row *row_of(const struct target *t, struct peer_row *own) {
    if (t->peer_row)
        return t->peer_row;
    peer_fill_row(t->peer, own);
    return own;
}

/* ---- actions ------------------------------------------------------------------------------- */

/* close([reason]): 'peer_closed' follows, and tells the reason. */
static int do_close(lua_State *L) {
    struct target t;
    check_peer(L, &t);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checkstring(L, 2);
        box_push_attached(L, 1, true, true);
        lua_pushvalue(L, 2);
        lua_setfield(L, -2, "reason");
    }
    peer_close(t.peer, ERR_CANCELED, "closed by the script");
    lua_pushboolean(L, 1);
    return 1;
}

/* ban([seconds]): closed, and its address barred. */
static int do_ban(lua_State *L) {
    struct target t;
    struct peer *p = check_peer(L, &t);
    usec duration = check_seconds(L, 2, "seconds");
    struct torrent *torrent = p->torrent;
    const struct addr a = p->addr;
    peer_close(p, ERR_CANCELED, "banned by the script");
    torrent_ban(torrent, &a, duration, "by the script");
    lua_pushboolean(L, 1);
    return 1;
}

/* Both hold for so many seconds, without for one round. */
static int hold(lua_State *L, bool choking) {
    struct target t;
    struct peer *p = check_peer(L, &t);
    usec now = session_now(t.session);
    usec held = lua_isnoneornil(L, 2) ? CHOKER_ROUND : check_seconds(L, 2, "seconds");
    choke_hold(p, choking, held == USEC_NEVER ? USEC_NEVER : now + held);
    lua_pushboolean(L, 1);
    return 1;
}

/* choke([seconds]) */
static int do_choke(lua_State *L) {
    return hold(L, true);
}

/* unchoke([seconds]) */
static int do_unchoke(lua_State *L) {
    return hold(L, false);
}

/* has(piece index from 0) */
static int do_has(lua_State *L) {
    struct target t;
    struct peer_row own;
    target_check(L, 1, &peer_class, &t);
    const struct peer_row *row = row_of(&t, &own);
    uint32_t i = (uint32_t)check_count_below(L, 2, UINT32_MAX, "piece index");
    lua_pushboolean(L, row->has && bitset_has(row->has, i));
    return 1;
}

static const luaL_Reg methods[] = {
    {"close", do_close},     {"ban", do_ban}, {"choke", do_choke},
    {"unchoke", do_unchoke}, {NULL, NULL},
};

static const luaL_Reg queries[] = {
    {"has", do_has},
    {"_attached", object_attached},
    {NULL, NULL},
};

/* ---- properties ---------------------------------------------------------------------------- */

#define GET(name, push)                                            \
    static void get_##name(lua_State *L, const struct target *t) { \
        struct peer_row own;                                       \
        const struct peer_row *row = row_of(t, &own);              \
        push;                                                      \
    }

/* Who it is. */
static void push_id(lua_State *L, const uint8_t *id) {
    if (id)
        push_hex(L, id, 20);
    else
        lua_pushnil(L);
}

GET(address, push_address_text(L, &row->addr))
GET(ip, push_ip_text(L, &row->addr))
GET(port, lua_pushinteger(L, row->addr.port))
GET(client, lua_pushstring(L, row->client))
GET(id, push_id(L, row->id))
GET(source, lua_pushstring(L, source_name(row->sources)))
GET(incoming, lua_pushboolean(L, row->incoming))
GET(state, lua_pushstring(L, row->state))
GET(encrypted, lua_pushboolean(L, row->encrypted))
GET(encryption, lua_pushstring(L, row->encryption)) /* NULL: nil */
GET(transport, lua_pushstring(L, row->transport))

/* Choke, interest, pieces. */
GET(choked, lua_pushboolean(L, row->choked))
GET(choking, lua_pushboolean(L, row->choking))
GET(interested, lua_pushboolean(L, row->interested))
GET(peer_interested, lua_pushboolean(L, row->peer_interested))
GET(optimistic, lua_pushboolean(L, row->optimistic))
GET(upload_only, lua_pushboolean(L, row->upload_only))
GET(is_seed, lua_pushboolean(L, row->is_seed))
GET(progress, lua_pushnumber(L, row->progress))

/* Traffic. */
GET(download_rate, compat_pushcount(L, row->download_rate))
GET(upload_rate, compat_pushcount(L, row->upload_rate))
GET(download_average, compat_pushcount(L, row->download_average))
GET(upload_average, compat_pushcount(L, row->upload_average))
GET(downloaded, compat_pushcount(L, row->downloaded))
GET(uploaded, compat_pushcount(L, row->uploaded))
GET(received_round, compat_pushcount(L, row->received_round))
GET(sent_round, compat_pushcount(L, row->sent_round))
GET(outstanding, compat_pushcount(L, row->outstanding))
GET(depth, compat_pushcount(L, row->depth))
GET(asked, compat_pushcount(L, row->asked))
GET(snubbed, lua_pushboolean(L, row->snubbed))
GET(rtt, push_span(L, row->rtt))
GET(connected_for, push_span(L, row->connected_for))
GET(unchoked_for, push_span(L, row->unchoked_for))
GET(waiting_for, push_span(L, row->waiting_for))
GET(last_block, push_span(L, row->last_block))
GET(last_upload, push_span(L, row->last_upload))
GET(blocks, compat_pushcount(L, row->blocks))
GET(hash_fails, compat_pushcount(L, row->hash_fails))
GET(duplicates, compat_pushcount(L, row->duplicates))
GET(unrequested, compat_pushcount(L, row->unrequested))

static const struct property properties[] = {
    {"alive", object_get_alive, NULL, true},
    {"session", object_get_session, NULL, true},
    {"torrent", object_get_torrent, NULL, true},
    OBJECT_DATA,
    {"address", get_address, NULL, false},
    {"ip", get_ip, NULL, false},
    {"port", get_port, NULL, false},
    {"client", get_client, NULL, false},
    {"id", get_id, NULL, false},
    {"source", get_source, NULL, false},
    {"incoming", get_incoming, NULL, false},
    {"state", get_state, NULL, false},
    {"encrypted", get_encrypted, NULL, false},
    {"encryption", get_encryption, NULL, false},
    {"transport", get_transport, NULL, false},
    {"choked", get_choked, NULL, false},
    {"choking", get_choking, NULL, false},
    {"interested", get_interested, NULL, false},
    {"peer_interested", get_peer_interested, NULL, false},
    {"optimistic", get_optimistic, NULL, false},
    {"upload_only", get_upload_only, NULL, false},
    {"is_seed", get_is_seed, NULL, false},
    {"progress", get_progress, NULL, false},
    {"download_rate", get_download_rate, NULL, false},
    {"upload_rate", get_upload_rate, NULL, false},
    {"download_average", get_download_average, NULL, false},
    {"upload_average", get_upload_average, NULL, false},
    {"downloaded", get_downloaded, NULL, false},
    {"uploaded", get_uploaded, NULL, false},
    {"received_round", get_received_round, NULL, false},
    {"sent_round", get_sent_round, NULL, false},
    {"outstanding", get_outstanding, NULL, false},
    {"depth", get_depth, NULL, false},
    {"asked", get_asked, NULL, false},
    {"snubbed", get_snubbed, NULL, false},
    {"rtt", get_rtt, NULL, false},
    {"connected_for", get_connected_for, NULL, false},
    {"unchoked_for", get_unchoked_for, NULL, false},
    {"waiting_for", get_waiting_for, NULL, false},
    {"last_block", get_last_block, NULL, false},
    {"last_upload", get_last_upload, NULL, false},
    {"blocks", get_blocks, NULL, false},
    {"hash_fails", get_hash_fails, NULL, false},
    {"duplicates", get_duplicates, NULL, false},
    {"unrequested", get_unrequested, NULL, false},
    {NULL, NULL, NULL, false},
};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
    if (box_has_row(b) && b->owner->policy.asking->peers) {
        t->peer_row = &b->owner->policy.asking->peers[b->row];
        return true;
    }
    t->peer = t->session ? session_peer(t->session, b->peer) : NULL;
    if (t->peer && t->peer->state == PEER_DEAD)
        t->peer = NULL;
    t->torrent = t->peer ? t->peer->torrent : NULL;
    return t->peer != NULL;
}

const struct class peer_class = {
    .name = "peer",
    .metatable = "mare.peer.1",
    .gone = "peer is closed",
    .properties = properties,
    .methods = methods,
    .queries = queries,
    .resolve = resolve,
    .describe = get_address,
};
