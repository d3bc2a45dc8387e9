/* prediction: how far answers are trusted. */
#include "proto/prediction.h"

#include "support/check.h"

static void watch(struct prediction *p, uint32_t n, bool as_expected) {
    for (uint32_t i = 0; i < n; i++)
        prediction_note_watched(p, as_expected);
}

static void hit(struct prediction *p, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        prediction_note_hit(p);
}

TEST(prediction_begins_with_a_small_window) {
    struct prediction p;
    prediction_init(&p, 31);
    CHECK_INT(prediction_window(&p), PREDICTION_FIRST);
}

TEST(prediction_window_grows_with_full_reads_up_to_its_limit) {
    struct prediction p;
    prediction_init(&p, 6);
    for (int i = 0; i < 5; i++)
        prediction_note_full_read(&p);
    CHECK_INT(prediction_window(&p), 6);
}

TEST(prediction_rests_after_a_miss) {
    struct prediction p;
    prediction_init(&p, 31);
    prediction_note_miss(&p);
    CHECK_INT(prediction_window(&p), 0);
}

TEST(prediction_comes_back_after_enough_answers_in_order) {
    struct prediction p;
    prediction_init(&p, 31);
    prediction_note_miss(&p);
    uint32_t needed = p.needed;
    watch(&p, needed - 1, true);
    CHECK_INT(prediction_window(&p), 0);
    watch(&p, 1, true);
    CHECK_INT(prediction_window(&p), PREDICTION_FIRST);
}

TEST(prediction_counts_anew_after_an_answer_out_of_order) {
    struct prediction p;
    prediction_init(&p, 31);
    prediction_note_miss(&p);
    uint32_t needed = p.needed;
    watch(&p, needed - 1, true);
    watch(&p, 1, false);
    watch(&p, needed - 1, true);
    CHECK_INT(prediction_window(&p), 0);
}

TEST(prediction_needs_twice_as_much_after_a_short_run) {
    struct prediction p;
    prediction_init(&p, 31);
    prediction_note_miss(&p);
    uint32_t needed = p.needed;
    watch(&p, needed, true);
    hit(&p, 3);
    prediction_note_miss(&p);
    CHECK_INT(p.needed, 2 * needed);
}

TEST(prediction_needs_half_as_much_after_a_run_that_was_worth_it) {
    struct prediction p;
    prediction_init(&p, 31);
    p.needed = 64;
    hit(&p, 64 * PREDICTION_WORTH);
    prediction_note_miss(&p);
    CHECK_INT(p.needed, 32);
}

TEST(prediction_demand_is_bounded_both_ways) {
    struct prediction p;
    prediction_init(&p, 31);
    for (int i = 0; i < 40; i++)
        prediction_note_miss(&p);
    CHECK_INT(p.needed, PREDICTION_MOST);
    for (int i = 0; i < 40; i++) {
        hit(&p, PREDICTION_MOST * PREDICTION_WORTH);
        prediction_note_miss(&p);
    }
    CHECK_INT(p.needed, PREDICTION_LEAST);
}
