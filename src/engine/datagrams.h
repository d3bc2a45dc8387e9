/* datagrams: the session's UDP port, shared by all that speak by datagrams.
 *
 *     'd' ..............................  a bencoded dictionary: the DHT (BEP 5)
 *     0x01, 0x11, .. 0x41 ..............  type and version of a uTP header (BEP 29)
 *     00 00 00 0x, transaction (4) .....  an answer of a UDP tracker (BEP 15): whoever expects
 *                                         that transaction
 *
 * One socket per family, on the port of the TCP listener (one hole in a router, one line in a
 * firewall, and what BEP 5's implied port means), or on another if that one is taken. Nothing is
 * opened before the first datagram_send or datagrams_open: a session that needs no UDP has none.
 * What makes no sense, or what nobody waits for, is dropped. */
#ifndef MARE_DATAGRAMS_H
#define MARE_DATAGRAMS_H

#include "base/list.h"
#include "engine/stats.h"
#include "io/udp.h"

enum datagram_kind { DATAGRAM_DHT, DATAGRAM_UTP, DATAGRAM_KINDS };

/* Somebody who expects a tracker's answer; embedded in him. */
struct datagram_waiter {
    struct link link;
    uint32_t transaction;
    udp_on_packet *on_packet; /* it may forget or move this and any other waiter */
    void *owner;
};

struct datagrams;

/* `bind` (port ignored; family 0 = all addresses) and `port` (0 = any) are those of the listener;
 * `stats` must outlive it. NULL when out of memory. */
struct datagrams *datagrams_new(struct loop *l, const struct addr *bind, uint16_t port,
                                struct stats *stats);
void datagrams_free(struct datagrams *d); /* waiters may be left; they hear no more */

/* What `allows` refuses is neither sent to nor heard. */
void datagrams_set_allows(struct datagrams *d,
                          bool (*allows)(void *owner, const struct addr *a), void *owner);

/* Opens what is not open yet; 0 when a family can be used. Idempotent. */
int datagrams_open(struct datagrams *d, struct err *e);
uint16_t datagrams_port(const struct datagrams *d, int family); /* 0 = not open */
/* As udp_send; ERR_NETWORK also when its family cannot be used, ERR_UNSAFE when `allows` refuses.
 * Opens. */
int datagrams_send(struct datagrams *d, const struct addr *to, const void *data,
                   size_t len);
/* Who gets what is of that kind; NULL = nobody. */
void datagrams_listen(struct datagrams *d, enum datagram_kind kind,
                      udp_on_packet *on_packet, void *owner);

void datagram_waiter_init(struct datagram_waiter *w, udp_on_packet *on_packet,
                          void *owner);
/* From now on it gets what names this transaction; from whom it came is its own to check. One
 * that expects something already is moved: a machine that sends again has a new number. */
void datagrams_expect(struct datagrams *d, struct datagram_waiter *w,
                      uint32_t transaction);
void datagrams_forget(struct datagram_waiter *w); /* idempotent */

#endif
