/* storage_punch: a piece's bytes are given back to the disk, while the files stay as long
 * as they are. Alone among the operations: who was reading the piece has read it, and who
 * writes it anew comes after. */
#include <errno.h>
#include <fcntl.h>

#include "io/storage_parts.h"

#ifndef FALLOC_FL_PUNCH_HOLE /* elsewhere files have no holes that one could make */
#define FALLOC_FL_PUNCH_HOLE 0
#define FALLOC_FL_KEEP_SIZE 0
#define fallocate(fd, mode, offset, len) \
    ((void)(fd), (void)(offset), (void)(len), errno = EOPNOTSUPP, -1)
#endif

static int punch(struct storage *s, const struct segment *g, struct err *e) {
    struct open_file *o;
    if (g->pad)
        return 0;
    int status = storage_open(s, g->file, true, &o, e);
    if (status < 0)
        return status;
    if (fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)g->offset,
                  (off_t)g->length))
        status = storage_fail(s, g->file, "free disk space of", errno, e);
    open_files_release(&s->files, o);
    return status;
}

static void work_punch(struct storage_op *op) {
    struct storage_punch *p = CONTAINER_OF(op, struct storage_punch, op);
    struct storage *s = op->storage;
    uint64_t since = uv_hrtime();
    struct segments each;
    struct segment g;
    segments_init(&each, s, storage_piece_offset(s, p->piece),
                  metainfo_piece_size(s->m, p->piece));
    while (!op->status && segments_next(&each, &g))
        op->status = punch(s, &g, &op->err);
    op->disk_nsec += storage_since(since);
}

int storage_punch(struct storage *s, struct storage_punch *p) {
    if (p->piece >= s->m->pieces)
        return ERR_INVALID;
    if (!s->kept)
        return storage_submit(s, &p->op, work_punch, true, NULL);
    storage_memory_drop(s, p->piece);
    return storage_submit(s, &p->op, storage_memory_work_nothing, false, NULL);
}
