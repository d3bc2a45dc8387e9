/* sockaddr: see sockaddr.h. */
#include "io/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"

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
    uint8_t compact[18];
    *a = (struct addr){0};
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        memcpy(compact, &in->sin_addr, 4);
        put_u16(compact + 4, ntohs(in->sin_port));
        addr_from_compact4(a, compact);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        memcpy(compact, &in6->sin6_addr, 16);
        put_u16(compact + 16, ntohs(in6->sin6_port));
        addr_from_compact6(a, compact);
    }
    return a->family != 0;
}
