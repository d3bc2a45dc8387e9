/* udp_tracker: the datagrams between a client and a UDP tracker (BEP 15), with the
 * tracker's URL behind an announce (BEP 41). Replies are given the same shape as HTTP
 * ones, so whoever uses them need not know how they came.
 *
 *     connect   [magic 8][action 0][transaction]               -> [0][transaction][connection 8]
 *     announce  [connection 8][action 1][transaction] 82 bytes -> [1][transaction] counts, peers
 *     scrape    [connection 8][action 2][transaction] hashes   -> [2][transaction] 12 bytes each
 *                                                       error:    [3][transaction] text */
#ifndef MARE_UDP_TRACKER_H
#define MARE_UDP_TRACKER_H

#include "codec/announce.h"
#include "codec/scrape.h"

#define UDP_TRACKER_MAX_PACKET 1300u /* of ours: never cut into fragments */
#define UDP_TRACKER_HEADER 16u       /* of every request; all of a connect */

enum udp_action {
    UDP_CONNECT = 0,
    UDP_ANNOUNCE = 1,
    UDP_SCRAPE = 2,
    UDP_ERROR = 3,
};

/* "udp://host:port/...": the host without brackets and the port. 0, or ERR_INVALID when either is
 * not there. */
int udp_tracker_host(const char *url, char host[256], uint16_t *port) MUST_USE;

/* Encoders return the length. */
size_t udp_connect_encode(uint8_t out[UDP_TRACKER_HEADER], uint32_t transaction);
/* The header is left zero, for udp_header_put at the time of sending. `url` is the
 * tracker's, whose path and query are added (a longer one than fits is not); NULL = none.
 * The request's tracker_id and ip6 have no place here. */
size_t udp_announce_encode(uint8_t out[UDP_TRACKER_MAX_PACKET],
                           const struct announce_request *r, const char *url);
/* count <= SCRAPE_MAX_HASHES. */
size_t udp_scrape_encode(uint8_t out[UDP_TRACKER_MAX_PACKET], const uint8_t (*hashes)[20],
                         uint32_t count);
void udp_header_put(uint8_t *packet, uint64_t connection, enum udp_action action,
                    uint32_t transaction);

/* What every reply begins with: false if it is shorter than its action needs, or of
 * none. */
struct udp_reply {
    enum udp_action action;
    uint32_t transaction;
    uint64_t connection; /* of a connect */
    struct span body;    /* of the others: what follows the transaction */
};
bool udp_reply_decode(struct udp_reply *r, const uint8_t *data, size_t len) MUST_USE;

/* The body of an announce reply. `family` is that of the address it came from: 4 or 6,
 * the peers have it, too. 0 or ERR_NOMEM. */
int udp_announce_decode(struct announce_reply *r, struct span body, uint8_t family)
    MUST_USE;
/* The body of a scrape reply, in the order of the request; what is missing is -1. */
void udp_scrape_decode(struct scrape_counts *counts, uint32_t count, struct span body);
/* The body of an error, made fit to be shown. */
void udp_error_decode(char out[256], struct span body);

#endif
