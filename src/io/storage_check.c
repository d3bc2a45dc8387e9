/* storage_check: do pieces on disk match their hashes?
 *
 *     piece A   [ stripe ][ stripe ] ...      the stripes of up to three pieces are read
 *     piece B   [ stripe ][ stripe ] ...      side by side, and hashed in one loop
 *     piece C   [ stripe ][ stripe ] ...      (sha1_lanes) while they are in the cache
 *
 * A stripe is a whole piece, or a mebibyte of a longer one. The buffer is page-aligned and goes
 * from one check to the next: a fresh one would cost a page fault every four kilobytes. There are
 * as many as workers that check at once; they go when the storage is idle. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/storage_parts.h"

#define PAGE 4096
#define STRIPE ((uint32_t)1 << 20)

struct spare { /* lies in the first bytes of an idle buffer */
    struct spare *next;
};

static uint32_t stripe_size(const struct storage *s) {
    return MIN(MAX(s->m->piece_length, PAGE), STRIPE);
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
    return posix_memalign(&buffer, PAGE, (size_t)HASH_LANES * stripe_size(s)) ? NULL
                                                                              : buffer;
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

static struct piece_check *check_of(struct storage_op *op) {
    return CONTAINER_OF(op, struct piece_check, op);
}

/* What is missing here will be downloaded, so its file may be created again. */
static int read_part(struct storage *s, struct piece_check *c, uint32_t begin,
                     uint8_t *to, uint32_t len) {
    uint32_t last = 0;
    int status = storage_read_range(s, storage_piece_offset(s, c->piece) + begin, to, len,
                                    &last, &c->op.err);
    if (status == ERR_EOF)
        status = c->op.err.code = ERR_NOTFOUND;
    else if (status == ERR_NOTFOUND)
        open_files_unsee(&s->files, last);
    return status;
}

struct check_lane {
    struct hash_stream stream;
    uint8_t digest[SHA1_LEN];
};

/* The stripe at `begin` of every piece that is that long and has not failed. True if there was
 * one. */
static bool check_stripe(struct storage *s, struct piece_check *first, uint32_t begin,
                         struct check_lane *of, uint8_t *buffer) {
    struct lane lanes[HASH_LANES];
    uint32_t n = 0, stripe = stripe_size(s), i = 0;
    uint64_t since = uv_hrtime();
    for (struct piece_check *c = first; c; c = c->next, i++) {
        uint32_t size = metainfo_piece_size(s->m, c->piece);
        if (c->op.status < 0 || begin >= size)
            continue;
        uint32_t len = MIN(size - begin, stripe);
        uint8_t *to = buffer + (size_t)i * stripe;
        c->op.status = read_part(s, c, begin, to, len);
        if (c->op.status == 0)
            lanes[n++] = (struct lane){to, len, begin + len == size ? of[i].digest : NULL,
                                       &of[i].stream};
    }
    first->op.disk_nsec += storage_since(since);
    since = uv_hrtime();
    sha1_lanes(lanes, n);
    first->op.hash_nsec += storage_since(since);
    return n > 0;
}

static void judge(const struct metainfo *m, struct piece_check *first,
                  const struct check_lane *of) {
    for (struct piece_check *c = first; c; c = c->next, of++)
        if (c->op.status == 0 && memcmp(of->digest, metainfo_hash(m, c->piece), SHA1_LEN))
            c->op.status = err_set(&c->op.err, ERR_HASH,
                                   "piece %" PRIu32 " does not match its hash", c->piece);
}

/* What lies in memory was verified, and nobody else can change it; what does not is nowhere. */
static void work_nowhere(struct storage_op *op) {
    for (struct piece_check *c = check_of(op); c; c = c->next)
        c->op.status =
            err_set(&c->op.err, ERR_NOTFOUND, "there is nothing on disk to check");
}

static void work_check(struct storage_op *op) {
    struct storage *s = op->storage;
    struct check_lane of[HASH_LANES] = {0};
    uint8_t *buffer = take_buffer(s);
    if (!buffer) {
        for (struct piece_check *c = check_of(op); c; c = c->next)
            c->op.status = err_set(&c->op.err, ERR_NOMEM, "out of memory");
        return;
    }
    for (struct piece_check *c = check_of(op); c; c = c->next)
        c->op.status = 0;
    for (uint32_t begin = 0; check_stripe(s, check_of(op), begin, of, buffer);)
        begin += stripe_size(s);
    give_buffer(s, buffer);
    judge(s->m, check_of(op), of);
}

static void settle_check(struct storage_op *op) {
    for (struct piece_check *c = check_of(op); c; c = c->next)
        if (!c->op.status)
            storage_note_piece(op->storage, c->piece);
}

int storage_check_piece(struct storage *s, struct piece_check *c) {
    uint32_t n = 0;
    for (struct piece_check *each = c; each; each = each->next, n++) {
        each->op.status = ERR_CANCELED; /* what it stays if no worker ever sees it */
        if (each->piece >= s->m->pieces || n == HASH_LANES)
            return ERR_INVALID;
    }
    return storage_submit(s, &c->op, s->kept ? work_nowhere : work_check, false,
                          settle_check);
}
