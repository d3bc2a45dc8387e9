/* throwaway: torrents whose data is not to outlive their session: what a player has
 * watched. At a good end it is deleted with the session; what a crash leaves behind is
 * swept when the next session opens the same state directory.
 *
 *     STATE/HASH.throwaway   directory NUL info dictionary        locked while the session lives */
#ifndef MARE_THROWAWAY_H
#define MARE_THROWAWAY_H

#include "engine/torrent.h"

/* The storage has looked: `found` tells whether files of the torrent were there before.
 * Those are somebody's, so such a torrent is kept, and says so. */
void throwaway_on_prepared(struct torrent *t, bool found);
/* Its data is gone, or to be kept after all. */
void throwaway_forget(struct torrent *t);
/* The session closes: these torrents go with their data. */
void throwaway_remove_all(struct session *s);
/* The session opens: what others left. */
void throwaway_sweep(struct session *s);

#endif
