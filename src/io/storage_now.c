/* storage_now: bytes for a peer, on the loop's own thread, or not at all.
 *
 *     torrent    offset ->[........................................]
 *     iov                 [ block ][ block ][ block ][ block ]
 *     one file            one preadv2(RWF_NOWAIT) for all of it
 *
 * What is not in the page cache, and what would need a file to be opened, is a job's
 * (storage_read). A mapping would save a copy, but a mapped file that somebody truncates kills
 * the process; a system call only returns fewer bytes. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "io/storage_parts.h"

#define IOV_BATCH 64 /* per system call where a range spans several files */

#ifndef RWF_NOWAIT /* elsewhere nothing can be read without waiting */
#define preadv2(fd, iov, n, offset, flags) ((void)(offset), errno = ENOTSUP, (ssize_t)-1)
#define RWF_NOWAIT 0
#endif

/* Where the next byte goes. */
struct sink {
    const struct iovec *iov;
    int n;
    size_t skip; /* filled bytes of iov[0] */
};

static size_t total(const struct iovec *iov, int n) {
    size_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += iov[i].iov_len;
    return sum;
}

/* The next `length` bytes of the sink as up to IOV_BATCH pieces; *taken is their sum. */
static int sink_take(struct sink *k, struct iovec out[IOV_BATCH], uint64_t length,
                     size_t *taken) {
    int n = 0;
    *taken = 0;
    while (k->n && *taken < length && n < IOV_BATCH) {
        size_t len = (size_t)MIN(k->iov->iov_len - k->skip, length - *taken);
        out[n].iov_base = (uint8_t *)k->iov->iov_base + k->skip;
        out[n++].iov_len = len;
        *taken += len;
        k->skip += len;
        if (k->skip == k->iov->iov_len)
            k->iov++, k->n--, k->skip = 0;
    }
    return n;
}

/* Fewer bytes than asked for: the rest is not in memory, or the file ends. A job finds out. */
static int read_cached(const struct open_file *o, const struct iovec *iov, int n,
                       size_t length, uint64_t offset) {
    ssize_t got;
    do {
        got = o->in_memory ? preadv(o->fd, iov, n, (off_t)offset)
                           : preadv2(o->fd, iov, n, (off_t)offset, RWF_NOWAIT);
    } while (got < 0 && errno == EINTR);
    if (got >= 0)
        return (size_t)got == length ? 0 : ERR_AGAIN;
    return errno == EIO ? ERR_IO : ERR_AGAIN;
}

static void fill_zeros(struct sink *k, uint64_t length) {
    struct iovec part[IOV_BATCH];
    for (size_t taken; length; length -= taken) {
        int n = sink_take(k, part, length, &taken);
        for (int i = 0; i < n; i++)
            memset(part[i].iov_base, 0, part[i].iov_len);
    }
}

static int read_part(const struct open_file *o, struct sink *k, const struct segment *g) {
    struct iovec part[IOV_BATCH];
    uint64_t done = 0;
    int status = 0;
    for (size_t taken; !status && done < g->length; done += taken) {
        int n = sink_take(k, part, g->length - done, &taken);
        status = read_cached(o, part, n, taken, g->offset + done);
    }
    return status;
}

static int read_segment(struct storage *s, const struct segment *g, struct sink *k,
                        bool whole) {
    if (g->pad) {
        fill_zeros(k, g->length);
        return 0;
    }
    struct open_file *o = open_files_find(&s->files, g->file, false);
    if (!o)
        return ERR_AGAIN;
    int status = whole && k->n <= IOV_MAX
                     ? read_cached(o, k->iov, k->n, (size_t)g->length, g->offset)
                     : read_part(o, k, g);
    open_files_release(&s->files, o);
    return status;
}

int storage_read_now(struct storage *s, uint64_t offset, const struct iovec *iov, int n) {
    uint64_t length = total(iov, n);
    if (offset > s->m->size || length > s->m->size - offset)
        return ERR_INVALID;
    if (s->kept)
        return storage_memory_read(s, offset, iov, n);
    if (s->alone || !s->known)
        return ERR_AGAIN; /* places are changing under our feet */
    struct sink sink = {.iov = iov, .n = n};
    struct segments each;
    struct segment g;
    int status = 0;
    segments_init(&each, s, offset, length);
    while (!status && segments_next(&each, &g))
        status = read_segment(s, &g, &sink, g.length == length);
    return status;
}
