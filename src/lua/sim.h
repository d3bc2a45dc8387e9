/* sim: the raw half of mare.sim, a simulated swarm (swarm/sim.h) in the hands of lua/mare/sim.lua. */
#ifndef MARE_LUA_SIM_H
#define MARE_LUA_SIM_H

#include "lua/compat.h"

void sim_register(lua_State *L); /* its metatable; leaves the stack as it was */
int sim_create(lua_State *L);

#endif
