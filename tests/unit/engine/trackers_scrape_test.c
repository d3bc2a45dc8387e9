/* trackers_scrape: how large the swarm is. */
#include "announcer.h"

TEST(trackers_scrape_by_udp_and_http_and_add_up_the_best) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/scrape",
                      "200 d5:filesd20:0123456789abcdefghijd8:completei4e"
                      "10:downloadedi9e10:incompletei3eeee");
    announcer_add_udp(x, "/announce", 0);
    announcer_add(x, "/announce", 0);
    CHECK_INT(trackers_counts(x->t).complete, -1);
    CHECK_INT(trackers_scrape(x->t, (const uint8_t *)"0123456789abcdefghij", NULL), 2);
    announcer_until_scrapes(x, 2);
    CHECK_INT(announcer_row(x, 1).counts.complete, 4);
    CHECK_INT(announcer_row(x, 1).counts.incomplete, 3);
    CHECK_INT(trackers_counts(x->t).complete, 7);
    CHECK_INT(trackers_counts(x->t).downloaded, 50);
    CHECK_INT(trackers_counts(x->t).incomplete, 5);
    announcer_close(x);
}

TEST(trackers_tell_why_a_scrape_failed) {
    static const struct {
        const char *reply;
        int status;
    } cases[] = {
        {"200 d14:failure reason6:no waye", ERR_REFUSED},
        {"404 ", ERR_REFUSED},
        {"200 <html>", ERR_FORMAT},
        {"200 d5:filesdee", ERR_NOTFOUND},
        {"200 d5:filesi1ee", ERR_NOTFOUND},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct announcer *x = announcer_open();
        fake_tracker_says(x->fake, "/scrape", cases[i].reply);
        announcer_add(x, "/announce", 0);
        CHECK_INT(trackers_scrape(x->t, announcer_hash, NULL), 1);
        announcer_until_scrapes(x, 1);
        CHECK_INT(x->scrape_status, cases[i].status);
        CHECK(x->scrape_text[0]);
        CHECK_INT(announcer_row(x, 0).counts.complete, -1);
        announcer_close(x);
    }
}

TEST(trackers_are_scraped_once_a_minute_at_most) {
    struct announcer *x = announcer_open();
    trackers_set_pace(x->t, USEC_PER_SEC);
    announcer_add_udp(x, "/announce", 0);
    CHECK_INT(trackers_scrape(x->t, announcer_hash, NULL), 1);
    CHECK_INT(trackers_scrape(x->t, announcer_hash, NULL), ERR_AGAIN);
    announcer_until_scrapes(x, 1);
    CHECK_INT(trackers_scrape(x->t, announcer_hash, NULL), ERR_AGAIN);
    CHECK_INT(x->fake_udp.scrapes, 1);
    announcer_close(x);
}

TEST(trackers_that_cannot_be_scraped_are_not) {
    struct announcer *x = announcer_open();
    struct err e = {0};
    CHECK_INT(trackers_scrape(x->t, announcer_hash, &e), ERR_UNSUPPORTED);
    announcer_add(x, "/a", 0);
    CHECK_INT(trackers_scrape(x->t, announcer_hash, &e), ERR_UNSUPPORTED);
    CHECK_INT(fake_tracker_count(x->fake), 0);
    announcer_close(x);
}
