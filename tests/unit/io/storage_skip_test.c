/* Files that are not wanted: no byte of them in the user's directory, and none lost. */
#include "storage_fixture.h"

/*  pieces   |   0   |   1   |   2   |   3   |   4  |
 *  files    [ one 20000 ][ two 20000 (skipped) ][ empty ][ three 30000 ]  */
static const struct file_spec middle_skipped[] = {
    {"one", 20000, 0, false},
    {"sub/two", 20000, 0, true},
    {"sub/empty", 0, 0, true},
    {"three", 30000, 0, false},
};

static void open_middle_skipped(struct fixture *f) {
    fixture_open(f, middle_skipped, COUNT_OF(middle_skipped), PIECE, STORAGE_SPARSE);
}

TEST(storage_creates_nothing_of_a_skipped_file) {
    struct fixture f;
    open_middle_skipped(&f);
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    fixture_write_all(&f);
    CHECK(!fixture_exists(&f, "sub"));
    CHECK(fixture_is_whole(&f, "one"));
    CHECK(fixture_is_whole(&f, "three"));
    fixture_close(&f);
}

TEST(storage_keeps_bytes_of_skipped_files_in_the_parts_file) {
    struct fixture f;
    uint8_t got[70000];
    open_middle_skipped(&f);
    fixture_write_all(&f);
    CHECK_INT(access(f.parts, F_OK), 0);
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    CHECK_INT(fixture_read(&f, 0, 70000, got), 0);
    CHECK_MEM(got, f.data, 70000);
    fixture_reopen(&f); /* and in the next life */
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    fixture_close(&f);
}

TEST(storage_makes_no_parts_file_when_all_is_wanted) {
    struct fixture f;
    fixture_open_standard(&f);
    fixture_write_all(&f);
    CHECK_INT(access(f.parts, F_OK), -1);
    fixture_close(&f);
}

TEST(storage_reports_a_missing_parts_file_as_missing_pieces) {
    struct fixture f;
    open_middle_skipped(&f);
    fixture_write_all(&f);
    CHECK_INT(unlink(f.parts), 0);
    fixture_reopen(&f);
    CHECK_INT(fixture_check(&f, 0), 0);
    CHECK_INT(fixture_check(&f, 1), ERR_NOTFOUND);
    CHECK_INT(fixture_write(&f, 1), 0);
    fixture_close(&f);
}

TEST(storage_reads_parts_now) {
    struct fixture f;
    uint8_t got[100], from_file[100];
    struct iovec in_parts = {got, 100}, in_file = {from_file, 100};
    open_middle_skipped(&f);
    fixture_write_all(&f);
    int want = storage_read_now(f.s, 0, &in_file, 1);
    CHECK_INT(storage_read_now(f.s, 25000, &in_parts, 1), want);
    if (!want)
        CHECK_MEM(got, f.data + 25000, 100);
    fixture_close(&f);
}

TEST(storage_moves_bytes_to_a_file_that_becomes_wanted) {
    struct fixture f;
    open_middle_skipped(&f);
    fixture_write_all(&f);
    CHECK_INT(fixture_select(&f, "1111"), 0);
    CHECK(fixture_is_whole(&f, "sub/two"));
    CHECK(fixture_exists(&f, "sub/empty"));
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    CHECK_INT(access(f.parts, F_OK), -1); /* nothing is left in it */
    fixture_close(&f);
}

/* Only border pieces came along; the middle is downloaded later. */
TEST(storage_moves_only_pieces_that_we_have) {
    static const struct file_spec files[] = {
        {"one", 20000, 0, false}, {"two", 60000, 0, true}, {"three", 20000, 0, false}};
    struct fixture f;
    uint8_t zeros[PIECE] = {0}, got[PIECE];
    fixture_open(&f, files, 3, PIECE, STORAGE_SPARSE);
    CHECK_INT(fixture_write(&f, 1), 0);
    CHECK_INT(fixture_write(&f, 4), 0);
    CHECK_INT(fixture_write(&f, 2), 0);
    bitset_remove(&f.have, 2); /* say it was found to be bad */
    CHECK_INT(fixture_select(&f, "111"), 0);
    CHECK_INT(fixture_check(&f, 1), 0);
    CHECK_INT(fixture_check(&f, 4), 0);
    CHECK_INT(fixture_read(&f, 2 * PIECE, PIECE, got), 0);
    CHECK_MEM(got, zeros, PIECE);
    fixture_write_all(&f);
    CHECK(fixture_is_whole(&f, "two"));
    fixture_close(&f);
}

TEST(storage_selecting_needs_no_parts_file_when_nothing_was_written) {
    struct fixture f;
    open_middle_skipped(&f);
    CHECK_INT(fixture_select(&f, "1111"), 0);
    CHECK(!fixture_exists(&f, "sub/two"));
    fixture_write_all(&f);
    CHECK(fixture_is_whole(&f, "sub/two"));
    fixture_close(&f);
}

TEST(storage_leaves_a_file_that_becomes_unwanted_as_it_is) {
    struct fixture f;
    fixture_open_standard(&f);
    fixture_write_all(&f);
    CHECK_INT(fixture_select(&f, "100000"), 0);
    CHECK(fixture_is_whole(&f, "d"));
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    fixture_close(&f);
}

TEST(storage_creates_nothing_of_a_file_that_became_unwanted) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(fixture_select(&f, "100000"), 0);
    fixture_write_all(&f);
    CHECK(fixture_is_whole(&f, "a"));
    CHECK(!fixture_exists(&f, "d"));
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    fixture_close(&f);
}

/* It was wanted in an earlier life: its pieces are in it, not in a parts file. */
TEST(storage_finds_pieces_in_skipped_files_that_exist) {
    struct fixture f;
    fixture_open_standard(&f);
    fixture_write_all(&f);
    bitset_clear(&f.wanted);
    bitset_add(&f.wanted, 0);
    fixture_reopen(&f);
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    CHECK_INT(access(f.parts, F_OK), -1);
    fixture_close(&f);
}

TEST(storage_selecting_fails_without_a_trace) {
    struct fixture f;
    open_middle_skipped(&f);
    fixture_write_all(&f);
    CHECK_INT(symlink("/nowhere", fixture_path(&f, "sub")), 0);
    CHECK_INT(fixture_select(&f, "1111"), ERR_UNSAFE);
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    CHECK_INT(unlink(fixture_path(&f, "sub")), 0);
    CHECK_INT(fixture_select(&f, "1111"), 0);
    CHECK(fixture_is_whole(&f, "sub/two"));
    fixture_close(&f);
}

/* The first of two new files was copied when the second failed. */
TEST(storage_takes_new_files_back_when_selecting_fails) {
    static const struct file_spec files[] = {{"one", 20000, 0, false},
                                             {"x/two", 20000, 0, true},
                                             {"y/three", 20000, 0, true},
                                             {"four", 20000, 0, false}};
    struct fixture f;
    fixture_open(&f, files, 4, PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    CHECK_INT(symlink("/nowhere", fixture_path(&f, "y")), 0);
    CHECK_INT(fixture_select(&f, "1111"), ERR_UNSAFE);
    CHECK(!fixture_exists(&f, "x"));
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    fixture_close(&f);
}

/* It reached the disk after the list of pieces was made, and before the selection ran. */
TEST(storage_selecting_moves_pieces_that_were_still_being_written) {
    struct fixture f;
    open_middle_skipped(&f);
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    struct piece_write w = {
        .op.done = fixture_note_done, .piece = 1, .data = f.data + PIECE};
    struct storage_select c = {.op.done = fixture_note_done};
    CHECK_INT(bitset_init(&c.wanted, f.m->file_count), 0);
    CHECK_INT(bitset_init(&c.have, f.m->pieces), 0);
    bitset_fill(&c.wanted);
    CHECK_INT(storage_write_piece(f.s, &w), 0);
    CHECK_INT(storage_select(f.s, &c), 0);
    fixture_run(&f, &w.op);
    fixture_run(&f, &c.op);
    CHECK_INT(c.op.status, 0);
    CHECK_INT(fixture_check(&f, 1), 0);
    bitset_fini(&c.wanted);
    bitset_fini(&c.have);
    fixture_close(&f);
}

TEST(storage_refuses_a_selection_of_another_size) {
    struct fixture f;
    fixture_open_standard(&f);
    struct storage_select c = {.op.done = fixture_note_done};
    CHECK_INT(bitset_init(&c.wanted, f.m->file_count + 1), 0);
    CHECK_INT(storage_select(f.s, &c), ERR_INVALID);
    bitset_fini(&c.wanted);
    fixture_close(&f);
}
