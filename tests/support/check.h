/* check: the unit test harness for C, small enough to read at a glance.
 *
 *     TEST(chunked_buffer_push_increases_length) { ... CHECK(x == 1); CHECK_INT(x, 1); }
 *
 * A test registers itself; `build/tests/unit [PATTERN]` runs those whose name contains PATTERN,
 * each to its end or to its first failed check, and closes with "N passed, N failed". */
#ifndef MARE_CHECK_H
#define MARE_CHECK_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_test {
    const char *name, *file;
    void (*run)(void);
    struct check_test *next;
};

void check_register(struct check_test *t);
_Noreturn void check_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Memory that ends exactly at an unreadable page (and begins after one): a parser that reads
 * one byte too far faults. Returns a copy of data; freed when the test ends. */
uint8_t *check_at_page_end(const void *data, size_t len);
/* An empty temporary directory of this test's own (the same for each call in one test); removed
 * when the test ends. */
const char *check_tmpdir(void);
/* Makes the n-th allocation of mare's code on this thread fail, counted from now and from 0. */
void check_nomem_at(long n);
/* Ends that, and tells whether an allocation failed. A test for every n is
 *
 *     CHECK_EACH_NOMEM(n) {
 *         int err = thing_new(&thing);
 *         if (check_nomem_hit())
 *             CHECK_INT(err, ERR_NOMEM);       and that nothing is changed, nothing leaks
 *         ...
 *     }
 *
 * whose body runs with n = 0, 1, 2... and ends with the round in which nothing failed. Each
 * round must call check_nomem_hit, before its checks. */
bool check_nomem_hit(void);
bool check_nomem_goes_on(long n);
/* Asked by each allocation (support/nomem.c): shall it fail? */
bool check_nomem_now(void);
#define CHECK_EACH_NOMEM(n) for (long n = 0; check_nomem_goes_on(n); n++)

#define TEST(id)                                                     \
    static void id(void);                                            \
    static struct check_test id##_entry = {#id, __FILE__, id, NULL}; \
    __attribute__((constructor)) static void id##_register(void) {   \
        check_register(&id##_entry);                                 \
    }                                                                \
    static void id(void)

#define CHECK(cond)                                      \
    do {                                                 \
        if (!(cond))                                     \
            check_fail(__FILE__, __LINE__, "%s", #cond); \
    } while (0)
#define CHECK_INT(got, want)                                                        \
    do {                                                                            \
        long long got_ = (long long)(got), want_ = (long long)(want);               \
        if (got_ != want_)                                                          \
            check_fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #got, got_, \
                       want_);                                                      \
    } while (0)
#define CHECK_STR(got, want)                                                      \
    do {                                                                          \
        const char *got_ = (got), *want_ = (want);                                \
        if (!got_ || strcmp(got_, want_))                                         \
            check_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #got, \
                       got_ ? got_ : "NULL", want_);                              \
    } while (0)
#define CHECK_MEM(got, want, len)                                              \
    do {                                                                       \
        if (memcmp((got), (want), (len)))                                      \
            check_fail(__FILE__, __LINE__, "%s differs from %s", #got, #want); \
    } while (0)

#endif
