/* torrent: its two halves, and what files and pieces share with it. */
#ifndef MARE_LUA_TORRENT_H
#define MARE_LUA_TORRENT_H

#include "engine/torrent.h"
#include "lua/object.h"

extern const struct property torrent_properties[];

/* trackers.c */
void torrent_get_trackers(lua_State *L, const struct target *t);
void torrent_set_trackers(lua_State *L, const struct target *t, int value);
void torrent_get_swarm_seeds(lua_State *L, const struct target *t);
void torrent_get_swarm_leechers(lua_State *L, const struct target *t);
void torrent_get_swarm_downloads(lua_State *L, const struct target *t);
int torrent_do_add_tracker(lua_State *L);
int torrent_do_remove_tracker(lua_State *L);
int torrent_do_announce(lua_State *L);
int torrent_do_scrape(lua_State *L);
/* Those that are known, as fields of the table on top: seeds, leechers, downloads. */
void set_scrape_counts(lua_State *L, const struct scrape_counts *counts);

#endif
