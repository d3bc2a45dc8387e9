/* session_events: what the engine has to tell, one event at a time, as Lua values. lua/mare/session.lua
 * calls the handlers. */
#include "engine/peer.h"
#include "lua/session_private.h"
#include "lua/torrent.h"
#include "lua/value.h"

#include <string.h>

void session_forget_event(struct session_box *box) {
    if (box->has_event)
        event_fini(&box->event);
    box->has_event = false;
}

static void push_event_index(lua_State *L, const struct event *ev) {
    switch (ev->type) {
    case EVENT_PIECE:
    case EVENT_HASH_FAILED: piece_push(L, 1, ev->torrent, ev->index); break;
    case EVENT_FILE: file_push(L, 1, ev->torrent, ev->index); break;
    default: lua_pushinteger(L, (lua_Integer)ev->index); break;
    }
}

static void push_event_peer(lua_State *L, const struct event *ev) {
    const struct box peer = {.torrent = ev->torrent, .peer = ev->peer};
    if (ev->peer)
        box_push(L, 1, &peer_class, &peer);
    else
        lua_pushnil(L);
}

static void push_event_torrent(lua_State *L, const struct event *ev) {
    if (ev->torrent)
        torrent_push(L, 1, ev->torrent);
    else
        lua_pushnil(L);
}

static void push_counts(lua_State *L, const struct event *ev) {
    struct scrape_counts counts;
    memcpy(&counts, ev->data, sizeof counts);
    lua_createtable(L, 0, 3);
    set_scrape_counts(L, &counts);
}

/* The peer's last facts; a scrape's numbers; the bytes of a read. */
static void push_event_data(lua_State *L, const struct event *ev) {
    struct peer_facts facts;
    if (ev->view.owner && ev->index == READ_VIEW) {
        view_push(L, 1, &ev->view);
        return;
    } else if (ev->view.owner) {
        lua_pushlstring(L, (const char *)ev->view.data, ev->view.len);
        return;
    }
    if (ev->type == EVENT_SCRAPE) {
        push_counts(L, ev);
        return;
    }
    if (ev->type != EVENT_PEER_CLOSED || ev->len != sizeof facts) {
        lua_pushlstring(L, (const char *)ev->data, ev->len);
        return;
    }
    memcpy(&facts, ev->data, sizeof facts);
    lua_createtable(L, 0, 8);
    push_address_text(L, &facts.addr);
    lua_setfield(L, -2, "address");
    set_string(L, "client", facts.client);
    set_flag(L, "incoming", facts.incoming);
    set_count(L, "downloaded", facts.downloaded);
    set_count(L, "uploaded", facts.uploaded);
    set_seconds(L, "connected_for", facts.connected_for);
}

/* What died is kept no longer than the script itself holds it. */
static void note_deaths(lua_State *L, const struct event *ev, int torrent, int peer) {
    if (ev->type == EVENT_REMOVED && ev->torrent) {
        box_release(L, torrent);
        policy_forget(L, 1, ev->torrent);
    } else if (ev->type == EVENT_PEER_CLOSED && ev->peer)
        box_release(L, peer);
    else if (ev->type == EVENT_OVERFLOW)
        box_sweep(L, 1);
}

/* _poll(): name, torrent, peer, index or piece or file, code, text, token, data; nothing when the queue
 * is empty. The event belongs to the box meanwhile, so that an error here leaks nothing. */
int session_poll(lua_State *L) {
    struct session_box *box = session_check_box(L, 1);
    session_forget_event(box);
    if (!box->session || !events_pop(&box->session->events, &box->event))
        return 0;
    box->has_event = true;
    const struct event *ev = &box->event;
    lua_settop(L, 1);
    lua_pushstring(L, event_name(ev->type));
    push_event_torrent(L, ev);
    push_event_peer(L, ev);
    push_event_index(L, ev);
    if (ev->code < 0)
        lua_pushstring(L, err_name(ev->code));
    else
        lua_pushnil(L);
    push_text_or_nil(L, ev->text);
    compat_pushcount(L, ev->token);
    if (ev->data || ev->view.owner)
        push_event_data(L, ev);
    else
        lua_pushnil(L);
    note_deaths(L, ev, 3, 4);
    session_forget_event(box);
    return 8;
}
