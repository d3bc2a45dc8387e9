/* connect: who is connected. Dialling from the roster at a measured pace, taking incoming
 * connections, the two handshakes' meeting, doubles, limits, bans. */
#ifndef MARE_CONNECT_H
#define MARE_CONNECT_H

#include "engine/torrent.h"
#include "io/stream.h"

#define CONNECT_PACE 30u /* dials a second and session (selection.md) */

struct peer;

/* The session's decide phase: dials what is due in this torrent. */
void connect_decide(struct torrent *t);
/* Listeners call this. */
void connect_on_accept(void *owner, struct stream *s, const struct addr *from);
/* A peer's handshake came: finds its torrent, checks, answers. 0 or a code that closes it. */
int connect_on_handshake(struct peer *p);
/* Its torrent is known and it may come in: it is answered, and ready. */
void connect_welcome(struct peer *p);
/* An incoming peer told the port it listens on (BEP 10 `p`): worth knowing. */
void connect_on_listen_port(struct peer *p, uint16_t port);
/* Is the peer to hear of our DHT node (BEP 5)? Not over a private torrent. */
bool connect_tells_dht_port(const struct peer *p);
/* A peer is gone: its candidate is free, and its place: others may be dialled. */
void connect_on_closed(struct peer *p);
/* Closes every connection of a torrent. */
void connect_close_all(struct torrent *t, int code, const char *why);
uint32_t connect_limit(const struct torrent *t);

#endif
