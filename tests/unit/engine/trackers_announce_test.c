/* trackers_announce: what trackers are told, and what becomes of their replies. */
#include "announcer.h"

/* -- events ----------------------------------------------------------------------------- */

TEST(trackers_say_started_then_completed_then_stopped) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_begin(x);
    trackers_completed(x->t);
    announcer_until_results(x, 2);
    trackers_completed(x->t); /* only once */
    trackers_stop(x->t);
    CHECK(trackers_busy(x->t));
    announcer_until_quiet(x);
    CHECK_STR(announcer_heard(x), "/a started, /a completed, /a stopped");
    CHECK_INT(x->failures, 0);
    announcer_close(x);
}

TEST(trackers_do_nothing_before_the_start) {
    struct announcer *x = announcer_open();
    announcer_add(x, "/a", 0);
    trackers_want_peers(x->t);
    trackers_completed(x->t);
    trackers_stop(x->t);
    for (int i = 0; i < 5; i++)
        announcer_step(x);
    CHECK_INT(fake_tracker_count(x->fake), 0);
    CHECK(!trackers_busy(x->t));
    announcer_close(x);
}

TEST(trackers_describe_the_torrent_in_the_request) {
    struct announcer *x = announcer_with(NO_PEERS);
    x->want = true;
    announcer_begin(x);
    CHECK(strstr(fake_tracker_request(x->fake, 0), "info_hash=0123456789abcdefghi%00"));
    CHECK_STR(announcer_asked(x, 0, "peer_id"), "-ME0100-abcdefghijk%00");
    CHECK_STR(announcer_asked(x, 0, "port"), "6881");
    CHECK_STR(announcer_asked(x, 0, "uploaded"), "1");
    CHECK_STR(announcer_asked(x, 0, "downloaded"), "2");
    CHECK_STR(announcer_asked(x, 0, "left"), "3");
    CHECK_STR(announcer_asked(x, 0, "numwant"), "200");
    announcer_close(x);
}

TEST(trackers_ask_for_no_peers_when_none_are_wanted_or_at_the_end) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_begin(x);
    x->want = true;
    announcer_end(x);
    CHECK_STR(announcer_asked(x, 0, "numwant"), "0");
    CHECK_STR(announcer_asked(x, 1, "numwant"), "0");
    announcer_close(x);
}

TEST(trackers_say_started_until_it_was_answered) {
    struct announcer *x =
        announcer_with(REFUSAL, "503 overload", "200 d8:intervali60e5:peers0:e");
    announcer_start(x);
    announcer_until_results(x, 4);
    CHECK_STR(announcer_heard(x), "/a started, /a started, /a started, /a -");
    announcer_close(x);
}

TEST(trackers_say_completed_after_started_when_both_are_due) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_start(x);
    trackers_completed(x->t);
    announcer_until_results(x, 2);
    CHECK_STR(announcer_heard(x), "/a started, /a completed");
    announcer_close(x);
}

TEST(trackers_repeat_completed_until_it_was_answered) {
    struct announcer *x = announcer_with(NO_PEERS, REFUSAL, NO_PEERS);
    announcer_begin(x);
    trackers_completed(x->t);
    announcer_until_results(x, 3);
    CHECK_STR(announcer_heard(x), "/a started, /a completed, /a completed");
    announcer_close(x);
}

TEST(trackers_stop_right_after_the_end_of_a_download_says_completed_first) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_begin(x);
    trackers_completed(x->t);
    announcer_end(x);
    CHECK_STR(announcer_heard(x), "/a started, /a completed, /a stopped");
    announcer_close(x);
}

TEST(trackers_stop_while_completed_is_in_flight_waits_for_it) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_begin(x);
    trackers_completed(x->t);
    usec end = loop_now(x->loop) + ANNOUNCER_PATIENCE;
    while (!trackers_busy(x->t) && loop_now(x->loop) < end)
        CHECK_INT(loop_step(x->loop, 0), 0);
    announcer_end(x);
    CHECK_STR(announcer_heard(x), "/a started, /a completed, /a stopped");
    announcer_close(x);
}

TEST(trackers_stop_before_the_first_answer_still_says_completed) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_start(x);
    while (!trackers_busy(x->t))
        CHECK_INT(loop_step(x->loop, 0), 0);
    trackers_completed(x->t);
    announcer_end(x);
    CHECK_STR(announcer_heard(x), "/a started, /a completed, /a stopped");
    announcer_close(x);
}

TEST(trackers_say_completed_once_even_if_it_fails_at_the_end) {
    struct announcer *x = announcer_with(NO_PEERS, REFUSAL);
    announcer_begin(x);
    trackers_completed(x->t);
    announcer_end(x);
    CHECK_STR(announcer_heard(x), "/a started, /a completed, /a stopped");
    announcer_close(x);
}

TEST(trackers_say_stopped_only_to_those_that_answered) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/dead", "500 ");
    fake_tracker_says(x->fake, "/a", NO_PEERS);
    announcer_add(x, "/dead", 0);
    announcer_add(x, "/a", 0);
    announcer_add(x, "/unused", 1);
    announcer_start(x);
    announcer_until_results(x, 2);
    announcer_end(x);
    CHECK_STR(announcer_heard(x), "/dead started, /a started, /a stopped");
    announcer_close(x);
}

TEST(trackers_stopped_in_a_hook_say_stopped_once) {
    struct announcer *x = announcer_with(NO_PEERS);
    x->stop_at_result = true;
    announcer_start(x);
    announcer_until_results(x, 2);
    announcer_until_quiet(x);
    CHECK_STR(announcer_heard(x), "/a started, /a stopped");
    announcer_close(x);
}

TEST(trackers_stop_before_the_first_answer_says_nothing) {
    struct announcer *x = announcer_with("hang");
    announcer_start(x);
    announcer_until_asked(x, 1);
    CHECK_STR(announcer_row(x, 0).state, "announcing");
    trackers_stop(x->t);
    CHECK(!trackers_busy(x->t));
    CHECK_INT(x->results, 0);
    announcer_close(x);
}

TEST(trackers_start_after_a_stop_begins_anew) {
    struct announcer *x = announcer_with(NO_PEERS);
    announcer_begin(x);
    announcer_end(x);
    announcer_start(x);
    announcer_start(x); /* idempotent */
    announcer_until_results(x, 3);
    CHECK_STR(announcer_heard(x), "/a started, /a stopped, /a started");
    announcer_close(x);
}

TEST(trackers_start_gives_up_a_stopped_that_hangs) {
    struct announcer *x = announcer_with(NO_PEERS, "hang", NO_PEERS);
    announcer_begin(x);
    trackers_stop(x->t);
    announcer_until_asked(x, 2);
    announcer_start(x);
    announcer_until_results(x, 2);
    CHECK_STR(announcer_heard(x), "/a started, /a stopped, /a started");
    CHECK_INT(x->status, 0);
    announcer_close(x);
}

TEST(trackers_free_ends_what_is_in_flight_silently) {
    struct announcer *x = announcer_with("hang");
    announcer_start(x);
    announcer_until_asked(x, 1);
    trackers_free(x->t);
    x->t = NULL;
    announcer_step(x);
    CHECK_INT(x->results, 0);
    announcer_close(x);
}

TEST(trackers_survive_when_memory_runs_out_in_an_announce) {
    struct announcer *x = announcer_with(ONE_PEER);
    CHECK_EACH_NOMEM(n) {
        x->results = 0;
        announcer_start(x);
        announcer_until_results(x, 1);
        bool hit = check_nomem_hit();
        CHECK(hit || x->status == 0);
        CHECK(x->status == 0 || x->status == ERR_NOMEM);
        trackers_stop(x->t);
        announcer_until_quiet(x);
    }
    announcer_close(x);
}

/* -- replies ---------------------------------------------------------------------------- */

TEST(trackers_give_peers_and_counts) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a",
                      "200 d8:completei5e11:external ip4:\x7f\x02\x02\x02"
                      "10:incompletei6e5:peers6:\x7f\x01\x01\x01\x1a\xe1"
                      "e");
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    char text[ADDR_TEXT];
    CHECK_INT(x->addrs, 1);
    CHECK_INT(x->peers, 1);
    CHECK_STR(addr_format(&x->addr, text), "127.1.1.1:6881");
    CHECK_STR(addr_format_ip(&x->external, text), "127.2.2.2");
    CHECK_INT(announcer_row(x, 0).counts.complete, 5);
    CHECK_INT(announcer_row(x, 0).counts.incomplete, 6);
    CHECK_INT(announcer_row(x, 0).counts.downloaded, -1);
    CHECK_INT(announcer_row(x, 0).peers, 1);
    announcer_close(x);
}

TEST(trackers_read_compressed_replies) {
    struct announcer *x = announcer_with("gzip");
    announcer_begin(x);
    CHECK_INT(x->status, 0);
    CHECK_INT(x->addrs, 1);
    announcer_close(x);
}

TEST(trackers_do_not_give_ourselves) {
    struct announcer *x = announcer_open();
    fake_tracker_says(
        x->fake, "/a",
        "200 d5:peersld2:ip9:127.0.0.17:peer id20:someone else entirel4:porti7eed"
        "2:ip9:127.0.0.17:peer id20:-XX0100-abcdefghijkl4:porti8eeee");
    announcer_add(x, "/a", 0);
    trackers_start(x->t, announcer_hash, (const uint8_t *)"-XX0100-abcdefghijkl");
    announcer_until_results(x, 1);
    CHECK_INT(x->addrs, 1);
    CHECK_INT(x->addr.port, 7);
    announcer_close(x);
}

TEST(trackers_do_not_give_peers_to_one_who_leaves) {
    struct announcer *x = announcer_with(ONE_PEER);
    announcer_begin(x);
    trackers_completed(x->t);
    announcer_end(x);
    CHECK_INT(x->results, 3);
    CHECK_INT(x->addrs, 1);
    announcer_close(x);
}

TEST(trackers_echo_the_tracker_id_and_keep_the_key) {
    struct announcer *x =
        announcer_with("200 d8:intervali60e5:peers0:10:tracker id4:a&b=e",
                       "200 d8:intervali60e5:peers0:e");
    announcer_start(x);
    announcer_until_results(x, 3);
    char key[16];
    snprintf(key, sizeof key, "%s", announcer_asked(x, 0, "key"));
    CHECK_INT(strlen(key), 8);
    CHECK_STR(announcer_asked(x, 0, "trackerid"), "");
    CHECK_STR(announcer_asked(x, 1, "trackerid"), "a%26b%3D");
    CHECK_STR(announcer_asked(x, 2, "trackerid"),
              "a%26b%3D"); /* also when it did not say it again */
    CHECK_STR(announcer_asked(x, 2, "key"), key);
    announcer_close(x);
}

TEST(trackers_tell_why_an_announce_failed) {
    static const struct {
        const char *reply;
        int status;
        const char *text;
    } cases[] = {
        {REFUSAL, ERR_REFUSED, "no way"},
        {"502 <html>", ERR_REFUSED, "the tracker answered 502 Bad Gateway"},
        {"404 ", ERR_REFUSED, "the tracker answered 404 Not Found"},
        {"599 ", ERR_REFUSED, "the tracker answered 599"},
        {"500 d5:peers0:e", ERR_REFUSED,
         "the tracker answered 500 Internal Server Error"},
        {"403 d14:failure reason13:unknown mouse8:retry in1:1e", ERR_REFUSED,
         "unknown mouse"},
        {"200 i7e", ERR_FORMAT, NULL},
        {"200 <html>", ERR_FORMAT, NULL},
        {"200 ", ERR_FORMAT, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct announcer *x = announcer_open();
        fake_tracker_says(x->fake, "/a", cases[i].reply);
        announcer_add(x, "/a", 0);
        announcer_start(x);
        announcer_until_results(x, 1);
        CHECK_INT(x->status, cases[i].status);
        CHECK(x->text[0]);
        if (cases[i].text)
            CHECK_STR(x->text, cases[i].text);
        CHECK_STR(announcer_row(x, 0).message, x->text);
        CHECK_STR(announcer_row(x, 0).state, "failed");
        announcer_close(x);
    }
}

TEST(trackers_pass_a_warning_on_with_success) {
    struct announcer *x = announcer_open();
    fake_tracker_says(x->fake, "/a",
                      "200 d8:intervali1800e5:peers0:15:warning message9:old ratioe");
    announcer_add(x, "/a", 0);
    announcer_begin(x);
    CHECK_INT(x->status, 0);
    CHECK_STR(x->text, "old ratio");
    CHECK_STR(announcer_row(x, 0).message, "old ratio");
    CHECK_STR(announcer_row(x, 0).state, "working");
    announcer_close(x);
}

TEST(trackers_keep_passkeys_out_of_sentences) {
    static const char *const urls[][2] = {
        {"https://host.example:8080/0123abc/announce", "https://host.example:8080/..."},
        {"http://user:secret@host/announce", "http://host/announce"},
        {"http://host/announce?passkey=1", "http://host/..."},
        {"http://host?passkey=1", "http://host/..."},
        {"http://host", "http://host"},
        {"udp://[::1]:80/announce", "udp://[::1]:80/announce"},
    };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct announcer *x = announcer_open();
        CHECK_INT(trackers_add(x->t, urls[i][0], 0, NULL), 0);
        CHECK_STR(x->t->list[0]->shown, urls[i][1]);
        CHECK_STR(announcer_row(x, 0).url, urls[i][0]);
        announcer_close(x);
    }
}

TEST(trackers_give_the_shown_url_to_on_result) {
    struct announcer *x = announcer_open();
    char shown[64];
    fake_tracker_says(x->fake, "/passkey/announce", NO_PEERS);
    announcer_add(x, "/passkey/announce", 0);
    announcer_begin(x);
    snprintf(shown, sizeof shown, "http://127.0.0.1:%u/...", fake_tracker_port(x->fake));
    CHECK_STR(x->url, shown);
    announcer_close(x);
}
