/* create: a .torrent from a file or a folder. Blocking: it has a loop of its own, and uses all
 * processors to hash. */
#ifndef MARE_CREATE_H
#define MARE_CREATE_H

#include "base/bytes.h"
#include "base/err.h"

struct create_options {
    const char *path;
    const char *name;      /* NULL = as the file or folder is called */
    uint32_t piece_length; /* a power of two, 16 KiB .. 16 MiB; 0 = chosen by the size */
    bool align;            /* pads, so that every file begins with a piece (BEP 47) */
    bool private;          /* BEP 27 */
    const char *const *trackers; /* each its own tier; NULL-terminated, may be NULL */
    const char *const *webseeds; /* NULL-terminated, may be NULL */
    const char *comment, *created_by, *source; /* may be NULL */
    int64_t creation_date;                     /* unix time; 0 = leave out */
    /* Bytes hashed so far, on this thread; false cancels (ERR_CANCELED). May be NULL. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    /* One sentence for each thing that is left out: hidden files, links. May be NULL. */
    void (*note)(void *ctx, const char *sentence);
    void *ctx;
};

/* Appends the torrent to `out`. 0; ERR_INVALID (options, an empty folder, a name that cannot be in
 * a torrent), ERR_NOTFOUND, ERR_ACCESS, ERR_IO (also: a file changed meanwhile), ERR_LIMIT,
 * ERR_CANCELED, ERR_NOMEM. On failure nothing is appended. */
int create_torrent(const struct create_options *o, struct text *out, struct err *e)
    MUST_USE;

#endif
