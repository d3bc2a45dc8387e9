/* storage_fixture: a torrent of any shape with its bytes in memory, a storage for it in a
 * temporary directory, and every operation as one call that waits for its end. */
#ifndef MARE_STORAGE_FIXTURE_H
#define MARE_STORAGE_FIXTURE_H

#include <sys/stat.h>
#include <unistd.h>

#include "codec/metainfo.h"
#include "io/loop.h"
#include "io/storage.h"
#include "support/check.h"

#define PIECE 16384

struct file_spec {
    const char *path; /* below the torrent's folder "t" */
    uint64_t length;
    uint32_t flags;
    bool skipped;
};

struct fixture {
    struct loop *loop;
    struct metainfo *m;
    struct storage *s;
    struct bitset wanted, have;
    uint8_t *data; /* the whole torrent */
    char directory[512], parts[512], text[1024];
    struct err err; /* of the last operation */
};

/* The shape most tests use. Pieces:  a a|a pad pad|b b|b c d|d d|d d...  */
extern const struct file_spec standard_files[];
extern const uint32_t standard_count;

/* The directory is TMPDIR/down, which does not exist yet. */
void fixture_open(struct fixture *f, const struct file_spec *files, uint32_t count,
                  uint32_t piece_length, enum storage_allocation how);
void fixture_open_standard(struct fixture *f);
/* A second life: a new storage over the same files. */
void fixture_reopen(struct fixture *f);
void fixture_close(struct fixture *f);

void fixture_run(struct fixture *f, const struct storage_op *op); /* until it is done */
void fixture_note_done(struct storage_op *op);                    /* for op.done */

int fixture_write(struct fixture *f, uint32_t piece);
void fixture_write_all(struct fixture *f); /* and `have` is full */
int fixture_check(struct fixture *f, uint32_t piece);
uint32_t fixture_count_good(struct fixture *f); /* pieces that match */
int fixture_read(struct fixture *f, uint64_t offset, uint32_t length, uint8_t *to);
int fixture_prepare(struct fixture *f, bool *existed);
int fixture_select(struct fixture *f, const char *wanted); /* "101": one per file */
int fixture_move(struct fixture *f, const char *directory);
int fixture_remove(struct fixture *f);

/* directory/t/path, in f->text. */
const char *fixture_path(struct fixture *f, const char *path);
bool fixture_exists(struct fixture *f, const char *path); /* links count */
/* Does the file on disk hold the torrent's bytes, all of them, and no more? */
bool fixture_is_whole(struct fixture *f, const char *path);
void put_file(const char *path, const void *data, size_t len);
bool same_bytes(const char *path, const void *data, size_t len);

#endif
