/* ut_pex: peers tell each other whom else they are connected to (BEP 11).
 *
 *     d 5:added 12: [ip 4][port 2] [ip 4][port 2]  7:added.f 2: [flags][flags]
 *       6:added6 18: [ip 16][port 2]  8:added6.f 1: [flags]  7:dropped ...  8:dropped6 ... e
 *
 * What a peer tells is hearsay: addresses that nobody can connect to are left out, as are
 * repeated ones and (among global addresses) a second port of the same host, with which
 * one message could aim us all at one victim. The rest is for the roster to judge. */
#ifndef MARE_UT_PEX_H
#define MARE_UT_PEX_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#define PEX_MAX_TELL 50u  /* added, and dropped, in a message of ours (BEP 11) */
#define PEX_MAX_HEAR 200u /* of each in a message of others; more are ignored */
#define PEX_MAX_MESSAGE 32768u

enum {
    PEX_ENCRYPTION = 0x01, /* prefers it */
    PEX_SEED = 0x02,       /* or upload_only */
    PEX_UTP = 0x04,
    PEX_HOLEPUNCH = 0x08,
    PEX_REACHABLE = 0x10, /* who tells it connected to it */
};

struct pex_peer {
    struct addr addr;
    uint8_t flags; /* 0 for dropped ones */
};

struct pex_list {
    struct pex_peer peers[PEX_MAX_HEAR];
    uint32_t count;
};

struct ut_pex {
    struct pex_list added, dropped; /* IPv4 and IPv6 */
};

/* 0, ERR_FORMAT, ERR_LIMIT (longer than PEX_MAX_MESSAGE) or ERR_NOMEM. */
int ut_pex_decode(struct ut_pex *m, const uint8_t *data, size_t len) MUST_USE;
/* Writes at most PEX_MAX_TELL of each list, and no empty fields. */
void ut_pex_encode(struct text *out, const struct ut_pex *m);

#endif
