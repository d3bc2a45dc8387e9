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
#include <strings.h>

#include "base/addr.h"
#include "codec/printable.h"
#include "codec/url.h"

static struct span skip(struct span s, size_t n) {
    return (struct span){s.data + n, s.len - n};
}

static bool starts(struct span s, const char *prefix) {
    size_t len = strlen(prefix);
    return s.len >= len && strncasecmp((const char *)s.data, prefix, len) == 0;
}

static struct span span_of(const struct text *t) {
    return (struct span){(const uint8_t *)t->data, t->len};
}

/* -- percent-encoding ---------------------------------------------------------------- */

/* A '%' that no two digits follow stands for itself. */
static void add_decoded(struct text *out, struct span s, bool plus_is_blank) {
    uint8_t byte;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '%' && s.len - i > 2 &&
            hex_decode(&byte, (const char *)s.data + i + 1, 1) == 0) {
            text_addc(out, (char)byte);
            i += 2;
        } else {
            text_addc(out, s.data[i] == '+' && plus_is_blank ? ' ' : (char)s.data[i]);
        }
    }
}

/* -- info hashes --------------------------------------------------------------------- */

static int base32_digit(uint8_t c) {
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* 32 digits of five bits are exactly 20 bytes. */
static bool read_base32(uint8_t out[20], const uint8_t *p) {
    uint32_t bits = 0, have = 0;
    for (size_t i = 0; i < 32; i++) {
        int digit = base32_digit(p[i]);
        if (digit < 0)
            return false;
        bits = bits << 5 | (uint32_t)digit;
        have += 5;
        if (have >= 8)
            *out++ = (uint8_t)(bits >> (have -= 8));
    }
    return true;
}

static bool read_hash(uint8_t out[20], struct span s) {
    uint8_t hash[20];
    bool good = false;
    if (s.len == 40)
        good = hex_decode(hash, (const char *)s.data, sizeof hash) == 0;
    else if (s.len == 32)
        good = read_base32(hash, s.data);
    if (good)
        memcpy(out, hash, sizeof hash);
    return good;
}

/* -- lists --------------------------------------------------------------------------- */

static bool list_has(const struct magnet_list *l, const char *item) {
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i], item) == 0)
            return true;
    return false;
}

/* Takes what `t` holds, if it is new and there is room; `t` is empty afterwards. */
static int list_take(struct magnet_list *l, struct text *t) {
    char *item = text_take(t, NULL);
    if (!item)
        return ERR_NOMEM;
    if (l->count == MAGNET_MAX_LIST || list_has(l, item)) {
        free(item);
        return 0;
    }
    char **grown = realloc(l->items, (l->count + 1) * sizeof *grown);
    if (!grown) {
        free(item);
        return ERR_NOMEM;
    }
    l->items = grown;
    grown[l->count++] = item;
    return 0;
}

static void list_free(struct magnet_list *l) {
    for (uint32_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
}

/* -- addresses of trackers and web seeds --------------------------------------------- */

/* Copies a URL, with "http:/host" made "http://host". */
static void add_url(struct text *out, struct span s) {
    const uint8_t *colon = memchr(s.data, ':', s.len);
    size_t at = colon ? (size_t)(colon - s.data) : s.len;
    if (s.len - at > 2 && s.data[at + 1] == '/' && s.data[at + 2] != '/') {
        text_add_url(out, (struct span){s.data, at + 1});
        text_addc(out, '/');
        s = skip(s, at + 1);
    }
    text_add_url(out, s);
}

/* Encoded twice: the first pass has left no colon, but its code. */
static bool needs_decoding(struct span s) {
    for (size_t i = 0; i + 2 < s.len && s.data[i] != ':' && s.data[i] != '/'; i++)
        if (starts(skip(s, i), "%3A"))
            return true;
    return false;
}

static int add_to_urls(struct magnet_list *l, struct span s, bool web) {
    struct text once, url;
    text_init(&once);
    text_init(&url);
    if (needs_decoding(s)) {
        add_decoded(&once, s, false);
        s = span_of(&once);
    }
    if (s.len && s.len <= MAGNET_MAX_URL && !memchr(s.data, '\0', s.len))
        add_url(&url, s);
    int rc = once.failed || url.failed ? ERR_NOMEM : 0;
    if (rc == 0 && url.len && url_usable(url.data, web))
        rc = list_take(l, &url);
    text_free(&once);
    text_free(&url);
    return rc;
}

/* -- fields -------------------------------------------------------------------------- */

struct reader {
    struct magnet *m;
    bool has_hash, has_v2;
    size_t bad_hash; /* length of an info hash that was none */
};

static int read_topic(struct reader *r, struct span v) {
    if (starts(v, "urn:btmh:"))
        r->has_v2 = true;
    if (!starts(v, "urn:btih:") || r->has_hash)
        return 0;
    struct span hash = span_trim(skip(v, strlen("urn:btih:")));
    r->has_hash = read_hash(r->m->info_hash, hash);
    if (!r->has_hash)
        r->bad_hash = MAX(hash.len, 1);
    return 0;
}

static int read_name(struct reader *r, struct span v) {
    char name[MAGNET_MAX_NAME + 1];
    if (r->m->name || !v.len)
        return 0;
    printable_copy(name, sizeof name, v);
    r->m->name = strdup(name);
    return r->m->name ? 0 : ERR_NOMEM;
}

static int read_tracker(struct reader *r, struct span v) {
    return add_to_urls(&r->m->trackers, v, false);
}

static int read_webseed(struct reader *r, struct span v) {
    return add_to_urls(&r->m->webseeds, v, true);
}

static bool is_host_char(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '-' || c == '_';
}

/* "name:port". To look the name up is somebody else's work; here it only has to be
 * one. */
static bool is_host_port(const char *text) {
    const char *p = text;
    struct addr ignored;
    char number[16] = "0.0.0.0:";
    while (is_host_char((uint8_t)*p))
        p++;
    if (p == text || p - text > 255 || *p != ':' || strlen(p + 1) > 5)
        return false;
    strcat(number, p + 1);
    return addr_parse(&ignored, number, -1) == 0;
}

static int read_peer(struct reader *r, struct span v) {
    struct addr a;
    struct text t;
    text_init(&t);
    if (v.len > 262 || memchr(v.data, '\0', v.len))
        return 0;
    text_add(&t, v.data, v.len);
    int rc = t.failed ? ERR_NOMEM : 0;
    if (rc == 0 && t.len && (addr_parse(&a, t.data, -1) == 0 || is_host_port(t.data)))
        rc = list_take(&r->m->peers, &t);
    text_free(&t);
    return rc;
}

static bool read_index(struct span *s, uint32_t *out) {
    uint32_t v = 0;
    size_t n = 0;
    for (; n < s->len && s->data[n] >= '0' && s->data[n] <= '9'; n++)
        if ((v = v * 10 + (uint32_t)(s->data[n] - '0')) > MAGNET_MAX_FILE)
            return false;
    *s = skip(*s, n);
    *out = v;
    return n > 0;
}

/* "7" or "6-8", and nothing behind it. */
static bool read_range(struct magnet_range *range, struct span s) {
    if (!read_index(&s, &range->first))
        return false;
    range->last = range->first;
    if (s.len && s.data[0] == '-') {
        s = skip(s, 1);
        if (!read_index(&s, &range->last))
            return false;
    }
    return s.len == 0 && range->first <= range->last;
}

static int add_range(struct magnet *m, struct magnet_range range) {
    if (m->file_count == MAGNET_MAX_RANGES)
        return 0;
    struct magnet_range *grown =
        realloc(m->files, (m->file_count + 1) * sizeof *m->files);
    if (!grown)
        return ERR_NOMEM;
    m->files = grown;
    grown[m->file_count++] = range;
    return 0;
}

static int read_files(struct reader *r, struct span v) {
    struct magnet_range range;
    int rc = 0;
    while (v.len && rc == 0) {
        const uint8_t *comma = memchr(v.data, ',', v.len);
        size_t len = comma ? (size_t)(comma - v.data) : v.len;
        if (read_range(&range, span_trim((struct span){v.data, len})))
            rc = add_range(r->m, range);
        v = skip(v, len + (comma != NULL));
    }
    return rc;
}

static const struct field {
    const char *key;
    int (*read)(struct reader *r, struct span value);
    bool plus_is_blank; /* a '+' may stand in a URL, and in a name for a blank */
} fields[] = {
    {"xt", read_topic, false},   {"dn", read_name, true},    {"tr", read_tracker, false},
    {"ws", read_webseed, false}, {"x.pe", read_peer, false}, {"so", read_files, false},
};

/* "tr.2" is "tr". */
static struct span without_number(struct span key) {
    size_t n = key.len;
    while (n && key.data[n - 1] >= '0' && key.data[n - 1] <= '9')
        n--;
    if (n > 1 && n < key.len && key.data[n - 1] == '.')
        key.len = n - 1;
    return key;
}

static const struct field *find_field(struct span key) {
    key = without_number(key);
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (strlen(fields[i].key) == key.len && starts(key, fields[i].key))
            return &fields[i];
    return NULL;
}

/* One "key=value". */
static int read_field(struct reader *r, struct span s) {
    if (starts(s, "amp;"))
        s = skip(s, 4);
    const uint8_t *equals = memchr(s.data, '=', s.len);
    size_t len = equals ? (size_t)(equals - s.data) : s.len;
    const struct field *field = find_field((struct span){s.data, len});
    if (!equals || !field)
        return 0;
    struct text value;
    text_init(&value);
    add_decoded(&value, skip(s, len + 1), field->plus_is_blank);
    int rc = value.failed ? ERR_NOMEM : 0;
    if (rc == 0 && value.len)
        rc = field->read(r, span_trim(span_of(&value)));
    text_free(&value);
    return rc;
}

static int read_fields(struct reader *r, struct span s) {
    int rc = 0;
    while (s.len && rc == 0) {
        const uint8_t *end = memchr(s.data, '&', s.len);
        size_t len = end ? (size_t)(end - s.data) : s.len;
        rc = read_field(r, (struct span){s.data, len});
        s = skip(s, len + (end != NULL));
    }
    return rc;
}

/* -- links --------------------------------------------------------------------------- */

/* A player's directory in front of the link. */
static struct span without_directory(struct span s) {
    for (size_t i = 0; s.len && s.data[0] == '/' && i < s.len; i++)
        if (starts(skip(s, i), "/magnet:?"))
            return skip(s, i + 1);
    return s;
}

/* The fields of a link, or nothing. */
static struct span link_body(struct span s) {
    s = without_directory(s);
    if (!starts(s, "magnet:"))
        return (struct span){NULL, 0};
    s = skip(s, strlen("magnet:"));
    while (s.len && (s.data[0] == '?' || s.data[0] == '/'))
        s = skip(s, 1);
    return s;
}

static int say_what_is_missing(const struct reader *r, struct err *e) {
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
    struct reader r = {.m = m};
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
    add_decoded(&t, s, false);
    int rc =
        t.failed ? err_set(e, ERR_NOMEM, "out of memory") : parse_link(m, span_of(&t), e);
    text_free(&t);
    return rc;
}

int magnet_parse(struct magnet *m, const char *text, size_t len, struct err *e) {
    struct span s = span_trim((struct span){(const uint8_t *)text, len});
    *m = (struct magnet){0};
    if (s.len > MAGNET_MAX_LEN)
        return err_set(e, ERR_LIMIT, "the magnet link is longer than %u bytes",
                       MAGNET_MAX_LEN);
    if (read_hash(m->info_hash, s))
        return 0;
    int rc = starts(s, "magnet%3A") ? parse_encoded(m, s, e) : parse_link(m, s, e);
    if (rc < 0)
        magnet_free(m);
    return rc;
}

bool magnet_likely(const char *text, size_t len) {
    struct span s = span_trim((struct span){(const uint8_t *)text, len});
    uint8_t ignored[20];
    return read_hash(ignored, s) || starts(s, "magnet:") || starts(s, "magnet%3A") ||
           starts(without_directory(s), "magnet:");
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
