/* rng: two kinds of randomness. `rng_secret` is the kernel's (peer ids, tokens, keys);
 * `struct rng` is a small fast generator (xoshiro256**) for decisions, seeded from the kernel
 * in life and by a number in specs, so that a simulated swarm can be run again. */
#ifndef MARE_RNG_H
#define MARE_RNG_H

#include "base/base.h"

struct rng {
    uint64_t state[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, bound); 0 for bound 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);
int rng_secret(void *out, size_t len) MUST_USE; /* 0, or ERR_IO if the kernel has none */

#endif
