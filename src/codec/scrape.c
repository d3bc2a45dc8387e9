/* scrape (BEP 48):
 *
 *     http://host/x/announce.php?key=1  ->  http://host/x/scrape.php?key=1&info_hash=...
 *
 *     d 5:files d 20:<hash> d 8:complete i5e 10:downloaded i50e 10:incomplete i10e e ... e
 *       5:flags d 20:min_request_interval i900e e e
 *
 * The answer is looked through for what was asked, so it takes no memory of its own. */
#include "codec/scrape.h"

#include <string.h>

#include "codec/bencode.h"
#include "codec/tracker_reply.h"
#include "codec/url.h"

/* -- the request --------------------------------------------------------------------- */

static void add_query(struct text *out, size_t start, const uint8_t (*hashes)[20],
                      uint32_t count) {
    char next = memchr(out->data + start, '?', out->len - start) ? '&' : '?';
    char last = out->data[out->len - 1];
    for (uint32_t i = 0; i < count; i++, next = '&') {
        if (i || (last != '?' && last != '&'))
            text_addc(out, next);
        text_adds(out, "info_hash=");
        text_add_urlencoded(out, hashes[i], 20);
    }
}

/* The convention is about the last slash of all, even where it stands in the query. */
int scrape_url(struct text *out, const char *announce, const uint8_t (*hashes)[20],
               uint32_t count) {
    static const char from[] = "/announce", to[] = "/scrape";
    const char *scheme = tracker_scheme(announce);
    size_t len = strcspn(announce, "#");
    const char *slash = memrchr(announce, '/', len);
    if (!scheme || strcmp(scheme, "udp") == 0 ||
        strncmp(slash, from, strlen(from)) != 0 ||
        slash < announce + strlen(scheme) + 3) /* "http://announce": that is the host */
        return ERR_UNSUPPORTED;
    const char *rest = slash + strlen(from);
    size_t start = out->len;
    text_add(out, announce, (size_t)(slash - announce));
    text_adds(out, to);
    text_add(out, rest, len - (size_t)(rest - announce));
    if (!out->failed)
        add_query(out, start, hashes, count);
    return out->failed ? ERR_NOMEM : 0;
}

/* -- the reply ----------------------------------------------------------------------- */

static int64_t read_count(struct bnode n) {
    int64_t v;
    return bencode_int(n, &v) ? tracker_count(v) : -1;
}

static void read_file(struct scrape_counts *c, struct bnode file) {
    c->complete = read_count(bencode_get(file, "complete"));
    c->downloaded = read_count(bencode_get(file, "downloaded"));
    c->incomplete = read_count(bencode_get(file, "incomplete"));
}

static void read_files(struct scrape_counts *counts, const uint8_t (*hashes)[20],
                       uint32_t count, struct bnode files) {
    if (bencode_type(files) != BENCODE_DICT)
        return;
    for (struct bnode n = bencode_first(files); n.doc; n = bencode_next(n)) {
        struct span key = bencode_key(n);
        for (uint32_t i = 0; key.len == 20 && i < count; i++)
            if (memcmp(key.data, hashes[i], 20) == 0)
                read_file(&counts[i], n);
    }
}

static void read_notes(struct scrape_reply *r, struct bnode root) {
    struct span s;
    int64_t v;
    struct bnode flags = bencode_get(root, "flags");
    if (bencode_string(bencode_get(root, "failure reason"), &s))
        tracker_refusal(r->failure, s);
    if (bencode_int(bencode_get(flags, "min_request_interval"), &v) && v > 0)
        r->min_interval = tracker_interval(v);
}

static int read_reply(struct scrape_reply *r, struct scrape_counts *counts,
                      const uint8_t (*hashes)[20], uint32_t count, struct bnode root,
                      struct err *e) {
    if (bencode_type(root) != BENCODE_DICT)
        return err_set(e, ERR_FORMAT, "the tracker's reply is not a dictionary");
    read_notes(r, root);
    if (!r->failure[0])
        read_files(counts, hashes, count, bencode_get(root, "files"));
    return 0;
}

int scrape_reply_parse(struct scrape_reply *r, struct scrape_counts *counts,
                       const uint8_t (*hashes)[20], uint32_t count, const uint8_t *data,
                       size_t len, struct err *e) {
    struct err inner = {0};
    struct bencode doc;
    size_t used;
    *r = (struct scrape_reply){0};
    for (uint32_t i = 0; i < count; i++)
        counts[i] = (struct scrape_counts){-1, -1, -1};
    if (len > SCRAPE_MAX_REPLY)
        return err_set(e, ERR_LIMIT, "the tracker's reply is larger than 1 MiB");
    int rc = bencode_parse_prefix(&doc, data, len, &used, &inner);
    if (rc < 0)
        return err_set(e, rc, "the tracker's reply makes no sense: %s", inner.text);
    rc = read_reply(r, counts, hashes, count, bencode_root(&doc), e);
    bencode_free(&doc);
    return rc;
}
