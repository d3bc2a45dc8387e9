/* info: what the module gets from metainfo and from creating. */
#ifndef MARE_LUA_INFO_H
#define MARE_LUA_INFO_H

#include "lua/compat.h"

int info_parse(lua_State *L);   /* info(bytes): table, or nil, message, code */
int create_bytes(lua_State *L); /* create(path, options): bytes, or nil, message, code */

#endif
