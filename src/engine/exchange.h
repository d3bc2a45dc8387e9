/* exchange: peers tell each other whom they are connected to (BEP 11). The rules are swarm/pex's;
 * here is when: one round a torrent and minute tells every peer what has changed, from one sorted
 * snapshot. A peer that has just come is told after a moment, so that those who come together are
 * told of each other in one message. Off for private torrents (torrent_may_use). */
#ifndef MARE_EXCHANGE_H
#define MARE_EXCHANGE_H

#include "engine/torrent.h"

struct peer;

#define EXCHANGE_SOON (2 * USEC_PER_SEC)
/* New addresses that a torrent takes from all its peers in a minute: the rest is not heard. */
#define EXCHANGE_MAX_HEAR 1000u

void exchange_init(struct torrent *t);
/* Its extension handshake came. */
void exchange_on_peer(struct peer *p);
/* A message of ut_pex. A code closes the peer. */
int exchange_on_message(struct peer *p, const uint8_t *data, size_t len);

#endif
