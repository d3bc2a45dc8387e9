/* early: what a peer says it has before anybody here knows how many pieces there are (a magnet
 * link). It is kept, within bounds, and held against the metadata once that has come.
 *
 * A bitfield is kept as it came, for the torrent at most EARLY_MAX_TORRENT bytes of them; single
 * HAVEs go into the bitfield or, without one, on a short list. What does not fit is not forgotten
 * in silence: such a peer is closed when the metadata has come, to say it again. */
#ifndef MARE_EARLY_H
#define MARE_EARLY_H

#include "base/chunked_buffer.h"

#define EARLY_MAX_TORRENT (8u << 20)
#define EARLY_MAX_HAVES 1024u

struct peer;

struct early {
    uint8_t *bits; /* a BITFIELD, or NULL */
    uint32_t len;
    uint32_t *haves;
    uint32_t count, cap;
    bool all;  /* HAVE_ALL */
    bool lost; /* it said more than could be kept */
};

void early_fini(struct peer *p);
/* All return 0, or ERR_PROTOCOL for what no torrent allows. */
int early_on_have(struct peer *p, uint32_t piece);
int early_on_bitfield(struct peer *p, struct chunked_buffer *body, uint32_t len);
int early_on_have_all(struct peer *p);
#endif
