/* socks5: asking a SOCKS5 proxy for a connection, as a machine without I/O (RFC 1928, 1929).
 *
 *     we      05 methods         [01 user password]        05 01 00 address
 *     proxy          05 method                     01 status                05 reply address
 *
 * It says how many bytes to read next, and never more than belong to the proxy's own words: what
 * follows them is the other end's, so nothing is left over that somebody would have to keep. */
#ifndef MARE_SOCKS5_H
#define MARE_SOCKS5_H

#include "base/addr.h"
#include "base/bytes.h"
#include "codec/proxy_url.h"

enum socks5_state {
    SOCKS5_METHOD, /* waits for the method it chose, */
    SOCKS5_LOGIN,  /* for what it says to user and password, */
    SOCKS5_REPLY,  /* for the beginning of its reply, */
    SOCKS5_ADDRESS /* for the rest of it */
};

struct socks5 {
    enum socks5_state state;
    const struct proxy_url *via; /* the caller's, till the end */
    struct addr to;
    uint8_t got[262]; /* the longest reply: a name of 255 bytes */
    size_t have, need;
    const char
        *trouble; /* after a failure that is the proxy's: words for the user; or NULL */
};

/* Appends what is to be sent first. */
void socks5_init(struct socks5 *s, const struct proxy_url *via, const struct addr *to,
                 struct text *out);
/* How many bytes to read next, at most; > 0. */
size_t socks5_wants(const struct socks5 *s);
/* So many came, at most what it wants; what is to be sent is appended. 1: the connection stands;
 * 0: go on; ERR_ACCESS (by the proxy's rules, or its login), ERR_REFUSED, ERR_TIMEOUT, ERR_NETWORK
 * (the other end cannot be reached), ERR_UNSUPPORTED, ERR_PROTOCOL. */
int socks5_take(struct socks5 *s, const uint8_t *data, size_t len, struct text *out)
    MUST_USE;

#endif
