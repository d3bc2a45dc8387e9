/* trackers by UDP. */
#include "announcer.h"

TEST(trackers_by_udp_give_peers_and_counts) {
    struct announcer *x = announcer_open();
    memcpy(x->fake_udp.peers, "\x7f\x01\x01\x01\x1a\xe1\x7f\x01\x01\x02\x1a\xe1", 12);
    x->fake_udp.peers_len = 12;
    announcer_add_udp(x, "/announce", 0);
    x->want = true;
    announcer_begin(x);
    CHECK_INT(x->status, 0);
    CHECK_INT(x->peers, 2);
    CHECK_INT(x->addrs, 2);
    CHECK_INT(announcer_row(x, 0).peers, 2);
    CHECK_INT(announcer_row(x, 0).counts.complete, 7);
    CHECK_INT(announcer_row(x, 0).counts.incomplete, 5);
    CHECK_STR(announcer_row(x, 0).state, "working");
    CHECK_STR(x->fake_udp.path, "/announce");
    CHECK_INT(get_u32(x->fake_udp.last + 80), 2); /* started */
    CHECK_INT(get_u32(x->fake_udp.last + 92), 200);
    CHECK_INT(get_u16(x->fake_udp.last + 96), 6881);
    announcer_close(x);
}

TEST(trackers_by_udp_say_completed_and_stopped) {
    struct announcer *x = announcer_open();
    announcer_add_udp(x, "", 0);
    announcer_begin(x);
    trackers_completed(x->t);
    announcer_until_results(x, 2);
    CHECK_INT(get_u32(x->fake_udp.last + 80), 1);
    trackers_stop(x->t);
    CHECK(trackers_busy(x->t));
    announcer_until_quiet(x);
    CHECK_INT(get_u32(x->fake_udp.last + 80), 3);
    CHECK_INT(x->fake_udp.announces, 3);
    announcer_close(x);
}

TEST(trackers_by_udp_that_are_silent_fail_over) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    x->fake_udp.deaf = 1000;
    announcer_add_udp(x, "", 0);
    announcer_add(x, "/a", 1);
    announcer_start(x);
    announcer_until_results(x, 2);
    CHECK_INT(x->failures, 1);
    CHECK_STR(announcer_row(x, 0).state, "failed");
    CHECK_STR(announcer_row(x, 1).state, "working");
    announcer_close(x);
}

TEST(trackers_free_ends_udp_silently) {
    struct announcer *x = announcer_open();
    x->fake_udp.deaf = 1000;
    announcer_add_udp(x, "", 0);
    announcer_start(x);
    announcer_step(x);
    CHECK_STR(announcer_row(x, 0).state, "announcing");
    announcer_close(x);
}
