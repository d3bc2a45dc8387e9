#include "swarm/download.h"

#include "base/err.h"
#include "support/check.h"

#define PIECES 40
#define BLOCKS 4 /* in a piece */
#define PIECE (BLOCKS * WIRE_BLOCK)
#define LAST (WIRE_BLOCK + 100) /* the last piece: two blocks */
#define PEERS 12

struct peer {
    struct asker row;
    struct bitset has, allowed;
    struct block_ref asked[PIECES * BLOCKS]; /* outstanding */
    uint32_t count;
    bool here, choked;
    usec cleared; /* its eta once the way is clear */
};

struct fixture {
    struct rng rng;
    struct picker picker;
    struct active_pieces open;
    struct budget budget;
    struct download d;
    struct peer peer[PEERS];
    usec now;
};

static bool has_asked(void *ctx, uint32_t piece, uint32_t begin) {
    const struct peer *p = ctx;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->asked[i].piece == piece && p->asked[i].begin == begin)
            return true;
    return false;
}

static usec eta_for(void *ctx, usec due) {
    const struct peer *p = ctx;
    (void)due;
    return p->cleared;
}

/* Everybody has everything; the first pieces are there, so the rest goes rarest first: the lower
 * its number the rarer. */
static struct fixture *set_up(void) {
    struct fixture *f = calloc(1, sizeof *f);
    CHECK(f);
    rng_seed(&f->rng, 1);
    f->now = 1000 * USEC_PER_SEC;
    f->budget.limit = (size_t)PIECES * PIECE;
    CHECK_INT(picker_init(&f->picker, PIECES, &f->rng), 0);
    CHECK_INT(active_pieces_init(&f->open, (uint64_t)(PIECES - 1) * PIECE + LAST, PIECE,
                                 PIECES, 4, &f->budget),
              0);
    f->d = (struct download){.picker = &f->picker, .open = &f->open, .peers = PEERS};
    for (uint32_t i = 0; i < PEERS; i++) {
        struct peer *p = &f->peer[i];
        CHECK_INT(bitset_init(&p->has, PIECES), 0);
        CHECK_INT(bitset_init(&p->allowed, PIECES), 0);
        bitset_fill(&p->has);
        p->row = (struct asker){.peer = (handle)1 << 32 | (i + 1),
                                .has = &p->has,
                                .last_piece = PICKER_NONE,
                                .has_asked = has_asked,
                                .eta_for = eta_for,
                                .ctx = p};
    }
    return f;
}

static void rank_by_number(struct fixture *f) {
    for (uint32_t i = PIECES - 5; i < PIECES - 1; i++)
        picker_set_state(&f->picker, i, PIECE_HAVE);
    for (uint32_t i = 0; i < PIECES; i++)
        for (uint32_t k = 0; k < i + 1; k++)
            picker_note_have(&f->picker, i);
}

static struct fixture *set_up_ranked(void) {
    struct fixture *f = set_up();
    rank_by_number(f);
    return f;
}

static void check(const struct fixture *f) {
#ifndef NDEBUG
    picker_check(&f->picker);
#else
    (void)f;
#endif
}

static void tear_down(struct fixture *f) {
    check(f);
    for (uint32_t i = 0; i < PEERS; i++) {
        bitset_fini(&f->peer[i].has);
        bitset_fini(&f->peer[i].allowed);
    }
    active_pieces_fini(&f->open);
    CHECK_INT(f->budget.used, 0);
    picker_fini(&f->picker);
    free(f);
}

static int next(struct fixture *f, uint32_t peer, struct block_ref *out, bool *end_game) {
    struct peer *p = &f->peer[peer];
    p->row.outstanding = p->count;
    return download_next(&f->d, &p->row, f->now, out, end_game);
}

/* Asks and remembers, as the engine does; what it was is the answer. */
static struct block_ref ask(struct fixture *f, uint32_t peer) {
    struct peer *p = &f->peer[peer];
    struct block_ref out;
    bool end_game;
    CHECK_INT(next(f, peer, &out, &end_game), 1);
    CHECK(!end_game);
    CHECK(!has_asked(p, out.piece, out.begin));
    p->asked[p->count++] = out;
    p->row.last_piece = out.piece;
    return out;
}

static void check_ask(struct fixture *f, uint32_t peer, uint32_t piece, uint32_t block) {
    struct block_ref got = ask(f, peer);
    CHECK_INT(got.piece, piece);
    CHECK_INT(got.block, block);
}

static void check_nothing(struct fixture *f, uint32_t peer, int result) {
    struct block_ref out;
    bool end_game;
    CHECK_INT(next(f, peer, &out, &end_game), result);
    CHECK(!end_game);
}

static struct block_ref forget(struct peer *p, uint32_t i) {
    struct block_ref was = p->asked[i];
    p->asked[i] = p->asked[--p->count];
    return was;
}

/* The block arrives: 1, or 0 when it is a duplicate. */
static int deliver(struct fixture *f, uint32_t peer, uint32_t i) {
    struct block_ref b = forget(&f->peer[peer], i);
    struct active_piece *p = active_pieces_get(&f->open, b.piece);
    if (!p || !p->buffer)
        return 0;
    return active_piece_note_received(p, b.block, f->peer[peer].row.peer, f->now);
}

static void deliver_all(struct fixture *f, uint32_t peer) {
    while (f->peer[peer].count)
        CHECK_INT(deliver(f, peer, 0), 1);
}

static void unask(struct fixture *f, uint32_t peer, uint32_t i) {
    struct block_ref b = forget(&f->peer[peer], i);
    download_on_unasked(&f->d, b.piece, b.begin);
}

/* Hashed and written. */
static void finish(struct fixture *f, uint32_t piece) {
    struct active_piece *p = active_pieces_get(&f->open, piece);
    CHECK(p && active_piece_has_all(p));
    picker_set_state(&f->picker, piece, PIECE_HASHING);
    picker_set_state(&f->picker, piece, PIECE_HAVE);
    active_pieces_close(&f->open, p);
}

/* All that is wanted are the first n pieces. */
static void want_first(struct fixture *f, uint32_t n) {
    for (uint32_t i = n; i < PIECES; i++)
        picker_set_priority(&f->picker, i, PRIORITY_SKIP);
}

static void has_only(struct fixture *f, uint32_t peer, uint32_t piece) {
    bitset_clear(&f->peer[peer].has);
    (void)bitset_add(&f->peer[peer].has, piece);
}

/* -- rule 1 ------------------------------------------------------------------------------- */

TEST(download_runs_on_in_the_piece_it_asked_last) {
    struct fixture *f = set_up_ranked();
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 0, i);
    check_ask(f, 0, 1, 0);
    tear_down(f);
}

TEST(download_runs_on_although_another_piece_misses_less) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    f->peer[1].row.last_piece = 1;
    picker_set_state(&f->picker, 1, PIECE_ACTIVE);
    CHECK(active_pieces_open(&f->open, 1, f->now));
    deliver_all(f, 0);
    check_ask(f, 1, 1, 0);
    tear_down(f);
}

TEST(download_gives_blocks_as_they_lie_in_the_piece) {
    struct fixture *f = set_up_ranked();
    want_first(f, 0);
    picker_set_priority(&f->picker, PIECES - 1, PRIORITY_NORMAL);
    struct block_ref a = ask(f, 0), b = ask(f, 0);
    CHECK_INT(a.begin, 0);
    CHECK_INT(a.length, WIRE_BLOCK);
    CHECK_INT(b.piece, PIECES - 1);
    CHECK_INT(b.begin, WIRE_BLOCK);
    CHECK_INT(b.length, 100);
    CHECK_INT(b.block, 1);
    tear_down(f);
}

TEST(download_notes_the_block_as_asked_and_the_piece_as_active) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    CHECK_INT(picker_state(&f->picker, 0), PIECE_ACTIVE);
    CHECK_INT(active_pieces_get(&f->open, 0)->block[0].state, BLOCK_ASKED);
    CHECK_INT(active_pieces_get(&f->open, 0)->block[0].askers, 1);
    tear_down(f);
}

/* -- rule 2 ------------------------------------------------------------------------------- */

TEST(download_finishes_partial_pieces_first) {
    struct fixture *f = set_up_ranked();
    has_only(f, 0, 9);
    check_ask(f, 0, 9, 0);
    check_ask(f, 1, 9, 1); /* pieces 0 to 8 are rarer */
    tear_down(f);
}

TEST(download_prefers_the_open_piece) {
    static const struct {
        const char *name;
        int priority[3];
        uint32_t received[3];
        usec deadline[3];
        uint32_t piece;
    } rows[] = {
        {"that misses the fewest blocks", {4, 4, 4}, {1, 3, 2}, {0}, 1},
        {"of the highest priority", {4, 4, 5}, {1, 3, 2}, {0}, 2},
        {"with a deadline", {7, 4, 1}, {3, 1, 1}, {0, 0, 9}, 2},
        {"with the earliest deadline", {7, 4, 1}, {3, 1, 1}, {20, 10, 30}, 1},
        {"that is wanted", {0, 0, 1}, {3, 3, 1}, {1, 2, 0}, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture *f = set_up_ranked();
        for (uint32_t k = 0; k < 3; k++) {
            picker_set_state(&f->picker, k, PIECE_ACTIVE);
            struct active_piece *p = active_pieces_open(&f->open, k, f->now);
            CHECK(p);
            for (uint32_t b = 0; b < rows[i].received[k]; b++)
                CHECK_INT(active_piece_note_received(p, b, 1, f->now), 1);
            picker_set_priority(&f->picker, k, rows[i].priority[k]);
            if (rows[i].deadline[k])
                picker_set_deadline(&f->picker, k, rows[i].deadline[k]);
        }
        uint32_t piece = ask(f, 0).piece;
        if (piece != rows[i].piece)
            check_fail(__FILE__, __LINE__, "%s: %u", rows[i].name, piece);
        tear_down(f);
    }
}

TEST(download_leaves_open_pieces_to_peers_that_have_them) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    has_only(f, 1, 7);
    check_ask(f, 1, 7, 0);
    has_only(f, 2, PIECES - 2); /* we have it */
    check_nothing(f, 2, 0);
    tear_down(f);
}

TEST(download_asks_nothing_of_a_skipped_piece) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    picker_set_priority(&f->picker, 0, PRIORITY_SKIP);
    check_ask(f, 0, 1, 0);
    tear_down(f);
}

/* -- rule 3 ------------------------------------------------------------------------------- */

TEST(download_opens_the_rarest_piece) {
    struct fixture *f = set_up_ranked();
    (void)bitset_remove(&f->peer[0].has, 0);
    check_ask(f, 0, 1, 0);
    tear_down(f);
}

TEST(download_bounds_the_open_pieces_by_the_peers) {
    static const struct {
        uint32_t peers, open;
    } rows[] = {{0, OPEN_AT_LEAST}, {1, OPEN_AT_LEAST}, {3, 4}, {4, 6}, {5, 7}, {6, 9}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture *f = set_up_ranked();
        f->d.peers = rows[i].peers;
        for (uint32_t k = 0; k < rows[i].open; k++) {
            has_only(f, k, k);
            check_ask(f, k, k, 0);
        }
        has_only(f, 11, 20);
        check_nothing(f, 11, 0);
        CHECK_INT(f->open.count, rows[i].open);
        deliver_all(f, 0); /* no one works on piece 0 now: it does not stop the others */
        check_ask(f, 11, 20, 0);
        tear_down(f);
    }
}

TEST(download_pipeline_to_one_peer_is_not_bounded_by_the_peers) {
    struct fixture *f = set_up_ranked();
    f->d.peers = 1;
    for (uint32_t i = 0; i < 10 * BLOCKS; i++)
        check_ask(f, 0, i / BLOCKS, i % BLOCKS);
    tear_down(f);
}

TEST(download_opens_a_deadline_piece_beyond_the_bound) {
    struct fixture *f = set_up_ranked();
    f->d.peers = 1;
    for (uint32_t k = 0; k < OPEN_AT_LEAST; k++) {
        has_only(f, k, k);
        check_ask(f, k, k, 0);
    }
    has_only(f, 11, 20);
    check_nothing(f, 11, 0);
    picker_set_deadline(&f->picker, 20, f->now);
    check_ask(f, 11, 20, 0);
    tear_down(f);
}

TEST(download_new_deadline_comes_before_running_on) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    picker_set_deadline(&f->picker, 30, f->now + 5);
    check_ask(f, 0, 30, 0);
    picker_set_deadline(&f->picker, 31, f->now + 6);
    check_ask(f, 0, 30, 1); /* the earlier one goes on */
    picker_set_deadline(&f->picker, 32, f->now + 4);
    check_ask(f, 0, 32, 0);
    check_ask(f, 1, 32, 1);
    tear_down(f);
}

TEST(download_helps_with_an_open_deadline_before_running_on) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    picker_set_deadline(&f->picker, 30, f->now);
    check_ask(f, 1, 30, 0);
    check_ask(f, 0, 30, 1);
    tear_down(f);
}

TEST(download_runs_on_while_others_have_deadlines) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    deliver_all(f, 0);
    f->peer[1].row.last_piece = 1;
    picker_set_state(&f->picker, 1, PIECE_ACTIVE);
    CHECK(active_pieces_open(&f->open, 1, f->now));
    (void)bitset_remove(&f->peer[1].has, 30);
    picker_set_deadline(&f->picker, 30, f->now);
    check_ask(f, 1, 1, 0); /* piece 0 misses fewer blocks */
    tear_down(f);
}

TEST(download_tries_again_when_the_budget_is_spent) {
    struct fixture *f = set_up_ranked();
    f->budget.limit = 2 * PIECE;
    for (uint32_t i = 0; i < 2 * BLOCKS; i++)
        check_ask(f, 0, i / BLOCKS, i % BLOCKS);
    check_nothing(f, 1, ERR_AGAIN);
    CHECK_INT(f->open.count, 2);
    CHECK_INT(picker_state(&f->picker, 2), PIECE_MISSING);
    deliver_all(f, 0);
    finish(f, 0);
    check_ask(f, 1, 2, 0);
    tear_down(f);
}

TEST(download_does_not_wait_for_memory_when_an_open_piece_will_do) {
    struct fixture *f = set_up_ranked();
    f->budget.limit = PIECE;
    check_ask(f, 0, 0, 0);
    check_ask(f, 1, 0, 1);
    picker_set_deadline(&f->picker, 8, f->now); /* no room for it */
    check_ask(f, 1, 0, 2);
    tear_down(f);
}

TEST(download_gives_up_a_stranded_piece_for_memory) {
    static const struct {
        const char *name;
        bool unwanted, gone, silent;
        int result;
    } rows[] = {
        {"it may go on any moment", false, false, false, ERR_AGAIN},
        {"skipped meanwhile", true, false, false, 1},
        {"nobody has it", false, true, false, 1},
        {"silent for a minute", false, false, true, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture *f = set_up_ranked();
        struct block_ref out;
        bool end_game;
        f->budget.limit = PIECE;
        check_ask(f, 0, 0, 0);
        deliver_all(f, 0);
        if (rows[i].unwanted)
            picker_set_priority(&f->picker, 0, PRIORITY_SKIP);
        if (rows[i].gone)
            picker_note_gone(&f->picker, 0);
        if (rows[i].silent)
            f->now += STRANDED_AFTER;
        has_only(f, 1, 1);
        int result = next(f, 1, &out, &end_game);
        if (result != rows[i].result)
            check_fail(__FILE__, __LINE__, "%s: %d", rows[i].name, result);
        CHECK_INT(picker_state(&f->picker, 0),
                  result == 1 ? PIECE_MISSING : PIECE_ACTIVE);
        tear_down(f);
    }
}

TEST(download_deadline_takes_the_memory_of_an_untouched_piece) {
    struct fixture *f = set_up_ranked();
    f->budget.limit = PIECE;
    check_ask(f, 0, 0, 0);
    unask(f, 0, 0);
    picker_set_deadline(&f->picker, 8, f->now);
    check_ask(f, 1, 8, 0);
    CHECK(!active_pieces_get(&f->open, 0));
    tear_down(f);
}

TEST(download_does_without_when_the_room_made_is_too_small) {
    struct fixture *f = set_up_ranked();
    f->budget.limit = PIECE - 1;
    has_only(f, 0, PIECES - 1);
    check_ask(f, 0, PIECES - 1, 0);
    unask(f, 0, 0);
    picker_set_deadline(&f->picker, 8, f->now);
    check_nothing(f, 1, ERR_AGAIN);
    CHECK_INT(f->open.count, 0);
    tear_down(f);
}

TEST(download_never_gives_up_a_piece_that_bytes_are_landing_in) {
    struct fixture *f = set_up_ranked();
    f->budget.limit = PIECE;
    check_ask(f, 0, 0, 0);
    unask(f, 0, 0);
    active_pieces_get(&f->open, 0)->block[0].landing = true;
    has_only(f, 1, 1);
    check_nothing(f, 1, ERR_AGAIN);
    CHECK_INT(download_trim(&f->d), 0);
    active_pieces_get(&f->open, 0)->block[0].landing = false;
    check_ask(f, 1, 1, 0);
    CHECK(!active_pieces_get(&f->open, 0));
    tear_down(f);
}

/* -- pieces of one's own ------------------------------------------------------------------ */

TEST(download_gives_a_fast_peer_a_piece_of_its_own) {
    struct fixture *f = set_up_ranked();
    f->peer[0].row.fast = true;
    check_ask(f, 0, 0, 0);
    CHECK(active_pieces_get(&f->open, 0)->only == f->peer[0].row.peer);
    check_ask(f, 1, 1, 0);
    check_ask(f, 0, 0, 1);
    tear_down(f);
}

TEST(download_fast_peer_still_finishes_partial_pieces_first) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    f->peer[1].row.fast = true;
    check_ask(f, 1, 0, 1);
    CHECK(!active_pieces_get(&f->open, 0)->only);
    tear_down(f);
}

TEST(download_shares_a_deadline_piece_even_of_a_fast_peer) {
    struct fixture *f = set_up_ranked();
    f->peer[0].row.fast = true;
    picker_set_deadline(&f->picker, 5, f->now);
    check_ask(f, 0, 5, 0);
    check_ask(f, 1, 5, 1);
    picker_set_deadline(&f->picker, 5, USEC_NEVER);
    check_ask(f, 0, 5, 2);
    check_ask(f, 0, 5, 3);
    check_ask(f, 0, 0, 0); /* its own; then it gets in a hurry */
    picker_set_deadline(&f->picker, 0, f->now);
    check_ask(f, 1, 0, 1);
    tear_down(f);
}

TEST(download_idle_peer_helps_a_fast_one) {
    struct fixture *f = set_up_ranked();
    want_first(f, 1);
    f->peer[0].row.fast = true;
    check_ask(f, 0, 0, 0);
    check_ask(f, 1, 0, 1);
    check_nothing(f, 1, 0); /* it is busy now */
    tear_down(f);
}

TEST(download_peers_share_pieces_when_memory_is_spent) {
    struct fixture *f = set_up_ranked();
    f->budget.limit = PIECE;
    f->peer[0].row.fast = true;
    check_ask(f, 0, 0, 0);
    check_ask(f, 1, 0, 1);
    check_ask(f, 1, 0, 2); /* although it is not idle */
    tear_down(f);
}

TEST(download_gives_a_peer_on_parole_whole_pieces_alone) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 1, 0, 0);
    f->peer[0].row.parole = true;
    check_ask(f, 0, 1, 0); /* not the open piece 0 */
    CHECK(active_pieces_get(&f->open, 1)->only == f->peer[0].row.peer);
    has_only(f, 2, 1);
    check_nothing(f, 2, 0); /* nobody helps it, idle or not */
    for (uint32_t i = 1; i < BLOCKS; i++)
        check_ask(f, 0, 1, i);
    check_ask(f, 0, 2, 0);
    tear_down(f);
}

TEST(download_parole_leaves_the_piece_it_was_in) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    f->peer[0].row.parole = true;
    check_ask(f, 0, 1, 0);
    tear_down(f);
}

TEST(download_parole_takes_over_an_untouched_open_piece) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 1, 0, 0);
    unask(f, 1, 0);
    f->peer[0].row.parole = true;
    check_ask(f, 0, 0, 0);
    CHECK(active_pieces_get(&f->open, 0)->only == f->peer[0].row.peer);
    check_ask(f, 1, 1, 0);
    tear_down(f);
}

TEST(download_parole_finishes_what_others_began_rather_than_idle) {
    struct fixture *f = set_up_ranked();
    want_first(f, 1);
    check_ask(f, 1, 0, 0);
    f->peer[0].row.parole = true;
    check_ask(f, 0, 0, 1);
    CHECK(!active_pieces_get(&f->open, 0)->only);
    check_nothing(f, 0, 0); /* one block at a time */
    tear_down(f);
}

TEST(download_silent_owner_loses_its_piece_for_good) {
    struct fixture *f = set_up_ranked();
    want_first(f, 1);
    f->peer[0].row.parole = true;
    check_ask(f, 0, 0, 0);
    f->now += OWNER_SILENT - 1;
    check_nothing(f, 1, 0);
    f->now += 1;
    check_ask(f, 1, 0, 1);
    deliver_all(f, 1);
    check_ask(f, 2, 0, 2);
    tear_down(f);
}

TEST(download_owner_that_left_loses_its_piece_at_once) {
    struct fixture *f = set_up_ranked();
    want_first(f, 1);
    f->peer[0].row.parole = true;
    check_ask(f, 0, 0, 0);
    check_nothing(f, 1, 0);
    unask(f, 0, 0);
    download_on_gone(&f->d, f->peer[0].row.peer);
    check_ask(f, 1, 0, 0);
    check_ask(f, 2, 0, 1);
    tear_down(f);
}

/* -- allowed fast ------------------------------------------------------------------------- */

TEST(download_while_choked_keeps_to_the_allowed_pieces) {
    struct fixture *f = set_up_ranked();
    struct peer *p = &f->peer[0];
    check_ask(f, 1, 0, 0);
    p->row.only = &p->allowed;
    check_nothing(f, 0, 0);
    (void)bitset_add(&p->allowed, 17);
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 17, i);
    check_nothing(f, 0, 0);
    (void)bitset_add(&p->allowed, 0);
    check_ask(f, 0, 0, 1);
    tear_down(f);
}

TEST(download_end_game_keeps_to_the_allowed_pieces) {
    struct fixture *f = set_up_ranked();
    struct block_ref out;
    bool end_game;
    want_first(f, 2);
    for (uint32_t i = 0; i < 2 * BLOCKS; i++)
        ask(f, 1);
    f->peer[0].row.only = &f->peer[0].allowed;
    check_nothing(f, 0, 0);
    (void)bitset_add(&f->peer[0].allowed, 1);
    CHECK_INT(next(f, 0, &out, &end_game), 1);
    CHECK(end_game);
    CHECK_INT(out.piece, 1);
    tear_down(f);
}

/* -- rule 4: end game --------------------------------------------------------------------- */

/* Piece 0 alone is wanted, and all its blocks are asked of peer 0. */
static struct fixture *set_up_end_game(void) {
    struct fixture *f = set_up_ranked();
    want_first(f, 1);
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 0, i);
    return f;
}

static void check_copy(struct fixture *f, uint32_t peer, uint32_t block) {
    struct peer *p = &f->peer[peer];
    struct block_ref out;
    bool end_game;
    CHECK_INT(next(f, peer, &out, &end_game), 1);
    CHECK(end_game);
    CHECK(!has_asked(p, out.piece, out.begin));
    CHECK_INT(out.block, block);
    p->asked[p->count++] = out;
}

TEST(download_end_game_spreads_over_the_least_asked_blocks) {
    struct fixture *f = set_up_end_game();
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_copy(f, 1 + i, i);
    check_copy(f, 1 + BLOCKS, 0);
    tear_down(f);
}

TEST(download_end_game_asks_at_most_three_copies) {
    struct fixture *f = set_up_end_game();
    for (uint32_t i = 0; i < BLOCKS * (END_GAME_COPIES - 1); i++)
        check_copy(f, 1 + i, i % BLOCKS);
    check_nothing(f, PEERS - 1, 0);
    for (uint32_t i = 0; i < BLOCKS; i++)
        CHECK_INT(active_pieces_get(&f->open, 0)->block[i].askers, END_GAME_COPIES);
    unask(f, 0, 2);
    check_copy(f, PEERS - 1, 2);
    tear_down(f);
}

TEST(download_end_game_begins_with_the_oldest_piece) {
    struct fixture *f = set_up_ranked();
    picker_set_priority(&f->picker, 1, 7);
    want_first(f, 2);
    for (uint32_t i = 0; i < 2 * BLOCKS; i++)
        check_ask(f, 0, i < BLOCKS, i % BLOCKS);
    check_copy(f, 1, 0);
    CHECK_INT(f->peer[1].asked[0].piece, 1);
    tear_down(f);
}

TEST(download_end_game_is_for_idle_peers) {
    struct fixture *f = set_up_end_game();
    check_copy(f, 1, 0);
    check_nothing(f, 1, 0);
    deliver_all(f, 1);
    check_copy(f, 1, 1);
    tear_down(f);
}

TEST(download_end_game_never_asks_a_peer_twice) {
    struct fixture *f = set_up_end_game();
    struct block_ref out;
    bool end_game;
    f->peer[0].row.outstanding = 0; /* as if all of them were given up, but may come */
    CHECK_INT(download_next(&f->d, &f->peer[0].row, f->now, &out, &end_game), 0);
    tear_down(f);
}

TEST(download_end_game_waits_until_every_block_is_asked) {
    struct fixture *f = set_up_end_game();
    picker_set_priority(&f->picker, 1, PRIORITY_NORMAL);
    has_only(f, 1, 0);
    check_nothing(f, 1, 0); /* piece 1 is not open yet */
    ask(f, 0);
    check_nothing(f, 1, 0); /* three blocks of it are free */
    while (f->peer[0].count < 2 * BLOCKS)
        ask(f, 0);
    check_copy(f, 1, 0);
    tear_down(f);
}

TEST(download_end_game_does_not_wait_for_what_nobody_has) {
    struct fixture *f = set_up_end_game();
    picker_set_priority(&f->picker, 1, PRIORITY_NORMAL);
    for (int i = 0; i < 2; i++)
        picker_note_gone(&f->picker, 1);
    has_only(f, 1, 0);
    check_copy(f, 1, 0);
    tear_down(f);
}

TEST(download_end_game_does_not_wait_for_an_open_piece_that_nobody_has) {
    struct fixture *f = set_up_ranked();
    want_first(f, 2);
    has_only(f, 1, 1);
    check_ask(f, 1, 1, 0);
    deliver_all(f, 1);
    for (int i = 0; i < 2; i++)
        picker_note_gone(&f->picker, 1); /* its owners leave, half of it is missing */
    has_only(f, 0, 0), has_only(f, 1, 0);
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 0, i);
    check_copy(f, 1, 0);
    tear_down(f);
}

TEST(download_end_game_leaves_parole_alone) {
    struct fixture *f = set_up_ranked();
    want_first(f, 1);
    f->peer[0].row.parole = true;
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 0, i);
    check_nothing(f, 1, 0);
    tear_down(f);
    f = set_up_end_game();
    f->peer[1].row.parole = true;
    check_nothing(f, 1, 0);
    tear_down(f);
}

/* -- coming back -------------------------------------------------------------------------- */

TEST(download_asks_an_unasked_block_of_another_peer) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    check_ask(f, 0, 0, 1);
    unask(f, 0, 0);
    check_ask(f, 1, 0, 0);
    tear_down(f);
}

TEST(download_asks_a_block_again_only_of_those_who_do_not_still_send_it) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    /* Timed out: free for others, but this peer may still answer. */
    download_on_unasked(&f->d, 0, 0);
    check_ask(f, 0, 0, 1);
    check_ask(f, 1, 0, 0);
    tear_down(f);
}

TEST(download_unasking_what_is_not_open_is_harmless) {
    struct fixture *f = set_up_ranked();
    check_ask(f, 0, 0, 0);
    download_on_unasked(&f->d, 5, 0);
    download_on_unasked(&f->d, PIECES, 0);
    download_on_unasked(&f->d, UINT32_MAX, UINT32_MAX);
    download_on_unasked(&f->d, 0, UINT32_MAX);
    CHECK_INT(active_pieces_get(&f->open, 0)->free_count, BLOCKS - 1);
    tear_down(f);
}

TEST(download_trim_closes_what_nobody_works_on) {
    struct fixture *f = set_up_ranked();
    for (uint32_t k = 0; k < 3; k++) {
        has_only(f, k, k);
        check_ask(f, k, k, 0);
    }
    deliver_all(f, 1);
    unask(f, 2, 0);
    CHECK_INT(download_trim(&f->d), 1);
    CHECK(active_pieces_get(&f->open, 0)); /* asked */
    CHECK(active_pieces_get(&f->open, 1)); /* received a block */
    CHECK(!active_pieces_get(&f->open, 2));
    CHECK_INT(picker_state(&f->picker, 2), PIECE_MISSING);
    CHECK_INT(download_trim(&f->d), 0);
    tear_down(f);
}

TEST(download_abandon_closes_all_but_what_a_job_has) {
    struct fixture *f = set_up_ranked();
    for (uint32_t i = 0; i < 2 * BLOCKS + 1; i++)
        check_ask(f, 0, i / BLOCKS, i % BLOCKS);
    for (uint32_t i = 0; i < BLOCKS; i++)
        CHECK_INT(active_piece_note_received(active_pieces_get(&f->open, 0), i, 1, 1), 1);
    uint8_t *buffer = active_piece_take_buffer(active_pieces_get(&f->open, 0));
    picker_set_state(&f->picker, 0, PIECE_HASHING);
    download_abandon(&f->d);
    CHECK_INT(f->open.count, 1);
    CHECK_INT(picker_state(&f->picker, 0), PIECE_HASHING);
    CHECK_INT(picker_state(&f->picker, 1), PIECE_MISSING);
    CHECK_INT(picker_state(&f->picker, 2), PIECE_MISSING);
    active_pieces_give_buffer(&f->open, buffer, PIECE);
    tear_down(f);
}

/* -- a swarm ------------------------------------------------------------------------------ */

/* askers of a block are exactly the peers that it is outstanding with. */
static void check_askers(const struct fixture *f, const struct active_piece *p) {
    uint32_t free_count = 0, received = 0;
    for (uint32_t b = 0; b < p->blocks; b++) {
        uint32_t askers = 0;
        for (uint32_t i = 0; i < PEERS; i++)
            askers += has_asked((void *)(uintptr_t)&f->peer[i], p->index, b * WIRE_BLOCK);
        free_count += p->block[b].state == BLOCK_FREE;
        received += p->block[b].state == BLOCK_RECEIVED;
        if (p->block[b].state != BLOCK_RECEIVED)
            CHECK_INT(p->block[b].askers, askers);
        CHECK(askers <= END_GAME_COPIES);
        CHECK_INT(p->block[b].state == BLOCK_ASKED, p->block[b].askers > 0);
    }
    CHECK_INT(p->free_count, free_count);
    CHECK_INT(p->received, received);
}

static void check_swarm(const struct fixture *f) {
    uint32_t worked_on = 0, count = 0;
    check(f);
    LIST_EACH(l, &f->open.list) {
        const struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        CHECK_INT(picker_state(&f->picker, p->index), PIECE_ACTIVE);
        CHECK(active_pieces_get(&f->open, p->index) == p);
        check_askers(f, p);
        worked_on += p->free_count && p->free_count + p->received < p->blocks;
        count++;
    }
    CHECK_INT(count, f->open.count);
    CHECK(worked_on <= PEERS + PEERS / 2);
    CHECK(f->budget.used <= f->budget.limit);
}

static void peer_comes(struct fixture *f, uint32_t i) {
    struct peer *p = &f->peer[i];
    bitset_clear(&p->has);
    for (uint32_t k = 0; k < PIECES; k++)
        if (i == 0 || rng_below(&f->rng, 3)) /* peer 0 is a seed */
            (void)bitset_add(&p->has, k);
    p->row.peer += (handle)1 << 32;
    p->row.last_piece = PICKER_NONE;
    p->row.parole = rng_below(&f->rng, 4) == 0;
    p->row.fast = rng_below(&f->rng, 3) == 0;
    p->row.only = NULL;
    p->here = true;
    picker_note_peer(&f->picker, &p->has);
}

static void peer_goes(struct fixture *f, uint32_t i) {
    struct peer *p = &f->peer[i];
    while (p->count)
        unask(f, i, 0);
    download_on_gone(&f->d, p->row.peer);
    picker_forget_peer(&f->picker, &p->has);
    p->here = false;
}

static void toggle_choke(struct fixture *f, uint32_t i) {
    struct peer *p = &f->peer[i];
    p->row.only = p->row.only ? NULL : &p->allowed;
    while (p->row.only && p->count)
        unask(f, i, 0);
    for (int k = 0; k < 3; k++)
        (void)bitset_add(&p->allowed, rng_below(&f->rng, PIECES));
}

static uint32_t copies(const struct fixture *f, const struct block_ref *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < PEERS; i++)
        n += has_asked((void *)(uintptr_t)&f->peer[i], b->piece, b->begin);
    return n;
}

static void ask_some(struct fixture *f, uint32_t i) {
    struct peer *p = &f->peer[i];
    struct block_ref b;
    bool end_game;
    for (uint32_t depth = rng_below(&f->rng, 8); p->count < depth;) {
        int result = next(f, i, &b, &end_game);
        CHECK(result == 1 || result == 0 || result == ERR_AGAIN);
        if (result != 1)
            return;
        CHECK(bitset_has(&p->has, b.piece));
        CHECK(!p->row.only || bitset_has(&p->allowed, b.piece));
        CHECK(!has_asked(p, b.piece, b.begin));
        CHECK_INT(end_game, copies(f, &b) > 0);
        p->asked[p->count++] = b;
        p->row.last_piece = b.piece;
    }
}

static void cancel_copies(struct fixture *f, const struct block_ref *b) {
    for (uint32_t i = 0; i < PEERS; i++)
        for (uint32_t k = 0; k < f->peer[i].count; k++)
            if (f->peer[i].asked[k].piece == b->piece &&
                f->peer[i].asked[k].begin == b->begin) {
                unask(f, i, k);
                break;
            }
}

static void fail_hash(struct fixture *f, uint32_t piece) {
    struct active_piece *p = active_pieces_get(&f->open, piece);
    picker_set_state(&f->picker, piece, PIECE_HASHING);
    active_piece_reset(p, active_piece_take_buffer(p));
    picker_set_state(&f->picker, piece, PIECE_ACTIVE);
}

/* Delivers one block, counts its bytes; a piece that is complete is good or, seldom, bad. */
static void deliver_one(struct fixture *f, uint32_t i) {
    struct peer *p = &f->peer[i];
    uint32_t k = rng_below(&f->rng, p->count);
    if (!p->count)
        return;
    struct block_ref b = p->asked[k];
    CHECK_INT(deliver(f, i, k), 1); /* copies are cancelled, so none is a duplicate */
    cancel_copies(f, &b);
    struct active_piece *ap = active_pieces_get(&f->open, b.piece);
    if (active_piece_has_all(ap)) {
        if (rng_below(&f->rng, 10) == 0)
            fail_hash(f, b.piece);
        else
            finish(f, b.piece);
    }
}

static void swarm_step(struct fixture *f) {
    uint32_t i = rng_below(&f->rng, PEERS);
    struct peer *p = &f->peer[i];
    f->now += rng_below(&f->rng, 400 * USEC_PER_MSEC);
    if (!p->here) {
        peer_comes(f, i);
        return;
    }
    switch (rng_below(&f->rng, 40)) {
    case 0: i ? peer_goes(f, i) : (void)0; break;
    case 1: i ? toggle_choke(f, i) : (void)0; break;
    case 2: p->count ? unask(f, i, rng_below(&f->rng, p->count)) : (void)0; break;
    case 3: p->row.parole = !p->row.parole; break;
    case 4: (void)download_trim(&f->d); break;
    case 5:
        picker_set_deadline(&f->picker, rng_below(&f->rng, PIECES),
                            rng_below(&f->rng, 2) ? f->now : USEC_NEVER);
        break;
    default: rng_below(&f->rng, 2) ? ask_some(f, i) : deliver_one(f, i);
    }
}

static void run_swarm(uint64_t seed, size_t budget) {
    struct fixture *f = set_up();
    uint32_t steps = 0;
    rng_seed(&f->rng, seed);
    f->budget.limit = budget;
    while (!picker_done(&f->picker)) {
        swarm_step(f);
        check_swarm(f);
        CHECK(++steps <
              20000); /* it gets stuck nowhere: peer 0 has everything and stays */
    }
    CHECK_INT(f->picker.have, PIECES);
    CHECK_INT(f->open.count, 0);
    tear_down(f);
}

TEST(download_completes_whatever_the_peers_do) {
    for (uint64_t seed = 0; seed < 20; seed++)
        run_swarm(seed, (size_t)PIECES * PIECE);
}

TEST(download_completes_in_little_memory) {
    for (uint64_t seed = 0; seed < 20; seed++)
        run_swarm(seed, (size_t)(1 + seed % 3) * PIECE);
}

/* -- what somebody waits for --------------------------------------------------------------- */

/* Piece 30, the commonest, is awaited: due now, or later. */
static struct urgent await(struct fixture *f, usec due, usec pace) {
    struct urgent u;
    urgent_init(&u);
    CHECK_INT(urgent_add(&u, 30, due), 0);
    u.of[0].pace = pace;
    picker_set_deadline(&f->picker, 30, due);
    return u;
}

static void hurry(struct fixture *f, uint32_t peer, usec eta) {
    struct peer *p = &f->peer[peer];
    p->row.eta = p->row.eta_idle = p->cleared = eta;
    p->row.patience = 2 * eta;
}

TEST(download_asks_slow_peers_for_something_else_than_what_is_awaited) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now, 100);
    f->d.urgent = &u;
    hurry(f, 0, 101), hurry(f, 1, 100);
    check_ask(f, 0, 0, 0); /* rarest first, as if nothing was urgent */
    check_ask(f, 1, 30, 0);
    check_ask(f, 0, 0, 1);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_asks_slow_peers_for_what_they_will_have_in_time) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now + 101, 100);
    f->d.urgent = &u;
    hurry(f, 0, 101);
    check_ask(f, 0, 30, 0);
    f->now++;
    check_ask(f, 0, 0, 0);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_spares_a_busy_peer_for_what_is_awaited) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now, 100);
    struct asker *row = &f->peer[0].row;
    f->d.urgent = &u;
    hurry(f, 0, 101);
    row->eta_idle = 50, row->busy = true;
    check_nothing(f, 0, 0); /* in a moment it may have block 0 of piece 30 */
    row->eta = 100;
    check_ask(f, 0, 30, 0);
    row->eta = 101, row->busy = false;
    check_ask(f, 0, 30, 1); /* rather than that it stands idle */
    row->busy = true;
    for (uint32_t i = 2; i < BLOCKS; i++)
        (void)ask(f, 1);
    check_ask(f, 0, 0, 0); /* nothing is left to wait for */
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_spares_nobody_for_what_he_is_too_slow_for_or_has_not) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now, 100);
    f->d.urgent = &u;
    hurry(f, 0, 101), hurry(f, 1, 101);
    f->peer[0].row.busy = f->peer[1].row.busy = true;
    check_ask(f, 0, 0, 0);
    f->peer[1].row.eta_idle = 50;
    has_only(f, 1, 7);
    check_ask(f, 1, 7, 0);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_never_asks_slow_peers_for_the_awaited_piece_by_chance) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now, 100);
    f->d.urgent = &u;
    hurry(f, 0, 101);
    has_only(f, 0, 30);
    check_nothing(f, 0, 0);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_asks_another_peer_for_a_block_that_is_late) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now, USEC_NEVER);
    struct block_ref out;
    bool copy;
    f->d.urgent = &u;
    want_first(f, 0);
    picker_set_priority(&f->picker, 30, PRIORITY_NORMAL);
    hurry(f, 0, 500), hurry(f, 1, 10);
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 30, i);
    f->peer[1].row.last_piece = 30;
    f->d.no_end_game = true;
    f->now += 999;
    check_nothing(f, 1, 0);
    CHECK_INT(download_late_due(&f->d, f->now), f->now + 1);
    f->now += 1;
    CHECK_INT(next(f, 1, &out, &copy), 1);
    CHECK(copy && out.piece == 30 && out.block == 0);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_believes_the_latest_word_of_when_a_block_will_come) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now, USEC_NEVER);
    struct block_ref out;
    bool copy;
    f->d.urgent = &u;
    f->d.no_end_game = true;
    want_first(f, 0);
    picker_set_priority(&f->picker, 30, PRIORITY_NORMAL);
    hurry(f, 0, 100 * USEC_PER_MSEC), hurry(f, 1, 60 * USEC_PER_MSEC);
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 30, i);
    check_nothing(f, 1, 0);
    download_expect(&f->d, 30, 2 * WIRE_BLOCK, f->now + 500 * USEC_PER_MSEC);
    CHECK_INT(next(f, 1, &out, &copy), 1);
    CHECK(copy && out.block == 2);
    download_expect(&f->d, 30, 2 * WIRE_BLOCK, 0); /* two are asked: nobody knows */
    download_expect(&f->d, 30, BLOCKS * WIRE_BLOCK, 0);
    download_expect(&f->d, 31, 0, 0);
    CHECK(active_pieces_get(&f->open, 30)->block[2].due_at > 0);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_asks_for_at_most_three_copies_and_waits_before_each) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now, USEC_NEVER);
    struct block_ref out;
    bool copy;
    f->d.urgent = &u;
    f->d.no_end_game = true;
    want_first(f, 0);
    picker_set_priority(&f->picker, PIECES - 1, PRIORITY_NORMAL);
    CHECK_INT(urgent_add(&u, PIECES - 1, f->now), 0);
    for (uint32_t i = 0; i < 4; i++)
        hurry(f, i, 100);
    (void)ask(f, 0), (void)ask(f, 0); /* its two blocks */
    f->now += 200;
    for (uint32_t k = 0; k < 2; k++) {
        CHECK_INT(next(f, 1, &out, &copy), 1);
        CHECK(copy);
        f->peer[1].asked[f->peer[1].count++] = out;
    }
    check_nothing(f, 2, 0); /* they may be under way */
    check_nothing(f, 1, 0); /* not twice of one peer */
    f->now += 200;
    for (uint32_t k = 0; k < 2; k++) {
        CHECK_INT(next(f, 2, &out, &copy), 1);
        CHECK(copy);
        f->peer[2].asked[f->peer[2].count++] = out;
    }
    f->now += 2000;
    check_nothing(f, 3, 0); /* three are enough */
    CHECK_INT(download_late_due(&f->d, f->now), USEC_NEVER);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_asks_nobody_again_for_what_is_not_due_soon) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now + LATE_HORIZON + 1000, USEC_NEVER);
    f->d.urgent = &u;
    f->d.no_end_game = true;
    want_first(f, 0);
    picker_set_priority(&f->picker, 30, PRIORITY_NORMAL);
    hurry(f, 0, 100), hurry(f, 1, 100);
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_ask(f, 0, 30, i);
    f->now += 1000;
    check_nothing(f, 1, 0);
    f->now += 1;
    struct block_ref out;
    bool copy;
    CHECK_INT(next(f, 1, &out, &copy), 1);
    CHECK(copy);
    tear_down(f);
    urgent_fini(&u);
}

TEST(download_takes_over_what_a_slow_peer_would_have_too_late) {
    struct fixture *f = set_up_ranked();
    struct urgent u = await(f, f->now + 300 * USEC_PER_MSEC, USEC_NEVER);
    struct block_ref out;
    bool copy;
    f->d.urgent = &u;
    f->d.no_end_game = true;
    want_first(f, 0);
    picker_set_priority(&f->picker, 30, PRIORITY_NORMAL);
    hurry(f, 0, 250 * USEC_PER_MSEC);
    check_ask(f, 0, 30, 0); /* in time */
    hurry(f, 0, 900 * USEC_PER_MSEC);
    check_ask(f, 0, 30, 1), check_ask(f, 0, 30, 2), check_ask(f, 0, 30, 3);
    hurry(f, 1, 440 * USEC_PER_MSEC); /* hardly better: not worth the traffic */
    check_nothing(f, 1, 0);
    f->peer[1].cleared = 430 * USEC_PER_MSEC; /* behind what is due before it, that is */
    for (uint32_t i = 1; i < BLOCKS; i++) {
        CHECK_INT(next(f, 1, &out, &copy), 1);
        CHECK(copy);
        CHECK_INT(out.block, i);
        f->peer[1].asked[f->peer[1].count++] = out;
    }
    check_nothing(f, 1, 0); /* the first is in time */
    hurry(f, 2, 1 * USEC_PER_MSEC);
    check_nothing(f, 2, 0); /* each is taken over once, then it has to be late */
    tear_down(f);
    urgent_fini(&u);
}
