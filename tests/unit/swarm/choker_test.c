/* choker: each rule with its table, then rounds on end. */
#include "swarm/choker.h"

#include "support/check.h"

#define NOW (1000 * USEC_PER_SEC)
#define AGO(seconds) (NOW - (seconds)*USEC_PER_SEC)
#define PIECE 65536u
#define QUOTA ((uint64_t)CHOKER_SEED_QUOTA * PIECE)

/* An interested peer that was connected a while ago; the rest says what is special about it. */
#define PEER(...) \
    { .interested = true, .connected_at = AGO(600), __VA_ARGS__ }
/* WAITS(seconds, ...): choked for so long; no newcomer, for it had a slot before. */
#define WAITS(...) WAITS_AND(__VA_ARGS__, .peer = 0)
#define WAITS_AND(seconds, ...) \
    PEER(.waiting_since = AGO(seconds), .unchoked_at = AGO((seconds) + 10), __VA_ARGS__)
/* UNCHOKED(seconds, ...): has had a slot for so long. */
#define UNCHOKED(...) UNCHOKED_AND(__VA_ARGS__, .peer = 0)
#define UNCHOKED_AND(seconds, ...) \
    PEER(.unchoked = true, .unchoked_at = AGO(seconds), __VA_ARGS__)

static struct rng seeded(uint64_t seed) {
    struct rng rng;
    rng_seed(&rng, seed);
    return rng;
}

static void run(struct choke_row *rows, uint32_t n, const struct choke_rules *rules) {
    struct rng rng = seeded(1);
    choker_round(rows, n, rules, &rng);
}

static uint32_t unchoked_of(const struct choke_row *rows, uint32_t n) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += rows[i].unchoke;
    return count;
}

static uint32_t optimistic_of(const struct choke_row *rows, uint32_t n) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += rows[i].give_optimistic;
    return count;
}

/* Two rows and one regular slot: `first` gets it whichever way round they stand, whatever the
 * dice say. The other gets the optimistic slot, so `give_optimistic` tells them apart. */
struct duel {
    struct choke_row first, other;
};

static void check_duel(const struct duel *d, bool seeding, size_t number) {
    const struct choke_rules rules = {
        .slots = 2, .seeding = seeding, .piece_length = PIECE, .now = NOW};
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct rng rng = seeded(seed);
        struct choke_row rows[2] = {d->first, d->other};
        if (seed & 1)
            rows[0] = d->other, rows[1] = d->first;
        choker_round(rows, 2, &rules, &rng);
        if (!rows[seed & 1].unchoke || rows[seed & 1].give_optimistic)
            check_fail(__FILE__, __LINE__, "duel %zu, seed %d", number, (int)seed);
    }
}

TEST(choker_unchokes_only_who_may_and_wants_to) {
    static const struct {
        struct choke_row row;
        bool want;
    } cases[] = {
        {PEER(.waiting_since = AGO(1)), true},
        {{.interested = false, .received_round = 1 << 20}, false},
        {PEER(.upload_only = true), false},
        {PEER(.never = true, .received_round = 1 << 20), false},
        {PEER(.never = true, .scored = true, .score = 1e9), false},
        {{.interested = false, .scored = true, .score = 1e9}, false},
    };
    static const uint32_t slots[] = {1, 8, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t k = 0; k < COUNT_OF(slots); k++) {
            struct choke_row row = cases[i].row;
            row.unchoke = row.give_optimistic = true; /* an old answer does not count */
            run(&row, 1, &(struct choke_rules){.slots = slots[k], .now = NOW});
            CHECK_INT(row.unchoke, cases[i].want);
            CHECK(row.unchoke || !row.give_optimistic);
        }
}

TEST(choker_fills_the_slots_and_no_more) {
    static const struct {
        uint32_t peers, slots, unchoked, optimistic;
    } cases[] = {
        {30, 0, 0, 0},
        {30, 1, 1, 1},
        {30, 2, 2, 1},
        {30, 8, 8, 1},
        {30, 10, 10, 2},
        {30, 20, 20, 4},
        {3, 8, 3, 0},
        {0, 8, 0, 0},
        {30, 30, 30, 6},
        {30, UINT32_MAX - 1, 30, 0},
        {30, UINT32_MAX, 30, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct choke_row rows[30];
        for (uint32_t k = 0; k < 30; k++)
            rows[k] = (struct choke_row)WAITS(k + 1);
        run(rows, cases[i].peers,
            &(struct choke_rules){.slots = cases[i].slots, .now = NOW});
        CHECK_INT(unchoked_of(rows, cases[i].peers), cases[i].unchoked);
        CHECK_INT(optimistic_of(rows, cases[i].peers), cases[i].optimistic);
    }
}

TEST(choker_ranks_while_leeching) {
    static const struct duel duels[] = {
        /* bytes of the last round, whoever waits how long */
        {WAITS(1, .received_round = 2), WAITS(500, .received_round = 1)},
        {UNCHOKED(90, .received_round = 1), WAITS(500)},
        {UNCHOKED(90, .received_round = 2), UNCHOKED(10, .received_round = 1)},
        /* then the longest wait; who holds a slot does not wait */
        {WAITS(20), WAITS(10)},
        {WAITS(1), UNCHOKED(10)},
        {WAITS(1, .received_round = 5), UNCHOKED(10, .received_round = 5)},
        /* but a slot that was given a moment ago stays */
        {UNCHOKED(4), WAITS(500)},
        /* what it took from us counts for nothing */
        {WAITS(2), UNCHOKED(30, .sent_round = 1 << 20)},
        /* snubbed: none, however much it gave before */
        {WAITS(1), WAITS(500, .received_round = 1 << 20, .snubbed = true)},
    };
    for (size_t i = 0; i < COUNT_OF(duels); i++)
        check_duel(&duels[i], false, i);
}

TEST(choker_ranks_while_seeding) {
    static const struct duel duels[] = {
        /* the fastest taker keeps its slot, until it had its share */
        {UNCHOKED(50, .sent_round = 2), UNCHOKED(50, .sent_round = 1)},
        {UNCHOKED(50, .sent_round = 1), WAITS(500)},
        {UNCHOKED(50, .sent_round = 9, .sent_since_unchoke = QUOTA), WAITS(500)},
        {UNCHOKED(90, .sent_round = 9, .sent_since_unchoke = QUOTA - 1), WAITS(500)},
        {WAITS(1), UNCHOKED(90, .sent_round = 9, .sent_since_unchoke = QUOTA)},
        {UNCHOKED(30, .sent_round = 1),
         UNCHOKED(90, .sent_round = 9, .sent_since_unchoke = QUOTA)},
        /* who takes nothing makes room for the longest wait */
        {WAITS(1), UNCHOKED(10)},
        {WAITS(20), WAITS(10)},
        {UNCHOKED(4), WAITS(500)},
        /* what it gave us counts for nothing now, nor that it gives nothing */
        {WAITS(20), WAITS(10, .received_round = 1 << 20)},
        {WAITS(20, .snubbed = true), WAITS(10)},
    };
    for (size_t i = 0; i < COUNT_OF(duels); i++)
        check_duel(&duels[i], true, i);
}

TEST(choker_ranks_by_a_scripts_score_first) {
    static const double nan = 0.0 / 0.0;
    const struct duel duels[] = {
        {WAITS(1, .scored = true, .score = 2), WAITS(500, .scored = true, .score = 1)},
        {WAITS(1, .scored = true, .score = 2),
         WAITS(500, .scored = true, .score = 1, .received_round = 1 << 20)},
        {WAITS(1, .scored = true, .score = 0.1), WAITS(500, .received_round = 1 << 20)},
        {WAITS(1), WAITS(500, .scored = true, .score = -0.1, .received_round = 1 << 20)},
        {WAITS(1, .scored = true, .score = 1, .snubbed = true), WAITS(500)},
        /* equal scores: the built-in rank; a score that is no number is none */
        {WAITS(500, .scored = true, .score = 1), WAITS(1, .scored = true, .score = 1)},
        {WAITS(500, .scored = true, .score = nan), WAITS(1)},
        {WAITS(500), WAITS(1, .scored = true, .score = nan)},
    };
    for (size_t i = 0; i < COUNT_OF(duels); i++)
        for (int seeding = 0; seeding < 2; seeding++)
            check_duel(&duels[i], seeding, i);
}

/* One slot is one optimistic slot: who gets it? */
TEST(choker_gives_the_optimistic_slot) {
    static const struct {
        struct choke_row first, other;
        bool turn;
    } cases[] = {
        /* the longest wait, whatever the others gave */
        {WAITS(20), WAITS(10, .received_round = 1 << 20), true},
        {WAITS(20), WAITS(10), false},
        {WAITS(20), WAITS(10, .scored = true, .score = 9), true},
        {WAITS(20, .snubbed = true), WAITS(10), true},
        /* newcomers first: young, and never had a slot */
        {{.interested = true, .connected_at = AGO(59), .waiting_since = AGO(1)},
         WAITS(500),
         true},
        {WAITS(500),
         {.interested = true, .connected_at = AGO(60), .waiting_since = AGO(1)},
         true},
        {WAITS(500),
         {.interested = true,
          .connected_at = AGO(50),
          .unchoked_at = AGO(40),
          .waiting_since = AGO(1)},
         true},
        /* the holder keeps it until the turn, and then it is the last in the queue */
        {UNCHOKED(20, .optimistic = true), WAITS(500), false},
        {UNCHOKED(20, .optimistic = true),
         {.interested = true, .connected_at = AGO(1)},
         false},
        {WAITS(1), UNCHOKED(30, .optimistic = true), true},
        {UNCHOKED(30), UNCHOKED(30, .optimistic = true), true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            struct choke_row rows[2];
            rows[swapped] = cases[i].first, rows[!swapped] = cases[i].other;
            run(rows, 2,
                &(struct choke_rules){
                    .slots = 1, .turn_optimistic = cases[i].turn, .now = NOW});
            if (!rows[swapped].give_optimistic || rows[!swapped].unchoke)
                check_fail(__FILE__, __LINE__, "case %zu, swapped %d", i, swapped);
        }
}

TEST(choker_optimistic_holder_alone_keeps_its_slot_at_the_turn) {
    struct choke_row row = UNCHOKED(30, .optimistic = true, .snubbed = true);
    run(&row, 1, &(struct choke_rules){.slots = 8, .turn_optimistic = true, .now = NOW});
    CHECK(row.unchoke && row.give_optimistic);
}

TEST(choker_promotes_an_optimistic_peer_that_earned_it) {
    struct choke_row rows[] = {UNCHOKED(20, .received_round = 1),
                               UNCHOKED(20, .optimistic = true, .received_round = 9),
                               WAITS(50)};
    run(rows, 3, &(struct choke_rules){.slots = 2, .now = NOW});
    CHECK(rows[1].unchoke && !rows[1].give_optimistic);
    CHECK(rows[2].unchoke && rows[2].give_optimistic); /* its optimistic slot fell free */
    CHECK(!rows[0].unchoke);
}

TEST(choker_everybody_includes_the_snubbed) {
    struct choke_row rows[] = {WAITS(5, .snubbed = true), UNCHOKED(5),
                               WAITS(5, .never = true)};
    run(rows, 3, &(struct choke_rules){.slots = UINT32_MAX, .now = NOW});
    CHECK(rows[0].unchoke && rows[1].unchoke && !rows[2].unchoke);
    CHECK_INT(optimistic_of(rows, 3), 0);
}

TEST(choker_breaks_ties_by_lot) {
    uint32_t won[4] = {0};
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct rng rng = seeded(seed);
        struct choke_row rows[4] = {WAITS(5), WAITS(5), WAITS(5), WAITS(5)};
        choker_round(rows, 4, &(struct choke_rules){.slots = 1, .now = NOW}, &rng);
        for (int i = 0; i < 4; i++)
            won[i] += rows[i].unchoke;
    }
    for (int i = 0; i < 4; i++)
        CHECK(won[i] > 50 && won[i] < 150); /* 100 each, give or take */
}

/* What an engine does between two rounds, for a swarm of equal takers. */
struct swarm {
    struct choke_row rows[20];
    uint64_t got[20];
    uint32_t turns[20]; /* how often it got a slot */
    struct rng rng;
};

static void apply(struct choke_row *r, usec now) {
    if (r->unchoke && !r->unchoked)
        r->unchoked_at = now, r->sent_since_unchoke = 0, r->waiting_since = 0;
    if (!r->unchoke && r->unchoked)
        r->waiting_since = now;
    r->unchoked = r->unchoke, r->optimistic = r->give_optimistic;
}

static void round_of(struct swarm *s, int round, uint64_t rate) {
    const struct choke_rules rules = {.slots = 4,
                                      .seeding = true,
                                      .turn_optimistic = round % 3 == 0,
                                      .piece_length = PIECE,
                                      .now = NOW + round * CHOKER_ROUND};
    choker_round(s->rows, 20, &rules, &s->rng);
    CHECK_INT(unchoked_of(s->rows, 20), 4);
    for (int i = 0; i < 20; i++) {
        struct choke_row *r = &s->rows[i];
        s->turns[i] += r->unchoke && !r->unchoked;
        apply(r, rules.now);
        r->sent_round = r->unchoked ? rate * 10 : 0;
        r->sent_since_unchoke += r->sent_round;
        s->got[i] += r->sent_round;
    }
}

static struct swarm swarm_of_20(void) {
    struct swarm s = {.rng = seeded(7)};
    for (int i = 0; i < 20; i++)
        s.rows[i] = (struct choke_row){.peer = (handle)i + 1,
                                       .interested = true,
                                       .connected_at = NOW,
                                       .waiting_since = NOW};
    return s;
}

TEST(choker_seed_serves_everybody_in_turn) {
    struct swarm s = swarm_of_20();
    uint64_t least = UINT64_MAX, most = 0;
    for (int round = 0; round < 360; round++) /* an hour */
        round_of(&s, round, 250000);
    for (int i = 0; i < 20; i++) {
        CHECK(s.turns[i] >= 5);
        least = MIN(least, s.got[i]);
        most = MAX(most, s.got[i]);
    }
    CHECK(most < 2 * least);
}

TEST(choker_seed_serves_everybody_even_when_all_are_too_slow_for_the_quota) {
    struct swarm s = swarm_of_20();
    for (int round = 0; round < 360; round++)
        round_of(&s, round, 100);
    for (int i = 0; i < 20; i++)
        CHECK(s.turns[i] >= 1); /* by the optimistic slot */
}

/* From turn to turn the holder keeps its slot, or has earned a regular one. */
TEST(choker_keeps_an_optimistic_slot_for_three_rounds) {
    struct swarm s = swarm_of_20();
    int holder = 0, changes = 0;
    for (int round = 0; round < 30; round++) {
        round_of(&s, round, 250000);
        CHECK(round % 3 == 0 || s.rows[holder].unchoked);
        CHECK_INT(optimistic_of(s.rows, 20), 1);
        for (int i = 0; i < 20; i++)
            if (s.rows[i].optimistic && i != holder)
                holder = i, changes++;
    }
    CHECK(changes >= 9); /* ten turns, and who was promoted left it to another */
}

/* Rounds that are held in between, because a slot fell free, take nobody's slot away. */
TEST(choker_rounds_in_between_shuffle_nobody) {
    struct choke_row rows[10];
    for (uint32_t i = 0; i < 10; i++)
        rows[i] = (struct choke_row)WAITS(i + 1);
    struct rng rng = seeded(3);
    bool before[10];
    for (int second = 0; second < 5; second++) {
        const struct choke_rules rules = {.slots = 5, .now = NOW + second * USEC_PER_SEC};
        choker_round(rows, 10, &rules, &rng);
        for (int i = 0; i < 10; i++) {
            CHECK(!second || rows[i].unchoke == before[i]);
            before[i] = rows[i].unchoke;
            apply(&rows[i], rules.now);
        }
    }
}
