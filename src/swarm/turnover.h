/* turnover: when (nearly) full, every 300 s the worst 4 % of the connections make room for new
 * ones (libtorrent's rule). A pure function over rows. Never dropped: peers younger than a
 * fifth of that time, peers that are being served or that serve us, and rows marked `keep`. First to go:
 * peers with nothing for us and no interest in us (two seeds; not connected for use), then the
 * slowest both ways, then the longest silent. */
#ifndef MARE_TURNOVER_H
#define MARE_TURNOVER_H

#include "base/base.h"
#include "base/slots.h"

#define TURNOVER_EVERY (300 * USEC_PER_SEC)
#define TURNOVER_PERCENT 4
#define TURNOVER_FULL_PERCENT 90
#define TURNOVER_YOUNG 5       /* a fifth of that time: 60 s */
#define TURNOVER_TRICKLE 1024u /* B/s: below this nobody is being served */

struct turnover_row {
    handle peer;
    bool useless; /* neither side can ever want anything of the other */
    bool interesting, interested;
    bool keep, scored;
    double score; /* script: higher is dropped first */
    uint64_t received_rate, sent_rate;
    usec connected_at, last_useful_at; /* payload either way */
    bool drop;                         /* the answer */
};

/* Would a round drop anybody, if it may? */
bool turnover_is_due(uint32_t connections, uint32_t limit, uint32_t candidates);
/* Marks rows; returns how many. `every` is the time between two rounds (TURNOVER_EVERY). `connections` and `limit` say how full we are; candidates =
 * addresses waiting to be tried (nothing is dropped when there are none). */
uint32_t turnover_round(struct turnover_row *rows, uint32_t n, uint32_t connections,
                        uint32_t limit, uint32_t candidates, usec every, usec now);

#endif
