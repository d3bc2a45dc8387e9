/* trackers_list: the order of a torrent's trackers, and another list in its place. */
#include "announcer.h"

/* -- the list --------------------------------------------------------------------------- */

TEST(trackers_list_is_ordered_by_tier) {
    struct announcer *x = announcer_open();
    announcer_add(x, "/late", 7);
    announcer_add(x, "/a", 0);
    announcer_add(x, "/c", 1);
    announcer_add(x, "/b", 0);
    CHECK_INT(trackers_count(x->t), 4);
    CHECK_STR(announcer_path(x, 0), "/a");
    CHECK_STR(announcer_path(x, 1), "/b");
    CHECK_STR(announcer_path(x, 2), "/c");
    CHECK_STR(announcer_path(x, 3), "/late");
    CHECK_INT(announcer_row(x, 3).tier, 7);
    CHECK_STR(announcer_row(x, 0).state, "idle");
    CHECK(announcer_row(x, 0).next_at == USEC_NEVER);
    struct tracker_row r;
    CHECK(!trackers_row(x->t, 4, &r));
    announcer_close(x);
}

TEST(trackers_list_refuses_what_is_no_tracker) {
    static const char *const bad[] = {"", "ftp://host/", "http://", "http:// host/",
                                      "announce"};
    struct announcer *x = announcer_open();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err e = {0};
        CHECK_INT(trackers_add(x->t, bad[i], 0, &e), ERR_INVALID);
        CHECK(e.text[0]);
    }
    CHECK_INT(trackers_add(x->t, "http://host/a", 0, NULL), 0);
    CHECK_INT(trackers_add(x->t, "http://host/a", 3, NULL), ERR_EXISTS);
    CHECK_INT(trackers_count(x->t), 1);
    announcer_close(x);
}

TEST(trackers_list_is_bounded) {
    struct announcer *x = announcer_open();
    char url[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(url, sizeof url, "http://host/%d", i);
        CHECK_INT(trackers_add(x->t, url, 0, NULL), 0);
    }
    CHECK_INT(trackers_add(x->t, "http://host/more", 0, NULL), ERR_LIMIT);
    announcer_close(x);
}

static struct trackers *new_of(struct announcer *x, uint64_t seed) {
    char *urls[] = {"http://a/", "http://b/", "http://c/", "http://a/", "http://d/"};
    char *last[] = {"http://z/"};
    struct tracker_tier tiers[] = {{urls, 5}, {last, 1}};
    struct metainfo m = {.tiers = tiers, .tier_count = 2};
    rng_seed(&x->rng, seed);
    struct trackers_tools tools = announcer_tools(x);
    return trackers_new(&tools, &m, &announcer_hooks, x);
}

TEST(trackers_of_a_tier_are_shuffled_and_tiers_are_not) {
    struct announcer *x = announcer_open();
    uint32_t first[4] = {0};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct trackers *t = new_of(x, seed);
        struct tracker_row r;
        CHECK(t);
        CHECK_INT(trackers_count(t), 5); /* the double one is left out */
        CHECK(trackers_row(t, 4, &r));
        CHECK_STR(r.url, "http://z/");
        CHECK(trackers_row(t, 0, &r));
        first[r.url[7] - 'a']++;
        trackers_free(t);
    }
    for (int i = 0; i < 4; i++)
        CHECK(first[i] > 5);
    announcer_close(x);
}

TEST(trackers_without_memory_are_not_made) {
    struct announcer *x = announcer_open();
    CHECK_EACH_NOMEM(n) {
        struct trackers *t = new_of(x, 1);
        bool made = t, hit = check_nomem_hit();
        trackers_free(t);
        CHECK(made != hit);
    }
    announcer_close(x);
}

TEST(trackers_add_without_memory_changes_nothing) {
    struct announcer *x = announcer_open();
    CHECK_EACH_NOMEM(n) {
        int rc = trackers_add(x->t, "http://host/", 0, NULL);
        bool hit = check_nomem_hit();
        CHECK_INT(rc, hit ? ERR_NOMEM : 0);
        CHECK_INT(trackers_count(x->t), !hit);
    }
    announcer_close(x);
}

/* -- another list ----------------------------------------------------------------------- */

TEST(trackers_assigned_take_the_place_of_all_and_keep_what_is_known) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_add(x, "/gone", 1);
    announcer_begin(x);
    char url[128];
    snprintf(url, sizeof url, "%s", announcer_row(x, 0).url);
    struct tracker_place places[] = {
        {"http://b/", 4}, {url, 2}, {"http://c/", 2}, {"http://b/", 0}};
    CHECK_INT(trackers_assign(x->t, places, 4, NULL), 0);
    CHECK_INT(trackers_count(x->t), 3);
    CHECK_STR(announcer_row(x, 0).url, url);
    CHECK_STR(announcer_row(x, 0).state, "working");
    CHECK_INT(announcer_row(x, 0).tier, 2);
    CHECK_STR(announcer_row(x, 1).url, "http://c/");
    CHECK_STR(announcer_row(x, 2).url, "http://b/");
    CHECK_INT(announcer_row(x, 2).tier, 4);
    CHECK_INT(trackers_assign(x->t, NULL, 0, NULL), 0);
    CHECK_INT(trackers_count(x->t), 0);
    announcer_close(x);
}

static void remove_it(struct announcer *x, const char *path) {
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", fake_tracker_port(x->fake), path);
    CHECK(trackers_remove(x->t, url));
}

TEST(trackers_removed_hear_stopped) {
    struct announcer *x = announcer_with(NO_PEERS);
    x->want = true;
    announcer_begin(x);
    remove_it(x, "/a");
    CHECK_INT(trackers_count(x->t), 0);
    CHECK(trackers_busy(x->t));
    announcer_until_quiet(x);
    CHECK_STR(announcer_heard(x), "/a started, /a stopped");
    CHECK_STR(announcer_asked(x, 1, "numwant"), "0");
    CHECK_INT(x->addrs, 0);
    announcer_close(x);
}

TEST(trackers_removed_at_the_end_of_a_download_hear_of_that_first) {
    struct announcer *x = announcer_with(ONE_PEER);
    announcer_begin(x);
    trackers_completed(x->t);
    CHECK_INT(trackers_assign(x->t, NULL, 0, NULL), 0);
    announcer_until_quiet(x);
    CHECK_STR(announcer_heard(x), "/a started, /a completed, /a stopped");
    CHECK_INT(x->addrs, 1); /* none of those that it names to who leaves */
    announcer_close(x);
}

/* `stopped` is said once, also when the torrent stops meanwhile or had stopped before. */
TEST(trackers_removed_beside_a_stop_hear_it_once) {
    for (int first = 0; first < 2; first++) {
        struct announcer *x = announcer_open();
        fake_tracker_says(x->fake, "/a", NO_PEERS);
        announcer_add(x, "/a", 0);
        announcer_start(x);
        announcer_until_results(x, 1);
        if (first)
            trackers_stop(x->t);
        remove_it(x, "/a");
        trackers_stop(x->t);
        announcer_until_quiet(x);
        CHECK_STR(announcer_heard(x), "/a started, /a stopped");
        announcer_close(x);
    }
}

TEST(trackers_that_come_back_while_they_leave_are_started) {
    for (int way = 0; way < 2; way++) {
        struct announcer *x = announcer_open();
        char url[128];
        fake_tracker_says(x->fake, "/a", NO_PEERS);
        fake_tracker_says(x->fake, "/a", "hang");
        fake_tracker_says(x->fake, "/a", NO_PEERS);
        announcer_add(x, "/a", 0);
        announcer_start(x);
        announcer_until_results(x, 1);
        snprintf(url, sizeof url, "%s", announcer_row(x, 0).url);
        remove_it(x, "/a");
        announcer_until_asked(x, 2);
        if (way)
            CHECK_INT(trackers_assign(x->t, &(struct tracker_place){url, 0}, 1, NULL), 0);
        else
            announcer_add(x, "/a", 0);
        announcer_until_results(x, 2);
        CHECK_STR(announcer_heard(x), "/a started, /a stopped, /a started");
        CHECK(!trackers_busy(x->t));
        announcer_close(x);
    }
}

TEST(trackers_end_while_one_leaves) {
    struct announcer *x = announcer_with(NO_PEERS, "hang");
    announcer_begin(x);
    remove_it(x, "/a");
    announcer_until_asked(x, 2);
    announcer_close(x);
}

TEST(trackers_assigned_in_flight_go_silently) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a", "hang");
    fake_tracker_says(x->fake, "/b", NO_PEERS);
    announcer_add(x, "/a", 0);
    announcer_start(x);
    announcer_until_asked(x, 1);
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/b", fake_tracker_port(x->fake));
    CHECK_INT(trackers_assign(x->t, &(struct tracker_place){url, 0}, 1, NULL), 0);
    announcer_until_results(x, 1);
    CHECK_STR(announcer_heard(x), "/a started, /b started");
    announcer_close(x);
}

TEST(trackers_assigned_wrongly_leave_all_as_it_was) {
    struct announcer *x = announcer_open();
    char url[128];
    struct err e = {0};
    announcer_add(x, "/a", 3);
    snprintf(url, sizeof url, "%s", announcer_row(x, 0).url);
    struct tracker_place bad[] = {{url, 0}, {"http://new/", 0}, {"ftp://host/", 1}};
    CHECK_INT(trackers_assign(x->t, bad, 3, &e), ERR_INVALID);
    CHECK(strstr(e.text, "ftp://host/"));
    CHECK_INT(trackers_count(x->t), 1);
    CHECK_INT(announcer_row(x, 0).tier, 3);
    CHECK_STR(announcer_row(x, 0).url, url);
    announcer_close(x);
}

TEST(trackers_assigned_without_memory_leave_all_as_it_was) {
    struct announcer *x = announcer_open();
    announcer_add(x, "/a", 0);
    char url[128];
    snprintf(url, sizeof url, "%s", announcer_row(x, 0).url);
    struct tracker_place places[] = {{url, 0}, {"http://b/", 0}, {"http://c/", 1}};
    CHECK_EACH_NOMEM(n) {
        int rc = trackers_assign(x->t, places, 3, NULL);
        bool hit = check_nomem_hit();
        CHECK_INT(rc, hit ? ERR_NOMEM : 0);
        CHECK_INT(trackers_count(x->t), hit ? 1 : 3);
        CHECK_STR(announcer_row(x, 0).url, url);
    }
    announcer_close(x);
}
