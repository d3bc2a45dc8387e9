/* marker: see the header. */
#include "io/marker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

#define CONTENT_MAX ((size_t)64 << 20) /* of an info dictionary, and some more */

struct marker {
    int fd;
    char *path;
};

static struct marker *marker_new(const char *path) {
    struct marker *m = calloc(1, sizeof *m);
    if (m)
        m->fd = -1, m->path = strdup(path);
    if (m && m->path)
        return m;
    free(m);
    return NULL;
}

void marker_free(struct marker *m, bool done) {
    if (!m)
        return;
    if (m->fd >= 0 && done)
        (void)unlink(m->path); /* before the lock goes: nobody claims it in between */
    if (m->fd >= 0)
        close(m->fd);
    free(m->path);
    free(m);
}

/* Whoever held it may have removed it between our open and our lock. */
static bool has_name(int fd) {
    struct stat st;
    return !fstat(fd, &st) && st.st_nlink > 0;
}

static int lock_file(struct marker *m, int flags) {
    for (int attempt = 0; attempt < 8; attempt++) {
        m->fd = open(m->path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (m->fd < 0)
            return err_from_errno(errno);
        if (flock(m->fd, LOCK_EX | LOCK_NB))
            return ERR_BUSY;
        if (has_name(m->fd))
            return 0;
        close(m->fd);
        m->fd = -1;
    }
    return ERR_BUSY;
}

static int make_directory(const char *path, struct err *e) {
    const char *slash = strrchr(path, '/');
    char *directory = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (!directory)
        return err_set(e, ERR_NOMEM, "out of memory");
    int status = file_make_dirs(directory, e);
    free(directory);
    return status;
}

static int begin(struct marker *m, const void *data, size_t len, struct err *e) {
    int status = make_directory(m->path, e);
    if (status < 0)
        return status;
    status = lock_file(m, O_RDWR | O_CREAT);
    if (status < 0)
        return err_set(e, status, "cannot mark %.160s as ours (%s)", m->path,
                       err_name(status));
    if (ftruncate(m->fd, 0) || file_write_at(m->fd, data, len, 0) < 0)
        return err_errno(e, errno, "cannot write %.160s", m->path);
    return 0;
}

struct marker *marker_hold(const char *path, const void *data, size_t len,
                           struct err *e) {
    struct marker *m = marker_new(path);
    if (!m) {
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    if (begin(m, data, len, e) == 0)
        return m;
    marker_free(m, false);
    return NULL;
}

struct marker *marker_claim(const char *path, uint8_t **data, size_t *len) {
    struct marker *m = marker_new(path);
    if (m && lock_file(m, O_RDWR) == 0 &&
        file_read_whole(path, CONTENT_MAX, data, len, NULL) == 0)
        return m;
    marker_free(m, false);
    return NULL;
}

static bool ends_with(const char *name, const char *suffix) {
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && !strcmp(name + n - k, suffix);
}

void marker_list(const char *directory, const char *suffix,
                 void (*each)(void *ctx, const char *path), void *ctx) {
    DIR *d = opendir(directory);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        char *path;
        if (!ends_with(entry->d_name, suffix) ||
            asprintf(&path, "%s/%s", directory, entry->d_name) < 0)
            continue;
        each(ctx, path);
        free(path);
    }
    if (d)
        closedir(d);
}

char *marker_absolute(const char *path) {
    char here[PATH_MAX], *full;
    if (*path == '/' || !getcwd(here, sizeof here))
        return strdup(path);
    return asprintf(&full, "%s/%s", here, path) < 0 ? NULL : full;
}
