/* The walk down: who is at the end of it, and sentences about long paths. */
#include "io/below.h"

#include <fcntl.h>
#include <unistd.h>

#include "support/check.h"

TEST(below_opens_what_it_creates) {
    int fd = below_open(check_tmpdir(), "a/b/c", O_RDWR | O_CREAT, NULL);
    CHECK(fd >= 0);
    close(fd);
    fd = below_open(check_tmpdir(), "a/b/c", O_RDONLY, NULL);
    CHECK(fd >= 0);
    close(fd);
}

TEST(below_creates_nothing_without_being_told) {
    CHECK_INT(below_open(check_tmpdir(), "a/b", O_RDWR, NULL), ERR_NOTFOUND);
    CHECK_INT(rmdir(check_tmpdir()), 0);
    CHECK_INT(below_open(check_tmpdir(), "b", O_RDWR, NULL), ERR_NOTFOUND);
    CHECK_INT(mkdir(check_tmpdir(), 0777), 0); /* for who cleans up */
}

TEST(below_does_not_unlink_what_is_no_file) {
    char path[600];
    snprintf(path, sizeof path, "%s/link", check_tmpdir());
    CHECK_INT(symlink("/etc", path), 0);
    CHECK_INT(below_unlink(check_tmpdir(), "link", NULL), ERR_UNSAFE);
    snprintf(path, sizeof path, "%s/dir", check_tmpdir());
    CHECK_INT(mkdir(path, 0777), 0);
    CHECK_INT(below_unlink(check_tmpdir(), "dir", NULL), ERR_EXISTS);
    CHECK_INT(below_unlink(check_tmpdir(), "none", NULL), ERR_NOTFOUND);
}

TEST(below_prunes_from_the_inside_until_something_is_left) {
    char path[600];
    int fd = below_open(check_tmpdir(), "a/b/c/d", O_RDWR | O_CREAT, NULL);
    close(fd);
    fd = below_open(check_tmpdir(), "a/other", O_RDWR | O_CREAT, NULL);
    close(fd);
    below_prune(check_tmpdir(), "a/b/c/d");
    snprintf(path, sizeof path, "%s/a/b/c/d", check_tmpdir());
    CHECK_INT(access(path, F_OK), 0); /* it is not empty: d is there */
    CHECK_INT(below_unlink(check_tmpdir(), "a/b/c/d", NULL), 0);
    below_prune(check_tmpdir(), "a/b/c/d");
    snprintf(path, sizeof path, "%s/a/b", check_tmpdir());
    CHECK_INT(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/a/other", check_tmpdir());
    CHECK_INT(access(path, F_OK), 0);
}

TEST(below_shows_the_end_of_long_paths) {
    char out[BELOW_TEXT], dir[400], path[400];
    CHECK_STR(below_text(out, "down", "a/b"), "down/a/b");
    CHECK_STR(below_text(out, "down/", "a/b"), "down/a/b");
    CHECK_STR(below_text(out, "", "a/b"), "a/b");
    for (size_t d = 1; d < sizeof dir; d += 7) {
        for (size_t p = 1; p < sizeof path; p += 7) {
            memset(dir, 'd', d - 1), dir[d - 1] = '\0';
            memset(path, 'p', p), path[p - 1] = 'e', path[p] = '\0';
            below_text(out, dir, path);
            CHECK(strlen(out) < BELOW_TEXT);
            CHECK(strlen(out) == BELOW_TEXT - 1 || out[0] != '.' || strlen(out) > 150);
            CHECK_INT(out[strlen(out) - 1], 'e');
        }
    }
}
