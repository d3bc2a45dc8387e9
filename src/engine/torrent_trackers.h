/* torrent_trackers: a torrent and its trackers, which know it by hooks alone. */
#ifndef MARE_TORRENT_TRACKERS_H
#define MARE_TORRENT_TRACKERS_H

#include "engine/trackers.h"

struct torrent;

/* Those that `m` names (NULL: none yet). NULL when out of memory. */
struct trackers *torrent_trackers_new(struct torrent *t, const struct metainfo *m);

#endif
