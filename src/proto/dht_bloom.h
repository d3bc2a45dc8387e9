/* dht_bloom: the set of hosts that BEP 33 counts seeds and downloaders with. Filters of several
 * nodes can be united, and whoever is known to many of them still counts once. */
#ifndef MARE_DHT_BLOOM_H
#define MARE_DHT_BLOOM_H

#include "base/addr.h"
#include "base/err.h"
#include "codec/krpc.h"

/* 0 or ERR_NOMEM. The filter is zero before the first. */
int dht_bloom_add(uint8_t filter[KRPC_BLOOM], const struct addr *host) MUST_USE;

#endif
