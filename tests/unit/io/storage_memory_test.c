/* A torrent that lives in memory alone. */
#include "storage_fixture.h"

struct pool {
    struct budget budget;
    struct shared_pool shared;
};

static void open_memory(struct fixture *f, struct pool *p) {
    static const struct file_spec files[] = {{"a", 3 * PIECE + 100, 0, false},
                                             {"b", 2 * PIECE, 0, true}};
    fixture_open(f, files, 2, PIECE, STORAGE_MEMORY);
    p->budget = (struct budget){1 << 20, 0};
    shared_pool_init(&p->shared, &p->budget);
}

static void close_memory(struct fixture *f, struct pool *p) {
    fixture_close(f);
    CHECK_INT(p->budget.used, 0);
    shared_pool_fini(&p->shared);
}

/* Hashed and kept; nobody else holds it. */
static int keep(struct fixture *f, struct pool *p, uint32_t piece) {
    uint32_t len = metainfo_piece_size(f->m, piece);
    struct shared_bytes *b = shared_new(&p->shared, len);
    memcpy(b->data, f->data + (size_t)piece * PIECE, len);
    struct piece_write w = {
        .op.done = fixture_note_done, .piece = piece, .data = b->data, .shared = b};
    CHECK_INT(storage_write_piece(f->s, &w), 0);
    fixture_run(f, &w.op);
    shared_drop(b);
    return w.op.status;
}

TEST(storage_in_memory_gives_what_it_keeps_and_touches_no_disk) {
    struct fixture f;
    struct pool p;
    uint8_t got[3 * PIECE];
    open_memory(&f, &p);
    bool existed;
    CHECK_INT(fixture_prepare(&f, &existed), 0);
    CHECK(!existed);
    for (uint32_t i = 0; i < f.m->pieces; i++)
        CHECK_INT(keep(&f, &p, i), 0);
    CHECK_INT(fixture_read(&f, 100, 3 * PIECE, got), 0);
    CHECK_MEM(got, f.data + 100, 3 * PIECE);
    struct iovec iov[2] = {{got, 10}, {got + 10, PIECE}};
    CHECK_INT(storage_read_now(f.s, PIECE - 5, iov, 2), 0);
    CHECK_MEM(got, f.data + PIECE - 5, PIECE + 10);
    CHECK(access(f.directory, F_OK) < 0 && access(f.parts, F_OK) < 0);
    CHECK(!storage_has_file(f.s, 0));
    close_memory(&f, &p);
}

TEST(storage_in_memory_lets_go_of_what_is_dropped) {
    struct fixture f;
    struct pool p;
    uint8_t got[PIECE];
    open_memory(&f, &p);
    CHECK_INT(keep(&f, &p, 0), 0);
    CHECK_INT(keep(&f, &p, 1), 0);
    CHECK_INT(p.budget.used, 2 * PIECE);
    struct storage_punch drop = {.op.done = fixture_note_done, .piece = 0};
    CHECK_INT(storage_punch(f.s, &drop), 0);
    fixture_run(&f, &drop.op);
    CHECK_INT(p.budget.used, PIECE);
    CHECK_INT(fixture_read(&f, 0, 100, got), ERR_IO);
    struct iovec iov = {got, 100};
    CHECK_INT(storage_read_now(f.s, PIECE - 50, &iov, 1), ERR_IO);
    CHECK_INT(fixture_read(&f, PIECE, PIECE, got), 0);
    CHECK_INT(fixture_remove(&f), 0);
    CHECK_INT(p.budget.used, 0);
    close_memory(&f, &p);
}

TEST(storage_in_memory_keeps_nothing_that_fails_its_hash_or_has_no_record) {
    struct fixture f;
    struct pool p;
    open_memory(&f, &p);
    f.data[0] ^= 1;
    CHECK_INT(keep(&f, &p, 0), ERR_HASH);
    f.data[0] ^= 1;
    struct piece_write w = {.op.done = fixture_note_done, .data = f.data};
    CHECK_INT(storage_write_piece(f.s, &w), 0);
    fixture_run(&f, &w.op);
    CHECK_INT(w.op.status, ERR_NOMEM);
    CHECK(w.hashed_ok);
    CHECK_INT(p.budget.used, 0);
    close_memory(&f, &p);
}

TEST(storage_in_memory_cannot_be_moved_and_has_nothing_to_check) {
    struct fixture f;
    struct pool p;
    open_memory(&f, &p);
    CHECK_INT(fixture_move(&f, check_tmpdir()), ERR_UNSUPPORTED);
    CHECK_INT(fixture_check(&f, 0), ERR_NOTFOUND);
    CHECK_INT(fixture_select(&f, "11"), 0);
    close_memory(&f, &p);
}
