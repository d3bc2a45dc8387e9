/* handshake: the first 68 bytes of a connection (BEP 3).
 *
 *     19 "BitTorrent protocol" | reserved 8 | info hash 20 | peer id 20
 *
 * Reserved bits say what a client can: BEP 10 (byte 5, 0x10), BEP 6 fast (byte 7, 0x04),
 * BEP 5 DHT (byte 7, 0x01). The info hash comes before the peer id so that a server of many
 * torrents can answer after 48 bytes. */
#ifndef MARE_HANDSHAKE_H
#define MARE_HANDSHAKE_H

#include "base/chunked_buffer.h"

#define HANDSHAKE_LEN 68

struct handshake {
    bool extensions, fast, dht;
    uint8_t info_hash[20];
    uint8_t peer_id[20];
};

void handshake_encode(uint8_t out[HANDSHAKE_LEN], const struct handshake *h);
/* 1 complete (and consumed), 0 more bytes needed, ERR_PROTOCOL: not BitTorrent (told as early
 * as the bytes show it). */
int handshake_decode(struct handshake *h, struct chunked_buffer *in) MUST_USE;

/* "qBittorrent 4.5.2" from a peer id of the Azureus or Shadow style, else its printable part;
 * out has room for 64. Names from peers hold no control characters. */
void client_name(char out[64], const uint8_t peer_id[20]);

#endif
