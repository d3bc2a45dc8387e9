/* path: each rule of the sanitiser, and the set that finds two files in one place. */
#include "codec/path.h"

#include "support/check.h"

struct row {
    const char *raw;
    size_t len;
    const char *safe;
};

#define ROW(raw, safe) \
    { raw, sizeof raw - 1, safe }

static void expect_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct text t;
        text_init(&t);
        const uint8_t *raw = check_at_page_end(rows[i].raw, rows[i].len);
        bool same = path_add_element(&t, (struct span){raw, rows[i].len});
        CHECK_STR(t.data, rows[i].safe);
        CHECK(same == (strcmp(rows[i].raw, rows[i].safe) == 0));
        text_free(&t);
    }
}

TEST(path_keeps_ordinary_names) {
    static const struct row rows[] = {
        ROW("file.txt", "file.txt"),
        ROW(".hidden", ".hidden"),
        ROW("a..b", "a..b"),
        ROW("na\xc3\xafve", "na\xc3\xafve"),
        ROW("console", "console"),
        ROW("com10", "com10"),
        ROW("M: a film", "M: a film"),
        ROW("what?", "what?"),
        ROW("\xf0\x9f\x8c\x99", "\xf0\x9f\x8c\x99"),
    };
    expect_rows(rows, COUNT_OF(rows));
}

TEST(path_never_leads_up_or_nowhere) {
    static const struct row rows[] = {ROW("..", "_"), ROW(".", "_"),   ROW("", "_"),
                                      ROW(" ", "_"),  ROW(".. ", "_"), ROW("...", "_")};
    expect_rows(rows, COUNT_OF(rows));
}

TEST(path_element_holds_no_separator) {
    static const struct row rows[] = {ROW("/etc/passwd", "_etc_passwd"),
                                      ROW("a/../../b", "a_.._.._b"), ROW("..\\x", ".._x"),
                                      ROW("\\\\host\\c", "__host_c")};
    expect_rows(rows, COUNT_OF(rows));
}

TEST(path_element_holds_no_nul_and_no_control) {
    static const struct row rows[] = {ROW("a\0b", "a_b"), ROW("a\nb", "a_b"),
                                      ROW("\x1b[31m", "_[31m"), ROW("\x7f", "_"),
                                      ROW("a\xc2\x9b", "a_")};
    expect_rows(rows, COUNT_OF(rows));
}

TEST(path_element_does_not_turn_its_direction) {
    static const struct row rows[] = {ROW("a\xe2\x80\xaegpj.exe", "a_gpj.exe"),
                                      ROW("a\xe2\x81\xa6z", "a_z")};
    expect_rows(rows, COUNT_OF(rows));
}

TEST(path_that_is_not_utf8_becomes_utf8) {
    static const struct row rows[] = {
        ROW("caf\xe9", "caf_"),          ROW("\xff\xfe", "__"),
        ROW("\xc0\xaf", "__"),           ROW("\xed\xa0\x80", "___"),
        ROW("\xf4\x90\x80\x80", "____"), ROW("x\xe2\x82", "x__"),
    };
    expect_rows(rows, COUNT_OF(rows));
}

TEST(path_names_no_drive_and_no_device) {
    static const struct row rows[] = {
        ROW("C:", "C_"),        ROW("con", "_con"),   ROW("NUL.txt", "_NUL.txt"),
        ROW("aux.c", "_aux.c"), ROW("Com1", "_Com1"), ROW("lpt9.a.b", "_lpt9.a.b"),
        ROW("prn", "_prn"),
    };
    expect_rows(rows, COUNT_OF(rows));
}

/* 300 letters with the extension: cut to 255 bytes, the extension stays. */
TEST(path_element_is_at_most_255_bytes) {
    uint8_t raw[304];
    struct text t;
    text_init(&t);
    memset(raw, 'a', 300);
    memcpy(raw + 300, ".mkv", 4);
    CHECK(!path_add_element(&t, (struct span){raw, sizeof raw}));
    CHECK_INT(t.len, PATH_MAX_ELEMENT);
    CHECK_STR(t.data + 251, ".mkv");
    text_clear(&t);
    CHECK(path_add_element(&t, (struct span){raw, 255}));
    CHECK(!path_add_element(&t, (struct span){raw, 256}));
    text_free(&t);
}

TEST(path_element_is_cut_between_characters) {
    uint8_t raw[400];
    struct text t;
    text_init(&t);
    for (size_t i = 0; i < sizeof raw; i += 4)
        memcpy(raw + i, "\xf0\x9f\x8c\x99", 4);
    CHECK(!path_add_element(&t, (struct span){raw, sizeof raw}));
    CHECK_INT(t.len, 252);
    CHECK_MEM(t.data + 248, "\xf0\x9f\x8c\x99", 4);
    text_free(&t);
}

/* -- the set --------------------------------------------------------------------------- */

struct fixture {
    struct path_set set;
    struct text paths;
};

static void fixture_init(struct fixture *f) {
    path_set_init(&f->set);
    text_init(&f->paths);
}

static void fixture_fini(struct fixture *f) {
    path_set_fini(&f->set);
    text_free(&f->paths);
}

static int claim(struct fixture *f, const char *path) {
    size_t start = f->paths.len;
    text_adds(&f->paths, path);
    int rc = path_set_claim(&f->set, &f->paths, start);
    text_addc(&f->paths, '\0');
    return rc;
}

/* `want` is NULL for a path that stays as it is. */
static void expect_claim(struct fixture *f, const char *path, const char *want) {
    size_t start = f->paths.len;
    CHECK_INT(claim(f, path), want != NULL);
    CHECK_STR(f->paths.data + start, want ? want : path);
}

TEST(path_set_takes_different_files) {
    struct fixture f;
    fixture_init(&f);
    expect_claim(&f, "a", NULL);
    expect_claim(&f, "A", NULL);
    expect_claim(&f, "d/a", NULL);
    expect_claim(&f, "d/b", NULL);
    expect_claim(&f, "d/e/a", NULL);
    fixture_fini(&f);
}

TEST(path_set_renames_duplicates) {
    struct fixture f;
    fixture_init(&f);
    expect_claim(&f, "d/a.txt", NULL);
    expect_claim(&f, "d/a.txt", "d/a (1).txt");
    expect_claim(&f, "d/a.txt", "d/a (2).txt");
    expect_claim(&f, "d/a (3).txt", NULL);
    expect_claim(&f, "d/a.txt", "d/a (4).txt");
    expect_claim(&f, ".rc", NULL);
    expect_claim(&f, ".rc", ".rc (1)");
    fixture_fini(&f);
}

TEST(path_set_renames_within_255_bytes) {
    struct fixture f;
    char name[PATH_MAX_ELEMENT + 1] = {0};
    fixture_init(&f);
    memset(name, 'a', PATH_MAX_ELEMENT);
    expect_claim(&f, name, NULL);
    size_t start = f.paths.len;
    CHECK_INT(claim(&f, name), 1);
    CHECK_INT(strlen(f.paths.data + start), PATH_MAX_ELEMENT);
    CHECK_STR(f.paths.data + start + PATH_MAX_ELEMENT - 5, "a (1)");
    fixture_fini(&f);
}

TEST(path_set_refuses_a_file_inside_a_file) {
    struct fixture f;
    fixture_init(&f);
    expect_claim(&f, "a", NULL);
    CHECK_INT(claim(&f, "a/b"), ERR_UNSAFE);
    CHECK_INT(claim(&f, "a/b/c"), ERR_UNSAFE);
    fixture_fini(&f);
}

TEST(path_set_refuses_a_file_where_a_directory_is) {
    struct fixture f;
    fixture_init(&f);
    expect_claim(&f, "a/b/c", NULL);
    CHECK_INT(claim(&f, "a/b"), ERR_UNSAFE);
    CHECK_INT(claim(&f, "a"), ERR_UNSAFE);
    fixture_fini(&f);
}

/* Long names that become one when they are cut would be tried against each other for ever. */
TEST(path_set_bounds_the_names_it_tries) {
    struct fixture f;
    char name[PATH_MAX_ELEMENT + 1] = {0};
    int rc = 0;
    fixture_init(&f);
    for (int i = 0; i < 300 && rc >= 0; i++) {
        memset(name, 'a', PATH_MAX_ELEMENT);
        name[PATH_MAX_ELEMENT - 2] = (char)('a' + i / 20);
        name[PATH_MAX_ELEMENT - 1] = (char)('a' + i % 20);
        CHECK_INT(claim(&f, name), 0);
        rc = claim(&f, name);
    }
    CHECK_INT(rc, ERR_LIMIT);
    fixture_fini(&f);
}

TEST(path_set_holds_many) {
    struct fixture f;
    char name[64];
    fixture_init(&f);
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "d%d/%d", i % 100, i);
        CHECK_INT(claim(&f, name), 0);
    }
    CHECK_INT(f.set.count, 20100);
    CHECK_INT(claim(&f, "d7/107"), 1);
    fixture_fini(&f);
}

TEST(path_set_says_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct fixture f;
        int rc = 0;
        fixture_init(&f);
        for (int i = 0; i < 100 && rc >= 0; i++)
            rc = claim(&f, "d/name");
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 1);
        fixture_fini(&f);
    }
}
