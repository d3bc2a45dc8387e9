#include "swarm/active_pieces.h"

#include "base/err.h"
#include "support/check.h"

#define PIECE (2 * WIRE_BLOCK)
#define LAST 1000u
/* Three whole pieces and a shorter last one, number 3. */
#define SIZE ((uint64_t)3 * PIECE + LAST)

static void init(struct active_pieces *a, struct budget *budget) {
    CHECK_INT(active_pieces_init(a, SIZE, PIECE, 4, 2, budget), 0);
}

static struct active_piece *open_piece(struct active_pieces *a, uint32_t index) {
    struct active_piece *p = active_pieces_open(a, index, 42);
    CHECK(p);
    CHECK_INT(p->index, index);
    return p;
}

static uint8_t *finish_and_take(struct active_piece *p) {
    for (uint32_t i = 0; i < p->blocks; i++)
        CHECK_INT(active_piece_note_received(p, i, 1, 50), 1);
    return active_piece_take_buffer(p);
}

TEST(active_pieces_open_takes_from_the_pool) {
    struct active_pieces a;
    init(&a, NULL);
    struct active_piece *p = open_piece(&a, 1);
    CHECK(p->buffer && p->pooled);
    CHECK_INT(p->length, PIECE);
    CHECK_INT(p->opened_at, 42);
    CHECK_INT(a.pool.in_use, 1);
    active_pieces_fini(&a);
}

TEST(active_pieces_close_returns_to_the_pool) {
    struct active_pieces a;
    init(&a, NULL);
    struct active_piece *p = open_piece(&a, 1);
    const uint8_t *buffer = p->buffer;
    active_pieces_close(&a, p);
    CHECK_INT(a.pool.in_use, 0);
    CHECK_INT(a.pool.idle, 1);
    CHECK(open_piece(&a, 2)->buffer == buffer);
    CHECK_INT(a.pool.reused, 1);
    active_pieces_fini(&a);
}

TEST(active_pieces_are_found_by_index_while_open) {
    struct active_pieces a;
    init(&a, NULL);
    struct active_piece *p = open_piece(&a, 2);
    CHECK(active_pieces_get(&a, 2) == p);
    CHECK(!active_pieces_get(&a, 1));
    CHECK(!active_pieces_get(&a, 4));
    CHECK(!active_pieces_get(&a, UINT32_MAX));
    active_pieces_close(&a, p);
    CHECK(!active_pieces_get(&a, 2));
    active_pieces_fini(&a);
}

TEST(active_pieces_are_listed_oldest_first) {
    static const uint32_t order[] = {2, 0, 1};
    struct active_pieces a;
    uint32_t n = 0;
    init(&a, NULL);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        open_piece(&a, order[i]);
    CHECK_INT(a.count, 3);
    LIST_EACH(l, &a.list) {
        CHECK_INT(LIST_ITEM(l, struct active_piece, link)->index, order[n++]);
    }
    CHECK_INT(n, 3);
    active_pieces_fini(&a);
}

TEST(active_pieces_last_shorter_piece_is_apart_and_charged) {
    struct budget budget = {.limit = 10 * PIECE};
    struct active_pieces a;
    init(&a, &budget);
    struct active_piece *p = open_piece(&a, 3);
    CHECK_INT(p->length, LAST);
    CHECK_INT(p->blocks, 1);
    CHECK(!p->pooled);
    CHECK_INT(a.pool.in_use, 0);
    CHECK_INT(budget.used, LAST);
    active_pieces_close(&a, p);
    CHECK_INT(a.pool.idle, 0);
    CHECK_INT(budget.used, 0);
    active_pieces_fini(&a);
}

TEST(active_pieces_last_piece_of_full_length_is_pooled) {
    struct active_pieces a;
    CHECK_INT(active_pieces_init(&a, 2 * PIECE, PIECE, 2, 2, NULL), 0);
    struct active_piece *p = open_piece(&a, 1);
    CHECK_INT(p->length, PIECE);
    CHECK(p->pooled);
    active_pieces_fini(&a);
}

TEST(active_pieces_beyond_four_gibibytes_keep_their_length) {
    struct active_pieces a;
    uint64_t size = (uint64_t)PIECE * 200000 + 5;
    CHECK_INT(active_pieces_init(&a, size, PIECE, 200001, 2, NULL), 0);
    CHECK_INT(open_piece(&a, 199999)->length, PIECE);
    CHECK_INT(open_piece(&a, 200000)->length, 5);
    active_pieces_fini(&a);
}

TEST(active_pieces_open_nothing_when_the_budget_is_spent) {
    struct budget budget = {.limit = 2 * PIECE};
    struct active_pieces a;
    init(&a, &budget);
    struct active_piece *p = open_piece(&a, 0);
    open_piece(&a, 1);
    CHECK(!active_pieces_open(&a, 2, 0));
    CHECK(!active_pieces_open(&a, 3, 0)); /* not the short one either */
    CHECK_INT(a.count, 2);
    CHECK_INT(budget.used, 2 * PIECE);
    active_pieces_close(&a, p);
    open_piece(&a, 2);
    active_pieces_fini(&a);
    CHECK_INT(budget.used, 0);
}

TEST(active_pieces_last_piece_is_paid_for_by_idle_buffers) {
    struct budget budget = {.limit = PIECE};
    struct active_pieces a;
    init(&a, &budget);
    active_pieces_close(&a, open_piece(&a, 0));
    CHECK_INT(budget.used, PIECE); /* idle, but charged */
    open_piece(&a, 3);
    CHECK_INT(budget.used, LAST);
    active_pieces_fini(&a);
}

TEST(active_pieces_take_back_a_buffer_that_was_handed_over) {
    struct budget budget = {.limit = 10 * PIECE};
    struct active_pieces a;
    init(&a, &budget);
    struct active_piece *p = open_piece(&a, 0), *last = open_piece(&a, 3);
    uint8_t *buffer = finish_and_take(p), *short_one = finish_and_take(last);
    active_pieces_close(&a, p);
    active_pieces_close(&a, last);
    CHECK_INT(a.pool.in_use, 1); /* the job's */
    CHECK_INT(budget.used, PIECE + LAST);
    active_pieces_give_buffer(&a, buffer, PIECE);
    active_pieces_give_buffer(&a, short_one, LAST);
    CHECK_INT(a.pool.in_use, 0);
    CHECK_INT(a.pool.idle, 1);
    CHECK_INT(budget.used, PIECE);
    active_pieces_fini(&a);
}

TEST(active_pieces_fini_frees_what_is_open) {
    struct budget budget = {.limit = 10 * PIECE};
    struct active_pieces a;
    init(&a, &budget);
    for (uint32_t i = 0; i < 4; i++)
        open_piece(&a, i);
    active_pieces_fini(&a);
    CHECK_INT(budget.used, 0);
    active_pieces_fini(&a); /* idempotent */
}
