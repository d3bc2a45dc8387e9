/* lsd: see the header. Header names are of any case and order, as in HTTP, and lines may
 * end in a bare newline. */
#include "codec/lsd.h"

#include <string.h>
#include <strings.h>

static bool same_word(struct span s, const char *word) {
    return s.len == strlen(word) && strncasecmp((const char *)s.data, word, s.len) == 0;
}

/* Takes the next line off `rest`. */
static struct span take_line(struct span *rest) {
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    struct span line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
    size_t used = line.len + (end != NULL);
    *rest = (struct span){rest->data + used, rest->len - used};
    return span_trim(line);
}

static void read_port(struct lsd_message *m, struct span value) {
    uint32_t port = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || port > UINT16_MAX)
            return;
        port = port * 10 + (uint32_t)(value.data[i] - '0');
    }
    m->port = port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void read_hash(struct lsd_message *m, struct span value) {
    uint8_t hash[20];
    if (value.len == 40 && m->count < LSD_MAX_HASHES &&
        hex_decode(hash, (const char *)value.data, sizeof hash) == 0)
        memcpy(m->hashes[m->count++], hash, sizeof hash);
}

/* Only compared with ours, never shown. */
static void read_cookie(struct lsd_message *m, struct span value) {
    size_t len = MIN(value.len, LSD_MAX_COOKIE);
    memcpy(m->cookie, value.data, len);
    m->cookie[len] = '\0';
}

static void read_header(struct lsd_message *m, struct span line) {
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (!colon)
        return;
    size_t at = (size_t)(colon - line.data);
    struct span name = span_trim((struct span){line.data, at});
    struct span value = span_trim((struct span){colon + 1, line.len - at - 1});
    if (same_word(name, "port"))
        read_port(m, value);
    else if (same_word(name, "infohash"))
        read_hash(m, value);
    else if (same_word(name, "cookie"))
        read_cookie(m, value);
}

int lsd_decode(struct lsd_message *m, const uint8_t *data, size_t len) {
    struct span rest = {data, len};
    *m = (struct lsd_message){0};
    if (len > LSD_MAX_MESSAGE)
        return ERR_LIMIT;
    if (!len || !same_word(take_line(&rest), "BT-SEARCH * HTTP/1.1"))
        return ERR_FORMAT;
    while (rest.len)
        read_header(m, take_line(&rest));
    return m->port && m->count ? 0 : ERR_FORMAT;
}

void lsd_encode(struct text *out, const struct lsd_message *m, uint8_t family) {
    char hex[41];
    text_addf(out, "BT-SEARCH * HTTP/1.1\r\nHost: %s:%d\r\nPort: %u\r\n",
              family == 4 ? LSD_GROUP4 : "[" LSD_GROUP6 "]", LSD_PORT, m->port);
    for (uint32_t i = 0; i < MIN(m->count, LSD_MAX_HASHES); i++) {
        hex_encode(hex, m->hashes[i], 20);
        text_addf(out, "Infohash: %s\r\n", hex);
    }
    if (m->cookie[0])
        text_addf(out, "cookie: %s\r\n", m->cookie);
    text_adds(out, "\r\n\r\n");
}
