/* udp_announce: the conversation with a tracker that answers, is silent, restarts or
 * lies. */
#include "proto/udp_announce.h"

#include "support/check.h"

#define SEC USEC_PER_SEC

static const uint8_t hash[20] = "aaaaaaaaaaaaaaaaaaaa", id[20] = "-mr0100-abcdefghijkl";
static const struct announce_request sample = {
    .info_hash = hash, .peer_id = id, .port = 6881, .numwant = -1};
static const struct udp_connection none;

struct talk {
    struct udp_announce u;
    uint8_t sent[UDP_TRACKER_MAX_PACKET];
    int len; /* of the last packet that was sent */
};

static void start(struct talk *t, struct udp_connection known, uint32_t tries, usec now) {
    CHECK_INT(udp_announce_init(&t->u, &sample, "udp://t/x", 4, known, tries, now), 0);
}

/* What it sends next: an action, or -1 for nothing. */
static int sends(struct talk *t, usec now) {
    t->len = udp_announce_next(&t->u, t->sent, now);
    if (t->len <= 0)
        return t->len < 0 ? t->len : -1;
    uint8_t more[UDP_TRACKER_MAX_PACKET];
    CHECK_INT(udp_announce_next(&t->u, more, now), 0);
    return (int)get_u32(t->sent + 8);
}

/* Answers the last packet with an action and a body. */
static int answer(struct talk *t, uint32_t action, const char *body, size_t len,
                  usec now) {
    uint8_t packet[256];
    put_u32(packet, action);
    memcpy(packet + 4, t->sent + 12, 4);
    memcpy(packet + 8, body, len);
    return udp_announce_on_packet(&t->u, packet, len + 8, now);
}

#define CONNECTED "\x11\x12\x13\x14\x15\x16\x17\x18"
#define ANNOUNCED "\0\0\x03\x84\0\0\0\x05\0\0\0\x07\x01\x02\x03\x04\x1a\xe1"

static int connected(struct talk *t, usec now) {
    return answer(t, UDP_CONNECT, CONNECTED, 8, now);
}

static int announced(struct talk *t, usec now) {
    return answer(t, UDP_ANNOUNCE, ANNOUNCED, sizeof ANNOUNCED - 1, now);
}

TEST(udp_announce_connects_asks_and_is_done) {
    struct talk t;
    start(&t, none, 0, 0);
    CHECK_INT(sends(&t, 0), UDP_CONNECT);
    CHECK_INT(t.len, 16);
    CHECK_INT(sends(&t, 1), -1);
    CHECK_INT(connected(&t, SEC), 0);
    CHECK_INT(sends(&t, SEC), UDP_ANNOUNCE);
    CHECK_INT(t.len, 98 + 4);
    CHECK_MEM(t.sent, CONNECTED, 8);
    CHECK_MEM(t.sent + 16, hash, 20);
    CHECK_INT(announced(&t, 2 * SEC), 1);
    CHECK_INT(t.u.state, UDP_STATE_DONE);
    CHECK_INT(t.u.reply.interval, 900);
    CHECK_INT(t.u.reply.peer_count, 1);
    CHECK(udp_announce_due(&t.u) == USEC_NEVER);
    CHECK(t.u.connection.until == SEC + UDP_CONNECTION_LIFE);
    CHECK_INT(sends(&t, 100 * SEC), -1);
    CHECK_INT(announced(&t, 100 * SEC), 0);
    udp_announce_fini(&t.u);
}

TEST(udp_announce_uses_a_connection_for_a_minute) {
    struct talk t;
    struct udp_connection known = {7, 100};
    start(&t, known, 0, 99);
    CHECK_INT(sends(&t, 99), UDP_ANNOUNCE);
    CHECK(get_u64(t.sent) == 7);
    start(&t, known, 0, 100);
    CHECK_INT(sends(&t, 100), UDP_CONNECT);
}

TEST(udp_announce_connects_anew_when_its_id_has_become_too_old) {
    struct talk t;
    start(&t, none, 9, 0);
    CHECK_INT(sends(&t, 0), UDP_CONNECT);
    CHECK_INT(connected(&t, 0), 0);
    CHECK_INT(sends(&t, 0), UDP_ANNOUNCE);
    CHECK_INT(sends(&t, 15 * SEC), UDP_ANNOUNCE);
    CHECK_INT(sends(&t, 45 * SEC), UDP_ANNOUNCE);
    CHECK_INT(sends(&t, 105 * SEC), UDP_CONNECT);
}

TEST(udp_announce_waits_twice_as_long_each_time) {
    struct talk t;
    usec now = 0;
    start(&t, none, UDP_ANNOUNCE_MAX_TRIES, 0);
    for (int n = 0; n <= 8; n++) {
        CHECK_INT(sends(&t, now), UDP_CONNECT);
        CHECK(udp_announce_due(&t.u) == now + (15 * SEC << n));
        CHECK_INT(sends(&t, udp_announce_due(&t.u) - 1), -1);
        now = udp_announce_due(&t.u);
    }
    CHECK_INT(sends(&t, now), ERR_TIMEOUT);
    CHECK_INT(t.u.state, UDP_STATE_FAILED);
    CHECK(udp_announce_due(&t.u) == USEC_NEVER);
    CHECK_INT(sends(&t, now), -1);
}

/* The number of packets that nobody answers to the end. */
static int count_sent(struct talk *t, bool connects) {
    int n = 0;
    for (usec now = 0; udp_announce_due(&t->u) != USEC_NEVER;
         now = udp_announce_due(&t->u)) {
        int action = sends(t, now);
        if (action < 0)
            return n;
        n++;
        if (action == UDP_CONNECT && connects)
            CHECK_INT(connected(t, now), 0);
    }
    return n;
}

TEST(udp_announce_gives_up_after_a_few) {
    struct talk t;
    start(&t, none, 0, 0);
    CHECK_INT(count_sent(&t, false), UDP_ANNOUNCE_TRIES);
    start(&t, none, 1, 0);
    CHECK_INT(count_sent(&t, false), 1);
    start(&t, none, 100, 0);
    CHECK_INT(count_sent(&t, false), UDP_ANNOUNCE_MAX_TRIES);
}

/* A tracker that connects but does not answer must not keep it busy for ever. */
TEST(udp_announce_gives_up_when_only_connects_are_answered) {
    struct talk t;
    start(&t, none, UDP_ANNOUNCE_MAX_TRIES, 0);
    CHECK(count_sent(&t, true) <= 2 * (int)UDP_ANNOUNCE_MAX_TRIES);
    CHECK_INT(t.u.state, UDP_STATE_FAILED);
}

TEST(udp_announce_takes_a_late_answer_to_an_earlier_packet) {
    struct talk t, first;
    start(&t, none, 0, 0);
    CHECK_INT(sends(&t, 0), UDP_CONNECT);
    first = t;
    CHECK_INT(sends(&t, 15 * SEC), UDP_CONNECT);
    CHECK_MEM(t.sent, first.sent, 16);
    CHECK_INT(connected(&t, 16 * SEC), 0);
    CHECK_INT(sends(&t, 16 * SEC), UDP_ANNOUNCE);
    CHECK(udp_announce_due(&t.u) == 31 * SEC);
}

TEST(udp_announce_ignores_what_is_no_answer) {
    struct talk t;
    start(&t, none, 0, 0);
    CHECK_INT(sends(&t, 0), UDP_CONNECT);
    CHECK_INT(udp_announce_on_packet(&t.u, t.sent, 0, 0), 0); /* zero-length */
    CHECK_INT(udp_announce_on_packet(&t.u, t.sent, 16, 0), 0);
    CHECK_INT(announced(&t, 0), 0);
    CHECK_INT(answer(&t, UDP_CONNECT, CONNECTED, 7, 0), 0);
    t.sent[15] ^= 1;
    CHECK_INT(connected(&t, 0), 0);
    CHECK_INT(answer(&t, UDP_ERROR, "x", 1, 0), 0);
    t.sent[15] ^= 1;
    CHECK_INT(t.u.state, UDP_STATE_CONNECTING);
    CHECK_INT(sends(&t, 1), -1);
    CHECK_INT(connected(&t, 0), 0);
    CHECK_INT(connected(&t, 0), 0); /* twice */
    CHECK_INT(t.u.state, UDP_STATE_ASKING);
    CHECK_INT(sends(&t, 0), UDP_ANNOUNCE);
    CHECK_INT(connected(&t, 0), 0);
    CHECK_INT(answer(&t, UDP_SCRAPE, ANNOUNCED, 12, 0), 0);
    CHECK_INT(answer(&t, UDP_ANNOUNCE, ANNOUNCED, 11, 0), 0);
    CHECK_INT(t.u.state, UDP_STATE_ASKING);
}

TEST(udp_announce_transactions_are_not_to_be_guessed) {
    uint32_t seen[16];
    for (int i = 0; i < 16; i++) {
        struct talk t;
        start(&t, none, 0, 0);
        CHECK_INT(sends(&t, 0), UDP_CONNECT);
        seen[i] = get_u32(t.sent + 12);
        for (int k = 0; k < i; k++)
            CHECK(seen[k] != seen[i]);
    }
}

TEST(udp_announce_refusal_is_an_answer) {
    struct talk t;
    start(&t, none, 0, 0);
    CHECK_INT(sends(&t, 0), UDP_CONNECT);
    CHECK_INT(connected(&t, 0), 0);
    CHECK_INT(sends(&t, 0), UDP_ANNOUNCE);
    CHECK_INT(answer(&t, UDP_ERROR, "go away", 7, 0), 1);
    CHECK_STR(t.u.reply.failure, "go away");
    CHECK(!t.u.connection.until);
}

TEST(udp_announce_connects_anew_when_a_kept_id_is_refused) {
    struct talk t;
    struct udp_connection known = {7, 100};
    start(&t, known, 0, 0);
    CHECK_INT(sends(&t, 0), UDP_ANNOUNCE);
    CHECK_INT(answer(&t, UDP_ERROR, "connection id", 13, 0), 0);
    CHECK_INT(sends(&t, 0), UDP_CONNECT);
    CHECK_INT(connected(&t, 0), 0);
    CHECK_INT(sends(&t, 0), UDP_ANNOUNCE);
    CHECK_INT(answer(&t, UDP_ERROR, "connection id", 13, 0), 1);
}

TEST(udp_scrape_asks_for_several) {
    static const uint8_t hashes[2][20] = {"aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"};
    struct talk t;
    CHECK_INT(udp_announce_init_scrape(&t.u, hashes, 2, 4, none, 0, 0), 0);
    CHECK_INT(sends(&t, 0), UDP_CONNECT);
    CHECK_INT(connected(&t, 0), 0);
    CHECK_INT(sends(&t, 0), UDP_SCRAPE);
    CHECK_INT(t.len, 56);
    CHECK_INT(answer(&t, UDP_SCRAPE, "\0\0\0\x01\0\0\0\x02\0\0\0\x03", 12, 0), 1);
    CHECK_INT(t.u.count, 2);
    CHECK_INT(t.u.counts[0].complete, 1);
    CHECK_INT(t.u.counts[1].complete, -1);
    udp_announce_fini(&t.u);
}

TEST(udp_announce_fails_in_order_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct talk t;
        start(&t, (struct udp_connection){7, 100}, 0, 0);
        CHECK_INT(sends(&t, 0), UDP_ANNOUNCE);
        int rc = announced(&t, 0);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 1);
        CHECK(udp_announce_due(&t.u) == USEC_NEVER);
        udp_announce_fini(&t.u);
    }
}
