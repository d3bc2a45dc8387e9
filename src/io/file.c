/* file: small whole files. The order of the atomic write is what makes it atomic: the data is on
 * the disk before the name points to it, and the name is on the disk before we say so. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"

int file_read_at(int fd, void *data, size_t len, uint64_t offset) {
    uint8_t *to = data;
    while (len) {
        ssize_t n = pread(fd, to, len, (off_t)offset);
        if (n == 0)
            return ERR_EOF;
        if (n < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (n > 0)
            to += n, len -= (size_t)n, offset += (uint64_t)n;
    }
    return 0;
}

int file_write_at(int fd, const void *data, size_t len, uint64_t offset) {
    const uint8_t *from = data;
    while (len) {
        ssize_t n = pwrite(fd, from, len, (off_t)offset);
        if (n < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (n > 0)
            from += n, len -= (size_t)n, offset += (uint64_t)n;
    }
    return 0;
}

/* ---- directories ---- */

static bool is_directory(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static int make_dir(const char *path, struct err *e) {
    if (!mkdir(path, 0777) || is_directory(path))
        return 0;
    if (errno == EEXIST || errno == ENOTDIR)
        return err_set(e, ERR_EXISTS, "cannot create the directory %s: a file is there",
                       path);
    return err_errno(e, errno, "cannot create the directory %s", path);
}

int file_make_dirs(const char *path, struct err *e) {
    if (is_directory(path))
        return 0;
    char *copy = strdup(path);
    if (!copy)
        return err_set(e, ERR_NOMEM, "out of memory");
    int status = 0;
    for (char *slash = copy; *slash && !status;) {
        slash += strspn(slash, "/");
        slash += strcspn(slash, "/");
        char end = *slash;
        *slash = '\0';
        status = *copy ? make_dir(copy, e) : 0;
        *slash = end;
    }
    free(copy);
    return status;
}

/* "a/b" -> "a", "b" -> ".", "/b" -> "/"; NULL when out of memory. */
static char *parent_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* ---- writing ---- */

/* A name of its own for every writer: two that save the same file at once must not share one. */
static int open_temporary(const char *path, char **name, struct err *e) {
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t suffix;
        if (rng_secret(&suffix, sizeof suffix) < 0)
            return err_set(e, ERR_IO, "the system gives no randomness");
        if (asprintf(name, "%s.%016" PRIx64 ".tmp", path, suffix) < 0) {
            *name = NULL;
            return err_set(e, ERR_NOMEM, "out of memory");
        }
        int fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0)
            return fd;
        free(*name);
        *name = NULL;
        if (errno != EEXIST)
            break;
    }
    return err_errno(e, errno, "cannot write %s", path);
}

static int fill(int fd, const char *path, const void *data, size_t len, struct err *e) {
    bool bad = file_write_at(fd, data, len, 0) < 0 || fsync(fd);
    int reason = errno;
    if (close(fd) && !bad)
        bad = true, reason = errno;
    return bad ? err_errno(e, reason, "cannot write %s", path) : 0;
}

/* A file system that cannot sync a directory has nothing better to offer: not an error. */
static void sync_directory(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

static int replace(const char *path, const char *directory, const void *data, size_t len,
                   struct err *e) {
    char *temporary = NULL;
    int fd = open_temporary(path, &temporary, e);
    if (fd < 0)
        return fd;
    int status = fill(fd, path, data, len, e);
    if (!status && rename(temporary, path))
        status = err_errno(e, errno, "cannot write %s", path);
    if (status < 0)
        unlink(temporary);
    else
        sync_directory(directory);
    free(temporary);
    return status;
}

int file_write_atomic(const char *path, const void *data, size_t len, struct err *e) {
    char *directory = parent_of(path);
    if (!directory)
        return err_set(e, ERR_NOMEM, "out of memory");
    int status = file_make_dirs(directory, e);
    if (!status)
        status = replace(path, directory, data, len, e);
    free(directory);
    return status;
}

/* ---- reading ---- */

struct whole {
    uint8_t *data;
    size_t len, cap, max;
};

static int grow(struct whole *w, size_t cap) {
    uint8_t *data = realloc(w->data, cap + 1); /* room for the NUL */
    if (!data)
        return ERR_NOMEM;
    w->data = data;
    w->cap = cap;
    return 0;
}

/* Until the end, not until st_size: pipes and /proc know no size. A file of exactly `max` bytes
 * ends with a read of nothing, so one byte more is asked for. */
static int read_all(int fd, struct whole *w, const char *path, struct err *e) {
    for (;;) {
        if (w->len == w->cap && grow(w, MIN(MAX(2 * w->cap, 4096), w->max + 1)) < 0)
            return err_set(e, ERR_NOMEM, "out of memory");
        ssize_t n = read(fd, w->data + w->len, w->cap - w->len);
        if (n < 0 && errno != EINTR)
            return err_errno(e, errno, "cannot read %s", path);
        if (n == 0)
            return 0;
        if (n > 0)
            w->len += (size_t)n;
        if (w->len > w->max)
            return err_set(e, ERR_LIMIT, "%s is larger than %zu bytes", path, w->max);
    }
}

int file_read_whole(const char *path, size_t max, uint8_t **data, size_t *len,
                    struct err *e) {
    struct whole w = {.max = MIN(max, SIZE_MAX / 4)};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_errno(e, errno, "cannot read %s", path);
    struct stat st;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= w.max &&
        grow(&w, (size_t)st.st_size + 1) < 0) {
        close(fd);
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    int status = read_all(fd, &w, path, e);
    close(fd);
    if (status < 0) {
        free(w.data);
        return status;
    }
    w.data[w.len] = '\0';
    *data = w.data;
    *len = w.len;
    return 0;
}

int file_remove(const char *path) {
    return unlink(path) == 0 || errno == ENOENT ? 0 : err_from_errno(errno);
}
