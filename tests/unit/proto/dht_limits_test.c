/* dht_limits, dht_tokens, dht_vote: what keeps strangers in bounds. */
#include "proto/dht_limits.h"

#include "proto/dht_tokens.h"
#include "proto/dht_vote.h"
#include "support/check.h"

#define SEC USEC_PER_SEC

static struct addr address(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, 6881), 0);
    return a;
}

static void limits_init(struct dht_limits *l) {
    CHECK_INT(dht_limits_init(l, 42, DHT_UPLOAD_RATE, 0), 0);
}

/* -- packets per address --------------------------------------------------------------- */

TEST(dht_limits_silence_whoever_sends_more_than_five_packets_a_second) {
    struct dht_limits l;
    struct addr a = address("1.2.3.4:1"), other = address("1.2.3.5:1");
    limits_init(&l);
    usec now = 100 * SEC;
    for (unsigned i = 0; i < DHT_BURST; i++)
        CHECK(dht_limits_admit(&l, &a, now));
    CHECK(!dht_limits_is_silenced(&l, &a, now));
    CHECK(!dht_limits_admit(&l, &a, now));
    CHECK(dht_limits_is_silenced(&l, &a, now));
    CHECK(dht_limits_admit(&l, &other, now));
    CHECK(!dht_limits_admit(&l, &a, now + DHT_SILENCE - 1));
    CHECK(!dht_limits_is_silenced(&l, &a, now + DHT_SILENCE));
    CHECK(dht_limits_admit(&l, &a, now + DHT_SILENCE));
    dht_limits_fini(&l);
}

TEST(dht_limits_admit_five_packets_a_second_for_ever) {
    struct dht_limits l;
    struct addr a = address("1.2.3.4:1");
    limits_init(&l);
    for (int i = 0; i < 5000; i++)
        CHECK(dht_limits_admit(&l, &a, i * SEC / 5));
    dht_limits_fini(&l);
}

/* How many packets of the pair of addresses, taken in turns, are admitted at once. */
static int admitted(const char *one, const char *two) {
    struct dht_limits l;
    struct addr a = address(one), b = address(two);
    int n = 0;
    limits_init(&l);
    for (unsigned i = 0; i < 2 * DHT_BURST; i++)
        n += dht_limits_admit(&l, i % 2 ? &a : &b, SEC);
    dht_limits_fini(&l);
    return n;
}

TEST(dht_limits_count_a_host_not_its_ports) {
    CHECK_INT(admitted("1.2.3.4:1", "1.2.3.4:2"), DHT_BURST);
    CHECK_INT(admitted("1.2.3.4:1", "1.2.3.5:1"), 2 * DHT_BURST);
    CHECK_INT(admitted("[2001:db8::1]:1", "[2001:db8::2]:1"), DHT_BURST);
    CHECK_INT(admitted("[2001:db8::1]:1", "[2001:db8:0:1::1]:1"), 2 * DHT_BURST);
    CHECK_INT(admitted("127.0.0.1:1", "127.0.0.1:2"), 2 * DHT_BURST);
}

/* The table has a fixed size: a flood of addresses displaces meters, but mostly old ones. */
TEST(dht_limits_survive_any_number_of_addresses) {
    struct dht_limits l;
    struct addr a = address("1.2.3.4:1");
    limits_init(&l);
    for (unsigned i = 0; i <= DHT_BURST; i++)
        (void)dht_limits_admit(&l, &a, SEC);
    for (uint32_t i = 0; i < 100000; i++) {
        struct addr many = address("20.0.0.1:1");
        many.ip[1] = (uint8_t)(i >> 16), many.ip[2] = (uint8_t)(i >> 8);
        many.ip[3] = (uint8_t)i;
        (void)dht_limits_admit(&l, &many, SEC + i);
    }
    CHECK(dht_limits_is_silenced(&l, &a, 2 * SEC));
    dht_limits_fini(&l);
}

/* -- bytes ----------------------------------------------------------------------------- */

TEST(dht_limits_keep_half_of_the_upload_for_our_own_questions) {
    struct dht_limits l;
    size_t answers = 0, questions = 0;
    limits_init(&l);
    for (; dht_limits_may_answer(&l, SEC); answers++)
        dht_limits_note_sent(&l, 100);
    for (; dht_limits_may_ask(&l, SEC); questions++)
        dht_limits_note_sent(&l, 100);
    CHECK(answers > 100 && questions > 100);
    CHECK((answers + questions - 1) * (100 + DHT_OVERHEAD) <= 32768);
    CHECK(dht_limits_when(&l, SEC) > SEC);
    CHECK(dht_limits_may_ask(&l, 2 * SEC));
    CHECK(!dht_limits_may_answer(&l, 2 * SEC));
    dht_limits_fini(&l);
}

TEST(dht_limits_say_when_there_is_no_memory) {
    CHECK_EACH_NOMEM(n) {
        struct dht_limits l;
        int rc = dht_limits_init(&l, 1, 1, 0);
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 0);
        dht_limits_fini(&l);
    }
}

/* -- martians -------------------------------------------------------------------------- */

TEST(dht_limits_refuse_martians) {
    static const struct {
        const char *addr;
        bool ok, from_world, from_local;
    } rows[] = {
        {"1.2.3.4:1", true, true, true},
        {"[2001:db8::1]:1", true, true, true},
        {"0.0.0.0:1", false, false, false},
        {"0.1.2.3:1", false, false, false},
        {"224.0.0.1:1", false, false, false},
        {"255.255.255.255:1", false, false, false},
        {"[::]:1", false, false, false},
        {"[ff02::1]:1", false, false, false},
        {"127.0.0.1:1", true, false, true},
        {"10.0.0.1:1", true, false, true},
        {"192.168.0.1:1", true, false, true},
        {"[::1]:1", true, false, true},
        {"[::ffff:10.0.0.1]:1", true, false, true},
    };
    struct addr world = address("5.6.7.8:1"), local = address("127.0.0.1:9");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct addr a = address(rows[i].addr);
        CHECK_INT(addr_usable(&a), rows[i].ok);
        CHECK_INT(dht_addr_told_ok(&a, &world), rows[i].from_world);
        CHECK_INT(dht_addr_told_ok(&a, &local), rows[i].from_local);
        a.port = 0;
        CHECK(!addr_usable(&a) && !dht_addr_told_ok(&a, &local));
    }
}

/* -- tokens ---------------------------------------------------------------------------- */

static const uint8_t secret[32] = "a secret", hash[KRPC_ID] = "one",
                     hash2[KRPC_ID] = "two";

TEST(dht_tokens_hold_for_one_address_and_one_hash) {
    struct dht_tokens t, stranger;
    struct addr a = address("1.2.3.4:1"), port = address("1.2.3.4:2"),
                b = address("1.2.3.5:1");
    uint8_t token[DHT_TOKEN];
    struct span s = {token, sizeof token}, shorter = {token, sizeof token - 1};
    dht_tokens_init(&t, secret);
    dht_tokens_init(&stranger, (const uint8_t *)"another secret of some 32 bytes..");
    CHECK_INT(dht_tokens_make(&t, &a, hash, SEC, token), 0);
    CHECK(dht_tokens_check(&t, &a, hash, SEC, s));
    CHECK(dht_tokens_check(&t, &port, hash, SEC, s));
    CHECK(!dht_tokens_check(&t, &b, hash, SEC, s));
    CHECK(!dht_tokens_check(&t, &a, hash2, SEC, s));
    CHECK(!dht_tokens_check(&t, &a, hash, SEC, shorter));
    CHECK(!dht_tokens_check(&stranger, &a, hash, SEC, s));
    token[0] ^= 1;
    CHECK(!dht_tokens_check(&t, &a, hash, SEC, s));
}

TEST(dht_tokens_rotate_and_live_for_five_to_ten_minutes) {
    struct dht_tokens t;
    struct addr a = address("1.2.3.4:1");
    uint8_t token[DHT_TOKEN], later[DHT_TOKEN];
    struct span s = {token, sizeof token};
    dht_tokens_init(&t, secret);
    for (usec made = 1000 * SEC; made < 1300 * SEC; made += 7 * SEC) {
        CHECK_INT(dht_tokens_make(&t, &a, hash, made, token), 0);
        CHECK(dht_tokens_check(&t, &a, hash, made + DHT_TOKEN_TURN, s));
        CHECK(!dht_tokens_check(&t, &a, hash, made + 2 * DHT_TOKEN_TURN, s));
        CHECK_INT(dht_tokens_make(&t, &a, hash, made + DHT_TOKEN_TURN, later), 0);
        CHECK(memcmp(token, later, sizeof token) != 0);
    }
}

TEST(dht_tokens_draw_what_differs) {
    struct dht_tokens t;
    int first, differ = 0;
    dht_tokens_init(&t, secret);
    first = dht_tokens_draw(&t);
    for (int i = 0; i < 100; i++) {
        int next = dht_tokens_draw(&t);
        CHECK(next >= 0 && next <= 65535);
        differ += next != first;
    }
    CHECK(differ > 90);
}

/* -- votes ----------------------------------------------------------------------------- */

static struct addr voter(uint8_t i) {
    struct addr a = address("20.0.0.1:1");
    a.ip[1] = i;
    return a;
}

TEST(dht_vote_is_decided_by_a_majority) {
    struct dht_vote v = {0};
    struct addr mine = address("9.9.9.9:1"), lie = address("8.8.8.8:1");
    for (uint8_t i = 0; i < 7; i++) {
        struct addr honest = voter(i), liar = voter((uint8_t)(100 + i));
        CHECK(!dht_vote_cast(&v, &liar, &lie));
        CHECK(!dht_vote_cast(&v, &honest, &mine));
    }
    struct addr last = voter(50);
    CHECK(dht_vote_cast(&v, &last, &mine));
    CHECK(addr_same_ip(&v.winner, &mine));
    CHECK_INT(v.winner.port, 0);
    CHECK(!dht_vote_cast(&v, &last, &mine));
}

TEST(dht_vote_gives_a_host_one_vote) {
    struct dht_vote v = {0};
    struct addr lie = address("8.8.8.8:1"), liar = voter(1);
    for (uint16_t i = 1; i < 100; i++) {
        liar.port = i;
        CHECK(!dht_vote_cast(&v, &liar, &lie));
    }
    CHECK_INT(v.winner.family, 0);
}

TEST(dht_vote_follows_a_new_address) {
    struct dht_vote v = {0};
    struct addr old = address("9.9.9.9:1"), new = address("7.7.7.7:1");
    int changes = 0;
    for (uint8_t i = 0; i < 200; i++) {
        struct addr a = voter(i);
        changes += dht_vote_cast(&v, &a, i < 100 ? &old : &new);
        if (i == 99)
            CHECK(addr_same_ip(&v.winner, &old));
    }
    CHECK_INT(changes, 2);
    CHECK(addr_same_ip(&v.winner, &new));
}

TEST(dht_vote_counts_no_local_address_and_no_other_family) {
    static const char *const candidates[] = {"10.0.0.1:1", "127.0.0.1:1", "0.0.0.0:1",
                                             "[2001:db8::1]:1"};
    struct dht_vote v = {0};
    for (size_t c = 0; c < COUNT_OF(candidates); c++) {
        struct addr candidate = address(candidates[c]);
        for (uint8_t i = 0; i < 50; i++) {
            struct addr a = voter(i);
            CHECK(!dht_vote_cast(&v, &a, &candidate));
        }
    }
}
