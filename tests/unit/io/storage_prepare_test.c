/* What a torrent makes before its first piece, what it finds, and disks that are full. */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "storage_fixture.h"

TEST(storage_new_creates_nothing) {
    struct fixture f;
    fixture_open_standard(&f);
    fixture_reopen(&f);
    CHECK_INT(access(f.directory, F_OK), -1);
    fixture_close(&f);
}

TEST(storage_prepares_directories_and_empty_files) {
    struct fixture f;
    bool existed;
    fixture_open_standard(&f);
    CHECK_INT(fixture_prepare(&f, &existed), 0);
    CHECK(!existed);
    CHECK(same_bytes(fixture_path(&f, "empty"), "", 0));
    CHECK(fixture_exists(&f, "dir/sub"));
    CHECK(!fixture_exists(&f, "a"));
    CHECK(!fixture_exists(&f, ".pad"));
    CHECK_INT(fixture_prepare(&f, &existed), 0);
    CHECK(!existed); /* an empty file is no data */
    fixture_close(&f);
}

TEST(storage_prepare_leaves_existing_files_alone) {
    struct fixture f;
    bool existed;
    fixture_open(&f, standard_files, standard_count, PIECE, STORAGE_FULL);
    put_file(fixture_path(&f, "empty"), "not so", 6);
    put_file(fixture_path(&f, "dir/sub/c"), "longer than 5", 13);
    CHECK_INT(fixture_prepare(&f, &existed), 0);
    CHECK(existed);
    CHECK(same_bytes(fixture_path(&f, "empty"), "not so", 6));
    CHECK(same_bytes(fixture_path(&f, "dir/sub/c"), "longer than 5", 13));
    fixture_close(&f);
}

TEST(storage_prepare_sees_only_wanted_files) {
    static const struct file_spec files[] = {{"a", 20000, 0, false},
                                             {"b", 20000, 0, true}};
    struct fixture f;
    bool existed;
    fixture_open(&f, files, 2, PIECE, STORAGE_FULL);
    put_file(fixture_path(&f, "b"), "x", 1);
    CHECK_INT(fixture_prepare(&f, &existed), 0);
    CHECK(!existed);
    CHECK(same_bytes(fixture_path(&f, "b"), "x", 1));
    fixture_close(&f);
}

TEST(storage_reserves_the_space_of_wanted_files) {
    static const struct file_spec files[] = {{"a", 200000, 0, false},
                                             {"b", 20000, 0, true}};
    struct fixture f;
    struct stat st;
    fixture_open(&f, files, 2, PIECE, STORAGE_FULL);
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    CHECK_INT(stat(fixture_path(&f, "a"), &st), 0);
    CHECK_INT(st.st_size, 200000);
    CHECK(st.st_blocks * 512 >= 200000);
    CHECK(!fixture_exists(&f, "b"));
    CHECK_INT(fixture_select(&f, "11"), 0);
    CHECK_INT(stat(fixture_path(&f, "b"), &st), 0);
    CHECK(st.st_blocks * 512 >= 20000);
    fixture_close(&f);
}

TEST(storage_tells_sizes_and_times) {
    struct fixture f;
    struct stat st;
    fixture_open_standard(&f);
    CHECK_INT(fixture_write(&f, 0), 0);
    struct storage_stat t = {.op.done = fixture_note_done};
    CHECK_INT(storage_stat(f.s, &t), 0);
    fixture_run(&f, &t.op);
    CHECK_INT(t.op.status, 0);
    CHECK_INT(stat(fixture_path(&f, "a"), &st), 0);
    CHECK_INT(t.files[0].size, 20000);
    CHECK_INT(t.files[0].mtime_nsec,
              (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
    for (uint32_t i = 1; i < f.m->file_count; i++)
        CHECK_INT(t.files[i].size, -1);
    free(t.files);
    fixture_close(&f);
}

/* ---- read-only disks ---- */

TEST(storage_prepares_complete_files_on_a_read_only_disk) {
    struct fixture f;
    bool existed;
    fixture_open(&f, standard_files, standard_count, PIECE, STORAGE_FULL);
    CHECK_INT(file_make_dirs(f.directory, NULL), 0);
    if (!mount("tmpfs", f.directory, "tmpfs", 0, "size=1m")) {
        CHECK_INT(fixture_prepare(&f, NULL), 0);
        fixture_write_all(&f);
        fixture_reopen(&f);
        CHECK_INT(mount("", f.directory, "", MS_REMOUNT | MS_RDONLY, ""), 0);
        CHECK_INT(fixture_prepare(&f, &existed), 0);
        CHECK(existed);
        CHECK_INT(fixture_count_good(&f), f.m->pieces);
        CHECK_INT(fixture_write(&f, 0), ERR_ACCESS);
        CHECK(strstr(f.err.text, "see to its permissions, or choose another directory"));
        umount2(f.directory, MNT_DETACH);
    }
    fixture_close(&f);
}

/* ---- full disks ---- */

/* A real file system of one megabyte, where we may mount one. */
static bool mount_small(const char *at) {
    CHECK_INT(file_make_dirs(at, NULL), 0);
    if (!mount("tmpfs", at, "tmpfs", 0, "size=1m"))
        return true;
    fprintf(stderr, "  (no small disk here: %s)\n", strerror(errno));
    return false;
}

static const struct file_spec two_megabytes[] = {
    {"a", 700000, 0, false}, {"b", 700000, 0, false}, {"c", 700000, 0, false}};

/* It fails with a sentence, and goes on when there is room again. */
TEST(storage_survives_a_full_disk) {
    struct fixture f;
    fixture_open(&f, two_megabytes, 3, 65536, STORAGE_SPARSE);
    if (!mount_small(f.directory)) {
        fixture_close(&f);
        return;
    }
    char ballast[600];
    snprintf(ballast, sizeof ballast, "%s/ballast", f.directory);
    uint8_t *big = calloc(1, 900000);
    put_file(ballast, big, 900000);
    free(big);

    uint32_t piece = 0;
    while (fixture_write(&f, piece) == 0)
        piece++;
    CHECK(piece > 0 && piece < 4);
    CHECK_INT(f.err.code, ERR_NOSPACE);
    CHECK(strstr(f.err.text, "/t/a: No space left on device"));
    CHECK(strstr(f.err.text, "free some space"));
    CHECK_INT(unlink(ballast), 0);
    CHECK_INT(fixture_write(&f, piece), 0);
    CHECK_INT(fixture_check(&f, piece), 0);
    umount2(f.directory, MNT_DETACH);
    fixture_close(&f);
}

TEST(storage_tells_that_the_hash_was_right_when_the_disk_is_full) {
    struct fixture f;
    fixture_open(&f, two_megabytes, 3, 1 << 21, STORAGE_SPARSE);
    if (!mount_small(f.directory)) {
        fixture_close(&f);
        return;
    }
    struct piece_write w = {.op.done = fixture_note_done, .data = f.data};
    CHECK_INT(storage_write_piece(f.s, &w), 0);
    fixture_run(&f, &w.op);
    CHECK_INT(w.op.status, ERR_NOSPACE);
    CHECK(w.hashed_ok);
    umount2(f.directory, MNT_DETACH);
    fixture_close(&f);
}

TEST(storage_reserving_fails_early_on_a_small_disk) {
    struct fixture f;
    fixture_open(&f, two_megabytes, 3, 65536, STORAGE_FULL);
    if (!mount_small(f.directory)) {
        fixture_close(&f);
        return;
    }
    CHECK_INT(fixture_prepare(&f, NULL), ERR_NOSPACE);
    CHECK(strstr(f.err.text, "cannot reserve the space of"));
    umount2(f.directory, MNT_DETACH);
    fixture_close(&f);
}

/* For those who may not mount: a limit on the size of files. */
TEST(storage_survives_a_limit_on_file_sizes) {
    struct fixture f;
    struct rlimit before, small;
    fixture_open_standard(&f);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 50000;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
    int status = fixture_write(&f, 5);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_INT(status, ERR_IO);
    CHECK(strstr(f.err.text, "/t/d: File too large"));
    CHECK_INT(fixture_write(&f, 5), 0);
    signal(SIGXFSZ, old);
    fixture_close(&f);
}

/* Nobody's rights end at root's: this can only fail for everybody else. */
TEST(storage_says_what_to_do_when_it_may_not_write) {
    struct fixture f;
    if (geteuid() == 0)
        return;
    fixture_open_standard(&f);
    CHECK_INT(file_make_dirs(f.directory, NULL), 0);
    CHECK_INT(chmod(f.directory, 0555), 0);
    CHECK_INT(fixture_write(&f, 0), ERR_ACCESS);
    CHECK(strstr(f.err.text, "see to its permissions"));
    CHECK_INT(chmod(f.directory, 0755), 0);
    fixture_close(&f);
}
