/* measure: contenders that do the same work take turns, round after round, so that a noisy machine
 * is noisy for all of them. What counts is the CPU time of the calling thread. One line of JSON
 * for each contender: median, least and most over the rounds, and the median's ratio to that of
 * the first one, which is what the others are compared with. */
#ifndef MARE_MEASURE_H
#define MARE_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS_MAX 101

struct contender {
    const char *name;
    /* Does the work once; how much it was, in the unit of the group times seconds. */
    double (*run)(void *of);
    void *of;
};

/* How a turn is measured. */
struct way {
    double (*seconds)(void);
    void (*before)(void); /* each time, before the clock starts; or NULL */
};

static inline double thread_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* For work that waits for a device. */
static inline double wall_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline double one_round(const struct contender *c, const struct way *way) {
    if (way->before)
        way->before();
    double from = way->seconds(), work = c->run(c->of);
    return work / (way->seconds() - from);
}

/* `group` and `unit` as they are printed: "receive from memory", "GB/s". */
static inline void compare_by(const struct way *way, const char *group, const char *unit,
                              int rounds, const struct contender *contenders, size_t n) {
    double(*speed)[ROUNDS_MAX] = calloc(n, sizeof *speed), first = 0;
    if (!speed || rounds < 1 || rounds > ROUNDS_MAX)
        abort();
    for (int r = -1; r < rounds; r++) /* the one before the first warms the caches */
        for (size_t c = 0; c < n; c++)
            speed[c][r < 0 ? 0 : r] = one_round(&contenders[c], way);
    for (size_t c = 0; c < n; c++) {
        qsort(speed[c], (size_t)rounds, sizeof(double), by_value);
        double median = speed[c][rounds / 2];
        first = c == 0 ? median : first;
        printf("{\"group\":\"%s\",\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,"
               "\"least\":%.6g,\"most\":%.6g,\"ratio\":%.4g}\n",
               group, contenders[c].name, unit, median, speed[c][0], speed[c][rounds - 1],
               median / first);
        fflush(stdout);
    }
    free(speed);
}

static inline void compare(const char *group, const char *unit, int rounds,
                           const struct contender *contenders, size_t n) {
    static const struct way by_thread_time = {thread_seconds, NULL};
    compare_by(&by_thread_time, group, unit, rounds, contenders, n);
}

static inline int rounds_of(int argc, char **argv) {
    return argc > 1 ? atoi(argv[1]) : 7;
}

#endif
