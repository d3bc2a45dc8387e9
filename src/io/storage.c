/* storage: the object, and the turnstile that its operations go through.
 *
 *     submitted --> [ waiting, in order ] --> worker: op->work --> loop: op->done
 *                      r r r  M  r r          side by side, but M (move, select ...) alone
 *
 * Waiting happens here, on the loop, and not on a lock in a worker: there are few workers, they
 * serve the whole process, and one long move would hold all of them. */
#include "io/storage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/storage_parts.h"

#define WAITING_OP(l) LIST_ITEM(l, struct storage_op, link)

/* A file that is to have bytes in its own place from the start. */
static int choose_places(struct storage *s, const struct bitset *wanted) {
    if (bitset_copy(&s->wanted, wanted) < 0 || bitset_copy(&s->in_place, wanted) < 0)
        return ERR_NOMEM;
    return 0;
}

static void storage_free(struct storage *s) {
    storage_memory_clear(s);
    free(s->kept);
    open_files_fini(&s->files);
    uv_mutex_destroy(&s->spare_lock);
    uv_mutex_destroy(&s->write_lock);
    bitset_fini(&s->wanted);
    bitset_fini(&s->in_place);
    free(s->directory);
    free(s->parts_path);
    free(s->moved_to);
    metainfo_drop(s->m);
    free(s);
}

/* What has a beginning that may fail and an end: all or nothing. */
static int init_parts(struct storage *s, uint32_t files) {
    if (uv_mutex_init(&s->spare_lock))
        return ERR_NOMEM;
    if (uv_mutex_init(&s->write_lock) == 0) {
        if (open_files_init(&s->files, STORAGE_MAX_OPEN, files) == 0)
            return 0;
        uv_mutex_destroy(&s->write_lock);
    }
    uv_mutex_destroy(&s->spare_lock);
    return ERR_NOMEM;
}

struct storage *storage_new(struct loop *l, struct metainfo *m, const char *directory,
                            const char *parts_path, enum storage_allocation how,
                            const struct bitset *wanted) {
    assert(wanted->size == m->file_count);
    struct storage *s = calloc(1, sizeof *s);
    if (!s || init_parts(s, m->file_count + 1) < 0) {
        free(s);
        return NULL;
    }
    s->refs = 1;
    s->loop = l;
    s->m = metainfo_hold(m);
    s->how = how;
    list_init(&s->waiting);
    s->directory = strdup(directory);
    s->parts_path = strdup(parts_path ? parts_path : "");
    if (s->directory && s->parts_path && choose_places(s, wanted) == 0 &&
        (how != STORAGE_MEMORY || storage_memory_init(s) == 0))
        return s;
    storage_free(s);
    return NULL;
}

void storage_drop(struct storage *s) {
    if (!s)
        return;
    assert(s->refs);
    if (!--s->refs)
        storage_free(s);
}

const char *storage_directory(const struct storage *s) {
    return s->directory;
}

bool storage_has_file(const struct storage *s, uint32_t file) {
    return !s->kept && !s->alone && s->known && bitset_has(&s->in_place, file);
}

/* ---- the turnstile ---- */

static void run_op(struct job *j) {
    struct storage_op *op = CONTAINER_OF(j, struct storage_op, job);
    if (!op->storage->known)
        storage_learn(op->storage);
    op->work(op);
    if (!op->status)
        op->err = (struct err){0}; /* of an attempt that something else made good */
}

static bool may_start(const struct storage *s, const struct storage_op *op) {
    if (s->alone)
        return false;
    return !s->running || !(op->exclusive || !s->known);
}

static void leave(struct storage *s) {
    s->running--;
    s->alone = false;
    if (s->moved_to) {
        free(s->directory);
        s->directory = s->moved_to;
        s->moved_to = NULL;
    }
}

/* The owner may free the operation in its `done`, and drop the storage. */
static void end(struct storage_op *op, int status) {
    struct storage *s = op->storage;
    if (status == ERR_CLOSED || status == ERR_CANCELED) /* the loop is being freed */
        op->status = err_set(&op->err, ERR_CANCELED, "canceled");
    else if (status < 0)
        op->status = err_set(&op->err, status, "out of memory");
    op->done(op);
    storage_drop(s);
}

static int start(struct storage *s, struct storage_op *op) {
    bool alone = op->exclusive || !s->known;
    int status = jobs_submit(s->loop, &op->job);
    if (status < 0)
        return status;
    s->running++;
    s->alone = alone;
    return 0;
}

static void pump(struct storage *s) {
    while (!list_empty(&s->waiting) && may_start(s, WAITING_OP(s->waiting.next))) {
        struct storage_op *op = WAITING_OP(list_shift(&s->waiting));
        int status = start(s, op);
        if (status < 0)
            end(op, status);
    }
}

static void done_op(struct job *j, int status) {
    struct storage_op *op = CONTAINER_OF(j, struct storage_op, job);
    struct storage *s = op->storage;
    s->refs++;
    leave(s);
    if (!status && op->settle)
        op->settle(op);
    end(op, status);
    pump(s);
    if (!s->running)
        storage_free_buffers(s);
    storage_drop(s);
}

int storage_submit(struct storage *s, struct storage_op *op,
                   void (*work)(struct storage_op *op), bool exclusive,
                   void (*settle)(struct storage_op *op)) {
    op->job = (struct job){.run = run_op, .done = done_op, .loop = s->loop};
    op->storage = s;
    op->work = work;
    op->exclusive = exclusive;
    op->settle = settle;
    op->status = 0;
    op->err = (struct err){0};
    op->hash_nsec = op->disk_nsec = 0;
    list_init(&op->link);
    if (!list_empty(&s->waiting) || !may_start(s, op)) {
        list_append(&s->waiting, &op->link);
    } else {
        int status = start(s, op);
        if (status < 0)
            return status;
    }
    s->refs++;
    return 0;
}
