/* storage_io: ranges between memory and disk.
 *
 *     write   [segment][segment]... -> one pwrite each
 *     read    one pread per segment
 *
 * Pads are zeros that exist nowhere. A piece that touches skipped files has those bytes in the
 * parts file; segments (storage_map.c) make both look alike from here. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "io/file.h"
#include "io/storage_parts.h"

static bool range_is_inside(const struct storage *s, uint64_t offset, uint64_t length) {
    return offset <= s->m->size && length <= s->m->size - offset;
}

/* ---- segments ---- */

static int fail_short(const struct storage *s, const struct segment *g, struct err *e) {
    bool parts = g->file == storage_parts_file(s);
    return err_set(e, ERR_EOF,
                   "%.160s is shorter than it should be: check the torrent again",
                   parts ? s->parts_path : s->m->files[g->file].path);
}

static int read_segment(struct storage *s, const struct segment *g, uint8_t *to,
                        struct err *e) {
    struct open_file *o;
    if (g->pad) {
        memset(to, 0, (size_t)g->length);
        return 0;
    }
    int status = storage_open(s, g->file, false, &o, e);
    if (status < 0)
        return status;
    status = file_read_at(o->fd, to, (size_t)g->length, g->offset);
    if (status == ERR_EOF)
        status = fail_short(s, g, e);
    else if (status < 0)
        status = storage_fail(s, g->file, "read", errno, e);
    open_files_release(&s->files, o);
    return status;
}

static int write_segment(struct storage *s, const struct segment *g, const uint8_t *from,
                         struct err *e) {
    struct open_file *o;
    if (g->pad)
        return 0;
    int status = storage_open(s, g->file, true, &o, e);
    if (status < 0)
        return status;
    status = file_write_at(o->fd, from, (size_t)g->length, g->offset);
    if (status < 0)
        status = storage_fail(s, g->file, "write", errno, e);
    open_files_release(&s->files, o);
    return status;
}

int storage_write_range(struct storage *s, uint64_t offset, const uint8_t *from,
                        uint64_t length, struct err *e) {
    struct segments each;
    struct segment g;
    int status = 0;
    segments_init(&each, s, offset, length);
    for (; !status && segments_next(&each, &g); from += g.length)
        status = write_segment(s, &g, from, e);
    return status;
}

int storage_read_range(struct storage *s, uint64_t offset, uint8_t *to, uint64_t length,
                       uint32_t *last, struct err *e) {
    struct segments each;
    struct segment g;
    int status = 0;
    segments_init(&each, s, offset, length);
    for (; !status && segments_next(&each, &g); to += g.length) {
        status = read_segment(s, &g, to, e);
        *last = g.file;
    }
    return status;
}

/* ---- reading a range ---- */

static void work_read(struct storage_op *op) {
    struct range_read *r = CONTAINER_OF(op, struct range_read, op);
    uint32_t last;
    uint64_t since = uv_hrtime();
    op->status =
        storage_read_range(op->storage, r->offset, r->data, r->length, &last, &op->err);
    if (op->status == ERR_EOF)
        op->status = op->err.code = ERR_IO;
    op->disk_nsec += storage_since(since);
}

int storage_read(struct storage *s, struct range_read *r) {
    if (!range_is_inside(s, r->offset, r->length))
        return ERR_INVALID;
    if (!s->kept)
        return storage_submit(s, &r->op, work_read, false, NULL);
    struct iovec iov = {r->data, r->length};
    bool lost = storage_memory_read(s, r->offset, &iov, 1) < 0;
    return storage_submit(s, &r->op,
                          lost ? storage_memory_work_lost : storage_memory_work_nothing,
                          false, NULL);
}
