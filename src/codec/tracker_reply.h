/* tracker_reply: what the answers of trackers have in common, be they to announces or scrapes, over
 * HTTP or UDP. A tracker is a stranger as a peer is: numbers are clamped into what makes sense, text
 * is made printable. */
#ifndef MARE_TRACKER_REPLY_H
#define MARE_TRACKER_REPLY_H

#include "base/base.h"

#define ANNOUNCE_MIN_INTERVAL 60 /* seconds; replies are clamped into these */
#define ANNOUNCE_MAX_INTERVAL 86400

int tracker_interval(int64_t seconds);  /* clamped */
int64_t tracker_count(int64_t clients); /* -1 if that is a lie or a bug */
/* Why it refused: never empty. */
void tracker_refusal(char out[256], struct span reason);

#endif
