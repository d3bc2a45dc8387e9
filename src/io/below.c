/* below: the walk down from the user's directory to a torrent's file. */
#include "io/below.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"

#ifndef O_PATH /* Linux: a descriptor to walk from, without the right to list */
#define O_PATH O_RDONLY
#endif
#define WALK (O_PATH | O_DIRECTORY | O_CLOEXEC)

char *below_text(char out[BELOW_TEXT], const char *directory, const char *path) {
    const char *slash = *directory && directory[strlen(directory) - 1] != '/' ? "/" : "";
    size_t before = strlen(directory) + strlen(slash), all = before + strlen(path);
    if (snprintf(out, BELOW_TEXT, "%s%s%s", directory, slash, path) < BELOW_TEXT)
        return out;
    size_t cut =
        all - (BELOW_TEXT - 4); /* the end of a path tells more than its beginning */
    if (cut >= before)
        snprintf(out, BELOW_TEXT, "...%s", path + (cut - before));
    else if (cut < strlen(directory))
        snprintf(out, BELOW_TEXT, "...%s%s%s", directory + cut, slash, path);
    else
        snprintf(out, BELOW_TEXT, ".../%s", path);
    return out;
}

/* What stands at `name` tells more than errno: ELOOP and ENOTDIR come for several reasons, and
 * differ from system to system. `shown` is the path for the sentence. */
static int explain(int dir, const char *name, int reason, const char *shown,
                   struct err *e) {
    struct stat st;
    if ((reason == ELOOP || reason == ENOTDIR) &&
        !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW)) {
        if (S_ISLNK(st.st_mode))
            return err_set(
                e, ERR_UNSAFE,
                "%s: %s is a symbolic link, and links are not followed: remove it "
                "or choose another directory",
                shown, name);
        return err_set(e, ERR_EXISTS, "%s: %s is a file where a directory is needed",
                       shown, name);
    }
    if (reason == EISDIR)
        return err_set(e, ERR_EXISTS, "%s is a directory where a file is needed", shown);
    return err_errno(e, reason, "cannot open %s", shown);
}

/* One step down. Takes `dir`. */
static int descend(int dir, const char *name, bool make, const char *shown,
                   struct err *e) {
    int next = openat(dir, name, WALK | O_NOFOLLOW);
    if (next < 0 && errno == ENOENT && make &&
        (!mkdirat(dir, name, 0777) || errno == EEXIST)) /* another worker was faster */
        next = openat(dir, name, WALK | O_NOFOLLOW);
    int result = next < 0 ? explain(dir, name, errno, shown, e) : next;
    close(dir);
    return result;
}

static int open_root(const char *directory, bool make, struct err *e) {
    const char *root = *directory ? directory : ".";
    int status = make ? file_make_dirs(root, e) : 0;
    if (status < 0)
        return status;
    int dir = open(root, WALK);
    if (dir < 0 && errno == ENOTDIR)
        return err_set(e, ERR_EXISTS, "%s is not a directory", root);
    return dir < 0 ? err_errno(e, errno, "cannot open %s", root) : dir;
}

int below_parent(const char *directory, const char *path, bool make, const char **name,
                 struct err *e) {
    char shown[BELOW_TEXT], component[NAME_MAX + 1];
    below_text(shown, directory, path);
    int dir = open_root(directory, make, e);
    for (const char *slash; dir >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        size_t len = (size_t)(slash - path);
        if (len >= sizeof component || !len) {
            close(dir);
            return err_errno(e, len ? ENAMETOOLONG : EINVAL, "cannot open %s", shown);
        }
        memcpy(component, path, len);
        component[len] = '\0';
        dir = descend(dir, component, make, shown, e);
    }
    *name = path;
    return dir;
}

/* O_NONBLOCK: opening a pipe that somebody left there must not wait for its other end. */
static int open_regular(int dir, const char *name, int flags, const char *shown,
                        struct err *e) {
    struct stat st;
    int fd =
        openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (fd < 0)
        return explain(dir, name, errno, shown, e);
    if (fstat(fd, &st))
        st.st_mode = 0;
    if (S_ISREG(st.st_mode))
        return fd;
    close(fd);
    if (S_ISDIR(st.st_mode))
        return explain(dir, name, EISDIR, shown, e);
    return err_set(e, ERR_UNSAFE, "%s is not a regular file", shown);
}

int below_open(const char *directory, const char *path, int flags, struct err *e) {
    char shown[BELOW_TEXT];
    const char *name;
    int dir = below_parent(directory, path, flags & O_CREAT, &name, e);
    if (dir < 0)
        return dir;
    int fd = open_regular(dir, name, flags, below_text(shown, directory, path), e);
    close(dir);
    return fd;
}

static int stat_regular(int dir, const char *name, struct stat *st, const char *shown,
                        struct err *e) {
    if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW))
        return err_errno(e, errno, "cannot open %s", shown);
    if (S_ISREG(st->st_mode))
        return 0;
    if (S_ISDIR(st->st_mode))
        return explain(dir, name, EISDIR, shown, e);
    return S_ISLNK(st->st_mode)
               ? explain(dir, name, ELOOP, shown, e)
               : err_set(e, ERR_UNSAFE, "%s is not a regular file", shown);
}

int below_stat(const char *directory, const char *path, struct stat *st, struct err *e) {
    char shown[BELOW_TEXT];
    const char *name;
    int dir = below_parent(directory, path, false, &name, e);
    if (dir < 0)
        return dir;
    int status = stat_regular(dir, name, st, below_text(shown, directory, path), e);
    close(dir);
    return status;
}

int below_unlink(const char *directory, const char *path, struct err *e) {
    char shown[BELOW_TEXT];
    struct stat st;
    const char *name;
    int dir = below_parent(directory, path, false, &name, e);
    if (dir < 0)
        return dir;
    int status = stat_regular(dir, name, &st, below_text(shown, directory, path), e);
    if (!status && unlinkat(dir, name, 0))
        status = err_errno(e, errno, "cannot remove %s", shown);
    close(dir);
    return status;
}

void below_prune(const char *directory, const char *path) {
    char inner[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof inner)
        return; /* an empty directory stays: no harm */
    memcpy(inner, path, len + 1);
    for (char *slash; (slash = strrchr(inner, '/'));) {
        const char *name;
        *slash = '\0';
        int dir = below_parent(directory, inner, false, &name, NULL);
        if (dir < 0)
            continue; /* that deep there is nothing: further out there may be */
        bool gone = !unlinkat(dir, name, AT_REMOVEDIR) || errno == ENOENT;
        close(dir);
        if (!gone)
            return;
    }
}
