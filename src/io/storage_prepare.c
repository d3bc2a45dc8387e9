/* storage_prepare: what is there, and what has to be there before the first piece comes.
 *
 * Files with data appear when their first piece is written (or here, when all of their space is
 * to be reserved); empty ones have no piece, so they are made here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/below.h"
#include "io/storage_parts.h"

static bool exists(const struct storage *s, uint32_t file) {
    struct stat st;
    return below_stat(s->directory, s->m->files[file].path, &st, NULL) == 0;
}

/* A skipped file that is on disk was wanted once: its pieces are in it. */
void storage_learn(struct storage *s) {
    for (uint32_t i = 0; i < s->m->file_count; i++) {
        if (!bitset_has(&s->in_place, i) && !storage_is_ghost(s, i) && exists(s, i))
            bitset_add(&s->in_place, i);
    }
    s->known = true;
}

static int make_directories(const struct storage *s, uint32_t file, struct err *e) {
    const char *name;
    int dir = below_parent(s->directory, s->m->files[file].path, true, &name, e);
    if (dir < 0)
        return dir;
    close(dir);
    return 0;
}

int storage_reserve(const struct storage *s, uint32_t file, struct err *e) {
    const struct metainfo_file *f = &s->m->files[file];
    int fd = below_open(s->directory, f->path, O_RDWR | O_CREAT, e);
    if (fd < 0)
        return fd;
    int status = storage_extend(fd, f->length, s->how == STORAGE_FULL);
    if (status < 0)
        status = storage_fail(s, file, "reserve the space of", errno, e);
    close(fd);
    return status;
}

/* Nothing is missing: then a read-only disk is good enough to seed from. */
static bool is_complete(const struct storage *s, uint32_t file) {
    struct stat st;
    uint64_t length = s->m->files[file].length;
    if (below_stat(s->directory, s->m->files[file].path, &st, NULL) < 0)
        return false;
    return (uint64_t)st.st_size >= length &&
           (s->how == STORAGE_SPARSE || (uint64_t)st.st_blocks * 512 >= length);
}

static int prepare_file(const struct storage *s, uint32_t file, struct err *e) {
    if (storage_is_ghost(s, file) || !bitset_has(&s->wanted, file) ||
        is_complete(s, file))
        return 0;
    if (s->m->files[file].length && s->how == STORAGE_SPARSE)
        return make_directories(s, file, e);
    return storage_reserve(s, file, e);
}

static bool holds_data(const struct storage *s, uint32_t file) {
    return bitset_has(&s->wanted, file) && !storage_is_ghost(s, file) &&
           s->m->files[file].length && exists(s, file);
}

/* What was removed since may be created again: the caller checks what is there after this. */
static void work_prepare(struct storage_op *op) {
    struct storage_prepare *p = CONTAINER_OF(op, struct storage_prepare, op);
    struct storage *s = op->storage;
    uint64_t since = uv_hrtime();
    open_files_close_all(&s->files);
    for (uint32_t i = 0; i <= s->m->file_count; i++)
        open_files_unsee(&s->files, i);
    for (uint32_t i = 0; i < s->m->file_count && !op->status; i++) {
        p->existed = p->existed || holds_data(s, i);
        p->found = p->found || (!storage_is_ghost(s, i) && exists(s, i));
        op->status = prepare_file(s, i, &op->err);
    }
    op->disk_nsec += storage_since(since);
}

int storage_prepare(struct storage *s, struct storage_prepare *p) {
    p->existed = p->found = false;
    return storage_submit(s, &p->op, s->kept ? storage_memory_work_nothing : work_prepare,
                          true, NULL);
}

/* ---- sizes and times ---- */

static void stat_file(const struct storage *s, uint32_t file,
                      struct storage_file_stat *out) {
    struct stat st;
    *out = (struct storage_file_stat){.size = -1};
    if (storage_is_ghost(s, file) ||
        below_stat(s->directory, s->m->files[file].path, &st, NULL) < 0)
        return;
    out->size = st.st_size;
    out->mtime_nsec = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static void work_stat(struct storage_op *op) {
    struct storage_stat *t = CONTAINER_OF(op, struct storage_stat, op);
    struct storage *s = op->storage;
    t->files = calloc(s->m->file_count, sizeof *t->files);
    if (!t->files) {
        op->status = err_set(&op->err, ERR_NOMEM, "out of memory");
        return;
    }
    uint64_t since = uv_hrtime();
    for (uint32_t i = 0; i < s->m->file_count; i++)
        stat_file(s, i, &t->files[i]);
    op->disk_nsec += storage_since(since);
}

int storage_stat(struct storage *s, struct storage_stat *t) {
    t->files = NULL;
    return storage_submit(s, &t->op, work_stat, false, NULL);
}
