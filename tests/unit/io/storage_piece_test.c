/* Pieces to disk and back: across files, over pads, with files that change under us. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include "storage_fixture.h"

TEST(storage_writes_pieces_across_files) {
    struct fixture f;
    fixture_open_standard(&f);
    fixture_write_all(&f);
    CHECK(fixture_is_whole(&f, "a"));
    CHECK(fixture_is_whole(&f, "dir/b"));
    CHECK(fixture_is_whole(&f, "dir/sub/c"));
    CHECK(fixture_is_whole(&f, "d"));
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    fixture_close(&f);
}

TEST(storage_never_writes_pads) {
    struct fixture f;
    fixture_open_standard(&f);
    fixture_write_all(&f);
    CHECK(!fixture_exists(&f, ".pad"));
    fixture_close(&f);
}

TEST(storage_reads_any_range) {
    struct fixture f;
    uint8_t *got = malloc(142773);
    fixture_open_standard(&f);
    fixture_write_all(&f);
    static const uint64_t begins[] = {0,     19999, 20000, 32767,
                                      32768, 72767, 72773, 142772};
    CHECK_INT(f.m->size, 142773);
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        uint64_t length = f.m->size - begins[i];
        memset(got, 0xEE, (size_t)length);
        CHECK_INT(fixture_read(&f, begins[i], (uint32_t)length, got), 0);
        CHECK_MEM(got, f.data + begins[i], (size_t)length);
    }
    free(got);
    fixture_close(&f);
}

TEST(storage_passes_over_runs_of_empty_files) {
    static const struct file_spec files[] = {
        {"e1", 0, 0, false},    {"e2", 0, 0, false}, {"a", 10000, 0, false},
        {"e3", 0, 0, false},    {"e4", 0, 0, true},  {"e5", 0, 0, false},
        {"b", 10000, 0, false}, {"e6", 0, 0, false}, {"e7", 0, 0, false}};
    struct fixture f;
    uint8_t got[20000];
    fixture_open(&f, files, COUNT_OF(files), PIECE, STORAGE_SPARSE);
    fixture_write_all(&f);
    CHECK_INT(fixture_read(&f, 0, 20000, got), 0);
    CHECK_MEM(got, f.data, 20000);
    CHECK(fixture_is_whole(&f, "b"));
    CHECK(!fixture_exists(&f, "e4"));
    fixture_close(&f);
}

TEST(storage_reads_nothing_at_the_end) {
    struct fixture f;
    uint8_t byte;
    fixture_open_standard(&f);
    CHECK_INT(fixture_read(&f, f.m->size, 0, &byte), 0);
    fixture_close(&f);
}

TEST(storage_refuses_ranges_outside_the_torrent) {
    struct fixture f;
    uint8_t bytes[4];
    fixture_open_standard(&f);
    struct range_read r = {.op.done = fixture_note_done, .data = bytes, .length = 4};
    const uint64_t offsets[] = {f.m->size - 3, f.m->size, UINT64_MAX, UINT64_MAX - 3};
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        r.offset = offsets[i];
        CHECK_INT(storage_read(f.s, &r), ERR_INVALID);
        CHECK_INT(storage_read_now(f.s, offsets[i], &(struct iovec){bytes, 4}, 1),
                  ERR_INVALID);
    }
    struct piece_write w = {.op.done = fixture_note_done, .piece = f.m->pieces};
    CHECK_INT(storage_write_piece(f.s, &w), ERR_INVALID);
    struct piece_check c = {.op.done = fixture_note_done, .piece = f.m->pieces};
    CHECK_INT(storage_check_piece(f.s, &c), ERR_INVALID);
    fixture_close(&f);
}

TEST(storage_writes_nothing_when_the_hash_differs) {
    struct fixture f;
    fixture_open_standard(&f);
    f.data[0] ^= 1;
    CHECK_INT(fixture_write(&f, 0), ERR_HASH);
    CHECK_STR(f.err.text, "piece 0 does not match its hash");
    CHECK(!fixture_exists(&f, "a"));
    fixture_close(&f);
}

TEST(storage_does_not_hash_verified_pieces_again) {
    struct fixture f;
    fixture_open_standard(&f);
    uint8_t *other = calloc(1, PIECE);
    struct piece_write w = {
        .op.done = fixture_note_done, .piece = 0, .data = other, .verified = true};
    CHECK_INT(storage_write_piece(f.s, &w), 0);
    fixture_run(&f, &w.op);
    CHECK_INT(w.op.status, 0);
    CHECK_INT(w.op.hash_nsec, 0);
    CHECK_INT(fixture_check(&f, 0), ERR_HASH);
    free(other);
    fixture_close(&f);
}

static off_t size_on_disk(const char *path) {
    struct stat st;
    return stat(path, &st) ? -1 : st.st_size;
}

TEST(storage_makes_sparse_files_as_long_as_they_will_be) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(fixture_write(&f, 5), 0);
    CHECK_INT(size_on_disk(fixture_path(&f, "d")), 70000);
    CHECK(!fixture_exists(&f, "a"));
    fixture_close(&f);
}

TEST(storage_never_truncates_a_longer_file) {
    struct fixture f;
    char *before = calloc(1, 30000);
    memset(before, 'x', 30000);
    fixture_open_standard(&f);
    put_file(fixture_path(&f, "a"), before, 30000);
    CHECK_INT(fixture_write(&f, 0), 0);
    CHECK_INT(fixture_write(&f, 1), 0);
    memcpy(before, f.data, 20000);
    CHECK(same_bytes(fixture_path(&f, "a"), before, 30000));
    free(before);
    fixture_close(&f);
}

TEST(storage_keeps_what_a_shorter_file_holds) {
    struct fixture f;
    fixture_open_standard(&f);
    put_file(fixture_path(&f, "a"), f.data, 17000);
    CHECK_INT(fixture_check(&f, 0), 0);
    CHECK_INT(fixture_write(&f, 1), 0);
    CHECK(fixture_is_whole(&f, "a"));
    fixture_close(&f);
}

TEST(storage_check_tells_missing_from_wrong) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(fixture_check(&f, 0), ERR_NOTFOUND);
    put_file(fixture_path(&f, "a"), "short", 5);
    CHECK_INT(fixture_check(&f, 0), ERR_NOTFOUND);
    CHECK_INT(fixture_write(&f, 0), 0);
    CHECK_INT(fixture_check(&f, 0), 0);
    CHECK_INT(fixture_check(&f, 1), ERR_HASH);
    fixture_close(&f);
}

TEST(storage_says_when_a_file_was_truncated) {
    struct fixture f;
    uint8_t got[100];
    fixture_open_standard(&f);
    fixture_write_all(&f);
    CHECK_INT(fixture_read(&f, 19900, 100, got), 0);
    CHECK_INT(truncate(fixture_path(&f, "a"), 19950), 0);
    CHECK_INT(fixture_read(&f, 19900, 100, got), ERR_IO);
    CHECK_STR(f.err.text, "t/a is shorter than it should be: check the torrent again");
    CHECK_INT(fixture_read(&f, 19900, 50, got), 0);
    CHECK_INT(fixture_check(&f, 1), ERR_NOTFOUND);
    fixture_close(&f);
}

TEST(storage_does_not_create_a_removed_file_anew) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(fixture_write(&f, 5), 0);
    CHECK_INT(unlink(fixture_path(&f, "d")), 0);
    for (int again = 0; again < 2; again++) {
        CHECK_INT(fixture_write(&f, 6), ERR_NOTFOUND);
        CHECK(strstr(f.err.text, "was removed or replaced while in use"));
        CHECK(!fixture_exists(&f, "d"));
    }
    fixture_close(&f);
}

TEST(storage_creates_a_removed_file_after_a_check) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(fixture_write(&f, 5), 0);
    CHECK_INT(unlink(fixture_path(&f, "d")), 0);
    CHECK_INT(fixture_write(&f, 6), ERR_NOTFOUND);
    CHECK_INT(fixture_check(&f, 5), ERR_NOTFOUND);
    CHECK_INT(fixture_write(&f, 6), 0);
    fixture_close(&f);
}

TEST(storage_creates_a_removed_file_after_a_prepare) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(fixture_write(&f, 5), 0);
    CHECK_INT(unlink(fixture_path(&f, "d")), 0);
    CHECK_INT(fixture_prepare(&f, NULL), 0);
    CHECK_INT(fixture_write(&f, 6), 0);
    fixture_close(&f);
}

TEST(storage_notices_a_replaced_file) {
    struct fixture f;
    fixture_open_standard(&f);
    CHECK_INT(fixture_write(&f, 5), 0);
    put_file(fixture_path(&f, "d"), "mine", 4); /* by renaming */
    CHECK_INT(fixture_write(&f, 6), ERR_NOTFOUND);
    CHECK(same_bytes(fixture_path(&f, "d"), "mine", 4));
    fixture_close(&f);
}

static int open_descriptors(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

TEST(storage_keeps_few_of_many_files_open) {
    struct fixture f;
    struct file_spec files[200];
    char names[200][16];
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "f%03d", i);
        files[i] = (struct file_spec){names[i], 400, 0, false};
    }
    fixture_open(&f, files, 200, PIECE, STORAGE_SPARSE);
    int before = open_descriptors();
    fixture_write_all(&f);
    CHECK_INT(fixture_count_good(&f), f.m->pieces);
    int more = open_descriptors() - before;
    CHECK(more > 0 && more <= STORAGE_MAX_OPEN + 8); /* the worker threads have some */
    fixture_close(&f);
}

/* Larger than the buffer of a check. */
TEST(storage_checks_huge_pieces_in_parts) {
    struct fixture f;
    static const struct file_spec files[] = {{"x", 20 << 20, 0, false},
                                             {"y", 15 << 20, 0, false}};
    fixture_open(&f, files, 2, 32 << 20, STORAGE_SPARSE);
    fixture_write_all(&f);
    CHECK_INT(fixture_count_good(&f), 2);
    int fd = open(fixture_path(&f, "x"), O_WRONLY);
    CHECK_INT(pwrite(fd, "!", 1, (20 << 20) - 1), 1);
    close(fd);
    CHECK_INT(fixture_check(&f, 0), ERR_HASH);
    fixture_close(&f);
}

/* ---- storage_read_now ---- */

static bool system_reads_now(const char *path) {
    uint8_t byte;
    int fd = open(path, O_RDONLY);
    struct iovec iov = {&byte, 1};
    struct statfs fs;
    bool can = preadv2(fd, &iov, 1, 0, RWF_NOWAIT) == 1 ||
               (fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC);
    close(fd);
    return can;
}

TEST(storage_reads_now_what_is_cached) {
    struct fixture f;
    uint8_t *got = calloc(1, 142773);
    fixture_open_standard(&f);
    fixture_write_all(&f);
    int want = system_reads_now(fixture_path(&f, "d")) ? 0 : ERR_AGAIN;
    struct iovec one = {got, 60000}, all = {got, 142773};
    CHECK_INT(storage_read_now(f.s, 80000, &one, 1), want);
    if (!want)
        CHECK_MEM(got, f.data + 80000, 60000);
    CHECK_INT(storage_read_now(f.s, 0, &all, 1), want);
    if (!want)
        CHECK_MEM(got, f.data, 142773);
    free(got);
    fixture_close(&f);
}

/* Many small targets, over file borders and a pad. */
TEST(storage_reads_now_into_many_places) {
    struct fixture f;
    enum { N = 400, LEN = 300 };
    uint8_t *got = calloc(N, LEN);
    struct iovec iov[N];
    fixture_open_standard(&f);
    fixture_write_all(&f);
    memset(got, 0xEE, N * LEN);
    for (int i = 0; i < N; i++)
        iov[i] = (struct iovec){got + i * LEN, LEN};
    int status = storage_read_now(f.s, 10, iov, N);
    CHECK_INT(status, system_reads_now(fixture_path(&f, "d")) ? 0 : ERR_AGAIN);
    if (!status)
        CHECK_MEM(got, f.data + 10, N * LEN);
    free(got);
    fixture_close(&f);
}

TEST(storage_reads_pads_now) {
    struct fixture f;
    uint8_t got[3000];
    fixture_open_standard(&f);
    fixture_write_all(&f);
    memset(got, 0xEE, sizeof got);
    struct iovec iov[2] = {{got, 1000}, {got + 1000, 2000}};
    CHECK_INT(storage_read_now(f.s, 20000, iov, 2), 0);
    CHECK_MEM(got, f.data + 20000, sizeof got);
    fixture_close(&f);
}

TEST(storage_leaves_unopened_files_to_a_job) {
    struct fixture f;
    uint8_t got[10];
    struct iovec iov = {got, 10};
    fixture_open_standard(&f);
    fixture_write_all(&f);
    fixture_reopen(&f);
    CHECK_INT(storage_read_now(f.s, 0, &iov, 1), ERR_AGAIN); /* nothing is known yet */
    CHECK_INT(fixture_read(&f, 0, 10, got), 0);
    CHECK_INT(storage_read_now(f.s, 80000, &iov, 1), ERR_AGAIN);
    fixture_close(&f);
}

TEST(storage_leaves_a_truncated_file_to_a_job) {
    struct fixture f;
    uint8_t got[100];
    struct iovec iov = {got, 100};
    fixture_open_standard(&f);
    fixture_write_all(&f);
    CHECK_INT(truncate(fixture_path(&f, "a"), 50), 0);
    CHECK_INT(storage_read_now(f.s, 0, &iov, 1), ERR_AGAIN);
    fixture_close(&f);
}
