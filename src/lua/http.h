/* http: the streaming server as a Lua value, and the addresses that it gives to torrents and files. */
#ifndef MARE_LUA_HTTP_H
#define MARE_LUA_HTTP_H

#include "lua/object.h"

extern const struct class http_class;

int http_serve(lua_State *L); /* session:_serve{...}: http, or nil, message, code */
void http_push(lua_State *L, int near,
               const struct session *s); /* nil if there is none */

/* Push nil while nothing is served, or the torrent's files are not known. */
void http_push_file_url(lua_State *L, const struct torrent *t, uint32_t file);
void http_push_main_url(lua_State *L, const struct torrent *t);
void http_push_playlist_url(lua_State *L, const struct torrent *t);

#endif
