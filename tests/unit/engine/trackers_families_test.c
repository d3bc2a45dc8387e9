/* trackers_families: over HTTP each family of ours is announced by itself. */
#include "announcer.h"

static void add_localhost(struct announcer *x, const char *path, uint32_t tier) {
    char url[128];
    snprintf(url, sizeof url, "http://localhost:%u%s", fake_tracker_port(x->fake), path);
    CHECK_INT(trackers_add(x->t, url, tier, NULL), 0);
}

TEST(trackers_by_http_hear_it_by_both_families) {
    struct announcer *x = announcer_open_with(fake_tracker_open_both(), true);
    fake_tracker_says(x->fake, "/a", ONE_PEER);
    add_localhost(x, "/a", 0);
    announcer_start(x);
    announcer_until_results(x, 2);
    announcer_until_quiet(x);
    CHECK_INT(fake_tracker_family(x->fake, 0) + fake_tracker_family(x->fake, 1), 10);
    CHECK_INT(announcer_row(x, 0).peers, 2);
    announcer_end(x);
    CHECK_STR(announcer_heard(x), "/a started, /a started, /a stopped, /a stopped");
    CHECK_INT(fake_tracker_family(x->fake, 2) + fake_tracker_family(x->fake, 3), 10);
    CHECK_INT(x->failures, 0);
    announcer_close(x);
}

TEST(trackers_that_answer_by_one_family_are_working) {
    struct announcer *x = announcer_open_with(fake_tracker_open(), true);
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    add_localhost(x, "/a", 0);
    announcer_begin(x);
    announcer_until_quiet(x);
    CHECK_STR(announcer_row(x, 0).state, "working");
    CHECK_INT(announcer_row(x, 0).failures, 0);
    announcer_end(x);
    CHECK_STR(announcer_heard(x), "/a started, /a stopped");
    CHECK_INT(x->results, 2);
    CHECK_INT(x->failures, 0);
    announcer_close(x);
}

TEST(trackers_that_fail_by_both_families_fail_once_and_in_their_own_words) {
    struct announcer *x = announcer_open_with(fake_tracker_open(), true);
    fake_tracker_says(x->fake, "/a", REFUSAL);
    add_localhost(x, "/a", 0);
    announcer_begin(x);
    CHECK(!trackers_busy(x->t));
    CHECK_STR(x->text, "no way");
    CHECK_INT(announcer_row(x, 0).failures, 1);
    announcer_close(x);
}

/* The second family is silent: nobody is asked instead, and a stop does not wait for it. */
TEST(trackers_that_answered_by_one_family_are_not_passed_over) {
    struct announcer *x = announcer_open_with(fake_tracker_open_both(), true);
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    fake_tracker_says(x->fake, "/a", "hang");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    x->t->patience = 10 * USEC_PER_MSEC;
    add_localhost(x, "/a", 0);
    add_localhost(x, "/b", 1);
    announcer_start(x);
    announcer_until_asked(x, 2);
    announcer_until_results(x, 1);
    usec until = loop_now(x->loop) + 5 * x->t->patience;
    while (loop_now(x->loop) < until)
        announcer_step(x);
    CHECK_STR(announcer_heard(x), "/a started, /a started");
    CHECK(trackers_busy(x->t));
    announcer_close(x);
}
