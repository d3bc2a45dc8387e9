/* udp_announce: one announce to, or one scrape of, a UDP tracker, as a machine without
 * I/O (BEP 15).
 *
 *     connecting --reply--> asking --reply--> done
 *         ^                   |
 *         +---- id too old ---+        15 s without an answer: again, then 30 s, 60 s, ...
 *
 *     udp_announce_init; then until it is done: send what udp_announce_next gives, hand what
 *     comes from the tracker's address (and only from there) to udp_announce_on_packet, and
 *     call udp_announce_next again after either and when udp_announce_due has come.
 *
 * Transaction ids are the kernel's randomness: who cannot read our packets cannot answer
 * in the tracker's name. The connection id is good for a minute and for all torrents that
 * have this tracker: the caller keeps it from one announce to the next. */
#ifndef MARE_UDP_ANNOUNCE_H
#define MARE_UDP_ANNOUNCE_H

#include "codec/udp_tracker.h"

#define UDP_ANNOUNCE_TIMEOUT (15 * USEC_PER_SEC)
#define UDP_ANNOUNCE_TRIES 4u     /* unanswered packets before it gives up (default) */
#define UDP_ANNOUNCE_MAX_TRIES 9u /* BEP 15: n up to 8, more than two hours */
#define UDP_CONNECTION_LIFE (60 * USEC_PER_SEC)

/* What a tracker gave us to prove that our address is ours. All zero = none. */
struct udp_connection {
    uint64_t id;
    usec until;
};

enum udp_announce_state {
    UDP_STATE_CONNECTING,
    UDP_STATE_ASKING,
    UDP_STATE_DONE,  /* `reply` or `counts` */
    UDP_STATE_FAILED /* no answer, or out of memory or randomness */
};

struct udp_announce {
    enum udp_announce_state state;
    enum udp_action action; /* UDP_ANNOUNCE or UDP_SCRAPE */
    uint8_t family;         /* of the tracker's address */
    bool wants_to_send;
    bool borrowed;     /* the connection id is from an earlier announce */
    uint32_t timeouts; /* in all */
    uint32_t waits;    /* in a row: the exponent */
    uint32_t max_tries;
    uint32_t transaction;
    usec due;
    struct udp_connection connection; /* to be kept by the caller when it is done */
    uint8_t packet[UDP_TRACKER_MAX_PACKET];
    size_t packet_len;
    struct announce_reply reply; /* of an announce; of either: reply.failure */
    struct scrape_counts counts[SCRAPE_MAX_HASHES];
    uint32_t count;
};

/* Nothing that is passed is needed afterwards. `max_tries` 0 = the default; a client that
 * quits wants fewer. 0, or ERR_IO when the kernel has no randomness. */
int udp_announce_init(struct udp_announce *u, const struct announce_request *r,
                      const char *url, uint8_t family, struct udp_connection known,
                      uint32_t max_tries, usec now) MUST_USE;
int udp_announce_init_scrape(struct udp_announce *u, const uint8_t (*hashes)[20],
                             uint32_t count, uint8_t family, struct udp_connection known,
                             uint32_t max_tries, usec now) MUST_USE;
void udp_announce_fini(struct udp_announce *u);

/* The length of the packet to send now, 0 = none; ERR_TIMEOUT when it has given up,
 * ERR_IO. To be called until it gives 0. */
int udp_announce_next(struct udp_announce *u, uint8_t out[UDP_TRACKER_MAX_PACKET],
                      usec now) MUST_USE;
/* USEC_NEVER when done or failed. */
static inline usec udp_announce_due(const struct udp_announce *u) {
    return u->due;
}
/* 1: done (a refusal is an answer, too: reply.failure). 0: go on; what is not an answer
 * to us is ignored. ERR_NOMEM, ERR_IO: failed. */
int udp_announce_on_packet(struct udp_announce *u, const uint8_t *data, size_t len,
                           usec now) MUST_USE;

#endif
