/* metainfo_write: canonical bytes, and what is written is what the parser reads. */
#include "codec/metainfo_write.h"

#include "codec/metainfo.h"
#include "support/check.h"

static const uint8_t hashes[] = "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb";
static const struct metainfo_draft_file one[] = {{"ignored", 20, 0}};
static const struct metainfo_draft_file many[] = {
    {"a", 10, FILE_EXECUTABLE}, {".pad/6", 6, FILE_PAD}, {"d/b", 4, 0}};

static const struct metainfo_draft single = {.name = "f",
                                             .files = one,
                                             .file_count = 1,
                                             .piece_length = 16,
                                             .hashes = hashes,
                                             .pieces = 2};
static const struct metainfo_draft multi = {.name = "t",
                                            .multi = true,
                                            .files = many,
                                            .file_count = 3,
                                            .piece_length = 16,
                                            .hashes = hashes,
                                            .pieces = 2};

#define PIECES "6:pieces40:aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb"

static void expect_written(const struct metainfo_draft *d, const char *want) {
    struct text t;
    text_init(&t);
    CHECK_INT(metainfo_write(&t, d, NULL), 0);
    CHECK_STR(t.data, want);
    text_free(&t);
}

TEST(metainfo_write_single_file) {
    expect_written(&single,
                   "d4:infod6:lengthi20e4:name1:f12:piece lengthi16e" PIECES "ee");
}

TEST(metainfo_write_many_files) {
    expect_written(&multi, "d4:infod5:filesl"
                           "d4:attr1:x6:lengthi10e4:pathl1:aee"
                           "d4:attr1:p6:lengthi6e4:pathl4:.pad1:6ee"
                           "d6:lengthi4e4:pathl1:d1:bee"
                           "e4:name1:t12:piece lengthi16e" PIECES "ee");
}

TEST(metainfo_write_keeps_keys_sorted) {
    static const char *const trackers[] = {"http://a", "udp://b", NULL};
    static const char *const seeds[] = {"http://w", NULL};
    struct metainfo_draft d = single;
    d.trackers = trackers, d.webseeds = seeds;
    d.comment = "c", d.created_by = "m", d.source = "s";
    d.creation_date = 7, d.private = true;
    expect_written(&d, "d8:announce8:http://a13:announce-listll8:http://ael7:udp://bee"
                       "7:comment1:c10:created by1:m13:creation datei7e"
                       "4:infod6:lengthi20e4:name1:f12:piece lengthi16e" PIECES
                       "7:privatei1e6:source1:se8:url-listl8:http://wee");
}

TEST(metainfo_write_is_read_back) {
    static const char *const trackers[] = {"http://a", NULL};
    struct metainfo_draft d = multi;
    struct metainfo *m;
    struct text t;
    d.trackers = trackers;
    text_init(&t);
    CHECK_INT(metainfo_write(&t, &d, NULL), 0);
    CHECK_INT(metainfo_parse(&m, (const uint8_t *)t.data, t.len, NULL), 0);
    CHECK_STR(m->tiers[0].urls[0], "http://a");
    CHECK_INT(m->file_count, 3);
    CHECK_STR(m->files[2].path, "t/d/b");
    CHECK_INT(m->files[1].flags, FILE_PAD);
    CHECK_INT(m->renamed_count, 0);
    CHECK_MEM(metainfo_hash(m, 1), hashes + 20, 20);
    metainfo_drop(m);
    text_free(&t);
}

static void expect_refused(const struct metainfo_draft *d, int code) {
    struct text t;
    struct err e = {0};
    text_init(&t);
    CHECK_INT(metainfo_write(&t, d, &e), code);
    CHECK(e.text[0]);
    CHECK_INT(t.len, 0);
    text_free(&t);
}

TEST(metainfo_write_refuses_names_that_lead_elsewhere) {
    static const char *const names[] = {NULL, "", ".", "..", "a/b", "/"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct metainfo_draft d = single;
        d.name = names[i];
        expect_refused(&d, ERR_INVALID);
    }
}

TEST(metainfo_write_refuses_paths_that_lead_elsewhere) {
    static const char *const paths[] = {"", "/a", "a/", "a//b", "../a", "a/./b", "a/.."};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct metainfo_draft_file file = {paths[i], 20, 0};
        struct metainfo_draft d = multi;
        d.files = &file, d.file_count = 1;
        expect_refused(&d, ERR_INVALID);
    }
}

TEST(metainfo_write_refuses_counts_that_do_not_match) {
    struct metainfo_draft d = single;
    d.pieces = 1;
    expect_refused(&d, ERR_INVALID);
    d = single, d.piece_length = 0;
    expect_refused(&d, ERR_INVALID);
    d = single, d.file_count = 0;
    expect_refused(&d, ERR_INVALID);
}

TEST(metainfo_write_refuses_sizes_that_overflow) {
    static const struct metainfo_draft_file files[] = {{"a", INT64_MAX, 0}, {"b", 1, 0}};
    struct metainfo_draft d = multi;
    d.files = files, d.file_count = 2;
    expect_refused(&d, ERR_LIMIT);
}

TEST(metainfo_write_refuses_too_many_pieces) {
    static const struct metainfo_draft_file files[] = {{"a", 2000001, 0}};
    struct metainfo_draft d = multi;
    d.files = files, d.file_count = 1, d.piece_length = 1;
    expect_refused(&d, ERR_LIMIT);
}

TEST(metainfo_piece_length_suits_the_size) {
    static const struct {
        uint64_t size;
        uint32_t length;
    } rows[] = {{0, 16 << 10},         {1 << 20, 16 << 10},   {100 << 20, 128 << 10},
                {1ull << 30, 1 << 20}, {4ull << 30, 4 << 20}, {100ull << 30, 16 << 20},
                {UINT64_MAX, 16 << 20}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_INT(metainfo_choose_piece_length(rows[i].size), rows[i].length);
}

TEST(natural_compare_orders_as_people_do) {
    static const char *const sorted[] = {
        "",         "1",     "2",      "10",       "a",      "a1b1",  "a1b2",
        "a1b10",    "a2",    "Ep 2",   "ep 2",     "ep 02x", "ep 10", "file",
        "File.txt", "file1", "file09", "file10.a", "z"};
    for (size_t i = 0; i < COUNT_OF(sorted); i++)
        for (size_t j = 0; j < COUNT_OF(sorted); j++) {
            int order = natural_compare(sorted[i], sorted[j]);
            if ((order > 0) - (order < 0) != (i > j) - (i < j))
                check_fail(__FILE__, __LINE__, "\"%s\" and \"%s\"", sorted[i], sorted[j]);
        }
}

TEST(metainfo_write_says_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct text t;
        text_init(&t);
        int rc = metainfo_write(&t, &multi, NULL);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        text_free(&t);
    }
}
