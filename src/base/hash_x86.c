/* hash_x86: SHA-1 and SHA-256 by the SHA instructions of x86-64 CPUs (SHA-NI), for one,
 * two and three messages in one loop.
 *
 * The instructions do four rounds of SHA-1, or two of SHA-256, on vectors of four words;
 * what is written below is a step of four rounds of either, for lane l. A kernel is the
 * list of its steps with the lanes side by side in each: the CPU finds in the second
 * lane what it can do while it waits for the first. All indices into the arrays below
 * are constants, so that the compiler keeps them in registers as long as the sixteen
 * suffice.
 *
 * w is a ring of sixteen words of the message schedule: step g uses vector g % 4, and
 * puts there what step g + 4 needs as soon as the others of the ring allow.
 *
 * How much there is to gain depends on the unit. Zen 5 answers sha1rnds4 after six
 * cycles and takes one every two: three lanes could be three times as fast, and are 2.2
 * times. It answers sha256rnds2 after four, so 2.0 times is the end for SHA-256, of
 * which three lanes reach 1.75: whatever stands between two of them disturbs the unit,
 * in any order that we tried, and even when there is no message schedule at all. */
#include "base/hash_backend.h"

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>

#define SHA_NI __attribute__((target("sha,sse4.1,ssse3")))
#define KERNEL SHA_NI static inline __attribute__((always_inline))

#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(void *)(p), v)

/* ---- SHA-1 ------------------------------------------------------------------------- */

/* Vectors of SHA-1 have their first word on top: w[0] is W0 W1 W2 W3 from high to low. */
#define SHA1_FETCH(l, g) \
    w[l][g] = _mm_shuffle_epi8(LOAD(data[l] + at + 16 * (g)), all_bytes_reversed)

/* The first step that needs words which are not of the message. */
#define SHA1_SCHEDULE(l, g)                                                   \
    w[l][(g) % 4] = _mm_sha1msg2_epu32(                                       \
        _mm_xor_si128(_mm_sha1msg1_epu32(w[l][(g) % 4], w[l][((g) + 1) % 4]), \
                      w[l][((g) + 2) % 4]),                                   \
        w[l][((g) + 3) % 4])

/* E is not kept: it is the A of four rounds ago, rotated, which sha1nexte knows to do. */
#define SHA1_ROUNDS(l, g)                                               \
    do {                                                                \
        __m128i e = (g) ? _mm_sha1nexte_epu32(before[l], w[l][(g) % 4]) \
                        : _mm_add_epi32(before[l], w[l][0]);            \
        before[l] = abcd[l];                                            \
        abcd[l] = _mm_sha1rnds4_epu32(abcd[l], e, (g) / 5);             \
    } while (0)

#define SHA1_STEP(l, g)             \
    do {                            \
        if ((g) < 4)                \
            SHA1_FETCH(l, (g) % 4); \
        else                        \
            SHA1_SCHEDULE(l, g);    \
        SHA1_ROUNDS(l, g);          \
    } while (0)

#define SHA1_LOAD(l, g)                                       \
    do {                                                      \
        abcd[l] = _mm_shuffle_epi32(LOAD(state[l]), 0x1B);    \
        before[l] = _mm_set_epi32((int)state[l][4], 0, 0, 0); \
    } while (0)
#define SHA1_REMEMBER(l, g) (old_abcd[l] = abcd[l], old_e[l] = before[l])
#define SHA1_ADD(l, g)                                        \
    do {                                                      \
        before[l] = _mm_sha1nexte_epu32(before[l], old_e[l]); \
        abcd[l] = _mm_add_epi32(abcd[l], old_abcd[l]);        \
    } while (0)
#define SHA1_SAVE(l, g)                                          \
    do {                                                         \
        STORE(state[l], _mm_shuffle_epi32(abcd[l], 0x1B));       \
        state[l][4] = (uint32_t)_mm_extract_epi32(before[l], 3); \
    } while (0)

KERNEL void sha1_run(const int lanes, uint32_t *const state[],
                     const uint8_t *const data[], size_t blocks) {
    const __m128i all_bytes_reversed =
        _mm_set_epi64x(0x0001020304050607, 0x08090A0B0C0D0E0F);
    __m128i abcd[3], before[3], old_abcd[3], old_e[3], w[3][4];
    HASH_BLOCKS(SHA1, HASH_FOUR_STEPS(SHA1_STEP, 16));
}

/* ---- SHA-256 ----------------------------------------------------------------------- */

/* Vectors of SHA-256 have their first word at the bottom, so only the bytes change
 * places. */
#define SHA256_FETCH(l, g) \
    w[l][g] = _mm_shuffle_epi8(LOAD(data[l] + at + 16 * (g)), bytes_of_words_reversed)

#define SHA256_SCHEDULE(l, g)                                                        \
    w[l][(g) % 4] = _mm_sha256msg2_epu32(                                            \
        _mm_add_epi32(_mm_sha256msg1_epu32(w[l][(g) % 4], w[l][((g) + 1) % 4]),      \
                      _mm_alignr_epi8(w[l][((g) + 3) % 4], w[l][((g) + 2) % 4], 4)), \
        w[l][((g) + 3) % 4])

/* Two rounds turn CDGH into the next ABEF, and ABEF is the next CDGH as it stands. */
#define SHA256_ROUNDS(l, g)                                                       \
    do {                                                                          \
        __m128i wk = _mm_add_epi32(w[l][(g) % 4], LOAD(hash_sha256_k + 4 * (g))); \
        cdgh[l] = _mm_sha256rnds2_epu32(cdgh[l], abef[l], wk);                    \
        wk = _mm_shuffle_epi32(wk, 0x0E);                                         \
        abef[l] = _mm_sha256rnds2_epu32(abef[l], cdgh[l], wk);                    \
    } while (0)

#define SHA256_STEP(l, g)             \
    do {                              \
        if ((g) < 4)                  \
            SHA256_FETCH(l, (g) % 4); \
        else                          \
            SHA256_SCHEDULE(l, g);    \
        SHA256_ROUNDS(l, g);          \
    } while (0)

/* From ABCD and EFGH, as words in memory, to the vectors that the instructions want, and
 * back. Names are read from the high word to the low one. */
#define SHA256_LOAD(l, g)                                           \
    do {                                                            \
        __m128i cdab = _mm_shuffle_epi32(LOAD(state[l]), 0xB1);     \
        __m128i efgh = _mm_shuffle_epi32(LOAD(state[l] + 4), 0x1B); \
        abef[l] = _mm_alignr_epi8(cdab, efgh, 8);                   \
        cdgh[l] = _mm_blend_epi16(efgh, cdab, 0xF0);                \
    } while (0)
#define SHA256_REMEMBER(l, g) (old_abef[l] = abef[l], old_cdgh[l] = cdgh[l])
#define SHA256_ADD(l, g)                               \
    do {                                               \
        abef[l] = _mm_add_epi32(abef[l], old_abef[l]); \
        cdgh[l] = _mm_add_epi32(cdgh[l], old_cdgh[l]); \
    } while (0)
#define SHA256_SAVE(l, g)                                    \
    do {                                                     \
        __m128i feba = _mm_shuffle_epi32(abef[l], 0x1B);     \
        __m128i dchg = _mm_shuffle_epi32(cdgh[l], 0xB1);     \
        STORE(state[l], _mm_blend_epi16(feba, dchg, 0xF0));  \
        STORE(state[l] + 4, _mm_alignr_epi8(dchg, feba, 8)); \
    } while (0)

KERNEL void sha256_run(const int lanes, uint32_t *const state[],
                       const uint8_t *const data[], size_t blocks) {
    const __m128i bytes_of_words_reversed =
        _mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203);
    __m128i abef[3], cdgh[3], old_abef[3], old_cdgh[3], w[3][4];
    HASH_BLOCKS(SHA256, );
}

/* ---- the table --------------------------------------------------------------------- */

HASH_DEFINE_WIDTHS(SHA_NI, sha1)
HASH_DEFINE_WIDTHS(SHA_NI, sha256)

/* gcc's run-time library asks the CPU once, when the program starts. Where that does not
 * know of SHA we ask each time, which in a virtual machine takes some microseconds. */
static bool cpu_has_sha(void) {
#if __GNUC__ >= 11 && !defined(__clang__)
    return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");
#else
    unsigned a, b, c, d;
    return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (b & bit_SHA);
#endif
}

const struct hash_backend *hash_backend_x86(void) {
    static const struct hash_backend x86 = {"sha-ni", .sha1 = {{sha1_1, sha1_2, sha1_3}},
                                            .sha256 = {{sha256_1, sha256_2, sha256_3}}};
    return cpu_has_sha() ? &x86 : NULL;
}

#else

const struct hash_backend *hash_backend_x86(void) {
    return NULL;
}

#endif
