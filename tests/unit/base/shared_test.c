/* Bytes that several hold: who pays, who frees, and what is left when the payer goes first. */
#include "base/shared.h"

#include "support/check.h"

struct payer {
    struct budget budget;
    struct shared_pool pool;
};

static void open_payer(struct payer *p, size_t limit) {
    p->budget = (struct budget){limit, 0};
    shared_pool_init(&p->pool, &p->budget);
}

TEST(shared_bytes_are_paid_for_until_the_last_lets_go) {
    struct payer p;
    open_payer(&p, 100);
    struct shared_bytes *b = shared_new(&p.pool, 60);
    CHECK(b);
    memset(b->data, 7, 60);
    struct view v = view_of(b, 10, 20);
    shared_drop(b);
    CHECK_INT(p.budget.used, 60);
    struct view other = view_hold(&v);
    view_drop(&v);
    CHECK(!v.owner && !v.data && v.len == 0);
    CHECK_INT(p.budget.used, 60);
    CHECK_INT(other.data[19], 7);
    view_drop(&other);
    CHECK_INT(p.budget.used, 0);
    view_drop(&other); /* of nothing */
    shared_pool_fini(&p.pool);
}

TEST(shared_bytes_beyond_the_budget_are_not_made) {
    struct payer p;
    open_payer(&p, 100);
    struct shared_bytes *b = shared_new(&p.pool, 60);
    CHECK(!shared_new(&p.pool, 41));
    struct shared_bytes *fits = shared_new(&p.pool, 40);
    CHECK(fits);
    struct shared_bytes *unpaid = shared_new_unpaid(1000);
    CHECK(unpaid);
    CHECK_INT(p.budget.used, 100);
    shared_drop(b), shared_drop(fits), shared_drop(unpaid), shared_drop(NULL);
    CHECK_INT(p.budget.used, 0);
    shared_pool_fini(&p.pool);
}

TEST(shared_bytes_that_were_taken_over_are_charged_already) {
    struct payer p;
    open_payer(&p, 100);
    CHECK(budget_take(&p.budget, 30));
    uint8_t *data = malloc(30);
    struct shared_bytes *b = shared_adopt(&p.pool, data, 30);
    CHECK(b->data == data);
    CHECK_INT(p.budget.used, 30);
    shared_drop(b);
    CHECK_INT(p.budget.used, 0);
    shared_pool_fini(&p.pool);
}

TEST(shared_bytes_outlive_who_paid_for_them) {
    struct payer p;
    open_payer(&p, 100);
    struct shared_bytes *b = shared_new(&p.pool, 50);
    b->data[49] = 3;
    shared_pool_fini(&p.pool);
    CHECK_INT(p.budget.used, 0);
    memset(&p, 0xAA, sizeof p); /* nothing looks there any more */
    CHECK_INT(b->data[49], 3);
    shared_drop(b);
}

TEST(shared_bytes_without_memory_are_charged_to_nobody) {
    CHECK_EACH_NOMEM(n) {
        struct payer p;
        open_payer(&p, 100);
        struct shared_bytes *b = shared_new(&p.pool, 50);
        bool hit = check_nomem_hit();
        CHECK(hit == !b);
        CHECK_INT(p.budget.used, hit ? 0 : 50);
        shared_drop(b);
        shared_pool_fini(&p.pool);
    }
}
