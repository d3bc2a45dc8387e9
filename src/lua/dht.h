/* dht: session.dht, and what mare.session{ dht = ... } says. */
#ifndef MARE_LUA_DHT_H
#define MARE_LUA_DHT_H

#include "lua/object.h"

struct settings;

extern const struct class dht_class;

/* Reads `dht` and `lsd` of the options at `i` (nil: none given) into *s. Pushes one value, which
 * must stay on the stack while *s is used. */
void dht_read_settings(lua_State *L, int i, struct settings *s);

#endif
