/* Any bytes as a UDP tracker's reply, read by all that can read it. */
#include <stdlib.h>
#include <string.h>

#include "codec/udp_tracker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void read_announce(struct span body, uint8_t family) {
    struct announce_reply r;
    require(udp_announce_decode(&r, body, family) == 0);
    require(r.interval >= ANNOUNCE_MIN_INTERVAL && r.interval <= ANNOUNCE_MAX_INTERVAL);
    require(r.peer_count <= ANNOUNCE_MAX_PEERS);
    for (uint32_t i = 0; i < r.peer_count; i++)
        require(r.peers[i].addr.port && r.peers[i].addr.family);
    announce_reply_free(&r);
}

static void read_scrape(struct span body) {
    struct scrape_counts c[SCRAPE_MAX_HASHES];
    udp_scrape_decode(c, SCRAPE_MAX_HASHES, body);
    for (uint32_t i = 0; i < SCRAPE_MAX_HASHES; i++)
        require(c[i].complete >= -1 && c[i].complete <= 1000000000);
}

static void read_host(const uint8_t *data, size_t size) {
    char host[256];
    uint16_t port;
    char *url = strndup((const char *)data, size);
    require(url);
    if (udp_tracker_host(url, host, &port) == 0)
        require(port && *host && strstr(url, host));
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct udp_reply r;
    char text[256];
    read_host(data, size);
    if (!udp_reply_decode(&r, data, size))
        return 0;
    switch (r.action) {
    case UDP_CONNECT: break;
    case UDP_ANNOUNCE: read_announce(r.body, 4), read_announce(r.body, 6); break;
    case UDP_SCRAPE: read_scrape(r.body); break;
    case UDP_ERROR:
        udp_error_decode(text, r.body);
        require(text[0] && strlen(text) < sizeof text);
    }
    return 0;
}
