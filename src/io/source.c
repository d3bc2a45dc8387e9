/* source: from a path to the bytes of a torrent-to-be. The walk is in source_walk.c. */
#include "io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "io/below.h"
#include "io/file.h"
#include "io/source_walk.h"

static int out_of_memory(struct err *e) {
    return err_set(e, ERR_NOMEM, "out of memory");
}

static int64_t mtime_of(const struct stat *st) {
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int source_add(struct source *s, char *path, uint64_t length, int64_t mtime_nsec,
               bool pad) {
    if (!path || length > (uint64_t)INT64_MAX - s->size ||
        ARRAY_ROOM(s->files, s->count, s->cap) < 0) {
        free(path);
        return ERR_NOMEM;
    }
    s->files[s->count++] = (struct source_file){path, length, s->size, mtime_nsec, pad};
    s->size += length;
    return 0;
}

void source_close(struct source *s) {
    for (uint32_t i = 0; i < s->count; i++)
        free(s->files[i].path);
    free(s->files);
    free(s->root);
    free(s->name);
    *s = (struct source){0};
}

/* ---- opening ---- */

/* "/a/b" is "b" in "/a". */
static int split(struct source *s, const char *real, struct err *e) {
    const char *slash = strrchr(real, '/');
    s->name = strdup(slash + 1);
    s->root = s->multi ? strdup(real) : strndup(real, (size_t)(slash - real) + 1);
    if (!s->name || !s->root)
        return out_of_memory(e);
    if (!*s->name)
        return err_set(e, ERR_INVALID, "%s has no name that a torrent could have", real);
    return 0;
}

static int fill(struct source *s, const char *path, const struct stat *st,
                source_note *note, void *ctx, struct err *e) {
    if (!s->multi)
        return source_add(s, strdup(s->name), (uint64_t)st->st_size, mtime_of(st),
                          false) < 0
                   ? out_of_memory(e)
                   : 0;
    int status = source_walk(s, note, ctx, e);
    if (!status && !s->count)
        return err_set(e, ERR_INVALID, "%s holds no files to make a torrent of", path);
    return status;
}

int source_open(struct source *s, const char *path, source_note *note, void *ctx,
                struct err *e) {
    struct stat st;
    *s = (struct source){0};
    char *real = realpath(path, NULL);
    if (!real || stat(real, &st)) {
        int reason = errno;
        free(real);
        return err_errno(e, reason, "cannot read %s", path);
    }
    s->multi = S_ISDIR(st.st_mode);
    int status = !s->multi && !S_ISREG(st.st_mode)
                     ? err_set(e, ERR_INVALID, "%s is neither a file nor a folder", path)
                     : split(s, real, e);
    free(real);
    if (!status)
        status = fill(s, path, &st, note, ctx, e);
    if (status < 0)
        source_close(s);
    return status;
}

/* ---- pads ---- */

static int add_pad(struct source *s, uint32_t piece_length) {
    uint64_t used = s->size % piece_length;
    char *path;
    if (!used)
        return 0;
    if (asprintf(&path, ".pad/%" PRIu64, piece_length - used) < 0)
        return ERR_NOMEM;
    return source_add(s, path, piece_length - used, 0, true);
}

static int copy_aligned(struct source *to, const struct source *from,
                        uint32_t piece_length) {
    int status = 0;
    for (uint32_t i = 0; i < from->count && !status; i++) {
        const struct source_file *f = &from->files[i];
        status = f->length ? add_pad(to, piece_length) : 0;
        if (!status)
            status = source_add(to, strdup(f->path), f->length, f->mtime_nsec, f->pad);
    }
    return status;
}

int source_align(struct source *s, uint32_t piece_length) {
    struct source aligned = {.multi = s->multi};
    int status = s->multi ? copy_aligned(&aligned, s, piece_length) : 0;
    if (status < 0 || !s->multi) {
        source_close(&aligned);
        return status;
    }
    aligned.root = s->root, s->root = NULL;
    aligned.name = s->name, s->name = NULL;
    source_close(s);
    *s = aligned;
    return 0;
}

/* ---- reading ---- */

static int changed(const struct source *s, const struct source_file *f, struct err *e) {
    char text[BELOW_TEXT];
    return err_set(e, ERR_IO,
                   "%s changed while it was read: try again when nobody writes it",
                   below_text(text, s->root, f->path));
}

static bool is_same(const struct source_file *f, const struct stat *st) {
    return (uint64_t)st->st_size == f->length && mtime_of(st) == f->mtime_nsec;
}

static int read_file(const struct source *s, const struct source_file *f, uint64_t offset,
                     uint8_t *to, size_t len, struct err *e) {
    char text[BELOW_TEXT];
    struct stat st;
    if (f->pad) {
        memset(to, 0, len);
        return 0;
    }
    int fd = below_open(s->root, f->path, O_RDONLY, e);
    if (fd < 0)
        return fd;
    bool same = !fstat(fd, &st) && is_same(f, &st);
    int status = same ? file_read_at(fd, to, len, offset) : ERR_EOF;
    int reason = errno;
    close(fd);
    if (status == ERR_EOF)
        return changed(s, f, e);
    return status < 0 ? err_errno(e, reason, "cannot read %s",
                                  below_text(text, s->root, f->path))
                      : 0;
}

/* The file with the byte at `offset`: the last that begins there or before. Empty ones that
 * begin at the same place come earlier. */
static uint32_t file_at(const struct source *s, uint64_t offset) {
    uint32_t low = 0, high = s->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->files[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int source_read(const struct source *s, uint64_t offset, uint8_t *to, size_t len,
                struct err *e) {
    if (offset > s->size || len > s->size - offset)
        return err_set(e, ERR_INVALID, "outside of the files");
    int status = 0;
    for (uint32_t i = len ? file_at(s, offset) : 0; len && !status; i++) {
        const struct source_file *f = &s->files[i];
        size_t part = (size_t)MIN(len, f->offset + f->length - offset);
        if (part)
            status = read_file(s, f, offset - f->offset, to, part, e);
        to += part, len -= part, offset += part;
    }
    return status;
}

int source_check(const struct source *s, struct err *e) {
    for (uint32_t i = 0; i < s->count; i++) {
        const struct source_file *f = &s->files[i];
        struct stat st;
        int status = f->pad ? 0 : below_stat(s->root, f->path, &st, e);
        if (status < 0)
            return status;
        if (!f->pad && !is_same(f, &st))
            return changed(s, f, e);
    }
    return 0;
}

uint32_t source_processors(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (uint32_t)MIN(n, 1024);
}
