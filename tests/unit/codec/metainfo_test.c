/* metainfo: torrents as they should be, and as somebody with a grudge writes them.
 *
 * A test gives the members of the info dictionary without `pieces`, and how many hashes to
 * add; what stands around the dictionary can be given too. */
#include "codec/metainfo.h"

#include "support/check.h"

#define SINGLE "4:name1:f6:lengthi10e12:piece lengthi4e"
#define MULTI "4:name1:t12:piece lengthi4e5:files"
#define A_FILE(path) "d6:lengthi4e4:path" path "e"

static void add_info(struct text *t, const char *members, size_t len, uint32_t pieces) {
    text_addc(t, 'd');
    text_add(t, members, len);
    text_addf(t, "6:pieces%u:", 20 * pieces);
    for (uint32_t i = 0; i < 20 * pieces; i++)
        text_addc(t, (char)i);
    text_addc(t, 'e');
}

/* The result of parsing; *m must be dropped if it is 0. */
static int parse_with(struct metainfo **m, const char *around, const char *members,
                      size_t len, uint32_t pieces, struct err *e) {
    struct text t;
    text_init(&t);
    text_addf(&t, "d%s4:info", around);
    add_info(&t, members, len, pieces);
    text_addc(&t, 'e');
    int rc = metainfo_parse(m, check_at_page_end(t.data, t.len), t.len, e);
    text_free(&t);
    return rc;
}

#define PARSE(m, members, pieces) \
    CHECK_INT(parse_with(m, "", members, sizeof(members) - 1, pieces, NULL), 0)

static void refused(int line, const char *members, size_t len, uint32_t pieces, int code,
                    const char *sentence) {
    struct metainfo *m = NULL;
    struct err e = {0};
    int rc = parse_with(&m, "", members, len, pieces, &e);
    if (rc != code || strcmp(e.text, sentence) != 0)
        check_fail(__FILE__, line, "gives %d \"%s\", expected %d", rc, e.text, code);
    CHECK(!m);
}

#define REFUSED(members, pieces, code, sentence) \
    refused(__LINE__, members, sizeof(members) - 1, pieces, code, sentence)

/* -- what is read ---------------------------------------------------------------------- */

TEST(metainfo_reads_a_single_file) {
    struct metainfo *m;
    PARSE(&m, SINGLE "7:privatei1e", 3);
    CHECK_STR(m->name, "f");
    CHECK(!m->multi && m->private);
    CHECK_INT(m->file_count, 1);
    CHECK_STR(m->files[0].path, "f");
    CHECK_INT(m->files[0].length, 10);
    CHECK_INT(m->size, 10);
    CHECK_INT(m->pieces, 3);
    CHECK_INT(m->piece_length, 4);
    CHECK_INT(m->renamed_count, 0);
    CHECK_INT(metainfo_piece_size(m, 0), 4);
    CHECK_INT(metainfo_piece_size(m, 2), 2);
    CHECK_INT(metainfo_hash(m, 2)[0], 40);
    metainfo_drop(m);
}

TEST(metainfo_reads_many_files) {
    struct metainfo *m;
    PARSE(&m,
          MULTI
          "ld6:lengthi3e4:pathl1:aeed6:lengthi0e4:pathl1:d1:beed6:lengthi6e4:pathl1:d1:c"
          "eee",
          3);
    CHECK(m->multi && !m->private);
    CHECK_INT(m->file_count, 3);
    CHECK_STR(m->files[0].path, "t/a");
    CHECK_STR(m->files[1].path, "t/d/b");
    CHECK_STR(m->files[2].path, "t/d/c");
    CHECK_INT(m->files[1].offset, 3);
    CHECK_INT(m->files[2].offset, 3);
    CHECK_INT(m->size, 9);
    metainfo_drop(m);
}

TEST(metainfo_info_hash_is_over_the_raw_dictionary) {
    struct metainfo *m;
    uint8_t want[SHA1_LEN];
    PARSE(&m, SINGLE, 3);
    CHECK_INT(sha1(want, m->info, m->info_len), 0);
    CHECK_MEM(m->info_hash, want, SHA1_LEN);
    CHECK_MEM(m->info, "d" SINGLE, sizeof SINGLE);
    CHECK_INT(m->info[m->info_len - 1], 'e');
    CHECK(m->hashes > m->info && m->hashes + 60 < m->info + m->info_len);
    metainfo_drop(m);
}

TEST(metainfo_info_alone_gives_the_same_torrent) {
    struct metainfo *whole, *alone;
    PARSE(&whole, SINGLE, 3);
    CHECK_INT(metainfo_parse_info(&alone, check_at_page_end(whole->info, whole->info_len),
                                  whole->info_len, NULL),
              0);
    CHECK_MEM(alone->info_hash, whole->info_hash, SHA1_LEN);
    CHECK_INT(alone->tier_count, 0);
    metainfo_drop(whole);
    metainfo_drop(alone);
}

TEST(metainfo_is_counted) {
    struct metainfo *m;
    PARSE(&m, SINGLE, 3);
    CHECK(metainfo_hold(m) == m);
    metainfo_drop(m);
    CHECK_STR(m->name, "f");
    metainfo_drop(m);
    metainfo_drop(NULL);
}

TEST(metainfo_file_at_skips_empty_files) {
    struct metainfo *m;
    PARSE(&m,
          MULTI
          "ld6:lengthi0e4:pathl1:aeed6:lengthi3e4:pathl1:beed6:lengthi0e4:pathl1:cee"
          "d6:lengthi5e4:pathl1:deed6:lengthi0e4:pathl1:eeee",
          2);
    static const uint32_t want[] = {1, 1, 1, 3, 3, 3, 3, 3};
    for (uint64_t offset = 0; offset < 8; offset++)
        CHECK_INT(metainfo_file_at(m, offset), want[offset]);
    metainfo_drop(m);
}

TEST(metainfo_file_pieces_are_those_with_its_bytes) {
    struct metainfo *m;
    static const uint32_t want[][2] = {{0, 1}, {0, 0}, {0, 3}, {2, 3}};
    PARSE(&m,
          MULTI
          "ld6:lengthi3e4:pathl1:aeed6:lengthi0e4:pathl1:beed6:lengthi6e4:pathl1:cee"
          "d6:lengthi3e4:pathl1:deee",
          3);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t first, end;
        metainfo_file_pieces(m, i, &first, &end);
        CHECK_INT(first, want[i][0]);
        CHECK_INT(end, want[i][1]);
    }
    metainfo_drop(m);
}

TEST(metainfo_utf8_names_are_preferred_when_valid) {
    struct metainfo *m;
    PARSE(&m,
          "4:name1:x10:name.utf-82:\xc3\xa9"
          "12:piece lengthi4e5:files"
          "ld6:lengthi4e4:pathl1:xe10:path.utf-8l2:\xc3\xa8"
          "ee"
          "d6:lengthi4e4:pathl1:ye10:path.utf-8l2:\xff\xff"
          "eee",
          2);
    CHECK_STR(m->files[0].path, "\xc3\xa9/\xc3\xa8");
    CHECK_STR(m->files[1].path, "\xc3\xa9/y");
    metainfo_drop(m);
}

TEST(metainfo_utf8_name_of_the_wrong_type_is_ignored) {
    struct metainfo *m;
    PARSE(&m,
          "4:name1:x10:name.utf-8l1:ye12:piece lengthi4e5:files"
          "ld6:lengthi4e4:pathl1:ae10:path.utf-81:bee",
          1);
    CHECK_STR(m->files[0].path, "x/a");
    metainfo_drop(m);
}

TEST(metainfo_without_a_name_is_named_by_its_hash) {
    struct metainfo *m;
    char hex[2 * SHA1_LEN + 1];
    PARSE(&m, "6:lengthi4e12:piece lengthi4e", 1);
    hex_encode(hex, m->info_hash, SHA1_LEN);
    CHECK_STR(m->name, hex);
    metainfo_drop(m);
}

TEST(metainfo_reads_attributes) {
    struct metainfo *m;
    PARSE(&m,
          MULTI "ld4:attr1:x6:lengthi1e4:pathl1:aee"
                "d4:attr1:p6:lengthi3e4:pathl4:.pad1:3ee"
                "d4:attr2:hx6:lengthi1e4:pathl1:bee"
                "d4:attr1:p6:lengthi3e4:pathl4:.pad1:3ee"
                "d4:attr1:l4:pathl1:ce12:symlink pathl1:aee"
                "d6:lengthi1e4:pathl20:_____padding_file_0_eee",
          3);
    static const uint32_t want[] = {
        FILE_EXECUTABLE, FILE_PAD,     FILE_HIDDEN | FILE_EXECUTABLE,
        FILE_PAD,        FILE_SYMLINK, FILE_PAD,
    };
    for (uint32_t i = 0; i < COUNT_OF(want); i++)
        CHECK_INT(m->files[i].flags, want[i]);
    CHECK_INT(m->renamed_count, 0);
    CHECK_INT(m->size, 9);
    metainfo_drop(m);
}

TEST(metainfo_symlink_has_no_data) {
    struct metainfo *m;
    PARSE(&m, MULTI "ld4:attr1:l6:lengthi1000e4:pathl1:aeed6:lengthi4e4:pathl1:beee", 1);
    CHECK_INT(m->files[0].length, 0);
    CHECK_INT(m->size, 4);
    metainfo_drop(m);
}

TEST(metainfo_reads_what_stands_around) {
    struct metainfo *m;
    CHECK_INT(parse_with(&m,
                         "8:announce8:http://a7:comment4:hi\n!10:created by4:mare"
                         "13:creation datei1700000000e",
                         SINGLE, sizeof SINGLE - 1, 3, NULL),
              0);
    CHECK_STR(m->comment, "hi !");
    CHECK_STR(m->created_by, "mare");
    CHECK_INT(m->creation_date, 1700000000);
    CHECK_INT(m->tier_count, 1);
    CHECK_STR(m->tiers[0].urls[0], "http://a");
    metainfo_drop(m);
}

/* -- addresses ------------------------------------------------------------------------- */

static struct metainfo *parse_around(const char *around) {
    struct metainfo *m = NULL;
    CHECK_INT(parse_with(&m, around, SINGLE, sizeof SINGLE - 1, 3, NULL), 0);
    return m;
}

TEST(metainfo_tiers_keep_their_order) {
    struct metainfo *m = parse_around("8:announce8:http://z13:announce-list"
                                      "ll8:http://a7:udp://bel9:https://cee");
    CHECK_INT(m->tier_count, 2);
    CHECK_INT(m->tiers[0].count, 2);
    CHECK_STR(m->tiers[0].urls[0], "http://a");
    CHECK_STR(m->tiers[0].urls[1], "udp://b");
    CHECK_STR(m->tiers[1].urls[0], "https://c");
    metainfo_drop(m);
}

TEST(metainfo_drops_trackers_that_are_no_use) {
    struct metainfo *m = parse_around("13:announce-list"
                                      "ll6:wss://7:ftp://ai5eel8:http://a8:http://ae"
                                      "8:http://b0:l8:http://a10: http://c\nelee");
    CHECK_INT(m->tier_count, 3);
    CHECK_INT(m->tiers[0].count, 1);
    CHECK_STR(m->tiers[0].urls[0], "http://a");
    CHECK_STR(m->tiers[1].urls[0], "http://b");
    CHECK_STR(m->tiers[2].urls[0], "http://c");
    metainfo_drop(m);
}

TEST(metainfo_announce_serves_when_the_list_is_no_use) {
    struct metainfo *m = parse_around("8:announce8:http://z13:announce-listll6:dht://ee");
    CHECK_INT(m->tier_count, 1);
    CHECK_STR(m->tiers[0].urls[0], "http://z");
    metainfo_drop(m);
}

TEST(metainfo_number_of_trackers_is_bounded) {
    struct text t;
    text_init(&t);
    text_adds(&t, "13:announce-listl");
    for (int i = 0; i < 1000; i++)
        text_addf(&t, "l12:http://t%04de", i);
    text_addc(&t, 'e');
    struct metainfo *m = parse_around(t.data);
    text_free(&t);
    CHECK_INT(m->tier_count, 200);
    metainfo_drop(m);
}

TEST(metainfo_web_seeds_are_a_string_or_a_list) {
    struct metainfo *m = parse_around("8:url-list10:http://w/x");
    CHECK_INT(m->webseed_count, 1);
    CHECK_STR(m->webseeds[0], "http://w/x");
    metainfo_drop(m);
    m = parse_around("8:url-listl8:http://a7:udp://b12:http://c/d e8:http://ae");
    CHECK_INT(m->webseed_count, 2);
    CHECK_STR(m->webseeds[1], "http://c/d%20e");
    metainfo_drop(m);
    m = parse_around("8:url-list0:");
    CHECK_INT(m->webseed_count, 0);
    metainfo_drop(m);
}

TEST(metainfo_nodes_are_hosts_and_ports) {
    struct metainfo *m =
        parse_around("5:nodesll9:127.0.0.1i6881eel3:::1i1eel11:dht.exampl"
                     "ei65535eee");
    CHECK_INT(m->node_count, 3);
    CHECK_STR(m->nodes[0].host, "127.0.0.1");
    CHECK_INT(m->nodes[0].port, 6881);
    CHECK_STR(m->nodes[1].host, "::1");
    CHECK_STR(m->nodes[2].host, "dht.example");
    CHECK_INT(m->nodes[2].port, 65535);
    metainfo_drop(m);
}

TEST(metainfo_nodes_that_are_no_use_are_left_out) {
    struct metainfo *m = parse_around("5:nodesl3:a:1l1:ael1:ai0eel1:ai65536eel1:ai-1eel0:"
                                      "i1eel3:a bi1eeli1ei1eel1:bi1eee");
    CHECK_INT(m->node_count, 1);
    CHECK_STR(m->nodes[0].host, "b");
    metainfo_drop(m);
    m = parse_around("5:nodes3:a:1");
    CHECK_INT(m->node_count, 0);
    metainfo_drop(m);
}

TEST(metainfo_number_of_nodes_is_bounded) {
    struct text t;
    text_init(&t);
    text_adds(&t, "5:nodesl");
    for (int i = 0; i < 1000; i++)
        text_addf(&t, "l4:n%03di1ee", i);
    text_addc(&t, 'e');
    struct metainfo *m = parse_around(t.data);
    text_free(&t);
    CHECK_INT(m->node_count, 50);
    metainfo_drop(m);
}

/* -- names that are made safe ---------------------------------------------------------- */

TEST(metainfo_path_that_leads_up_is_stored_inside) {
    struct metainfo *m;
    PARSE(&m, MULTI "l" A_FILE("l1:a2:..1:be") "e", 1);
    CHECK_STR(m->files[0].path, "t/a/_/b");
    CHECK_INT(m->renamed_count, 1);
    CHECK_STR(m->renamed[0], "a/../b: unsafe path, stored as a/_/b");
    metainfo_drop(m);
}

TEST(metainfo_name_that_leads_up_is_stored_inside) {
    struct metainfo *m;
    PARSE(&m, "4:name9:../../etc6:lengthi4e12:piece lengthi4e", 1);
    CHECK_STR(m->name, ".._.._etc");
    CHECK_STR(m->files[0].path, ".._.._etc");
    CHECK_STR(m->renamed[0], "../../etc: unsafe name, stored as .._.._etc");
    metainfo_drop(m);
}

TEST(metainfo_absolute_path_is_stored_inside) {
    struct metainfo *m;
    PARSE(&m, MULTI "l" A_FILE("l0:3:etc6:passwde") A_FILE("l11:/etc/passwde") "e", 2);
    CHECK_STR(m->files[0].path, "t/_/etc/passwd");
    CHECK_STR(m->files[1].path, "t/_etc_passwd");
    metainfo_drop(m);
}

TEST(metainfo_path_holds_no_nul) {
    struct metainfo *m;
    PARSE(&m, MULTI "l" A_FILE("l3:a\0be") "e", 1);
    CHECK_STR(m->files[0].path, "t/a_b");
    CHECK_STR(m->renamed[0], "a?b: unsafe path, stored as a_b");
    metainfo_drop(m);
}

TEST(metainfo_duplicates_are_renamed) {
    struct metainfo *m;
    PARSE(&m, MULTI "l" A_FILE("l3:a.xe") A_FILE("l3:a.xe") "e", 2);
    CHECK_STR(m->files[0].path, "t/a.x");
    CHECK_STR(m->files[1].path, "t/a (1).x");
    CHECK_INT(m->renamed_count, 1);
    CHECK_STR(m->renamed[0], "a.x: the path is taken, stored as a (1).x");
    metainfo_drop(m);
}

TEST(metainfo_duplicates_after_sanitising_are_renamed) {
    struct metainfo *m;
    PARSE(&m, MULTI "l" A_FILE("l5:a/b.xe") A_FILE("l5:a\\b.xe") "e", 2);
    CHECK_STR(m->files[0].path, "t/a_b.x");
    CHECK_STR(m->files[1].path, "t/a_b (1).x");
    CHECK_STR(m->renamed[1], "a\\b.x: the path is taken, stored as a_b (1).x");
    metainfo_drop(m);
}

TEST(metainfo_sentences_are_bounded) {
    struct metainfo *m;
    struct text t;
    text_init(&t);
    text_adds(&t, MULTI "l");
    for (int i = 0; i < 500; i++)
        text_adds(&t, A_FILE("l1:ae"));
    text_addc(&t, 'e');
    CHECK_INT(parse_with(&m, "", t.data, t.len, 500, NULL), 0);
    CHECK_INT(m->renamed_count, 101);
    CHECK_STR(m->renamed[100], "399 more files were renamed");
    metainfo_drop(m);
    text_free(&t);
}

TEST(metainfo_of_100000_files_is_read) {
    struct metainfo *m;
    struct text t;
    text_init(&t);
    text_adds(&t, "4:name1:t12:piece lengthi16384e5:filesl");
    for (int i = 0; i < 100000; i++)
        text_addf(&t, "d6:lengthi16384e4:pathl4:%04d6:%06dee", i % 1000, i);
    text_addc(&t, 'e');
    CHECK_INT(parse_with(&m, "", t.data, t.len, 100000, NULL), 0);
    CHECK_INT(m->file_count, 100000);
    CHECK_STR(m->files[99999].path, "t/0999/099999");
    metainfo_drop(m);
    text_free(&t);
}

TEST(metainfo_of_a_million_and_a_half_pieces_is_read) {
    struct metainfo *m;
    PARSE(&m, "4:name1:f6:lengthi1500000e12:piece lengthi1e", 1500000);
    CHECK_INT(m->pieces, 1500000);
    CHECK(m->info_len <= METAINFO_MAX_INFO);
    metainfo_drop(m);
}

/* -- what is refused ------------------------------------------------------------------- */

TEST(metainfo_file_inside_a_file_is_refused) {
    REFUSED(MULTI "l" A_FILE("l1:ae") A_FILE("l1:a1:be") "e", 2, ERR_UNSAFE,
            "file 2: its path is a file and a directory at once");
    REFUSED(MULTI "l" A_FILE("l1:a1:be") A_FILE("l1:ae") "e", 2, ERR_UNSAFE,
            "file 2: its path is a file and a directory at once");
}

static int parse_deep(int directories) {
    struct metainfo *m = NULL;
    struct text t;
    text_init(&t);
    text_adds(&t, MULTI "ld6:lengthi4e4:pathl");
    for (int i = 0; i <= directories; i++)
        text_adds(&t, "1:d");
    text_adds(&t, "eee");
    int rc = parse_with(&m, "", t.data, t.len, 1, NULL);
    text_free(&t);
    metainfo_drop(m);
    return rc;
}

TEST(metainfo_directory_depth_is_bounded) {
    CHECK_INT(parse_deep(100), 0);
    CHECK_INT(parse_deep(101), ERR_LIMIT);
}

TEST(metainfo_piece_length_must_be_positive) {
    REFUSED("4:name1:f6:lengthi10e12:piece lengthi0e", 3, ERR_FORMAT,
            "piece length is 0");
    REFUSED("4:name1:f6:lengthi10e12:piece lengthi-4e", 3, ERR_FORMAT,
            "piece length is -4");
    REFUSED("4:name1:f6:lengthi10e", 3, ERR_FORMAT, "the torrent has no piece length");
    REFUSED("4:name1:f6:lengthi10e12:piece length1:4", 3, ERR_FORMAT,
            "the torrent has no piece length");
}

TEST(metainfo_piece_length_is_bounded) {
    REFUSED("4:name1:f6:lengthi10e12:piece lengthi536870913e", 1, ERR_LIMIT,
            "piece length is 536870913, more than 512 MiB");
    REFUSED("4:name1:f6:lengthi10e12:piece lengthi4294967300e", 1, ERR_LIMIT,
            "piece length is 4294967300, more than 512 MiB");
}

TEST(metainfo_piece_count_must_match_the_size) {
    REFUSED(SINGLE, 2, ERR_FORMAT, "10 bytes make 3 pieces, but there are 2 hashes");
    REFUSED(SINGLE, 4, ERR_FORMAT, "10 bytes make 3 pieces, but there are 4 hashes");
    REFUSED(SINGLE, 0, ERR_FORMAT, "10 bytes make 3 pieces, but there are 0 hashes");
}

static void expect_refused(const char *torrent, int code, const char *sentence) {
    struct metainfo *m = NULL;
    struct err e = {0};
    size_t len = strlen(torrent);
    CHECK_INT(metainfo_parse(&m, check_at_page_end(torrent, len), len, &e), code);
    CHECK_STR(e.text, sentence);
    CHECK(!m);
}

TEST(metainfo_hashes_are_whole) {
    expect_refused("d4:infod6:lengthi1e4:name1:f12:piece lengthi4e6:pieces3:abcee",
                   ERR_FORMAT, "the piece hashes are 3 bytes, not a multiple of 20");
    expect_refused("d4:infod6:lengthi1e4:name1:f12:piece lengthi4eee", ERR_FORMAT,
                   "the torrent has no piece hashes");
}

TEST(metainfo_of_version_2_alone_is_refused) {
    expect_refused(
        "d4:infod9:file treede12:meta versioni2e4:name1:f12:piece lengthi16384eee",
        ERR_UNSUPPORTED,
        "this is a version 2 torrent (BEP 52), which is not supported yet; "
        "a version 1 or hybrid torrent of the same files works");
}

TEST(metainfo_of_both_versions_is_read_as_version_1) {
    struct metainfo *m;
    PARSE(&m, "9:file treed1:fd0:d6:lengthi10eeee12:meta versioni2e" SINGLE, 3);
    CHECK_INT(m->size, 10);
    metainfo_drop(m);
}

TEST(metainfo_lengths_are_not_negative) {
    REFUSED("4:name1:f6:lengthi-1e12:piece lengthi4e", 1, ERR_FORMAT,
            "the file: its length is negative");
    REFUSED("4:name1:f12:piece lengthi4e", 1, ERR_FORMAT, "the file: it has no length");
    REFUSED(MULTI "ld4:pathl1:aeee", 1, ERR_FORMAT, "file 1: it has no length");
}

TEST(metainfo_sum_of_lengths_does_not_overflow) {
    REFUSED(
        MULTI
        "ld6:lengthi9223372036854775807e4:pathl1:aeed6:lengthi9223372036854775807e4:path"
        "l1:beed6:lengthi6e4:pathl1:ceee",
        1, ERR_LIMIT, "file 2: the sizes add up to more than 8 EiB");
}

/* The bounds on bytes are met before two million hashes are. */
TEST(metainfo_pieces_are_bounded) {
    REFUSED("4:name1:f6:lengthi1600000e12:piece lengthi1e", 1600000, ERR_LIMIT,
            "the info dictionary is larger than 30 MiB");
    REFUSED("4:name1:f6:lengthi1700000e12:piece lengthi1e", 1700000, ERR_LIMIT,
            "not a torrent: 34000071 bytes are more than the 32 MiB that are read");
}

TEST(metainfo_without_data_is_refused) {
    REFUSED("4:name1:f6:lengthi0e12:piece lengthi4e", 0, ERR_FORMAT,
            "the torrent has no data: all its files are empty");
    REFUSED(MULTI "le", 0, ERR_FORMAT, "the list of files is empty");
}

TEST(metainfo_broken_file_entries_are_refused) {
    REFUSED(MULTI "li1ee", 1, ERR_FORMAT, "file 1: it is not described by a dictionary");
    REFUSED(MULTI "ld6:lengthi4eee", 1, ERR_FORMAT, "file 1: it has no path");
    REFUSED(MULTI "ld6:lengthi4e4:pathleee", 1, ERR_FORMAT, "file 1: it has no path");
    REFUSED(MULTI "ld6:lengthi4e4:path1:aee", 1, ERR_FORMAT, "file 1: it has no path");
    REFUSED(MULTI "ld6:lengthi4e4:pathli1eeee", 1, ERR_FORMAT,
            "file 1: its path holds what is not a name");
}

TEST(metainfo_that_is_no_torrent_is_refused) {
    expect_refused("<html>", ERR_FORMAT, "not a torrent: byte 0: no value begins here");
    expect_refused("", ERR_FORMAT, "not a torrent: byte 0: the data ends too early");
    expect_refused("le", ERR_FORMAT, "the torrent has no info dictionary");
    expect_refused("d4:infolee", ERR_FORMAT, "the torrent has no info dictionary");
}

TEST(metainfo_cut_anywhere_is_refused) {
    struct metainfo *m = NULL;
    struct text t;
    text_init(&t);
    text_adds(&t, "d4:info");
    add_info(&t, SINGLE, sizeof SINGLE - 1, 3);
    text_addc(&t, 'e');
    for (size_t len = 0; len < t.len; len++)
        CHECK(metainfo_parse(&m, check_at_page_end(t.data, len), len, NULL) < 0);
    CHECK(!m);
    text_free(&t);
}

static void add_busy_torrent(struct text *t) {
    static const char info[] =
        MULTI "l" A_FILE("l1:a2:..1:be") A_FILE("l1:a1:_1:be") A_FILE("l1:\xff"
                                                                      "e") "e";
    text_adds(t, "d13:announce-listll8:http://a8:http://bel9:udp://c:1ee7:comment2:hi"
                 "10:created by4:mare4:info");
    add_info(t, info, sizeof info - 1, 3);
    text_adds(t, "8:url-listl8:http://wee");
}

TEST(metainfo_says_when_memory_is_out) {
    struct text t;
    text_init(&t);
    add_busy_torrent(&t);
    CHECK_EACH_NOMEM(n) {
        struct metainfo *m = NULL;
        struct err e = {0};
        int rc = metainfo_parse(&m, (const uint8_t *)t.data, t.len, &e);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK((m != NULL) == (rc == 0) && (e.text[0] != '\0') == (rc < 0));
        metainfo_drop(m);
    }
    text_free(&t);
}
