/* A file is lent for sending where sending it waits for nothing: in its place, as long as it should be,
 * and in the page cache. */
#include <fcntl.h>
#include <sys/mman.h>

#include "storage_fixture.h"

#define FILE_LEN (8u * PIECE)

static const struct file_spec one[] = {{"a", FILE_LEN, 0, false}};

static int lend(struct fixture *f, uint32_t file, uint64_t offset, uint64_t length,
                uint8_t *to) {
    struct storage_lend l = {
        .op.done = fixture_note_done, .file = file, .offset = offset, .length = length};
    CHECK_INT(storage_lend(f->s, &l), 0);
    fixture_run(f, &l.op);
    CHECK_INT(l.fd >= 0, l.op.status == 0);
    if (to && l.fd >= 0)
        CHECK_INT(pread(l.fd, to, length, (off_t)offset), length);
    storage_give_back(&l);
    CHECK_INT(l.fd, -1);
    return l.op.status;
}

/* False on a file system that is nothing but a cache. */
static bool forget(struct fixture *f) {
    unsigned char here;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = open(fixture_path(f, "a"), O_RDONLY);
    CHECK_INT(fsync(fd), 0);
    CHECK_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    void *map = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
    CHECK_INT(mincore(map, page, &here), 0);
    munmap(map, page);
    close(fd);
    return !(here & 1);
}

/* Reads a page, and not those behind it, too. */
static void warm(struct fixture *f, uint64_t offset) {
    char byte;
    int fd = open(fixture_path(f, "a"), O_RDONLY);
    CHECK_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
    CHECK_INT(pread(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

TEST(storage_lends_what_is_in_the_page_cache) {
    struct fixture f;
    uint8_t got[FILE_LEN];
    fixture_open(&f, one, 1, PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    CHECK_INT(lend(&f, 0, 0, FILE_LEN, got), 0);
    CHECK_MEM(got, f.data, FILE_LEN);
    CHECK_INT(lend(&f, 0, 12345, 54321, got), 0);
    CHECK_MEM(got, f.data + 12345, 54321);
    fixture_close(&f);
}

TEST(storage_lends_nothing_that_a_disk_would_be_waited_for) {
    struct fixture f;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    fixture_open(&f, one, 1, PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    if (forget(&f)) {
        CHECK_INT(lend(&f, 0, 0, FILE_LEN, NULL), ERR_AGAIN);
        warm(&f, 2 * page);
        CHECK_INT(lend(&f, 0, 2 * page, page, NULL), 0);
        CHECK_INT(lend(&f, 0, 2 * page + 5, page - 5, NULL), 0);
        CHECK_INT(lend(&f, 0, 2 * page - 1, 2, NULL), ERR_AGAIN);
        CHECK_INT(lend(&f, 0, 3 * page - 1, 2, NULL), ERR_AGAIN);
    }
    fixture_close(&f);
}

/* Of somebody else's file nobody tells us what is in memory. */
TEST(storage_lends_no_file_of_another_user) {
    struct fixture f;
    fixture_open(&f, one, 1, PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    if (geteuid() == 0) {
        CHECK_INT(chown(fixture_path(&f, "a"), 12345, 12345), 0);
        CHECK_INT(lend(&f, 0, 0, FILE_LEN, NULL), ERR_AGAIN);
    }
    fixture_close(&f);
}

TEST(storage_lends_no_file_that_is_too_short) {
    struct fixture f;
    fixture_open(&f, one, 1, PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    CHECK_INT(truncate(fixture_path(&f, "a"), 2 * PIECE), 0);
    CHECK_INT(lend(&f, 0, 0, 2 * PIECE, NULL), 0);
    CHECK_INT(lend(&f, 0, 1, 2 * PIECE, NULL), ERR_EOF);
    fixture_close(&f);
}

TEST(storage_lends_no_file_without_a_place) {
    static const struct file_spec files[] = {
        {"a", 20000, 0, false}, {".pad/1", 12768, FILE_PAD, false}, {"b", 9, 0, true}};
    struct fixture f;
    fixture_open(&f, files, COUNT_OF(files), PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    CHECK_INT(lend(&f, 0, 0, 20000, NULL), 0);
    CHECK_INT(lend(&f, 1, 0, 1, NULL), ERR_UNSUPPORTED);
    CHECK_INT(lend(&f, 2, 0, 9, NULL), ERR_UNSUPPORTED);
    fixture_close(&f);
}
