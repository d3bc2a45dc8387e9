/* announce: what a client asks a tracker over HTTP, and what the tracker answers.
 *
 *     GET tracker?info_hash=...&peer_id=...&port=...&left=...&compact=1&event=started
 *
 *     d  8:interval i1800e  5:peers 12: [ip 4][port 2] [ip 4][port 2]   6:peers6 18: ...  e
 *     d  8:interval i1800e  5:peers l d 2:ip .. 4:port i..e 7:peer id 20:.. e e           e
 *
 * A tracker is a stranger (tracker_reply.h): addresses that nobody can connect to are left out, the
 * number of peers is bounded. What a tracker gets wrong in one field costs that field only. */
#include "codec/announce.h"

#include <stdlib.h>
#include <string.h>

#include "codec/bencode.h"
#include "codec/printable.h"

#define DEFAULT_INTERVAL 1800 /* seconds */

/* -- the request ----------------------------------------------------------------------- */

static const char *const event_names[] = {
    [ANNOUNCE_NONE] = NULL,
    [ANNOUNCE_STARTED] = "started",
    [ANNOUNCE_STOPPED] = "stopped",
    [ANNOUNCE_COMPLETED] = "completed",
};

/* The tracker's URL up to its fragment, and what must stand before the first field. */
static void add_base(struct text *out, const char *tracker) {
    size_t len = strcspn(tracker, "#");
    const char *query = memchr(tracker, '?', len);
    text_add(out, tracker, len);
    if (!query)
        text_addc(out, '?');
    else if (tracker[len - 1] != '?' && tracker[len - 1] != '&')
        text_addc(out, '&');
}

static void add_numbers(struct text *out, const struct announce_request *r) {
    text_addf(out, "&port=%u&uploaded=%llu&downloaded=%llu&left=%llu&compact=1", r->port,
              (unsigned long long)r->uploaded, (unsigned long long)r->downloaded,
              (unsigned long long)r->left);
    text_addf(out, "&key=%08x", r->key);
    if (r->numwant >= 0)
        text_addf(out, "&numwant=%d", r->numwant);
}

void announce_url(struct text *out, const char *tracker,
                  const struct announce_request *r) {
    char ip[ADDR_TEXT];
    add_base(out, tracker);
    text_adds(out, "info_hash=");
    text_add_urlencoded(out, r->info_hash, 20);
    text_adds(out, "&peer_id=");
    text_add_urlencoded(out, r->peer_id, 20);
    add_numbers(out, r);
    if (event_names[r->event])
        text_addf(out, "&event=%s", event_names[r->event]);
    if (r->tracker_id && *r->tracker_id) {
        text_adds(out, "&trackerid=");
        text_add_urlencoded(out, r->tracker_id, strlen(r->tracker_id));
    }
    if (r->ip6) {
        text_adds(out, "&ipv6=");
        addr_format_ip(r->ip6, ip);
        text_add_urlencoded(out, ip, strlen(ip));
    }
}

/* -- peers ----------------------------------------------------------------------------- */

/* The array has room for all that the reply can hold (see peers_room). */
static void add_peer(struct announce_reply *r, const struct announce_peer *p) {
    if (addr_usable(&p->addr) && r->peer_count < ANNOUNCE_MAX_PEERS)
        r->peers[r->peer_count++] = *p;
}

static void add_compact(struct announce_reply *r, struct bnode n, size_t size) {
    struct span s = {NULL, 0};
    (void)bencode_string(n, &s);
    for (size_t i = 0; s.len - i >= size; i += size) {
        struct announce_peer p = {0};
        (void)addr_from_compact(&p.addr, s.data + i, size);
        add_peer(r, &p);
    }
}

/* Host names are dropped: to look up what a tracker names would be a request of its making. */
static bool read_addr(struct addr *a, struct bnode peer) {
    char text[ADDR_TEXT];
    struct span ip;
    int64_t port;
    if (!bencode_string(bencode_get(peer, "ip"), &ip) ||
        !bencode_int(bencode_get(peer, "port"), &port))
        return false;
    if (ip.len >= sizeof text || memchr(ip.data, '\0', ip.len) || port < 1 ||
        port > 65535)
        return false;
    memcpy(text, ip.data, ip.len);
    text[ip.len] = '\0';
    if (addr_parse(a, text, (int)port) < 0)
        return false;
    a->port = (uint16_t)port;
    return true;
}

static void add_dictionaries(struct announce_reply *r, struct bnode list) {
    for (struct bnode n = bencode_first(list); n.doc; n = bencode_next(n)) {
        struct announce_peer p = {0};
        struct span id;
        if (!read_addr(&p.addr, n))
            continue;
        p.has_id =
            bencode_string(bencode_get(n, "peer id"), &id) && id.len == sizeof p.id;
        if (p.has_id)
            memcpy(p.id, id.data, sizeof p.id);
        add_peer(r, &p);
    }
}

/* How many peers may be in there, judged by the bytes that came. */
static size_t peers_room(struct bnode peers, struct bnode peers6) {
    struct span s4 = {NULL, 0}, s6 = {NULL, 0};
    (void)bencode_string(peers, &s4);
    (void)bencode_string(peers6, &s6);
    size_t room = s4.len / 6 + s6.len / 18;
    if (bencode_type(peers) == BENCODE_LIST)
        room += bencode_size(peers);
    if (bencode_type(peers6) == BENCODE_LIST)
        room += bencode_size(peers6);
    return MIN(room, ANNOUNCE_MAX_PEERS);
}

static int read_peers(struct announce_reply *r, struct bnode root, struct err *e) {
    struct bnode peers = bencode_get(root, "peers"), peers6 = bencode_get(root, "peers6");
    size_t room = peers_room(peers, peers6);
    if (!room)
        return 0;
    r->peers = calloc(room, sizeof *r->peers);
    if (!r->peers)
        return err_set(e, ERR_NOMEM, "out of memory");
    add_compact(r, peers, 6);
    add_dictionaries(r, bencode_type(peers) == BENCODE_LIST ? peers : (struct bnode){0});
    add_compact(r, peers6, 18);
    add_dictionaries(r,
                     bencode_type(peers6) == BENCODE_LIST ? peers6 : (struct bnode){0});
    return 0;
}

/* -- the rest of the reply ------------------------------------------------------------- */

static void read_warning(struct announce_reply *r, struct bnode root) {
    struct span s;
    if (bencode_string(bencode_get(root, "warning message"), &s))
        printable_copy(r->warning, sizeof r->warning, s);
}

/* A tracker's id goes back as it came: one that we cannot keep whole is none. */
static void read_tracker_id(struct announce_reply *r, struct bnode root) {
    struct span s;
    if (!bencode_string(bencode_get(root, "tracker id"), &s))
        return;
    if (s.len >= sizeof r->tracker_id || memchr(s.data, '\0', s.len))
        return;
    memcpy(r->tracker_id, s.data, s.len);
    r->tracker_id[s.len] = '\0';
}

static int read_interval(struct bnode n, int otherwise) {
    int64_t v;
    return bencode_int(n, &v) ? tracker_interval(v) : otherwise;
}

static int64_t read_count(struct bnode n) {
    int64_t v;
    return bencode_int(n, &v) ? tracker_count(v) : -1;
}

/* BEP 31: minutes, or "never"; some write the number as text. */
static int read_retry(struct bnode n) {
    struct span s;
    int64_t minutes = 0;
    if (bencode_string(n, &s)) {
        if (s.len == 5 && memcmp(s.data, "never", 5) == 0)
            return -1;
        for (size_t i = 0; i < MIN(s.len, 6u) && s.data[i] >= '0' && s.data[i] <= '9';
             i++)
            minutes = minutes * 10 + s.data[i] - '0';
    } else if (!bencode_int(n, &minutes) || minutes < 0) {
        return 0;
    }
    return (int)MIN(minutes, ANNOUNCE_MAX_INTERVAL / 60) * 60;
}

static void read_external_ip(struct addr *a, struct bnode n) {
    struct span s;
    if (bencode_string(n, &s) && (s.len == 4 || s.len == 16))
        (void)addr_from_compact(a, s.data, s.len);
}

static void read_failure(struct announce_reply *r, struct bnode root) {
    struct span s;
    if (!bencode_string(bencode_get(root, "failure reason"), &s))
        return;
    tracker_refusal(r->failure, s);
    r->retry_in = read_retry(bencode_get(root, "retry in"));
}

static void read_fields(struct announce_reply *r, struct bnode root) {
    read_warning(r, root);
    read_tracker_id(r, root);
    r->interval = read_interval(bencode_get(root, "interval"), DEFAULT_INTERVAL);
    r->min_interval =
        read_interval(bencode_get(root, "min interval"), ANNOUNCE_MIN_INTERVAL);
    r->complete = read_count(bencode_get(root, "complete"));
    r->incomplete = read_count(bencode_get(root, "incomplete"));
    r->downloaded = read_count(bencode_get(root, "downloaded"));
    read_external_ip(&r->external_ip, bencode_get(root, "external ip"));
}

static int read_reply(struct announce_reply *r, struct bnode root, struct err *e) {
    if (bencode_type(root) != BENCODE_DICT)
        return err_set(e, ERR_FORMAT, "the tracker's reply is not a dictionary");
    read_failure(r, root);
    if (r->failure[0])
        return 0;
    read_fields(r, root);
    return read_peers(r, root, e);
}

int announce_reply_parse(struct announce_reply *r, const uint8_t *data, size_t len,
                         struct err *e) {
    struct err inner = {0};
    struct bencode doc;
    size_t used;
    *r = (struct announce_reply){.complete = -1, .incomplete = -1, .downloaded = -1};
    if (len > ANNOUNCE_MAX_REPLY)
        return err_set(e, ERR_LIMIT, "the tracker's reply is larger than 1 MiB");
    int rc =
        bencode_parse_prefix(&doc, data, len, &used, &inner); /* scripts add newlines */
    if (rc < 0)
        return err_set(e, rc, "the tracker's reply makes no sense: %s", inner.text);
    rc = read_reply(r, bencode_root(&doc), e);
    bencode_free(&doc);
    return rc;
}

void announce_reply_free(struct announce_reply *r) {
    free(r->peers);
    r->peers = NULL;
    r->peer_count = 0;
}
