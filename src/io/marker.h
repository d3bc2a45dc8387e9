/* marker: a small file that says "somebody is at work here", and still says what at when
 * that somebody has died. It is locked (flock) as long as its holder lives, whatever
 * kills it; a marker that can be claimed is a dead one's. Blocks: for starting, adding
 * and closing. */
#ifndef MARE_MARKER_H
#define MARE_MARKER_H

#include "base/err.h"

struct marker;

/* Creates the file (and its directory) with this content, or takes over a dead one's.
 * NULL with *e: ERR_BUSY when another one holds it. */
struct marker *marker_hold(const char *path, const void *data, size_t len, struct err *e);
/* A dead one's, and what it says (malloc'ed). NULL: it is alive, or gone, or
 * unreadable. */
struct marker *marker_claim(const char *path, uint8_t **data, size_t *len);
/* Lets go; with `done` the file goes, too. NULL is fine. */
void marker_free(struct marker *m, bool done);

/* Calls `each` with the path of every file in the directory whose name ends so. */
void marker_list(const char *directory, const char *suffix,
                 void (*each)(void *ctx, const char *path), void *ctx);
/* The path from the root, malloc'ed; NULL when out of memory. Nothing need be there. */
char *marker_absolute(const char *path);

#endif
