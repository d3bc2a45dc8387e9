/* replay: the raw half of mare.replay: puts recorded rounds (record.h) to a policy, by the same bridge
 * as a session's, and says in which order the engine would have set the rows before and now. */
#ifndef MARE_LUA_REPLAY_H
#define MARE_LUA_REPLAY_H

#include "lua/compat.h"

void replay_register(lua_State *L); /* its metatable; leaves the stack as it was */
/* (policy, first line of the recording): an object with the method `ask`. */
int replay_create(lua_State *L);

#endif
