#include "swarm/rank.h"

#include "support/check.h"

#define PIECES 500

static void check(const struct rank *r) {
#ifndef NDEBUG
    rank_check(r);
#else
    (void)r;
#endif
}

static void set_up(struct rank *r, struct rng *rng) {
    rng_seed(rng, 1);
    CHECK_INT(rank_init(r, PIECES, rng), 0);
}

static void check_order(const struct rank *r, const uint32_t *order, uint32_t n) {
    check(r);
    CHECK_INT(r->count, n);
    for (uint32_t i = 0; i < n; i++)
        CHECK_INT(r->order[i], order[i]);
}

TEST(rank_starts_empty) {
    struct rng rng;
    struct rank r;
    uint32_t start;
    set_up(&r, &rng);
    check_order(&r, NULL, 0);
    CHECK(!rank_has(&r, 0));
    CHECK_INT(rank_of_priority(&r, 4, &start), 0);
    rank_fini(&r);
}

TEST(rank_fill_ranks_every_piece_once) {
    struct rng rng;
    struct rank r;
    bool seen[PIECES] = {false}, sorted = true;
    set_up(&r, &rng);
    rank_fill(&r, PIECES, rank_group(4, 0));
    check(&r);
    for (uint32_t i = 0; i < PIECES; i++) {
        CHECK(!seen[r.order[i]]);
        seen[r.order[i]] = true;
        sorted &= r.order[i] == i;
        CHECK(rank_is_in_group(&r, i, rank_group(4, 0)));
    }
    CHECK(!sorted);
    rank_fini(&r);
}

TEST(rank_add_keeps_groups_in_order) {
    struct rng rng;
    struct rank r;
    set_up(&r, &rng);
    rank_note_availability(&r, 9);
    rank_add(&r, 0, rank_group(1, 0));
    rank_add(&r, 1, rank_group(7, 9));
    rank_add(&r, 2, rank_group(7, 0));
    rank_add(&r, 3, rank_group(4, 5));
    rank_add(&r, 4, rank_group(4, 4));
    check_order(&r, (const uint32_t[]){2, 1, 4, 3, 0}, 5);
    rank_fini(&r);
}

TEST(rank_remove_closes_the_gap) {
    struct rng rng;
    struct rank r;
    set_up(&r, &rng);
    rank_note_availability(&r, 3);
    for (uint32_t i = 0; i < 4; i++)
        rank_add(&r, i, rank_group(4, i));
    rank_remove(&r, 1, rank_group(4, 1));
    check_order(&r, (const uint32_t[]){0, 2, 3}, 3);
    CHECK(!rank_has(&r, 1));
    rank_remove(&r, 3, rank_group(4, 3));
    rank_remove(&r, 0, rank_group(4, 0));
    check_order(&r, (const uint32_t[]){2}, 1);
    rank_fini(&r);
}

TEST(rank_move_goes_over_one_border) {
    struct rng rng;
    struct rank r;
    set_up(&r, &rng);
    rank_note_availability(&r, 2);
    for (uint32_t i = 0; i < 3; i++)
        rank_add(&r, i, rank_group(4, i));
    rank_move(&r, 0, rank_group(4, 0), rank_group(4, 1));
    CHECK(rank_is_in_group(&r, 0, rank_group(4, 1)));
    rank_move(&r, 1, rank_group(4, 1), rank_group(4, 0));
    check_order(&r, (const uint32_t[]){1, 0, 2}, 3);
    rank_fini(&r);
}

TEST(rank_new_level_comes_behind_the_others_of_its_priority) {
    struct rng rng;
    struct rank r;
    set_up(&r, &rng);
    rank_add(&r, 0, rank_group(4, 0));
    rank_add(&r, 1, rank_group(2, 0));
    rank_note_availability(&r, 5);
    check(&r);
    rank_add(&r, 2, rank_group(4, 5));
    check_order(&r, (const uint32_t[]){0, 2, 1}, 3);
    rank_fini(&r);
}

TEST(rank_levels_end) {
    CHECK_INT(rank_group(4, RANK_LEVELS - 1), rank_group(4, RANK_LEVELS));
    CHECK_INT(rank_group(4, RANK_LEVELS - 1), rank_group(4, UINT32_MAX));
    CHECK(rank_group(4, RANK_LEVELS - 2) != rank_group(4, RANK_LEVELS - 1));
    CHECK(rank_group(4, RANK_LEVELS) < rank_group(3, 0));
}

TEST(rank_of_priority_tells_where_it_lies) {
    struct rng rng;
    struct rank r;
    uint32_t start;
    set_up(&r, &rng);
    rank_note_availability(&r, 3);
    rank_add(&r, 0, rank_group(7, 3));
    rank_add(&r, 1, rank_group(4, 0));
    rank_add(&r, 2, rank_group(4, 3));
    CHECK_INT(rank_of_priority(&r, 7, &start), 1);
    CHECK_INT(start, 0);
    CHECK_INT(rank_of_priority(&r, 4, &start), 2);
    CHECK_INT(start, 1);
    CHECK_INT(rank_of_priority(&r, 1, &start), 0);
    CHECK_INT(start, 3);
    rank_fini(&r);
}

TEST(rank_counts_what_nobody_has) {
    struct rng rng;
    struct rank r;
    set_up(&r, &rng);
    rank_note_availability(&r, 1);
    rank_add(&r, 0, rank_group(7, 0));
    rank_add(&r, 1, rank_group(4, 1));
    rank_add(&r, 2, rank_group(1, 0));
    CHECK_INT(rank_count_unavailable(&r), 2);
    rank_fini(&r);
}

TEST(rank_add_shuffles_within_the_group) {
    struct rng rng;
    struct rank r;
    bool sorted = true, reversed = true;
    set_up(&r, &rng);
    for (uint32_t i = 0; i < 20; i++)
        rank_add(&r, i, rank_group(4, 0));
    check(&r);
    for (uint32_t i = 0; i < 20; i++)
        sorted &= r.order[i] == i, reversed &= r.order[i] == 19 - i;
    CHECK(!sorted && !reversed);
    rank_fini(&r);
}
