/* blame: a poisoned piece costs its sender, not the innocents.
 *
 * When a piece fails its hash and one peer sent all of it, that peer is guilty. Otherwise the
 * digest of every block and its sender are kept, everybody concerned goes on parole (whole
 * pieces alone, so the next failure has one author), and when the piece comes good the blocks
 * that differ convict their senders. Nobody is cleared while another failed piece still names
 * them. A sender whose address is not known (any more) is told with an address of family 0.
 * Memory: bounded number of pieces, oldest forgotten.
 * Source: libtorrent's smart ban and parole mode. */
#ifndef MARE_BLAME_H
#define MARE_BLAME_H

#include "base/addr.h"
#include "base/hash.h"
#include "swarm/active_piece.h"

#define BLAME_MAX_PIECES 64 /* failed pieces remembered at once */

struct blame {
    struct link failures; /* oldest first */
    uint32_t count;
};

typedef void blame_verdict(void *ctx, const struct addr *sender, handle peer);

void blame_init(struct blame *b);
void blame_fini(struct blame *b);
/* The piece failed. `data` is its assembled buffer, p->block[i].from the senders, address_of
 * gives a sender's address (peers may leave before the verdict). Calls `guilty` for a sole
 * author at once, `suspect` for each distinct sender otherwise. 0 or ERR_NOMEM (then only the
 * suspects were told). */
int blame_on_failed(struct blame *b, const struct active_piece *p, const uint8_t *data,
                    bool (*address_of)(void *ctx, handle peer, struct addr *out),
                    blame_verdict *guilty, blame_verdict *suspect, void *ctx);
/* The piece came good: convicts the authors of differing blocks, clears the others (`cleared`
 * may be NULL) and forgets the piece. Cheap when nothing is remembered. */
void blame_on_good(struct blame *b, uint32_t piece, const uint8_t *data, uint32_t length,
                   blame_verdict *guilty, blame_verdict *cleared, void *ctx);
bool blame_remembers(const struct blame *b, uint32_t piece);

#endif
