#include "base/buffer_pool.h"

#include "base/err.h"
#include "support/check.h"

#define SIZE 65536

static struct buffer_pool new_pool(uint32_t max_idle, struct budget *budget) {
    struct buffer_pool p;
    CHECK_INT(buffer_pool_init(&p, SIZE, max_idle, budget), 0);
    return p;
}

static uint8_t *acquire(struct buffer_pool *p) {
    uint8_t *buffer = buffer_pool_acquire(p);
    CHECK(buffer);
    return buffer;
}

static void release(struct buffer_pool *p, uint8_t *buffer) {
    CHECK_INT(buffer_pool_release(p, buffer, SIZE), 0);
}

TEST(buffer_pool_makes_a_new_buffer_when_empty) {
    struct buffer_pool p = new_pool(2, NULL);
    uint8_t *a = acquire(&p), *b = acquire(&p);
    CHECK(a != b);
    memset(a, 1, SIZE), memset(b, 2, SIZE); /* all of it is there */
    CHECK_INT(p.created, 2);
    CHECK_INT(p.reused, 0);
    CHECK_INT(p.in_use, 2);
    release(&p, a), release(&p, b);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_reuses_when_not_empty) {
    struct buffer_pool p = new_pool(2, NULL);
    uint8_t *a = acquire(&p);
    release(&p, a);
    CHECK_INT(p.idle, 1);
    CHECK_INT(p.in_use, 0);
    CHECK(acquire(&p) == a);
    memset(a, 1, SIZE);
    CHECK_INT(p.created, 1);
    CHECK_INT(p.reused, 1);
    CHECK_INT(p.idle, 0);
    release(&p, a);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_hands_out_the_warmest) {
    struct buffer_pool p = new_pool(2, NULL);
    uint8_t *a = acquire(&p), *b = acquire(&p);
    release(&p, a);
    release(&p, b);
    CHECK(acquire(&p) == b);
    CHECK(acquire(&p) == a);
    release(&p, a), release(&p, b);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_respects_its_maximum) {
    struct buffer_pool p = new_pool(2, NULL);
    uint8_t *buffers[3];
    for (int i = 0; i < 3; i++)
        buffers[i] = acquire(&p);
    for (int i = 0; i < 3; i++)
        release(&p, buffers[i]);
    CHECK_INT(p.idle, 2);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_may_keep_nothing) {
    struct buffer_pool p = new_pool(0, NULL);
    release(&p, acquire(&p));
    CHECK_INT(p.idle, 0);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_refuses_a_wrong_size) {
    struct buffer_pool p = new_pool(2, NULL);
    uint8_t *a = acquire(&p);
    CHECK_INT(buffer_pool_release(&p, a, SIZE - 1), ERR_INVALID);
    CHECK_INT(buffer_pool_release(&p, a, SIZE + 1), ERR_INVALID);
    CHECK_INT(buffer_pool_release(&p, a, 0), ERR_INVALID);
    CHECK_INT(buffer_pool_release(&p, NULL, SIZE), ERR_INVALID);
    memset(a, 1, SIZE); /* it is still ours */
    CHECK_INT(p.in_use, 1);
    CHECK_INT(p.idle, 0);
    release(&p, a);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_refuses_buffers_of_size_zero) {
    struct buffer_pool p;
    CHECK_INT(buffer_pool_init(&p, 0, 2, NULL), ERR_INVALID);
    buffer_pool_fini(&p); /* harmless */
}

TEST(buffer_pool_buffers_are_page_aligned) {
    struct buffer_pool p;
    CHECK_INT(buffer_pool_init(&p, 1000, 1, NULL), 0);
    uint8_t *a = acquire(&p);
    CHECK_INT((uintptr_t)a % 4096, 0);
    CHECK_INT(buffer_pool_release(&p, a, 1000), 0);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_clear_frees_the_idle_ones) {
    struct budget budget = {.limit = 10 * SIZE};
    struct buffer_pool p = new_pool(3, &budget);
    uint8_t *a = acquire(&p), *b = acquire(&p);
    release(&p, a);
    buffer_pool_clear(&p);
    CHECK_INT(p.idle, 0);
    CHECK_INT(p.in_use, 1);
    CHECK_INT(budget.used, SIZE);
    release(&p, b);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_charges_used_and_idle_buffers) {
    struct budget budget = {.limit = 10 * SIZE};
    struct buffer_pool p = new_pool(1, &budget);
    uint8_t *a = acquire(&p), *b = acquire(&p);
    CHECK_INT(budget.used, 2 * SIZE);
    release(&p, a); /* kept */
    CHECK_INT(budget.used, 2 * SIZE);
    release(&p, b); /* surplus */
    CHECK_INT(budget.used, SIZE);
    buffer_pool_fini(&p);
    CHECK_INT(budget.used, 0);
}

TEST(buffer_pool_stops_when_the_budget_is_spent) {
    struct budget budget = {.limit = 2 * SIZE + SIZE / 2};
    struct buffer_pool p = new_pool(2, &budget);
    uint8_t *a = acquire(&p), *b = acquire(&p);
    CHECK(!buffer_pool_acquire(&p));
    CHECK_INT(p.in_use, 2);
    CHECK_INT(p.created, 2);
    release(&p, a);
    CHECK(acquire(&p) == a); /* an idle one is paid for already */
    release(&p, a), release(&p, b);
    buffer_pool_fini(&p);
}

TEST(buffer_pool_shares_a_budget_with_others) {
    struct budget budget = {.limit = SIZE};
    struct buffer_pool p = new_pool(1, &budget), q = new_pool(1, &budget);
    uint8_t *a = acquire(&p);
    CHECK(!buffer_pool_acquire(&q));
    release(&p, a);
    CHECK(!buffer_pool_acquire(&q)); /* idle elsewhere is not free */
    buffer_pool_clear(&p);
    a = acquire(&q);
    release(&q, a);
    buffer_pool_fini(&p);
    buffer_pool_fini(&q);
}

TEST(budget_takes_up_to_its_limit) {
    struct budget b = {.limit = 100};
    CHECK(budget_take(&b, 60));
    CHECK(!budget_take(&b, 41));
    CHECK(budget_take(&b, 40));
    CHECK(budget_take(&b, 0));
    CHECK(!budget_take(&b, SIZE_MAX)); /* no wrapping round */
    budget_give(&b, 30);
    CHECK_INT(b.used, 70);
}

TEST(budget_whose_limit_was_lowered_gives_nothing) {
    struct budget b = {.limit = 100};
    CHECK(budget_take(&b, 80));
    b.limit = 50;
    CHECK(!budget_take(&b, 1));
    budget_give(&b, 40);
    CHECK(budget_take(&b, 10));
}

TEST(buffer_pool_gives_back_to_the_budget_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct budget budget = {.limit = 10 * SIZE};
        struct buffer_pool p;
        CHECK_INT(buffer_pool_init(&p, SIZE, 1, &budget), 0);
        uint8_t *a = buffer_pool_acquire(&p);
        CHECK_INT(!a, check_nomem_hit());
        CHECK_INT(budget.used, a ? SIZE : 0);
        CHECK_INT(p.in_use, a ? 1 : 0);
        if (a)
            release(&p, a);
        buffer_pool_fini(&p);
    }
}
