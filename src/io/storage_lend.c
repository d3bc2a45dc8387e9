/* storage_lend: a descriptor of one of the torrent's files, for somebody who sends from it without
 * reading it (sendfile). A descriptor of its own, so that neither the limit of open files nor a move
 * takes it from under its user.
 *
 * sendfile waits for the disk on the thread that calls it, and cannot be told not to. So only what
 * lies in the page cache is lent: mincore tells, page by page. It tells strangers of a file nothing
 * (everything would be "here"), which is why files of other users are not lent at all. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/storage_parts.h"

#define PAGES 4096u /* asked for at once */

#ifdef __linux__
/* Pages are never touched, so it does no harm when the file is cut meanwhile. */
static bool pages_are_cached(int fd, uint64_t offset, size_t length, size_t page) {
    unsigned char here[PAGES];
    void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    if (map == MAP_FAILED)
        return false;
    bool all = mincore(map, length, here) == 0;
    for (size_t i = 0; all && i < (length + page - 1) / page; i++)
        all = here[i] & 1;
    munmap(map, length);
    return all;
}

static bool is_cached(int fd, uint64_t offset, uint64_t length) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = offset + length;
    for (uint64_t at = offset - offset % page, n; at < end; at += n) {
        n = MIN(end - at, PAGES * page);
        if (!pages_are_cached(fd, at, (size_t)n, (size_t)page))
            return false;
    }
    return true;
}
#else
static bool is_cached(int fd, uint64_t offset, uint64_t length) {
    (void)fd, (void)offset, (void)length;
    return false;
}
#endif

static int judge(const struct storage_lend *l, int fd, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) || (uint64_t)st.st_size < l->offset + l->length)
        return err_set(e, ERR_EOF, "the file is shorter than it should be");
    if (st.st_uid != geteuid() || !is_cached(fd, l->offset, l->length))
        return err_set(e, ERR_AGAIN, "not all of it is in memory");
    return 0;
}

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
    op->status = judge(l, o->fd, &op->err);
    if (op->status == 0 && (l->fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0)) < 0)
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
