/* holepunch: ut_holepunch, by which two peers that nobody can dial meet through a third
 * (BEP 55).
 *
 *     [type 1][family 1: 0 = IPv4, 1 = IPv6][address 4 or 16][port 2][error 4]
 *
 * Who wants to meet sends RENDEZVOUS to the third, who tells both sides to CONNECT to
 * each other at once, by uTP, or answers with an ERROR. */
#ifndef MARE_HOLEPUNCH_H
#define MARE_HOLEPUNCH_H

#include "base/addr.h"
#include "base/err.h"

#define HOLEPUNCH_MAX 24u

enum holepunch_type {
    HOLEPUNCH_RENDEZVOUS,
    HOLEPUNCH_CONNECT,
    HOLEPUNCH_ERROR,
};

enum holepunch_error {
    HOLEPUNCH_NO_ERROR,
    HOLEPUNCH_NO_SUCH_PEER,  /* the address makes no sense */
    HOLEPUNCH_NOT_CONNECTED, /* the third is not connected to the other */
    HOLEPUNCH_NO_SUPPORT,    /* the other does not know ut_holepunch */
    HOLEPUNCH_NO_SELF,       /* the address is the third's own */
};

struct holepunch {
    enum holepunch_type type;
    struct addr addr;
    uint32_t error; /* enum holepunch_error, or one of the future; 0 but in an ERROR */
};

/* 0; ERR_FORMAT; ERR_UNSUPPORTED for a type of the future; ERR_INVALID when nobody can be
 * at that address (the answer is HOLEPUNCH_NO_SUCH_PEER, m is filled). */
int holepunch_decode(struct holepunch *m, const uint8_t *data, size_t len) MUST_USE;
size_t holepunch_encode(uint8_t out[HOLEPUNCH_MAX], const struct holepunch *m);

#endif
