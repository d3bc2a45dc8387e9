/* resume: the state file, written and read in one place.
 *
 *     l
 *       d 5:added 4:done 10:downloaded 5:files 6:format 4:have 9:info hash
 *         5:peers 6:peers6 8:trackers 8:uploaded e
 *       20: SHA-1 of the dictionary's bytes
 *     e
 *
 *     files    [size 8][mtime 8][priority 1]  one a file, in the torrent's order
 *     have     the pieces, as a bitfield of BEP 3
 *     peers    [ip 4][port 2] ...   peers6  [ip 16][port 2] ...   (BEP 23, BEP 7)
 *     trackers "0 http://a/announce\n1 udp://b:80\n", each with its tier; only if the user changed them
 *
 * A flipped bit in `have` would be a lie about data, and nothing else in the file could show it:
 * hence the digest. Keys that we do not know are skipped, so an older mare reads what a newer one
 * wrote as long as `format` is the same number. */
#include "engine/resume.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/bencode.h"

#define FORMAT 1
#define FILE_RECORD 17
#define MAX_PEERS 100
#define MAX_TRACKERS 1000
#define MAX_TIERS 1000
#define MAX_PRIORITY 7

/* -- writing --------------------------------------------------------------------------- */

static void add_count(struct text *t, const char *key, uint64_t v) {
    bencode_adds(t, key);
    bencode_add_int(t, (int64_t)MIN(v, (uint64_t)INT64_MAX));
}

static void add_time(struct text *t, const char *key, int64_t v) {
    bencode_adds(t, key);
    bencode_add_int(t, MAX(v, 0));
}

static void add_files(struct text *t, const struct resume *r) {
    bencode_adds(t, "files");
    text_addf(t, "%llu:", (unsigned long long)r->file_count * FILE_RECORD);
    for (uint32_t i = 0; i < r->file_count; i++) {
        uint8_t record[FILE_RECORD];
        put_u64(record, (uint64_t)r->files[i].size);
        put_u64(record + 8, (uint64_t)r->files[i].mtime_nsec);
        record[16] = r->file_priority[i];
        text_add(t, record, sizeof record);
    }
}

/* Those of one family. */
static void add_peers(struct text *t, const struct resume *r, const char *key,
                      uint8_t family) {
    uint8_t compact[MAX_PEERS * 18];
    size_t len = 0;
    for (uint32_t i = 0; i < MIN(r->peer_count, MAX_PEERS); i++)
        if (r->peers[i].family == family)
            len += addr_to_compact(&r->peers[i], compact + len);
    bencode_adds(t, key);
    bencode_add_string(t, compact, len);
}

static void add_trackers(struct text *t, const struct resume *r) {
    struct text lines;
    if (!r->own_trackers)
        return;
    text_init(&lines);
    for (uint32_t i = 0; i < r->tracker_count; i++)
        text_addf(&lines, "%u %s\n", (unsigned)r->trackers[i].tier, r->trackers[i].url);
    bencode_adds(t, "trackers");
    bencode_add_string(t, lines.data, lines.len);
    t->failed = t->failed || lines.failed;
    text_free(&lines);
}

static void add_dict(struct text *t, const struct resume *r) {
    text_addc(t, 'd');
    add_time(t, "added", r->added_at);
    add_time(t, "done", r->done_at);
    add_count(t, "downloaded", r->downloaded);
    add_files(t, r);
    add_count(t, "format", FORMAT);
    bencode_adds(t, "have");
    bencode_add_string(t, r->have.bytes, bitset_bytes(r->have.size));
    bencode_adds(t, "info hash");
    bencode_add_string(t, r->info_hash, sizeof r->info_hash);
    add_peers(t, r, "peers", 4);
    add_peers(t, r, "peers6", 6);
    add_trackers(t, r);
    add_count(t, "uploaded", r->uploaded);
    text_addc(t, 'e');
}

void resume_write(struct text *out, const struct resume *r) {
    uint8_t digest[SHA1_LEN];
    text_addc(out, 'l');
    size_t start = out->len;
    add_dict(out, r);
    if (out->failed || sha1(digest, out->data + start, out->len - start) < 0) {
        out->failed = true;
        return;
    }
    bencode_add_string(out, digest, sizeof digest);
    text_addc(out, 'e');
}

/* -- reading --------------------------------------------------------------------------- */

static int broken(struct err *e, const char *what) {
    return err_set(e, ERR_FORMAT, "the resume file is broken: %s", what);
}

static int nomem(struct err *e) {
    return err_set(e, ERR_NOMEM, "out of memory");
}

/* The string under a key if it has exactly that length. */
static bool get_exact(struct bnode d, const char *key, size_t len, struct span *s) {
    return bencode_string(bencode_get(d, key), s) && s->len == len;
}

/* A number that is not negative. */
static bool get_count(struct bnode d, const char *key, int64_t *v) {
    return bencode_int(bencode_get(d, key), v) && *v >= 0;
}

static int read_counts(struct resume *r, struct bnode d, struct err *e) {
    int64_t uploaded, downloaded;
    if (!get_count(d, "added", &r->added_at) || !get_count(d, "done", &r->done_at) ||
        !get_count(d, "uploaded", &uploaded) || !get_count(d, "downloaded", &downloaded))
        return broken(e, "a number is missing or negative");
    r->uploaded = (uint64_t)uploaded;
    r->downloaded = (uint64_t)downloaded;
    return 0;
}

static int read_have(struct resume *r, struct bnode d, uint32_t pieces, struct err *e) {
    struct span s;
    if (!get_exact(d, "have", bitset_bytes(pieces), &s))
        return broken(e, "it is of a torrent with another number of pieces");
    if (bitset_init(&r->have, pieces) < 0)
        return nomem(e);
    if (bitset_load(&r->have, s.data, s.len) < 0)
        return broken(e, "it names pieces beyond the last");
    return 0;
}

static bool read_record(struct resume *r, uint32_t i, const uint8_t *record) {
    r->files[i].size = (int64_t)get_u64(record);
    r->files[i].mtime_nsec = (int64_t)get_u64(record + 8);
    r->file_priority[i] = record[16];
    return r->files[i].size >= -1 && record[16] <= MAX_PRIORITY;
}

static int read_files(struct resume *r, struct bnode d, uint32_t count, struct err *e) {
    struct span s;
    if (!get_exact(d, "files", (size_t)count * FILE_RECORD, &s))
        return broken(e, "it is of a torrent with another number of files");
    r->files = calloc(MAX(count, 1), sizeof *r->files);
    r->file_priority = calloc(MAX(count, 1), 1);
    if (!r->files || !r->file_priority)
        return nomem(e);
    r->file_count = count;
    for (uint32_t i = 0; i < count; i++)
        if (!read_record(r, i, s.data + (size_t)i * FILE_RECORD))
            return broken(e, "a file's size or priority makes no sense");
    return 0;
}

/* Addresses that nobody can connect to are left out. */
static void read_family(struct resume *r, struct span s, size_t size) {
    for (size_t i = 0; s.len - i >= size && r->peer_count < MAX_PEERS; i += size) {
        struct addr *a = &r->peers[r->peer_count];
        (void)addr_from_compact(a, s.data + i, size);
        r->peer_count += addr_usable(a);
    }
}

/* Losing peers costs nothing: what is wrong here is skipped. */
static int read_peers(struct resume *r, struct bnode d, struct err *e) {
    struct span s4 = {NULL, 0}, s6 = {NULL, 0};
    (void)bencode_string(bencode_get(d, "peers"), &s4);
    (void)bencode_string(bencode_get(d, "peers6"), &s6);
    r->peers = calloc(MAX_PEERS, sizeof *r->peers);
    if (!r->peers)
        return nomem(e);
    read_family(r, s4, 6);
    read_family(r, s6, 18);
    return 0;
}

/* Cuts the text into its addresses. */
static void split_trackers(struct resume *r) {
    char *at = r->tracker_text, *end, *url;
    for (; r->tracker_count < MAX_TRACKERS && (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        unsigned long tier = strtoul(at, &url, 10);
        if (*url == ' ' && tier < MAX_TIERS)
            r->trackers[r->tracker_count++] =
                (struct tracker_place){url + 1, (uint32_t)tier};
    }
}

static int read_trackers(struct resume *r, struct bnode d, struct err *e) {
    struct span s;
    if (!bencode_string(bencode_get(d, "trackers"), &s))
        return 0;
    r->tracker_text = calloc(s.len + 1, 1);
    r->trackers = calloc(MAX_TRACKERS, sizeof *r->trackers);
    if (!r->tracker_text || !r->trackers)
        return nomem(e);
    memcpy(r->tracker_text, s.data, s.len);
    r->own_trackers = true;
    split_trackers(r);
    return 0;
}

static int read_dict(struct resume *r, struct bnode d, uint32_t pieces, uint32_t files,
                     struct err *e) {
    int rc = read_counts(r, d, e);
    if (!rc)
        rc = read_have(r, d, pieces, e);
    if (!rc)
        rc = read_files(r, d, files, e);
    if (!rc)
        rc = read_trackers(r, d, e);
    return rc ? rc : read_peers(r, d, e);
}

/* Is it whole, of a format we know, and of this torrent? */
static int check_dict(struct resume *r, struct bnode root, struct err *e) {
    struct bnode d = bencode_first(root);
    struct span raw = bencode_raw(d), said, hash;
    uint8_t digest[SHA1_LEN];
    int64_t format;
    if (bencode_type(root) != BENCODE_LIST || bencode_type(d) != BENCODE_DICT ||
        !bencode_string(bencode_next(d), &said) || said.len != sizeof digest)
        return broken(e, "it is not laid out as one");
    if (sha1(digest, raw.data, raw.len) < 0)
        return nomem(e);
    if (memcmp(digest, said.data, sizeof digest) != 0)
        return broken(e, "its digest does not match");
    if (!bencode_int(bencode_get(d, "format"), &format) || format != FORMAT)
        return err_set(e, ERR_UNSUPPORTED, "the resume file is of another version");
    if (!get_exact(d, "info hash", sizeof r->info_hash, &hash) ||
        memcmp(hash.data, r->info_hash, sizeof r->info_hash) != 0)
        return broken(e, "it is of another torrent");
    return 0;
}

static int read_all(struct resume *r, struct span data, uint32_t pieces, uint32_t files,
                    struct err *e) {
    struct bencode doc;
    struct err inner = {0};
    int rc = bencode_parse(&doc, data.data, data.len, &inner);
    if (rc < 0)
        return err_set(e, rc, "the resume file is broken: %s", inner.text);
    struct bnode root = bencode_root(&doc);
    rc = check_dict(r, root, e);
    if (!rc)
        rc = read_dict(r, bencode_first(root), pieces, files, e);
    bencode_free(&doc);
    return rc;
}

struct resume *resume_parse(const uint8_t *data, size_t len, const uint8_t info_hash[20],
                            uint32_t pieces, uint32_t file_count, struct err *e) {
    struct resume *r = calloc(1, sizeof *r);
    if (!r) {
        nomem(e);
        return NULL;
    }
    memcpy(r->info_hash, info_hash, sizeof r->info_hash);
    if (read_all(r, (struct span){data, len}, pieces, file_count, e) == 0)
        return r;
    resume_free(r);
    return NULL;
}

void resume_free(struct resume *r) {
    if (!r)
        return;
    bitset_fini(&r->have);
    free(r->files);
    free(r->file_priority);
    free(r->peers);
    free(r->trackers);
    free(r->tracker_text);
    free(r);
}

/* -- the rest -------------------------------------------------------------------------- */

bool resume_matches(const struct resume *r, const struct storage_file_stat *now) {
    for (uint32_t i = 0; i < r->file_count; i++) {
        const struct storage_file_stat *then = &r->files[i];
        if (then->size != now[i].size)
            return false;
        if (then->size >= 0 && then->mtime_nsec != now[i].mtime_nsec)
            return false;
    }
    return true;
}

char *resume_path(const char *state, const uint8_t info_hash[20], const char *suffix) {
    char hex[41];
    struct text t;
    hex_encode(hex, info_hash, 20);
    text_init(&t);
    text_addf(&t, "%s/%s.%s", state, hex, suffix);
    return text_take(&t, NULL);
}
