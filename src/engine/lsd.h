/* lsd: who on this network has these torrents, too? (BEP 14, codec/lsd)
 *
 *     torrents' timers --> [ due ] --every second at most--> one message to each group
 *     messages of others --> rosters, as SOURCE_LSD
 *
 * Each torrent is announced when it becomes active and then every five minutes, up to 24 of them in
 * a message; nobody is answered: who heard us dials us. The sockets are bound to the groups
 * themselves, so what was not sent to the network at large never gets here, and a stranger
 * elsewhere cannot name us peers. One socket per family, on the interface of `bind`, else on that
 * which the system chooses; where there is none it is tried again with the next announce. */
#ifndef MARE_LSD_ENGINE_H
#define MARE_LSD_ENGINE_H

#include "base/list.h"
#include "base/timers.h"

#define LSD_INTERVAL (300 * USEC_PER_SEC)
#define LSD_PER_MINUTE 200u /* messages that are heard (hazards.md) */

struct session;
struct torrent;

/* A torrent's part. */
struct lsd_member {
    struct link link; /* among the due */
    struct timer timer;
    bool on;
    usec told_at; /* 0 = never yet */
};

struct lsd *lsd_new(struct session *s); /* NULL: out of memory or randomness */
void lsd_free(struct lsd *l);           /* NULL is fine */

void lsd_member_init(struct torrent *t);
/* Idempotent pulse: begins or ends, as the torrent's state and its being private demand. */
void lsd_update(struct torrent *t);
void lsd_stop(struct torrent *t); /* idempotent */

#endif
