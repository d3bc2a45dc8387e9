/* bans: addresses that may not connect, for a time. A whole IP address is barred; on loopback
 * only the port, for there every peer of a test swarm shares one. */
#ifndef MARE_BANS_H
#define MARE_BANS_H

#include "base/addr.h"

#define BANS_MAX 4096 /* the one that ends first makes room */

struct bans {
    struct ban {
        struct addr addr;
        usec until; /* USEC_NEVER = for good */
    } * ban;
    uint32_t count, cap;
};

void bans_fini(struct bans *b);
bool bans_add(struct bans *b, const struct addr *a,
              usec until); /* false: out of memory */
bool bans_remove(struct bans *b, const struct addr *a);
bool bans_has(struct bans *b, const struct addr *a,
              usec now); /* forgets what has ended */
bool bans_covers(const struct addr *barred, const struct addr *a);

#endif
