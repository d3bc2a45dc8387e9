/* Moving: all or nothing. Removing: ours and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#include "storage_fixture.h"

static char *beside(char out[600], const char *name) {
    snprintf(out, 600, "%s/%s", check_tmpdir(), name);
    return out;
}

static void check_whole(struct fixture *f) {
    CHECK_INT(fixture_count_good(f), f->m->pieces);
    CHECK(fixture_is_whole(f, "a"));
    CHECK(fixture_is_whole(f, "empty"));
    CHECK(fixture_is_whole(f, "dir/b"));
    CHECK(fixture_is_whole(f, "dir/sub/c"));
    CHECK(fixture_is_whole(f, "d"));
}

static void open_whole(struct fixture *f) {
    fixture_open_standard(f);
    CHECK_INT(fixture_prepare(f, NULL), 0);
    fixture_write_all(f);
}

TEST(storage_moves_to_a_new_directory) {
    struct fixture f;
    char old[512], to[600];
    open_whole(&f);
    snprintf(old, sizeof old, "%s", f.directory);
    CHECK_INT(fixture_move(&f, beside(to, "x/y/z")), 0);
    CHECK_STR(storage_directory(f.s), to);
    check_whole(&f);
    CHECK_INT(rmdir(old), 0); /* it stays, and is empty */
    fixture_close(&f);
}

TEST(storage_moves_a_torrent_without_files) {
    struct fixture f;
    char to[600];
    fixture_open_standard(&f);
    CHECK_INT(fixture_move(&f, beside(to, "x")), 0);
    fixture_write_all(&f);
    CHECK(fixture_is_whole(&f, "d"));
    fixture_close(&f);
}

TEST(storage_moves_to_where_it_is) {
    struct fixture f;
    char same[600];
    open_whole(&f);
    snprintf(same, sizeof same, "%s/.", f.directory);
    CHECK_INT(fixture_move(&f, same), 0);
    check_whole(&f);
    fixture_close(&f);
}

TEST(storage_moving_takes_skipped_files_along) {
    struct fixture f;
    char to[600];
    open_whole(&f);
    CHECK_INT(fixture_select(&f, "100000"), 0);
    CHECK_INT(fixture_move(&f, beside(to, "x")), 0);
    check_whole(&f);
    fixture_close(&f);
}

TEST(storage_moving_leaves_foreign_files_behind) {
    struct fixture f;
    char to[600], mine[1100];
    open_whole(&f);
    snprintf(mine, sizeof mine, "%s", fixture_path(&f, "dir/mine"));
    put_file(mine, "mine", 4);
    CHECK_INT(fixture_move(&f, beside(to, "x")), 0);
    CHECK(same_bytes(mine, "mine", 4));
    check_whole(&f);
    fixture_close(&f);
}

/* The last file is in the way: what was renamed before must come back. */
TEST(storage_moving_overwrites_nothing) {
    struct fixture f;
    char to[600], theirs[700];
    open_whole(&f);
    snprintf(theirs, sizeof theirs, "%s/t/d", beside(to, "x"));
    put_file(theirs, "theirs", 6);
    CHECK_INT(fixture_move(&f, to), ERR_EXISTS);
    CHECK(strstr(f.err.text, "x/t/d exists already and is not overwritten"));
    CHECK(same_bytes(theirs, "theirs", 6));
    check_whole(&f);
    snprintf(theirs, sizeof theirs, "%s/t/a", to);
    CHECK_INT(access(theirs, F_OK), -1);
    fixture_close(&f);
}

TEST(storage_moving_fails_without_a_trace) {
    struct fixture f;
    char to[600], path[700];
    open_whole(&f);
    snprintf(path, sizeof path, "%s/t/dir", beside(to, "x"));
    put_file(path, "a file where a directory is needed", 34);
    CHECK_INT(fixture_move(&f, to), ERR_EXISTS);
    check_whole(&f);
    snprintf(path, sizeof path, "%s/t/a", to);
    CHECK_INT(access(path, F_OK), -1);
    fixture_close(&f);
}

TEST(storage_moving_does_not_go_through_links) {
    struct fixture f;
    char to[600], path[700], outside[600];
    open_whole(&f);
    snprintf(path, sizeof path, "%s/t", beside(to, "x"));
    CHECK_INT(file_make_dirs(path, NULL), 0);
    CHECK_INT(file_make_dirs(beside(outside, "outside"), NULL), 0);
    snprintf(path, sizeof path, "%s/t/dir", to);
    CHECK_INT(symlink(outside, path), 0);
    CHECK_INT(fixture_move(&f, to), ERR_UNSAFE);
    CHECK_INT(rmdir(outside), 0); /* nothing came there */
    check_whole(&f);
    fixture_close(&f);
}

/* ---- across file systems ---- */

static bool mount_disk(const char *at, const char *size) {
    CHECK_INT(file_make_dirs(at, NULL), 0);
    if (!mount("tmpfs", at, "tmpfs", 0, size))
        return true;
    fprintf(stderr, "  (no other disk here: %s)\n", strerror(errno));
    return false;
}

TEST(storage_moves_across_file_systems) {
    struct fixture f;
    char to[600], back[600];
    struct stat before, after;
    open_whole(&f);
    if (mount_disk(beside(to, "disk"), "size=1m")) {
        CHECK_INT(stat(fixture_path(&f, "d"), &before), 0);
        CHECK_INT(fixture_move(&f, to), 0);
        check_whole(&f);
        CHECK_INT(stat(fixture_path(&f, "d"), &after), 0);
        CHECK(before.st_dev != after.st_dev);
        CHECK_INT(after.st_mtim.tv_sec, before.st_mtim.tv_sec); /* resume compares it */
        CHECK_INT(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
        CHECK_INT(fixture_move(&f, beside(back, "back")), 0);
        check_whole(&f);
        CHECK_INT(umount(to), 0);
    }
    fixture_close(&f);
}

TEST(storage_keeps_holes_when_it_copies) {
    static const struct file_spec files[] = {{"sparse", 30 << 20, 0, false}};
    struct fixture f;
    char to[600];
    struct stat st;
    fixture_open(&f, files, 1, 1 << 20, STORAGE_SPARSE);
    CHECK_INT(fixture_write(&f, 7), 0);
    if (mount_disk(beside(to, "disk"), "size=8m")) {
        CHECK_INT(fixture_move(&f, to), 0);
        CHECK_INT(fixture_check(&f, 7), 0);
        CHECK_INT(stat(fixture_path(&f, "sparse"), &st), 0);
        CHECK_INT(st.st_size, 30 << 20);
        CHECK(st.st_blocks * 512 < 8 << 20);
        storage_drop(f.s);
        f.s = NULL;
        CHECK_INT(umount(to), 0);
    }
    fixture_close(&f);
}

/* Some files fit on the small disk, the next does not. */
TEST(storage_moving_to_a_full_disk_leaves_all_as_it_was) {
    static const struct file_spec files[] = {
        {"a", 400000, 0, false}, {"b/c", 400000, 0, false}, {"b/d", 400000, 0, false}};
    struct fixture f;
    char to[600], path[700];
    fixture_open(&f, files, 3, 65536, STORAGE_SPARSE);
    fixture_write_all(&f);
    if (mount_disk(beside(to, "disk"), "size=1m")) {
        CHECK_INT(fixture_move(&f, to), ERR_NOSPACE);
        CHECK(strstr(f.err.text, "cannot move to "));
        CHECK_INT(fixture_count_good(&f), f.m->pieces);
        CHECK(fixture_is_whole(&f, "b/d"));
        snprintf(path, sizeof path, "%s/t", to);
        CHECK_INT(access(path, F_OK), -1);
        CHECK_INT(umount(to), 0);
    }
    fixture_close(&f);
}

/* ---- removing ---- */

TEST(storage_removes_all_that_is_its_own) {
    static const struct file_spec files[] = {{"one", 20000, 0, false},
                                             {"two", 20000, 0, true},
                                             {"x/y/three", 20000, 0, false},
                                             {"x/empty", 0, 0, false}};
    struct fixture f;
    fixture_open(&f, files, 4, PIECE, STORAGE_SPARSE);
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    fixture_write_all(&f);
    CHECK_INT(access(f.parts, F_OK), 0);
    CHECK_INT(fixture_remove(&f), 0);
    CHECK(!fixture_exists(&f, "."));
    CHECK_INT(access(f.parts, F_OK), -1);
    CHECK_INT(rmdir(f.directory), 0);
    fixture_close(&f);
}

TEST(storage_removing_leaves_foreign_files_alone) {
    struct fixture f;
    open_whole(&f);
    put_file(fixture_path(&f, "dir/mine"), "mine", 4);
    CHECK_INT(fixture_remove(&f), 0);
    CHECK(same_bytes(fixture_path(&f, "dir/mine"), "mine", 4));
    CHECK(!fixture_exists(&f, "dir/b"));
    CHECK(!fixture_exists(&f, "dir/sub"));
    CHECK(!fixture_exists(&f, "a"));
    fixture_close(&f);
}

TEST(storage_removing_does_not_go_through_links) {
    struct fixture f;
    char outside[600], theirs[700], dir[1100];
    open_whole(&f);
    snprintf(theirs, sizeof theirs, "%s/b", beside(outside, "outside"));
    put_file(theirs, "theirs", 6);
    snprintf(dir, sizeof dir, "%s", fixture_path(&f, "dir"));
    CHECK_INT(rename(dir, fixture_path(&f, "was-dir")), 0);
    CHECK_INT(symlink(outside, dir), 0);
    CHECK_INT(unlink(fixture_path(&f, "d")), 0);
    CHECK_INT(symlink(theirs, fixture_path(&f, "d")), 0);
    CHECK_INT(fixture_remove(&f), 0);
    CHECK(same_bytes(theirs, "theirs", 6));
    CHECK(fixture_exists(&f, "d")); /* the link is somebody's, too */
    CHECK(!fixture_exists(&f, "a"));
    fixture_close(&f);
}

/* It was never wanted and never there: whoever put it there did not mean us. */
TEST(storage_removing_leaves_a_skipped_file_that_came_later) {
    static const struct file_spec files[] = {{"one", 20000, 0, false},
                                             {"two", 5, 0, true}};
    struct fixture f;
    fixture_open(&f, files, 2, PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    put_file(fixture_path(&f, "two"), "mine", 4);
    CHECK_INT(fixture_remove(&f), 0);
    CHECK(same_bytes(fixture_path(&f, "two"), "mine", 4));
    fixture_close(&f);
}

TEST(storage_removing_twice_is_fine) {
    struct fixture f;
    open_whole(&f);
    CHECK_INT(fixture_remove(&f), 0);
    CHECK_INT(fixture_remove(&f), 0);
    fixture_close(&f);
}
