/* blocklist: lists of addresses for scripts: mare.core.blocklist() is an empty one. */
#ifndef MARE_LUA_BLOCKLIST_H
#define MARE_LUA_BLOCKLIST_H

#include "lua/compat.h"

int blocklist_create(lua_State *L);

#endif
