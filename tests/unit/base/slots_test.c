#include "base/slots.h"

#include "support/check.h"

TEST(slots_get_finds_what_was_added) {
    struct slots s;
    int a, b;
    slots_init(&s);
    handle ha = slots_add(&s, &a), hb = slots_add(&s, &b);
    CHECK(ha && hb && ha != hb);
    CHECK(slots_get(&s, ha) == &a);
    CHECK(slots_get(&s, hb) == &b);
    CHECK_INT(s.count, 2);
    slots_fini(&s);
}

TEST(slots_know_nothing_of_made_up_handles) {
    struct slots s;
    int a;
    slots_init(&s);
    CHECK(!slots_get(&s, 0));
    CHECK(!slots_get(&s, 1));
    handle h = slots_add(&s, &a);
    CHECK(!slots_get(&s, 0));
    CHECK(!slots_get(&s, h + 1));
    CHECK(!slots_get(&s, h + ((handle)1 << 32)));
    CHECK(!slots_get(&s, UINT64_MAX));
    slots_remove(&s, 0);
    slots_remove(&s, UINT64_MAX);
    slots_remove(&s, h + 1);
    CHECK(slots_get(&s, h) == &a);
    slots_fini(&s);
}

TEST(slots_handle_is_dead_after_removal) {
    struct slots s;
    int a;
    slots_init(&s);
    handle h = slots_add(&s, &a);
    slots_remove(&s, h);
    CHECK(!slots_get(&s, h));
    CHECK_INT(s.count, 0);
    slots_remove(&s, h); /* again is nothing */
    CHECK_INT(s.count, 0);
    slots_fini(&s);
}

TEST(slots_old_handle_does_not_name_the_new_tenant) {
    struct slots s;
    int a, b;
    slots_init(&s);
    handle old = slots_add(&s, &a);
    slots_remove(&s, old);
    handle new = slots_add(&s, &b);
    CHECK_INT((uint32_t) new, (uint32_t)old); /* the same slot, or this shows nothing */
    CHECK(new != old);
    CHECK(!slots_get(&s, old));
    slots_remove(&s, old);
    CHECK(slots_get(&s, new) == &b);
    slots_fini(&s);
}

TEST(slots_grow_and_keep_their_handles) {
    enum { MANY = 1000 };
    struct slots s;
    static int objects[MANY];
    handle h[MANY];
    slots_init(&s);
    for (int i = 0; i < MANY; i++)
        CHECK((h[i] = slots_add(&s, &objects[i])));
    for (int i = 0; i < MANY; i++)
        CHECK(slots_get(&s, h[i]) == &objects[i]);
    CHECK_INT(s.count, MANY);
    slots_fini(&s);
}

TEST(slots_reuse_before_they_grow) {
    struct slots s;
    int a;
    slots_init(&s);
    slots_remove(&s, slots_add(&s, &a));
    uint32_t cap = s.cap;
    for (int i = 0; i < 1000; i++)
        slots_remove(&s, slots_add(&s, &a));
    CHECK_INT(s.cap, cap);
    slots_fini(&s);
}

TEST(slots_each_walks_the_live_ones) {
    struct slots s;
    int objects[40], seen = 0;
    handle h[40];
    uint32_t at = 0;
    slots_init(&s);
    CHECK(!slots_each(&s, &at));
    for (int i = 0; i < 40; i++) {
        objects[i] = i;
        h[i] = slots_add(&s, &objects[i]);
    }
    for (int i = 0; i < 40; i += 2)
        slots_remove(&s, h[i]);
    at = 0;
    for (int *o; (o = slots_each(&s, &at)); seen++)
        CHECK_INT(*o % 2, 1);
    CHECK_INT(seen, 20);
    CHECK(!slots_each(&s, &at));
    slots_fini(&s);
}

TEST(slots_each_bears_the_removal_of_the_one_returned) {
    struct slots s;
    int objects[40], seen = 0;
    handle h[40];
    uint32_t at = 0;
    slots_init(&s);
    for (int i = 0; i < 40; i++) {
        objects[i] = i;
        h[i] = slots_add(&s, &objects[i]);
    }
    for (int *o; (o = slots_each(&s, &at)); seen++)
        slots_remove(&s, h[*o]);
    CHECK_INT(seen, 40);
    CHECK_INT(s.count, 0);
    slots_fini(&s);
}

TEST(slots_keep_what_they_have_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct slots s;
        handle h[100], last = 1;
        static int objects[100];
        uint32_t added = 0;
        slots_init(&s);
        for (; added < 100 && (last = slots_add(&s, &objects[added])); added++)
            h[added] = last;
        CHECK_INT(!last, check_nomem_hit());
        CHECK_INT(s.count, added);
        for (uint32_t i = 0; i < added; i++)
            CHECK(slots_get(&s, h[i]) == &objects[i]);
        slots_fini(&s);
    }
}
