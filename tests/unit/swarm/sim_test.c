/* sim: what no network can do must not happen in the model either, and what follows from its rules by
 * arithmetic must come out. Invariants (sim_check) are looked at all along. */
#include "swarm/sim.h"

#include "base/err.h"
#include "support/check.h"

#define KB 1000u
#define MSEC 1000u
#define PIECE (4 * 16384u)
#define SECONDS(n) ((usec)(n)*USEC_PER_SEC)
#define SAME(n) \
    { n, n }

static struct sim_settings settings(uint32_t pieces) {
    return (struct sim_settings){
        .pieces = pieces,
        .blocks = 4,
        .block_length = 16384,
        .tracker_reply = 20,
        .linger = USEC_NEVER,
        .abort = USEC_NEVER,
        .max_time = SECONDS(100000),
        .sample = SECONDS(10),
        .seed = 1,
    };
}

static struct sim_group group(uint32_t count) {
    return (struct sim_group){
        .count = count,
        .up = SAME(100 * KB),
        .down = SAME(1000 * KB),
        .latency = SAME(20 * MSEC),
        .slots = 8,
        .connections = 20,
    };
}

static struct sim_group seeds(uint32_t count) {
    struct sim_group g = group(count);
    g.seed = true;
    return g;
}

static struct sim *new_sim(const struct sim_settings *s, const struct sim_group *groups,
                           uint32_t n) {
    int err;
    struct sim *sim = sim_new(s, groups, n, &err);
    CHECK(sim != NULL);
    return sim;
}

#ifdef NDEBUG
#define sim_check(sim) ((void)(sim))
#endif

/* To its end, with the invariants after every so many events. */
static void run(struct sim *sim, uint32_t events) {
    int more;
    do {
        more = sim_run(sim, events);
        CHECK(more >= 0);
        sim_check(sim);
    } while (more);
}

static struct sim_peer_result peer(const struct sim *sim, uint32_t i) {
    struct sim_peer_result r;
    sim_peer_result(sim, i, &r);
    return r;
}

static struct sim_totals totals(const struct sim *sim) {
    struct sim_totals t;
    sim_totals(sim, &t);
    return t;
}

static uint32_t finished(const struct sim *sim) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < sim_peer_count(sim); i++)
        n += peer(sim, i).finished_at != USEC_NEVER;
    return n;
}

/* ---- conservation ----------------------------------------------------------------------- */

TEST(sim_everybody_completes_with_one_seed_and_bytes_are_conserved) {
    static const struct {
        uint32_t pieces, peers, slots, loss_window, block_length;
        struct sim_range up, down, latency;
    } cases[] = {
        {1, 1, 8, 0, 16384, SAME(100 * KB), SAME(100 * KB), SAME(0)},
        {40, 30, 8, 0, 16384, SAME(100 * KB), SAME(1000 * KB), SAME(20 * MSEC)},
        {40, 30, 2, 0, 65536, {20 * KB, 500 * KB}, {30 * KB, 600 * KB}, {0, 300 * MSEC}},
        {40, 30, UINT32_MAX, 0, 1000, SAME(100 * KB), SAME(50 * KB), SAME(20 * MSEC)},
        {40, 30, 8, 14600, 16384, SAME(500 * KB), SAME(500 * KB), SAME(100 * MSEC)},
        {7, 60, 1, 0, 16384, SAME(100 * KB), SAME(1000 * KB), SAME(20 * MSEC)},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sim_settings s = settings(cases[i].pieces);
        struct sim_group g[2] = {seeds(1), group(cases[i].peers)};
        s.loss_window = cases[i].loss_window;
        s.block_length = cases[i].block_length;
        for (int k = 0; k < 2; k++) {
            g[k].slots = cases[i].slots;
            g[k].up = cases[i].up, g[k].down = cases[i].down;
            g[k].latency = cases[i].latency;
        }
        struct sim *sim = new_sim(&s, g, 2);
        run(sim, 100);
        struct sim_totals t = totals(sim);
        uint64_t size = (uint64_t)s.pieces * s.blocks * s.block_length;
        CHECK_INT(finished(sim), cases[i].peers + 1);
        CHECK_INT(t.moved, size * cases[i].peers + t.wasted);
        CHECK(t.moved <= t.capacity + 1);
        for (uint32_t p = 0; p < sim_peer_count(sim); p++) {
            struct sim_peer_result r = peer(sim, p);
            CHECK(r.peak_up <= r.up && r.peak_down <= r.down);
            CHECK(p == 0 ? r.downloaded == 0 : r.downloaded >= size);
        }
        sim_free(sim);
    }
}

TEST(sim_nobody_gets_a_piece_that_nobody_has) {
    struct sim_settings s = settings(10);
    struct sim_group g[2] = {seeds(0), group(20)};
    struct sim *sim = new_sim(&s, g, 2);
    run(sim, 100);
    CHECK_INT(totals(sim).moved, 0);
    CHECK(totals(sim).stalled);
    CHECK_INT(finished(sim), 0);
    sim_free(sim);
}

TEST(sim_without_anybody_is_over_at_once) {
    struct sim_settings s = settings(10);
    struct sim *sim = new_sim(&s, NULL, 0);
    CHECK_INT(sim_run(sim, 1), 0);
    CHECK_INT(totals(sim).at, 0);
    sim_free(sim);
}

/* ---- rates ------------------------------------------------------------------------------ */

/* When the last peer finished, of `peers` that one seed serves alone. */
static usec time_alone(uint32_t up, uint32_t down, uint32_t latency, uint32_t loss_window,
                       uint32_t peers) {
    struct sim_settings s = settings(16);
    struct sim_group g[2] = {seeds(1), group(peers)};
    s.loss_window = loss_window;
    g[0].up = (struct sim_range)SAME(up);
    g[1].down = (struct sim_range)SAME(down);
    g[1].slots = 0;
    g[0].latency = g[1].latency = (struct sim_range)SAME(latency);
    struct sim *sim = new_sim(&s, g, 2);
    run(sim, 10);
    usec last = 0;
    for (uint32_t i = 1; i <= peers; i++)
        last = MAX(last, peer(sim, i).finished_at);
    sim_free(sim);
    return last;
}

/* 16 pieces are 1 MiB, so at 1 MiB/s they take a second. Until the first byte: a round for the slot,
 * 200 ms, while the tracker answers and the connection is made; the request, two latencies of both. */
TEST(sim_a_download_takes_as_long_as_its_links_say) {
    static const struct {
        uint32_t up, down, latency, loss_window, peers;
        double seconds;
    } cases[] = {
        {1 << 20, 4 << 20, 0, 0, 1, 1.2},         {4 << 20, 1 << 20, 0, 0, 1, 1.2},
        {1 << 20, 4 << 20, 50000, 0, 1, 1.4},     {1 << 20, 4 << 20, 0, 0, 4, 4.2},
        {8 << 20, 1 << 20, 0, 0, 4, 1.2},         {1 << 18, 1 << 20, 0, 0, 1, 4.2},
        {4 << 20, 4 << 20, 50000, 52429, 1, 4.4}, /* 51.2 KiB per 200 ms */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double took = (double)time_alone(cases[i].up, cases[i].down, cases[i].latency,
                                         cases[i].loss_window, cases[i].peers) /
                      1e6;
        if (took < cases[i].seconds - 0.01 || took > cases[i].seconds + 0.02)
            check_fail(__FILE__, __LINE__, "case %zu took %g s, expected %g", i, took,
                       cases[i].seconds);
    }
}

TEST(sim_slow_receivers_leave_their_share_to_others) {
    struct sim_settings s = settings(16);
    struct sim_group g[3] = {seeds(1), group(1), group(1)};
    g[0].up = (struct sim_range)SAME(1 << 20);
    g[1].down = (struct sim_range)SAME(1 << 17); /* an eighth */
    g[2].down = (struct sim_range)SAME(1 << 22);
    g[1].slots = g[2].slots = 0;
    g[0].latency = g[1].latency = g[2].latency = (struct sim_range)SAME(0);
    struct sim *sim = new_sim(&s, g, 3);
    run(sim, 10);
    double fast = (double)peer(sim, 2).finished_at / 1e6;
    CHECK(fast > 0.2 + 8.0 / 7 - 0.01 && fast < 0.2 + 8.0 / 7 + 0.02);
    sim_free(sim);
}

/* ---- life ------------------------------------------------------------------------------- */

TEST(sim_peers_come_within_the_time_of_arrival_and_leave_after_lingering) {
    struct sim_settings s = settings(10);
    struct sim_group g[2] = {seeds(1), group(40)};
    s.arrive = SECONDS(100), s.linger = SECONDS(20);
    struct sim *sim = new_sim(&s, g, 2);
    run(sim, 50);
    usec first = USEC_NEVER, last = 0;
    uint32_t left = 0;
    for (uint32_t i = 1; i <= 40; i++) {
        struct sim_peer_result r = peer(sim, i);
        first = MIN(first, r.joined_at), last = MAX(last, r.joined_at);
        if (r.left_at == USEC_NEVER)
            continue;
        left++;
        CHECK(r.left_at - r.finished_at <= SECONDS(41));
    }
    CHECK(first < SECONDS(20) && last > SECONDS(80) && last <= SECONDS(100));
    CHECK(left > 10);
    CHECK_INT(peer(sim, 0).left_at, USEC_NEVER);
    CHECK_INT(finished(sim), 41);
    sim_free(sim);
}

TEST(sim_peers_lose_patience) {
    struct sim_settings s = settings(10);
    struct sim_group g[2] = {seeds(1), group(40)};
    g[0].up = (struct sim_range)SAME(1 * KB);
    s.abort = SECONDS(60);
    struct sim *sim = new_sim(&s, g, 2);
    run(sim, 50);
    CHECK_INT(finished(sim), 1);
    for (uint32_t i = 1; i <= 40; i++)
        CHECK(peer(sim, i).left_at <= SECONDS(121));
    sim_free(sim);
}

TEST(sim_a_free_rider_gives_nothing) {
    struct sim_settings s = settings(20);
    struct sim_group g[3] = {seeds(1), group(10), group(5)};
    g[2].slots = 0;
    struct sim *sim = new_sim(&s, g, 3);
    run(sim, 50);
    for (uint32_t i = 0; i < 16; i++)
        CHECK((peer(sim, i).uploaded == 0) == (i > 10));
    CHECK_INT(finished(sim), 16);
    sim_free(sim);
}

TEST(sim_takes_samples) {
    struct sim_settings s = settings(20);
    struct sim_group g[2] = {seeds(2), group(10)};
    struct sim *sim = new_sim(&s, g, 2);
    uint32_t n;
    run(sim, 50);
    const struct sim_sample *a = sim_samples(sim, &n);
    CHECK(n > 3);
    CHECK_INT(a[0].at, 0);
    CHECK_INT(a[1].at, SECONDS(10));
    CHECK_INT(a[1].present, 12);
    CHECK_INT(a[n - 1].at, totals(sim).at);
    CHECK_INT(a[n - 1].finished, 10);
    CHECK_INT(a[n - 1].rarest, 12);
    CHECK(a[n - 1].copies > 11.99 && a[n - 1].diversity > 0.99);
    CHECK_INT(a[1].upload_capacity, 12 * 100 * KB);
    for (uint32_t i = 1; i < n; i++) /* the seeds come at the moment of the first */
        CHECK(a[i].rarest >= 2 && a[i].upload_rate <= a[i].upload_capacity);
    sim_free(sim);
}

/* ---- chance ----------------------------------------------------------------------------- */

/* What tells two runs apart. */
static uint64_t fingerprint(uint64_t seed, uint32_t slice) {
    struct sim_settings s = settings(30);
    struct sim_group g[2] = {seeds(1), group(30)};
    s.seed = seed, s.arrive = SECONDS(30);
    g[1].up = (struct sim_range){50 * KB, 200 * KB};
    struct sim *sim = new_sim(&s, g, 2);
    uint64_t sum = 0;
    run(sim, slice);
    for (uint32_t i = 0; i < 31; i++)
        sum = sum * 1000003 + (uint64_t)peer(sim, i).finished_at + peer(sim, i).uploaded;
    sim_free(sim);
    return sum;
}

TEST(sim_is_the_same_for_the_same_seed_and_another_for_another) {
    CHECK(fingerprint(7, 1000) == fingerprint(7, 1000));
    CHECK(fingerprint(7, 1000) == fingerprint(7, 1)); /* however it is cut */
    CHECK(fingerprint(7, 1000) != fingerprint(8, 1000));
}

/* ---- judges ----------------------------------------------------------------------------- */

/* Answers one question in one way, for peers of group 1 (torrent 2). */
struct judge {
    enum policy_question question;
    enum verdict_kind kind;
    uint32_t rounds, rows;
    bool broken;
};

static bool judge_has(void *owner, handle torrent, enum policy_question q) {
    const struct judge *j = owner;
    return torrent == 2 && q == j->question;
}

static bool judge_ask(void *owner, const struct policy_ask *ask) {
    struct judge *j = owner;
    j->rounds++, j->rows += ask->n;
    for (uint32_t i = 0; i < ask->n; i++)
        ask->verdicts[i] = (struct verdict){j->kind, 1};
    return !j->broken;
}

static const struct policy_hooks judge_hooks = {judge_has, judge_ask};

/* A seed and 12 peers that are judged by j; then what came of it. */
static struct sim *judged(struct judge *j, struct sim_settings *s) {
    struct sim_group g[3] = {seeds(1), group(12), group(4)};
    s->policy = (struct policy){&judge_hooks, j};
    struct sim *sim = new_sim(s, g, 3);
    run(sim, 50);
    return sim;
}

TEST(sim_who_is_never_unchoked_gets_nothing_from_them) {
    struct judge j = {.question = POLICY_UNCHOKE, .kind = VERDICT_NEVER};
    struct sim_settings s = settings(20);
    struct sim *sim = judged(&j, &s);
    CHECK(j.rounds > 0 && j.rows >= j.rounds);
    for (uint32_t i = 1; i <= 16; i++)
        CHECK((peer(sim, i).uploaded == 0) == (i <= 12));
    sim_free(sim);
}

TEST(sim_a_judge_that_fails_changes_nothing) {
    struct judge j = {.question = POLICY_UNCHOKE, .kind = VERDICT_NEVER, .broken = true};
    struct sim_settings s = settings(20);
    struct sim *sim = judged(&j, &s);
    CHECK(j.rounds > 0);
    for (uint32_t i = 1; i <= 12; i++)
        CHECK(peer(sim, i).uploaded > 0);
    sim_free(sim);
}

/* How many of the 12 finished, when their judge says never to all. */
static uint32_t finished_of_judged(enum policy_question q, bool *asked, bool *others) {
    struct judge j = {.question = q, .kind = VERDICT_NEVER};
    struct sim_settings s = settings(20);
    struct sim *sim = judged(&j, &s);
    uint32_t n = 0;
    *asked = j.rounds > 0 && j.rows >= j.rounds;
    *others = true;
    for (uint32_t i = 1; i <= 16; i++)
        if (i <= 12)
            n += peer(sim, i).finished_at != USEC_NEVER;
        else
            *others &= peer(sim, i).finished_at != USEC_NEVER;
    sim_free(sim);
    return n;
}

/* Who is not admitted is not dialled either; who is not dialled may dial; without pieces to open
 * nothing is asked for. The four others finish with the seed's help. */
TEST(sim_what_is_refused_does_not_happen) {
    static const struct {
        enum policy_question question;
        uint32_t finished;
    } cases[] = {{POLICY_ADMIT, 0}, {POLICY_CONNECT, 12}, {POLICY_PIECE, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool asked, others;
        CHECK_INT(finished_of_judged(cases[i].question, &asked, &others),
                  cases[i].finished);
        CHECK(asked && others);
    }
}

/* Prefers later pieces, or does not care; looks at what is still to be opened. */
struct orderly {
    bool backwards;
    uint32_t pieces, rounds, holes;
};

static bool orderly_ask(void *owner, const struct policy_ask *ask) {
    struct orderly *o = owner;
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < ask->n; i++) {
        uint32_t index = ask->pieces[i].index;
        least = MIN(least, index), most = MAX(most, index);
        ask->verdicts[i] = (struct verdict){VERDICT_SCORED, index};
    }
    o->rounds++;
    o->holes += o->backwards ? most != ask->n - 1 : least != o->pieces - ask->n;
    return o->backwards;
}

static bool orderly_has(void *owner, handle torrent, enum policy_question q) {
    (void)owner;
    return torrent == 2 && q == POLICY_PIECE;
}

/* What is left to be opened has no holes: backwards it is the first pieces, when the data is played
 * (and the judge fails) the last ones. */
TEST(sim_pieces_come_in_the_order_of_a_judge_or_of_their_deadlines) {
    static const struct policy_hooks hooks = {orderly_has, orderly_ask};
    for (int backwards = 0; backwards < 2; backwards++) {
        struct orderly o = {.backwards = backwards, .pieces = 40};
        struct sim_settings s = settings(40);
        struct sim_group g[2] = {seeds(1), group(1)};
        g[0].up = (struct sim_range)SAME(20 * KB);
        g[1].play = backwards ? 0 : 10 * KB;
        s.policy = (struct policy){&hooks, &o};
        struct sim *sim = new_sim(&s, g, 2);
        run(sim, 10);
        CHECK(o.rounds > 2);
        CHECK_INT(o.holes, 0);
        CHECK_INT(finished(sim), 2);
        sim_free(sim);
    }
}

/* ---- what scripts ask for --------------------------------------------------------------- */

struct actor {
    struct sim *sim;
    handle last; /* a peer that was asked about */
    uint32_t rounds;
};

static bool actor_has(void *owner, handle torrent, enum policy_question q) {
    (void)owner;
    return torrent == 2 && q == POLICY_UNCHOKE;
}

static bool actor_ask(void *owner, const struct policy_ask *ask) {
    struct actor *a = owner;
    a->last = ask->peers[0].peer;
    a->rounds++;
    return false;
}

static const struct policy_hooks actor_hooks = {actor_has, actor_ask};

/* The one peer of group 1 meets nobody but the seed, and bans it. */
TEST(sim_who_is_banned_does_not_come_back) {
    struct actor a = {NULL, 0, 0};
    struct sim_settings s = settings(200);
    struct sim_group g[2] = {seeds(1), group(1)};
    s.policy = (struct policy){&actor_hooks, &a};
    struct sim *sim = new_sim(&s, g, 2);
    while (!a.rounds)
        CHECK_INT(sim_run(sim, 1), 1);
    sim_act(sim, a.last, SIM_BAN, USEC_NEVER);
    sim_check(sim);
    sim_act(sim, a.last, SIM_CLOSE, 0); /* it is gone: nothing happens */
    run(sim, 50);
    CHECK(totals(sim).stalled);
    CHECK_INT(finished(sim), 1);
    sim_free(sim);
}

TEST(sim_who_is_banned_for_a_while_or_closed_comes_back) {
    for (int i = 0; i < 2; i++) {
        struct actor a = {NULL, 0, 0};
        struct sim_settings s = settings(200);
        struct sim_group g[2] = {seeds(1), group(1)};
        s.policy = (struct policy){&actor_hooks, &a};
        struct sim *sim = new_sim(&s, g, 2);
        while (!a.rounds)
            CHECK_INT(sim_run(sim, 1), 1);
        sim_act(sim, a.last, i ? SIM_CLOSE : SIM_BAN, SECONDS(60));
        run(sim, 50);
        CHECK_INT(finished(sim), 2);
        CHECK(totals(sim).at >= SECONDS(60));
        sim_free(sim);
    }
}

TEST(sim_slots_can_be_given_and_taken_between_rounds) {
    struct actor a = {NULL, 0, 0};
    struct sim_settings s = settings(20);
    struct sim_group g[2] = {seeds(1), group(10)};
    s.policy = (struct policy){&actor_hooks, &a};
    struct sim *sim = new_sim(&s, g, 2);
    for (int i = 0; i < 500 && sim_run(sim, 10) > 0; i++) {
        sim_act(sim, a.last, i % 2 ? SIM_CHOKE : SIM_UNCHOKE, 0);
        sim_check(sim);
    }
    run(sim, 50);
    CHECK_INT(finished(sim), 11);
    sim_free(sim);
}

/* ---- limits ----------------------------------------------------------------------------- */

TEST(sim_refuses_settings_that_make_no_sense) {
    struct sim_settings s = settings(10), bad;
    struct sim_group g = group(1), huge = group(SIM_MAX_PEERS + 1), odd = group(1);
    int err = 0;
#define REFUSED(change)                        \
    bad = s, bad.change;                       \
    CHECK(sim_new(&bad, &g, 1, &err) == NULL); \
    CHECK_INT(err, ERR_INVALID)
    REFUSED(pieces = 0);
    REFUSED(pieces = SIM_MAX_PIECES + 1);
    REFUSED(blocks = 0);
    REFUSED(blocks = SIM_MAX_BLOCKS + 1);
    REFUSED(block_length = 0);
    REFUSED(sample = 0);
#undef REFUSED
    CHECK(sim_new(&s, &huge, 1, &err) == NULL);
    odd.up = (struct sim_range){2, 1};
    CHECK(sim_new(&s, &odd, 1, &err) == NULL);
    odd = group(1), odd.connections = 0;
    CHECK(sim_new(&s, &odd, 1, &err) == NULL);
}

TEST(sim_out_of_memory_ends_it_and_nothing_leaks) {
    CHECK_EACH_NOMEM(n) {
        struct sim_settings s = settings(3);
        struct sim_group g[2] = {seeds(1), group(2)};
        int err = 0, status = 0;
        struct sim *sim = sim_new(&s, g, 2, &err);
        while (sim && (status = sim_run(sim, 1)) > 0)
            continue;
        if (check_nomem_hit() && !sim)
            CHECK_INT(err, ERR_NOMEM);
        CHECK(status == 0 || status == ERR_NOMEM);
        sim_free(sim);
    }
}
