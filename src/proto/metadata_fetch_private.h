/* metadata_fetch_private: between metadata_fetch (who is asked for what) and metadata_join (what
 * arrives). */
#ifndef MARE_METADATA_FETCH_PRIVATE_H
#define MARE_METADATA_FETCH_PRIVATE_H

#include "base/hash.h"
#include "proto/metadata_fetch.h"

struct metadata_request {
    uint32_t piece;
    usec due; /* 0 = unused; USEC_NEVER = given up, but may be answered yet */
};

struct metadata_source {
    handle peer;
    uint32_t size;
    bool barred;
    bool suspect;     /* had a part in something wrong */
    uint8_t failures; /* rejects and timeouts since it last gave something */
    usec quiet_until; /* 0 = may be asked */
    struct metadata_request asked[METADATA_PIPELINE];
};

struct metadata_block {
    uint8_t *data; /* NULL = missing */
    handle sender;
    uint32_t askers; /* peers that were asked for it and have time left */
};

struct metadata_fetch {
    uint8_t info_hash[SHA1_LEN];
    struct metadata_source *sources;
    uint32_t source_count, source_cap;
    struct metadata_block *blocks;
    uint32_t block_cap;
    uint32_t size, pieces, received; /* of what is tried now; size 0 = nothing yet */
    bool stale;                      /* is it still the right thing to try? */
    bool alone;                      /* one peer at a time: */
    handle loner;                    /* this one, 0 = to be chosen, */
    usec alone_until;                /* so long; USEC_NEVER without one */
    handle suspects[METADATA_MAX_PEERS];
    uint32_t suspect_count;
    bool done;
    uint8_t *result;
};

struct metadata_source *metadata_source_of(const struct metadata_fetch *f,
                                           handle peer); /* or NULL */
struct metadata_request *metadata_request_of(struct metadata_source *s,
                                             uint32_t piece); /* or NULL */
/* Ends one: answered, refused or in vain. */
void metadata_release(struct metadata_fetch *f, struct metadata_request *q);
void metadata_bar(struct metadata_fetch *f, struct metadata_source *s);
/* All that came, and all requests, are forgotten; from now on metadata of this size is tried. */
void metadata_start_over(struct metadata_fetch *f, uint32_t size);

#endif
