/* storage: where one torrent's bytes live on disk.
 *
 *     torrent   [ file 0      | pad | file 1 | file 2 (skipped)   | file 3 ]
 *     pieces    |   0   |   1   |   2    |    3    |    4    |    5   |
 *                                        wanted bytes -> their files
 *                                        bytes of skipped files -> the parts file
 *
 * Nothing outside `directory` is touched on a torrent's word: files are opened below it component
 * by component without following links. A skipped file is never created: the bytes of it that
 * a wanted piece brings along go to `parts_path` (sparse, at the same offset as in the torrent), and
 * move to their place when the file becomes wanted. A skipped file that is on disk already (it was
 * wanted once) is used where it is. Pads read as zeros and are never written. Existing files are
 * never truncated or emptied.
 *
 * Operations are jobs (io/jobs): the caller owns the operation until its `done`. They run side by
 * side, except that prepare, select, move and remove run alone: what was submitted earlier ends
 * before, what comes later waits. A storage is counted, each running operation holds it. Files are opened as needed and the least recently
 * used are closed (at most STORAGE_MAX_OPEN per storage). Short writes, EINTR and files that were
 * truncated or replaced under us are handled: a read that finds less is ERR_IO with a sentence; a
 * write to a file that somebody removed is ERR_NOTFOUND, until a check or a prepare has seen it. */
#ifndef MARE_STORAGE_H
#define MARE_STORAGE_H

#include <sys/uio.h>

#include "base/bitset.h"
#include "base/hash_lanes.h"
#include "base/shared.h"
#include "codec/metainfo.h"
#include "io/file.h"
#include "io/jobs.h"

#define STORAGE_MAX_OPEN 64

struct storage;

/* MEMORY: nothing is ever on disk, and directory and parts_path mean nothing. */
enum storage_allocation { STORAGE_SPARSE, STORAGE_FULL, STORAGE_MEMORY };

/* Creates nothing on disk. `wanted` has one member per wanted file (copied). */
struct storage *storage_new(struct loop *l, struct metainfo *m, const char *directory,
                            const char *parts_path, enum storage_allocation how,
                            const struct bitset *wanted);
void storage_drop(struct storage *s); /* closes when the last operation is done */
const char *storage_directory(const struct storage *s);
/* Do all bytes of this file that we have lie in the file itself? False while that changes. */
bool storage_has_file(const struct storage *s, uint32_t file);

/* What every operation carries. `status` 0 or ERR_*, with the sentence in err.text ("cannot
 * write downloads/a/b.iso: No space left on device"). */
struct storage_op {
    struct job job;
    struct storage *storage;
    int status;
    struct err err;
    void (*done)(struct storage_op *op);
    void *owner;
    int64_t hash_nsec, disk_nsec; /* spent on the worker */
    /* The storage's own: */
    struct link link; /* among those that wait for their turn */
    void (*work)(struct storage_op *op);
    void (*settle)(struct storage_op *op); /* on the loop, before `done`; or NULL */
    bool exclusive;
};

/* Hash, then write pieces: up to HASH_LANES of them are hashed together (base/hash_lanes), which
 * costs half as much, then each is written with one pwrite per file it touches. op.status is each
 * piece's own; ERR_HASH: the bytes do not match, nothing was written. `verified` skips the
 * hashing (a retry after a disk error). `hashed_ok` tells whether the hash matched when the
 * write failed. */
struct piece_write {
    struct storage_op op;
    uint32_t piece;
    const uint8_t *data; /* the piece's whole length */
    bool verified, hashed_ok;
    bool hash_only; /* write nothing yet: somebody wants to see it before */
    uint32_t
        hashed; /* so many bytes of it are in `stream` already (a multiple of HASH_BLOCK) */
    struct hash_stream stream;
    /* Of STORAGE_MEMORY: what to keep, before anything but hash_only. The owner's until `done`. */
    struct shared_bytes *shared;
    struct piece_write *next; /* of the batch; only the first one's `done` is called */
};
int storage_write_piece(struct storage *s, struct piece_write *w)
    MUST_USE; /* 0 or ERR_NOMEM */

struct range_read {
    struct storage_op op;
    uint64_t offset;
    uint32_t length;
    uint8_t *data;
};
int storage_read(struct storage *s, struct range_read *r) MUST_USE;

/* The same at once, on the calling thread, if the bytes are in the page cache and the file is open:
 * 0 done; ERR_AGAIN it would wait (use storage_read); ERR_IO .... Several ranges, contiguous in
 * the torrent from `offset`, go to iov in one system call where they lie in one file. */
int storage_read_now(struct storage *s, uint64_t offset, const struct iovec *iov, int n)
    MUST_USE;

/* Reads and hashes pieces, up to HASH_LANES together: each one's op.status 0 = it matches, ERR_HASH, ERR_NOTFOUND (a file
 * is missing or shorter), ERR_IO. */
struct piece_check {
    struct storage_op op;
    uint32_t piece;
    struct piece_check *next; /* of the batch; only the first one's `done` is called */
};
int storage_check_piece(struct storage *s, struct piece_check *c) MUST_USE;

/* Creates directories and empty files, allocates in full if so chosen (wanted files only), and reports
 * what was there: `existed` tells whether any wanted non-empty file existed before. */
struct storage_prepare {
    struct storage_op op;
    bool existed;
    bool found; /* any file of it, empty or skipped ones, too */
};
int storage_prepare(struct storage *s, struct storage_prepare *p) MUST_USE;

/* Frees the disk space of a piece that is read by nobody any more (a hole in its files), or its
 * memory. ERR_UNSUPPORTED where the file system cannot. */
struct storage_punch {
    struct storage_op op;
    uint32_t piece;
};
int storage_punch(struct storage *s, struct storage_punch *p) MUST_USE;

/* Size and modification time of each file, for resume (missing: size -1). */
struct storage_stat {
    struct storage_op op;
    struct storage_file_stat {
        int64_t size, mtime_nsec;
    } * files; /* file_count entries, owned by the operation's owner: free() */
};
int storage_stat(struct storage *s, struct storage_stat *t) MUST_USE;

/* Changes which files are wanted: bytes in the parts file that now belong to wanted files are moved to
 * them (pieces in `have` only). A file that becomes unwanted stays as it is. */
struct storage_select {
    struct storage_op op;
    struct bitset wanted; /* initialised by the caller, freed by the caller after done */
    struct bitset have;
};
int storage_select(struct storage *s, struct storage_select *c) MUST_USE;

/* Moves all files (rename, or copy + sync + unlink across file systems) below another directory, which is
 * created. On failure everything is where it was. Existing files there are not overwritten:
 * ERR_EXISTS. Reads and writes wait meanwhile. */
struct storage_move {
    struct storage_op op;
    const char *directory;
};
int storage_move(struct storage *s, struct storage_move *m) MUST_USE;

/* Deletes the torrent's files, the parts file, and directories of the torrent that became empty. Nothing
 * else in them is touched. */
struct storage_remove {
    struct storage_op op;
};
int storage_remove(struct storage *s, struct storage_remove *r) MUST_USE;

/* A descriptor for sending a range of a file that is where it belongs, and in the page cache.
 * ERR_AGAIN: sending it would wait for the disk (use storage_read). ERR_UNSUPPORTED: its bytes are
 * elsewhere (a skipped file), or it has none (padding). ERR_EOF: the file is too short. */
struct storage_lend {
    struct storage_op op;
    uint32_t file;
    uint64_t offset, length; /* in the file */
    int fd; /* after `done`, status 0: the owner's, to be taken or given back */
};
int storage_lend(struct storage *s, struct storage_lend *l) MUST_USE;
void storage_give_back(struct storage_lend *l); /* closes what was not taken */

#endif
