/* source_walk: down into a folder, each of its folders opened relative to the one above and never
 * through a link: neither a loop of links nor one out of the folder can catch the walk.
 *
 * The order is that of the eye, "part 2" before "part 10", folder by folder: peers that read
 * a torrent from its beginning get what people would start with. */
#include "io/source_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/bytes.h"
#include "codec/metainfo_write.h"

struct walk {
    struct source *s;
    source_note *note;
    void *ctx;
    struct err *e;
    struct text path; /* where we are, below the root */
    int depth;
};

struct names {
    char **name;
    uint32_t count, cap;
};

static void names_free(struct names *n) {
    for (size_t i = 0; i < n->count; i++)
        free(n->name[i]);
    free(n->name);
}

static int names_add(struct names *n, const char *name) {
    if (ARRAY_ROOM(n->name, n->count, n->cap) < 0)
        return ERR_NOMEM;
    char *copy = strdup(name);
    if (!copy)
        return ERR_NOMEM;
    n->name[n->count++] = copy;
    return 0;
}

static int compare(const void *a, const void *b) {
    return natural_compare(*(char *const *)a, *(char *const *)b);
}

static void leave_out(const struct walk *w, const char *why) {
    char sentence[512];
    if (!w->note)
        return;
    snprintf(sentence, sizeof sentence, "left out %.400s: %s", w->path.data, why);
    w->note(w->ctx, sentence);
}

static int fail(const struct walk *w, int errnum) {
    return err_errno(w->e, errnum, "cannot read %.80s/%.120s", w->s->root,
                     w->path.data ? w->path.data : "");
}

/* readdir tells the end and an error apart by errno alone. */
static int read_names(struct walk *w, DIR *d, struct names *n) {
    struct dirent *entry;
    while (errno = 0, (entry = readdir(d))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (names_add(n, entry->d_name) < 0)
            return err_set(w->e, ERR_NOMEM, "out of memory");
    }
    if (errno)
        return fail(w, errno);
    if (n->count)
        qsort(n->name, n->count, sizeof *n->name, compare);
    return 0;
}

static int walk_folder(struct walk *w, int fd);

static int visit_folder(struct walk *w, int parent, const char *name) {
    if (w->depth == SOURCE_MAX_DEPTH)
        return err_set(w->e, ERR_LIMIT, "%.200s: folders are nested more than %d deep",
                       w->path.data, SOURCE_MAX_DEPTH);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(w, errno);
    w->depth++;
    int status = walk_folder(w, fd);
    w->depth--;
    return status;
}

static int visit_file(struct walk *w, const struct stat *st) {
    int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    if (source_add(w->s, strdup(w->path.data), (uint64_t)st->st_size, mtime, false) < 0)
        return err_set(w->e, ERR_NOMEM, "out of memory");
    return 0;
}

static int visit(struct walk *w, int parent, const char *name) {
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW))
        return fail(w, errno);
    if (name[0] == '.')
        leave_out(w, "it is hidden");
    else if (S_ISDIR(st.st_mode))
        return visit_folder(w, parent, name);
    else if (S_ISREG(st.st_mode))
        return visit_file(w, &st);
    else
        leave_out(w, S_ISLNK(st.st_mode) ? "it is a link" : "it is not a regular file");
    return 0;
}

/* The path grows by "/name" and shrinks back. */
static int visit_all(struct walk *w, int fd, const struct names *n) {
    size_t here = w->path.len;
    int status = 0;
    for (size_t i = 0; i < n->count && !status; i++) {
        if (here)
            text_addc(&w->path, '/');
        text_adds(&w->path, n->name[i]);
        status = w->path.failed ? err_set(w->e, ERR_NOMEM, "out of memory")
                                : visit(w, fd, n->name[i]);
        w->path.len = here;
        if (w->path.data)
            w->path.data[here] = '\0';
    }
    return status;
}

/* Takes fd. */
static int walk_folder(struct walk *w, int fd) {
    struct names names = {0};
    DIR *d = fdopendir(fd);
    if (!d) {
        int reason = errno;
        close(fd);
        return fail(w, reason);
    }
    int status = read_names(w, d, &names);
    if (!status)
        status = visit_all(w, fd, &names);
    names_free(&names);
    closedir(d);
    return status;
}

int source_walk(struct source *s, source_note *note, void *ctx, struct err *e) {
    struct walk w = {.s = s, .note = note, .ctx = ctx, .e = e};
    text_init(&w.path);
    int fd = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 ? fail(&w, errno) : walk_folder(&w, fd);
    text_free(&w.path);
    return status;
}
