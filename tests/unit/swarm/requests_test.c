/* requests: the ring, then the depth on links that exist only as arithmetic. */
#include "swarm/requests.h"

#include "base/err.h"
#include "support/check.h"

#define MS(n) ((n)*USEC_PER_MSEC)
#define SEC(n) ((n)*USEC_PER_SEC)
#define MB 1000000u
#define KB 1000u

static struct request nth(uint32_t i) {
    return (struct request){.piece = i / 4,
                            .begin = i % 4 * WIRE_BLOCK,
                            .length = WIRE_BLOCK,
                            .block = i % 4};
}

static struct requests queue_of(uint32_t n) {
    struct requests r;
    requests_init(&r);
    for (uint32_t i = 0; i < n; i++) {
        struct request q = nth(i);
        CHECK_INT(requests_push(&r, &q), 0);
    }
    return r;
}

static bool is_nth(const struct request *q, uint32_t i) {
    struct request want = nth(i);
    return q && q->piece == want.piece && q->begin == want.begin;
}

TEST(requests_keep_the_order_they_were_asked_in) {
    struct requests r = queue_of(100);
    for (uint32_t i = 0; i < 100; i++)
        CHECK(is_nth(requests_at(&r, i), i));
    CHECK(!requests_at(&r, 100));
    requests_fini(&r);
}

TEST(requests_ring_wraps_and_grows) {
    struct requests r = queue_of(10);
    uint32_t next_in = 10, next_out = 0;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 5; i++) {
            struct request q = nth(next_in++);
            CHECK_INT(requests_push(&r, &q), 0);
        }
        for (int i = 0; i < 4; i++) {
            struct request q;
            requests_remove(&r, 0, &q);
            CHECK(is_nth(&q, next_out++));
        }
    }
    CHECK_INT(r.count, next_in - next_out);
    CHECK_INT(r.live, r.count);
    requests_fini(&r);
}

TEST(requests_find_exactly_the_block) {
    static const struct {
        uint32_t piece, begin, length;
        int64_t want;
    } cases[] = {
        {0, 0, WIRE_BLOCK, 0},
        {0, WIRE_BLOCK, WIRE_BLOCK, 1},
        {2, WIRE_BLOCK, WIRE_BLOCK, 9},
        {2, 3 * WIRE_BLOCK, WIRE_BLOCK, -1} /* not asked */,
        {9, 0, WIRE_BLOCK, -1},
        {0, 0, WIRE_BLOCK - 1, -1},
        {0, 1, WIRE_BLOCK, -1},
    };
    struct requests r = queue_of(10);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        CHECK_INT(requests_find(&r, cases[i].piece, cases[i].begin, cases[i].length),
                  cases[i].want);
    requests_fini(&r);
}

TEST(requests_find_nothing_in_an_empty_queue) {
    struct requests r = queue_of(0);
    CHECK_INT(requests_find(&r, 0, 0, WIRE_BLOCK), -1);
    CHECK(!requests_at(&r, 0));
    requests_fini(&r);
}

TEST(requests_remove_anywhere_keeps_the_others_in_order) {
    for (uint32_t gone = 0; gone < 10; gone++) {
        struct requests r = queue_of(10);
        struct request q;
        requests_remove(&r, gone, &q);
        CHECK(is_nth(&q, gone));
        CHECK_INT(r.count, 9);
        for (uint32_t i = 0; i < 9; i++)
            CHECK(is_nth(requests_at(&r, i), i + (i >= gone)));
        requests_fini(&r);
    }
}

TEST(requests_live_leaves_out_the_cancelled) {
    struct requests r = queue_of(4);
    requests_note_cancelled(&r, 1);
    requests_note_cancelled(&r, 1);
    CHECK_INT(r.live, 3);
    CHECK(requests_at(&r, 1)->cancelled);
    requests_remove(&r, 1, NULL);
    CHECK_INT(r.live, 3);
    requests_remove(&r, 0, NULL);
    CHECK_INT(r.live, 2);
    requests_clear(&r);
    CHECK_INT(r.live, 0);
    CHECK_INT(r.count, 0);
    requests_fini(&r);
}

TEST(requests_stay_whole_when_memory_runs_out) {
    CHECK_EACH_NOMEM(n) {
        struct requests r;
        uint32_t pushed = 0;
        int err = 0;
        requests_init(&r);
        check_nomem_at(n);
        for (; pushed < 100 && !err; pushed += !err) {
            struct request q = nth(pushed);
            err = requests_push(&r, &q);
        }
        CHECK_INT(err, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(r.count, pushed);
        CHECK_INT(r.live, pushed);
        for (uint32_t i = 0; i < pushed; i++)
            CHECK(is_nth(requests_at(&r, i), i));
        requests_fini(&r);
    }
}

/* ---- snubbing ---- */

static void ask(struct requests *r, usec now) {
    struct request q = nth(0);
    q.asked_at = now;
    CHECK_INT(requests_push(r, &q), 0);
}

static void answer(struct requests *r, usec now) {
    struct request q;
    requests_remove(r, 0, &q);
    requests_note_block(r, &q, now);
}

TEST(requests_silence_snubs) {
    struct requests r = queue_of(0);
    ask(&r, SEC(100));
    CHECK_INT(requests_snub_due(&r), SEC(130));
    CHECK(!requests_check_snub(&r, SEC(130) - 1));
    CHECK(requests_check_snub(&r, SEC(130)));
    CHECK(r.snubbed);
    CHECK(!requests_check_snub(&r, SEC(131))); /* it does not become so again */
    CHECK(requests_snub_due(&r) == USEC_NEVER);
    requests_fini(&r);
}

TEST(requests_silence_counts_from_the_last_block) {
    struct requests r = queue_of(0);
    ask(&r, SEC(100));
    ask(&r, SEC(100));
    answer(&r, SEC(120));
    CHECK_INT(requests_snub_due(&r), SEC(150));
    CHECK(!requests_check_snub(&r, SEC(149)));
    CHECK(requests_check_snub(&r, SEC(150)));
    requests_fini(&r);
}

TEST(requests_silence_counts_from_the_first_question) {
    struct requests r = queue_of(0);
    ask(&r, SEC(100));
    answer(&r, SEC(101));
    CHECK(requests_snub_due(&r) == USEC_NEVER); /* nothing is asked */
    CHECK(!requests_check_snub(&r, SEC(500)));
    ask(&r, SEC(500));
    ask(&r, SEC(510));
    CHECK_INT(requests_snub_due(&r), SEC(530));
    requests_fini(&r);
}

TEST(requests_nobody_is_snubbed_for_what_was_cancelled) {
    struct requests r = queue_of(0);
    ask(&r, SEC(100));
    requests_note_cancelled(&r, 0);
    CHECK(requests_snub_due(&r) == USEC_NEVER);
    CHECK(!requests_check_snub(&r, SEC(500)));
    requests_fini(&r);
}

TEST(requests_a_block_ends_the_snub) {
    struct requests r = queue_of(0);
    ask(&r, SEC(100));
    ask(&r, SEC(100));
    CHECK(requests_check_snub(&r, SEC(130)));
    CHECK_INT(requests_depth(&r, MB, 0, 1000, SEC(130)), 1);
    answer(&r, SEC(140));
    CHECK(!r.snubbed);
    CHECK_INT(requests_depth(&r, 0, 0, 1000, SEC(140)), REQUESTS_START_DEPTH);
    CHECK_INT(r.rtt_min, 0); /* the silence is no delay of the path */
    requests_fini(&r);
}

/* ---- depth ---- */

TEST(requests_depth_stays_in_its_bounds) {
    static const struct {
        uint64_t rate;
        uint32_t reqq, cap;
        bool slow_start, snubbed;
        uint32_t want;
    } cases[] = {
        {0, 0, 1000, true, false, REQUESTS_START_DEPTH},
        {0, 0, 1000, false, false, 2},
        {0, 0, 1000, false, true, 1},
        {1000 * MB, 0, 100000, false, false, REQUESTS_DEFAULT_REQQ},
        {1000 * MB, 2000, 100000, false, false, 2000},
        {1000 * MB, 2000, 77, false, false, 77},
        {1000 * MB, 1, 77, false, false, 1},
        {1000 * MB, 2000, 1, false, false, 1},
        {1000 * MB, 2000, 0, false, false, 0}, /* the memory is spent */
        {1000 * MB, 2000, 0, false, true, 0},
        {0, 3, 1000, true, false, 3},
        {UINT64_MAX, UINT32_MAX, UINT32_MAX, false, false,
         16777216}, /* 2^40 B/s, 250 ms */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct requests r = queue_of(0);
        r.slow_start = cases[i].slow_start;
        r.snubbed = cases[i].snubbed;
        CHECK_INT(requests_depth(&r, cases[i].rate, cases[i].reqq, cases[i].cap, SEC(1)),
                  cases[i].want);
        requests_fini(&r);
    }
}

/* After slow start: rate x window, for a base delay and a deviation. */
TEST(requests_depth_is_rate_times_window) {
    static const struct {
        usec rtt_min, rtt_dev;
        uint64_t rate;
        uint32_t want;
    } cases[] = {
        {MS(1), 0, 10 * MB, 153},        /* 250 ms, the least */
        {MS(100), 0, MB, 16},            /* still 250 ms */
        {MS(200), 0, 10 * MB, 245},      /* 400 ms */
        {MS(200), MS(25), 10 * MB, 306}, /* 500 ms */
        {MS(200), SEC(5), 10 * MB,
         489}, /* 800 ms: the deviation asks for no more than that */
        {MS(1), SEC(5), 10 * MB, 154}, /* 252 ms */
        {SEC(4), 0, MB, 489},          /* 8 s */
        {SEC(9), SEC(9), MB, 611},     /* 10 s, the most */
        {INT64_MAX / 4, 0, MB, 611},
        {MS(178) / 2, 0, 100 * MB, 1526}, /* selection.md: needs 1,087 at 178 ms */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct requests r = queue_of(0);
        r.slow_start = false;
        r.rtt_min = cases[i].rtt_min, r.rtt_dev = cases[i].rtt_dev;
        CHECK_INT(requests_depth(&r, cases[i].rate, 5000, 5000, SEC(1)), cases[i].want);
        requests_fini(&r);
    }
}

TEST(requests_slow_start_adds_one_per_block) {
    struct requests r = queue_of(0);
    for (uint32_t i = 0; i < 50; i++) {
        CHECK_INT(requests_depth(&r, 0, 0, 1000, SEC(1)), REQUESTS_START_DEPTH + i);
        ask(&r, SEC(1) + MS(i));
        answer(&r, SEC(1) + MS(i + 1));
    }
    requests_fini(&r);
}

/* Blocks per second, one number a second; does slow start survive the last of them? */
TEST(requests_slow_start_ends_with_the_growth) {
    static const struct {
        uint32_t blocks[4];
        bool want;
    } cases[] = {
        {{10, 10}, false},        {{10, 12}, true}, /* 32 KiB/s more */
        {{10, 20, 40, 80}, true}, {{10, 20, 40, 40}, false},
        {{20, 10}, false},        {{10}, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct requests r = queue_of(0);
        usec now = SEC(1);
        ask(&r, now);
        ask(&r, now); /* there is always one outstanding */
        answer(&r, now + MS(1));
        now += MS(1);
        for (int second = 0; second < 4 && cases[i].blocks[second]; second++)
            for (uint32_t k = 0, n = cases[i].blocks[second]; k < n; k++) {
                requests_at(&r, 0)->asked_at = now + SEC(k + 1) / n - MS(1);
                ask(&r, now);
                answer(&r, now + SEC(k + 1) / n);
                if (k == n - 1)
                    now += SEC(1);
            }
        if (r.slow_start != cases[i].want)
            check_fail(__FILE__, __LINE__, "case %zu", i);
        requests_fini(&r);
    }
}

/* Asks for and gets 50 blocks a second, one or two outstanding, for two seconds. */
static usec trickle(struct requests *r, usec now, uint64_t least_rate) {
    ask(r, now);
    for (int i = 0; i < 100; i++) {
        ask(r, now);
        now += MS(20);
        answer(r, now);
        CHECK(r->last_rate >= least_rate);
    }
    answer(r, now);
    return now;
}

/* Before a whole second has been counted: all that came, in the time since it was asked. */
TEST(requests_know_a_rate_before_their_first_second_is_over) {
    struct requests r = queue_of(0);
    CHECK_INT(requests_rate(&r, SEC(1)), 0);
    ask(&r, SEC(1)), ask(&r, SEC(1)), ask(&r, SEC(1));
    CHECK_INT(requests_rate(&r, SEC(1) + 1000), 0);
    answer(&r, SEC(1) + SEC(1) / 10);
    CHECK_INT(requests_rate(&r, SEC(1) + SEC(1) / 10), 10 * WIRE_BLOCK);
    answer(&r, SEC(1) + SEC(1) / 5);
    CHECK_INT(requests_rate(&r, SEC(1) + SEC(1) / 5), 10 * WIRE_BLOCK);
    CHECK_INT(requests_rate(&r, SEC(1) + SEC(1) / 2), 4 * WIRE_BLOCK);
    requests_fini(&r);
    usec now = trickle(&r, SEC(1), 0);
    CHECK_INT(requests_rate(&r, now), r.last_rate);
    requests_fini(&r);
}

/* A peer that we did not ask anything for a while was not slow meanwhile. */
TEST(requests_idle_time_is_not_counted) {
    struct requests r = queue_of(0);
    usec now = trickle(&r, SEC(1), 0);
    CHECK_INT(r.last_rate, 50 * WIRE_BLOCK);
    trickle(&r, now + SEC(600), 50 * WIRE_BLOCK);
    requests_fini(&r);
}

/* ---- links ---- */

/* A peer behind a path: requests travel `one_way`, wait in a queue, are served at `rate` and
 * travel back. Everything is in order, so an answer's arrival is known when it is asked. */
struct link_model {
    usec one_way;
    double rate;
    uint32_t reqq;
    double peer_free; /* when the peer will have served what it was asked */
    struct requests requests;
    struct meter meter;
    uint64_t received;
    uint32_t deepest;
    usec now, arrives[1 << 16]; /* ring: when the answer to the i-th request comes */
    uint32_t asked, answered;
};

static struct link_model *link_new(usec one_way, double rate, uint32_t reqq) {
    struct link_model *l = calloc(1, sizeof *l);
    CHECK(l);
    l->one_way = one_way, l->rate = rate, l->reqq = reqq, l->now = SEC(1);
    requests_init(&l->requests);
    return l;
}

static void link_free(struct link_model *l) {
    requests_fini(&l->requests);
    free(l);
}

static void link_ask(struct link_model *l) {
    uint64_t metered = meter_rate(&l->meter, l->now);
    uint32_t depth = requests_depth(&l->requests, metered, l->reqq, 60000, l->now);
    while (l->requests.count < depth) {
        double there = (double)(l->now + l->one_way);
        l->peer_free = MAX(there, l->peer_free) + WIRE_BLOCK * 1e6 / l->rate;
        ask(&l->requests, l->now);
        l->arrives[l->asked++ % COUNT_OF(l->arrives)] = (usec)l->peer_free + l->one_way;
    }
    l->deepest = MAX(l->deepest, l->requests.count);
}

/* Runs to the moment; returns the bytes that came. */
static uint64_t link_run(struct link_model *l, usec until) {
    uint64_t before = l->received;
    link_ask(l);
    for (usec at; (at = l->arrives[l->answered % COUNT_OF(l->arrives)]) <= until;) {
        l->now = at;
        l->answered++;
        l->received += WIRE_BLOCK;
        meter_note(&l->meter, l->now, WIRE_BLOCK);
        answer(&l->requests, l->now);
        link_ask(l);
    }
    l->now = until;
    return l->received - before;
}

/* Of what the link could have carried from here to there, the share that it did. */
static double link_use(struct link_model *l, usec until) {
    usec from = l->now;
    return (double)link_run(l, until) / (l->rate * (double)(until - from) / 1e6);
}

TEST(requests_fill_the_pipe) {
    static const struct {
        usec one_way;
        double rate;
        uint32_t reqq;
        usec ramp; /* full speed after that */
    } cases[] = {
        {MS(1) / 2, 10e6, 500, MS(300)}, {MS(50), 1e6, 500, SEC(1)},
        {MS(50), 100e6, 2000, SEC(2)},   {MS(150), 5e6, 500, SEC(3)},
        {MS(89), 100e6, 2000, SEC(2)},   {MS(1) / 20, 1000e6, 2000, MS(300)},
        {MS(250), 50e3, 0, SEC(3)},      {MS(500), 20e6, 5000, SEC(10)},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct link_model *l = link_new(cases[i].one_way, cases[i].rate, cases[i].reqq);
        link_run(l, l->now + cases[i].ramp);
        double soon = link_use(l, l->now + SEC(2)), later = link_use(l, l->now + SEC(6));
        if (soon < 0.9 || later < 0.9)
            check_fail(__FILE__, __LINE__, "link %zu: %.2f, then %.2f of its rate", i,
                       soon, later);
        link_free(l);
    }
}

/* The own queue must not pass for delay: the depth stays put for minutes. */
TEST(requests_depth_does_not_feed_on_itself) {
    static const struct {
        usec one_way;
        double rate;
    } cases[] = {{MS(1) / 2, 10e6}, {MS(50), 1e6}, {MS(150), 5e6}, {MS(50), 50e3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct link_model *l = link_new(cases[i].one_way, cases[i].rate, 60000);
        link_run(l, l->now + SEC(30));
        l->deepest = 0;
        double use = link_use(l, l->now + SEC(300));
        /* a probe has two blocks outstanding: the second one waits for the first */
        double base = 2 * (double)cases[i].one_way + 2 * WIRE_BLOCK * 1e6 / cases[i].rate;
        double seconds = l->deepest * (double)WIRE_BLOCK / cases[i].rate;
        double bound = MAX(4 * base / 1e6, 0.6) + WIRE_BLOCK / cases[i].rate;
        if (use < 0.95 || seconds > bound)
            check_fail(__FILE__, __LINE__,
                       "link %zu: used %.3f, %.2f s queued (bound %.2f)", i, use, seconds,
                       bound);
        CHECK(!l->requests.slow_start);
        link_free(l);
    }
}

TEST(requests_slow_peer_never_gets_more_than_ten_seconds_worth) {
    static const double rates[] = {5e3, 20e3, 50e3};
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct link_model *l = link_new(MS(50), rates[i], 2000);
        link_run(l, l->now + SEC(120));
        double blocks = MAX(10 * rates[i] / WIRE_BLOCK + 1, REQUESTS_START_DEPTH + 1);
        if (l->deepest > blocks)
            check_fail(__FILE__, __LINE__, "%.0f B/s: %u blocks", rates[i], l->deepest);
        link_free(l);
    }
}

TEST(requests_fast_loopback_peer_has_hundreds_at_once) {
    struct link_model *l = link_new(50, 1e9, 2000);
    link_run(l, l->now + MS(20));
    CHECK(l->requests.count > 500);
    link_free(l);
}

TEST(requests_find_a_peer_that_became_faster) {
    struct link_model *l = link_new(MS(50), 1e6, 2000);
    link_run(l, l->now + SEC(30));
    l->rate = 20e6;
    link_run(l, l->now + SEC(6));
    CHECK(link_use(l, l->now + SEC(5)) > 0.9);
    link_free(l);
}

TEST(requests_find_a_path_that_became_longer) {
    struct link_model *l = link_new(MS(50), 10e6, 2000);
    link_run(l, l->now + SEC(30));
    l->one_way = MS(300);
    link_run(l, l->now + SEC(40));
    CHECK(link_use(l, l->now + SEC(20)) > 0.9);
    link_free(l);
}

TEST(requests_find_a_path_that_became_shorter) {
    struct link_model *l = link_new(MS(400), 5e6, 2000);
    link_run(l, l->now + SEC(30));
    l->one_way = MS(20);
    link_run(l, l->now + SEC(40));
    l->deepest = 0;
    CHECK(link_use(l, l->now + SEC(20)) > 0.95);
    CHECK(l->deepest * (double)WIRE_BLOCK / l->rate < 1);
    link_free(l);
}
