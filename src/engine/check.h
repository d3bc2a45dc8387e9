/* check: what of a torrent is on disk already. */
#ifndef MARE_CHECK_DISK_H
#define MARE_CHECK_DISK_H

#include "engine/torrent.h"

/* State CHECKING until torrent_on_ready: creates what must exist, then believes resume after a
 * sample, or hashes everything, or starts empty where nothing was. */
void check_begin(struct torrent *t);

#endif
