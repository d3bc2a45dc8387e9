/* Whole files: old or new, never half; and directories on the way. */
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

static const char *in_tmp(char out[600], const char *name) {
    snprintf(out, 600, "%s/%s", check_tmpdir(), name);
    return out;
}

static int entries(const char *path) {
    int n = -2; /* "." and ".." */
    DIR *d = opendir(path);
    CHECK(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void check_holds(const char *path, const char *want) {
    uint8_t *data;
    size_t len;
    CHECK_INT(file_read_whole(path, 1000, &data, &len, NULL), 0);
    CHECK_INT(len, strlen(want));
    CHECK_STR((char *)data, want);
    free(data);
}

TEST(file_writes_and_reads_whole) {
    char path[600];
    in_tmp(path, "a/b/c");
    CHECK_INT(file_write_atomic(path, "hello", 5, NULL), 0);
    check_holds(path, "hello");
    CHECK_INT(file_write_atomic(path, "", 0, NULL), 0);
    check_holds(path, "");
}

TEST(file_leaves_no_temporary_behind) {
    char path[600], full[600];
    CHECK_INT(file_write_atomic(in_tmp(path, "one"), "1", 1, NULL), 0);
    CHECK_INT(file_write_atomic(path, "2", 1, NULL), 0);
    CHECK_INT(entries(check_tmpdir()), 1);
    CHECK_INT(mkdir(in_tmp(full, "dir"), 0777), 0); /* cannot be replaced by a file */
    struct err e = {0};
    CHECK_INT(file_write_atomic(full, "x", 1, &e), ERR_IO);
    CHECK(strstr(e.text, "cannot write "));
    CHECK_INT(entries(check_tmpdir()), 2);
}

TEST(file_keeps_the_old_contents_when_writing_fails) {
    char path[600];
    CHECK_INT(file_write_atomic(in_tmp(path, "old"), "old", 3, NULL), 0);
    if (geteuid() == 0)
        return; /* root writes everywhere */
    CHECK_INT(chmod(check_tmpdir(), 0555), 0);
    CHECK_INT(file_write_atomic(path, "new", 3, NULL), ERR_ACCESS);
    CHECK_INT(chmod(check_tmpdir(), 0755), 0);
    check_holds(path, "old");
}

TEST(file_refuses_to_read_more_than_wanted) {
    char path[600];
    uint8_t *data;
    size_t len;
    struct err e = {0};
    CHECK_INT(file_write_atomic(in_tmp(path, "f"), "12345", 5, NULL), 0);
    CHECK_INT(file_read_whole(path, 4, &data, &len, &e), ERR_LIMIT);
    CHECK(strstr(e.text, "is larger than 4 bytes"));
    CHECK_INT(file_read_whole(path, 5, &data, &len, &e), 0);
    CHECK_INT(len, 5);
    free(data);
}

TEST(file_reads_files_that_know_no_size) {
    uint8_t *data;
    size_t len;
    CHECK_INT(file_read_whole("/proc/self/status", 1 << 20, &data, &len, NULL), 0);
    CHECK(len > 100);
    free(data);
    CHECK_INT(file_read_whole("/dev/zero", 100000, &data, &len, NULL), ERR_LIMIT);
}

TEST(file_says_what_cannot_be_read) {
    char path[600];
    uint8_t *data;
    size_t len;
    struct err e = {0};
    CHECK_INT(file_read_whole(in_tmp(path, "none"), 10, &data, &len, &e), ERR_NOTFOUND);
    CHECK(strstr(e.text, "/none: No such file or directory"));
    CHECK_INT(file_read_whole(check_tmpdir(), 10, &data, &len, &e), ERR_IO);
    CHECK(strstr(e.text, "Is a directory"));
}

TEST(file_makes_directories) {
    char path[600];
    CHECK_INT(file_make_dirs(in_tmp(path, "x//y/z/"), NULL), 0);
    CHECK_INT(file_make_dirs(path, NULL), 0);
    CHECK_INT(rmdir(in_tmp(path, "x/y/z")), 0);
}

TEST(file_says_that_a_file_is_in_the_way) {
    char path[600];
    struct err e = {0};
    CHECK_INT(file_write_atomic(in_tmp(path, "f"), "", 0, NULL), 0);
    CHECK_INT(file_make_dirs(path, &e), ERR_EXISTS);
    CHECK(strstr(e.text, "/f: a file is there"));
    CHECK_INT(file_make_dirs(in_tmp(path, "f/g"), &e), ERR_EXISTS);
}

TEST(file_moves_bytes_at_offsets) {
    char path[600], got[6] = {0};
    int fd = open(in_tmp(path, "f"), O_RDWR | O_CREAT, 0666);
    CHECK_INT(file_write_at(fd, "hello", 5, 3), 0);
    CHECK_INT(file_read_at(fd, got, 5, 3), 0);
    CHECK_STR(got, "hello");
    CHECK_INT(file_read_at(fd, got, 5, 4), ERR_EOF);
    close(fd);
    fd = open("/dev/full", O_WRONLY);
    CHECK_INT(file_write_at(fd, "x", 1, 0), ERR_NOSPACE);
    close(fd);
}
