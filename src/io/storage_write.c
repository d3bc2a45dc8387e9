/* storage_write: complete pieces on their way to disk.
 *
 *     batch   A B C --sha1_lanes--> each compared with its hash --> each written, segment by segment
 *
 * Hashing is the larger part of the work, and two or three pieces in one loop cost little more
 * than one alone. So the owner gathers what completes together. */
#include <inttypes.h>
#include <string.h>

#include "io/storage_parts.h"

static struct piece_write *write_of(struct storage_op *op) {
    return CONTAINER_OF(op, struct piece_write, op);
}

static void judge(const struct metainfo *m, struct piece_write *w,
                  const uint8_t *digest) {
    w->hashed_ok = memcmp(digest, metainfo_hash(m, w->piece), SHA1_LEN) == 0;
    if (!w->hashed_ok)
        w->op.status = err_set(&w->op.err, ERR_HASH,
                               "piece %" PRIu32 " does not match its hash", w->piece);
}

static void hash_batch(const struct metainfo *m, struct piece_write *first) {
    struct piece_write *of[HASH_LANES];
    struct lane lanes[HASH_LANES];
    uint8_t digests[HASH_LANES][SHA1_LEN];
    uint32_t n = 0;
    for (struct piece_write *w = first; w; w = w->next) {
        w->hashed_ok = w->verified;
        w->op.status = 0;
        if (w->verified)
            continue;
        lanes[n] = (struct lane){w->data + w->hashed,
                                 metainfo_piece_size(m, w->piece) - w->hashed, digests[n],
                                 &w->stream};
        of[n++] = w;
    }
    uint64_t since = uv_hrtime();
    sha1_lanes(lanes, n);
    if (n > 0)
        first->op.hash_nsec += storage_since(since);
    for (uint32_t i = 0; i < n; i++)
        judge(m, of[i], digests[i]);
}

static void write_batch(struct storage *s, struct piece_write *first) {
    for (struct piece_write *w = first; w; w = w->next)
        if (w->hashed_ok && !w->hash_only && !s->kept)
            w->op.status =
                storage_write_range(s, storage_piece_offset(s, w->piece), w->data,
                                    metainfo_piece_size(s->m, w->piece), &w->op.err);
}

static void work_write(struct storage_op *op) {
    struct storage *s = op->storage;
    hash_batch(s->m, write_of(op));
    uv_mutex_lock(&s->write_lock);
    uint64_t since = uv_hrtime();
    write_batch(s, write_of(op));
    op->disk_nsec += storage_since(since);
    uv_mutex_unlock(&s->write_lock);
}

/* Without memory for its record (shared) there is nothing to keep: try again. */
static void keep(struct storage *s, struct piece_write *w) {
    if (w->shared)
        storage_memory_keep(s, w->piece, w->shared);
    else
        w->op.status = err_set(&w->op.err, ERR_NOMEM, "out of memory");
}

static void settle_write(struct storage_op *op) {
    for (struct piece_write *w = write_of(op); w && op->storage->kept; w = w->next)
        if (!w->op.status && !w->hash_only)
            keep(op->storage, w);
    for (struct piece_write *w = write_of(op); w; w = w->next)
        if (!w->op.status && !w->hash_only)
            storage_note_piece(op->storage, w->piece);
}

int storage_write_piece(struct storage *s, struct piece_write *w) {
    uint32_t n = 0;
    for (struct piece_write *each = w; each; each = each->next, n++) {
        each->hashed_ok = false;
        each->op.status = ERR_CANCELED; /* what it stays if no worker ever sees it */
        if (each->piece >= s->m->pieces || n == HASH_LANES)
            return ERR_INVALID;
    }
    return storage_submit(s, &w->op, work_write, false, settle_write);
}
