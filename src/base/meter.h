/* meter: how fast something flows. Counts are kept for the last few seconds in one-second
 * cells; the rate is their mean over METER_WINDOW, so it neither jumps nor needs a timer: an
 * idle meter costs nothing and decays when it is read. Also the token bucket of rate limits. */
#ifndef MARE_METER_H
#define MARE_METER_H

#include "base/base.h"

#define METER_WINDOW 5 /* seconds over which the rate is the mean */

struct meter {
    uint64_t total;
    uint32_t cells[METER_WINDOW + 1]; /* units that arrived in that second */
    int64_t second;                   /* the second of the newest cell; 0 = never used */
    usec since; /* of the first note: the mean of a young meter is over its age */
};

void meter_note(struct meter *m, usec now, uint32_t amount);
uint64_t meter_rate(const struct meter *m, usec now); /* units per second */

/* Tokens are bytes. A limit of 0 means none. The bucket holds up to a quarter of a second, at
 * least 32 KiB, so that a block always fits in the end. A bucket may go into debt by one
 * taking: callers take what they sent, and ask `bucket_ready` before. */
struct bucket {
    uint64_t rate; /* bytes per second; 0 = unlimited */
    int64_t tokens;
    usec filled_at;
};

void bucket_init(struct bucket *b, uint64_t rate, usec now);
void bucket_set_rate(struct bucket *b, uint64_t rate, usec now);
/* Bytes that may flow now (INT64_MAX when unlimited; 0 when none). */
int64_t bucket_ready(struct bucket *b, usec now);
void bucket_take(struct bucket *b, uint64_t bytes);
/* When there will be something again; `now` if there is already. */
usec bucket_when(struct bucket *b, usec now);

#endif
