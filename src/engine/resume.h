/* resume: what is known of a torrent between two runs, as a bencoded file STATE/HASH.resume.
 *
 * It is believed only when the sizes and times of the files match what they were, and even then
 * at least one piece a file is hashed (store does that). A broken or foreign file means a check of the
 * data, never "start at 0 % and overwrite". Written atomically. A message and its inverse in one
 * file; no engine object in sight, so specs feed it bytes. */
#ifndef MARE_RESUME_H
#define MARE_RESUME_H

#include "base/addr.h"
#include "base/bitset.h"
#include "base/bytes.h"
#include "base/err.h"
#include "engine/trackers.h"
#include "io/storage.h"

struct resume {
    uint8_t info_hash[20];
    struct bitset have; /* size = pieces */
    uint32_t file_count;
    struct storage_file_stat *files; /* size, mtime_nsec as they were */
    uint8_t *file_priority;          /* file_count entries */
    uint64_t uploaded, downloaded;
    int64_t added_at, done_at; /* unix seconds */
    struct addr *peers;        /* worth trying again; at most 100 */
    uint32_t peer_count;
    /* The user has changed the list of trackers: this is his. */
    bool own_trackers;
    struct tracker_place *trackers; /* by tier */
    uint32_t tracker_count;
    char *tracker_text; /* what their addresses lie in; NULL when they are lent */
};

void resume_write(struct text *out, const struct resume *r);
/* Checks against the torrent: pieces, file_count and info hash must match. NULL with *e. */
struct resume *resume_parse(const uint8_t *data, size_t len, const uint8_t info_hash[20],
                            uint32_t pieces, uint32_t file_count, struct err *e);
void resume_free(struct resume *r);
/* Does every file look as it did? `now` has file_count entries. */
bool resume_matches(const struct resume *r, const struct storage_file_stat *now);
/* "STATE/0123...ef.resume" for the suffix "resume"; malloc'ed, NULL when out of memory. */
char *resume_path(const char *state, const uint8_t info_hash[20], const char *suffix);

#endif
