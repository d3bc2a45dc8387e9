/* tracker_reply: see the header. */
#include "codec/tracker_reply.h"

#include <string.h>

#include "codec/printable.h"

#define MAX_PLAUSIBLE 1000000000 /* more clients than this is a lie or a bug */

int tracker_interval(int64_t seconds) {
    return (int)MAX(ANNOUNCE_MIN_INTERVAL, MIN(seconds, ANNOUNCE_MAX_INTERVAL));
}

int64_t tracker_count(int64_t clients) {
    return clients >= 0 && clients <= MAX_PLAUSIBLE ? clients : -1;
}

void tracker_refusal(char out[256], struct span reason) {
    printable_copy(out, 256, reason);
    if (!out[0])
        strcpy(out, "the tracker refused without a reason");
}
