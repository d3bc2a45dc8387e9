/* udp: a datagram socket on the loop: DHT, UDP trackers, local discovery, later uTP.
 *
 * A datagram is sent at once or not at all: when the socket's buffer is full it is lost, as the
 * network might have lost it. At most UDP_PER_STEP are taken in a step, so that a flood leaves time
 * for others; what waits longer the kernel drops. */
#ifndef MARE_UDP_H
#define MARE_UDP_H

#include "base/addr.h"
#include "io/loop.h"

#define UDP_PER_STEP 256
#define UDP_MAX 65535 /* bytes of a datagram */

struct udp;

/* `data` is valid during the call only. Zero-length datagrams come, too. The hook may close the
 * socket. */
typedef void udp_on_packet(void *owner, const struct addr *from, const uint8_t *data,
                           size_t len);

/* Binds to `at` (family 4 or 6; port 0 = any; IPv6 sockets are V6ONLY). `shared`: several sockets
 * may have the same port (multicast listeners). NULL with *e. */
struct udp *udp_open(struct loop *l, const struct addr *at, bool shared,
                     udp_on_packet *on_packet, void *owner, struct err *e);
uint16_t udp_port(const struct udp *u);
/* 0; ERR_AGAIN it was dropped; ERR_NETWORK unreachable; ERR_INVALID wrong family. */
int udp_send(struct udp *u, const struct addr *to, const void *data, size_t len);
/* Hears what is sent to a multicast group of its family, on the interface of `via` (an address of
 * this machine; NULL = the system's choice), and sends to groups from there, one hop far. Again on
 * the same interface: nothing changes. A socket that is bound to the group itself hears
 * nothing else. */
int udp_join(struct udp *u, const struct addr *group, const struct addr *via,
             struct err *e);
/* The same on every interface that is up and can multicast, loopback aside. They may change: each
 * udp_send_all joins on those that are new, and sends to the group once from each. Both return
 * from how many; 0 or more. */
uint32_t udp_join_all(struct udp *u, const struct addr *group);
uint32_t udp_send_all(struct udp *u, const struct addr *group, const void *data,
                      size_t len);
void udp_close(struct udp *u);

#endif
