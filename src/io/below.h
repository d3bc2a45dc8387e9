/* below: files beneath a directory, reached without following a link.
 *
 *     directory        the user's own: may be a link, may be anything
 *     `- name          from here on a torrent's words: every component is opened on its own,
 *        `- dir        relative to the one before (openat, O_NOFOLLOW), so that a link
 *           `- file    put there before or during the walk leads nowhere
 *
 * Paths are as metainfo made them: relative, '/'-separated, no "." or "..". What is found at the
 * end must be a regular file. All of it blocks. Codes: ERR_NOTFOUND nothing is there, ERR_UNSAFE a
 * link or a device is, ERR_EXISTS something else is in the way; the rest as errno says. */
#ifndef MARE_BELOW_H
#define MARE_BELOW_H

#include <sys/stat.h>

#include "base/err.h"

/* A descriptor of the directory that holds the last component, which *name then points at. `make`
 * creates what is missing, `directory` itself too. The caller closes it. */
int below_parent(const char *directory, const char *path, bool make, const char **name,
                 struct err *e) MUST_USE;
/* openat with `flags`; O_CREAT also creates the directories. A descriptor. */
int below_open(const char *directory, const char *path, int flags, struct err *e)
    MUST_USE;
int below_stat(const char *directory, const char *path, struct stat *st, struct err *e)
    MUST_USE;
/* Only a regular file is removed. */
int below_unlink(const char *directory, const char *path, struct err *e) MUST_USE;
/* Removes the directories of `path` that are empty, from the inside out; never `directory`. */
void below_prune(const char *directory, const char *path);

/* For sentences: the two joined, long ones cut in front. Returns out. */
#define BELOW_TEXT 160
char *below_text(char out[BELOW_TEXT], const char *directory, const char *path);

#endif
