/* datagrams: see the header. Waiters are found by a small hash table of lists: transactions are
 * random numbers of our own choice, so their low bits are the hash. */
#include "engine/datagrams.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define BUCKETS 64u

struct channel {
    udp_on_packet *on_packet;
    void *owner;
};

struct datagrams {
    struct loop *loop;
    struct stats *stats;
    bool (*allows)(void *owner, const struct addr *a); /* NULL: everybody */
    void *allows_owner;
    struct addr bind;
    uint16_t port;
    struct udp *udp4, *udp6;
    struct channel channels[DATAGRAM_KINDS];
    struct link waiting[BUCKETS];
};

void datagrams_set_allows(struct datagrams *d,
                          bool (*allows)(void *owner, const struct addr *a),
                          void *owner) {
    d->allows = allows, d->allows_owner = owner;
}

static bool is_allowed(const struct datagrams *d, const struct addr *a) {
    return !d->allows || d->allows(d->allows_owner, a);
}

static struct udp **socket_of(struct datagrams *d, int family) {
    return family == 6 ? &d->udp6 : &d->udp4;
}

/* ---- in ---------------------------------------------------------------------------------- */

static void to_channel(const struct datagrams *d, enum datagram_kind kind,
                       const struct addr *from, const uint8_t *data, size_t len) {
    const struct channel *c = &d->channels[kind];
    if (c->on_packet)
        c->on_packet(c->owner, from, data, len);
}

static void to_waiter(const struct datagrams *d, const struct addr *from,
                      const uint8_t *data, size_t len) {
    uint32_t transaction = get_u32(data + 4);
    LIST_EACH(l, &d->waiting[transaction % BUCKETS]) {
        struct datagram_waiter *w = LIST_ITEM(l, struct datagram_waiter, link);
        if (w->transaction == transaction) {
            w->on_packet(w->owner, from, data, len);
            return; /* whatever it did to the list */
        }
    }
}

static bool is_utp(const uint8_t *data, size_t len) {
    return len >= 20 && (data[0] & 15) == 1 && data[0] >> 4 <= 4;
}

static void on_packet(void *owner, const struct addr *from, const uint8_t *data,
                      size_t len) {
    struct datagrams *d = owner;
    d->stats->udp_received += len;
    if (!is_allowed(d, from))
        return;
    if (len > 0 && data[0] == 'd')
        to_channel(d, DATAGRAM_DHT, from, data, len);
    else if (is_utp(data, len))
        to_channel(d, DATAGRAM_UTP, from, data, len);
    else if (len >= 8 && get_u32(data) <= 3)
        to_waiter(d, from, data, len);
}

/* ---- sockets ----------------------------------------------------------------------------- */

/* On our port, else on any. */
static struct udp *open_family(struct datagrams *d, uint8_t family, struct err *e) {
    struct addr at = {.family = family, .port = d->port};
    if (d->bind.family == family)
        memcpy(at.ip, d->bind.ip, sizeof at.ip);
    struct udp *u = udp_open(d->loop, &at, false, on_packet, d, e);
    if (u || !at.port)
        return u;
    at.port = 0;
    return udp_open(d->loop, &at, false, on_packet, d, e);
}

static void maybe_open(struct datagrams *d, uint8_t family, struct err *e) {
    struct udp **u = socket_of(d, family);
    if (*u || (d->bind.family && d->bind.family != family))
        return;
    *u = open_family(d, family, e);
    if (*u && !d->port)
        d->port = udp_port(*u); /* the other family's should be the same */
}

int datagrams_open(struct datagrams *d, struct err *e) {
    struct err e4 = {0}, e6 = {0};
    maybe_open(d, 4, &e4);
    maybe_open(d, 6, &e6);
    if (d->udp4 || d->udp6)
        return 0;
    const struct err *why = e4.code ? &e4 : &e6;
    return err_set(e, why->code, "%s", why->text);
}

uint16_t datagrams_port(const struct datagrams *d, int family) {
    const struct udp *u = family == 6 ? d->udp6 : d->udp4;
    return u ? udp_port(u) : 0;
}

int datagrams_send(struct datagrams *d, const struct addr *to, const void *data,
                   size_t len) {
    if (!is_allowed(d, to))
        return ERR_UNSAFE;
    maybe_open(d, to->family, NULL);
    struct udp *u = *socket_of(d, to->family);
    int status = u ? udp_send(u, to, data, len) : ERR_NETWORK;
    if (status == 0)
        d->stats->udp_sent += len;
    return status;
}

/* ---- who gets what ----------------------------------------------------------------------- */

void datagrams_listen(struct datagrams *d, enum datagram_kind kind, udp_on_packet *hook,
                      void *owner) {
    d->channels[kind] = (struct channel){hook, owner};
}

void datagram_waiter_init(struct datagram_waiter *w, udp_on_packet *hook, void *owner) {
    *w = (struct datagram_waiter){.on_packet = hook, .owner = owner};
    list_init(&w->link);
}

void datagrams_expect(struct datagrams *d, struct datagram_waiter *w,
                      uint32_t transaction) {
    list_remove(&w->link);
    w->transaction = transaction;
    list_append(&d->waiting[transaction % BUCKETS], &w->link);
}

void datagrams_forget(struct datagram_waiter *w) {
    list_remove(&w->link);
}

/* ---- life -------------------------------------------------------------------------------- */

struct datagrams *datagrams_new(struct loop *l, const struct addr *bind, uint16_t port,
                                struct stats *stats) {
    struct datagrams *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->loop = l, d->bind = *bind, d->port = port, d->stats = stats;
    for (unsigned i = 0; i < BUCKETS; i++)
        list_init(&d->waiting[i]);
    return d;
}

void datagrams_free(struct datagrams *d) {
    if (!d)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        while (list_shift(&d->waiting[i]))
            ;
    if (d->udp4)
        udp_close(d->udp4);
    if (d->udp6)
        udp_close(d->udp6);
    free(d);
}
