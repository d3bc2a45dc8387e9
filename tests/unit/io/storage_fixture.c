/* storage_fixture: see the header. */
#include "storage_fixture.h"

#include <fcntl.h>

#include "codec/metainfo_write.h"

const struct file_spec standard_files[] = {
    {"a", 20000, 0, false},
    {"empty", 0, 0, false},
    {".pad/12768", 12768, FILE_PAD, false},
    {"dir/b", 40000, 0, false},
    {"dir/sub/c", 5, 0, false},
    {"d", 70000, 0, false},
};
const uint32_t standard_count = COUNT_OF(standard_files);

static uint64_t size_of(const struct file_spec *files, uint32_t count) {
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += files[i].length;
    return size;
}

static uint8_t *make_data(const struct file_spec *files, uint32_t count) {
    uint8_t *data = malloc((size_t)size_of(files, count)), *at = data;
    uint32_t x = 12345;
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t k = 0; k < files[i].length; k++) {
            x = x * 1664525 + 1013904223;
            *at++ = files[i].flags & FILE_PAD ? 0 : (uint8_t)(x >> 24);
        }
    }
    return data;
}

static struct metainfo *make_metainfo(const struct file_spec *files, uint32_t count,
                                      uint32_t piece_length, const uint8_t *data) {
    struct metainfo_draft_file draft_files[256];
    uint64_t size = size_of(files, count);
    uint32_t pieces = (uint32_t)((size + piece_length - 1) / piece_length);
    uint8_t *hashes = malloc((size_t)pieces * SHA1_LEN);
    struct text out;
    struct metainfo *m = NULL;
    struct err e = {0};
    CHECK(count <= COUNT_OF(draft_files));
    for (uint32_t i = 0; i < count; i++)
        draft_files[i] =
            (struct metainfo_draft_file){files[i].path, files[i].length, files[i].flags};
    for (uint32_t i = 0; i < pieces; i++) {
        uint64_t at = (uint64_t)i * piece_length;
        CHECK_INT(
            sha1(hashes + i * SHA1_LEN, data + at, (size_t)MIN(piece_length, size - at)),
            0);
    }
    struct metainfo_draft d = {.name = "t",
                               .multi = true,
                               .files = draft_files,
                               .file_count = count,
                               .piece_length = piece_length,
                               .hashes = hashes,
                               .pieces = pieces};
    text_init(&out);
    CHECK_INT(metainfo_write(&out, &d, &e), 0);
    if (metainfo_parse(&m, (const uint8_t *)out.data, out.len, &e) < 0)
        check_fail(__FILE__, __LINE__, "%s", e.text);
    text_free(&out);
    free(hashes);
    return m;
}

void fixture_open(struct fixture *f, const struct file_spec *files, uint32_t count,
                  uint32_t piece_length, enum storage_allocation how) {
    *f = (struct fixture){0};
    snprintf(f->directory, sizeof f->directory, "%s/down", check_tmpdir());
    snprintf(f->parts, sizeof f->parts, "%s/state/t.parts", check_tmpdir());
    f->data = make_data(files, count);
    f->m = make_metainfo(files, count, piece_length, f->data);
    CHECK_INT(bitset_init(&f->wanted, count), 0);
    CHECK_INT(bitset_init(&f->have, f->m->pieces), 0);
    for (uint32_t i = 0; i < count; i++) {
        if (!files[i].skipped)
            bitset_add(&f->wanted, i);
    }
    f->loop = loop_new(NULL);
    CHECK(f->loop);
    f->s = storage_new(f->loop, f->m, f->directory, f->parts, how, &f->wanted);
    CHECK(f->s);
}

void fixture_open_standard(struct fixture *f) {
    fixture_open(f, standard_files, standard_count, PIECE, STORAGE_SPARSE);
}

void fixture_reopen(struct fixture *f) {
    storage_drop(f->s);
    f->s = storage_new(f->loop, f->m, f->directory, f->parts, STORAGE_SPARSE, &f->wanted);
    CHECK(f->s);
}

void fixture_close(struct fixture *f) {
    storage_drop(f->s);
    loop_free(f->loop);
    metainfo_drop(f->m);
    bitset_fini(&f->wanted);
    bitset_fini(&f->have);
    free(f->data);
}

void fixture_note_done(struct storage_op *op) {
    op->owner = op;
}

void fixture_run(struct fixture *f, const struct storage_op *op) {
    while (!op->owner)
        CHECK_INT(loop_step(f->loop, USEC_NEVER), 0);
    f->err = op->err;
    CHECK_INT(op->status, op->err.code);
}

#define START \
    { .done = fixture_note_done }

int fixture_write(struct fixture *f, uint32_t piece) {
    struct piece_write w = {.op = START, .piece = piece};
    w.data = f->data + (uint64_t)piece * f->m->piece_length;
    CHECK_INT(storage_write_piece(f->s, &w), 0);
    fixture_run(f, &w.op);
    if (!w.op.status)
        bitset_add(&f->have, piece);
    return w.op.status;
}

void fixture_write_all(struct fixture *f) {
    for (uint32_t i = 0; i < f->m->pieces; i++)
        CHECK_INT(fixture_write(f, i), 0);
}

int fixture_check(struct fixture *f, uint32_t piece) {
    struct piece_check c = {.op = START, .piece = piece};
    CHECK_INT(storage_check_piece(f->s, &c), 0);
    fixture_run(f, &c.op);
    return c.op.status;
}

uint32_t fixture_count_good(struct fixture *f) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->m->pieces; i++)
        n += fixture_check(f, i) == 0;
    return n;
}

int fixture_read(struct fixture *f, uint64_t offset, uint32_t length, uint8_t *to) {
    struct range_read r = {.op = START, .offset = offset, .length = length, .data = to};
    CHECK_INT(storage_read(f->s, &r), 0);
    fixture_run(f, &r.op);
    return r.op.status;
}

int fixture_prepare(struct fixture *f, bool *existed) {
    struct storage_prepare p = {.op = START};
    CHECK_INT(storage_prepare(f->s, &p), 0);
    fixture_run(f, &p.op);
    if (existed)
        *existed = p.existed;
    return p.op.status;
}

int fixture_select(struct fixture *f, const char *wanted) {
    struct storage_select c = {.op = START};
    CHECK_INT(bitset_init(&c.wanted, f->m->file_count), 0);
    CHECK_INT(bitset_copy(&c.have, &f->have), 0);
    CHECK_INT(strlen(wanted), f->m->file_count);
    for (uint32_t i = 0; wanted[i]; i++) {
        if (wanted[i] == '1')
            bitset_add(&c.wanted, i);
    }
    CHECK_INT(storage_select(f->s, &c), 0);
    fixture_run(f, &c.op);
    bitset_fini(&c.wanted);
    bitset_fini(&c.have);
    return c.op.status;
}

int fixture_move(struct fixture *f, const char *directory) {
    struct storage_move m = {.op = START, .directory = directory};
    CHECK_INT(storage_move(f->s, &m), 0);
    fixture_run(f, &m.op);
    if (!m.op.status)
        snprintf(f->directory, sizeof f->directory, "%s", directory);
    return m.op.status;
}

int fixture_remove(struct fixture *f) {
    struct storage_remove r = {.op = START};
    CHECK_INT(storage_remove(f->s, &r), 0);
    fixture_run(f, &r.op);
    return r.op.status;
}

const char *fixture_path(struct fixture *f, const char *path) {
    snprintf(f->text, sizeof f->text, "%s/t/%s", f->directory, path);
    return f->text;
}

bool fixture_exists(struct fixture *f, const char *path) {
    struct stat st;
    return !lstat(fixture_path(f, path), &st);
}

bool fixture_is_whole(struct fixture *f, const char *path) {
    for (uint32_t i = 0; i < f->m->file_count; i++) {
        const struct metainfo_file *file = &f->m->files[i];
        if (!strcmp(file->path + 2, path))
            return same_bytes(fixture_path(f, path), f->data + file->offset,
                              (size_t)file->length);
    }
    return false;
}

void put_file(const char *path, const void *data, size_t len) {
    CHECK_INT(file_write_atomic(path, data, len, NULL), 0);
}

bool same_bytes(const char *path, const void *data, size_t len) {
    uint8_t *got;
    size_t got_len;
    if (file_read_whole(path, SIZE_MAX, &got, &got_len, NULL) < 0)
        return false;
    bool same = got_len == len && (!len || !memcmp(got, data, len));
    free(got);
    return same;
}
