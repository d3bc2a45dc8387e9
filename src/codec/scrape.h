/* scrape: ask a tracker for the size of swarms without joining them (BEP 48). The HTTP
 * form; udp_tracker has the other. */
#ifndef MARE_SCRAPE_H
#define MARE_SCRAPE_H

#include "base/bytes.h"
#include "base/err.h"

#define SCRAPE_MAX_REPLY 1048576u
#define SCRAPE_MAX_HASHES 64u /* in one request: URLs and datagrams have an end */

struct scrape_counts {
    int64_t complete, downloaded, incomplete; /* -1 = not given; implausible ones, too */
};

/* Appends the URL that goes with an HTTP announce URL: the last path element, which must
 * begin with "announce", begins with "scrape" instead. 0; ERR_UNSUPPORTED if it does not,
 * or if the tracker is a UDP one (which need no URL). */
int scrape_url(struct text *out, const char *announce, const uint8_t (*hashes)[20],
               uint32_t count) MUST_USE;

struct scrape_reply {
    char failure[256]; /* "" = success */
    int min_interval;  /* seconds before the next, 0 = not given */
};

/* Fills counts[i] for hashes[i], those that were asked for; what the reply tells of
 * others is ignored. 0, or ERR_FORMAT / ERR_LIMIT / ERR_NOMEM with a sentence. */
int scrape_reply_parse(struct scrape_reply *r, struct scrape_counts *counts,
                       const uint8_t (*hashes)[20], uint32_t count, const uint8_t *data,
                       size_t len, struct err *e) MUST_USE;

#endif
