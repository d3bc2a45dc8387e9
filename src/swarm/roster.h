/* roster: the addresses known for one torrent, and which to dial next.
 *
 * Order (libtorrent's): fewest failures, local before global, least recently tried, best source
 * (tracker 32, LSD 16, DHT 8, PEX 4), then BEP 40 priority. A failed address waits (failures + 1)
 * x 60 s and is given up after 3. At most ROSTER_MAX addresses: when full the least useful
 * unconnected one is forgotten. One that the user named waits failures x 5 s, at most
 * 60 s, and is never given up. Refused: port 0, any-address, multicast, our own.
 *
 * A candidate's pointer is good while it is connected (or banned); others may be forgotten by
 * the next roster_add. */
#ifndef MARE_ROSTER_H
#define MARE_ROSTER_H

#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"

#define ROSTER_MAX 3000u
#define ROSTER_RETRY (60 * USEC_PER_SEC)
#define ROSTER_MAX_FAILURES 3
#define ROSTER_JUDGED_ANEW (60 * USEC_PER_SEC) /* a refused address that is named again */
#define ROSTER_RETRY_NAMED (5 * USEC_PER_SEC) /* an address that the user named himself */

/* Where an address came from; bits, for one may come from many. */
enum {
    SOURCE_INCOMING = 1,
    SOURCE_RESUME = 2,
    SOURCE_PEX = 4,
    SOURCE_DHT = 8,
    SOURCE_LSD = 16,
    SOURCE_TRACKER = 32,
    SOURCE_MANUAL = 64
};
/* The best one's name: "tracker", "manual", ... */
const char *source_name(uint32_t sources);

/* What a judge (swarm/policy: admit) said of an address. */
enum admission { ADMISSION_UNKNOWN, ADMISSION_GRANTED, ADMISSION_REFUSED };

struct candidate {
    struct addr addr;
    uint32_t sources;
    uint8_t failures;
    bool connected;    /* a connection or an attempt exists */
    bool upload_only;  /* a seed: not dialled while we seed */
    bool plain_works;  /* was dialled in the clear: no need to try encryption first */
    usec last_tried;   /* 0 = never */
    usec last_seen;    /* when a source last named it */
    usec banned_until; /* 0 = not; USEC_NEVER = for good */
    enum admission admission;
    usec judged_at;
    usec
        declined_until; /* a judge (connect) does not want it dialled before; 0 = may be */
};

struct roster {
    struct candidate **table; /* open addressing by address */
    uint32_t cap, count;
    struct addr own4, own6; /* ours, with the listening port; family 0 = not known */
    uint64_t seed;          /* secret: nobody can choose addresses that collide */
    bool has_named;         /* the user named an address */
    usec idle_until;        /* nobody is ready before; 0 = look */
    bool idle_seeding;      /* for which `seeding` that was found out */
    bool
        judged_only; /* there is a judge: who was not admitted is not dialled (but named ones) */
    bool unjudged;  /* there may be some who were not judged yet */
    uint32_t sweep; /* where in the table a judge looks next (shortlist) */
};

void roster_init(struct roster *r);
void roster_fini(struct roster *r);
/* Adds or refreshes. 1 new; 0 known; ERR_INVALID unusable address; ERR_LIMIT full; ERR_NOMEM.
 * A tracker that names a failed address again takes one failure off it, the user all of them.
 * An address with no source but SOURCE_INCOMING is never dialled: its port is not the one that
 * the peer listens on. When the peer tells that one (`p` of BEP 10), add it as SOURCE_PEX. */
int roster_add(struct roster *r, const struct addr *a, uint32_t source, usec now);
/* Forgets who is not connected and was named by none of these sources. */
void roster_keep(struct roster *r, uint32_t sources);
struct candidate *roster_find(const struct roster *r, const struct addr *a);
/* When it may be dialled: at once if that is past; USEC_NEVER as things are. */
usec roster_due(const struct roster *r, const struct candidate *c, bool seeding);
/* Walks them: start with *at = 0; NULL at the end. No adding meanwhile. */
struct candidate *roster_each(const struct roster *r, uint32_t *at);
/* The best address to dial now, or NULL; `seeding` leaves out known seeds. O(count) when there
 * is one, O(1) when there is none (it is remembered until when). */
struct candidate *roster_next(struct roster *r, usec now, bool seeding);
/* When to ask roster_next again: `now` if somebody is ready. May be early, never late: at most
 * ROSTER_RETRY ahead while anybody could become ready; USEC_NEVER when the roster is empty. */
usec roster_next_due(struct roster *r, usec now, bool seeding);
void roster_note_dialled(struct candidate *c, usec now);
/* Handshake done: failures forgotten. */
void roster_note_connected(struct candidate *c, usec now);
/* Attempt or handshake failed. */
void roster_note_failed(struct candidate *c, usec now);
/* It failed for reasons that are not the address's: as if it had not been dialled. */
void roster_note_untried(struct roster *r, struct candidate *c);
void roster_note_closed(struct candidate *c, usec now);
/* until: USEC_NEVER = for good; 0 lifts it (to be dialled at once: roster_add it again). */
/* We want something new: addresses that were left in peace, not given up, may be dialled at once. */
void roster_note_new_wish(struct roster *r);
void roster_ban(struct candidate *c, usec until);

/* Is `a` to be tried before `b`? The rule as a pure function (table-driven spec). */
bool candidate_before(const struct candidate *a, const struct candidate *b,
                      const struct roster *r);
/* BEP 40: both sides compute the same number; higher = connect rather. */
uint32_t peer_priority(const struct addr *own, const struct addr *peer);

#endif
