/* Any conversation with a tracker. Events begin with a byte: 0 to 127 let so many seconds pass,
 * others are the length of a packet that follows, and bit 6 says that its transaction id is
 * made the right one. It must come to an end. */
#include <stdlib.h>
#include <string.h>

#include "proto/udp_announce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void pump(struct udp_announce *u, usec now) {
    uint8_t out[UDP_TRACKER_MAX_PACKET];
    int len, n = 0;
    while ((len = udp_announce_next(u, out, now)) > 0)
        require(++n < 3 && len <= (int)sizeof out);
    require(u->due == USEC_NEVER || u->due > now);
}

static void receive(struct udp_announce *u, const uint8_t *data, size_t len, bool right,
                    usec now) {
    uint8_t *packet = malloc(len + 1);
    require(packet);
    memcpy(packet, data, len);
    if (right && len >= 8)
        put_u32(packet + 4, u->transaction);
    int rc = udp_announce_on_packet(u, packet, len, now);
    require(rc == 0 || (rc == 1 && u->state == UDP_STATE_DONE));
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t id[20] = {0}, hashes[2][20] = {{0}};
    const struct announce_request r = {.info_hash = id, .peer_id = id};
    struct udp_announce u;
    usec now = 1;
    if (!size)
        return 0;
    struct udp_connection known = {1, data[0] & 2 ? 5 : 0};
    int rc = data[0] & 1 ? udp_announce_init_scrape(&u, hashes, 2, 6, known, 0, now)
                         : udp_announce_init(&u, &r, "udp://t/", 4, known, 0, now);
    require(rc == 0);
    pump(&u, now);
    for (size_t i = 1; i < size;) {
        uint8_t event = data[i++];
        size_t len = MIN(event & 63u, size - i);
        if (event < 128) {
            now += event * USEC_PER_SEC;
        } else {
            receive(&u, data + i, len, event & 64, now);
            i += len;
        }
        pump(&u, now);
    }
    for (int n = 0; u.due != USEC_NEVER; n++) {
        require(n < 20);
        now = u.due;
        pump(&u, now);
    }
    require(u.state == UDP_STATE_DONE || u.state == UDP_STATE_FAILED);
    udp_announce_fini(&u);
    return 0;
}
