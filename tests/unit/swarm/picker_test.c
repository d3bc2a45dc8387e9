#include "swarm/picker.h"

#include "base/err.h"
#include "support/check.h"

#define MANY 300

static void check(const struct picker *p) {
#ifndef NDEBUG
    picker_check(p);
#else
    (void)p;
#endif
}

struct fixture {
    struct rng rng;
    struct picker p;
    struct bitset all;
};

static struct bitset new_set(uint32_t size) {
    struct bitset b;
    CHECK_INT(bitset_init(&b, size), 0);
    return b;
}

/* The picker looks through a pointer at the rng, so the fixture stays where it is. */
static void set_up(struct fixture *f, uint32_t pieces, uint64_t seed) {
    rng_seed(&f->rng, seed);
    CHECK_INT(picker_init(&f->p, pieces, &f->rng), 0);
    f->all = new_set(pieces);
    bitset_fill(&f->all);
    check(&f->p);
}

static void tear_down(struct fixture *f) {
    check(&f->p);
    picker_fini(&f->p);
    bitset_fini(&f->all);
}

static void fetch(struct picker *p, uint32_t piece) {
    picker_set_state(p, piece, PIECE_ACTIVE);
    picker_set_state(p, piece, PIECE_HASHING);
    picker_set_state(p, piece, PIECE_HAVE);
}

/* Past the random start: the last four pieces of the torrent are there. */
static void set_up_started(struct fixture *f, uint32_t pieces, uint64_t seed) {
    set_up(f, pieces + PICKER_RANDOM_START, seed);
    for (uint32_t i = 0; i < PICKER_RANDOM_START; i++)
        fetch(&f->p, pieces + i);
}

static void note_haves(struct picker *p, uint32_t piece, uint32_t peers) {
    for (uint32_t i = 0; i < peers; i++)
        picker_note_have(p, piece);
}

static uint32_t take_next(struct fixture *f) {
    uint32_t piece = picker_next(&f->p, &f->all, NULL);
    if (piece != PICKER_NONE)
        picker_set_state(&f->p, piece, PIECE_ACTIVE);
    check(&f->p);
    return piece;
}

/* -- the order ---------------------------------------------------------------------------- */

TEST(picker_order) {
    static const struct {
        const char *name;
        uint32_t availability[5];
        int priority[5];
        usec deadline[5]; /* 0 = none */
        uint32_t order[6];
    } rows[] = {
        {"rarest first",
         {5, 1, 3, 2, 4},
         {4, 4, 4, 4, 4},
         {0},
         {1, 3, 2, 4, 0, PICKER_NONE}},
        {"priority before rarity",
         {1, 2, 3, 4, 5},
         {1, 2, 7, 6, 5},
         {0},
         {2, 3, 4, 1, 0, PICKER_NONE}},
        {"rarest of equal priority",
         {3, 2, 3, 2, 1},
         {7, 7, 1, 1, 7},
         {0},
         {4, 1, 0, 3, 2, PICKER_NONE}},
        {"skipped pieces never",
         {1, 2, 3, 4, 5},
         {0, 4, 0, 4, 0},
         {0},
         {1, 3, PICKER_NONE}},
        {"deadlines before everything, earliest first",
         {1, 2, 3, 4, 5},
         {7, 4, 1, 1, 4},
         {0, 0, 30, 10, 20},
         {3, 4, 2, 0, 1, PICKER_NONE}},
        {"the deadline of a skipped piece rests",
         {1, 2, 3, 4, 5},
         {4, 4, 0, 4, 4},
         {0, 0, 1, 0, 9},
         {4, 0, 1, 3, PICKER_NONE}},
        {"beyond the levels all are equally common, but still last",
         {9, 300, 254, 255, 8},
         {4, 0, 4, 4, 4},
         {0},
         {4, 0, 2, 3, PICKER_NONE}},
        {"nobody has it, but the asker",
         {0, 1, 2, 0, 3},
         {4, 4, 4, 1, 4},
         {0},
         {0, 1, 2, 4, 3, PICKER_NONE}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        set_up_started(&f, 5, i);
        for (uint32_t k = 0; k < 5; k++) {
            note_haves(&f.p, k, rows[i].availability[k]);
            picker_set_priority(&f.p, k, rows[i].priority[k]);
            if (rows[i].deadline[k])
                picker_set_deadline(&f.p, k, rows[i].deadline[k]);
        }
        for (uint32_t k = 0; k < 6; k++) {
            uint32_t got = take_next(&f);
            if (got != rows[i].order[k])
                check_fail(__FILE__, __LINE__, "%s: choice %u is %u, expected %u",
                           rows[i].name, k, got, rows[i].order[k]);
            if (got == PICKER_NONE)
                break;
        }
        tear_down(&f);
    }
}

TEST(picker_follows_availability_up_and_down) {
    struct fixture f;
    set_up_started(&f, 3, 1);
    note_haves(&f.p, 0, 2), note_haves(&f.p, 1, 3), note_haves(&f.p, 2, 4);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 0);
    note_haves(&f.p, 0, 2);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 1);
    for (int i = 0; i < 3; i++)
        picker_note_gone(&f.p, 2);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 2);
    tear_down(&f);
}

TEST(picker_chooses_among_what_the_peer_has) {
    struct fixture f;
    set_up_started(&f, 100, 1);
    struct bitset has = new_set(104);
    note_haves(&f.p, 70, 5), note_haves(&f.p, 71, 4);
    CHECK_INT(picker_next(&f.p, &has, NULL), PICKER_NONE);
    (void)bitset_add(&has, 70), (void)bitset_add(&has, 71);
    (void)bitset_add(&has, 101); /* we have that */
    CHECK_INT(picker_next(&f.p, &has, NULL), 71);
    bitset_fini(&has);
    tear_down(&f);
}

TEST(picker_only_limits_the_choice) {
    struct fixture f;
    set_up_started(&f, 100, 1);
    struct bitset only = new_set(104);
    note_haves(&f.p, 5, 3);
    CHECK_INT(picker_next(&f.p, &f.all, &only), PICKER_NONE);
    (void)bitset_add(&only, 5);
    CHECK_INT(picker_next(&f.p, &f.all, &only), 5);
    picker_set_deadline(&f.p, 6, 10);
    CHECK_INT(picker_next(&f.p, &f.all, &only), 5);
    bitset_fini(&only);
    tear_down(&f);
}

TEST(picker_finds_the_one_piece_of_a_poor_peer) {
    /* Far behind the first look, in every position of a word and in the tail. */
    static const uint32_t pieces[] = {0, 1, 62, 63, 64, 127, 128, 290, 298, 299};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct fixture f;
        set_up_started(&f, MANY, i);
        struct bitset has = new_set(MANY + PICKER_RANDOM_START);
        note_haves(&f.p, pieces[i], 3); /* all others are rarer */
        (void)bitset_add(&has, pieces[i]);
        CHECK_INT(picker_next(&f.p, &has, NULL), pieces[i]);
        CHECK_INT(picker_next(&f.p, &f.all, &has), pieces[i]);
        picker_set_state(&f.p, pieces[i], PIECE_ACTIVE);
        CHECK_INT(picker_next(&f.p, &has, NULL), PICKER_NONE);
        bitset_fini(&has);
        tear_down(&f);
    }
}

TEST(picker_forgets_a_deadline_that_was_lifted) {
    struct fixture f;
    set_up_started(&f, 3, 1);
    note_haves(&f.p, 1, 1), note_haves(&f.p, 2, 2);
    picker_set_deadline(&f.p, 2, 10);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 2);
    CHECK_INT(picker_deadline(&f.p, 2), 10);
    picker_set_deadline(&f.p, 2, USEC_NEVER);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 0);
    tear_down(&f);
}

TEST(picker_keeps_equal_deadlines_in_the_order_they_were_set) {
    static const uint32_t order[] = {4, 1, 3};
    struct fixture f;
    set_up_started(&f, 5, 1);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        picker_set_deadline(&f.p, order[i], 10);
    picker_set_deadline(&f.p, 0, 9);
    CHECK_INT(take_next(&f), 0);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        CHECK_INT(take_next(&f), order[i]);
    tear_down(&f);
}

/* -- chance ------------------------------------------------------------------------------- */

TEST(picker_starts_with_random_pieces) {
    /* Piece 0 is by far the rarest, yet a newcomer seldom begins with it. */
    uint32_t zero_first = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct fixture f;
        set_up(&f, 100, seed);
        for (uint32_t i = 1; i < 100; i++)
            note_haves(&f.p, i, 2);
        zero_first += picker_next(&f.p, &f.all, NULL) == 0;
        tear_down(&f);
    }
    CHECK(zero_first < 10);
}

TEST(picker_is_rarest_first_from_the_fifth_piece_on) {
    struct fixture f;
    set_up(&f, 100, 3);
    for (uint32_t i = 1; i < 100; i++)
        note_haves(&f.p, i, 2);
    for (uint32_t i = 0; i < PICKER_RANDOM_START; i++)
        fetch(&f.p, 50 + i);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 0);
    tear_down(&f);
}

TEST(picker_random_start_keeps_to_priorities_and_deadlines) {
    struct fixture f;
    set_up(&f, 100, 3);
    picker_set_priority(&f.p, 40, 6);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 40);
    picker_set_deadline(&f.p, 30, 10);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 30);
    tear_down(&f);
}

TEST(picker_random_start_finds_the_one_piece_that_is_offered) {
    struct fixture f;
    set_up(&f, 100, 3);
    struct bitset has = new_set(100);
    (void)bitset_add(&has, 33);
    CHECK_INT(picker_next(&f.p, &has, NULL), 33);
    bitset_fini(&has);
    tear_down(&f);
}

/* How often each of n equally rare pieces comes first, over many seeds. */
static void count_first(uint32_t *first, uint32_t n, uint32_t seeds, bool moved) {
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct fixture f;
        set_up_started(&f, n, seed);
        for (uint32_t i = 0; moved && i < n; i++)
            note_haves(&f.p, i, 2);
        for (uint32_t i = 0; moved && i < n; i++)
            picker_note_gone(&f.p, i);
        first[picker_next(&f.p, &f.all, NULL)]++;
        tear_down(&f);
    }
}

TEST(picker_shuffles_ties) {
    for (int moved = 0; moved < 2; moved++) {
        uint32_t first[8 + PICKER_RANDOM_START] = {0};
        count_first(first, 8, 800, moved);
        for (uint32_t i = 0; i < 8; i++)
            CHECK(first[i] > 50 && first[i] < 160); /* 100 are expected */
    }
}

TEST(picker_chooses_the_same_with_the_same_seed) {
    struct fixture f, g;
    set_up(&f, 200, 9);
    set_up(&g, 200, 9);
    for (uint32_t i = 0; i < 200; i++)
        CHECK_INT(take_next(&f), take_next(&g));
    tear_down(&f);
    tear_down(&g);
}

/* -- peers -------------------------------------------------------------------------------- */

TEST(picker_counts_a_peer_once_per_piece) {
    struct fixture f;
    set_up(&f, 100, 1);
    struct bitset has = new_set(100);
    for (uint32_t i = 0; i < 100; i += 3)
        (void)bitset_add(&has, i);
    picker_note_peer(&f.p, &has);
    for (uint32_t i = 0; i < 100; i++)
        CHECK_INT(picker_availability(&f.p, i), i % 3 == 0);
    picker_forget_peer(&f.p, &has);
    for (uint32_t i = 0; i < 100; i++)
        CHECK_INT(picker_availability(&f.p, i), 0);
    bitset_fini(&has);
    tear_down(&f);
}

TEST(picker_counts_a_seed_for_every_piece_at_once) {
    struct fixture f;
    set_up(&f, 100, 1);
    note_haves(&f.p, 7, 1);
    picker_note_peer(&f.p, &f.all);
    CHECK_INT(f.p.seeds, 1);
    CHECK_INT(picker_availability(&f.p, 0), 1);
    CHECK_INT(picker_availability(&f.p, 7), 2);
    picker_forget_peer(&f.p, &f.all);
    CHECK_INT(f.p.seeds, 0);
    CHECK_INT(picker_availability(&f.p, 7), 1);
    tear_down(&f);
}

TEST(picker_makes_a_complete_peer_a_seed) {
    struct fixture f;
    set_up(&f, 100, 1);
    struct bitset has = new_set(100);
    note_haves(&f.p, 7, 2);
    for (uint32_t i = 0; i < 100; i++) {
        (void)bitset_add(&has, i);
        picker_note_have(&f.p, i);
    }
    picker_note_became_seed(&f.p);
    check(&f.p);
    CHECK_INT(f.p.seeds, 1);
    CHECK_INT(picker_availability(&f.p, 0), 1);
    CHECK_INT(picker_availability(&f.p, 7), 3);
    picker_forget_peer(&f.p, &has);
    CHECK_INT(picker_availability(&f.p, 7), 2);
    bitset_fini(&has);
    tear_down(&f);
}

TEST(picker_interesting_is_what_we_want_and_lack) {
    static const struct {
        enum piece_state state;
        int priority;
        bool interesting;
    } rows[] = {
        {PIECE_MISSING, 4, true},  {PIECE_ACTIVE, 4, true},  {PIECE_HASHING, 4, false},
        {PIECE_WRITING, 4, false}, {PIECE_HAVE, 4, false},   {PIECE_MISSING, 0, false},
        {PIECE_ACTIVE, 0, false},  {PIECE_MISSING, 1, true},
    };
    static const enum piece_state way[] = {PIECE_ACTIVE, PIECE_HASHING, PIECE_WRITING,
                                           PIECE_HAVE};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        set_up(&f, MANY, 1);
        struct bitset has = new_set(MANY);
        CHECK(!picker_interesting(&f.p, &has));
        (void)bitset_add(&has, 299);
        for (size_t k = 0; k < COUNT_OF(way) && way[k] <= rows[i].state; k++)
            picker_set_state(&f.p, 299, way[k]);
        picker_set_priority(&f.p, 299, rows[i].priority);
        CHECK_INT(picker_interesting(&f.p, &has), rows[i].interesting);
        CHECK(picker_interesting(&f.p, &f.all));
        bitset_fini(&has);
        tear_down(&f);
    }
}

TEST(picker_openable_counts_what_somebody_has) {
    struct fixture f;
    set_up(&f, 10, 1);
    CHECK_INT(picker_openable(&f.p), 0);
    note_haves(&f.p, 3, 2), note_haves(&f.p, 4, 1);
    picker_set_priority(&f.p, 4, 7);
    CHECK_INT(picker_openable(&f.p), 2);
    picker_set_state(&f.p, 3, PIECE_ACTIVE);
    CHECK_INT(picker_openable(&f.p), 1);
    picker_note_peer(&f.p, &f.all);
    CHECK_INT(picker_openable(&f.p), 9);
    tear_down(&f);
}

TEST(picker_histogram_puts_the_rest_into_the_last_cell) {
    struct fixture f;
    uint32_t cells[4];
    set_up(&f, 10, 1);
    note_haves(&f.p, 0, 1), note_haves(&f.p, 1, 2), note_haves(&f.p, 2, 9);
    picker_histogram(&f.p, cells, 4);
    CHECK_INT(cells[0], 7);
    CHECK_INT(cells[1], 1);
    CHECK_INT(cells[2], 1);
    CHECK_INT(cells[3], 1);
    picker_note_peer(&f.p, &f.all);
    picker_histogram(&f.p, cells, 4);
    CHECK_INT(cells[0], 0);
    CHECK_INT(cells[1], 7);
    CHECK_INT(cells[3], 2);
    tear_down(&f);
}

/* -- states ------------------------------------------------------------------------------- */

TEST(picker_counts_have_and_wanted_through_the_states) {
    static const struct {
        enum piece_state state;
        uint32_t have;
    } rows[] = {
        {PIECE_ACTIVE, 0},  {PIECE_MISSING, 0}, {PIECE_ACTIVE, 0},  {PIECE_HASHING, 0},
        {PIECE_ACTIVE, 0},  {PIECE_HASHING, 0}, {PIECE_WRITING, 0}, {PIECE_HASHING, 0},
        {PIECE_HAVE, 1},    {PIECE_MISSING, 0}, {PIECE_HAVE, 1},    {PIECE_MISSING, 0},
        {PIECE_ACTIVE, 0},  {PIECE_HASHING, 0}, {PIECE_MISSING, 0}, {PIECE_ACTIVE, 0},
        {PIECE_HASHING, 0}, {PIECE_WRITING, 0}, {PIECE_HAVE, 1},
    };
    struct fixture f;
    set_up(&f, 3, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        picker_set_state(&f.p, 1, rows[i].state);
        check(&f.p);
        CHECK_INT(picker_state(&f.p, 1), rows[i].state);
        CHECK_INT(f.p.have, rows[i].have);
        CHECK_INT(f.p.wanted_have, rows[i].have);
        CHECK_INT(f.p.wanted, 3);
    }
    tear_down(&f);
}

TEST(picker_is_done_when_all_wanted_pieces_are_there) {
    struct fixture f;
    set_up(&f, 3, 1);
    fetch(&f.p, 0);
    fetch(&f.p, 1);
    CHECK(!picker_done(&f.p));
    picker_set_priority(&f.p, 2, PRIORITY_SKIP);
    CHECK(picker_done(&f.p));
    picker_set_priority(&f.p, 0, PRIORITY_SKIP);
    CHECK_INT(f.p.have, 2);
    CHECK_INT(f.p.wanted_have, 1);
    CHECK(picker_done(&f.p));
    picker_set_priority(&f.p, 2, PRIORITY_NORMAL);
    CHECK(!picker_done(&f.p));
    tear_down(&f);
}

TEST(picker_piece_that_is_missing_again_is_offered_again) {
    struct fixture f;
    set_up_started(&f, 1, 1);
    CHECK_INT(take_next(&f), 0);
    CHECK_INT(take_next(&f), PICKER_NONE);
    picker_set_state(&f.p, 0, PIECE_MISSING);
    CHECK_INT(take_next(&f), 0);
    tear_down(&f);
}

TEST(picker_remembers_a_deadline_while_the_piece_is_active) {
    struct fixture f;
    set_up_started(&f, 5, 1);
    picker_set_deadline(&f.p, 2, 10);
    CHECK_INT(f.p.deadlines, 1);
    CHECK_INT(take_next(&f), 2);
    CHECK_INT(f.p.deadlines, 0);
    CHECK_INT(f.p.active_deadlines, 1);
    CHECK_INT(picker_deadline(&f.p, 2), 10);
    picker_set_state(&f.p, 2, PIECE_MISSING);
    CHECK_INT(picker_next(&f.p, &f.all, NULL), 2);
    tear_down(&f);
}

TEST(picker_state_names) {
    CHECK_STR(piece_state_name(PIECE_MISSING), "missing");
    CHECK_STR(piece_state_name(PIECE_ACTIVE), "active");
    CHECK_STR(piece_state_name(PIECE_HASHING), "hashing");
    CHECK_STR(piece_state_name(PIECE_WRITING), "writing");
    CHECK_STR(piece_state_name(PIECE_HAVE), "have");
}

TEST(picker_of_no_pieces_and_of_one) {
    for (uint32_t pieces = 0; pieces < 2; pieces++) {
        struct fixture f;
        set_up(&f, pieces, 1);
        CHECK_INT(picker_done(&f.p), pieces == 0);
        CHECK_INT(picker_next(&f.p, &f.all, NULL), pieces ? 0 : PICKER_NONE);
        CHECK_INT(picker_interesting(&f.p, &f.all), pieces);
        tear_down(&f);
    }
}

/* -- against a naive model ---------------------------------------------------------------- */

#define MODEL_PIECES 70
#define MODEL_PEERS 12

struct model {
    struct fixture f;
    struct rng rng; /* of the test, not of the picker */
    uint32_t availability[MODEL_PIECES];
    int priority[MODEL_PIECES];
    usec deadline[MODEL_PIECES];
    enum piece_state state[MODEL_PIECES];
    struct bitset peer[MODEL_PEERS];
    bool here[MODEL_PEERS];
};

static uint32_t dice(struct model *m, uint32_t bound) {
    return rng_below(&m->rng, bound);
}

/* Is piece a to be chosen before b? Neither before the other: a tie. */
static bool model_before(const struct model *m, uint32_t a, uint32_t b) {
    if (m->deadline[a] != m->deadline[b])
        return m->deadline[a] < m->deadline[b];
    if (m->deadline[a] != USEC_NEVER)
        return false;
    if (m->priority[a] != m->priority[b])
        return m->priority[a] > m->priority[b];
    return m->f.p.have >= PICKER_RANDOM_START && m->availability[a] < m->availability[b];
}

static void model_check_next(struct model *m, const struct bitset *has,
                             const struct bitset *only) {
    uint32_t got = picker_next(&m->f.p, has, only);
    bool any = false;
    for (uint32_t i = 0; i < MODEL_PIECES; i++) {
        if (m->state[i] != PIECE_MISSING || !m->priority[i] || !bitset_has(has, i) ||
            (only && !bitset_has(only, i)))
            continue;
        any = true;
        CHECK(got != PICKER_NONE);
        CHECK(!model_before(m, i, got));
    }
    CHECK_INT(got != PICKER_NONE, any);
    if (!any)
        return;
    CHECK(m->state[got] == PIECE_MISSING && m->priority[got]);
    CHECK(bitset_has(has, got) && (!only || bitset_has(only, got)));
}

static void model_check(struct model *m) {
    uint32_t have = 0, wanted = 0, both = 0;
    check(&m->f.p);
    for (uint32_t i = 0; i < MODEL_PIECES; i++) {
        CHECK_INT(picker_availability(&m->f.p, i), m->availability[i]);
        CHECK_INT(picker_state(&m->f.p, i), m->state[i]);
        have += m->state[i] == PIECE_HAVE;
        wanted += m->priority[i] > 0;
        both += m->state[i] == PIECE_HAVE && m->priority[i] > 0;
    }
    CHECK_INT(m->f.p.have, have);
    CHECK_INT(m->f.p.wanted, wanted);
    CHECK_INT(m->f.p.wanted_have, both);
}

static void model_change_state(struct model *m, uint32_t piece) {
    static const enum piece_state next[][4] = {
        [PIECE_MISSING] = {PIECE_ACTIVE, PIECE_ACTIVE, PIECE_ACTIVE, PIECE_HAVE},
        [PIECE_ACTIVE] = {PIECE_MISSING, PIECE_HASHING, PIECE_HASHING, PIECE_MISSING},
        [PIECE_HASHING] = {PIECE_HAVE, PIECE_WRITING, PIECE_ACTIVE, PIECE_MISSING},
        [PIECE_WRITING] = {PIECE_HAVE, PIECE_HASHING, PIECE_MISSING, PIECE_HAVE},
        [PIECE_HAVE] = {PIECE_MISSING, PIECE_MISSING, PIECE_MISSING, PIECE_MISSING},
    };
    m->state[piece] = next[m->state[piece]][dice(m, 4)];
    picker_set_state(&m->f.p, piece, m->state[piece]);
}

static void model_count(struct model *m, const struct bitset *has, int by) {
    for (uint32_t i = 0; i < MODEL_PIECES; i++)
        if (bitset_has(has, i))
            m->availability[i] = (uint32_t)((int)m->availability[i] + by);
}

static void model_peer_comes(struct model *m, uint32_t peer) {
    struct bitset *has = &m->peer[peer];
    uint32_t share = dice(m, 11);
    bitset_clear(has);
    for (uint32_t i = 0; i < MODEL_PIECES; i++)
        if (dice(m, 10) < share)
            (void)bitset_add(has, i);
    picker_note_peer(&m->f.p, has);
    model_count(m, has, 1);
}

static void model_peer_goes(struct model *m, uint32_t peer) {
    picker_forget_peer(&m->f.p, &m->peer[peer]);
    model_count(m, &m->peer[peer], -1);
}

static void model_peer_gets(struct model *m, uint32_t peer, uint32_t piece) {
    if (!m->here[peer] || !bitset_add(&m->peer[peer], piece))
        return;
    picker_note_have(&m->f.p, piece);
    m->availability[piece]++;
    if (bitset_full(&m->peer[peer]))
        picker_note_became_seed(&m->f.p);
}

static void model_step(struct model *m) {
    uint32_t piece = dice(m, MODEL_PIECES), peer = dice(m, MODEL_PEERS);
    switch (dice(m, 8)) {
    case 0:
        m->here[peer] ? model_peer_goes(m, peer) : model_peer_comes(m, peer);
        m->here[peer] = !m->here[peer];
        break;
    case 1:
        m->priority[piece] = (int)dice(m, 8);
        picker_set_priority(&m->f.p, piece, m->priority[piece]);
        break;
    case 2:
        m->deadline[piece] = dice(m, 3) ? USEC_NEVER : (usec)dice(m, 20);
        picker_set_deadline(&m->f.p, piece, m->deadline[piece]);
        break;
    case 3:
    case 4: model_change_state(m, piece); break;
    default: model_peer_gets(m, peer, piece);
    }
}

static void model_run(uint64_t seed, int steps) {
    struct model *m = calloc(1, sizeof *m);
    CHECK(m);
    rng_seed(&m->rng, seed);
    set_up(&m->f, MODEL_PIECES, seed + 1);
    for (uint32_t i = 0; i < MODEL_PIECES; i++)
        m->priority[i] = PRIORITY_NORMAL, m->deadline[i] = USEC_NEVER;
    for (uint32_t i = 0; i < MODEL_PEERS; i++)
        m->peer[i] = new_set(MODEL_PIECES);
    for (int i = 0; i < steps; i++) {
        model_step(m);
        model_check(m);
        const struct bitset *has = &m->peer[dice(m, MODEL_PEERS)];
        model_check_next(m, has, dice(m, 4) ? NULL : &m->peer[dice(m, MODEL_PEERS)]);
        model_check_next(m, &m->f.all, NULL);
    }
    for (uint32_t i = 0; i < MODEL_PEERS; i++)
        bitset_fini(&m->peer[i]);
    tear_down(&m->f);
    free(m);
}

TEST(picker_agrees_with_a_naive_model) {
    for (uint64_t seed = 0; seed < 10; seed++)
        model_run(seed, 1500);
}
