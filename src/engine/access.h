/* access: may we talk to this address? The one place that says so, for peers (both ways and as
 * candidates), trackers, DHT, PEX and local discovery alike: what the blocklist names, and what the
 * bound address cannot reach, is neither sent to nor answered.
 *
 * The first list is read while the session is made, before there is a socket: nobody slips in
 * before it counts, and a file that is not there is told at once. Later ones are read on a
 * worker and take the place of the one before when they are whole. Bans are something else: they
 * are for peers that misbehaved, and end. */
#ifndef MARE_ACCESS_H
#define MARE_ACCESS_H

#include "base/addr.h"
#include "base/err.h"

struct session;

#define ACCESS_MAX_FILE (256u << 20)

bool access_allows(const struct session *s, const struct addr *a);
/* Reads a blocklist now (blocks). 0, or with the list as it was a code and a sentence. */
int access_read(struct session *s, const char *path, struct err *e) MUST_USE;
/* The same on a worker: EVENT_BLOCKLIST tells of the end. Peers that are connected and on the new
 * list are dropped. */
int access_reload(struct session *s, const char *path, struct err *e) MUST_USE;
/* Ranges of addresses that are refused. */
uint32_t access_ranges(const struct session *s);
void access_fini(struct session *s);

#endif
