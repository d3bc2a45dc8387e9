#include "base/meter.h"

#include "support/check.h"

#define SEC USEC_PER_SEC
#define MSEC USEC_PER_MSEC

TEST(meter_that_was_never_used_is_zero) {
    struct meter m = {0};
    CHECK_INT(meter_rate(&m, 0), 0);
    CHECK_INT(meter_rate(&m, 1000 * SEC), 0);
}

TEST(meter_adds_up_a_total) {
    struct meter m = {0};
    meter_note(&m, 0, 5);
    meter_note(&m, 100 * SEC, UINT32_MAX);
    CHECK_INT(m.total, 5ll + UINT32_MAX);
}

TEST(meter_counts_at_least_a_second_for_a_young_one) {
    struct meter m = {0};
    meter_note(&m, 77 * SEC, 16384);
    CHECK_INT(meter_rate(&m, 77 * SEC + 1), 16384);
    CHECK_INT(meter_rate(&m, 77 * SEC + SEC / 2), 16384);
}

TEST(meter_takes_the_age_of_a_young_one_as_window) {
    struct meter m = {0};
    meter_note(&m, 10 * SEC, 1000);
    meter_note(&m, 11 * SEC, 1000);
    CHECK_INT(meter_rate(&m, 12 * SEC), 1000);
    CHECK_INT(meter_rate(&m, 14 * SEC), 500);
}

TEST(meter_of_a_steady_flow_is_its_rate_at_any_moment) {
    struct meter m = {0};
    usec now = 3 * SEC + 123 * MSEC;
    for (int i = 0; i < 2000; i++, now += 10 * MSEC) {
        meter_note(&m, now, 10000);
        if (i >= 200) {
            uint64_t rate = meter_rate(&m, now);
            CHECK(rate > 970000 && rate < 1030000);
        }
    }
}

TEST(meter_decays_to_zero_without_a_timer) {
    struct meter m = {0};
    uint64_t before = UINT64_MAX;
    for (int i = 0; i < 100; i++)
        meter_note(&m, i * 100 * MSEC, 1000);
    for (usec now = 10 * SEC; now < 16 * SEC; now += 50 * MSEC) {
        uint64_t rate = meter_rate(&m, now);
        CHECK(rate <= before);
        before = rate;
    }
    CHECK_INT(before, 0);
    CHECK_INT(meter_rate(&m, 1000000 * SEC), 0);
}

TEST(meter_forgets_old_seconds_when_the_flow_comes_back) {
    struct meter m = {0};
    for (int s = 0; s < 6; s++)
        meter_note(&m, s * SEC, 1000000);
    meter_note(&m, 100 * SEC, 5000);
    CHECK_INT(meter_rate(&m, 100 * SEC), 1000);
}

TEST(meter_slides_over_the_oldest_second) {
    struct meter m = {0};
    meter_note(&m, 0, 0);
    meter_note(&m, 10 * SEC, 5000);
    CHECK_INT(meter_rate(&m, 14 * SEC), 1000);
    CHECK_INT(meter_rate(&m, 15 * SEC), 1000);
    CHECK_INT(meter_rate(&m, 15 * SEC + SEC / 2), 500);
    CHECK_INT(meter_rate(&m, 16 * SEC), 0);
}

TEST(meter_cell_does_not_wrap_round) {
    struct meter m = {0};
    meter_note(&m, SEC, UINT32_MAX);
    meter_note(&m, SEC, UINT32_MAX);
    CHECK_INT(meter_rate(&m, SEC), UINT32_MAX);
    CHECK_INT(m.total, 2ll * UINT32_MAX);
}

TEST(meter_bears_a_clock_that_goes_back) {
    struct meter m = {0};
    meter_note(&m, 10 * SEC, 1000);
    meter_note(&m, 9 * SEC, 1000);
    CHECK_INT(meter_rate(&m, 8 * SEC), 2000);
}

TEST(bucket_without_a_rate_is_unlimited) {
    struct bucket b;
    bucket_init(&b, 0, 5);
    bucket_take(&b, UINT64_MAX);
    CHECK(bucket_ready(&b, 5) == INT64_MAX);
    CHECK_INT(bucket_when(&b, 5), 5);
}

TEST(bucket_starts_full_with_a_quarter_of_a_second) {
    struct bucket b;
    bucket_init(&b, 4000000, 0);
    CHECK_INT(bucket_ready(&b, 0), 1000000);
    CHECK_INT(bucket_ready(&b, 100 * SEC), 1000000); /* and holds no more */
}

TEST(bucket_holds_at_least_two_blocks) {
    struct bucket b;
    bucket_init(&b, 1, 0);
    CHECK_INT(bucket_ready(&b, 0), 32768);
}

TEST(bucket_refills_at_its_rate) {
    struct bucket b;
    bucket_init(&b, 1000000, 0);
    bucket_take(&b, 250000);
    CHECK_INT(bucket_ready(&b, 0), 0);
    CHECK_INT(bucket_ready(&b, 100 * MSEC), 100000);
    CHECK_INT(bucket_ready(&b, 250 * MSEC), 250000);
}

TEST(bucket_pays_a_debt_before_it_gives) {
    struct bucket b;
    bucket_init(&b, 1000000, 0);
    bucket_take(&b, 350000);
    CHECK_INT(bucket_ready(&b, 50 * MSEC), 0);
    CHECK_INT(bucket_ready(&b, 101 * MSEC), 1000);
}

TEST(bucket_when_is_the_moment_it_becomes_ready) {
    static const uint64_t rates[] = {1, 7, 1000, 16384, 333333, 1000000, 123456789};
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct bucket b;
        usec now = 12345;
        bucket_init(&b, rates[i], now);
        for (int n = 0; n < 10; n++) {
            bucket_take(&b, (uint64_t)bucket_ready(&b, now) + 1000);
            usec when = bucket_when(&b, now);
            CHECK(when > now);
            struct bucket early =
                b; /* asking moves a bucket on, if only by a microsecond */
            CHECK_INT(bucket_ready(&early, when - 1), 0);
            CHECK(bucket_ready(&b, when) > 0);
            CHECK_INT(bucket_when(&b, when), when);
            now = when;
        }
    }
}

/* Whoever takes a little whenever there is something gets the rate, to a fifth of a percent,
 * however often it asks. */
static void check_long_run(uint64_t rate, usec poll) {
    struct bucket b;
    uint64_t sent = 0;
    bucket_init(&b, rate, 0);
    bucket_take(&b, (uint64_t)bucket_ready(&b, 0));
    for (usec now = 0; now < 20 * SEC; now += poll)
        while (bucket_ready(&b, now) > 0) {
            bucket_take(&b, 100);
            sent += 100;
        }
    CHECK(sent <= rate * 20 + 100);
    CHECK(sent + 100 + rate / 25 >= rate * 20);
}

TEST(bucket_keeps_its_rate_however_often_it_is_asked) {
    static const uint64_t rates[] = {10000, 100001, 999999, 10000000};
    static const usec polls[] = {97, 1000, 1001, 9999};
    for (size_t i = 0; i < COUNT_OF(rates); i++)
        for (size_t j = 0; j < COUNT_OF(polls); j++)
            check_long_run(rates[i], polls[j]);
}

TEST(bucket_set_rate_counts_the_time_before_at_the_old_rate) {
    struct bucket b;
    bucket_init(&b, 1000000, 0);
    bucket_take(&b, 250000);
    bucket_set_rate(&b, 100000, 20 * MSEC);
    CHECK_INT(bucket_ready(&b, 20 * MSEC), 20000);
    CHECK_INT(bucket_ready(&b, 40 * MSEC), 22000);
}

TEST(bucket_set_rate_cuts_what_the_new_bucket_cannot_hold) {
    struct bucket b;
    bucket_init(&b, 100000000, 0);
    bucket_set_rate(&b, 1000, 0);
    CHECK_INT(bucket_ready(&b, 0), 32768);
    bucket_set_rate(&b, 100000000, 0);
    bucket_take(&b, 50000000);
    bucket_set_rate(&b, 10000, 0);
    CHECK(bucket_when(&b, 0) < 4 * SEC); /* not the twenty minutes of the old debt */
}

TEST(bucket_set_rate_to_and_from_unlimited) {
    struct bucket b;
    bucket_init(&b, 1000, 0);
    bucket_take(&b, 40000);
    bucket_set_rate(&b, 0, 0);
    CHECK(bucket_ready(&b, 0) == INT64_MAX);
    bucket_set_rate(&b, 1000, SEC);
    CHECK_INT(bucket_ready(&b, SEC), 32768);
}

TEST(bucket_bears_absurd_numbers) {
    struct bucket b;
    bucket_init(&b, UINT64_MAX, 0);
    for (int i = 0; i < 10; i++)
        bucket_take(&b, UINT64_MAX);
    CHECK(bucket_when(&b, 0) > 0);
    CHECK(bucket_ready(&b, INT64_MAX / 2) > 0);
    bucket_init(&b, 1, 0);
    for (int i = 0; i < 10; i++)
        bucket_take(&b, UINT64_MAX);
    CHECK(bucket_when(&b, 0) > SEC);
}
