/* info: what the module gets from metainfo, links and creating. */
#ifndef MARE_LUA_INFO_H
#define MARE_LUA_INFO_H

#include "lua/compat.h"

int info_parse(lua_State *L);       /* info(bytes): table, or nil, message, code */
int magnet_read(lua_State *L);      /* magnet(text): table, or nil, message, code */
int magnet_is_likely(lua_State *L); /* _is_magnet(text): a link or an info-hash? */
int create_bytes(lua_State *L); /* create(path, options): bytes, or nil, message, code */

#endif
