/* storage_open: from a file's number to a descriptor.
 *
 * A file that was there once in the life of a storage and is gone was removed by somebody, with
 * pieces in it that we told the world we have. Creating it anew would fill those with zeros, so
 * that is an error until a check has found out what is missing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/below.h"
#include "io/file.h"
#include "io/storage_parts.h"

#define ZEROS 65536

static char *file_text(const struct storage *s, uint32_t file, char out[BELOW_TEXT]) {
    if (file == storage_parts_file(s))
        return below_text(out, "", s->parts_path);
    return below_text(out, s->directory, s->m->files[file].path);
}

static const char *advice(int code) {
    switch (code) {
    case ERR_NOSPACE: return " (free some space on that disk to go on)";
    case ERR_ACCESS: return " (see to its permissions, or choose another directory)";
    default: return "";
    }
}

static void advise(struct err *e) {
    if (!e)
        return;
    const char *words = advice(e->code);
    size_t len = strlen(e->text);
    if (len + strlen(words) < sizeof e->text)
        memcpy(e->text + len, words, strlen(words) + 1);
}

int storage_fail(const struct storage *s, uint32_t file, const char *verb, int errnum,
                 struct err *e) {
    char text[BELOW_TEXT];
    int code = err_errno(e, errnum, "cannot %s %s", verb, file_text(s, file, text));
    advise(e);
    return code;
}

static int fail_removed(const struct storage *s, uint32_t file, struct err *e) {
    char text[BELOW_TEXT];
    return err_set(e, ERR_NOTFOUND,
                   "%s was removed or replaced while in use: check the torrent again",
                   file_text(s, file, text));
}

/* For file systems that cannot reserve blocks. Only beyond the end: nobody is writing there. */
static int append_zeros(int fd, uint64_t from, uint64_t to) {
    static const uint8_t zeros[ZEROS];
    for (uint64_t n; from < to; from += n) {
        n = MIN(to - from, ZEROS);
        int status = file_write_at(fd, zeros, (size_t)n, from);
        if (status < 0)
            return status;
    }
    return 0;
}

int storage_extend(int fd, uint64_t length, bool allocate) {
    struct stat st;
    if (fstat(fd, &st))
        return err_from_errno(errno);
    uint64_t size = (uint64_t)st.st_size;
    if (allocate && length) {
        if (!fallocate(fd, 0, 0, (off_t)length))
            return 0;
        if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
            return err_from_errno(errno);
        return append_zeros(fd, size, length);
    }
    if (size < length && ftruncate(fd, (off_t)length))
        return err_from_errno(errno);
    return 0;
}

static int open_parts(struct storage *s, bool write, struct err *e) {
    int fd = open(s->parts_path, (write ? O_RDWR | O_CREAT : O_RDWR) | O_CLOEXEC, 0666);
    return fd < 0 ? err_errno(e, errno, "cannot open %.160s", s->parts_path) : fd;
}

/* Its directory is the engine's own, so it is made like any other of the user's. */
static int make_parts_directory(struct storage *s, struct err *e) {
    char *slash = strrchr(s->parts_path, '/');
    if (!slash || slash == s->parts_path)
        return 0;
    char *directory = strndup(s->parts_path, (size_t)(slash - s->parts_path));
    int status =
        directory ? file_make_dirs(directory, e) : err_set(e, ERR_NOMEM, "out of memory");
    free(directory);
    return status;
}

static int open_path(struct storage *s, uint32_t file, bool write, bool create,
                     struct err *e) {
    if (file == storage_parts_file(s)) {
        int status = create ? make_parts_directory(s, e) : 0;
        return status < 0 ? status : open_parts(s, create, e);
    }
    int flags = (write ? O_RDWR : O_RDONLY) | (create ? O_CREAT : 0);
    return below_open(s->directory, s->m->files[file].path, flags, e);
}

/* Creates only what was never there. Who was there is asked first: between a failed attempt and
 * the question another worker may create the file. */
static int open_fresh(struct storage *s, uint32_t file, bool write, struct err *e) {
    bool seen = open_files_seen(&s->files, file);
    int fd = open_path(s, file, write, false, e);
    if (fd != ERR_NOTFOUND || !write)
        return fd;
    if (seen)
        return fail_removed(s, file, e);
    return open_path(s, file, true, true, e);
}

static int fit(struct storage *s, uint32_t file, int fd, struct err *e) {
    if (file == storage_parts_file(s) ||
        storage_extend(fd, s->m->files[file].length, false) == 0)
        return 0;
    return storage_fail(s, file, "write", errno, e);
}

static bool has_name(int fd) {
    struct stat st;
    return !fstat(fd, &st) && st.st_nlink > 0;
}

/* What is written to a file without a name is lost: better to say so at once. */
static bool lost_its_name(const struct open_file *o) {
    return o->linked && !has_name(o->fd);
}

int storage_open(struct storage *s, uint32_t file, bool write, struct open_file **out,
                 struct err *e) {
    *out = open_files_find(&s->files, file, write);
    if (*out && write && lost_its_name(*out)) {
        open_files_forget(&s->files, *out);
        open_files_release(&s->files, *out);
        return fail_removed(s, file, e);
    }
    if (*out)
        return 0;
    int fd = open_fresh(s, file, write, e);
    if (fd < 0) {
        advise(e);
        return fd;
    }
    int status = write ? fit(s, file, fd, e) : 0;
    if (status < 0) {
        close(fd);
        return status;
    }
    *out = open_files_add(&s->files, file, fd, write, has_name(fd));
    return *out ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}
