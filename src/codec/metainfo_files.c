/* metainfo_files: the names and sizes in an info dictionary (BEP 3, BEP 47).
 *
 *     info { name, length }                         one file
 *     info { name, files [ { path [ "a", "b" ], length, attr } ... ] }
 *
 *     paths: n a m e / a / b \0 n a m e / a / c \0      one text holds them all
 *
 * While the paths are collected the text grows and moves, so files get their pointers at the
 * end. Each path is made safe element by element (path.c) and must be the only one of its
 * name. Padding is never written, so it needs no name of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/metainfo_parts.h"
#include "codec/path.h"
#include "codec/printable.h"

#define MAX_DEPTH 100      /* directories in a path */
#define MAX_SENTENCES 100  /* about renamed files; one more tells how many follow */
#define MAX_SIZE INT64_MAX /* file offsets are signed */
#define SHOWN 100          /* bytes of a name in a sentence */

struct reader {
    struct metainfo *m;
    struct path_set set;
    struct text paths;
    size_t root; /* where the path that is being read begins, behind the top folder */
    struct text original; /* as the torrent has it, for the sentence */
    bool changed;
    uint32_t renamed;
    struct err *e;
};

static int out_of_memory(struct err *e) {
    return err_set(e, ERR_NOMEM, "out of memory");
}

/* -- sentences ------------------------------------------------------------------------- */

static int add_sentence(struct metainfo *m, struct text *sentence, struct err *e) {
    char *s = text_take(sentence, NULL);
    if (s && !m->renamed)
        m->renamed = calloc(MAX_SENTENCES + 1, sizeof *m->renamed);
    if (!s || !m->renamed) {
        free(s);
        return out_of_memory(e);
    }
    m->renamed[m->renamed_count++] = s;
    return 0;
}

static void add_shown(struct text *t, const char *s, size_t len) {
    char shown[SHOWN];
    printable_copy(shown, sizeof shown, (struct span){(const uint8_t *)s, len});
    text_adds(t, shown);
    text_adds(t, len >= sizeof shown ? "..." : "");
}

/* "a/../b: unsafe path, stored as a/_/b" */
static int note_renamed(struct reader *r, const char *why) {
    struct text t;
    if (r->renamed++ >= MAX_SENTENCES)
        return 0;
    text_init(&t);
    add_shown(&t, r->original.data, r->original.len);
    text_addf(&t, ": %s, stored as ", why);
    add_shown(&t, r->paths.data + r->root, r->paths.len - r->root);
    return add_sentence(r->m, &t, r->e);
}

static int note_rest(struct reader *r) {
    struct text t;
    if (r->renamed <= MAX_SENTENCES)
        return 0;
    text_init(&t);
    text_addf(&t, "%u more files were renamed", r->renamed - MAX_SENTENCES);
    return add_sentence(r->m, &t, r->e);
}

/* -- names ----------------------------------------------------------------------------- */

static bool all_valid(struct bnode n) {
    struct span s;
    struct bnode item = bencode_first(n);
    if (bencode_string(n, &s))
        return utf8_valid(s);
    for (; item.doc; item = bencode_next(item))
        if (!bencode_string(item, &s) || !utf8_valid(s))
            return false;
    return bencode_first(n).doc;
}

struct bnode metainfo_get_text(struct bnode dict, const char *key) {
    char utf8_key[32];
    snprintf(utf8_key, sizeof utf8_key, "%s.utf-8", key);
    struct bnode preferred = bencode_get(dict, utf8_key), plain = bencode_get(dict, key);
    if (!plain.doc)
        return preferred;
    bool alike = bencode_type(preferred) == bencode_type(plain);
    return alike && all_valid(preferred) ? preferred : plain;
}

static void add_element(struct reader *r, struct span raw) {
    if (r->original.len)
        text_addc(&r->original, '/');
    text_add(&r->original, raw.data, raw.len);
    if (!path_add_element(&r->paths, raw))
        r->changed = true;
}

/* Without a name (a dictionary from the early days) the info hash serves. */
static int read_name(struct reader *r, struct bnode info) {
    char hex[2 * SHA1_LEN + 1];
    hex_encode(hex, r->m->info_hash, SHA1_LEN);
    struct span raw = {(const uint8_t *)hex, 2 * SHA1_LEN};
    (void)bencode_string(metainfo_get_text(info, "name"), &raw);
    add_element(r, raw);
    if (r->paths.failed || r->original.failed)
        return out_of_memory(r->e);
    if (r->changed && note_renamed(r, "unsafe name") < 0)
        return ERR_NOMEM;
    r->m->name = strdup(r->paths.data);
    text_clear(&r->paths);
    return r->m->name ? 0 : out_of_memory(r->e);
}

/* -- one file -------------------------------------------------------------------------- */

/* `number` counts from 1, as users do; 0 is the only file of a torrent. */
static int bad_file(struct reader *r, uint32_t number, int code, const char *what) {
    if (number)
        return err_set(r->e, code, "file %u: %s", number, what);
    return err_set(r->e, code, "the file: %s", what);
}

static uint32_t read_flags(struct bnode file) {
    struct span attr = {NULL, 0};
    uint32_t flags = 0;
    (void)bencode_string(bencode_get(file, "attr"), &attr);
    for (size_t i = 0; i < attr.len; i++) {
        switch (attr.data[i]) {
        case 'p': flags |= FILE_PAD; break;
        case 'x': flags |= FILE_EXECUTABLE; break;
        case 'h': flags |= FILE_HIDDEN; break;
        case 'l': flags |= FILE_SYMLINK; break;
        default: break;
        }
    }
    return flags;
}

/* A link has no data, whatever length it claims. */
static int read_length(struct reader *r, struct bnode node, struct metainfo_file *f,
                       uint32_t number) {
    int64_t length = -1;
    if (f->flags & FILE_SYMLINK)
        length = 0;
    else if (!bencode_int(bencode_get(node, "length"), &length))
        return bad_file(r, number, ERR_FORMAT, "it has no length");
    if (length < 0)
        return bad_file(r, number, ERR_FORMAT, "its length is negative");
    if ((uint64_t)length > (uint64_t)MAX_SIZE - r->m->size)
        return bad_file(r, number, ERR_LIMIT, "the sizes add up to more than 8 EiB");
    f->length = (uint64_t)length;
    f->offset = r->m->size;
    r->m->size += f->length;
    return 0;
}

static int claim_path(struct reader *r, uint32_t number) {
    int rc = path_set_claim(&r->set, &r->paths, r->root);
    if (rc == 1)
        return note_renamed(r, "the path is taken");
    if (rc == ERR_UNSAFE)
        return bad_file(r, number, rc, "its path is a file and a directory at once");
    if (rc == ERR_LIMIT)
        return bad_file(r, number, rc, "too many files have its path");
    if (rc == ERR_NOMEM)
        return out_of_memory(r->e);
    return r->changed ? note_renamed(r, "unsafe path") : 0;
}

static int read_elements(struct reader *r, struct bnode path, uint32_t number) {
    struct span element;
    uint32_t depth = 0;
    for (struct bnode n = bencode_first(path); n.doc; n = bencode_next(n), depth++) {
        if (depth > MAX_DEPTH)
            return bad_file(r, number, ERR_LIMIT,
                            "its path is deeper than 100 directories");
        if (!bencode_string(n, &element))
            return bad_file(r, number, ERR_FORMAT, "its path holds what is not a name");
        if (depth)
            text_addc(&r->paths, '/');
        add_element(r, element);
    }
    return depth ? 0 : bad_file(r, number, ERR_FORMAT, "it has no path");
}

static int read_path(struct reader *r, struct bnode node, struct metainfo_file *f,
                     uint32_t number) {
    r->changed = false;
    text_clear(&r->original);
    text_adds(&r->paths, r->m->name);
    text_addc(&r->paths, '/');
    r->root = r->paths.len;
    int rc = read_elements(r, metainfo_get_text(node, "path"), number);
    if (rc < 0)
        return rc;
    if (r->paths.failed || r->original.failed)
        return out_of_memory(r->e);
    /* Old clients' padding has no attribute, but a name of its own. */
    if (strncmp(r->paths.data + r->root, "_____padding_file_", 18) == 0)
        f->flags |= FILE_PAD;
    rc = f->flags & FILE_PAD ? 0 : claim_path(r, number);
    text_addc(&r->paths, '\0');
    return rc;
}

static int read_file(struct reader *r, struct bnode node, struct metainfo_file *f,
                     uint32_t number) {
    if (bencode_type(node) != BENCODE_DICT)
        return bad_file(r, number, ERR_FORMAT, "it is not described by a dictionary");
    f->flags = read_flags(node);
    int rc = read_length(r, node, f, number);
    return rc < 0 ? rc : read_path(r, node, f, number);
}

/* -- all files ------------------------------------------------------------------------- */

static int read_single(struct reader *r, struct bnode info) {
    struct metainfo_file *f = r->m->files;
    f->flags = read_flags(info) & (FILE_EXECUTABLE | FILE_HIDDEN);
    text_adds(&r->paths, r->m->name);
    text_addc(&r->paths, '\0');
    return read_length(r, info, f, 0);
}

static int read_list(struct reader *r, struct bnode files) {
    uint32_t i = 0;
    int rc = 0;
    for (struct bnode n = bencode_first(files); n.doc && rc == 0;
         n = bencode_next(n), i++)
        rc = read_file(r, n, &r->m->files[i], i + 1);
    return rc < 0 ? rc : note_rest(r);
}

static int read_all(struct reader *r, struct bnode info) {
    struct metainfo *m = r->m;
    struct bnode files = bencode_get(info, "files");
    int rc = read_name(r, info);
    if (rc < 0)
        return rc;
    m->multi = bencode_type(files) == BENCODE_LIST;
    m->file_count = m->multi ? bencode_size(files) : 1;
    if (m->file_count == 0)
        return err_set(r->e, ERR_FORMAT, "the list of files is empty");
    m->files = calloc(m->file_count, sizeof *m->files);
    if (!m->files)
        return out_of_memory(r->e);
    return m->multi ? read_list(r, files) : read_single(r, info);
}

static int point_at_paths(struct reader *r) {
    const char *p = r->m->paths = text_take(&r->paths, NULL);
    if (!p)
        return out_of_memory(r->e);
    for (uint32_t i = 0; i < r->m->file_count; i++, p += strlen(p) + 1)
        r->m->files[i].path = p;
    return 0;
}

int metainfo_read_files(struct metainfo *m, struct bnode info, struct err *e) {
    struct reader r = {.m = m, .e = e};
    path_set_init(&r.set);
    int rc = read_all(&r, info);
    if (rc == 0)
        rc = point_at_paths(&r);
    text_free(&r.paths);
    text_free(&r.original);
    path_set_fini(&r.set);
    return rc;
}
