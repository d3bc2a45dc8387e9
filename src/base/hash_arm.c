/* hash_arm: SHA-1 and SHA-256 by the cryptography extension of ARMv8 (AArch64), for one,
 * two and three messages in one loop.
 *
 * Read hash_x86.c first: this is the same picture, a list of steps of four rounds with
 * the lanes side by side in each. It is shorter, since these instructions want the words
 * in the order in which memory has them, and three lanes fit the registers. */
#include "base/hash_backend.h"

/* clang before 16 has the intrinsics only if the whole build may use the extension. */
#if defined(__AARCH64EL__) && defined(__linux__) && \
    (!defined(__clang__) || __clang_major__ >= 16 || defined(__ARM_FEATURE_SHA2))

#include <arm_neon.h>
#include <sys/auxv.h>

#ifdef __ARM_FEATURE_SHA2
#define CRYPTO
#else
#define CRYPTO __attribute__((target("+crypto")))
#endif
#define KERNEL CRYPTO static inline __attribute__((always_inline))

/* Both hashes read their words big-endian. */
#define FETCH(l, g) \
    w[l][g] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data[l] + at + 16 * (g))))

/* ---- SHA-1 ------------------------------------------------------------------------- */

#define SHA1_SCHEDULE(l, g)                                                     \
    w[l][(g) % 4] = vsha1su1q_u32(                                              \
        vsha1su0q_u32(w[l][(g) % 4], w[l][((g) + 1) % 4], w[l][((g) + 2) % 4]), \
        w[l][((g) + 3) % 4])

/* c, p, m: choose, parity, majority are the functions of the rounds. */
#define SHA1_ROUNDS(l, g)                                                       \
    do {                                                                        \
        uint32x4_t wk = vaddq_u32(w[l][(g) % 4], vdupq_n_u32(sha1_k[(g) / 5])); \
        uint32_t next_e = vsha1h_u32(vgetq_lane_u32(abcd[l], 0));               \
        if ((g) < 5)                                                            \
            abcd[l] = vsha1cq_u32(abcd[l], e[l], wk);                           \
        else if ((g) >= 10 && (g) < 15)                                         \
            abcd[l] = vsha1mq_u32(abcd[l], e[l], wk);                           \
        else                                                                    \
            abcd[l] = vsha1pq_u32(abcd[l], e[l], wk);                           \
        e[l] = next_e;                                                          \
    } while (0)

#define SHA1_STEP(l, g)          \
    do {                         \
        if ((g) < 4)             \
            FETCH(l, (g) % 4);   \
        else                     \
            SHA1_SCHEDULE(l, g); \
        SHA1_ROUNDS(l, g);       \
    } while (0)

#define SHA1_LOAD(l, g) (abcd[l] = vld1q_u32(state[l]), e[l] = state[l][4])
#define SHA1_REMEMBER(l, g) (old_abcd[l] = abcd[l], old_e[l] = e[l])
#define SHA1_ADD(l, g) (abcd[l] = vaddq_u32(abcd[l], old_abcd[l]), e[l] += old_e[l])
#define SHA1_SAVE(l, g) (vst1q_u32(state[l], abcd[l]), state[l][4] = e[l])

KERNEL void sha1_run(const int lanes, uint32_t *const state[],
                     const uint8_t *const data[], size_t blocks) {
    static const uint32_t sha1_k[4] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
    uint32x4_t abcd[3], old_abcd[3], w[3][4];
    uint32_t e[3], old_e[3];
    HASH_BLOCKS(SHA1, HASH_FOUR_STEPS(SHA1_STEP, 16));
}

/* ---- SHA-256 ----------------------------------------------------------------------- */

#define SHA256_SCHEDULE(l, g)                                                            \
    w[l][(g) % 4] = vsha256su1q_u32(vsha256su0q_u32(w[l][(g) % 4], w[l][((g) + 1) % 4]), \
                                    w[l][((g) + 2) % 4], w[l][((g) + 3) % 4])

#define SHA256_ROUNDS(l, g)                                                           \
    do {                                                                              \
        uint32x4_t wk = vaddq_u32(w[l][(g) % 4], vld1q_u32(hash_sha256_k + 4 * (g))); \
        uint32x4_t before = abcd[l];                                                  \
        abcd[l] = vsha256hq_u32(abcd[l], efgh[l], wk);                                \
        efgh[l] = vsha256h2q_u32(efgh[l], before, wk);                                \
    } while (0)

#define SHA256_STEP(l, g)          \
    do {                           \
        if ((g) < 4)               \
            FETCH(l, (g) % 4);     \
        else                       \
            SHA256_SCHEDULE(l, g); \
        SHA256_ROUNDS(l, g);       \
    } while (0)

#define SHA256_LOAD(l, g) \
    (abcd[l] = vld1q_u32(state[l]), efgh[l] = vld1q_u32(state[l] + 4))
#define SHA256_REMEMBER(l, g) (old_abcd[l] = abcd[l], old_efgh[l] = efgh[l])
#define SHA256_ADD(l, g) \
    (abcd[l] = vaddq_u32(abcd[l], old_abcd[l]), efgh[l] = vaddq_u32(efgh[l], old_efgh[l]))
#define SHA256_SAVE(l, g) (vst1q_u32(state[l], abcd[l]), vst1q_u32(state[l] + 4, efgh[l]))

KERNEL void sha256_run(const int lanes, uint32_t *const state[],
                       const uint8_t *const data[], size_t blocks) {
    uint32x4_t abcd[3], efgh[3], old_abcd[3], old_efgh[3], w[3][4];
    HASH_BLOCKS(SHA256, );
}

/* ---- the table --------------------------------------------------------------------- */

HASH_DEFINE_WIDTHS(CRYPTO, sha1)
HASH_DEFINE_WIDTHS(CRYPTO, sha256)

const struct hash_backend *hash_backend_arm(void) {
    static const struct hash_backend arm = {"armv8", .sha1 = {{sha1_1, sha1_2, sha1_3}},
                                            .sha256 = {{sha256_1, sha256_2, sha256_3}}};
    unsigned long needs = HWCAP_SHA1 | HWCAP_SHA2;
    return (getauxval(AT_HWCAP) & needs) == needs ? &arm : NULL;
}

#else

const struct hash_backend *hash_backend_arm(void) {
    return NULL;
}

#endif
