/* magnet_fields: what each field of a link says: the info hash, names, trackers, web seeds, peers, files.
 * One that makes no sense, or is one too many, is left out. */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "codec/magnet_parts.h"
#include "codec/printable.h"
#include "codec/url.h"

/* -- percent-encoding ---------------------------------------------------------------- */

void magnet_add_decoded(struct text *out, struct span s, bool plus_is_blank) {
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

bool magnet_read_hash(uint8_t out[20], struct span s) {
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

/* -- addresses of trackers and web seeds --------------------------------------------- */

/* Copies a URL, with "http:/host" made "http://host". */
static void add_url(struct text *out, struct span s) {
    const uint8_t *colon = memchr(s.data, ':', s.len);
    size_t at = colon ? (size_t)(colon - s.data) : s.len;
    if (s.len - at > 2 && s.data[at + 1] == '/' && s.data[at + 2] != '/') {
        text_add_url(out, (struct span){s.data, at + 1});
        text_addc(out, '/');
        s = span_skip(s, at + 1);
    }
    text_add_url(out, s);
}

/* Encoded twice: the first pass has left no colon, but its code. */
static bool needs_decoding(struct span s) {
    for (size_t i = 0; i + 2 < s.len && s.data[i] != ':' && s.data[i] != '/'; i++)
        if (span_starts(span_skip(s, i), "%3A"))
            return true;
    return false;
}

static int add_to_urls(struct magnet_list *l, struct span s, bool web) {
    struct text once, url;
    text_init(&once);
    text_init(&url);
    if (needs_decoding(s)) {
        magnet_add_decoded(&once, s, false);
        s = text_span(&once);
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

static int read_topic(struct magnet_reader *r, struct span v) {
    if (span_starts(v, "urn:btmh:"))
        r->has_v2 = true;
    if (!span_starts(v, "urn:btih:") || r->has_hash)
        return 0;
    struct span hash = span_trim(span_skip(v, strlen("urn:btih:")));
    r->has_hash = magnet_read_hash(r->m->info_hash, hash);
    if (!r->has_hash)
        r->bad_hash = MAX(hash.len, 1);
    return 0;
}

static int read_name(struct magnet_reader *r, struct span v) {
    char name[MAGNET_MAX_NAME + 1];
    if (r->m->name || !v.len)
        return 0;
    printable_copy(name, sizeof name, v);
    r->m->name = strdup(name);
    return r->m->name ? 0 : ERR_NOMEM;
}

static int read_tracker(struct magnet_reader *r, struct span v) {
    return add_to_urls(&r->m->trackers, v, false);
}

static int read_webseed(struct magnet_reader *r, struct span v) {
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

static int read_peer(struct magnet_reader *r, struct span v) {
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
    *s = span_skip(*s, n);
    *out = v;
    return n > 0;
}

/* "7" or "6-8", and nothing behind it. */
static bool read_range(struct magnet_range *range, struct span s) {
    if (!read_index(&s, &range->first))
        return false;
    range->last = range->first;
    if (s.len && s.data[0] == '-') {
        s = span_skip(s, 1);
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

static int read_files(struct magnet_reader *r, struct span v) {
    struct magnet_range range;
    int rc = 0;
    while (v.len && rc == 0) {
        const uint8_t *comma = memchr(v.data, ',', v.len);
        size_t len = comma ? (size_t)(comma - v.data) : v.len;
        if (read_range(&range, span_trim((struct span){v.data, len})))
            rc = add_range(r->m, range);
        v = span_skip(v, len + (comma != NULL));
    }
    return rc;
}

static const struct field {
    const char *key;
    int (*read)(struct magnet_reader *r, struct span value);
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
        if (strlen(fields[i].key) == key.len && span_starts(key, fields[i].key))
            return &fields[i];
    return NULL;
}

int magnet_read_field(struct magnet_reader *r, struct span s) {
    if (span_starts(s, "amp;"))
        s = span_skip(s, 4);
    const uint8_t *equals = memchr(s.data, '=', s.len);
    size_t len = equals ? (size_t)(equals - s.data) : s.len;
    const struct field *field = find_field((struct span){s.data, len});
    if (!equals || !field)
        return 0;
    struct text value;
    text_init(&value);
    magnet_add_decoded(&value, span_skip(s, len + 1), field->plus_is_blank);
    int rc = value.failed ? ERR_NOMEM : 0;
    if (rc == 0 && value.len)
        rc = field->read(r, span_trim(text_span(&value)));
    text_free(&value);
    return rc;
}
