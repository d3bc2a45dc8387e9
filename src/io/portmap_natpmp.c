/* portmap_natpmp: NAT-PMP by libnatpmp. Three datagrams to the default gateway: our address
 * outside, a TCP port, a UDP port. The library sends again by itself (250 ms, 500 ms, ...); who is
 * silent for two seconds does not speak it. */
#include "io/portmap_private.h"

#ifdef MARE_HAVE_NATPMP

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include <natpmp.h>

#include "io/sockaddr.h"

#define ANSWER_MSEC 2000
#define GOODBYE_MSEC 500 /* the router need not confirm that it takes a port back */
#define GLANCE_MSEC 100  /* between two looks at whether to end */

struct question {
    natpmp_t natpmp;
    bool goodbye;
};

/* ---- asking ----------------------------------------------------------------------------- */

static void wait_a_little(natpmp_t *n) {
    struct timeval tv = {0, GLANCE_MSEC * 1000};
    struct pollfd pfd = {.fd = n->s, .events = POLLIN};
    getnatpmprequesttimeout(n, &tv);
    long msec = tv.tv_sec * 1000 + tv.tv_usec / 1000;
    (void)poll(&pfd, 1, (int)MAX(0, MIN(msec, GLANCE_MSEC)));
}

/* The answer to what was sent last. */
static int answer(const struct portmap_task *t, struct question *q, int type,
                  natpmpresp_t *r) {
    uint64_t until =
        uv_hrtime() + (uint64_t)(q->goodbye ? GOODBYE_MSEC : ANSWER_MSEC) * 1000000;
    while (uv_hrtime() < until && (q->goodbye || !portmap_ending(t))) {
        int rc = readnatpmpresponseorretry(&q->natpmp, r);
        if (rc == 0)
            return r->type == type ? 0 : ERR_PROTOCOL;
        if (rc == NATPMP_ERR_NOGATEWAYSUPPORT)
            return ERR_TIMEOUT;
        if (rc != NATPMP_TRYAGAIN)
            return ERR_REFUSED;
        wait_a_little(&q->natpmp);
    }
    return ERR_TIMEOUT;
}

static int ask_address(struct portmap_task *t, struct question *q) {
    natpmpresp_t r;
    if (sendpublicaddressrequest(&q->natpmp) < 0)
        return ERR_NETWORK;
    int status = answer(t, q, NATPMP_RESPTYPE_PUBLICADDRESS, &r);
    if (status == 0) {
        t->external = (struct addr){.family = 4};
        memcpy(t->external.ip, &r.pnu.publicaddress.addr, 4);
    }
    return status;
}

static int ask_port(struct portmap_task *t, struct question *q, struct portmap_mapping *m,
                    uint32_t lease) {
    natpmpresp_t r;
    int protocol = m->udp ? NATPMP_PROTOCOL_UDP : NATPMP_PROTOCOL_TCP;
    int type = m->udp ? NATPMP_RESPTYPE_UDPPORTMAPPING : NATPMP_RESPTYPE_TCPPORTMAPPING;
    uint16_t wish = lease ? m->outside ? m->outside : m->inside : 0;
    if (sendnewportmappingrequest(&q->natpmp, protocol, m->inside, wish, lease) < 0)
        return ERR_NETWORK;
    int status = answer(t, q, type, &r);
    if (status == 0 && lease) {
        m->outside = r.pnu.newportmapping.mappedpublicport;
        t->lease = MIN(t->lease, r.pnu.newportmapping.lifetime);
    }
    return status;
}

/* ---- the gateway ------------------------------------------------------------------------ */

/* Ties the socket, which the library has connected already. */
static bool tie(natpmp_t *n, const char *device) {
    struct sockaddr_storage to;
    socklen_t len = sizeof to;
    return !*device || (setsockopt(n->s, SOL_SOCKET, SO_BINDTODEVICE, device,
                                   (socklen_t)strlen(device)) == 0 &&
                        getpeername(n->s, (struct sockaddr *)&to, &len) == 0 &&
                        connect(n->s, (struct sockaddr *)&to, len) == 0);
}

/* A gateway that is not reached from the bound address is not ours to ask. */
static bool leaves_from(natpmp_t *n, const struct addr *bind) {
    struct sockaddr_storage at;
    struct addr source;
    socklen_t len = sizeof at;
    return !bind->family || (getsockname(n->s, (struct sockaddr *)&at, &len) == 0 &&
                             sockaddr_to_addr((struct sockaddr *)&at, &source) &&
                             addr_same_ip(&source, bind));
}

static int open_gateway(struct portmap_task *t, struct question *q, struct err *e) {
    memset(q, 0, sizeof *q);
    if (initnatpmp(&q->natpmp, 0, 0) < 0)
        return err_set(e, ERR_NETWORK, "there is no default gateway to ask for a port");
    if (tie(&q->natpmp, t->device) && leaves_from(&q->natpmp, &t->options.bind))
        return 0;
    closenatpmp(&q->natpmp);
    return err_set(e, ERR_NETWORK, "no gateway can be asked from the bound address");
}

static int ask_all(struct portmap_task *t, struct question *q) {
    int status = ask_address(t, q);
    if (status == 0)
        portmap_note_promise(t);
    for (int i = 0; i < 2 && status == 0; i++)
        if (t->mapping[i].inside)
            status = ask_port(t, q, &t->mapping[i], t->options.lease);
    return status;
}

static void give_back(struct portmap_task *t, struct question *q) {
    q->goodbye = true;
    for (int i = 0; i < 2; i++) {
        if (t->mapping[i].outside)
            (void)ask_port(t, q, &t->mapping[i], 0);
        t->mapping[i].outside = 0;
    }
}

int natpmp_map(struct portmap_task *t, struct err *e) {
    struct question q;
    int status = open_gateway(t, &q, e);
    if (status < 0)
        return status;
    t->lease = t->options.lease;
    status = ask_all(t, &q);
    if (status < 0)
        give_back(t, &q);
    closenatpmp(&q.natpmp);
    if (status == ERR_TIMEOUT)
        return err_set(e, status, "no router answers by NAT-PMP");
    return status < 0 ? err_set(e, status, "the router refuses a port by NAT-PMP") : 0;
}

void natpmp_unmap(struct portmap_task *t) {
    struct question q;
    if (open_gateway(t, &q, NULL) < 0)
        return;
    give_back(t, &q);
    closenatpmp(&q.natpmp);
}

#endif
