/* udp: see the header. */
#include "io/udp.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/device.h"
#include "io/sockaddr.h"
#include "io/watch.h"

struct udp {
    struct watch watch;
    udp_on_packet *on_packet;
    void *owner;
    uint8_t family;
    uint16_t port;
    bool closed;
};

/* ---- in ------------------------------------------------------------------------------ */

/* An ICMP error of an earlier datagram shows up as a failed receive: it says nothing of the
 * next one. */
static bool is_over(ssize_t n) {
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void receive_one(struct udp *u, uint8_t *buffer, bool *over) {
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    struct addr from;
    ssize_t n = recvfrom(u->watch.fd, buffer, UDP_MAX, 0, (struct sockaddr *)&at, &len);
    *over = is_over(n);
    if (n >= 0 && sockaddr_to_addr((struct sockaddr *)&at, &from))
        u->on_packet(u->owner, &from, buffer, (size_t)n);
}

static void on_ready(struct watch *w, int events) {
    struct udp *u = CONTAINER_OF(w, struct udp, watch);
    uint8_t buffer[UDP_MAX];
    bool over = false;
    (void)events;
    for (int i = 0; i < UDP_PER_STEP && !over && !u->closed; i++)
        receive_one(u, buffer, &over);
}

/* ---- out ----------------------------------------------------------------------------- */

int udp_send(struct udp *u, const struct addr *to, const void *data, size_t len) {
    struct sockaddr_storage sa;
    if (to->family != u->family)
        return ERR_INVALID;
    socklen_t sa_len = sockaddr_from_addr(&sa, to);
    ssize_t n;
    do
        n = sendto(u->watch.fd, data, len, MSG_NOSIGNAL, (struct sockaddr *)&sa, sa_len);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return 0;
    bool full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
    return full ? ERR_AGAIN : ERR_NETWORK;
}

/* ---- life ---------------------------------------------------------------------------- */

static void on_closed(struct watch *w) {
    free(CONTAINER_OF(w, struct udp, watch));
}

static int bind_to(int fd, const struct addr *at, bool shared, uint16_t *port) {
    if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)))
        return -1;
    return sockaddr_bind(fd, at, port);
}

static int open_socket(const struct loop *l, const struct addr *at, bool shared,
                       uint16_t *port, struct err *e) {
    char text[ADDR_TEXT];
    if (!at->family)
        return err_set(e, ERR_INVALID, "no address for a datagram socket");
    int fd = device_socket(l, at->family, SOCK_DGRAM);
    if (fd >= 0 && bind_to(fd, at, shared, port) == 0)
        return fd;
    int rc = err_errno(e, errno, "cannot use UDP at %s", addr_format(at, text));
    if (fd >= 0)
        close(fd);
    return rc;
}

struct udp *udp_open(struct loop *l, const struct addr *at, bool shared,
                     udp_on_packet *on_packet, void *owner, struct err *e) {
    uint16_t port = 0;
    int fd = open_socket(l, at, shared, &port, e);
    if (fd < 0)
        return NULL;
    struct udp *u = calloc(1, sizeof *u);
    int rc = u ? watch_open(&u->watch, l, fd, on_ready, on_closed) : ERR_NOMEM;
    if (rc) {
        err_set(e, rc, "cannot watch a datagram socket (%s)", err_name(rc));
        close(fd);
        free(u);
        return NULL;
    }
    u->on_packet = on_packet, u->owner = owner;
    u->family = at->family, u->port = port;
    watch_want(&u->watch, UV_READABLE);
    return u;
}

uint16_t udp_port(const struct udp *u) {
    return u->port;
}

void udp_close(struct udp *u) {
    u->closed = true;
    watch_close(&u->watch);
}

/* ---- multicast ----------------------------------------------------------------------- */

#define MAX_INTERFACES 32

static int join_group(int fd, int level, int option, const void *request, socklen_t len) {
    return setsockopt(fd, level, option, request, len) && errno != EADDRINUSE ? -1 : 0;
}

/* On this interface, or where the address `via` is, or where the system thinks fit. */
static int join4(int fd, const struct addr *group, const struct addr *via,
                 unsigned index) {
    struct ip_mreqn r = {.imr_ifindex = (int)index};
    memcpy(&r.imr_multiaddr, group->ip, sizeof r.imr_multiaddr);
    if (via)
        memcpy(&r.imr_address, via->ip, sizeof r.imr_address);
    if (join_group(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof r))
        return -1;
#ifdef IP_MULTICAST_ALL /* Linux: else it hears what others have joined, on any interface */
    (void)setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &(int){0}, sizeof(int));
#endif
    if ((via || index) && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &r, sizeof r))
        return -1;
    return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &(uint8_t){1}, 1);
}

/* The interface that has this address, 0 = none. */
static unsigned interface_of(const struct addr *a) {
    struct ifaddrs *all = NULL;
    struct addr own;
    unsigned index = 0;
    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *i = all; i && !index; i = i->ifa_next)
        if (i->ifa_addr && sockaddr_to_addr(i->ifa_addr, &own) && addr_same_ip(&own, a))
            index = if_nametoindex(i->ifa_name);
    freeifaddrs(all);
    return index;
}

static int join6(int fd, const struct addr *group, const struct addr *via,
                 unsigned index) {
    struct ipv6_mreq r = {.ipv6mr_interface = index};
    if (via && !index)
        r.ipv6mr_interface = interface_of(via);
    memcpy(&r.ipv6mr_multiaddr, group->ip, sizeof r.ipv6mr_multiaddr);
    if (join_group(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &r, sizeof r))
        return -1;
    if (r.ipv6mr_interface && setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF,
                                         &r.ipv6mr_interface, sizeof r.ipv6mr_interface))
        return -1;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &(int){1}, sizeof(int));
}

static int join(struct udp *u, const struct addr *group, const struct addr *via,
                unsigned index) {
    int fd = u->watch.fd;
    return u->family == 6 ? join6(fd, group, via, index) : join4(fd, group, via, index);
}

int udp_join(struct udp *u, const struct addr *group, const struct addr *via,
             struct err *e) {
    char text[ADDR_TEXT];
    if (join(u, group, via, if_nametoindex(device_name(u->watch.loop))) == 0)
        return 0;
    return err_errno(e, errno, "cannot join the group %s", addr_format(group, text));
}

/* ---- multicast everywhere ---------------------------------------------------------------- */

static bool can_multicast(const struct ifaddrs *i, uint8_t family) {
    const unsigned needed = IFF_UP | IFF_MULTICAST;
    struct addr own;
    return i->ifa_addr && sockaddr_to_addr(i->ifa_addr, &own) && own.family == family &&
           (i->ifa_flags & (needed | IFF_LOOPBACK)) == needed;
}

/* Each once, however many addresses it has. */
static uint32_t find_interfaces(uint8_t family, unsigned out[MAX_INTERFACES]) {
    struct ifaddrs *all = NULL;
    uint32_t n = 0;
    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *i = all; i && n < MAX_INTERFACES; i = i->ifa_next) {
        unsigned index = can_multicast(i, family) ? if_nametoindex(i->ifa_name) : 0;
        bool known = !index;
        for (uint32_t j = 0; j < n; j++)
            known |= out[j] == index;
        if (!known)
            out[n++] = index;
    }
    freeifaddrs(all);
    return n;
}

uint32_t udp_join_all(struct udp *u, const struct addr *group) {
    unsigned index[MAX_INTERFACES];
    uint32_t joined = 0, n = find_interfaces(u->family, index);
    for (uint32_t i = 0; i < n; i++)
        joined += join(u, group, NULL, index[i]) == 0;
    return joined;
}

uint32_t udp_send_all(struct udp *u, const struct addr *group, const void *data,
                      size_t len) {
    unsigned index[MAX_INTERFACES];
    uint32_t sent = 0, n = find_interfaces(u->family, index);
    for (uint32_t i = 0; i < n; i++)
        if (join(u, group, NULL, index[i]) == 0)
            sent += udp_send(u, group, data, len) == 0;
    return sent;
}
