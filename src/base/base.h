/* base: the few macros and types that every file of mare may use.
 *
 * Time is a count of microseconds on the loop's monotonic clock, handed down as `now`:
 * nothing below io/ reads a clock, so a spec can run a day in a millisecond. */
#ifndef MARE_BASE_H
#define MARE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

typedef int64_t usec; /* microseconds, monotonic; differences are what counts */

#define USEC_PER_SEC ((usec)1000000)
#define USEC_PER_MSEC ((usec)1000)
#define USEC_NEVER INT64_MAX

/* A view of bytes that somebody else owns. */
struct span {
    const uint8_t *data;
    size_t len;
};

#endif
