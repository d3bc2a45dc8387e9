/* open_files: descriptors kept open between operations, for workers and the loop at once.
 *
 * A torrent may have more files than a process may have descriptors, so the least recently used
 * are closed. A descriptor in use is counted and never closed under its user; the lock guards
 * the list alone and is never held during a system call that could wait. */
#ifndef MARE_OPEN_FILES_H
#define MARE_OPEN_FILES_H

#include "base/bitset.h"
#include "base/list.h"

#include <uv.h> /* after base.h: it brings a MIN and a MAX of its own */

struct open_file {
    struct link link; /* the most recently used comes first */
    uint32_t file;
    uint32_t users;
    int fd;
    bool writable;
    bool in_memory; /* on a file system without a disk: reading never waits */
    bool linked;    /* it had a name when it was opened (a few file systems never tell) */
};

struct open_files {
    uv_mutex_t lock;
    struct link list;
    uint32_t count, max;
    struct bitset
        seen; /* files that were there once: if one is gone, somebody removed it */
};

int open_files_init(struct open_files *f, uint32_t max, uint32_t files) MUST_USE;
void open_files_fini(struct open_files *f); /* nothing may be in use */

/* The file if it is open (for writing, if so asked), counted; or NULL. */
struct open_file *open_files_find(struct open_files *f, uint32_t file, bool write);
/* Takes fd, counted once. If somebody else was faster, theirs is returned and fd closed. NULL when out of
 * memory (fd is closed). */
struct open_file *open_files_add(struct open_files *f, uint32_t file, int fd, bool write,
                                 bool linked);
void open_files_release(struct open_files *f, struct open_file *o);
/* Whoever comes next opens it anew; `o` stays the caller's until released. */
void open_files_forget(struct open_files *f, struct open_file *o);
void open_files_close_all(struct open_files *f); /* those that are not in use */

bool open_files_seen(struct open_files *f, uint32_t file);
void open_files_unsee(struct open_files *f, uint32_t file);

#endif
