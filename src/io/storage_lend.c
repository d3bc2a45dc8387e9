/* storage_lend: a descriptor of one of the torrent's files, for somebody who sends from it without
 * reading it (sendfile). A descriptor of its own, so that neither the limit of open files nor a move
 * takes it from under its user. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "io/storage_parts.h"

static void work(struct storage_op *op) {
    struct storage_lend *l = CONTAINER_OF(op, struct storage_lend, op);
    struct storage *s = op->storage;
    struct open_file *o;
    if (storage_is_ghost(s, l->file) || !bitset_has(&s->in_place, l->file)) {
        op->status =
            err_set(&op->err, ERR_UNSUPPORTED, "the file has no place of its own");
        return;
    }
    op->status = storage_open(s, l->file, false, &o, &op->err);
    if (op->status < 0)
        return;
    l->fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
    if (l->fd < 0)
        op->status = storage_fail(s, l->file, "read", errno, &op->err);
    open_files_release(&s->files, o);
}

int storage_lend(struct storage *s, struct storage_lend *l) {
    l->fd = -1;
    return storage_submit(s, &l->op, work, false, NULL);
}

void storage_give_back(struct storage_lend *l) {
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
