/* storage_remove: a torrent's files go, and nothing else does. A link or a folder that stands
 * where a file of ours should be is not ours; a directory goes only when nothing is left in it. */
#include <errno.h>
#include <unistd.h>

#include "io/below.h"
#include "io/storage_parts.h"

/* What is gone already, or is not a file, is no failure. */
static bool is_failure(int status) {
    return status < 0 && status != ERR_NOTFOUND && status != ERR_UNSAFE &&
           status != ERR_EXISTS;
}

/* Goes on after a failure, and reports the first. */
static void remove_file(struct storage_op *op, uint32_t file) {
    struct storage *s = op->storage;
    struct err why = {0};
    if (storage_is_ghost(s, file) || !bitset_has(&s->in_place, file))
        return;
    int status = below_unlink(s->directory, s->m->files[file].path, &why);
    if (is_failure(status) && !op->status)
        op->status = err_set(&op->err, status, "%s", why.text);
}

static void remove_parts(struct storage_op *op) {
    const struct storage *s = op->storage;
    if (*s->parts_path && unlink(s->parts_path) && errno != ENOENT && !op->status)
        op->status = storage_fail(s, storage_parts_file(s), "remove", errno, &op->err);
}

static void work_remove(struct storage_op *op) {
    struct storage *s = op->storage;
    uint64_t since = uv_hrtime();
    open_files_close_all(&s->files);
    for (uint32_t i = 0; i < s->m->file_count; i++)
        remove_file(op, i);
    /* Last first: what lies deeper tends to come later. */
    for (uint32_t i = s->m->file_count; i-- > 0;)
        below_prune(s->directory, s->m->files[i].path);
    remove_parts(op);
    for (uint32_t i = 0; i <= s->m->file_count; i++)
        open_files_unsee(&s->files, i);
    op->disk_nsec += storage_since(since);
}

int storage_remove(struct storage *s, struct storage_remove *r) {
    if (s->kept)
        return storage_submit(s, &r->op, storage_memory_work_nothing, true,
                              storage_memory_settle_remove);
    return storage_submit(s, &r->op, work_remove, true, NULL);
}
