/* Memory that runs out at every possible moment: an error, and nothing lost.
 *
 * Only this thread's allocations fail on demand, so what workers do is run a second time, here:
 * an operation that has been through the pool keeps its functions. */
#include "storage_fixture.h"

/* The whole of a worker's part, on a storage that knows nothing yet. */
static int run_here(struct fixture *f, struct storage_op *op, long n) {
    check_nomem_at(-1);
    fixture_reopen(f);
    op->storage = f->s;
    op->status = 0;
    op->err = (struct err){0};
    check_nomem_at(n);
    op->job.run(&op->job);
    bool hit = check_nomem_hit();
    CHECK_INT(op->err.code, op->status);
    CHECK(hit || op->status == 0);
    return op->status;
}

static void open_half_skipped(struct fixture *f) {
    static const struct file_spec files[] = {{"one", 20000, 0, false},
                                             {"sub/two", 20000, 0, true},
                                             {"three", 30000, 0, false}};
    fixture_open(f, files, 3, PIECE, STORAGE_SPARSE);
}

TEST(storage_new_survives_a_lack_of_memory) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_EACH_NOMEM(n) {
        struct storage *s =
            storage_new(f.loop, f.m, f.directory, f.parts, STORAGE_SPARSE, &f.wanted);
        CHECK_INT(!s, check_nomem_hit());
        storage_drop(s);
    }
    fixture_close(&f);
}

TEST(storage_submitting_survives_a_lack_of_memory) {
    struct fixture f;
    uint8_t got[10];
    fixture_open_standard(&f);
    fixture_write_all(&f);
    CHECK_EACH_NOMEM(n) {
        struct range_read r = {.op.done = fixture_note_done, .length = 10, .data = got};
        int status = storage_read(f.s, &r);
        CHECK_INT(status, check_nomem_hit() ? ERR_NOMEM : 0);
        if (!status)
            fixture_run(&f, &r.op);
    }
    fixture_close(&f);
}

/* It was accepted, and waited: then its `done` has to tell. */
TEST(storage_tells_when_memory_ran_out_while_an_operation_waited) {
    struct fixture f;
    uint8_t got[10];
    fixture_open_standard(&f);
    fixture_write_all(&f);
    struct storage_stat t = {.op.done = fixture_note_done};
    struct storage_prepare p = {.op.done = fixture_note_done};
    struct range_read r[2];
    CHECK_INT(storage_prepare(f.s, &p), 0);
    for (int i = 0; i < 2; i++) {
        r[i] =
            (struct range_read){.op.done = fixture_note_done, .length = 10, .data = got};
        CHECK_INT(storage_read(f.s, &r[i]), 0);
    }
    CHECK_INT(storage_stat(f.s, &t), 0);
    while (!p.op.owner) {
        check_nomem_at(0); /* the first that goes on to the pool */
        CHECK_INT(loop_step(f.loop, USEC_NEVER), 0);
        check_nomem_hit();
    }
    fixture_run(&f, &r[0].op);
    fixture_run(&f, &r[1].op);
    fixture_run(&f, &t.op);
    CHECK_INT(r[0].op.status, ERR_NOMEM);
    CHECK_STR(r[0].op.err.text, "out of memory");
    CHECK_INT(r[1].op.status, 0);
    CHECK_INT(t.op.status, 0);
    free(t.files);
    fixture_close(&f);
}

TEST(storage_writing_survives_a_lack_of_memory) {
    struct fixture f;
    open_half_skipped(&f);
    struct piece_write w = {
        .op.done = fixture_note_done, .piece = 1, .data = f.data + PIECE};
    CHECK_INT(storage_write_piece(f.s, &w), 0);
    fixture_run(&f, &w.op);
    CHECK_EACH_NOMEM(n) {
        int status = run_here(&f, &w.op, n);
        CHECK(status == 0 || status == ERR_NOMEM);
    }
    CHECK_INT(fixture_check(&f, 1), 0);
    fixture_close(&f);
}

TEST(storage_checking_survives_a_lack_of_memory) {
    struct fixture f;
    open_half_skipped(&f);
    fixture_write_all(&f);
    struct piece_check c = {.op.done = fixture_note_done, .piece = 1};
    CHECK_INT(storage_check_piece(f.s, &c), 0);
    fixture_run(&f, &c.op);
    CHECK_EACH_NOMEM(n) {
        int status = run_here(&f, &c.op, n);
        CHECK(status == 0 || status == ERR_NOMEM);
        CHECK_INT(fixture_check(&f, 0), 0); /* and its buffer goes */
    }
    fixture_close(&f);
}

TEST(storage_selecting_survives_a_lack_of_memory) {
    struct fixture f;
    open_half_skipped(&f);
    fixture_write_all(&f);
    struct storage_select c = {.op.done = fixture_note_done};
    CHECK_INT(bitset_copy(&c.wanted, &f.wanted), 0);
    CHECK_INT(bitset_copy(&c.have, &f.have), 0);
    CHECK_INT(storage_select(f.s, &c), 0); /* the same as before */
    fixture_run(&f, &c.op);
    bitset_fill(&c.wanted);
    CHECK_EACH_NOMEM(n) {
        if (run_here(&f, &c.op, n) == 0)
            break;
        CHECK_INT(c.op.status, ERR_NOMEM);
        CHECK(!fixture_exists(&f, "sub"));
        CHECK_INT(fixture_count_good(&f), f.m->pieces);
    }
    CHECK(fixture_is_whole(&f, "sub/two"));
    bitset_fini(&c.wanted);
    bitset_fini(&c.have);
    fixture_close(&f);
}

TEST(storage_moving_survives_a_lack_of_memory) {
    struct fixture f;
    char to[400];
    fixture_open_standard(&f);
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    fixture_write_all(&f);
    snprintf(to, sizeof to, "%s/moved", check_tmpdir());
    struct storage_move m = {.op.done = fixture_note_done, .directory = f.directory};
    CHECK_INT(storage_move(f.s, &m), 0); /* to where it is */
    fixture_run(&f, &m.op);
    m.directory = to;
    CHECK_EACH_NOMEM(n) {
        if (run_here(&f, &m.op, n) == 0)
            break;
        CHECK_INT(m.op.status, ERR_NOMEM);
        CHECK_INT(fixture_count_good(&f), f.m->pieces);
        CHECK_INT(access(to, F_OK), -1);
    }
    snprintf(f.directory, sizeof f.directory, "%s", to);
    fixture_reopen(&f);
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    fixture_close(&f);
}

TEST(file_writing_survives_a_lack_of_memory) {
    char path[600];
    uint8_t *data;
    size_t len;
    snprintf(path, sizeof path, "%s/f", check_tmpdir());
    put_file(path, "old", 3);
    CHECK_EACH_NOMEM(n) {
        int status = file_write_atomic(path, "new", 3, NULL);
        CHECK_INT(status, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK(same_bytes(path, status ? "old" : "new", 3));
    }
    CHECK_EACH_NOMEM(n) {
        data = NULL;
        int status = file_read_whole(path, 100, &data, &len, NULL);
        CHECK_INT(status, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(!data, status < 0);
        free(data);
    }
}
