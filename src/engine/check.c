/* check: see the header.
 *
 *     prepare -> nothing on disk ----------------------------------------> ready, empty
 *            \-> resume says so, sizes and times match -> hash a sample -> ready, as resume says
 *            \-> anything else -> hash every piece ----------------------> ready, as found
 *
 * A resume file is believed after a piece of every file was hashed; if one of them does not
 * match, everything is hashed. Nothing that exists is ever taken for empty. */
#include "engine/check.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/connect.h"
#include "engine/store.h"
#include "engine/throwaway.h"
#include "engine/verify.h"

static void check_all(struct torrent *t) {
    t->sampling = false;
    t->check_next = t->check_found = t->checked = 0;
    bitset_fill(&t->to_check);
    bitset_clear(&t->found);
    verify_pieces(t);
}

static void end_check(struct torrent *t) {
    resume_free(t->resume);
    t->resume = NULL;
    for (uint32_t i = 0; i < t->found.size; i++)
        if (bitset_has(&t->found, i))
            store_note_have(t, i);
    bitset_fini(&t->to_check), bitset_fini(&t->found);
    session_event(t->session, EVENT_CHECKED, t, NULL, t->have.count, 0, NULL);
    torrent_on_ready(t);
}

void torrent_on_checked(struct torrent *t) {
    if (t->sampling && t->check_found < t->to_check.count)
        check_all(t);
    else
        end_check(t);
}

/* The first piece of each file that resume says is there. */
static void choose_sample(struct torrent *t) {
    const struct resume *r = t->resume;
    for (uint32_t f = 0; f < t->meta->file_count; f++) {
        uint32_t first, end;
        metainfo_file_pieces(t->meta, f, &first, &end);
        while (first < end && !bitset_has(&r->have, first))
            first++;
        if (first < end)
            (void)bitset_add(&t->to_check, first);
    }
}

static void check_sample(struct torrent *t) {
    t->sampling = true;
    for (uint32_t i = 0; i < t->have.size; i++)
        if (bitset_has(&t->resume->have, i))
            (void)bitset_add(&t->found, i);
    choose_sample(t);
    verify_pieces(t);
}

struct check_stat {
    struct storage_stat stat;
    struct torrent *torrent;
};

static void on_stat(struct storage_op *op) {
    struct check_stat *c = CONTAINER_OF(op, struct check_stat, stat.op);
    struct torrent *t = c->torrent;
    bool matches = op->status == 0 && resume_matches(t->resume, c->stat.files);
    t->jobs--;
    free(c->stat.files);
    free(c);
    if (t->state != TORRENT_CHECKING)
        return;
    if (matches)
        check_sample(t);
    else
        check_all(t);
}

static void compare_with_resume(struct torrent *t) {
    struct check_stat *c = calloc(1, sizeof *c);
    if (c) {
        c->torrent = t;
        c->stat.op.done = on_stat;
        t->jobs++;
        if (storage_stat(t->storage, &c->stat) == 0)
            return;
        t->jobs--;
        free(c);
    }
    check_all(t);
}

struct check_prepare {
    struct storage_prepare prepare;
    struct torrent *torrent;
};

static void on_prepared(struct storage_op *op) {
    struct check_prepare *c = CONTAINER_OF(op, struct check_prepare, prepare.op);
    struct torrent *t = c->torrent;
    int status = op->status;
    bool found = c->prepare.found;
    bool existed = c->prepare.existed || status < 0; /* it may not have seen all files */
    t->jobs--;
    if (t->state == TORRENT_CHECKING && status < 0) {
        t->disk_err = op->err;
        session_event(t->session, EVENT_ERROR, t, NULL, 0, status, "%s", op->err.text);
        torrent_pause(t);
    }
    free(c);
    if (t->state != TORRENT_CHECKING)
        return;
    throwaway_on_prepared(t, found);
    if (t->resume)
        compare_with_resume(t);
    else if (existed || t->seed_mode)
        check_all(t);
    else
        end_check(t);
}

static void forget_pieces(struct torrent *t) {
    for (uint32_t i = 0; i < t->have.size; i++)
        if (bitset_has(&t->have, i))
            picker_set_state(&t->picker, i, PIECE_MISSING);
    bitset_clear(&t->have);
    for (uint32_t f = 0; f < t->meta->file_count; f++) {
        uint32_t first, end;
        metainfo_file_pieces(t->meta, f, &first, &end);
        t->file_missing[f] = end - first;
    }
}

static void fail(struct torrent *t) {
    session_event(t->session, EVENT_ERROR, t, NULL, 0, ERR_NOMEM,
                  "out of memory while checking");
    torrent_pause(t);
    end_check(t);
}

void check_begin(struct torrent *t) {
    torrent_set_state(t, TORRENT_CHECKING);
    forget_pieces(t);
    t->check_next = t->check_found = t->checked = 0;
    struct check_prepare *c = calloc(1, sizeof *c);
    if (!c || bitset_init(&t->to_check, t->have.size) < 0 ||
        bitset_init(&t->found, t->have.size) < 0) {
        free(c);
        fail(t);
        return;
    }
    c->torrent = t;
    c->prepare.op.done = on_prepared;
    t->jobs++;
    if (storage_prepare(t->storage, &c->prepare) == 0)
        return;
    t->jobs--;
    free(c);
    fail(t);
}

int torrent_recheck(struct torrent *t, struct err *e) {
    if (t->state < TORRENT_DOWNLOADING || t->state == TORRENT_REMOVING ||
        t->writes_running > 0 || t->aheads > 0)
        return err_set(e, ERR_BUSY,
                       "%s is being checked or written; try again in a moment",
                       torrent_name(t));
    if (t->cap.in_memory)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s lies in memory alone: nothing of it can have changed",
                       torrent_name(t));
    connect_close_all(t, ERR_CANCELED, "the torrent is checked again");
    store_drop_waiting(t);
    download_abandon(&t->download);
    t->announced_done = false;
    t->seed_mode = true; /* hash everything, whatever existed */
    check_begin(t);
    return 0;
}
