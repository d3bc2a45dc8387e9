/* storage_move: all files of a torrent to another directory, or none.
 *
 *     look      is anything there already?         -> ERR_EXISTS, nothing was touched
 *     go        rename, or copy + sync where the file systems differ; sources of copies stay
 *     settle    remove the sources of copies, and directories that became empty
 *     undo      (on failure) rename back, remove the copies and the new directories
 *
 * The parts file stays where it is: it belongs to the engine's state. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/below.h"
#include "io/file.h"
#include "io/storage_parts.h"

#define COPY ((size_t)1 << 20)

struct move {
    struct storage *s;
    const char *from, *to;
    struct bitset renamed, copied;
    uint8_t *buffer; /* allocated with the first copy */
    struct err *e;
};

static const char *path_of(const struct move *m, uint32_t file) {
    return m->s->m->files[file].path;
}

static bool is_there(const struct move *m, uint32_t file) {
    struct stat st;
    return !storage_is_ghost(m->s, file) && bitset_has(&m->s->in_place, file) &&
           below_stat(m->from, path_of(m, file), &st, NULL) == 0;
}

static int fail(const struct move *m, uint32_t file, int errnum) {
    char text[BELOW_TEXT];
    return err_errno(m->e, errnum, "cannot move to %s",
                     below_text(text, m->to, path_of(m, file)));
}

/* ---- one file: across file systems ---- */

static int copy_run(struct move *m, int from, int to, uint64_t begin, uint64_t end) {
    for (uint64_t n; begin < end; begin += n) {
        n = MIN(end - begin, COPY);
        int status = file_read_at(from, m->buffer, (size_t)n, begin);
        if (status == ERR_EOF)
            return errno = EIO, ERR_IO; /* somebody truncated it */
        if (status < 0 || (status = file_write_at(to, m->buffer, (size_t)n, begin)) < 0)
            return status;
    }
    return 0;
}

/* Holes stay holes; a file system that knows of none says that all is data. */
static int copy_data(struct move *m, int from, int to, off_t size) {
    for (off_t begin = 0, end; begin < size; begin = end) {
        begin = lseek(from, begin, SEEK_DATA);
        if (begin < 0 && errno == ENXIO)
            break; /* only a hole is left */
        end = begin < 0 ? -1 : lseek(from, begin, SEEK_HOLE);
        if (begin < 0 || end < 0)
            begin = 0, end = size;
        int status = copy_run(m, from, to, (uint64_t)begin, (uint64_t)end);
        if (status < 0)
            return status;
    }
    return ftruncate(to, size) ? ERR_IO : 0;
}

/* Times too: resume compares them. */
static int copy_open(struct move *m, int from, int to) {
    struct stat st;
    if (!m->buffer && !(m->buffer = malloc(COPY)))
        return errno = ENOMEM, ERR_NOMEM;
    if (fstat(from, &st))
        return ERR_IO;
    if (m->s->how == STORAGE_FULL && storage_extend(to, (uint64_t)st.st_size, true) < 0)
        return ERR_IO;
    int status = copy_data(m, from, to, st.st_size);
    if (status < 0)
        return status;
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    (void)!fchmod(to, st.st_mode & 0777); /* some file systems have no modes */
    return futimens(to, times) || fsync(to) ? ERR_IO : 0;
}

static int copy_file(struct move *m, uint32_t file) {
    int from = below_open(m->from, path_of(m, file), O_RDONLY, m->e);
    if (from < 0)
        return from;
    int to = below_open(m->to, path_of(m, file), O_WRONLY | O_CREAT | O_EXCL, m->e);
    if (to < 0) {
        close(from);
        return to;
    }
    int status = copy_open(m, from, to) < 0 ? fail(m, file, errno) : 0;
    close(from);
    if (close(to) && !status)
        status = fail(m, file, errno);
    if (status < 0)
        (void)!below_unlink(m->to, path_of(m, file), NULL);
    return status;
}

/* ---- one file: by renaming ---- */

/* Never over an existing file; where the kernel cannot promise that, a look before must do. */
static int rename_new(int from, int to, const char *name) {
    struct stat st;
    if (!renameat2(from, name, to, name, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (!fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW))
        return EEXIST;
    return renameat(from, name, to, name) ? errno : 0;
}

/* 0, an errno, or ERR_* with the sentence written. */
static int rename_file(const char *from, const char *to, const char *path,
                       struct err *e) {
    const char *name;
    int source = below_parent(from, path, false, &name, e);
    if (source < 0)
        return source;
    int target = below_parent(to, path, true, &name, e);
    int result = target < 0 ? target : rename_new(source, target, name);
    close(source);
    if (target >= 0)
        close(target);
    return result;
}

static int move_file(struct move *m, uint32_t file) {
    int result = rename_file(m->from, m->to, path_of(m, file), m->e);
    if (!result)
        bitset_add(&m->renamed, file);
    if (result <= 0)
        return result;
    if (result != EXDEV)
        return fail(m, file, result);
    result = copy_file(m, file);
    if (!result)
        bitset_add(&m->copied, file);
    return result;
}

/* ---- all of them ---- */

static int look(const struct move *m, uint32_t file) {
    struct stat st;
    char text[BELOW_TEXT];
    struct err why = {0};
    int status = below_stat(m->to, path_of(m, file), &st, &why);
    if (status == ERR_NOTFOUND)
        return 0;
    if (!status)
        return err_set(m->e, ERR_EXISTS, "%s exists already and is not overwritten",
                       below_text(text, m->to, path_of(m, file)));
    return err_set(m->e, status, "%s", why.text);
}

static int go(struct move *m) {
    int status = 0;
    for (uint32_t i = 0; i < m->s->m->file_count && !status; i++)
        status = is_there(m, i) ? look(m, i) : 0;
    for (uint32_t i = 0; i < m->s->m->file_count && !status; i++)
        status = is_there(m, i) ? move_file(m, i) : 0;
    return status;
}

static void undo(struct move *m, bool made_directory) {
    for (uint32_t i = m->s->m->file_count; i-- > 0;) {
        if (bitset_has(&m->renamed, i))
            (void)!rename_file(m->to, m->from, path_of(m, i), NULL);
        else if (bitset_has(&m->copied, i))
            (void)!below_unlink(m->to, path_of(m, i), NULL);
    }
    /* Directories that were made are empty now. */
    for (uint32_t i = m->s->m->file_count; i-- > 0;)
        below_prune(m->to, path_of(m, i));
    if (made_directory)
        rmdir(m->to);
}

static void settle(struct move *m) {
    for (uint32_t i = 0; i < m->s->m->file_count; i++) {
        if (bitset_has(&m->copied, i))
            (void)!below_unlink(m->from, path_of(m, i), NULL);
    }
    for (uint32_t i = m->s->m->file_count; i-- > 0;)
        below_prune(m->from, path_of(m, i));
}

static bool same_directory(const char *a, const char *b) {
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int move_all(struct move *m) {
    struct stat st;
    bool made_directory = stat(m->to, &st) && errno == ENOENT;
    int status = file_make_dirs(m->to, m->e);
    if (status < 0 || same_directory(m->from, m->to))
        return status;
    status = go(m);
    if (status < 0)
        undo(m, made_directory);
    else
        settle(m);
    return status;
}

static void work_move(struct storage_op *op) {
    struct storage *s = op->storage;
    struct move m = {.s = s, .from = s->directory, .e = &op->err};
    m.to = CONTAINER_OF(op, struct storage_move, op)->directory;
    uint64_t since = uv_hrtime();
    char *directory = strdup(m.to);
    open_files_close_all(&s->files);
    if (!directory || bitset_init(&m.renamed, s->m->file_count) < 0 ||
        bitset_init(&m.copied, s->m->file_count) < 0)
        op->status = err_set(&op->err, ERR_NOMEM, "out of memory");
    else
        op->status = move_all(&m);
    if (!op->status)
        s->moved_to =
            directory; /* the loop thread reads `directory`: it changes it, too */
    else
        free(directory);
    bitset_fini(&m.renamed);
    bitset_fini(&m.copied);
    free(m.buffer);
    op->disk_nsec += storage_since(since);
}

int storage_move(struct storage *s, struct storage_move *m) {
    return storage_submit(s, &m->op, s->kept ? storage_memory_work_refuse : work_move,
                          true, NULL);
}
