#include "base/bitset.h"

#include "base/err.h"
#include "support/check.h"

/* Sizes around the borders of bytes and words. */
static const uint32_t sizes[] = {0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 1000};

static struct bitset new_set(uint32_t size) {
    struct bitset b;
    CHECK_INT(bitset_init(&b, size), 0);
    return b;
}

TEST(bitset_bytes_rounds_up) {
    CHECK_INT(bitset_bytes(0), 0);
    CHECK_INT(bitset_bytes(1), 1);
    CHECK_INT(bitset_bytes(8), 1);
    CHECK_INT(bitset_bytes(9), 2);
    CHECK_INT(bitset_bytes(UINT32_MAX), 536870912);
}

TEST(bitset_starts_empty) {
    struct bitset b = new_set(100);
    CHECK_INT(b.count, 0);
    for (uint32_t i = 0; i < 100; i++)
        CHECK(!bitset_has(&b, i));
    bitset_fini(&b);
}

TEST(bitset_number_zero_is_the_high_bit) {
    struct bitset b = new_set(10);
    CHECK(bitset_add(&b, 0));
    CHECK(bitset_add(&b, 9));
    CHECK_MEM(b.bytes, "\x80\x40", 2);
    bitset_fini(&b);
}

TEST(bitset_add_tells_whether_it_was_new) {
    struct bitset b = new_set(10);
    CHECK(bitset_add(&b, 3));
    CHECK(!bitset_add(&b, 3));
    CHECK_INT(b.count, 1);
    bitset_fini(&b);
}

TEST(bitset_remove_tells_whether_it_was_there) {
    struct bitset b = new_set(10);
    CHECK(bitset_add(&b, 3));
    CHECK(bitset_remove(&b, 3));
    CHECK(!bitset_remove(&b, 3));
    CHECK(!bitset_has(&b, 3));
    CHECK_INT(b.count, 0);
    bitset_fini(&b);
}

TEST(bitset_ignores_numbers_out_of_range) {
    struct bitset b = new_set(10);
    CHECK(!bitset_add(&b, 10));
    CHECK(!bitset_add(&b, UINT32_MAX));
    CHECK(!bitset_has(&b, 10));
    CHECK(!bitset_remove(&b, 10));
    CHECK_INT(b.count, 0);
    bitset_fini(&b);
}

TEST(bitset_fill_leaves_spare_bits_zero) {
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct bitset b = new_set(sizes[i]), loaded = new_set(sizes[i]);
        bitset_fill(&b);
        CHECK(bitset_full(&b));
        CHECK_INT(b.count, sizes[i]);
        CHECK_INT(bitset_load(&loaded, b.bytes, bitset_bytes(sizes[i])), 0);
        CHECK_INT(loaded.count, sizes[i]);
        bitset_fini(&b);
        bitset_fini(&loaded);
    }
}

TEST(bitset_clear_empties) {
    struct bitset b = new_set(65);
    bitset_fill(&b);
    bitset_clear(&b);
    CHECK_INT(b.count, 0);
    for (uint32_t i = 0; i < 65; i++)
        CHECK(!bitset_has(&b, i));
    bitset_fini(&b);
}

TEST(bitset_load_counts_the_members) {
    struct bitset b = new_set(19);
    CHECK_INT(bitset_load(&b, (const uint8_t *)"\xF1\x01\x20", 3), 0);
    CHECK_INT(b.count, 7);
    CHECK(bitset_has(&b, 18));
    CHECK(!bitset_has(&b, 17));
    bitset_fini(&b);
}

TEST(bitset_load_refuses_a_wrong_length) {
    static const uint8_t zeros[8] = {0};
    struct bitset b = new_set(16);
    CHECK_INT(bitset_load(&b, zeros, 1), ERR_FORMAT);
    CHECK_INT(bitset_load(&b, zeros, 3), ERR_FORMAT);
    CHECK_INT(bitset_load(&b, NULL, 0), ERR_FORMAT);
    bitset_fini(&b);
}

TEST(bitset_load_refuses_spare_bits_and_changes_nothing) {
    for (uint32_t size = 1; size < 8; size++) {
        struct bitset b = new_set(size);
        uint8_t byte = (uint8_t)(0x80 >> size); /* the first spare bit */
        CHECK(bitset_add(&b, 0));
        CHECK_INT(bitset_load(&b, &byte, 1), ERR_FORMAT);
        byte = 0x01; /* the last one */
        CHECK_INT(bitset_load(&b, &byte, 1), ERR_FORMAT);
        CHECK_INT(b.count, 1);
        CHECK(bitset_has(&b, 0));
        bitset_fini(&b);
    }
}

TEST(bitset_load_reads_nothing_behind_the_message) {
    struct bitset b = new_set(19);
    CHECK_INT(bitset_load(&b, check_at_page_end("\xFF\xFF\xE0", 3), 3), 0);
    CHECK(bitset_full(&b));
    bitset_fini(&b);
}

TEST(bitset_of_nothing_is_full) {
    struct bitset b = new_set(0);
    CHECK(bitset_full(&b));
    CHECK(!bitset_add(&b, 0));
    CHECK_INT(bitset_load(&b, NULL, 0), 0);
    bitset_fini(&b);
}

TEST(bitset_copy_into_zeroed_same_size_and_other_size) {
    struct bitset from = new_set(100), to = {0};
    CHECK(bitset_add(&from, 99));
    CHECK_INT(bitset_copy(&to, &from), 0);
    CHECK(to.bytes != from.bytes);
    CHECK_INT(to.size, 100);
    CHECK_INT(to.count, 1);
    CHECK(bitset_has(&to, 99));

    const uint8_t *memory = to.bytes;
    CHECK(bitset_add(&from, 5));
    CHECK_INT(bitset_copy(&to, &from), 0);
    CHECK(to.bytes == memory);
    CHECK_INT(to.count, 2);

    struct bitset small = new_set(3);
    CHECK_INT(bitset_copy(&to, &small), 0);
    CHECK_INT(to.size, 3);
    CHECK_INT(to.count, 0);
    CHECK_INT(bitset_copy(&to, &to), 0);
    bitset_fini(&from);
    bitset_fini(&to);
    bitset_fini(&small);
}

TEST(bitset_any_missing_finds_the_one_difference) {
    for (size_t i = 1; i < COUNT_OF(sizes); i++) {
        struct bitset a = new_set(sizes[i]), b = new_set(sizes[i]);
        CHECK(!bitset_any_missing(&a, &b));
        CHECK(bitset_add(&a, sizes[i] - 1));
        CHECK(bitset_any_missing(&a, &b));
        CHECK(!bitset_any_missing(&b, &a));
        bitset_fill(&b);
        CHECK(!bitset_any_missing(&a, &b));
        CHECK(bitset_remove(&b, sizes[i] - 1));
        CHECK(bitset_any_missing(&a, &b));
        bitset_fini(&a);
        bitset_fini(&b);
    }
}

TEST(bitset_fini_is_safe_on_zeros_and_twice) {
    struct bitset b = {0};
    bitset_fini(&b);
    b = new_set(9);
    bitset_fini(&b);
    bitset_fini(&b);
    CHECK(!bitset_has(&b, 0));
}

TEST(bitset_init_says_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct bitset b;
        int err = bitset_init(&b, 100);
        CHECK_INT(err, check_nomem_hit() ? ERR_NOMEM : 0);
        bitset_fini(&b);
    }
}

TEST(bitset_copy_changes_nothing_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        check_nomem_hit();
        struct bitset from = new_set(100), to = new_set(3);
        bitset_fill(&to);
        check_nomem_at(n);
        int err = bitset_copy(&to, &from);
        CHECK_INT(err, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(to.size, err ? 3 : 100);
        CHECK_INT(to.count, err ? 3 : 0);
        bitset_fini(&from);
        bitset_fini(&to);
    }
}
