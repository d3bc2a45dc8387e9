/* metainfo_write: the inverse of metainfo: a .torrent from a list of files and piece hashes.
 * Output is canonical bencode that every client (browser ones too) reads: v1 only, keys sorted,
 * `private` only when set, a single file without a `files` list. */
#ifndef MARE_METAINFO_WRITE_H
#define MARE_METAINFO_WRITE_H

#include "base/bytes.h"
#include "base/err.h"

struct metainfo_draft_file {
    /* Below the torrent's name, '/'-separated; unused for a single file. */
    const char *path;
    uint64_t length;
    uint32_t flags; /* FILE_PAD writes `attr` "p" (BEP 47) */
};

struct metainfo_draft {
    const char *name;
    bool multi;
    const struct metainfo_draft_file *files;
    uint32_t file_count;
    uint32_t piece_length;
    const uint8_t *hashes;
    uint32_t pieces;
    const char *const *trackers; /* each its own tier; NULL-terminated, may be NULL */
    const char *const *webseeds; /* NULL-terminated, may be NULL */
    const char *comment, *created_by, *source; /* may be NULL */
    int64_t creation_date;                     /* 0 = leave out */
    bool private;
};

int metainfo_write(struct text *out, const struct metainfo_draft *d, struct err *e)
    MUST_USE;

/* A power of two from 16 KiB to 16 MiB that gives about 1,500 pieces, as the field does. */
uint32_t metainfo_choose_piece_length(uint64_t size);

/* Natural order: digits compare as numbers, letters without case; then by bytes. "ep 2" < "ep 10". */
int natural_compare(const char *a, const char *b);

#endif
