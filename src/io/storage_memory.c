/* storage_memory: a torrent that never touches the disk. Its pieces are the counted bytes
 * that were verified (base/shared), kept here by reference: nothing is copied on the way
 * in, and a read is a copy on the loop. Workers hash, and see none of this. */
#include <stdlib.h>
#include <string.h>

#include "io/storage_parts.h"

int storage_memory_init(struct storage *s) {
    s->known = true; /* there is nothing to be known of files */
    s->kept = calloc(MAX(s->m->pieces, 1u), sizeof(struct shared_bytes *));
    return s->kept ? 0 : ERR_NOMEM;
}

static void let_go(struct storage *s, uint32_t piece) {
    shared_drop(s->kept[piece]);
    s->kept[piece] = NULL;
}

void storage_memory_clear(struct storage *s) {
    for (uint32_t i = 0; s->kept && i < s->m->pieces; i++)
        let_go(s, i);
}

void storage_memory_keep(struct storage *s, uint32_t piece, struct shared_bytes *bytes) {
    if (!s->kept[piece])
        s->kept[piece] = shared_hold(bytes);
}

void storage_memory_drop(struct storage *s, uint32_t piece) {
    let_go(s, piece);
}

/* The next bytes of a range, within one piece; NULL when it is not here. */
static const uint8_t *bytes_at(const struct storage *s, uint64_t offset, uint64_t most,
                               size_t *len) {
    const struct shared_bytes *b = s->kept[offset / s->m->piece_length];
    uint64_t from = offset % s->m->piece_length;
    if (!b)
        return NULL;
    *len = (size_t)MIN(b->len - from, most);
    return b->data + from;
}

int storage_memory_read(const struct storage *s, uint64_t offset, const struct iovec *iov,
                        int n) {
    for (int i = 0; i < n; i++) {
        size_t part;
        for (size_t at = 0; at < iov[i].iov_len; at += part, offset += part) {
            const uint8_t *from = bytes_at(s, offset, iov[i].iov_len - at, &part);
            if (!from)
                return ERR_IO;
            memcpy((uint8_t *)iov[i].iov_base + at, from, part);
        }
    }
    return 0;
}

/* ---- what workers have left to do -------------------------------------------------- */

void storage_memory_work_nothing(struct storage_op *op) {
    (void)op;
}

void storage_memory_work_lost(struct storage_op *op) {
    op->status = err_set(&op->err, ERR_IO, "these bytes are no longer in memory");
}

void storage_memory_work_refuse(struct storage_op *op) {
    op->status = err_set(&op->err, ERR_UNSUPPORTED,
                         "%s lies in memory alone, there are no files of it",
                         op->storage->m->name);
}

void storage_memory_settle_remove(struct storage_op *op) {
    storage_memory_clear(op->storage);
}
