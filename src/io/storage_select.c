/* storage_select: other files are wanted from now on.
 *
 *     parts file   [      | piece 3 |            | piece 9 |      ]     same offsets as the torrent
 *                         v                      v
 *     file         [ ---------------- now wanted ------------------ ]
 *
 * First everything is copied, then the books change: on failure the parts file still holds all
 * of it, and files that this created are removed again. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/below.h"
#include "io/file.h"
#include "io/storage_parts.h"

#define COPY 65536

static bool on_disk(const struct storage *s, uint32_t file) {
    struct stat st;
    return below_stat(s->directory, s->m->files[file].path, &st, NULL) == 0;
}

static bool is_new(const struct storage *s, const struct storage_select *c,
                   uint32_t file) {
    return bitset_has(&c->wanted, file) && !bitset_has(&s->in_place, file) &&
           !storage_is_ghost(s, file);
}

/* ---- copying ---- */

static int copy_bytes(struct storage *s, int from, int to, uint32_t file, uint64_t begin,
                      uint64_t end, struct err *e) {
    uint8_t buffer[COPY];
    const uint64_t offset = s->m->files[file].offset;
    for (uint64_t n; begin < end; begin += n) {
        n = MIN(end - begin, COPY);
        if (file_read_at(from, buffer, (size_t)n, begin) < 0)
            return storage_fail(s, storage_parts_file(s), "read", errno, e);
        if (file_write_at(to, buffer, (size_t)n, begin - offset) < 0)
            return storage_fail(s, file, "write", errno, e);
    }
    return 0;
}

/* The part of a piece that lies in the file, in the torrent's offsets. */
static void overlap(const struct storage *s, uint32_t file, uint32_t piece,
                    uint64_t *begin, uint64_t *end) {
    const struct metainfo_file *f = &s->m->files[file];
    *begin = MAX(storage_piece_offset(s, piece), f->offset);
    *end = MIN(storage_piece_offset(s, piece) + metainfo_piece_size(s->m, piece),
               f->offset + f->length);
}

static bool has_bytes_to_move(const struct storage *s, const struct bitset *have,
                              uint32_t file) {
    uint32_t first, last;
    metainfo_file_pieces(s->m, file, &first, &last);
    while (first < last && !bitset_has(have, first))
        first++;
    return first < last;
}

static int copy_pieces(struct storage *s, const struct bitset *have, uint32_t file,
                       int from, int to, struct err *e) {
    uint32_t piece, end_piece;
    int status = 0;
    metainfo_file_pieces(s->m, file, &piece, &end_piece);
    for (; piece < end_piece && !status; piece++) {
        uint64_t begin, end;
        overlap(s, file, piece, &begin, &end);
        if (bitset_has(have, piece))
            status = copy_bytes(s, from, to, file, begin, end, e);
    }
    return status;
}

/* Synced, because the parts file gives these bytes up next. */
static int copy_file(struct storage *s, const struct bitset *have, uint32_t file,
                     struct err *e) {
    struct open_file *parts, *o;
    int status = storage_open(s, storage_parts_file(s), false, &parts, e);
    if (status < 0)
        return status;
    status = storage_open(s, file, true, &o, e);
    if (!status) {
        status = copy_pieces(s, have, file, parts->fd, o->fd, e);
        if (!status && fdatasync(o->fd))
            status = storage_fail(s, file, "write", errno, e);
        open_files_release(&s->files, o);
    }
    open_files_release(&s->files, parts);
    return status;
}

static int place(struct storage *s, const struct storage_select *c, uint32_t file,
                 struct err *e) {
    if (s->how == STORAGE_FULL || !s->m->files[file].length) {
        int status = storage_reserve(s, file, e);
        if (status < 0)
            return status;
    }
    return has_bytes_to_move(s, &c->have, file) ? copy_file(s, &c->have, file, e) : 0;
}

/* ---- the parts file afterwards ---- */

static bool any_in_parts(const struct storage *s) {
    for (uint32_t i = 0; i < s->m->file_count; i++) {
        if (!bitset_has(&s->in_place, i) && !storage_is_ghost(s, i) &&
            s->m->files[i].length)
            return true;
    }
    return false;
}

/* Its space back; where holes cannot be made it stays, and does no harm. */
static void give_up_parts(struct storage *s, uint32_t file) {
    struct open_file *o;
    const struct metainfo_file *f = &s->m->files[file];
    if (!f->length || storage_open(s, storage_parts_file(s), false, &o, NULL) < 0)
        return;
    (void)!fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)f->offset,
                     (off_t)f->length);
    open_files_release(&s->files, o);
}

static void remove_parts(struct storage *s) {
    open_files_close_all(&s->files);
    unlink(s->parts_path);
    open_files_unsee(&s->files, storage_parts_file(s));
}

/* ---- the operation ---- */

/* Nothing of what failed half way stays behind. `fresh` are the files that were not there. */
static void take_back(struct storage *s, const struct bitset *fresh) {
    open_files_close_all(&s->files);
    for (uint32_t i = 0; i < s->m->file_count; i++) {
        if (!bitset_has(fresh, i))
            continue;
        if (below_unlink(s->directory, s->m->files[i].path, NULL) == 0)
            below_prune(s->directory, s->m->files[i].path);
        open_files_unsee(&s->files, i);
    }
}

static void change_books(struct storage *s, const struct storage_select *c) {
    for (uint32_t i = 0; i < s->m->file_count; i++) {
        if (is_new(s, c, i)) {
            bitset_add(&s->in_place, i);
            give_up_parts(s, i);
        } else if (!bitset_has(&c->wanted, i) && !on_disk(s, i)) {
            bitset_remove(&s->in_place, i); /* it never had a byte: none will be made */
        }
    }
    bitset_clear(&s->wanted);
    for (uint32_t i = 0; i < c->wanted.size; i++) {
        if (bitset_has(&c->wanted, i))
            bitset_add(&s->wanted, i);
    }
    if (!any_in_parts(s))
        remove_parts(s);
}

static int place_all(struct storage *s, const struct storage_select *c,
                     struct bitset *fresh, struct err *e) {
    int status = 0;
    for (uint32_t i = 0; i < s->m->file_count && !status; i++) {
        if (!is_new(s, c, i))
            continue;
        if (!on_disk(s, i))
            bitset_add(fresh, i);
        status = place(s, c, i, e);
    }
    return status;
}

static void work_select(struct storage_op *op) {
    struct storage_select *c = CONTAINER_OF(op, struct storage_select, op);
    struct storage *s = op->storage;
    struct bitset fresh = {0};
    if (bitset_init(&fresh, s->m->file_count) < 0) {
        op->status = err_set(&op->err, ERR_NOMEM, "out of memory");
        return;
    }
    uint64_t since = uv_hrtime();
    op->status = place_all(s, c, &fresh, &op->err);
    if (op->status < 0)
        take_back(s, &fresh);
    else
        change_books(s, c);
    bitset_fini(&fresh);
    op->disk_nsec += storage_since(since);
}

void storage_note_piece(struct storage *s, uint32_t piece) {
    LIST_EACH(l, &s->waiting) {
        struct storage_op *op = LIST_ITEM(l, struct storage_op, link);
        if (op->work == work_select)
            bitset_add(&CONTAINER_OF(op, struct storage_select, op)->have, piece);
    }
}

int storage_select(struct storage *s, struct storage_select *c) {
    return c->wanted.size == s->m->file_count
               ? storage_submit(s, &c->op,
                                s->kept ? storage_memory_work_nothing : work_select, true,
                                NULL)
               : ERR_INVALID;
}
