/* source: the files that a new torrent is made of, in their order, as one run of bytes.
 *
 *     folder/            [ a 1 ][pad][ a 2 ][ a 10 ][pad][ b/c ]
 *                        ^ offset 0                            ^ size
 *
 * The walk does not follow links, and leaves hidden files out; it says so in notes. Reading opens
 * a file for as long as it takes: any thread may read while nothing else is done with the
 * source. A file that is not what the walk saw (size, time) is ERR_IO with a sentence. */
#ifndef MARE_SOURCE_H
#define MARE_SOURCE_H

#include "base/err.h"

#define SOURCE_MAX_DEPTH 100

struct source_file {
    char *path; /* below the folder, '/'-separated; the name of a single file; ".pad/N" */
    uint64_t length, offset;
    int64_t mtime_nsec;
    bool pad;
};

struct source {
    char *root; /* the folder, or the one that holds the single file */
    char *name;
    bool multi; /* a folder */
    struct source_file *files;
    uint32_t count, cap;
    uint64_t size;
};

/* Called for each thing that is left out, with one sentence. May be NULL. */
typedef void source_note(void *ctx, const char *sentence);

/* The links of `path` itself are the user's own and followed. ERR_NOTFOUND nothing is there,
 * ERR_INVALID a folder without files, or neither file nor folder; ... */
int source_open(struct source *s, const char *path, source_note *note, void *ctx,
                struct err *e) MUST_USE;
void source_close(struct source *s); /* safe on a zeroed struct */
/* Puts pads (BEP 47) before all files that would not begin with a piece. 0 or ERR_NOMEM. */
int source_align(struct source *s, uint32_t piece_length) MUST_USE;
int source_read(const struct source *s, uint64_t offset, uint8_t *to, size_t len,
                struct err *e) MUST_USE;
/* Are all files still what they were? */
int source_check(const struct source *s, struct err *e) MUST_USE;

/* Processors that are there, at least 1. */
uint32_t source_processors(void);

/* For source_walk.c. Takes path also when it fails. */
int source_add(struct source *s, char *path, uint64_t length, int64_t mtime_nsec,
               bool pad) MUST_USE;

#endif
