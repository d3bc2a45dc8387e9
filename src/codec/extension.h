/* extension: the extension protocol's handshake (BEP 10), and what rides on it: client version,
 * queue length, listening port, the address that the peer sees us at, BEP 21's upload_only.
 *
 * Each side numbers the messages it wants to receive in `m`; the other side sends with those
 * numbers. Ours are the enum; theirs are learned. */
#ifndef MARE_EXTENSION_H
#define MARE_EXTENSION_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

/* Our numbers: what a peer sends us with. */
enum extension_id {
    EXT_HANDSHAKE = 0,
    EXT_METADATA = 1,    /* ut_metadata, BEP 9 */
    EXT_PEX = 2,         /* ut_pex, BEP 11 */
    EXT_DONTHAVE = 3,    /* lt_donthave, BEP 54 */
    EXT_HOLEPUNCH = 4,   /* ut_holepunch, BEP 55 */
    EXT_UPLOAD_ONLY = 5, /* upload_only, BEP 21 as a message */
    EXT_COUNT
};
const char *extension_name(enum extension_id id); /* "ut_metadata" ... */

struct extension_handshake {
    uint8_t id[EXT_COUNT]; /* the number to send with; 0 = not supported */
    char version[64];      /* `v`, cut to valid UTF-8 without control bytes; "" if none */
    uint32_t reqq;         /* outstanding requests the peer holds; 0 = not given */
    uint16_t port;         /* `p`; 0 = not given */
    /* Our address as the peer sees it (port 0); family 0 = not given. */
    struct addr yourip;
    uint32_t metadata_size; /* 0 = not given */
    int8_t upload_only;     /* 1 yes, 0 no, -1 not given */
};

/* A second handshake may leave things out: ids it names are changed, others stay, so decode
 * updates *h (zeroed, with upload_only = -1, before the first). 0 or ERR_FORMAT / ERR_LIMIT. */
int extension_handshake_decode(struct extension_handshake *h, const uint8_t *data,
                               size_t len) MUST_USE;
/* Writes the bencoded dictionary (without message header). Ids that are 0, empty version, zero
 * numbers and family 0 are left out. */
void extension_handshake_encode(struct text *out, const struct extension_handshake *h);

/* lt_donthave (BEP 54): a piece that was announced is gone; the opposite of HAVE. The message
 * is the piece's number. ERR_FORMAT unless it is exactly that, of a piece that there is. */
#define EXT_DONTHAVE_LEN 4u
int extension_donthave_decode(uint32_t *piece, const uint8_t *data, size_t len,
                              uint32_t pieces) MUST_USE;
void extension_donthave_encode(uint8_t out[EXT_DONTHAVE_LEN], uint32_t piece);

#endif
