/* Pieces whose disk space is given back: holes where they were, nothing changed beside them. */
#include "storage_fixture.h"

static int punch(struct fixture *f, uint32_t piece) {
    struct storage_punch p = {.op.done = fixture_note_done, .piece = piece};
    int status = storage_punch(f->s, &p);
    if (status < 0)
        return status;
    fixture_run(f, &p.op);
    return p.op.status;
}

static int64_t blocks(struct fixture *f, const char *path) {
    struct stat st;
    CHECK_INT(stat(fixture_path(f, path), &st), 0);
    return st.st_blocks;
}

TEST(storage_punches_a_hole_where_a_piece_was_and_no_larger) {
    static const struct file_spec files[] = {{"a", 8 * PIECE, 0, false}};
    struct fixture f;
    fixture_open(&f, files, 1, PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    int64_t before = blocks(&f, "a");
    CHECK_INT(punch(&f, 3), 0);
    CHECK_INT(blocks(&f, "a"), before - PIECE / 512);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_INT(fixture_check(&f, i), i == 3 ? ERR_HASH : 0);
    struct stat st;
    CHECK_INT(stat(fixture_path(&f, "a"), &st), 0);
    CHECK_INT(st.st_size, 8 * PIECE);
    CHECK_INT(fixture_write(&f, 3), 0);
    CHECK_INT(fixture_check(&f, 3), 0);
    fixture_close(&f);
}

TEST(storage_punches_across_files_pads_and_parts) {
    struct fixture f;
    fixture_open_standard(&f);
    fixture_write_all(&f);
    for (uint32_t i = 0; i < f.m->pieces; i += 2)
        CHECK_INT(punch(&f, i), 0);
    for (uint32_t i = 0; i < f.m->pieces; i++)
        CHECK_INT(fixture_check(&f, i), i % 2 ? 0 : ERR_HASH);
    CHECK_INT(punch(&f, f.m->pieces), ERR_INVALID);
    fixture_close(&f);
}

TEST(storage_punches_what_others_have_read_and_before_others_write) {
    struct fixture f;
    uint8_t got[PIECE];
    fixture_open_standard(&f);
    fixture_write_all(&f);
    struct range_read r = {.op.done = fixture_note_done, .length = PIECE, .data = got};
    struct storage_punch p = {.op.done = fixture_note_done};
    struct piece_write w = {.op.done = fixture_note_done, .data = f.data};
    CHECK_INT(storage_read(f.s, &r), 0);
    CHECK_INT(storage_punch(f.s, &p), 0);
    CHECK_INT(storage_write_piece(f.s, &w), 0);
    fixture_run(&f, &w.op);
    CHECK_MEM(got, f.data, PIECE);
    CHECK_INT(fixture_check(&f, 0), 0);
    fixture_close(&f);
}
