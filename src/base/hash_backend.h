/* hash_backend: the loops below hash_lanes, one set for each kind of CPU. For
 * hash_lanes.c and for the specs, which put them side by side; everybody else wants
 * hash_lanes.h.
 *
 * A kernel runs the compression function over whole blocks and knows no padding. */
#ifndef MARE_HASH_BACKEND_H
#define MARE_HASH_BACKEND_H

#include "base/hash_lanes.h"

/* `blocks` blocks, at least one, of each of the messages data[0], data[1]... into their
 * states: five words of SHA-1, eight of SHA-256, in the order and with the values of
 * FIPS 180. How many messages is a matter of the kernel. */
typedef void hash_kernel(uint32_t *const state[], const uint8_t *const data[],
                         size_t blocks);

/* Element i works on i + 1 messages; NULL after the last width that gains something. */
struct hash_kernels {
    hash_kernel *lanes[HASH_LANES];
};

struct hash_backend {
    const char *name;
    struct hash_kernels sha1, sha256;
};

/* NULL where this CPU cannot, so ask before each use; it costs next to nothing. */
const struct hash_backend *hash_backend_x86(void);
const struct hash_backend *hash_backend_arm(void);
const struct hash_backend *hash_backend_openssl(void); /* never NULL */

/* The constants of the rounds of SHA-256. (SHA-1 has four.) */
extern _Alignas(16) const uint32_t hash_sha256_k[64];

/* How a kernel is written: a step is a macro of a lane and of its own number, all steps
 * are spelled out, and in each of them the lanes stand side by side. `lanes` is a
 * constant of the function around it. */
#define HASH_EACH_LANE(step, g) \
    do {                        \
        step(0, g);             \
        if (lanes > 1)          \
            step(1, g);         \
        if (lanes > 2)          \
            step(2, g);         \
    } while (0)
#define HASH_FOUR_STEPS(step, g)       \
    do {                               \
        HASH_EACH_LANE(step, g);       \
        HASH_EACH_LANE(step, (g) + 1); \
        HASH_EACH_LANE(step, (g) + 2); \
        HASH_EACH_LANE(step, (g) + 3); \
    } while (0)

/* All of a kernel named SHA: its macros SHA_LOAD, _REMEMBER, _STEP, _ADD, _SAVE over all blocks, with
 * `more` steps behind the first sixteen. */
#define HASH_BLOCKS(SHA, more)                                            \
    do {                                                                  \
        HASH_EACH_LANE(SHA##_LOAD, 0);                                    \
        for (size_t at = 0; at < blocks * HASH_BLOCK; at += HASH_BLOCK) { \
            HASH_EACH_LANE(SHA##_REMEMBER, 0);                            \
            HASH_FOUR_STEPS(SHA##_STEP, 0);                               \
            HASH_FOUR_STEPS(SHA##_STEP, 4);                               \
            HASH_FOUR_STEPS(SHA##_STEP, 8);                               \
            HASH_FOUR_STEPS(SHA##_STEP, 12);                              \
            more;                                                         \
            HASH_EACH_LANE(SHA##_ADD, 0);                                 \
        }                                                                 \
        HASH_EACH_LANE(SHA##_SAVE, 0);                                    \
    } while (0)

/* hash_1, hash_2, hash_3 of hash_run(lanes, ..), which is inlined into each. */
#define HASH_DEFINE_WIDTH(target, hash, n)                                              \
    target static void hash##_##n(uint32_t *const state[], const uint8_t *const data[], \
                                  size_t blocks) {                                      \
        hash##_run(n, state, data, blocks);                                             \
    }
#define HASH_DEFINE_WIDTHS(target, hash) \
    HASH_DEFINE_WIDTH(target, hash, 1)   \
    HASH_DEFINE_WIDTH(target, hash, 2)   \
    HASH_DEFINE_WIDTH(target, hash, 3)

/* sha1_lanes and sha256_lanes on a given backend. */
void sha1_lanes_on(const struct hash_backend *b, const struct lane *lanes, uint32_t n);
void sha256_lanes_on(const struct hash_backend *b, const struct lane *lanes, uint32_t n);

#endif
