/* rng: Blackman and Vigna's xoshiro256**, its state filled by splitmix64 as they advise (a seed
 * of few bits must not give a state of few bits), and the kernel's generator for secrets. */
#include "base/rng.h"

#include "base/err.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t splitmix(uint64_t *x) {
    uint64_t z = *x += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void rng_seed(struct rng *r, uint64_t seed) {
    for (size_t i = 0; i < COUNT_OF(r->state); i++)
        r->state[i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

uint64_t rng_next(struct rng *r) {
    uint64_t *s = r->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Lemire's method: the high half of a product is the answer; the few low halves that would
 * favour some answers are thrown away. */
uint32_t rng_below(struct rng *r, uint32_t bound) {
    if (!bound)
        return 0;
    uint32_t unfair = -bound % bound; /* 2^32 mod bound */
    for (;;) {
        uint64_t product = (rng_next(r) >> 32) * bound;
        if ((uint32_t)product >= unfair)
            return (uint32_t)(product >> 32);
    }
}

int rng_secret(void *out, size_t len) {
    uint8_t *p = out;
    while (len) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        p += got;
        len -= (size_t)got;
    }
    return 0;
}
