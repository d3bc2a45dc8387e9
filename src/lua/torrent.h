/* torrent: its two halves, and what files and pieces share with it. */
#ifndef MARE_LUA_TORRENT_H
#define MARE_LUA_TORRENT_H

#include "engine/torrent.h"
#include "lua/object.h"

extern const struct property torrent_properties[];

/* Is this a file that people see? Padding (BEP 47) and symlinks are never created. */
static inline bool file_is_visible(const struct metainfo_file *f) {
    return !(f->flags & (FILE_PAD | FILE_SYMLINK));
}

#endif
