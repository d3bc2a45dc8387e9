/* sockaddr: see sockaddr.h. */
#include "io/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

#define BACKLOG 128

socklen_t sockaddr_from_addr(struct sockaddr_storage *to, const struct addr *a) {
    memset(to, 0, sizeof *to);
    if (a->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (a->family == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof *in6;
    }
    return 0;
}

/* Through the compact forms, because they are where addr unmaps mapped addresses. */
bool sockaddr_to_addr(const struct sockaddr *from, struct addr *a) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    *a = (struct addr){0};
    if (from->sa_family == AF_INET) {
        (void)addr_from_compact(a, (const uint8_t *)&in->sin_addr, 4);
        a->port = ntohs(in->sin_port);
    } else if (from->sa_family == AF_INET6) {
        (void)addr_from_compact(a, (const uint8_t *)&in6->sin6_addr, 16);
        a->port = ntohs(in6->sin6_port);
    }
    return a->family != 0;
}

/* ---- binding, listening ---- */

int sockaddr_bind(int fd, const struct addr *at, uint16_t *port) {
    struct sockaddr_storage sa;
    socklen_t len = sockaddr_from_addr(&sa, at);
    struct addr bound;
    if (at->family == 6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)))
        return -1;
    if (bind(fd, (struct sockaddr *)&sa, len))
        return -1;
    len = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &len))
        return -1;
    sockaddr_to_addr((struct sockaddr *)&sa, &bound);
    *port = bound.port;
    return 0;
}

/* SO_REUSEADDR: connections of an earlier run that linger do not keep the port from
 * us. */
static int listen_at(int fd, const struct addr *at, uint16_t *port) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    return sockaddr_bind(fd, at, port) || listen(fd, BACKLOG) ? -1 : 0;
}

int sockaddr_listen(int fd, const struct addr *at, uint16_t *port, struct err *e) {
    char text[ADDR_TEXT];
    if (at->family && fd >= 0 && listen_at(fd, at, port) == 0)
        return fd;
    int rc = at->family
                 ? err_errno(e, errno, "cannot listen on %s", addr_format(at, text))
                 : err_set(e, ERR_INVALID, "no address to listen on");
    if (fd >= 0)
        close(fd);
    return rc;
}
