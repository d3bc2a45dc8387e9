/* magnet: links read with patience. What happens to them on their way, and is undone
 * here:
 *
 *     &amp;tr=            copied from the source of a web page
 *     magnet%3A%3Fxt=...  handed on by a browser as one encoded word
 *     tr=http%253A%252F   encoded twice
 *     tr=http:/host       a player took the link for a path and joined the slashes
 *     /home/me/magnet:?   ... and put its directory in front
 *     xt.1= tr.2=         numbered fields, as the first drafts had them
 *
 * A link is at most 64 KiB, so nothing below can take long or much. */
#include "codec/magnet.h"

#include <stdlib.h>
#include <string.h>

#include "codec/magnet_parts.h"

/* -- reading -------------------------------------------------------------------------- */

static int read_fields(struct magnet_reader *r, struct span s) {
    int rc = 0;
    while (s.len && rc == 0) {
        const uint8_t *end = memchr(s.data, '&', s.len);
        size_t len = end ? (size_t)(end - s.data) : s.len;
        rc = magnet_read_field(r, (struct span){s.data, len});
        s = span_skip(s, len + (end != NULL));
    }
    return rc;
}

/* A player's directory in front of the link. */
static struct span without_directory(struct span s) {
    for (size_t i = 0; s.len && s.data[0] == '/' && i < s.len; i++)
        if (span_starts(span_skip(s, i), "/magnet:?"))
            return span_skip(s, i + 1);
    return s;
}

/* The fields of a link, or nothing. */
static struct span link_body(struct span s) {
    s = without_directory(s);
    if (!span_starts(s, "magnet:"))
        return (struct span){NULL, 0};
    s = span_skip(s, strlen("magnet:"));
    while (s.len && (s.data[0] == '?' || s.data[0] == '/'))
        s = span_skip(s, 1);
    return s;
}

static int say_what_is_missing(const struct magnet_reader *r, struct err *e) {
    if (r->has_hash)
        return 0;
    if (r->bad_hash)
        return err_set(
            e, ERR_FORMAT,
            "the info hash of the magnet link is not 40 hexadecimal or 32 base32 "
            "digits (it has %zu characters)",
            r->bad_hash);
    if (r->has_v2)
        return err_set(
            e, ERR_UNSUPPORTED,
            "the magnet link is for BitTorrent v2 only (urn:btmh); use one that "
            "has urn:btih, too");
    return err_set(e, ERR_FORMAT,
                   "the magnet link names no torrent (xt=urn:btih:... is missing)");
}

static int parse_link(struct magnet *m, struct span s, struct err *e) {
    struct magnet_reader r = {.m = m};
    struct span body = link_body(s);
    if (!body.len)
        return err_set(e, ERR_FORMAT, "this is neither a magnet link nor an info hash");
    int rc = read_fields(&r, body);
    if (rc < 0)
        return err_set(e, rc, "out of memory");
    return say_what_is_missing(&r, e);
}

static int parse_encoded(struct magnet *m, struct span s, struct err *e) {
    struct text t;
    text_init(&t);
    magnet_add_decoded(&t, s, false);
    int rc = t.failed ? err_set(e, ERR_NOMEM, "out of memory")
                      : parse_link(m, text_span(&t), e);
    text_free(&t);
    return rc;
}

int magnet_parse(struct magnet *m, const char *text, size_t len, struct err *e) {
    struct span s = span_trim((struct span){(const uint8_t *)text, len});
    *m = (struct magnet){0};
    if (s.len > MAGNET_MAX_LEN)
        return err_set(e, ERR_LIMIT, "the magnet link is longer than %u bytes",
                       MAGNET_MAX_LEN);
    if (magnet_read_hash(m->info_hash, s))
        return 0;
    int rc = span_starts(s, "magnet%3A") ? parse_encoded(m, s, e) : parse_link(m, s, e);
    if (rc < 0)
        magnet_free(m);
    return rc;
}

bool magnet_likely(const char *text, size_t len) {
    struct span s = span_trim((struct span){(const uint8_t *)text, len});
    uint8_t ignored[20];
    return magnet_read_hash(ignored, s) || span_starts(s, "magnet:") ||
           span_starts(s, "magnet%3A") || span_starts(without_directory(s), "magnet:");
}

static void list_free(struct magnet_list *l) {
    for (uint32_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
}

void magnet_free(struct magnet *m) {
    free(m->name);
    list_free(&m->trackers);
    list_free(&m->webseeds);
    list_free(&m->peers);
    free(m->files);
    *m = (struct magnet){0};
}

bool magnet_selects(const struct magnet *m, uint32_t file) {
    for (uint32_t i = 0; i < m->file_count; i++)
        if (file >= m->files[i].first && file <= m->files[i].last)
            return true;
    return m->file_count == 0;
}

/* -- writing ------------------------------------------------------------------------- */

static void write_field(struct text *out, const char *key, const char *value) {
    text_addf(out, "&%s=", key);
    text_add_urlencoded(out, value, strlen(value));
}

static void write_list(struct text *out, const char *key, const struct magnet_list *l) {
    for (uint32_t i = 0; i < l->count; i++)
        write_field(out, key, l->items[i]);
}

static void write_files(struct text *out, const struct magnet *m) {
    for (uint32_t i = 0; i < m->file_count; i++) {
        text_addf(out, "%s%u", i ? "," : "&so=", m->files[i].first);
        if (m->files[i].last != m->files[i].first)
            text_addf(out, "-%u", m->files[i].last);
    }
}

void magnet_write(struct text *out, const struct magnet *m) {
    char hex[41];
    hex_encode(hex, m->info_hash, sizeof m->info_hash);
    text_addf(out, "magnet:?xt=urn:btih:%s", hex);
    if (m->name)
        write_field(out, "dn", m->name);
    write_list(out, "tr", &m->trackers);
    write_list(out, "ws", &m->webseeds);
    write_list(out, "x.pe", &m->peers);
    write_files(out, m);
}
