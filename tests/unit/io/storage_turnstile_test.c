/* Many operations at once: side by side, alone, in order, and at the end of everything. */
#include "io/jobs.h"
#include "storage_fixture.h"

enum { CROWD = 64 };

static void open_many_pieces(struct fixture *f) {
    static const struct file_spec files[] = {{"a", 300000, 0, false},
                                             {"b", 300000, 0, true},
                                             {"c", 10, 0, true},
                                             {"d", 300000, 0, false}};
    fixture_open(f, files, 4, PIECE, STORAGE_SPARSE);
}

/* Workers and the loop share descriptors, places and buffers: also for ThreadSanitizer. */
TEST(storage_serves_a_crowd) {
    struct fixture f;
    struct piece_write w[CROWD] = {0};
    struct piece_check c[CROWD] = {0};
    struct range_read r[CROWD] = {0};
    uint8_t *got = calloc(CROWD, 5000), now[100];
    open_many_pieces(&f);
    uint32_t n = MIN(CROWD, f.m->pieces);
    for (uint32_t i = 0; i < n; i++) {
        w[i] = (struct piece_write){.op.done = fixture_note_done, .piece = i};
        w[i].data = f.data + (size_t)i * PIECE;
        CHECK_INT(storage_write_piece(f.s, &w[i]), 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        fixture_run(&f, &w[i].op);
        CHECK_INT(w[i].op.status, 0);
        c[i] = (struct piece_check){.op.done = fixture_note_done, .piece = i};
        CHECK_INT(storage_check_piece(f.s, &c[i]), 0);
        r[i] = (struct range_read){.op.done = fixture_note_done, .length = 5000};
        r[i].offset = (uint64_t)i * PIECE;
        r[i].data = got + i * 5000;
        CHECK_INT(storage_read(f.s, &r[i]), 0);
        struct iovec iov = {now, sizeof now};
        int status = storage_read_now(f.s, (uint64_t)i * PIECE, &iov, 1);
        CHECK(status == 0 || status == ERR_AGAIN);
        if (!status)
            CHECK_MEM(now, f.data + (size_t)i * PIECE, sizeof now);
    }
    for (uint32_t i = 0; i < n; i++) {
        fixture_run(&f, &c[i].op);
        fixture_run(&f, &r[i].op);
        CHECK_INT(c[i].op.status, 0);
        CHECK_INT(r[i].op.status, 0);
        CHECK_MEM(r[i].data, f.data + r[i].offset, 5000);
    }
    free(got);
    fixture_close(&f);
}

/* Reads and writes on both sides of a move, all submitted at once. */
TEST(storage_reads_and_writes_wait_for_a_move) {
    struct fixture f;
    struct piece_write w[20] = {0};
    uint8_t got[100];
    char to[600], old[512];
    open_many_pieces(&f);
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    snprintf(old, sizeof old, "%s", f.directory);
    snprintf(to, sizeof to, "%s/moved", check_tmpdir());
    struct storage_move m = {.op.done = fixture_note_done, .directory = to};
    for (uint32_t i = 0; i < 20; i++) {
        w[i] = (struct piece_write){.op.done = fixture_note_done, .piece = i};
        w[i].data = f.data + (size_t)i * PIECE;
        CHECK_INT(storage_write_piece(f.s, &w[i]), 0);
        if (i == 10)
            CHECK_INT(storage_move(f.s, &m), 0);
    }
    struct range_read r = {.op.done = fixture_note_done, .length = 100, .data = got};
    CHECK_INT(storage_read(f.s, &r), 0);
    fixture_run(&f, &m.op);
    CHECK_INT(m.op.status, 0);
    CHECK_STR(storage_directory(f.s), to);
    for (uint32_t i = 0; i < 20; i++) {
        fixture_run(&f, &w[i].op);
        CHECK_INT(w[i].op.status, 0);
    }
    fixture_run(&f, &r.op);
    CHECK_INT(r.op.status, 0);
    CHECK_MEM(got, f.data, 100);
    CHECK_INT(rmdir(old), 0); /* no late write came here */
    fixture_close(&f);
}

TEST(storage_reads_nothing_at_once_during_a_move) {
    struct fixture f;
    uint8_t got[10];
    struct iovec iov = {got, 10};
    char to[600];
    open_many_pieces(&f);
    fixture_write_all(&f);
    int usual = storage_read_now(f.s, 0, &iov, 1);
    snprintf(to, sizeof to, "%s/moved", check_tmpdir());
    struct storage_move m = {.op.done = fixture_note_done, .directory = to};
    CHECK_INT(storage_move(f.s, &m), 0);
    CHECK_INT(storage_read_now(f.s, 0, &iov, 1), ERR_AGAIN);
    fixture_run(&f, &m.op);
    CHECK_INT(fixture_read(&f, 0, 10, got), 0);
    CHECK_INT(storage_read_now(f.s, 0, &iov, 1), usual);
    fixture_close(&f);
}

TEST(storage_lives_until_its_last_operation) {
    struct fixture f;
    struct piece_write w[8] = {0};
    open_many_pieces(&f);
    for (uint32_t i = 0; i < 8; i++) {
        w[i] = (struct piece_write){.op.done = fixture_note_done, .piece = i};
        w[i].data = f.data + (size_t)i * PIECE;
        CHECK_INT(storage_write_piece(f.s, &w[i]), 0);
    }
    storage_drop(f.s);
    f.s = NULL;
    for (uint32_t i = 0; i < 8; i++) {
        fixture_run(&f, &w[i].op);
        CHECK_INT(w[i].op.status, 0);
    }
    fixture_close(&f);
}

/* The loop goes first: each operation still ends, exactly once. */
TEST(storage_ends_every_operation_when_the_loop_ends) {
    struct fixture f;
    struct piece_write w[CROWD] = {0};
    char to[600];
    open_many_pieces(&f);
    snprintf(to, sizeof to, "%s/moved", check_tmpdir());
    struct storage_move m = {.op.done = fixture_note_done, .directory = to};
    uint32_t n = MIN(CROWD, f.m->pieces);
    for (uint32_t i = 0; i < n; i++) {
        w[i] = (struct piece_write){.op.done = fixture_note_done, .piece = i};
        w[i].data = f.data + (size_t)i * PIECE;
        CHECK_INT(storage_write_piece(f.s, &w[i]), 0);
        if (i == n / 2)
            CHECK_INT(storage_move(f.s, &m), 0);
    }
    loop_free(f.loop);
    f.loop = NULL;
    for (uint32_t i = 0; i < n; i++) {
        CHECK(w[i].op.owner);
        CHECK(w[i].op.status == 0 || w[i].op.status == ERR_CANCELED);
    }
    CHECK(m.op.owner);
    fixture_close(&f);
}

/* The next operation is submitted where the last one ends, as the engine does. */
struct chain {
    struct piece_check check;
    uint32_t left;
};

static void check_next(struct storage_op *op) {
    struct chain *c = op->owner;
    if (!c->left--)
        return;
    CHECK_INT(op->status, 0);
    c->check.piece = c->left;
    CHECK_INT(storage_check_piece(op->storage, &c->check), 0);
}

TEST(storage_takes_operations_inside_done) {
    struct fixture f;
    open_many_pieces(&f);
    fixture_write_all(&f);
    struct chain c = {.check.op.done = check_next, .left = f.m->pieces};
    c.check.op.owner = &c;
    CHECK_INT(storage_check_piece(f.s, &c.check), 0);
    while (c.left != UINT32_MAX)
        CHECK_INT(loop_step(f.loop, USEC_NEVER), 0);
    fixture_close(&f);
}

TEST(storage_operations_leave_a_cancel_before_their_turn_alone) {
    struct fixture f;
    open_many_pieces(&f);
    struct storage_prepare p = {.op.done = fixture_note_done};
    struct piece_write w = {.op.done = fixture_note_done, .data = f.data};
    CHECK_INT(storage_prepare(f.s, &p), 0);
    CHECK_INT(storage_write_piece(f.s, &w), 0);
    jobs_cancel(&w.op.job); /* it waits for the other: nothing to cancel yet */
    fixture_run(&f, &p.op);
    fixture_run(&f, &w.op);
    CHECK_INT(w.op.status, 0);
    fixture_close(&f);
}
