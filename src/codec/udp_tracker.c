/* udp_tracker: see the header.
 *
 *     announce request        0 connection    8 action     12 transaction  16 info hash
 *                            36 peer id      56 downloaded 64 left         72 uploaded
 *                            80 event        84 ip         88 key          92 numwant
 *                            96 port         98 options
 */
#include "codec/udp_tracker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x41727101980u
#define ANNOUNCE_LEN 98u
#define OPTION_URL 2u
#define OPTION_MAX 255u

/* -- requests ------------------------------------------------------------------------ */

void udp_header_put(uint8_t *packet, uint64_t connection, enum udp_action action,
                    uint32_t transaction) {
    put_u64(packet, connection);
    put_u32(packet + 8, (uint32_t)action);
    put_u32(packet + 12, transaction);
}

size_t udp_connect_encode(uint8_t out[UDP_TRACKER_HEADER], uint32_t transaction) {
    udp_header_put(out, MAGIC, UDP_CONNECT, transaction);
    return UDP_TRACKER_HEADER;
}

/* Path and query; "" if there are none. */
static const char *url_path(const char *url) {
    const char *authority = strstr(url, "://");
    authority = authority ? authority + 3 : url;
    return authority + strcspn(authority, "/?#");
}

/* 1 .. 65535, or 0. */
static uint16_t read_port(const char *from, const char *end) {
    uint32_t port = 0;
    for (; from < end && *from >= '0' && *from <= '9' && port <= 65535; from++)
        port = port * 10 + (uint32_t)(*from - '0');
    return from == end && port <= 65535 ? (uint16_t)port : 0;
}

int udp_tracker_host(const char *url, char host[256], uint16_t *port) {
    const char *end = url_path(url), *from = strstr(url, "://");
    from = from ? from + 3 : url;
    const char *at = memrchr(from, '@', (size_t)(end - from));
    from = at ? at + 1 : from;
    const char *colon = memrchr(from, ':', (size_t)(end - from));
    *port = colon ? read_port(colon + 1, end) : 0;
    if (!*port)
        return ERR_INVALID;
    end = colon;
    if (end - from > 2 && *from == '[' && end[-1] == ']')
        from++, end--;
    if (end == from || end - from > 255)
        return ERR_INVALID;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    return 0;
}

/* [2][length][bytes], once more for each 255 of them. An empty one says that we could. */
static size_t add_url(uint8_t *out, size_t room, const char *url) {
    const char *path = url_path(url);
    size_t left = strcspn(path, "#"), used = 0;
    if (left + 2 * (left / OPTION_MAX + 1) > room)
        return 0;
    do {
        size_t n = MIN(left, OPTION_MAX);
        out[used] = OPTION_URL;
        out[used + 1] = (uint8_t)n;
        memcpy(out + used + 2, path, n);
        used += n + 2, path += n, left -= n;
    } while (left);
    return used;
}

static uint32_t event_number(enum announce_event event) {
    static const uint8_t numbers[] = {[ANNOUNCE_NONE] = 0,
                                      [ANNOUNCE_COMPLETED] = 1,
                                      [ANNOUNCE_STARTED] = 2,
                                      [ANNOUNCE_STOPPED] = 3};
    return numbers[event];
}

size_t udp_announce_encode(uint8_t out[UDP_TRACKER_MAX_PACKET],
                           const struct announce_request *r, const char *url) {
    memset(out, 0, ANNOUNCE_LEN);
    memcpy(out + 16, r->info_hash, 20);
    memcpy(out + 36, r->peer_id, 20);
    put_u64(out + 56, r->downloaded);
    put_u64(out + 64, r->left);
    put_u64(out + 72, r->uploaded);
    put_u32(out + 80, event_number(r->event));
    put_u32(out + 88, r->key);
    put_u32(out + 92, (uint32_t)r->numwant);
    put_u16(out + 96, r->port);
    if (!url)
        return ANNOUNCE_LEN;
    return ANNOUNCE_LEN +
           add_url(out + ANNOUNCE_LEN, UDP_TRACKER_MAX_PACKET - ANNOUNCE_LEN, url);
}

size_t udp_scrape_encode(uint8_t out[UDP_TRACKER_MAX_PACKET], const uint8_t (*hashes)[20],
                         uint32_t count) {
    assert(count <= SCRAPE_MAX_HASHES);
    memset(out, 0, UDP_TRACKER_HEADER);
    for (uint32_t i = 0; i < count; i++)
        memcpy(out + UDP_TRACKER_HEADER + i * 20, hashes[i], 20);
    return UDP_TRACKER_HEADER + count * 20;
}

/* -- replies ------------------------------------------------------------------------- */

bool udp_reply_decode(struct udp_reply *r, const uint8_t *data, size_t len) {
    static const uint8_t shortest[] = {
        [UDP_CONNECT] = 16, [UDP_ANNOUNCE] = 20, [UDP_SCRAPE] = 8, [UDP_ERROR] = 8};
    if (len < 8 || get_u32(data) > UDP_ERROR || len < shortest[get_u32(data)])
        return false;
    *r = (struct udp_reply){.action = (enum udp_action)get_u32(data),
                            .transaction = get_u32(data + 4),
                            .body = {data + 8, len - 8}};
    if (r->action == UDP_CONNECT)
        r->connection = get_u64(data + 8);
    return true;
}

static int read_peers(struct announce_reply *r, struct span s, uint8_t family) {
    size_t size = family == 4 ? 6 : 18, room = MIN(s.len / size, ANNOUNCE_MAX_PEERS);
    if (!room)
        return 0;
    r->peers = calloc(room, sizeof *r->peers);
    if (!r->peers)
        return ERR_NOMEM;
    for (size_t i = 0; i < room; i++) {
        struct addr *a = &r->peers[r->peer_count].addr;
        (void)addr_from_compact(a, s.data + i * size, size);
        r->peer_count += addr_usable(a);
    }
    return 0;
}

int udp_announce_decode(struct announce_reply *r, struct span body, uint8_t family) {
    assert(body.len >= 12);
    *r = (struct announce_reply){.interval = tracker_interval(get_u32(body.data)),
                                 .min_interval = ANNOUNCE_MIN_INTERVAL,
                                 .incomplete = tracker_count(get_u32(body.data + 4)),
                                 .complete = tracker_count(get_u32(body.data + 8)),
                                 .downloaded = -1};
    return read_peers(r, (struct span){body.data + 12, body.len - 12}, family);
}

void udp_scrape_decode(struct scrape_counts *counts, uint32_t count, struct span body) {
    for (uint32_t i = 0; i < count; i++) {
        counts[i] = (struct scrape_counts){-1, -1, -1};
        if (body.len / 12 <= i)
            continue;
        counts[i].complete = tracker_count(get_u32(body.data + i * 12));
        counts[i].downloaded = tracker_count(get_u32(body.data + i * 12 + 4));
        counts[i].incomplete = tracker_count(get_u32(body.data + i * 12 + 8));
    }
}

void udp_error_decode(char out[256], struct span body) {
    while (body.len && body.data[body.len - 1] == '\0') /* some send C's strings whole */
        body.len--;
    tracker_refusal(out, body);
}
