/* session: what the module needs to make one. */
#ifndef MARE_LUA_SESSION_H
#define MARE_LUA_SESSION_H

#include "lua/compat.h"

int session_create(lua_State *L); /* session{options}: session, or nil, message, code */

#endif
