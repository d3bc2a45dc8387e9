/* verify: see the header. */
#include "engine/verify.h"

#include <stdlib.h>

#include "base/err.h"

#define BATCHES 4u /* at once, in a session */

struct batch_item {
    struct piece_check check;
    struct torrent *torrent;
};

static struct batch_item *item_of(struct piece_check *c) {
    return c ? CONTAINER_OF(c, struct batch_item, check) : NULL;
}

static bool has_next(struct torrent *t) {
    while (t->check_next < t->to_check.size && !bitset_has(&t->to_check, t->check_next))
        t->check_next++;
    return t->check_next < t->to_check.size;
}

static void free_batch(struct batch_item *c) {
    for (struct batch_item *next; c; c = next) {
        next = item_of(c->check.next);
        free(c);
    }
}

/* ---- a batch ends ------------------------------------------------------------------------ */

static void note_batch(struct torrent *t, struct batch_item *first) {
    for (struct batch_item *c = first; c; c = item_of(c->check.next)) {
        t->checked++;
        if (c->check.op.status == 0 && t->state == TORRENT_CHECKING)
            t->check_found++, (void)bitset_add(&t->found, c->check.piece);
    }
}

static void let_others(struct session *s) {
    while (s->batches < BATCHES) {
        struct link *l = list_shift(&s->checkers);
        if (!l)
            return;
        verify_pieces(LIST_ITEM(l, struct torrent, in_checkers));
    }
}

static void on_checked(struct storage_op *op) {
    struct batch_item *first = CONTAINER_OF(op, struct batch_item, check.op);
    struct torrent *t = first->torrent;
    struct session *s = t->session;
    s->stats.hash_nsec += (uint64_t)op->hash_nsec;
    s->stats.disk_nsec += (uint64_t)op->disk_nsec;
    t->jobs--;
    t->checks_running--;
    s->batches--;
    note_batch(t, first);
    free_batch(first);
    verify_pieces(t); /* first come, first served */
    let_others(s);
}

/* ---- a batch begins ----------------------------------------------------------------------- */

/* The next pieces, in the order of the disk; NULL when out of memory (they count as not there). */
static struct batch_item *take_batch(struct torrent *t) {
    struct batch_item *first = NULL;
    struct piece_check **tail = NULL;
    for (int i = 0; i < HASH_LANES && has_next(t); i++) {
        struct batch_item *c = calloc(1, sizeof *c);
        uint32_t piece = t->check_next++;
        if (!c)
            break;
        c->torrent = t;
        c->check.piece = piece;
        if (first)
            *tail = &c->check;
        else
            first = c;
        tail = &c->check.next;
    }
    return first;
}

static void start_batch(struct torrent *t) {
    struct batch_item *first = take_batch(t);
    if (!first)
        return;
    first->check.op.done = on_checked;
    t->jobs++;
    t->checks_running++;
    t->session->batches++;
    if (storage_check_piece(t->storage, &first->check) == 0)
        return;
    t->jobs--;
    t->checks_running--;
    t->session->batches--;
    free_batch(first);
}

/* A session that closes does not wait for the rest: what is not hashed stays unknown. */
void verify_pieces(struct torrent *t) {
    struct session *s = t->session;
    if (s->closed || t->state != TORRENT_CHECKING)
        return;
    while (s->batches < BATCHES && has_next(t))
        start_batch(t);
    if (has_next(t)) {
        if (list_empty(&t->in_checkers))
            list_append(&s->checkers, &t->in_checkers);
    } else if (t->checks_running == 0) {
        torrent_on_checked(t);
    }
}
