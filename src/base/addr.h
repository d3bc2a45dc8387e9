/* addr: an IP address and port as a plain value, without sockaddr and without system calls.
 * Unused bytes are zero, so two addresses are equal when their bytes are. */
#ifndef MARE_ADDR_H
#define MARE_ADDR_H

#include "base/base.h"

struct addr {
    uint8_t ip[16]; /* IPv4 in the first four bytes */
    uint16_t port;  /* host order */
    uint8_t family; /* 4 or 6; 0 = no address */
};

enum addr_kind {
    ADDR_GLOBAL,
    ADDR_LOOPBACK,  /* 127/8, ::1 */
    ADDR_PRIVATE,   /* RFC 1918, RFC 6598, fc00::/7 */
    ADDR_LINK,      /* 169.254/16, fe80::/10 */
    ADDR_MULTICAST, /* 224/4, ff00::/8; also 240/4, reserved and broadcast */
    ADDR_ANY        /* 0/8, ::, and family 0 */
};

#define ADDR_TEXT 64 /* room for any address as text, NUL included */

/* "1.2.3.4:80", "[::1]:80", and with `default_port` >= 0 also "1.2.3.4", "::1", "[::1]".
 * Port 1..65535. An IPv4-mapped IPv6 address becomes IPv4. 0 or ERR_FORMAT. */
int addr_parse(struct addr *a, const char *text, int default_port) MUST_USE;
/* "1.2.3.4:80" or "[::1]:80" into out, which it returns. */
char *addr_format(const struct addr *a, char out[ADDR_TEXT]);
/* The same without port and brackets. */
char *addr_format_ip(const struct addr *a, char out[ADDR_TEXT]);
bool addr_equal(const struct addr *a, const struct addr *b); /* port included */
bool addr_same_ip(const struct addr *a, const struct addr *b);
uint64_t addr_hash(const struct addr *a, uint64_t seed);
enum addr_kind addr_kind(const struct addr *a);
/* Can there be somebody? It has a port, and is of one host. */
bool addr_usable(const struct addr *a);
/* Compact forms: BEP 23 (6 bytes), BEP 7 (18 bytes, where ::ffff:a.b.c.d becomes IPv4), and 4 or 16
 * bytes of an IP address alone (port 0). False, and nothing changed, for any other length. */
bool addr_from_compact(struct addr *a, const uint8_t *p, size_t len);
size_t addr_to_compact(const struct addr *a, uint8_t out[18]); /* 6 or 18 */

#endif
