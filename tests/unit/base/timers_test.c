#include "base/timers.h"

#include "base/rng.h"
#include "support/check.h"

/* A timer that writes its number into a log when it fires. */
struct alarm {
    struct timer timer;
    int number;
    struct alarm_log *log;
};

struct alarm_log {
    struct timers heap;
    int fired[16], count;
    usec now; /* of the last firing */
};

static void note(struct timer *t, usec now) {
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    CHECK(!timer_is_set(t));
    a->log->now = now;
    a->log->fired[a->log->count++] = a->number;
}

static void setup(struct alarm_log *log, struct alarm *alarms, int n,
                  void (*fire)(struct timer *, usec)) {
    *log = (struct alarm_log){.count = 0};
    timers_init(&log->heap);
    for (int i = 0; i < n; i++) {
        alarms[i] = (struct alarm){.number = i, .log = log};
        timer_init(&alarms[i].timer, fire);
    }
}

TEST(timers_due_is_never_when_empty) {
    struct timers heap;
    timers_init(&heap);
    CHECK(timers_due(&heap) == USEC_NEVER);
    CHECK_INT(timers_fire(&heap, INT64_MAX - 1), 0);
}

TEST(timers_due_is_the_earliest) {
    struct alarm_log log;
    struct alarm a[3];
    setup(&log, a, 3, note);
    timer_set(&log.heap, &a[0].timer, 30);
    timer_set(&log.heap, &a[1].timer, 10);
    timer_set(&log.heap, &a[2].timer, 20);
    CHECK_INT(timers_due(&log.heap), 10);
}

TEST(timers_fire_in_order_up_to_now) {
    struct alarm_log log;
    struct alarm a[4];
    setup(&log, a, 4, note);
    timer_set(&log.heap, &a[0].timer, 30);
    timer_set(&log.heap, &a[1].timer, 10);
    timer_set(&log.heap, &a[2].timer, 20);
    timer_set(&log.heap, &a[3].timer, 21);
    CHECK_INT(timers_fire(&log.heap, 20), 2);
    CHECK_INT(log.fired[0], 1);
    CHECK_INT(log.fired[1], 2);
    CHECK_INT(log.now, 20);
    CHECK_INT(timers_due(&log.heap), 21);
}

TEST(timer_set_again_moves_it) {
    struct alarm_log log;
    struct alarm a[2];
    setup(&log, a, 2, note);
    timer_set(&log.heap, &a[0].timer, 10);
    timer_set(&log.heap, &a[1].timer, 20);
    timer_set(&log.heap, &a[0].timer, 30);
    CHECK_INT(timers_due(&log.heap), 20);
    timer_set(&log.heap, &a[0].timer, 5);
    CHECK_INT(timers_due(&log.heap), 5);
    CHECK_INT(timers_fire(&log.heap, 100), 2);
}

TEST(timer_set_to_never_stops_it) {
    struct alarm_log log;
    struct alarm a[1];
    setup(&log, a, 1, note);
    timer_set(&log.heap, &a[0].timer, 10);
    timer_set(&log.heap, &a[0].timer, USEC_NEVER);
    CHECK(!timer_is_set(&a[0].timer));
    CHECK(timers_due(&log.heap) == USEC_NEVER);
}

TEST(timer_stop_is_idempotent) {
    struct alarm_log log;
    struct alarm a[3];
    setup(&log, a, 3, note);
    for (int i = 0; i < 3; i++)
        timer_set(&log.heap, &a[i].timer, 10 + i);
    for (int i = 0; i < 3; i++) {
        timer_stop(&log.heap, &a[1].timer);
        CHECK(!timer_is_set(&a[1].timer));
    }
    CHECK_INT(timers_fire(&log.heap, 100), 2);
    CHECK_INT(log.fired[0], 0);
    CHECK_INT(log.fired[1], 2);
}

static void note_and_repeat(struct timer *t, usec now) {
    note(t, now);
    timer_set(&CONTAINER_OF(t, struct alarm, timer)->log->heap, t, now);
}

TEST(timers_fire_a_repeating_timer_once_per_call) {
    struct alarm_log log;
    struct alarm a[1];
    setup(&log, a, 1, note_and_repeat);
    timer_set(&log.heap, &a[0].timer, 10);
    CHECK_INT(timers_fire(&log.heap, 10), 1);
    CHECK(timer_is_set(&a[0].timer));
    CHECK_INT(timers_fire(&log.heap, 10), 1);
    CHECK_INT(log.count, 2);
}

/* Number 0 acts on its neighbours in the array, which are due in the same call. */
static void note_and_stop_next(struct timer *t, usec now) {
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    note(t, now);
    if (a->number == 0)
        timer_stop(&a->log->heap, &a[1].timer);
}

TEST(timer_stopped_by_one_that_fires_before_it_does_not_fire) {
    struct alarm_log log;
    struct alarm a[3];
    setup(&log, a, 3, note_and_stop_next);
    for (int i = 0; i < 3; i++)
        timer_set(&log.heap, &a[i].timer, i);
    CHECK_INT(timers_fire(&log.heap, 10), 2);
    CHECK_INT(log.fired[1], 2);
}

static void note_and_move_next(struct timer *t, usec now) {
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    note(t, now);
    if (a->number == 0)
        timer_set(&a->log->heap, &a[1].timer, now);
}

TEST(timer_moved_by_one_that_fires_before_it_waits_for_the_next_call) {
    struct alarm_log log;
    struct alarm a[3];
    setup(&log, a, 3, note_and_move_next);
    for (int i = 0; i < 3; i++)
        timer_set(&log.heap, &a[i].timer, i);
    CHECK_INT(timers_fire(&log.heap, 10), 2);
    CHECK_INT(timers_due(&log.heap), 10);
    CHECK_INT(timers_fire(&log.heap, 10), 1);
    CHECK_INT(log.fired[2], 1);
}

TEST(timers_take_times_before_zero) {
    struct alarm_log log;
    struct alarm a[2];
    setup(&log, a, 2, note);
    timer_set(&log.heap, &a[0].timer, 0);
    timer_set(&log.heap, &a[1].timer, -5);
    CHECK_INT(timers_due(&log.heap), -5);
    CHECK_INT(timers_fire(&log.heap, -1), 1);
    CHECK_INT(log.fired[0], 1);
}

/* Stress: thousands of random settings, stops and firings beside an array that is searched. */

enum { CROWD = 300, STEPS = 20000 };

struct crowd {
    struct timers heap;
    struct timer timer[CROWD];
    usec due[CROWD]; /* the reference */
    usec last;       /* due time of the timer that fired before */
    int fired;
};

static struct crowd *crowd_of; /* the fire function has no other way to its reference */

static void fire_in_crowd(struct timer *t, usec now) {
    ptrdiff_t i = t - crowd_of->timer;
    CHECK(crowd_of->due[i] <= now);
    CHECK(crowd_of->due[i] >= crowd_of->last);
    crowd_of->last = crowd_of->due[i];
    crowd_of->due[i] = USEC_NEVER;
    crowd_of->fired++;
}

static usec earliest(const struct crowd *c) {
    usec due = USEC_NEVER;
    for (int i = 0; i < CROWD; i++)
        due = MIN(due, c->due[i]);
    return due;
}

static int count_due(const struct crowd *c, usec now) {
    int n = 0;
    for (int i = 0; i < CROWD; i++)
        n += c->due[i] <= now;
    return n;
}

static void crowd_step(struct crowd *c, struct rng *r, usec *now) {
    uint32_t i = rng_below(r, CROWD), what = rng_below(r, 10);
    if (what < 6) {
        c->due[i] = *now + rng_below(r, 1000); /* ties are common */
        timer_set(&c->heap, &c->timer[i], c->due[i]);
    } else if (what < 9) {
        c->due[i] = USEC_NEVER;
        timer_stop(&c->heap, &c->timer[i]);
    } else {
        *now += rng_below(r, 50);
        int expected = count_due(c, *now);
        c->last = INT64_MIN;
        CHECK_INT(timers_fire(&c->heap, *now), expected);
    }
    CHECK_INT(timers_due(&c->heap), earliest(c));
}

TEST(timers_agree_with_a_sorted_reference) {
    static struct crowd c;
    struct rng r;
    usec now = 0;
    rng_seed(&r, 42);
    crowd_of = &c;
    timers_init(&c.heap);
    for (int i = 0; i < CROWD; i++) {
        timer_init(&c.timer[i], fire_in_crowd);
        c.due[i] = USEC_NEVER;
    }
    for (int step = 0; step < STEPS; step++)
        crowd_step(&c, &r, &now);
    CHECK(c.fired > 1000);
    c.last = INT64_MIN;
    timers_fire(&c.heap, now + 1000);
    CHECK(timers_due(&c.heap) == USEC_NEVER);
    CHECK(earliest(&c) == USEC_NEVER);
}

/* A hundred thousand siblings below one root: joining them must not recurse. */
TEST(timers_join_many_siblings_without_a_deep_stack) {
    enum { MANY = 100000 };
    struct timers heap;
    struct timer *many = calloc(MANY, sizeof *many);
    CHECK(many);
    timers_init(&heap);
    for (int i = 0; i < MANY; i++) {
        timer_init(&many[i], NULL);
        timer_set(&heap, &many[i], i);
    }
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(timers_due(&heap), i);
        timer_stop(&heap, &many[i]);
    }
    CHECK(timers_due(&heap) == USEC_NEVER);
    free(many);
}
