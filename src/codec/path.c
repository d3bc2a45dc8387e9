/* path: the one place that decides what a name from a stranger may look like on disk.
 *
 *     ".."  "."  ""  " . "     -> "_"           nothing but dots and blanks
 *     "a/b"  "a\b"  "a<NUL>b"  -> "a_b"         separators, control characters, not UTF-8
 *     "C:"                     -> "C_"          a drive
 *     "nul.txt"                -> "_nul.txt"    a device on Windows, in any directory
 *     300 bytes ".mkv"         -> 251 bytes ".mkv"
 *
 * The set is an open hash table of 16-byte entries that refer to the text of all paths. Its
 * hash starts from a secret, so that a torrent cannot be made whose names all collide. */
#include "codec/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/rng.h"
#include "codec/printable.h"

#define MAX_EXTENSION 16 /* longer than this behind a dot is no extension */
#define MAX_ATTEMPTS 100 /* free names that are tried for one file */

/* -- one element ----------------------------------------------------------------------- */

/* Windows opens a device for these names with any extension. */
static bool is_device(struct span s) {
    static const char *const devices[] = {"con", "prn", "aux", "nul"};
    const char *name = (const char *)s.data;
    const uint8_t *dot = s.len ? memchr(s.data, '.', s.len) : NULL;
    size_t len = dot ? (size_t)(dot - s.data) : s.len;
    if (len == 4 && name[3] >= '1' && name[3] <= '9')
        return strncasecmp(name, "com", 3) == 0 || strncasecmp(name, "lpt", 3) == 0;
    for (size_t i = 0; i < COUNT_OF(devices); i++)
        if (len == 3 && strncasecmp(name, devices[i], 3) == 0)
            return true;
    return false;
}

static bool is_drive(const char *name, size_t len) {
    char letter = len == 2 ? (char)(name[0] | 0x20) : '\0';
    return letter >= 'a' && letter <= 'z' && name[1] == ':';
}

static void truncate_to(struct text *t, size_t len) {
    t->len = len;
    t->data[len] = '\0';
}

/* The longest part of at most `max` bytes that does not end inside a character. */
static size_t utf8_cut(const char *s, size_t len, size_t max) {
    if (len <= max)
        return len;
    while (max && ((uint8_t)s[max] & 0xc0) == 0x80)
        max--;
    return max;
}

/* Where ".ext" begins; the end if there is none. A leading dot begins a hidden name instead. */
static size_t extension_at(const char *name, size_t len) {
    size_t at = len;
    while (at > 1 && len - at < MAX_EXTENSION && name[at - 1] != '.')
        at--;
    return at > 1 && name[at - 1] == '.' ? at - 1 : len;
}

/* Writes the element at `start` anew: as much of its stem as fits, `infix`, its extension. */
static void rewrite(struct text *t, size_t start, const char *infix) {
    char extension[MAX_EXTENSION + 1];
    const char *name = t->data + start;
    size_t len = t->len - start, stem = extension_at(name, len), tail = len - stem;
    memcpy(extension, name + stem, tail);
    stem = utf8_cut(name, stem, PATH_MAX_ELEMENT - tail - strlen(infix));
    truncate_to(t, start + stem);
    text_adds(t, infix);
    text_add(t, extension, tail);
}

static void add_fit_characters(struct text *out, struct span raw) {
    bool fit;
    for (size_t i = 0, n; i < raw.len; i += n) {
        n = printable_step(raw.data + i, raw.len - i, &fit);
        if (fit && raw.data[i] != '/' && raw.data[i] != '\\')
            text_add(out, raw.data + i, n);
        else
            text_addc(out, '_');
    }
}

static bool only_dots_and_blanks(const char *s, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (s[i] != '.' && s[i] != ' ')
            return false;
    return true;
}

bool path_add_element(struct text *out, struct span raw) {
    size_t start = out->len;
    if (is_device(raw))
        text_addc(out, '_');
    add_fit_characters(out, raw);
    if (out->failed)
        return true;
    if (out->len == start || only_dots_and_blanks(out->data + start, out->len - start)) {
        if (out->data)
            truncate_to(out, start);
        text_addc(out, '_');
    } else if (is_drive(out->data + start, out->len - start)) {
        out->data[start + 1] = '_';
    } else if (out->len - start > PATH_MAX_ELEMENT) {
        rewrite(out, start, "");
    }
    size_t len = out->len - start;
    return out->failed ||
           (len == raw.len && memcmp(out->data + start, raw.data, len) == 0);
}

/* -- the set --------------------------------------------------------------------------- */

struct path_entry {
    uint32_t hash, offset;
    uint32_t len : 31; /* 0 = a free slot */
    uint32_t directory : 1;
    uint32_t copies; /* the last number that was given to a file of this name */
};

struct key {
    const char *path;
    uint32_t len;
    uint64_t hash;
};

void path_set_init(struct path_set *s) {
    *s = (struct path_set){0};
    if (rng_secret(&s->seed, sizeof s->seed) < 0)
        s->seed = (uintptr_t)s; /* no secret, but not a constant either */
}

void path_set_fini(struct path_set *s) {
    free(s->slots);
    *s = (struct path_set){0};
}

static uint64_t hash_byte(uint64_t h, char c) {
    h = (h ^ (uint8_t)c) * 0x9e3779b97f4a7c15u; /* odd, no pattern in its bits */
    return h ^ h >> 29;
}

/* Makes room for one more, at most three quarters full. */
static int reserve(struct path_set *s) {
    if (s->count < s->cap / 4 * 3)
        return 0;
    uint32_t cap = s->cap ? s->cap * 2 : 64;
    struct path_entry *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < s->cap; i++) {
        uint32_t at = s->slots[i].hash & (cap - 1);
        while (slots[at].len)
            at = (at + 1) & (cap - 1);
        if (s->slots[i].len)
            slots[at] = s->slots[i];
    }
    free(s->slots);
    s->slots = slots;
    s->cap = cap;
    return 0;
}

/* The entry of this path, or the free one where it belongs. */
static struct path_entry *find(const struct path_set *s, const struct text *paths,
                               const struct key *k) {
    uint32_t hash = (uint32_t)(k->hash >> 32), at = hash & (s->cap - 1);
    for (;; at = (at + 1) & (s->cap - 1)) {
        struct path_entry *entry = &s->slots[at];
        if (!entry->len)
            return entry;
        if (entry->hash == hash && entry->len == k->len &&
            memcmp(paths->data + entry->offset, k->path, k->len) == 0)
            return entry;
    }
}

static void fill(struct path_set *s, struct path_entry *entry, const struct text *paths,
                 const struct key *k, bool directory) {
    *entry = (struct path_entry){.hash = (uint32_t)(k->hash >> 32),
                                 .offset = (uint32_t)(k->path - paths->data),
                                 .len = k->len & INT32_MAX,
                                 .directory = directory};
    s->count++;
}

static int claim_directory(struct path_set *s, const struct text *paths,
                           const struct key *k) {
    int rc = reserve(s);
    if (rc < 0)
        return rc;
    struct path_entry *entry = find(s, paths, k);
    if (!entry->len)
        fill(s, entry, paths, k, true);
    return entry->directory ? 0 : ERR_UNSAFE;
}

/* Claims all parents; *leaf is where the last element begins, *k its parent's path with '/'. */
static int claim_parents(struct path_set *s, const struct text *paths, struct key *k,
                         size_t *leaf) {
    for (size_t i = *leaf; i < paths->len; i++) {
        k->len = (uint32_t)(paths->data + i - k->path);
        int rc = paths->data[i] == '/' ? claim_directory(s, paths, k) : 0;
        if (rc < 0)
            return rc;
        if (paths->data[i] == '/')
            *leaf = i + 1;
        k->hash = hash_byte(k->hash, paths->data[i]);
    }
    k->len = (uint32_t)(paths->data + paths->len - k->path);
    return 0;
}

static struct key key_of(const struct path_set *s, const struct text *paths,
                         size_t start) {
    struct key k = {paths->data + start, (uint32_t)(paths->len - start), s->seed};
    for (uint32_t i = 0; i < k.len; i++)
        k.hash = hash_byte(k.hash, k.path[i]);
    return k;
}

/* Numbers go on where the last file of this name stopped: many files of one name would cost
 * the square of their number otherwise. */
static int claim_copy(struct path_set *s, struct text *paths, size_t start, size_t leaf,
                      struct path_entry *taken) {
    char name[PATH_MAX_ELEMENT], infix[16];
    size_t len = paths->len - leaf;
    memcpy(name, paths->data + leaf, len);
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        truncate_to(paths, leaf);
        text_add(paths, name, len);
        snprintf(infix, sizeof infix, " (%u)", ++taken->copies);
        rewrite(paths, leaf, infix);
        if (paths->failed)
            return ERR_NOMEM;
        struct key k = key_of(s, paths, start);
        struct path_entry *entry = find(s, paths, &k);
        if (!entry->len) {
            fill(s, entry, paths, &k, false);
            return 1;
        }
    }
    return ERR_LIMIT;
}

int path_set_claim(struct path_set *s, struct text *paths, size_t start) {
    if (paths->failed)
        return ERR_NOMEM;
    if (paths->len > UINT32_MAX)
        return ERR_LIMIT;
    struct key k = {paths->data + start, 0, s->seed};
    size_t leaf = start;
    int rc = claim_parents(s, paths, &k, &leaf);
    if (rc < 0 || (rc = reserve(s)) < 0)
        return rc;
    struct path_entry *entry = find(s, paths, &k);
    if (entry->len)
        return entry->directory ? ERR_UNSAFE : claim_copy(s, paths, start, leaf, entry);
    fill(s, entry, paths, &k, false);
    return 0;
}
