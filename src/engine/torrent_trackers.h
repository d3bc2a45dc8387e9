/* torrent_trackers: a torrent and its trackers, which know it by hooks alone. */
#ifndef MARE_TORRENT_TRACKERS_H
#define MARE_TORRENT_TRACKERS_H

#include "engine/trackers.h"

struct torrent;

/* Those that `m` names (NULL: none yet). NULL when out of memory. */
struct trackers *torrent_trackers_new(struct torrent *t, const struct metainfo *m);
/* The user changes the list (as trackers_assign, _add, _remove): from now on it is kept. */
int torrent_trackers_assign(struct torrent *t, const struct tracker_place *places,
                            uint32_t count, struct err *e);
int torrent_trackers_add(struct torrent *t, const char *url, uint32_t tier,
                         struct err *e);
bool torrent_trackers_remove(struct torrent *t, const char *url);
/* All of them, their addresses lent; NULL when out of memory. */
struct tracker_place *torrent_trackers_list(const struct torrent *t, uint32_t *count);

#endif
