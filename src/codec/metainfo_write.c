/* metainfo_write: canonical bencode, written in one go.
 *
 *     d announce, announce-list, comment, created by, creation date,
 *       info d files l d attr, length, path e ... e   (or length)
 *              name, piece length, pieces, private, source e,
 *       url-list e
 *
 * Keys stand in the order of their bytes, which every reader expects and the info hash depends
 * on. A draft that the parser would refuse is refused here. */
#include "codec/metainfo_write.h"

#include <string.h>

#include "codec/bencode.h"
#include "codec/metainfo.h"

#define SMALLEST_PIECE (16u << 10)
#define LARGEST_PIECE (16u << 20)
#define USUAL_PIECES 1500

/* -- checks ---------------------------------------------------------------------------- */

/* An element is not empty and leads nowhere else. */
static bool element_valid(const char *s, size_t len) {
    return len && !(len == 1 && s[0] == '.') && !(len == 2 && s[0] == '.' && s[1] == '.');
}

static bool path_valid(const char *path) {
    for (;;) {
        size_t len = strcspn(path, "/");
        if (!element_valid(path, len))
            return false;
        if (!path[len])
            return true;
        path += len + 1;
    }
}

static int check_files(const struct metainfo_draft *d, uint64_t *size, struct err *e) {
    *size = 0;
    if (d->file_count == 0 || (!d->multi && d->file_count != 1))
        return err_set(e, ERR_INVALID, "there is no file to make a torrent of");
    for (uint32_t i = 0; i < d->file_count; i++) {
        const struct metainfo_draft_file *f = &d->files[i];
        if (d->multi && !path_valid(f->path))
            return err_set(e, ERR_INVALID, "file %u: its path cannot be in a torrent",
                           i + 1);
        if (f->length > (uint64_t)INT64_MAX - *size)
            return err_set(e, ERR_LIMIT, "the sizes add up to more than 8 EiB");
        *size += f->length;
    }
    if (*size == 0)
        return err_set(e, ERR_INVALID, "there is no data to make a torrent of");
    return 0;
}

static int check(const struct metainfo_draft *d, struct err *e) {
    uint64_t size;
    if (!d->name || strchr(d->name, '/') || !element_valid(d->name, strlen(d->name)))
        return err_set(e, ERR_INVALID, "the name cannot be a torrent's");
    if (d->piece_length == 0)
        return err_set(e, ERR_INVALID, "piece length is 0");
    if (d->piece_length > METAINFO_MAX_PIECE_LENGTH)
        return err_set(e, ERR_INVALID, "piece length is %u, more than 512 MiB",
                       d->piece_length);
    int rc = check_files(d, &size, e);
    if (rc < 0)
        return rc;
    uint64_t pieces = (size - 1) / d->piece_length + 1;
    if (pieces > METAINFO_MAX_PIECES)
        return err_set(e, ERR_LIMIT, "more than 2 million pieces: choose longer ones");
    if (pieces != d->pieces)
        return err_set(e, ERR_INVALID, "%u hashes for %llu pieces", d->pieces,
                       (unsigned long long)pieces);
    return 0;
}

/* -- writing --------------------------------------------------------------------------- */

static void add_string(struct text *out, const char *key, const char *value) {
    if (!value || !*value)
        return;
    bencode_adds(out, key);
    bencode_adds(out, value);
}

static void add_int(struct text *out, const char *key, int64_t value) {
    bencode_adds(out, key);
    bencode_add_int(out, value);
}

static void add_path(struct text *out, const char *path) {
    bencode_adds(out, "path");
    text_addc(out, 'l');
    for (;;) {
        size_t len = strcspn(path, "/");
        bencode_add_string(out, path, len);
        if (!path[len])
            break;
        path += len + 1;
    }
    text_addc(out, 'e');
}

static void add_attr(struct text *out, uint32_t flags) {
    char attr[4];
    size_t n = 0;
    if (flags & FILE_HIDDEN)
        attr[n++] = 'h';
    if (flags & FILE_PAD)
        attr[n++] = 'p';
    if (flags & FILE_EXECUTABLE)
        attr[n++] = 'x';
    attr[n] = '\0';
    add_string(out, "attr", attr);
}

static void add_files(struct text *out, const struct metainfo_draft *d) {
    bencode_adds(out, "files");
    text_addc(out, 'l');
    for (uint32_t i = 0; i < d->file_count; i++) {
        text_addc(out, 'd');
        add_attr(out, d->files[i].flags);
        add_int(out, "length", (int64_t)d->files[i].length);
        add_path(out, d->files[i].path);
        text_addc(out, 'e');
    }
    text_addc(out, 'e');
}

static void add_info(struct text *out, const struct metainfo_draft *d) {
    bencode_adds(out, "info");
    text_addc(out, 'd');
    if (d->multi)
        add_files(out, d);
    else
        add_int(out, "length", (int64_t)d->files[0].length);
    add_string(out, "name", d->name);
    add_int(out, "piece length", d->piece_length);
    bencode_adds(out, "pieces");
    bencode_add_string(out, d->hashes, (size_t)d->pieces * SHA1_LEN);
    if (d->private)
        add_int(out, "private", 1);
    add_string(out, "source", d->source);
    text_addc(out, 'e');
}

/* One tracker needs no list of tiers. */
static void add_trackers(struct text *out, const char *const *urls) {
    if (!urls || !urls[0])
        return;
    add_string(out, "announce", urls[0]);
    if (!urls[1])
        return;
    bencode_adds(out, "announce-list");
    text_addc(out, 'l');
    for (; *urls; urls++) {
        text_addc(out, 'l');
        bencode_adds(out, *urls);
        text_addc(out, 'e');
    }
    text_addc(out, 'e');
}

static void add_webseeds(struct text *out, const char *const *urls) {
    if (!urls || !urls[0])
        return;
    bencode_adds(out, "url-list");
    text_addc(out, 'l');
    for (; *urls; urls++)
        bencode_adds(out, *urls);
    text_addc(out, 'e');
}

int metainfo_write(struct text *out, const struct metainfo_draft *d, struct err *e) {
    int rc = check(d, e);
    if (rc < 0)
        return rc;
    text_addc(out, 'd');
    add_trackers(out, d->trackers);
    add_string(out, "comment", d->comment);
    add_string(out, "created by", d->created_by);
    if (d->creation_date)
        add_int(out, "creation date", d->creation_date);
    add_info(out, d);
    add_webseeds(out, d->webseeds);
    text_addc(out, 'e');
    return out->failed ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

uint32_t metainfo_choose_piece_length(uint64_t size) {
    uint32_t length = SMALLEST_PIECE;
    while (length < LARGEST_PIECE && size / length > USUAL_PIECES)
        length *= 2;
    return length;
}

/* -- natural order --------------------------------------------------------------------- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int lower(char c) {
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (uint8_t)c;
}

static size_t digits(const char *s) {
    size_t n = 0;
    while (is_digit(s[n]))
        n++;
    return n;
}

/* Steps over a number in each; a longer one without its zeros is a larger one. */
static int compare_numbers(const char **a, const char **b) {
    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    size_t n = digits(*a), m = digits(*b);
    int order = n != m ? (n < m ? -1 : 1) : memcmp(*a, *b, n);
    *a += n;
    *b += m;
    return order;
}

int natural_compare(const char *a, const char *b) {
    const char *p = a, *q = b;
    while (*p && *q) {
        int order;
        if (is_digit(*p) && is_digit(*q))
            order = compare_numbers(&p, &q);
        else
            order = lower(*p++) - lower(*q++);
        if (order)
            return order;
    }
    if (*p || *q)
        return *p ? 1 : -1;
    return strcmp(a, b);
}
