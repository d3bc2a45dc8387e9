/* sockaddr: between struct addr and what the system calls want. */
#ifndef MARE_SOCKADDR_H
#define MARE_SOCKADDR_H

#include <sys/socket.h>

#include "base/addr.h"
#include "base/err.h"

/* Its length; 0 if the address has no family. */
socklen_t sockaddr_from_addr(struct sockaddr_storage *to, const struct addr *a);
/* False (family 0) for what is neither IPv4 nor IPv6. A mapped IPv4 address becomes
 * IPv4. */
bool sockaddr_to_addr(const struct sockaddr *from, struct addr *a);
/* Binds a fresh socket, an IPv6 one to IPv6 alone; *port is the real port. 0; or -1 with errno. */
int sockaddr_bind(int fd, const struct addr *at, uint16_t *port) MUST_USE;
/* Makes a fresh socket listen at an address (-1: there is none, errno says why); *port is its real
 * port. The socket; ERR_* with a sentence, and it is closed. */
int sockaddr_listen(int fd, const struct addr *at, uint16_t *port, struct err *e)
    MUST_USE;

#endif
