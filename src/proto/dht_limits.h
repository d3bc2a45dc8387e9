/* dht_limits: what strangers may cost us: packets per address, bytes that we send, and which
 * addresses are believed at all. */
#ifndef MARE_DHT_LIMITS_H
#define MARE_DHT_LIMITS_H

#include "base/addr.h"
#include "base/err.h"
#include "base/meter.h"

#define DHT_RATE 5u   /* packets a second that one address may send in the long run ... */
#define DHT_BURST 10u /* ... and at once; whoever exceeds it is not heard for */
#define DHT_SILENCE (300 * USEC_PER_SEC)
#define DHT_UPLOAD_RATE 8000u /* bytes a second, headers included */
#define DHT_OVERHEAD 28u      /* of IP and UDP */

struct dht_limits {
    struct dht_meter *hosts; /* a fixed table */
    uint64_t seed;
    struct bucket upload;
};

int dht_limits_init(struct dht_limits *l, uint64_t seed, uint64_t upload_rate, usec now)
    MUST_USE;
void dht_limits_fini(struct dht_limits *l);
size_t dht_limits_memory(void); /* bytes allocated, always the same */

/* Is this host being ignored? Asked before anything is read of its packet. */
bool dht_limits_is_silenced(const struct dht_limits *l, const struct addr *host,
                            usec now);
/* Counts a packet that we have not asked for; false = drop it. */
bool dht_limits_admit(struct dht_limits *l, const struct addr *host, usec now);

/* May we answer somebody, may we ask something ourselves? Half of the burst is for our own
 * questions alone, so a flood of others' can never stop them. */
bool dht_limits_may_answer(struct dht_limits *l, usec now);
bool dht_limits_may_ask(struct dht_limits *l, usec now);
void dht_limits_note_sent(struct dht_limits *l, size_t len);
usec dht_limits_when(struct dht_limits *l, usec now); /* when we may ask again */

/* An address that we are told by `teller`: from the wide world only the world's own count, else
 * everybody could point us at our own network. */
bool dht_addr_told_ok(const struct addr *a, const struct addr *teller);

#endif
