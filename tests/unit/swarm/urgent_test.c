/* Which pieces are awaited, and who is fast enough to be asked for them. */
#include "swarm/urgent.h"

#include "base/err.h"
#include "codec/wire.h"
#include "support/check.h"

#define PIECES 40
#define MSEC USEC_PER_MSEC

static void add(struct urgent *u, uint32_t piece, usec due) {
    CHECK_INT(urgent_add(u, piece, due), 0);
}

TEST(urgent_pieces_are_kept_once_each_with_their_earliest_time) {
    struct urgent u;
    urgent_init(&u);
    add(&u, 7, 30), add(&u, 3, 20), add(&u, 7, 10), add(&u, 3, 25), add(&u, 5, 1);
    urgent_settle(&u);
    CHECK_INT(u.count, 3);
    CHECK_INT(urgent_find(&u, 3)->due, 20);
    CHECK_INT(urgent_find(&u, 5)->due, 1);
    CHECK_INT(urgent_find(&u, 7)->due, 10);
    CHECK(!urgent_find(&u, 4) && !urgent_find(&u, 0) && !urgent_find(&u, 8));
    urgent_limit(&u, 2);
    CHECK(urgent_find(&u, 5) && urgent_find(&u, 7) && !urgent_find(&u, 3));
    urgent_fini(&u);
}

TEST(urgent_pieces_cost_only_themselves_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct urgent u;
        int status = 0;
        uint32_t added = 0;
        urgent_init(&u);
        while (added < 100 && (status = urgent_add(&u, added, added)) == 0)
            added++;
        if (check_nomem_hit())
            CHECK_INT(status, ERR_NOMEM);
        CHECK_INT(u.count, added);
        urgent_settle(&u);
        CHECK_INT(u.count, added);
        urgent_fini(&u);
    }
}

/* A block of 16 KiB at 163,840 bytes a second takes a tenth of one. */
#define RATE (WIRE_BLOCK * 10)

TEST(urgent_eta_is_what_is_outstanding_at_its_rate_and_the_path) {
    static const struct {
        struct urgent_speed speed;
        usec eta;
    } rows[] = {
        {{RATE, 20 * MSEC, 0, 0, 0}, 120 * MSEC},
        {{RATE, 20 * MSEC, 0, 0, 4}, 520 * MSEC},
        {{RATE, 20 * MSEC, 0, 900 * MSEC, 4}, 900 * MSEC}, /* it has been silent longer */
        {{0, 0, 0, 0, 0}, URGENT_GUESS},
        {{0, 0, 0, 0, 3}, 4 * URGENT_GUESS},
        {{RATE, 0, 0, 0, 0}, URGENT_GUESS}, /* a rate without a delay proves nothing */
        {{0, 0, 0, 5000 * MSEC, 1}, 5000 * MSEC},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_INT(urgent_eta(&rows[i].speed), rows[i].eta);
}

TEST(urgent_eta_of_hopeless_peers_does_not_overflow) {
    struct urgent_speed speed = {1, 1, 0, 0, UINT32_MAX};
    CHECK(urgent_eta(&speed) > 0);
    CHECK(urgent_patience(&speed) > urgent_eta(&speed));
    CHECK(urgent_patience(&speed) < USEC_NEVER / 2);
}

TEST(urgent_patience_is_longer_than_the_eta_and_grows_with_its_wavering) {
    struct urgent_speed calm = {RATE, 20 * MSEC, 0, 0, 0};
    struct urgent_speed wild = {RATE, 20 * MSEC, 200 * MSEC, 0, 0};
    CHECK_INT(urgent_patience(&calm), 180 * MSEC + URGENT_MARGIN);
    CHECK_INT(urgent_patience(&wild), 280 * MSEC + URGENT_MARGIN);
}

/* ---- pace -------------------------------------------------------------------------------- */

struct swarm {
    struct urgent u;
    struct bitset all, none;
    struct urgent_peer peer[8];
    uint32_t n;
};

static void swarm_open(struct swarm *s) {
    *s = (struct swarm){.n = 0};
    CHECK_INT(bitset_init(&s->all, PIECES), 0);
    CHECK_INT(bitset_init(&s->none, PIECES), 0);
    bitset_fill(&s->all);
    urgent_init(&s->u);
    add(&s->u, 4, 0);
    urgent_settle(&s->u);
}

static void swarm_close(struct swarm *s) {
    bitset_fini(&s->all), bitset_fini(&s->none);
    urgent_fini(&s->u);
}

static void join(struct swarm *s, const struct bitset *has, usec eta, uint64_t rate) {
    s->peer[s->n++] = (struct urgent_peer){has, eta, rate};
}

static usec pace(struct swarm *s) {
    urgent_set_pace(&s->u, s->peer, s->n, 4 * WIRE_BLOCK);
    return urgent_find(&s->u, 4)->pace;
}

TEST(urgent_pace_excludes_nobody_where_there_is_no_choice) {
    struct swarm s;
    swarm_open(&s);
    CHECK_INT(pace(&s), USEC_NEVER);
    join(&s, &s.all, 9000 * MSEC, 10);
    CHECK_INT(pace(&s), USEC_NEVER);
    join(&s, &s.none, MSEC, 1u << 20); /* has it not */
    CHECK_INT(pace(&s), USEC_NEVER);
    CHECK(urgent_suits(urgent_find(&s.u, 4), 9000 * MSEC, 5));
    swarm_close(&s);
}

TEST(urgent_pace_is_that_of_the_good_ones_together) {
    struct swarm s;
    swarm_open(&s);
    join(&s, &s.all, 100 * MSEC, 2 * RATE); /* the piece alone: 200 ms */
    join(&s, &s.all, 900 * MSEC, RATE / 10);
    usec p = pace(&s);
    CHECK(p >= 200 * MSEC && p < 400 * MSEC);
    CHECK(urgent_suits(urgent_find(&s.u, 4), 100 * MSEC, 0));
    CHECK(!urgent_suits(urgent_find(&s.u, 4), 900 * MSEC, 0));
    swarm_close(&s);
}

TEST(urgent_pace_does_not_exclude_equals_however_slow) {
    struct swarm s;
    swarm_open(&s);
    for (int i = 0; i < 8; i++)
        join(&s, &s.all, (1000 + i * 100) * MSEC, RATE / 10);
    CHECK(pace(&s) >= 1700 * MSEC);
    swarm_close(&s);
}

TEST(urgent_pieces_that_are_due_later_take_slower_peers) {
    struct swarm s;
    swarm_open(&s);
    add(&s.u, 5, 2000 * MSEC);
    urgent_settle(&s.u);
    join(&s, &s.all, 10 * MSEC, 100 * RATE);
    join(&s, &s.all, 1000 * MSEC, RATE / 10);
    (void)pace(&s);
    CHECK(!urgent_suits(urgent_find(&s.u, 4), 1000 * MSEC, 0));
    CHECK(urgent_suits(urgent_find(&s.u, 5), 1000 * MSEC, 0));
    CHECK(!urgent_suits(urgent_find(&s.u, 5), 1000 * MSEC, 1900 * MSEC)); /* no more */
    swarm_close(&s);
}

TEST(urgent_newcomers_get_little_until_they_have_proven_themselves) {
    struct swarm s;
    swarm_open(&s);
    for (uint32_t i = 0; i < 4; i++)
        join(&s, &s.all, URGENT_GUESS, 0);
    struct urgent_speed third = {0, 0, 0, 0, 2};
    (void)pace(&s);
    CHECK(urgent_suits(urgent_find(&s.u, 4), URGENT_GUESS, 0));
    CHECK(!urgent_suits(urgent_find(&s.u, 4), urgent_eta(&third), 0));
    join(&s, &s.all, 5 * MSEC, 1000 * RATE); /* now there is one who has */
    (void)pace(&s);
    CHECK(!urgent_suits(urgent_find(&s.u, 4), URGENT_GUESS, 0));
    swarm_close(&s);
}

TEST(urgent_pace_is_kept_for_the_earliest_alone) {
    struct swarm s;
    swarm_open(&s);
    for (uint32_t i = 5; i < PIECES; i++)
        add(&s.u, i, (usec)i * 1000);
    urgent_settle(&s.u);
    join(&s, &s.all, 10 * MSEC, RATE), join(&s, &s.all, 10 * MSEC, RATE);
    CHECK(pace(&s) != USEC_NEVER);
    uint32_t paced = 0;
    for (uint32_t i = 0; i < s.u.count; i++)
        paced += s.u.of[i].pace != USEC_NEVER;
    CHECK_INT(paced, URGENT_PACED);
    CHECK_INT(urgent_find(&s.u, PIECES - 1)->pace, USEC_NEVER);
    swarm_close(&s);
}

TEST(urgent_patience_with_newcomers_is_short) {
    struct urgent_speed speed = {0, 0, 0, 0, 0};
    CHECK_INT(urgent_patience(&speed), 75 * MSEC + URGENT_MARGIN);
    speed.outstanding = 20;
    CHECK_INT(urgent_patience(&speed), URGENT_TRUST);
}

TEST(urgent_eta_of_an_idle_peer_knows_no_queue) {
    struct urgent_speed queued = {RATE, 20 * MSEC, 0, 0, 9}, idle = queued;
    idle.outstanding = 0;
    CHECK_INT(urgent_eta_idle(&queued), urgent_eta(&idle));
    CHECK(urgent_eta(&queued) > urgent_eta(&idle));
    queued.silent = 5000 * MSEC;
    CHECK_INT(urgent_eta_idle(&queued), 5000 * MSEC);
}

/* RATE is a block in a tenth of a second. */
TEST(urgent_peers_are_busy_while_what_they_were_asked_outlasts_the_way) {
    static const struct {
        struct urgent_speed speed;
        bool busy;
    } rows[] = {
        {{0, 0, 0, 0, 1}, false},
        {{0, 0, 0, 0, 2}, true},
        {{RATE, MSEC, 0, 0, 1}, false},
        {{RATE, 200 * MSEC, 0, 0, 2}, true},
        {{RATE, 300 * MSEC, 0, 0, 2}, false},
        {{RATE, 300 * MSEC, 0, 0, 3}, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK(urgent_is_busy(&rows[i].speed) == rows[i].busy);
}

TEST(urgent_depth_is_what_the_path_holds_and_little_more) {
    struct urgent_speed unknown = {0, 0, 0, 0, 9},
                        slow = {RATE / 100, 10 * MSEC, 0, 0, 0},
                        fast = {RATE * 100, 50 * MSEC, 0, 0, 0};
    CHECK_INT(urgent_depth(&unknown), UINT32_MAX);
    CHECK_INT(urgent_depth(&slow), 4);
    CHECK_INT(urgent_depth(&fast), 124); /* 0.12 s, and four */
    fast.rate = UINT64_MAX;
    CHECK_INT(urgent_depth(&fast), 1000004);
}
