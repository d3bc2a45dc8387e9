/* storage_parts: what the storage_*.c files share and nobody else sees. */
#ifndef MARE_STORAGE_PARTS_H
#define MARE_STORAGE_PARTS_H

#include "io/open_files.h"
#include "io/storage.h"

struct storage {
    uint32_t refs; /* one of the owner, one per operation; loop thread only */
    struct loop *loop;
    struct metainfo *m;
    char *directory, *parts_path;
    enum storage_allocation how;

    /* The turnstile. Shared operations run side by side, exclusive ones alone, in the order in
     * which they came. So what only exclusive ones change needs no lock: directory, in_place,
     * wanted. Loop thread only. */
    struct link waiting;
    uint32_t running;
    bool alone;
    char *
        moved_to; /* from a worker: the directory to be, taken over at the end of the move */

    bool
        known; /* in_place was compared with what is on disk: the first operation does it */
    struct bitset wanted;
    struct bitset
        in_place; /* files whose bytes are in the file itself, not in the parts file */

    struct open_files
        files; /* numbered as in the metainfo; file_count is the parts file */

    struct shared_bytes *
        *kept; /* the pieces of STORAGE_MEMORY, NULL = on disk; loop only */

    uv_mutex_t spare_lock; /* buffers of finished checks, for the next ones */
    struct spare *spare;

    /* Held around the writes of a batch. The kernel lets one writer into a file at a time anyhow,
     * and those that wait there burn the cores on which others could hash. */
    uv_mutex_t write_lock;
};

static inline uint32_t storage_parts_file(const struct storage *s) {
    return s->m->file_count;
}
/* A file that never has bytes on disk. */
static inline bool storage_is_ghost(const struct storage *s, uint32_t file) {
    return s->m->files[file].flags & (FILE_PAD | FILE_SYMLINK);
}

static inline uint64_t storage_piece_offset(const struct storage *s, uint32_t piece) {
    return (uint64_t)piece * s->m->piece_length;
}
static inline int64_t storage_since(uint64_t hrtime) { /* nanoseconds */
    return (int64_t)(uv_hrtime() - hrtime);
}

/* ---- storage.c ---- */

/* Queues an operation: `work` on a worker, then `settle` (or NULL) and op->done on the loop.
 * 0 or ERR_NOMEM. */
int storage_submit(struct storage *s, struct storage_op *op,
                   void (*work)(struct storage_op *op), bool exclusive,
                   void (*settle)(struct storage_op *op)) MUST_USE;

/* ---- storage_map.c: from bytes of the torrent to bytes of files ---- */

struct segment {
    bool pad;        /* zeros, in no file */
    uint32_t file;   /* or storage_parts_file() */
    uint64_t offset; /* in that file */
    uint64_t length;
};
struct segments {
    const struct storage *s;
    uint64_t at, end; /* in the torrent */
    uint32_t file;
};
void segments_init(struct segments *g, const struct storage *s, uint64_t offset,
                   uint64_t length);
bool segments_next(struct segments *g, struct segment *out);

/* ---- storage_open.c ---- */

/* The file opened, and counted (open_files_release). For writing it is created with its directories,
 * and made as long as it is to be. */
int storage_open(struct storage *s, uint32_t file, bool write, struct open_file **out,
                 struct err *e) MUST_USE;
/* Makes it `length` long at least; with `allocate` the blocks are there, too. */
int storage_extend(int fd, uint64_t length, bool allocate);
/* "cannot write downloads/a: No space left on device (...)"; returns the code. */
int storage_fail(const struct storage *s, uint32_t file, const char *verb, int errnum,
                 struct err *e);

/* ---- storage_io.c ---- */

int storage_write_range(struct storage *s, uint64_t offset, const uint8_t *from,
                        uint64_t length, struct err *e) MUST_USE;
/* ERR_EOF when a file is too short. *last is the file that a negative answer is about. */
int storage_read_range(struct storage *s, uint64_t offset, uint8_t *to, uint64_t length,
                       uint32_t *last, struct err *e) MUST_USE;

/* ---- storage_memory.c ---- */

int storage_memory_init(struct storage *s) MUST_USE;
void storage_memory_clear(struct storage *s);
void storage_memory_keep(struct storage *s, uint32_t piece, struct shared_bytes *bytes);
void storage_memory_drop(struct storage *s, uint32_t piece);
int storage_memory_read(const struct storage *s, uint64_t offset, const struct iovec *iov,
                        int n) MUST_USE; /* 0 or ERR_IO */
void storage_memory_work_nothing(struct storage_op *op);
void storage_memory_work_lost(struct storage_op *op);
void storage_memory_work_refuse(struct storage_op *op);
void storage_memory_settle_remove(struct storage_op *op);

/* ---- storage_check.c ---- */

void storage_free_buffers(struct storage *s); /* while nothing runs */

/* ---- storage_select.c ---- */

/* A piece came to the disk while a selection was waiting: its bytes are to be moved, too. */
void storage_note_piece(struct storage *s, uint32_t piece);

/* ---- storage_prepare.c ---- */

void storage_learn(struct storage *s); /* on a worker, exclusively */
/* Creates the file if it is not there, with its space if that is to be reserved. */
int storage_reserve(const struct storage *s, uint32_t file, struct err *e) MUST_USE;

#endif
