/* hash_bench: how much faster one core hashes in lanes than OpenSSL does one by one.
 *
 * The contenders take turns, round after round, so that a noisy machine is noisy for
 * all; what is printed are medians over the rounds, in bytes per second of CPU time.
 * "cached" are three pieces that stay in the cache, "memory" walks over much more than
 * any cache holds.
 *
 *     hash_bench [ROUNDS] */
#include "base/hash.h"
#include "base/hash_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MIB ((size_t)1 << 20)
#define ROUNDS_MAX 101
#define CONTENDERS (HASH_LANES + 1) /* OpenSSL, then one lane, two lanes, three */

struct hash {
    const char *name;
    size_t len;
    int (*openssl)(uint8_t *out, const void *data, size_t len);
    void (*lanes)(const struct lane *lanes, uint32_t n);
};

struct span_of_memory {
    const char *name;
    size_t piece, size, repeat;
};

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void hash_one(const struct hash *h, const uint8_t *piece, size_t len) {
    uint8_t digest[SHA256_LEN];
    if (h->openssl(digest, piece, len) < 0)
        abort();
}

static void hash_lanes(const struct hash *h, const uint8_t *piece, size_t len,
                       uint32_t n) {
    uint8_t digests[HASH_LANES][SHA256_LEN];
    struct lane lanes[HASH_LANES];
    for (uint32_t i = 0; i < n; i++)
        lanes[i] = (struct lane){piece + i * len, len, digests[i], NULL};
    h->lanes(lanes, n);
}

/* MB/s of one walk over the memory, `lanes` pieces at a time; 0 is OpenSSL. */
static double walk(const struct hash *h, const struct span_of_memory *m,
                   const uint8_t *data, uint32_t lanes) {
    size_t step = m->piece * (lanes ? lanes : 1), done = 0;
    double start = cpu_seconds();
    for (size_t r = 0; r < m->repeat; r++)
        for (size_t at = 0; at + step <= m->size; at += step, done += step)
            if (lanes)
                hash_lanes(h, data + at, m->piece, lanes);
            else
                hash_one(h, data + at, m->piece);
    return (double)done / (cpu_seconds() - start) / 1e6;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void compare(const struct hash *h, const struct span_of_memory *m,
                    const uint8_t *data, size_t rounds) {
    static const char *const names[CONTENDERS] = {"OpenSSL", "1 lane", "2 lanes",
                                                  "3 lanes"};
    double speed[CONTENDERS][ROUNDS_MAX];
    for (size_t r = 0; r < rounds; r++)
        for (uint32_t c = 0; c < CONTENDERS; c++)
            speed[c][r] = walk(h, m, data, c);
    for (uint32_t c = 0; c < CONTENDERS; c++) {
        qsort(speed[c], rounds, sizeof(double), by_value);
        printf("%-8s %-7s %-8s %6.0f MB/s (%.0f to %.0f)  %.2f\n", h->name, m->name,
               names[c], speed[c][rounds / 2], speed[c][0], speed[c][rounds - 1],
               speed[c][rounds / 2] / speed[0][rounds / 2]);
    }
}

int main(int argc, char **argv) {
    static const struct hash hashes[] = {{"SHA-1", SHA1_LEN, sha1, sha1_lanes},
                                         {"SHA-256", SHA256_LEN, sha256, sha256_lanes}};
    static const struct span_of_memory spans[] = {{"cached", MIB / 4, MIB * 3 / 4, 40},
                                                  {"memory", MIB, 512 * MIB, 1}};
    size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : 7, size = 512 * MIB;
    uint8_t *data = malloc(size);
    if (!data || !rounds || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: hash_bench [ROUNDS], 1 to %d\n", ROUNDS_MAX);
        return 1;
    }
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t h = 0; h < COUNT_OF(hashes); h++)
        for (size_t m = 0; m < COUNT_OF(spans); m++)
            compare(&hashes[h], &spans[m], data, rounds);
    free(data);
    return 0;
}
