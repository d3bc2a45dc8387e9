/* From files to a .torrent, judged by our own parser and by hashing the files again. */
#include "engine/create.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/metainfo.h"
#include "io/file.h"
#include "support/check.h"

static const char *in_tmp(const char *name) {
    static char path[2][700]; /* two at once are enough */
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", check_tmpdir(), name);
    return path[turn];
}

/* `len` bytes that differ from file to file. */
static void put(const char *name, size_t len) {
    uint8_t *data = malloc(len + 1);
    uint32_t x = (uint32_t)len;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (uint8_t)(x >> 24);
    }
    CHECK_INT(file_write_atomic(in_tmp(name), data, len, NULL), 0);
    free(data);
}

static int create(const struct create_options *o, struct metainfo **m, struct err *e) {
    struct text out;
    *m = NULL;
    text_init(&out);
    int status = create_torrent(o, &out, e);
    if (!status)
        CHECK_INT(metainfo_parse(m, (const uint8_t *)out.data, out.len, NULL), 0);
    else
        CHECK_INT(out.len, 0);
    text_free(&out);
    return status;
}

static struct metainfo *create_or_fail(const struct create_options *o) {
    struct metainfo *m;
    struct err e = {0};
    if (create(o, &m, &e) < 0)
        check_fail(__FILE__, __LINE__, "%s", e.text);
    return m;
}

/* The files below `directory`, joined and hashed anew. */
static void check_hashes(const struct metainfo *m, const char *directory) {
    uint8_t *all = calloc(1, (size_t)m->size), digest[SHA1_LEN];
    for (uint32_t i = 0; i < m->file_count; i++) {
        char path[1500];
        uint8_t *data;
        size_t len;
        if (m->files[i].flags & FILE_PAD)
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, m->files[i].path);
        CHECK_INT(file_read_whole(path, SIZE_MAX, &data, &len, NULL), 0);
        CHECK_INT(len, m->files[i].length);
        memcpy(all + m->files[i].offset, data, len);
        free(data);
    }
    for (uint32_t i = 0; i < m->pieces; i++) {
        CHECK_INT(
            sha1(digest, all + (size_t)i * m->piece_length, metainfo_piece_size(m, i)),
            0);
        CHECK_MEM(digest, metainfo_hash(m, i), SHA1_LEN);
    }
    free(all);
}

TEST(create_from_a_single_file) {
    put("movie.mkv", 100000);
    struct metainfo *m =
        create_or_fail(&(struct create_options){.path = in_tmp("movie.mkv")});
    CHECK(!m->multi);
    CHECK_STR(m->name, "movie.mkv");
    CHECK_INT(m->size, 100000);
    CHECK_INT(m->piece_length, 16384);
    check_hashes(m, check_tmpdir());
    metainfo_drop(m);
}

TEST(create_from_a_folder_in_natural_order) {
    put("f/part 10", 30000);
    put("f/part 2", 20000);
    put("f/empty", 0);
    put("f/sub/x", 1);
    put("f/Alpha", 5);
    struct metainfo *m = create_or_fail(&(struct create_options){.path = in_tmp("f/")});
    static const char *const want[] = {"f/Alpha", "f/empty", "f/part 2", "f/part 10",
                                       "f/sub/x"};
    CHECK(m->multi);
    CHECK_STR(m->name, "f");
    CHECK_INT(m->file_count, COUNT_OF(want));
    for (uint32_t i = 0; i < m->file_count; i++)
        CHECK_STR(m->files[i].path, want[i]);
    check_hashes(m, check_tmpdir());
    metainfo_drop(m);
}

TEST(create_hashes_many_pieces) {
    put("big", 3000001);
    struct create_options o = {.path = in_tmp("big"), .piece_length = 16384};
    struct metainfo *m = create_or_fail(&o);
    CHECK_INT(m->pieces, 184);
    check_hashes(m, check_tmpdir());
    metainfo_drop(m);
}

TEST(create_aligns_files_with_pads) {
    put("f/a", 20000);
    put("f/b", 0);
    put("f/c", 32768);
    put("f/d", 20000);
    put("f/e", 100);
    struct create_options o = {.path = in_tmp("f"), .piece_length = 16384, .align = true};
    struct metainfo *m = create_or_fail(&o);
    uint32_t pads = 0;
    for (uint32_t i = 0; i < m->file_count; i++) {
        pads += !!(m->files[i].flags & FILE_PAD);
        if (m->files[i].length && !(m->files[i].flags & FILE_PAD))
            CHECK_INT(m->files[i].offset % 16384, 0);
    }
    CHECK_INT(pads, 2); /* c ends with a piece, and nothing follows e */
    check_hashes(m, check_tmpdir());
    metainfo_drop(m);
}

TEST(create_writes_what_it_is_told) {
    static const char *const trackers[] = {"http://a.example/announce",
                                           "udp://b.example:6969", NULL};
    static const char *const webseeds[] = {"https://c.example/f", NULL};
    put("x", 10);
    struct create_options o = {.path = in_tmp("x"),
                               .name = "other",
                               .private = true,
                               .trackers = trackers,
                               .webseeds = webseeds,
                               .comment = "a comment",
                               .created_by = "mare",
                               .creation_date = 1234567890};
    struct metainfo *m = create_or_fail(&o);
    CHECK_STR(m->name, "other");
    CHECK(m->private);
    CHECK_INT(m->tier_count, 2);
    CHECK_STR(m->tiers[0].urls[0], trackers[0]);
    CHECK_STR(m->tiers[1].urls[0], trackers[1]);
    CHECK_INT(m->webseed_count, 1);
    CHECK_STR(m->webseeds[0], webseeds[0]);
    CHECK_STR(m->comment, "a comment");
    CHECK_STR(m->created_by, "mare");
    CHECK_INT(m->creation_date, 1234567890);
    metainfo_drop(m);
}

TEST(create_source_changes_the_info_hash) {
    put("x", 10);
    struct create_options o = {.path = in_tmp("x")};
    struct metainfo *one = create_or_fail(&o);
    o.source = "SITE";
    struct metainfo *two = create_or_fail(&o);
    CHECK(memcmp(one->info_hash, two->info_hash, SHA1_LEN));
    metainfo_drop(one);
    metainfo_drop(two);
}

/* ---- what is left out ---- */

struct notes {
    char text[2000];
};

static void note(void *ctx, const char *sentence) {
    struct notes *n = ctx;
    strncat(n->text, sentence, sizeof n->text - strlen(n->text) - 1);
    strncat(n->text, "\n", sizeof n->text - strlen(n->text) - 1);
}

TEST(create_leaves_out_hidden_files_and_links) {
    struct notes n = {{0}};
    put("secret/key", 10);
    put("f/a", 10);
    put("f/.hidden/b", 10);
    put("f/.c", 10);
    CHECK_INT(symlink(in_tmp("secret"), in_tmp("f/dir-link")), 0);
    CHECK_INT(symlink(in_tmp("secret/key"), in_tmp("f/file-link")), 0);
    CHECK_INT(symlink("..", in_tmp("f/loop")), 0);
    CHECK_INT(mkfifo(in_tmp("f/pipe"), 0666), 0);
    struct create_options o = {.path = in_tmp("f"), .note = note, .ctx = &n};
    struct metainfo *m = create_or_fail(&o);
    CHECK_INT(m->file_count, 1);
    CHECK_STR(n.text, "left out .c: it is hidden\n"
                      "left out .hidden: it is hidden\n"
                      "left out dir-link: it is a link\n"
                      "left out file-link: it is a link\n"
                      "left out loop: it is a link\n"
                      "left out pipe: it is not a regular file\n");
    metainfo_drop(m);
}

TEST(create_follows_the_link_that_the_user_named) {
    put("f/a", 10);
    CHECK_INT(symlink("f", in_tmp("link")), 0);
    struct metainfo *m = create_or_fail(&(struct create_options){.path = in_tmp("link")});
    CHECK_STR(m->name,
              "f"); /* as it is called where it is: it can be seeded from there */
    metainfo_drop(m);
}

/* ---- what it refuses ---- */

static void check_refusal(const struct create_options *o, int code, const char *words) {
    struct metainfo *m;
    struct err e = {0};
    CHECK_INT(create(o, &m, &e), code);
    CHECK_INT(e.code, code);
    if (!strstr(e.text, words))
        check_fail(__FILE__, __LINE__, "\"%s\" does not say \"%s\"", e.text, words);
}

TEST(create_refuses_odd_piece_lengths) {
    static const uint32_t bad[] = {1, 8192, 16385, 24576, 33554432, UINT32_MAX};
    put("x", 10);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_refusal(
            &(struct create_options){.path = in_tmp("x"), .piece_length = bad[i]},
            ERR_INVALID, "power of two");
}

TEST(create_takes_every_proper_piece_length) {
    put("x", 100000);
    for (uint32_t n = 16384; n <= 16777216; n *= 2) {
        struct create_options o = {.path = in_tmp("x"), .piece_length = n};
        struct metainfo *m = create_or_fail(&o);
        CHECK_INT(m->piece_length, n);
        check_hashes(m, check_tmpdir());
        metainfo_drop(m);
    }
}

TEST(create_refuses_nothing_to_share) {
    CHECK_INT(mkdir(in_tmp("empty"), 0777), 0);
    check_refusal(&(struct create_options){.path = in_tmp("empty")}, ERR_INVALID,
                  "/empty holds no files");
    put("zero", 0);
    check_refusal(&(struct create_options){.path = in_tmp("zero")}, ERR_INVALID,
                  "all files are empty");
    check_refusal(&(struct create_options){.path = in_tmp("none")}, ERR_NOTFOUND,
                  "/none: No such file or directory");
    check_refusal(&(struct create_options){.path = "/dev/null"}, ERR_INVALID,
                  "neither a file nor a folder");
}

TEST(create_refuses_other_addresses) {
    static const char *const ftp[] = {"ftp://a.example/", NULL};
    static const char *const udp[] = {"udp://a.example:80", NULL};
    put("x", 10);
    check_refusal(&(struct create_options){.path = in_tmp("x"), .trackers = ftp},
                  ERR_INVALID, "ftp://a.example/ is not a tracker's address");
    check_refusal(&(struct create_options){.path = in_tmp("x"), .webseeds = udp},
                  ERR_INVALID, "udp://a.example:80 is not a web seed's address");
}

/* A torrent that names them could not be seeded from these very files. */
TEST(create_refuses_names_that_would_be_stored_otherwise) {
    put("f/back\\slash", 10);
    check_refusal(&(struct create_options){.path = in_tmp("f")}, ERR_INVALID, "rename");
    put("g/\xff\xfe", 10);
    check_refusal(&(struct create_options){.path = in_tmp("g")}, ERR_INVALID, "rename");
}

TEST(create_refuses_a_bottomless_folder) {
    char path[300];
    size_t len = (size_t)snprintf(path, sizeof path, "f");
    for (int i = 0; i < 110; i++)
        len += (size_t)snprintf(path + len, sizeof path - len, "/d");
    CHECK_INT(file_make_dirs(in_tmp(path), NULL), 0);
    check_refusal(&(struct create_options){.path = in_tmp("f")}, ERR_LIMIT, "nested");
}

/* ---- while it works ---- */

struct watcher {
    uint64_t done, total, calls, stop_at;
    const char *change; /* a file that grows when half is done */
};

static bool watch(void *ctx, uint64_t done, uint64_t total) {
    struct watcher *w = ctx;
    CHECK(done >= w->done && done <= total);
    w->done = done;
    w->total = total;
    w->calls++;
    if (w->change && done >= total / 2) {
        int fd = open(w->change, O_WRONLY | O_APPEND);
        CHECK_INT(write(fd, "more", 4), 4);
        close(fd);
        w->change = NULL;
    }
    return !w->stop_at || done < w->stop_at;
}

TEST(create_reports_progress) {
    struct watcher w = {0};
    put("x", 1000000);
    struct create_options o = {
        .path = in_tmp("x"), .piece_length = 65536, .progress = watch, .ctx = &w};
    metainfo_drop(create_or_fail(&o));
    CHECK_INT(w.done, 1000000);
    CHECK_INT(w.total, 1000000);
    CHECK_INT(w.calls, 17); /* one before the first of 16 pieces */
}

TEST(create_can_be_canceled) {
    put("x", 3000000);
    for (uint64_t at = 1; at < 3000000; at += 1000000) {
        struct watcher w = {.stop_at = at};
        check_refusal(
            &(struct create_options){
                .path = in_tmp("x"), .piece_length = 16384, .progress = watch, .ctx = &w},
            ERR_CANCELED, "canceled");
        CHECK(w.done < 3000000);
    }
}

TEST(create_notices_a_file_that_changes) {
    char path[700];
    put("f/a", 1000000);
    put("f/b", 1000000);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s", in_tmp(i ? "f/b" : "f/a"));
        struct watcher w = {.change = path};
        check_refusal(
            &(struct create_options){
                .path = in_tmp("f"), .piece_length = 16384, .progress = watch, .ctx = &w},
            ERR_IO, "changed while it was read");
    }
}

/* What the loop itself needs is libuv's, and never fails here. */
TEST(create_survives_a_lack_of_memory) {
    put("f/a", 20000);
    put("f/b/c", 20000);
    const char *path = in_tmp("f");
    CHECK_EACH_NOMEM(n) {
        struct text out;
        struct err e = {0};
        text_init(&out);
        struct create_options o = {.path = path, .align = true};
        int status = create_torrent(&o, &out, &e);
        CHECK_INT(status, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(e.code, status);
        CHECK_INT(out.len > 0, status == 0);
        text_free(&out);
    }
}
