/* file: small whole files, for state and .torrents. Everything here blocks: it is meant for jobs,
 * for starting and for closing. Paths are the user's own, so links in them are followed. */
#ifndef MARE_FILE_H
#define MARE_FILE_H

#include "base/err.h"

/* Written to a temporary file beside it, synced, renamed, directory synced: after a crash there
 * is the old file or the new one, never half of one. Parent directories are created. */
int file_write_atomic(const char *path, const void *data, size_t len, struct err *e)
    MUST_USE;
/* *data is malloc'ed and has a NUL behind it. ERR_NOTFOUND, ERR_LIMIT when larger than max. */
int file_read_whole(const char *path, size_t max, uint8_t **data, size_t *len,
                    struct err *e) MUST_USE;
int file_make_dirs(const char *path, struct err *e)
    MUST_USE; /* mkdir -p, mode 0777 & ~umask */

int file_remove(const char *path); /* 0 or a code of errno; a missing one is fine */

/* Exactly len bytes at an offset, through EINTR and short transfers. 0; ERR_EOF when the file ends
 * before (read only); otherwise the code of errno, which stays set. */
int file_read_at(int fd, void *data, size_t len, uint64_t offset) MUST_USE;
int file_write_at(int fd, const void *data, size_t len, uint64_t offset) MUST_USE;

#endif
