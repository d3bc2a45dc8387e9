/* external: the address that the world sees us at (BEP 24). Peers say it in their handshakes
 * (`yourip`), trackers in their answers, and any of them may lie: it is believed when most of
 * the last ones agree. It decides who dials whom first (BEP 40) and keeps us from dialling
 * ourselves. The DHT counts its own voters (proto/dht_vote), and
 * the last to decide is believed (session_note_external). */
#ifndef MARE_EXTERNAL_H
#define MARE_EXTERNAL_H

#include "base/addr.h"

struct session;

#define EXTERNAL_VOTERS \
    9u /* the latest count; with two or more that agree and are most */

struct external_votes {
    struct external_vote {
        struct addr voter, own;
    } vote[EXTERNAL_VOTERS];
    uint32_t next;
    struct addr winner; /* port 0; family 0 = not known */
};

struct external {
    struct external_votes v4, v6;
};

/* Somebody at `voter` says that we are `own` (ports do not matter; local addresses are no votes).
 * A tracker's address is not known here: all of them are the one voter 0.0.0.0 or ::. */
void external_vote(struct session *s, const struct addr *voter, const struct addr *own);
#endif
