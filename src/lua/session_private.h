/* session_private: what the files of the session's Lua value share.
 *
 *     session             the class; driving it
 *     session_new         birth and end
 *     session_events      what the engine tells
 *     session_torrents    how torrents come
 *     session_properties  what it tells of itself */
#ifndef MARE_LUA_SESSION_PRIVATE_H
#define MARE_LUA_SESSION_PRIVATE_H

#include "engine/session.h"
#include "lua/object.h"

/* The session at `arg`; raises on another type. */
struct session_box *session_check_box(lua_State *L, int arg); /* may be closed */
struct session *session_check(lua_State *L, int arg); /* raises when it is closed */

/* session_new.c */
int session_do_close(lua_State *L);
int session_gc(lua_State *L);
int session_leave(lua_State *L); /* __close */
/* An `error` event of a torrent (0: of the session). */
void session_report_policy(struct policy_bridge *b, handle torrent, const char *text);

/* session_events.c */
int session_poll(lua_State *L);
void session_forget_event(struct session_box *box); /* the one that is being turned */

/* session_torrents.c */
int session_do_add(lua_State *L);
int session_add_link(lua_State *L);
int session_fetch(lua_State *L);
int session_torrents(lua_State *L);
int session_do_find(lua_State *L);

extern const struct property session_properties[];

#endif
