/* metainfo: the life of the object, and the order in which a torrent is checked.
 *
 *     { announce, announce-list, url-list, comment ..., info { name, piece length, pieces ... } }
 *                                                       ^------- hashed and kept raw -------^
 *
 * The info dictionary is kept as it came: its SHA-1 names the torrent, peers that know only
 * that name ask us for its bytes (BEP 9), and the piece hashes are a view into it. Sizes and
 * counts must agree before the object exists, so that whoever holds one can compute with its
 * numbers without a check. Names and files: metainfo_files.c; addresses: metainfo_urls.c. */
#include "codec/metainfo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/metainfo_parts.h"
#include "codec/printable.h"

static int out_of_memory(struct err *e) {
    return err_set(e, ERR_NOMEM, "out of memory");
}

/* -- the info dictionary --------------------------------------------------------------- */

static int keep_info(struct metainfo *m, struct bnode info, struct err *e) {
    struct span raw = bencode_raw(info);
    if (raw.len > METAINFO_MAX_INFO)
        return err_set(e, ERR_LIMIT, "the info dictionary is larger than 30 MiB");
    m->info = malloc(raw.len);
    if (!m->info || sha1(m->info_hash, raw.data, raw.len) < 0)
        return out_of_memory(e);
    memcpy(m->info, raw.data, raw.len);
    m->info_len = raw.len;
    return 0;
}

static int no_hashes(struct bnode info, struct err *e) {
    if (bencode_get(info, "file tree").doc)
        return err_set(
            e, ERR_UNSUPPORTED,
            "this is a version 2 torrent (BEP 52), which is not supported yet; "
            "a version 1 or hybrid torrent of the same files works");
    return err_set(e, ERR_FORMAT, "the torrent has no piece hashes");
}

static int read_hashes(struct metainfo *m, struct bnode info, struct err *e) {
    struct span hashes;
    if (!bencode_string(bencode_get(info, "pieces"), &hashes))
        return no_hashes(info, e);
    if (hashes.len % SHA1_LEN)
        return err_set(e, ERR_FORMAT,
                       "the piece hashes are %zu bytes, not a multiple of 20",
                       hashes.len);
    if (hashes.len / SHA1_LEN > METAINFO_MAX_PIECES)
        return err_set(e, ERR_LIMIT, "the torrent has more than 2 million pieces");
    m->pieces = (uint32_t)(hashes.len / SHA1_LEN);
    m->hashes = m->info + (hashes.data - bencode_raw(info).data);
    return 0;
}

static int read_piece_length(struct metainfo *m, struct bnode info, struct err *e) {
    int64_t length;
    if (!bencode_int(bencode_get(info, "piece length"), &length))
        return err_set(e, ERR_FORMAT, "the torrent has no piece length");
    if (length <= 0)
        return err_set(e, ERR_FORMAT, "piece length is %lld", (long long)length);
    if (length > METAINFO_MAX_PIECE_LENGTH)
        return err_set(e, ERR_LIMIT, "piece length is %lld, more than 512 MiB",
                       (long long)length);
    m->piece_length = (uint32_t)length;
    return 0;
}

static int check_sizes(const struct metainfo *m, struct err *e) {
    if (m->size == 0)
        return err_set(e, ERR_FORMAT, "the torrent has no data: all its files are empty");
    uint64_t needed = (m->size - 1) / m->piece_length + 1;
    if (needed != m->pieces)
        return err_set(
            e, ERR_FORMAT, "%llu bytes make %llu pieces, but there are %u hashes",
            (unsigned long long)m->size, (unsigned long long)needed, m->pieces);
    return 0;
}

static int read_info(struct metainfo *m, struct bnode info, struct err *e) {
    int64_t flag = 0;
    int rc;
    if (bencode_type(info) != BENCODE_DICT)
        return err_set(e, ERR_FORMAT, "the torrent has no info dictionary");
    if ((rc = keep_info(m, info, e)) < 0 || (rc = read_hashes(m, info, e)) < 0 ||
        (rc = read_piece_length(m, info, e)) < 0 ||
        (rc = metainfo_read_files(m, info, e)) < 0 || (rc = check_sizes(m, e)) < 0)
        return rc;
    m->private = bencode_int(bencode_get(info, "private"), &flag) && flag != 0;
    return 0;
}

/* -- around it ------------------------------------------------------------------------- */

static int read_text(char **out, struct bnode root, const char *key) {
    struct span s;
    struct text t;
    if (!bencode_string(metainfo_get_text(root, key), &s) || s.len == 0)
        return 0;
    text_init(&t);
    printable_add(&t, s);
    *out = text_take(&t, NULL);
    return *out ? 0 : ERR_NOMEM;
}

static int read_rest(struct metainfo *m, struct bnode root, struct err *e) {
    int64_t date;
    if (metainfo_read_trackers(m, root) < 0 || metainfo_read_webseeds(m, root) < 0 ||
        metainfo_read_nodes(m, root) < 0 || read_text(&m->comment, root, "comment") < 0 ||
        read_text(&m->created_by, root, "created by") < 0)
        return out_of_memory(e);
    if (bencode_int(bencode_get(root, "creation date"), &date) && date > 0)
        m->creation_date = date;
    return 0;
}

static int parse(struct metainfo **out, struct bnode root, struct bnode info,
                 struct err *e) {
    struct metainfo *m = calloc(1, sizeof *m);
    if (!m)
        return out_of_memory(e);
    m->refs = 1;
    int rc = read_info(m, info, e);
    if (rc == 0)
        rc = read_rest(m, root, e);
    if (rc == 0)
        *out = m;
    else
        metainfo_drop(m);
    return rc;
}

static int parse_bytes(struct bencode *doc, const uint8_t *data, size_t len,
                       const char *what, struct err *e) {
    struct err inner = {0};
    int rc = bencode_parse(doc, data, len, &inner);
    return rc < 0 ? err_set(e, rc, "%s: %s", what, inner.text) : 0;
}

int metainfo_parse(struct metainfo **out, const uint8_t *data, size_t len,
                   struct err *e) {
    struct bencode doc;
    int rc = parse_bytes(&doc, data, len, "not a torrent", e);
    if (rc < 0)
        return rc;
    struct bnode root = bencode_root(&doc);
    rc = parse(out, root, bencode_get(root, "info"), e);
    bencode_free(&doc);
    return rc;
}

int metainfo_parse_info(struct metainfo **out, const uint8_t *info, size_t len,
                        struct err *e) {
    struct bencode doc;
    int rc = parse_bytes(&doc, info, len, "broken metadata", e);
    if (rc < 0)
        return rc;
    rc = parse(out, (struct bnode){NULL, 0}, bencode_root(&doc), e);
    bencode_free(&doc);
    return rc;
}

/* -- life ------------------------------------------------------------------------------ */

static void free_strings(char **strings, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

static void free_nodes(struct metainfo *m) {
    for (uint32_t i = 0; i < m->node_count; i++)
        free(m->nodes[i].host);
    free(m->nodes);
}

static void metainfo_free(struct metainfo *m) {
    for (uint32_t i = 0; i < m->tier_count; i++)
        free_strings(m->tiers[i].urls, m->tiers[i].count);
    free(m->tiers);
    free_nodes(m);
    free_strings(m->webseeds, m->webseed_count);
    free_strings(m->renamed, m->renamed_count);
    free(m->name);
    free(m->files);
    free(m->paths);
    free(m->comment);
    free(m->created_by);
    free(m->info);
    free(m);
}

struct metainfo *metainfo_hold(struct metainfo *m) {
    assert(m->refs > 0);
    m->refs++;
    return m;
}

void metainfo_drop(struct metainfo *m) {
    if (!m)
        return;
    assert(m->refs > 0);
    if (--m->refs == 0)
        metainfo_free(m);
}

/* -- questions ------------------------------------------------------------------------- */

uint32_t metainfo_piece_size(const struct metainfo *m, uint32_t piece) {
    assert(piece < m->pieces);
    uint64_t left = m->size - (uint64_t)piece * m->piece_length;
    return (uint32_t)MIN(left, m->piece_length);
}

/* Of the files that begin at or before `offset` the last one: an empty file begins where the
 * one behind it does, so it is never the last of them. */
uint32_t metainfo_file_at(const struct metainfo *m, uint64_t offset) {
    assert(offset < m->size);
    uint32_t low = 0, high = m->file_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (m->files[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void metainfo_file_pieces(const struct metainfo *m, uint32_t file, uint32_t *first,
                          uint32_t *end) {
    assert(file < m->file_count);
    const struct metainfo_file *f = &m->files[file];
    *first = (uint32_t)(f->offset / m->piece_length);
    *end = *first;
    if (f->length)
        *end = (uint32_t)((f->offset + f->length - 1) / m->piece_length + 1);
}
