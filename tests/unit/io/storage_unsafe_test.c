/* Nothing outside the directory is created or read on the word of a torrent, whatever somebody
 * has put in the way. */
#include <fcntl.h>

#include "storage_fixture.h"

/* "elsewhere" is a directory outside, with a file that must stay as it is. */
static const char *make_elsewhere(char out[600]) {
    snprintf(out, 600, "%s/elsewhere", check_tmpdir());
    char path[700];
    snprintf(path, sizeof path, "%s/b", out);
    put_file(path, "precious", 8);
    return out;
}

static void check_elsewhere(const char *elsewhere) {
    char path[700];
    snprintf(path, sizeof path, "%s/b", elsewhere);
    CHECK(same_bytes(path, "precious", 8));
    snprintf(path, sizeof path, "%s/sub", elsewhere);
    CHECK_INT(access(path, F_OK), -1);
}

static void put_link(struct fixture *f, const char *to, const char *at) {
    char path[1100];
    snprintf(path, sizeof path, "%s/t", f->directory);
    CHECK_INT(file_make_dirs(path, NULL), 0);
    CHECK_INT(symlink(to, fixture_path(f, at)), 0);
}

TEST(storage_does_not_write_through_a_linked_directory) {
    struct fixture f;
    char elsewhere[600];
    fixture_open_standard(&f);
    put_link(&f, make_elsewhere(elsewhere), "dir");
    CHECK_INT(fixture_write(&f, 2), ERR_UNSAFE);
    CHECK(strstr(f.err.text, "dir is a symbolic link"));
    CHECK_INT(fixture_prepare(&f, NULL), ERR_UNSAFE);
    check_elsewhere(elsewhere);
    fixture_close(&f);
}

TEST(storage_does_not_write_through_a_linked_file) {
    struct fixture f;
    char elsewhere[600], target[700];
    fixture_open_standard(&f);
    snprintf(target, sizeof target, "%s/b", make_elsewhere(elsewhere));
    put_link(&f, target, "d");
    CHECK_INT(fixture_write(&f, 5), ERR_UNSAFE);
    CHECK(strstr(f.err.text, "d is a symbolic link"));
    check_elsewhere(elsewhere);
    fixture_close(&f);
}

TEST(storage_does_not_create_the_target_of_a_dangling_link) {
    struct fixture f;
    char elsewhere[600], target[700];
    fixture_open_standard(&f);
    snprintf(target, sizeof target, "%s/new", make_elsewhere(elsewhere));
    put_link(&f, target, "d");
    CHECK_INT(fixture_write(&f, 5), ERR_UNSAFE);
    CHECK_INT(access(target, F_OK), -1);
    fixture_close(&f);
}

TEST(storage_does_not_read_through_links) {
    struct fixture f;
    char elsewhere[600], target[700];
    uint8_t got[8];
    fixture_open_standard(&f);
    snprintf(target, sizeof target, "%s/b", make_elsewhere(elsewhere));
    put_link(&f, target, "a");
    CHECK_INT(fixture_read(&f, 0, 8, got), ERR_UNSAFE);
    CHECK_INT(fixture_check(&f, 0), ERR_UNSAFE);
    fixture_close(&f);
}

/* A directory that was ours and becomes a link while the torrent runs. */
TEST(storage_notices_a_directory_replaced_by_a_link) {
    struct fixture f;
    char elsewhere[600], old[1100];
    fixture_open_standard(&f);
    CHECK_INT(fixture_write(&f, 2), 0);
    snprintf(old, sizeof old, "%s", fixture_path(&f, "dir"));
    CHECK_INT(rename(old, fixture_path(&f, "was-dir")), 0);
    put_link(&f, make_elsewhere(elsewhere), "dir");
    CHECK_INT(fixture_write(&f, 4), ERR_UNSAFE); /* dir/sub/c is not open yet */
    fixture_reopen(&f);
    CHECK_INT(fixture_write(&f, 2), ERR_UNSAFE);
    check_elsewhere(elsewhere);
    fixture_close(&f);
}

TEST(storage_says_that_a_file_is_where_a_directory_should_be) {
    struct fixture f;
    fixture_open_standard(&f);
    put_file(fixture_path(&f, "dir"), "x", 1);
    CHECK_INT(fixture_write(&f, 2), ERR_EXISTS);
    CHECK(strstr(f.err.text, "dir is a file where a directory is needed"));
    CHECK(same_bytes(fixture_path(&f, "dir"), "x", 1));
    fixture_close(&f);
}

TEST(storage_says_that_the_download_directory_is_a_file) {
    struct fixture f;
    fixture_open_standard(&f);
    put_file(f.directory, "x", 1);
    CHECK_INT(fixture_write(&f, 2), ERR_EXISTS);
    CHECK(strstr(f.err.text, "/down"));
    CHECK_INT(fixture_prepare(&f, NULL), ERR_EXISTS);
    CHECK(same_bytes(f.directory, "x", 1));
    fixture_close(&f);
}

TEST(storage_says_that_a_directory_is_where_a_file_should_be) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(file_make_dirs(fixture_path(&f, "d"), NULL), 0);
    CHECK_INT(fixture_write(&f, 5), ERR_EXISTS);
    CHECK(strstr(f.err.text, "is a directory where a file is needed"));
    CHECK_INT(fixture_check(&f, 5), ERR_EXISTS);
    fixture_close(&f);
}

/* Opening a pipe without a reader would wait for ever. */
TEST(storage_refuses_pipes) {
    struct fixture f;
    fixture_open_standard(&f);
    put_file(fixture_path(&f, "x"), "x", 1); /* for the directory */
    CHECK_INT(mkfifo(fixture_path(&f, "d"), 0666), 0);
    CHECK_INT(fixture_check(&f, 5), ERR_UNSAFE);
    CHECK_INT(fixture_write(&f, 5), ERR_UNSAFE);
    fixture_close(&f);
}

/* The user's own directory may well be a link. */
TEST(storage_follows_the_link_that_the_user_chose) {
    struct fixture f;
    char elsewhere[600];
    fixture_open_standard(&f);
    CHECK_INT(symlink(make_elsewhere(elsewhere), f.directory), 0);
    CHECK_INT(fixture_write(&f, 0), 0);
    CHECK_INT(fixture_check(&f, 0), 0);
    fixture_close(&f);
}

TEST(storage_never_creates_symlinks_of_a_torrent) {
    static const struct file_spec files[] = {{"a", 20000, 0, false},
                                             {"link", 0, FILE_SYMLINK, false}};
    struct fixture f;
    fixture_open(&f, files, 2, PIECE, STORAGE_FULL);
    f.m->files[1].flags = FILE_SYMLINK; /* a draft does not write them */
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    fixture_write_all(&f);
    CHECK(!fixture_exists(&f, "link"));
    fixture_close(&f);
}
