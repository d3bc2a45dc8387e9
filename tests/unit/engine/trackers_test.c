/* trackers: who is asked next, and when. */
#include "announcer.h"

/* -- failover --------------------------------------------------------------------------- */

TEST(trackers_go_through_the_tier_and_then_to_the_next) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/c", NO_PEERS);
    announcer_add(x, "/a", 0);
    announcer_add(x, "/b", 0);
    announcer_add(x, "/c", 1);
    announcer_add(x, "/d", 1);
    announcer_start(x);
    announcer_until_results(x, 3);
    CHECK_STR(announcer_heard(x), "/a started, /b started, /c started");
    CHECK_STR(announcer_row(x, 0).state, "failed");
    CHECK_INT(announcer_row(x, 0).failures, 1);
    CHECK_STR(announcer_row(x, 2).state, "working");
    CHECK_STR(announcer_row(x, 3).state, "idle");
    CHECK(announcer_row(x, 3).next_at == USEC_NEVER);
    announcer_close(x);
}

TEST(trackers_that_answer_move_to_the_front_of_their_tier) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/b", "200 d8:intervali60e5:peers0:e");
    announcer_add(x, "/zero", 0);
    announcer_add(x, "/a", 1);
    announcer_add(x, "/b", 1);
    announcer_start(x);
    announcer_until_results(x, 3);
    CHECK_STR(announcer_path(x, 0), "/zero");
    CHECK_STR(announcer_path(x, 1), "/b");
    CHECK_STR(announcer_path(x, 2), "/a");
    announcer_close(x);
}

TEST(trackers_behind_one_that_works_are_left_alone) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/b", "200 d8:intervali60e5:peers0:e");
    announcer_add(x, "/a", 0);
    announcer_add(x, "/b", 0);
    announcer_add(x, "/c", 1);
    announcer_start(x);
    announcer_until_results(x, 5);
    CHECK_STR(announcer_heard(x), "/a started, /b started, /b -, /b -, /b -");
    announcer_close(x);
}

TEST(trackers_of_an_earlier_tier_are_found_again) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", "502 ");
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    announcer_add(x, "/a", 0);
    announcer_add(x, "/b", 1);
    announcer_start(x);
    announcer_until_results(x, 3);
    CHECK_STR(announcer_heard(x), "/a started, /b started, /a started");
    announcer_end(x);
    CHECK_INT(fake_tracker_count(x->fake), 5); /* both know us */
    announcer_close(x);
}

TEST(trackers_that_nobody_listens_at_fail_over) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    CHECK_INT(trackers_add(x->t, "http://127.0.0.1:1/announce", 0, NULL), 0);
    announcer_add(x, "/a", 1);
    announcer_begin(x);
    CHECK_INT(x->status, ERR_REFUSED);
    announcer_until_results(x, 2);
    CHECK_INT(x->status, 0);
    CHECK_STR(announcer_heard(x), "/a started");
    announcer_close(x);
}

/* As with a proxy that UDP would go round. */
TEST(trackers_without_udp_tell_so_once_and_skip_those) {
    struct announcer *x = announcer_open();
    x->t->tools.udp = NULL;
    fake_tracker_says(x->fake, "/a", "200 d8:intervali60e5:peers0:e");
    CHECK_INT(trackers_add(x->t, "udp://tracker.example:80/announce", 0, NULL), 0);
    announcer_start(x);
    trackers_want_peers(x->t);
    announcer_until_results(x, 1);
    CHECK_INT(x->status, ERR_UNSUPPORTED);
    CHECK_STR(x->url, "udp://tracker.example:80/announce");
    CHECK_STR(announcer_row(x, 0).state, "unsupported");
    CHECK(announcer_row(x, 0).next_at == USEC_NEVER);
    announcer_add(x, "/a", 5);
    announcer_until_results(x, 4);
    CHECK_INT(x->failures, 1);
    announcer_close(x);
}

TEST(trackers_added_while_nothing_works_are_tried_at_once) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    announcer_start(x);
    announcer_step(x);
    announcer_add(x, "/b", 1);
    announcer_until_results(x, 1);
    CHECK_STR(announcer_heard(x), "/b started");
    announcer_close(x);
}

TEST(trackers_removed_in_flight_give_way_to_the_next) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", "hang");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    announcer_add(x, "/a", 0);
    announcer_add(x, "/b", 0);
    announcer_start(x);
    announcer_until_asked(x, 1);
    CHECK(trackers_remove(x->t, announcer_row(x, 0).url));
    CHECK(!trackers_remove(x->t, "http://unknown/"));
    announcer_until_results(x, 1);
    CHECK_STR(announcer_heard(x), "/a started, /b started");
    CHECK_INT(trackers_count(x->t), 1);
    announcer_close(x);
}

/* -- when ------------------------------------------------------------------------------- */

/* Seconds from now to the next announce of a tracker. */
static long long wait_of(struct announcer *x, uint32_t i) {
    return (announcer_row(x, i).next_at - loop_now(x->loop)) / USEC_PER_SEC;
}

TEST(trackers_back_off_doubles_up_to_half_an_hour) {
    static const int seconds[] = {15, 30, 60, 120, 240, 480, 960, 1800, 1800, 1800};
    struct announcer *x = announcer_open();
    trackers_set_pace(x->t, USEC_PER_SEC);
    announcer_add(x, "/a", 0);
    announcer_start(x);
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        tracker_fail(x->t->list[0], 0, "no");
        CHECK(wait_of(x, 0) >= seconds[i] - 1 && wait_of(x, 0) <= seconds[i] * 21 / 20);
    }
    announcer_close(x);
}

/* Nobody listens at port 1. */
static void break_proxy(struct announcer *x) {
    static const struct proxy_url nowhere = {
        .kind = PROXY_SOCKS5, .host = "127.0.0.1", .port = 1};
    fetcher_set_proxy(x->fetcher, &nowhere);
}

TEST(trackers_back_off_is_a_minute_at_most_while_the_proxy_is_the_trouble) {
    struct announcer *x = announcer_open();
    break_proxy(x);
    announcer_add(x, "/a", 0);
    announcer_start(x);
    announcer_until_results(x,
                            6); /* of those that lead somewhere it would be 480 s now */
    CHECK_INT(announcer_row(x, 0).failures, 6);
    CHECK(announcer_row(x, 0).next_at - loop_now(x->loop) <= 60 * 1050);
    announcer_close(x);
}

TEST(trackers_are_asked_again_once_the_proxy_works) {
    struct announcer *x = announcer_open();
    trackers_set_pace(x->t, USEC_PER_SEC);
    break_proxy(x);
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    CHECK(announcer_row(x, 0).next_at > loop_now(x->loop) + ANNOUNCER_PATIENCE);
    trackers_on_proxy_works(x->t);
    announcer_until_results(x, 2);
    announcer_close(x);
}

TEST(trackers_that_fail_by_themselves_do_not_mind_the_proxy) {
    struct announcer *x = announcer_open();
    trackers_set_pace(x->t, USEC_PER_SEC);
    fake_tracker_says(x->fake, "/a", REFUSAL);
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    trackers_on_proxy_works(x->t);
    CHECK(announcer_row(x, 0).next_at > loop_now(x->loop) + ANNOUNCER_PATIENCE);
    announcer_close(x);
}

TEST(trackers_retry_when_the_tracker_says) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", "200 d14:failure reason4:busy8:retry in2:10e");
    trackers_set_pace(x->t, USEC_PER_SEC);
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    CHECK_STR(x->text, "busy");
    CHECK(wait_of(x, 0) >= 598 && wait_of(x, 0) <= 631);
    announcer_close(x);
}

TEST(trackers_never_retry_when_the_tracker_says_never) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", "200 d14:failure reason4:gone8:retry in5:nevere");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    announcer_add(x, "/a", 0);
    announcer_add(x, "/b", 0);
    announcer_start(x);
    announcer_until_results(x, 2);
    CHECK_STR(announcer_heard(x), "/a started, /b started");
    CHECK_STR(announcer_path(x, 1), "/a");
    CHECK(announcer_row(x, 1).next_at == USEC_NEVER);
    announcer_close(x);
}

TEST(trackers_wait_for_the_interval_and_a_little_more) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    trackers_set_pace(x->t, USEC_PER_SEC);
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    CHECK(wait_of(x, 0) >= 1798 && wait_of(x, 0) <= 1890);
    announcer_close(x);
}

TEST(trackers_that_want_peers_wait_for_the_min_interval) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a",
                      "200 d8:intervali1800e12:min intervali300e5:peers0:e");
    trackers_set_pace(x->t, USEC_PER_SEC);
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    trackers_want_peers(x->t);
    CHECK(wait_of(x, 0) >= 298 && wait_of(x, 0) <= 300);
    announcer_close(x);
}

TEST(trackers_asked_early_again_and_again_wait_for_longer) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_start(x);
    for (unsigned i = 1; i <= 3; i++) {
        announcer_until_results(x, i);
        trackers_want_peers(x->t);
    }
    int64_t first = fake_tracker_time(x->fake, 1) - fake_tracker_time(x->fake, 0);
    int64_t second = fake_tracker_time(x->fake, 2) - fake_tracker_time(x->fake, 1);
    CHECK(first >= 60000 && second >= 120000);
    CHECK_STR(announcer_heard(x), "/a started, /a -, /a -");
    announcer_close(x);
}

TEST(trackers_want_no_peers_earlier_than_the_interval_if_that_is_shorter) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", "200 d8:intervali60e12:min intervali900e5:peers0:e");
    trackers_set_pace(x->t, USEC_PER_SEC);
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    trackers_want_peers(x->t);
    CHECK(wait_of(x, 0) <= 63);
    announcer_close(x);
}

/* -- patience --------------------------------------------------------------------------- */

TEST(trackers_that_are_silent_do_not_keep_the_next_waiting) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/silent", "hang");
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    announcer_add(x, "/silent", 0);
    announcer_add(x, "/a", 0);
    x->t->patience = 20 * USEC_PER_MSEC;
    announcer_begin(x);
    CHECK_INT(x->status, 0);
    CHECK_STR(announcer_heard(x), "/silent started, /a started");
    CHECK_STR(announcer_path(x, 0), "/a");
    CHECK_STR(announcer_row(x, 1).state, "announcing"); /* it may still answer */
    announcer_close(x);
}

TEST(trackers_wait_for_one_at_a_time_while_they_are_patient) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/silent", "hang");
    announcer_add(x, "/silent", 0);
    announcer_add(x, "/a", 0);
    announcer_start(x);
    announcer_until_asked(x, 1);
    for (int i = 0; i < 5; i++)
        announcer_step(x);
    CHECK_STR(announcer_heard(x), "/silent started");
    announcer_close(x);
}

/* -- asking for more -------------------------------------------------------------------- */

TEST(trackers_announce_when_asked_to_as_soon_as_the_min_interval_allows) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_begin(x);
    trackers_announce(x->t);
    announcer_until_results(x, 2);
    int64_t wait = fake_tracker_time(x->fake, 1) - fake_tracker_time(x->fake, 0);
    CHECK(wait >= 60000 && wait < 1800000);
    announcer_close(x);
}

TEST(trackers_that_failed_are_tried_when_asked_to_but_not_each_time) {
    struct announcer *x = announcer_open();
    trackers_set_pace(x->t, USEC_PER_SEC);
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    for (int i = 0; i < 8; i++)
        tracker_fail(x->t->list[0], 0, "no");
    CHECK(announcer_row(x, 0).next_at - loop_now(x->loop) > 1000 * USEC_PER_SEC);
    trackers_announce(x->t);
    usec wait = announcer_row(x, 0).next_at - x->t->list[0]->asked_at;
    CHECK_INT(wait, 15 * USEC_PER_SEC);
    trackers_announce(x->t);
    CHECK_INT(announcer_row(x, 0).next_at - x->t->list[0]->asked_at, 15 * USEC_PER_SEC);
    announcer_close(x);
}
