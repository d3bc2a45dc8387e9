/* metainfo: what a .torrent file says (BEP 3), checked and made safe before anybody acts on it.
 *
 * Every path is sanitised here once, so nothing later has to think about `..`: elements that are
 * empty, `.`, `..`, contain NUL, `/` or `\`, are absolute or longer than 255 bytes, or are
 * Windows device names, are refused or renamed (see metainfo.c); two files of one path, a file
 * inside a file, and directories deeper than 100 are refused or renamed; symlinks (BEP 47) are
 * listed but never followed or created. Sizes are summed with overflow checks.
 *
 * The object is immutable once parsed and counted (hold/drop, on one thread). */
#ifndef MARE_METAINFO_H
#define MARE_METAINFO_H

#include "base/err.h"
#include "base/hash.h"
#include "codec/bencode.h"

#define METAINFO_MAX_PIECES 2000000
#define METAINFO_MAX_PIECE_LENGTH (512u << 20) /* a piece is held in memory as a whole */
#define METAINFO_MAX_INFO 31457280             /* 30 MiB: bound for metadata from peers */

enum {
    FILE_PAD = 1, /* BEP 47: zeros that align the next file; never written to disk */
    FILE_EXECUTABLE = 2, /* BEP 47 */
    FILE_HIDDEN = 4,
    FILE_SYMLINK = 8 /* never followed, never created; has no data */
};

struct metainfo_file {
    const char *path; /* safe and relative, '/'-separated, as created below the directory:
                         "name" for a single file, "name/dir/file" in a multi-file torrent */
    uint64_t length;
    uint64_t offset; /* of its first byte in the torrent */
    uint32_t flags;
};

struct tracker_tier {
    char **urls; /* http, https, udp only; others are dropped */
    uint32_t count;
};

struct metainfo_node {
    char *host; /* a name or an address */
    uint16_t port;
};

struct metainfo {
    uint32_t refs;
    uint8_t info_hash[SHA1_LEN];
    char *name; /* sanitised; also the top folder of a multi-file torrent */
    uint32_t piece_length;
    uint32_t pieces;
    uint64_t size; /* all files, pads included */
    bool private;  /* BEP 27 */
    bool multi;    /* has a `files` list */
    struct metainfo_file *files;
    uint32_t file_count;
    char *paths;           /* all the files' paths, one behind the other */
    const uint8_t *hashes; /* pieces * 20 bytes */
    /* BEP 12; `announce` alone makes one tier of one; NULL if none. */
    struct tracker_tier *tiers;
    uint32_t tier_count;
    char **webseeds; /* url-list, BEP 19 */
    uint32_t webseed_count;
    struct metainfo_node *nodes; /* of the DHT, to begin with (BEP 5) */
    uint32_t node_count;
    char *comment, *created_by; /* UTF-8, or NULL */
    int64_t creation_date;      /* unix time, 0 = not given */
    uint8_t *info;              /* the info dictionary's raw bytes (BEP 9 serves them) */
    size_t info_len;
    char **renamed; /* sentences for the user: "a/../b: unsafe path, stored as a/_/b" */
    uint32_t renamed_count;
};

/* A whole .torrent. *out is set only when it returns 0. The error sentence tells what is wrong
 * in terms of the torrent ("piece length is 0"; "file 3: path leaves the download directory"). */
int metainfo_parse(struct metainfo **out, const uint8_t *data, size_t len, struct err *e)
    MUST_USE;
/* Only an info dictionary (BEP 9 metadata, already verified by its hash); no trackers. */
int metainfo_parse_info(struct metainfo **out, const uint8_t *info, size_t len,
                        struct err *e) MUST_USE;
struct metainfo *metainfo_hold(struct metainfo *m);
void metainfo_drop(struct metainfo *m); /* NULL is fine */

/* The last piece is shorter. */
uint32_t metainfo_piece_size(const struct metainfo *m, uint32_t piece);
static inline const uint8_t *metainfo_hash(const struct metainfo *m, uint32_t piece) {
    return m->hashes + (size_t)piece * SHA1_LEN;
}
/* First file that has bytes at or after `offset` (binary search; empty files are skipped).
 * offset < size. */
uint32_t metainfo_file_at(const struct metainfo *m, uint64_t offset);
/* Is this a file that people see? Padding (BEP 47) and symlinks are never created. */
static inline bool file_is_visible(const struct metainfo_file *f) {
    return !(f->flags & (FILE_PAD | FILE_SYMLINK));
}
/* Pieces that hold bytes of a file: first and one past the last; equal for an empty file. */
void metainfo_file_pieces(const struct metainfo *m, uint32_t file, uint32_t *first,
                          uint32_t *end);

#endif
