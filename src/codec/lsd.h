/* lsd: local service discovery, "who on this network has these torrents, too?" (BEP 14).
 * A datagram in the dress of HTTP, sent to a multicast group:
 *
 *     BT-SEARCH * HTTP/1.1\r\n
 *     Host: 239.192.152.143:6771\r\n
 *     Port: 6881\r\n
 *     Infohash: <40 hex>\r\n          once for each torrent
 *     cookie: <by which the sender knows his own>\r\n
 *     \r\n\r\n
 *
 * The peer's address is that which the datagram came from, with this port. */
#ifndef MARE_LSD_H
#define MARE_LSD_H

#include "base/bytes.h"
#include "base/err.h"

#define LSD_PORT 6771
#define LSD_GROUP4 "239.192.152.143"
#define LSD_GROUP6 "ff15::efc0:988f"
#define LSD_MAX_MESSAGE 1400u /* bytes, BEP 14 */
#define LSD_MAX_HASHES 24u    /* as many as fit beside the longest cookie */
#define LSD_MAX_COOKIE 32u

struct lsd_message {
    uint16_t port;
    uint8_t hashes[LSD_MAX_HASHES][20];
    uint32_t count;
    char cookie[LSD_MAX_COOKIE + 1]; /* "" if none; a longer one is cut */
};

/* 0; ERR_FORMAT when it is something else, has no port or no info hash; ERR_LIMIT when it
 * is longer than LSD_MAX_MESSAGE. Hashes that are none, and those over the bound, are
 * left out. */
int lsd_decode(struct lsd_message *m, const uint8_t *data, size_t len) MUST_USE;
/* `family` is that of the group it goes to. */
void lsd_encode(struct text *out, const struct lsd_message *m, uint8_t family);

#endif
