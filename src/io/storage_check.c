/* storage_check: does a piece on disk match its hash?
 *
 * One large read of the whole piece, then one pass over it while it is in the cache. The buffer is
 * page-aligned and goes from one check to the next: a fresh one would cost a page fault every
 * four kilobytes. There are as many as workers that check at once; they go when the storage is idle.
 * A piece of hundreds of megabytes, which hardly anybody makes, is hashed in parts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/storage_parts.h"

#define PAGE 4096
#define MAX_BUFFER ((uint32_t)16 << 20)

struct spare { /* lies in the first bytes of an idle buffer */
    struct spare *next;
};

static uint32_t buffer_size(const struct storage *s) {
    return MIN(MAX(s->m->piece_length, PAGE), MAX_BUFFER);
}

static uint8_t *take_buffer(struct storage *s) {
    void *buffer;
    uv_mutex_lock(&s->spare_lock);
    struct spare *spare = s->spare;
    if (spare)
        s->spare = spare->next;
    uv_mutex_unlock(&s->spare_lock);
    if (spare)
        return (uint8_t *)spare;
    return posix_memalign(&buffer, PAGE, buffer_size(s)) ? NULL : buffer;
}

static void give_buffer(struct storage *s, uint8_t *buffer) {
    struct spare *spare = (void *)buffer;
    uv_mutex_lock(&s->spare_lock);
    spare->next = s->spare;
    s->spare = spare;
    uv_mutex_unlock(&s->spare_lock);
}

void storage_free_buffers(struct storage *s) {
    for (struct spare *next; s->spare; s->spare = next) {
        next = s->spare->next;
        free(s->spare);
    }
}

/* What is missing here will be downloaded, so its file may be created again. */
static int read_part(struct piece_check *c, uint32_t begin, uint8_t *to, uint32_t len) {
    struct storage *s = c->op.storage;
    uint32_t last = 0;
    uint64_t since = uv_hrtime();
    int status = storage_read_range(s, storage_piece_offset(s, c->piece) + begin, to, len,
                                    &last, &c->op.err);
    c->op.disk_nsec += storage_since(since);
    if (status == ERR_EOF)
        status = c->op.err.code = ERR_NOTFOUND;
    else if (status == ERR_NOTFOUND)
        open_files_unsee(&s->files, last);
    return status;
}

static int digest_piece(struct piece_check *c, uint8_t *buffer,
                        uint8_t digest[SHA1_LEN]) {
    uint32_t size = metainfo_piece_size(c->op.storage->m, c->piece);
    uint32_t most = buffer_size(c->op.storage);
    struct hasher *h = size > most ? hasher_new_sha1() : NULL;
    if (size > most && !h)
        return err_set(&c->op.err, ERR_NOMEM, "out of memory");
    int status = 0;
    for (uint32_t begin = 0, len; begin < size && !status; begin += len) {
        len = MIN(size - begin, most);
        status = read_part(c, begin, buffer, len);
        uint64_t since = uv_hrtime();
        if (!status)
            status = h ? hasher_add(h, buffer, len) : sha1(digest, buffer, len);
        c->op.hash_nsec += storage_since(since);
    }
    if (!status && h)
        status = hasher_finish(h, digest);
    hasher_free(h);
    return status;
}

static void work_check(struct storage_op *op) {
    struct piece_check *c = CONTAINER_OF(op, struct piece_check, op);
    uint8_t digest[SHA1_LEN], *buffer = take_buffer(op->storage);
    if (!buffer) {
        op->status = err_set(&op->err, ERR_NOMEM, "out of memory");
        return;
    }
    op->status = digest_piece(c, buffer, digest);
    give_buffer(op->storage, buffer);
    if (op->status < 0)
        return;
    if (memcmp(digest, metainfo_hash(op->storage->m, c->piece), SHA1_LEN))
        op->status = err_set(&op->err, ERR_HASH,
                             "piece %" PRIu32 " does not match its hash", c->piece);
}

int storage_check_piece(struct storage *s, struct piece_check *c) {
    if (c->piece >= s->m->pieces)
        return ERR_INVALID;
    return storage_submit(s, &c->op, work_check, false, c->piece);
}
