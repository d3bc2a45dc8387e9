/* peer: one connection, as a script sees it after both handshakes. */
#include "engine/peer.h"
#include "engine/encryption.h"

#include "lua/object.h"
#include "lua/value.h"

#include <string.h>

static struct peer *check_peer(lua_State *L, struct target *t) {
    target_check(L, 1, &peer_class, t);
    return t->peer;
}

void peer_push(lua_State *L, int near, const struct peer *p) {
    const struct box box = {.torrent = p->torrent ? p->torrent->id : 0, .peer = p->id};
    box_push(L, near, &peer_class, &box);
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

/* has(piece index from 0) */
static int do_has(lua_State *L) {
    struct target t;
    struct peer *p = check_peer(L, &t);
    uint32_t i = (uint32_t)check_count_below(L, 2, UINT32_MAX, "piece index");
    lua_pushboolean(L, i < p->has.size && bitset_has(&p->has, i));
    return 1;
}

static const luaL_Reg methods[] = {
    {"close", do_close}, {"ban", do_ban}, {"has", do_has}, {"_attached", object_attached},
    {NULL, NULL},
};

/* ---- who it is ----------------------------------------------------------------------------- */

static void get_address(lua_State *L, const struct target *t) {
    push_address_text(L, &t->peer->addr);
}

static void get_ip(lua_State *L, const struct target *t) {
    char text[ADDR_TEXT];
    lua_pushstring(L, addr_format_ip(&t->peer->addr, text));
}

static void get_port(lua_State *L, const struct target *t) {
    lua_pushinteger(L, t->peer->addr.port);
}

static void get_client(lua_State *L, const struct target *t) {
    lua_pushstring(L, t->peer->client);
}

static void get_id(lua_State *L, const struct target *t) {
    push_hex(L, t->peer->hs.peer_id, sizeof t->peer->hs.peer_id);
}

static void get_source(lua_State *L, const struct target *t) {
    const struct candidate *c = t->peer->candidate;
    bool dialled = c && !t->peer->incoming;
    lua_pushstring(L, source_name(dialled ? c->sources : SOURCE_INCOMING));
}

static void get_incoming(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->incoming);
}

static void get_state(lua_State *L, const struct target *t) {
    lua_pushstring(L, peer_state_name(t->peer->state));
}

static void get_encrypted(lua_State *L, const struct target *t) {
    const char *name = encryption_name(t->peer);
    lua_pushboolean(L, name && strcmp(name, "rc4") == 0);
}

static void get_encryption(lua_State *L, const struct target *t) {
    lua_pushstring(L, encryption_name(t->peer)); /* NULL: nil */
}

static void get_transport(lua_State *L, const struct target *t) {
    (void)t;
    lua_pushliteral(L, "tcp");
}

/* ---- choke, interest, pieces --------------------------------------------------------------- */

static void get_choked(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->choked);
}

static void get_choking(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->choking);
}

static void get_interested(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->interested);
}

static void get_peer_interested(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->peer_interested);
}

static void get_optimistic(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->optimistic);
}

static void get_upload_only(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->upload_only);
}

static void get_is_seed(lua_State *L, const struct target *t) {
    lua_pushboolean(L, peer_is_seed(t->peer));
}

static void get_progress(lua_State *L, const struct target *t) {
    lua_pushnumber(L, peer_progress(t->peer));
}

/* ---- traffic ------------------------------------------------------------------------------- */

static void get_download_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, peer_download_rate(t->peer));
}

static void get_upload_rate(lua_State *L, const struct target *t) {
    compat_pushcount(L, peer_upload_rate(t->peer));
}

static void get_downloaded(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->down.total);
}

static void get_uploaded(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->up.total);
}

static void get_outstanding(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->requests.live);
}

static void get_depth(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->requests.depth);
}

static void get_asked(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->uploads.count);
}

static void get_snubbed(lua_State *L, const struct target *t) {
    lua_pushboolean(L, t->peer->requests.snubbed);
}

static void get_rtt(lua_State *L, const struct target *t) {
    if (t->peer->requests.rtt_smooth)
        push_seconds(L, t->peer->requests.rtt_smooth);
    else
        lua_pushnil(L);
}

static void get_connected_for(lua_State *L, const struct target *t) {
    push_seconds(L, session_now(t->session) - t->peer->connected_at);
}

static void get_last_block(lua_State *L, const struct target *t) {
    if (t->peer->last_block_at)
        push_seconds(L, session_now(t->session) - t->peer->last_block_at);
    else
        lua_pushnil(L);
}

static void get_blocks(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->blocks);
}

static void get_hash_fails(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->hash_fails);
}

static void get_duplicates(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->duplicate_blocks);
}

static void get_unrequested(lua_State *L, const struct target *t) {
    compat_pushcount(L, t->peer->unrequested_blocks);
}

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
    {"downloaded", get_downloaded, NULL, false},
    {"uploaded", get_uploaded, NULL, false},
    {"outstanding", get_outstanding, NULL, false},
    {"depth", get_depth, NULL, false},
    {"asked", get_asked, NULL, false},
    {"snubbed", get_snubbed, NULL, false},
    {"rtt", get_rtt, NULL, false},
    {"connected_for", get_connected_for, NULL, false},
    {"last_block", get_last_block, NULL, false},
    {"blocks", get_blocks, NULL, false},
    {"hash_fails", get_hash_fails, NULL, false},
    {"duplicates", get_duplicates, NULL, false},
    {"unrequested", get_unrequested, NULL, false},
    {NULL, NULL, NULL, false},
};

static bool resolve(const void *box, struct target *t) {
    const struct box *b = box;
    t->session = b->owner->session;
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
    .resolve = resolve,
    .describe = get_address,
};
