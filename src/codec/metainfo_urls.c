/* metainfo_urls: the addresses in a torrent: trackers in tiers (BEP 12), web seeds (BEP 19), nodes
 * of the DHT (BEP 5).
 *
 * The tiers keep the torrent's order; who announces shuffles within a tier. An address that is
 * repeated, of a scheme that we do not speak, or over the bounds below is left out: the rest of
 * the torrent is as good as before. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/metainfo_parts.h"
#include "codec/url.h"

#define MAX_URL 2048
#define MAX_TRACKERS 200 /* in all tiers: nobody has more, and every one costs requests */
#define MAX_WEBSEEDS 200
#define MAX_NODES 50
#define MAX_HOST 255

static char *url_new(struct span s) {
    struct text t;
    text_init(&t);
    text_add_url(&t, s);
    return text_take(&t, NULL);
}

static bool list_has(char **urls, uint32_t count, const char *url) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(urls[i], url) == 0)
            return true;
    return false;
}

static bool tiers_have(const struct metainfo *m, const char *url) {
    for (uint32_t i = 0; i < m->tier_count; i++)
        if (list_has(m->tiers[i].urls, m->tiers[i].count, url))
            return true;
    return false;
}

/* Takes url in any case. */
static int list_add(char ***urls, uint32_t *count, char *url) {
    char **grown = realloc(*urls, (*count + 1) * sizeof *grown);
    if (!grown) {
        free(url);
        return ERR_NOMEM;
    }
    *urls = grown;
    grown[(*count)++] = url;
    return 0;
}

/* *url is NULL when the node is no usable address. */
static int read_url(struct bnode n, bool web, char **url) {
    struct span raw;
    *url = NULL;
    if (!bencode_string(n, &raw))
        return 0;
    raw = span_trim(raw);
    if (raw.len == 0 || raw.len > MAX_URL || memchr(raw.data, '\0', raw.len))
        return 0;
    char *s = url_new(raw);
    if (!s)
        return ERR_NOMEM;
    if (url_usable(s, web))
        *url = s;
    else
        free(s);
    return 0;
}

/* -- trackers -------------------------------------------------------------------------- */

static uint32_t tracker_count(const struct metainfo *m) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->tier_count; i++)
        count += m->tiers[i].count;
    return count;
}

static int add_tracker(struct metainfo *m, struct tracker_tier *tier, struct bnode n) {
    char *url;
    int rc = read_url(n, false, &url);
    if (rc < 0 || !url)
        return rc;
    if (tiers_have(m, url) || list_has(tier->urls, tier->count, url) ||
        tracker_count(m) + tier->count >= MAX_TRACKERS) {
        free(url);
        return 0;
    }
    return list_add(&tier->urls, &tier->count, url);
}

static void tier_fini(struct tracker_tier *tier) {
    for (uint32_t i = 0; i < tier->count; i++)
        free(tier->urls[i]);
    free(tier->urls);
}

/* Takes the tier's addresses in any case; a tier of none is not added. */
static int add_tier(struct metainfo *m, struct tracker_tier *tier) {
    if (tier->count == 0)
        return 0;
    size_t size = (m->tier_count + 1) * sizeof *m->tiers;
    struct tracker_tier *grown = realloc(m->tiers, size);
    if (!grown) {
        tier_fini(tier);
        return ERR_NOMEM;
    }
    m->tiers = grown;
    m->tiers[m->tier_count++] = *tier;
    return 0;
}

/* A tier is a list; where somebody wrote an address instead, it is a tier of one. */
static int read_tier(struct metainfo *m, struct bnode n) {
    struct tracker_tier tier = {NULL, 0};
    int rc = 0;
    if (bencode_type(n) == BENCODE_STRING)
        rc = add_tracker(m, &tier, n);
    for (struct bnode u = bencode_first(n); u.doc && rc == 0; u = bencode_next(u))
        rc = add_tracker(m, &tier, u);
    if (rc < 0) {
        tier_fini(&tier);
        return rc;
    }
    return add_tier(m, &tier);
}

int metainfo_read_trackers(struct metainfo *m, struct bnode root) {
    int rc = 0;
    struct bnode n = bencode_first(bencode_get(root, "announce-list"));
    for (; n.doc && rc == 0 && tracker_count(m) < MAX_TRACKERS; n = bencode_next(n))
        rc = read_tier(m, n);
    if (rc == 0 && m->tier_count == 0)
        rc = read_tier(m, bencode_get(root, "announce"));
    return rc;
}

/* -- web seeds ------------------------------------------------------------------------- */

static int add_webseed(struct metainfo *m, struct bnode n) {
    char *url;
    int rc = read_url(n, true, &url);
    if (rc < 0 || !url)
        return rc;
    if (list_has(m->webseeds, m->webseed_count, url)) {
        free(url);
        return 0;
    }
    return list_add(&m->webseeds, &m->webseed_count, url);
}

int metainfo_read_webseeds(struct metainfo *m, struct bnode root) {
    struct bnode list = bencode_get(root, "url-list");
    if (bencode_type(list) == BENCODE_STRING)
        return add_webseed(m, list);
    int rc = 0;
    struct bnode n = bencode_first(list);
    for (; n.doc && rc == 0 && m->webseed_count < MAX_WEBSEEDS; n = bencode_next(n))
        rc = add_webseed(m, n);
    return rc;
}

/* -- nodes ----------------------------------------------------------------------------- */

/* What a name or an address consists of; the resolver gets nothing else to see. */
static bool is_host(struct span s) {
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && !memchr("-._:", c, 4))
            return false;
    }
    return s.len > 0 && s.len <= MAX_HOST;
}

/* ["host", port]; false when it is anything else. */
static bool read_node(struct bnode n, struct span *host, uint16_t *port) {
    struct bnode h = bencode_first(n);
    int64_t p = 0;
    if (!h.doc || !bencode_string(h, host) || !is_host(*host))
        return false;
    if (!bencode_int(bencode_next(h), &p) || p < 1 || p > 65535)
        return false;
    *port = (uint16_t)p;
    return true;
}

static int add_node(struct metainfo *m, struct span host, uint16_t port) {
    char *copy = strndup((const char *)host.data, host.len);
    size_t size = (m->node_count + 1) * sizeof *m->nodes;
    struct metainfo_node *grown = copy ? realloc(m->nodes, size) : NULL;
    if (!grown) {
        free(copy);
        return ERR_NOMEM;
    }
    m->nodes = grown;
    m->nodes[m->node_count++] = (struct metainfo_node){copy, port};
    return 0;
}

int metainfo_read_nodes(struct metainfo *m, struct bnode root) {
    struct bnode n = bencode_first(bencode_get(root, "nodes"));
    int rc = 0;
    for (; n.doc && rc == 0 && m->node_count < MAX_NODES; n = bencode_next(n)) {
        struct span host;
        uint16_t port;
        if (read_node(n, &host, &port))
            rc = add_node(m, host, port);
    }
    return rc;
}
