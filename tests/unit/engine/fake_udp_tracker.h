/* fake_udp_tracker: a UDP tracker on the loop of the spec, that answers by script and remembers
 * what it was asked. */
#ifndef MARE_FAKE_UDP_TRACKER_H
#define MARE_FAKE_UDP_TRACKER_H

#include "io/udp.h"
#include "proto/udp_announce.h"

struct fake_udp_tracker {
    struct udp *udp;
    struct addr at;
    unsigned connects, announces, scrapes;
    unsigned deaf;     /* so many of the next packets are not answered */
    bool refuses;      /* it answers "no way" to what is not a connect */
    bool lies;         /* with a wrong transaction */
    uint64_t id;       /* the connection it gives, and the only one it knows */
    uint8_t peers[64]; /* compact ones to be given */
    size_t peers_len;
    uint8_t last[UDP_TRACKER_MAX_PACKET]; /* packet, */
    size_t last_len;
    struct addr from; /* from here */
    char path[256];   /* of BEP 41 in the last announce */
};

/* On `ip`, any port. */
void fake_udp_open(struct fake_udp_tracker *f, struct loop *l, const char *ip);
void fake_udp_close(struct fake_udp_tracker *f);
/* "udp://127.0.0.1:1234/path" into out. */
char *fake_udp_url(const struct fake_udp_tracker *f, const char *path, char out[128]);
/* Sends bytes to whoever asked last, from the tracker's address. */
void fake_udp_says(struct fake_udp_tracker *f, const void *data, size_t len);

#endif
