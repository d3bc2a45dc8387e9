#include "base/array.h"

#include <stdlib.h>

#include "base/err.h"
#include "support/check.h"

struct numbers {
    uint64_t *of;
    uint32_t count, cap;
};

static int add(struct numbers *n, uint64_t value) {
    int rc = ARRAY_ROOM(n->of, n->count, n->cap);
    if (rc == 0)
        n->of[n->count++] = value;
    return rc;
}

TEST(array_keeps_what_is_in_it_as_it_grows) {
    struct numbers n = {0};
    for (uint64_t i = 0; i < 1000; i++)
        CHECK_INT(add(&n, i), 0);
    for (uint64_t i = 0; i < 1000; i++)
        CHECK_INT(n.of[i], i);
    CHECK(n.cap >= 1000 && n.cap <= 2000);
    free(n.of);
}

TEST(array_is_as_it_was_when_memory_is_out) {
    CHECK_EACH_NOMEM(fail) {
        struct numbers n = {0};
        uint32_t added = 0;
        while (added < 40 && add(&n, added) == 0)
            added++;
        CHECK(check_nomem_hit() || added == 40);
        CHECK_INT(n.count, added);
        for (uint32_t i = 0; i < n.count; i++)
            CHECK_INT(n.of[i], i);
        free(n.of);
    }
}

TEST(array_ends_where_its_numbers_do) {
    uint64_t *none = NULL;
    uint32_t cap = (uint32_t)1 << 31;
    CHECK_INT(array_room(&none, sizeof *none, cap, &cap), ERR_NOMEM);
    CHECK(!none && cap == (uint32_t)1 << 31);
}
