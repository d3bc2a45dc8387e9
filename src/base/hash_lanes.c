/* hash_lanes: which message is worked on when, and how each of them ends.
 *
 * A seat holds a message at work; there are as many as the backend has lanes. All seats
 * advance together by as many blocks as the one with the least left has. That one then
 * gets what is next for it: its last blocks (the rest of the data, the bit and the
 * length that FIPS 180 asks for, in a buffer of its own, so that they are interleaved as
 * well), or another message.
 *
 * seat 0   AAAAAAAAAAAAaDDDDDDDDDDDDDDDDDd seat 1
 * BBBBBbCCCCCCCCCCCCcEEEEEEEEEEEEEEEEEEEEEEEEEEe seat 2
 * FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFfGGg             an empty seat is given up */
#include "base/hash_lanes.h"

#include "base/hash_backend.h"

#include <assert.h>
#include <string.h>

/* What one hash has that the other has not; both are big-endian, with blocks of 64
 * bytes. */
struct algorithm {
    uint32_t start[8];
    uint32_t words; /* of state and digest */
};

static const struct algorithm algorithm_sha1 = {
    {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, 5};
static const struct algorithm algorithm_sha256 = {{0x6A09E667, 0xBB67AE85, 0x3C6EF372,
                                                   0xA54FF53A, 0x510E527F, 0x9B05688C,
                                                   0x1F83D9AB, 0x5BE0CD19},
                                                  8};

/* The first bits of the cube roots of the first primes. */
_Alignas(16) const uint32_t hash_sha256_k[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4,
    0xAB1C5ED5, 0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE,
    0x9BDC06A7, 0xC19BF174, 0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F,
    0x4A7484AA, 0x5CB0A9DC, 0x76F988DA, 0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7,
    0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967, 0x27B70A85, 0x2E1B2138, 0x4D2C6DFC,
    0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85, 0xA2BFE8A1, 0xA81A664B,
    0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070, 0x19A4C116,
    0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7,
    0xC67178F2,
};

#define LENGTH_LEN 8 /* of a message, in bits, at the end of its last block */

struct seat {
    const struct lane *lane;
    uint64_t len;        /* of the message with all its parts up to here */
    const uint8_t *data; /* what to hash next, */
    size_t blocks;       /* and how much */
    bool ending;         /* which is `tail` */
    uint32_t state[8];
    uint8_t tail[2 * HASH_BLOCK];
};

struct schedule {
    const struct algorithm *algorithm;
    const struct hash_kernels *kernels;
    const struct lane *next, *end; /* the lanes that wait */
    struct seat seats[HASH_LANES];
    struct seat *taken[HASH_LANES];
    uint32_t busy; /* seats that are taken */
};

static void put_big_endian(uint8_t *out, uint64_t value, int bytes) {
    for (int i = bytes; i--; value >>= 8)
        out[i] = (uint8_t)value;
}

static void seat_begin(struct seat *s, const struct algorithm *a,
                       const struct lane *lane) {
    const struct hash_stream *stream = lane->stream;
    assert(lane->digest || (stream && lane->len % HASH_BLOCK == 0));
    s->lane = lane;
    s->len = lane->len + (stream ? stream->len : 0);
    s->data = lane->data;
    s->blocks = lane->len / HASH_BLOCK;
    s->ending = false;
    memcpy(s->state, stream && stream->len ? stream->state : a->start, sizeof s->state);
}

/* The last block or two: what is left of the data, a bit, zeros, the length. */
static void seat_end(struct seat *s) {
    size_t rest = s->lane->len % HASH_BLOCK;
    s->ending = true;
    s->data = s->tail;
    s->blocks = rest + 1 + LENGTH_LEN <= HASH_BLOCK ? 1 : 2;
    size_t size = s->blocks * HASH_BLOCK;
    if (rest)
        memcpy(s->tail, s->lane->data + (s->lane->len - rest), rest);
    s->tail[rest] = 0x80;
    memset(s->tail + rest + 1, 0, size - rest - 1 - LENGTH_LEN);
    put_big_endian(s->tail + size - LENGTH_LEN, s->len * 8, LENGTH_LEN);
}

static void seat_deliver(const struct seat *s, const struct algorithm *a) {
    struct hash_stream *stream = s->lane->stream;
    if (s->lane->digest)
        for (uint32_t i = 0; i < a->words; i++)
            put_big_endian(s->lane->digest + 4 * i, s->state[i], 4);
    if (!stream)
        return;
    *stream = (struct hash_stream){0};
    if (!s->lane->digest) {
        stream->len = s->len;
        memcpy(stream->state, s->state, sizeof stream->state);
    }
}

/* Finds blocks for a seat that has none left; false if nobody waits for it any more. */
static bool seat_refill(struct seat *s, struct schedule *sc) {
    while (!s->blocks) {
        if (s->lane && s->lane->digest && !s->ending) {
            seat_end(s);
            continue;
        }
        if (s->lane)
            seat_deliver(s, sc->algorithm);
        if (sc->next == sc->end)
            return false;
        seat_begin(s, sc->algorithm, sc->next++);
    }
    return true;
}

/* One kernel call: everybody, as far as the first to need something else. */
static void advance(struct schedule *sc) {
    uint32_t *state[HASH_LANES] = {0};
    const uint8_t *data[HASH_LANES] = {0};
    size_t blocks = sc->taken[0]->blocks;
    for (uint32_t i = 0; i < sc->busy; i++) {
        state[i] = sc->taken[i]->state;
        data[i] = sc->taken[i]->data;
        blocks = MIN(blocks, sc->taken[i]->blocks);
    }
    sc->kernels->lanes[sc->busy - 1](state, data, blocks);
    for (uint32_t i = 0; i < sc->busy; i++) {
        sc->taken[i]->data += blocks * HASH_BLOCK;
        sc->taken[i]->blocks -= blocks;
    }
}

static void take_seats(struct schedule *sc) {
    for (uint32_t i = 0; i < HASH_LANES && sc->kernels->lanes[i]; i++) {
        struct seat *s = sc->taken[sc->busy] = &sc->seats[i];
        s->lane = NULL;
        s->blocks = 0;
        if (!seat_refill(s, sc))
            break;
        sc->busy++;
    }
}

static void run(const struct algorithm *a, const struct hash_kernels *kernels,
                const struct lane *lanes, uint32_t n) {
    struct schedule sc;
    sc.algorithm = a;
    sc.kernels = kernels;
    sc.next = lanes;
    sc.end = n ? lanes + n : lanes;
    sc.busy = 0;
    take_seats(&sc);
    while (sc.busy) {
        advance(&sc);
        for (uint32_t i = sc.busy; i--;)
            if (!seat_refill(sc.taken[i], &sc))
                sc.taken[i] = sc.taken[--sc.busy];
    }
}

static const struct hash_backend *best_backend(void) {
    const struct hash_backend *b = hash_backend_x86();
    if (!b)
        b = hash_backend_arm();
    return b ? b : hash_backend_openssl();
}

void sha1_lanes_on(const struct hash_backend *b, const struct lane *lanes, uint32_t n) {
    run(&algorithm_sha1, &b->sha1, lanes, n);
}

void sha256_lanes_on(const struct hash_backend *b, const struct lane *lanes, uint32_t n) {
    run(&algorithm_sha256, &b->sha256, lanes, n);
}

void sha1_lanes(const struct lane *lanes, uint32_t n) {
    sha1_lanes_on(best_backend(), lanes, n);
}

void sha256_lanes(const struct lane *lanes, uint32_t n) {
    sha256_lanes_on(best_backend(), lanes, n);
}
