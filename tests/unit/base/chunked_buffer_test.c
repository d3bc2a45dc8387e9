#include "base/chunked_buffer.h"

#include "base/err.h"
#include "base/rng.h"
#include "support/check.h"

/* What a release function was told. */
struct releases {
    int count;
    const uint8_t *data;
    size_t len;
};

static void note_release(void *owner, const uint8_t *data, size_t len) {
    struct releases *r = owner;
    r->count++;
    r->data = data;
    r->len = len;
}

static const uint8_t *bytes(const char *s) {
    return (const uint8_t *)s;
}

/* Borrowed chunks, one per string. */
static struct chunked_buffer buffer_of(const char *a, const char *b, const char *c) {
    struct chunked_buffer buffer;
    chunked_buffer_init(&buffer);
    const char *parts[] = {a, b, c};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i])
            CHECK_INT(chunked_buffer_push(&buffer, bytes(parts[i]), strlen(parts[i]),
                                          NULL, NULL),
                      0);
    return buffer;
}

TEST(chunked_buffer_starts_empty) {
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_length(&b), 0);
    CHECK(!chunked_buffer_front(&b).data);
    CHECK_INT(chunked_buffer_front(&b).len, 0);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_push_increases_length) {
    struct chunked_buffer b = buffer_of("abc", NULL, NULL);
    CHECK_INT(chunked_buffer_length(&b), 3);
    CHECK_INT(chunked_buffer_push(&b, bytes("defgh"), 5, NULL, NULL), 0);
    CHECK_INT(chunked_buffer_length(&b), 8);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_push_is_by_reference) {
    static const uint8_t data[1000];
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push(&b, data, sizeof data, NULL, NULL), 0);
    CHECK(chunked_buffer_front(&b).data == data);
    CHECK_INT(chunked_buffer_front(&b).len, sizeof data);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_push_copy_is_not) {
    uint8_t data[3] = {'a', 'b', 'c'};
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push_copy(&b, data, 3), 0);
    CHECK(chunked_buffer_front(&b).data != data);
    memset(data, 0, sizeof data);
    CHECK_MEM(chunked_buffer_front(&b).data, "abc", 3);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_push_of_nothing_adds_nothing) {
    struct releases r = {0};
    struct chunked_buffer b = buffer_of("abc", NULL, NULL);
    CHECK_INT(chunked_buffer_push(&b, bytes(""), 0, note_release, &r), 0);
    CHECK_INT(r.count, 1); /* and is given back at once */
    CHECK_INT(chunked_buffer_push(&b, NULL, 0, NULL, NULL), 0);
    CHECK_INT(chunked_buffer_push_copy(&b, NULL, 0), 0);
    CHECK_INT(chunked_buffer_length(&b), 3);
    CHECK(chunked_buffer_discard(&b, 3));
    CHECK_INT(chunked_buffer_front(&b).len, 0);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_peek_reads_any_byte) {
    struct chunked_buffer b = buffer_of("ab", "c", "def");
    for (size_t i = 0; i < 6; i++)
        CHECK_INT(chunked_buffer_peek(&b, i), "abcdef"[i]);
    CHECK_INT(chunked_buffer_peek(&b, 6), -1);
    CHECK_INT(chunked_buffer_peek(&b, SIZE_MAX), -1);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_peek_does_not_mistake_a_high_byte_for_the_end) {
    struct chunked_buffer b = buffer_of("\xFF", NULL, NULL);
    CHECK_INT(chunked_buffer_peek(&b, 0), 255);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_peek_u32_inside_one_chunk) {
    uint32_t n = 0;
    struct chunked_buffer b = buffer_of("x\xFE\xDC\xBA\x98y", NULL, NULL);
    CHECK(chunked_buffer_peek_u32(&b, 1, &n));
    CHECK_INT(n, 0xFEDCBA98);
    CHECK_INT(chunked_buffer_length(&b), 6); /* nothing is consumed */
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_peek_u32_across_a_border) {
    uint32_t n = 0;
    struct chunked_buffer b = buffer_of("\x12\x34", "\x56\x78", NULL);
    CHECK(chunked_buffer_peek_u32(&b, 0, &n));
    CHECK_INT(n, 0x12345678);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_peek_u32_across_two_borders) {
    uint32_t n = 0;
    struct chunked_buffer b = buffer_of("xx\x12", "\x34\x56", "\x78yy");
    CHECK(chunked_buffer_peek_u32(&b, 2, &n));
    CHECK_INT(n, 0x12345678);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_peek_u32_short) {
    uint32_t n = 77;
    struct chunked_buffer b = buffer_of("abc", NULL, NULL),
                          empty = buffer_of(NULL, NULL, NULL);
    CHECK(!chunked_buffer_peek_u32(&empty, 0, &n));
    CHECK(!chunked_buffer_peek_u32(&b, 0, &n));
    CHECK_INT(chunked_buffer_push(&b, bytes("d"), 1, NULL, NULL), 0);
    CHECK(!chunked_buffer_peek_u32(&b, 1, &n));
    CHECK(!chunked_buffer_peek_u32(&b, SIZE_MAX - 1, &n));
    CHECK_INT(n, 77);
    CHECK(chunked_buffer_peek_u32(&b, 0, &n));
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_peek_u32_after_part_of_a_chunk_was_consumed) {
    uint32_t n = 0;
    struct chunked_buffer b = buffer_of("xxx\x12", "\x34\x56\x78", NULL);
    CHECK(chunked_buffer_discard(&b, 3));
    CHECK(chunked_buffer_peek_u32(&b, 0, &n));
    CHECK_INT(n, 0x12345678);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_copy_to_in_one_chunk) {
    char out[4] = "...";
    struct chunked_buffer b = buffer_of("abcdef", NULL, NULL);
    CHECK(chunked_buffer_copy_to(&b, 2, out, 3));
    CHECK_STR(out, "cde");
    CHECK_INT(chunked_buffer_length(&b), 6);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_copy_to_over_many) {
    static const char all[] = "abcdefgh";
    struct chunked_buffer b = buffer_of("abc", "d", "efgh");
    for (size_t from = 0; from <= 8; from++)
        for (size_t len = 0; len <= 8 - from; len++) {
            char out[10] = ".........";
            CHECK(chunked_buffer_copy_to(&b, from, out, len));
            CHECK_MEM(out, all + from, len);
            CHECK_INT(out[len], '.');
        }
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_copy_to_short_copies_nothing) {
    char out[10] = ".........";
    struct chunked_buffer b = buffer_of("abc", "def", NULL);
    CHECK(!chunked_buffer_copy_to(&b, 0, out, 7));
    CHECK(!chunked_buffer_copy_to(&b, 6, out, 1));
    CHECK(!chunked_buffer_copy_to(&b, 7, out, 0));
    CHECK(!chunked_buffer_copy_to(&b, SIZE_MAX, out, 2)); /* the sum would wrap round */
    CHECK(!chunked_buffer_copy_to(&b, 2, out, SIZE_MAX));
    CHECK_STR(out, ".........");
    CHECK(chunked_buffer_copy_to(&b, 6, out, 0));
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_discard_from_the_front) {
    struct chunked_buffer b = buffer_of("abcdef", NULL, NULL);
    CHECK(chunked_buffer_discard(&b, 2));
    CHECK_INT(chunked_buffer_length(&b), 4);
    CHECK_INT(chunked_buffer_peek(&b, 0), 'c');
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_discard_whole_chunks) {
    struct chunked_buffer b = buffer_of("abc", "def", "ghi");
    CHECK(chunked_buffer_discard(&b, 6));
    CHECK_INT(chunked_buffer_length(&b), 3);
    CHECK_MEM(chunked_buffer_front(&b).data, "ghi", 3);
    CHECK(chunked_buffer_discard(&b, 3));
    CHECK_INT(chunked_buffer_length(&b), 0);
    CHECK(!b.first && !b.last);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_discard_a_partial_chunk) {
    struct chunked_buffer b = buffer_of("abc", "def", "ghi");
    CHECK(chunked_buffer_discard(&b, 4));
    CHECK_INT(chunked_buffer_length(&b), 5);
    CHECK_INT(chunked_buffer_front(&b).len, 2);
    CHECK_MEM(chunked_buffer_front(&b).data, "ef", 2);
    CHECK_INT(chunked_buffer_peek(&b, 2), 'g');
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_discard_short_drops_nothing) {
    struct chunked_buffer b = buffer_of("abc", "def", NULL);
    CHECK(!chunked_buffer_discard(&b, 7));
    CHECK_INT(chunked_buffer_length(&b), 6);
    CHECK_INT(chunked_buffer_peek(&b, 0), 'a');
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_consume_returns_bytes_and_advances) {
    char out[5] = "....";
    struct chunked_buffer b = buffer_of("abc", "def", NULL);
    CHECK(chunked_buffer_consume(&b, out, 4));
    CHECK_STR(out, "abcd");
    CHECK_INT(chunked_buffer_length(&b), 2);
    CHECK(chunked_buffer_consume(&b, out, 2));
    CHECK_STR(out, "efcd");
    CHECK_INT(chunked_buffer_length(&b), 0);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_consume_short_changes_nothing) {
    char out[8] = ".......";
    struct chunked_buffer b = buffer_of("abc", "def", NULL);
    CHECK(!chunked_buffer_consume(&b, out, 7));
    CHECK_STR(out, ".......");
    CHECK_INT(chunked_buffer_length(&b), 6);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_can_be_used_again_when_it_ran_empty) {
    struct chunked_buffer b = buffer_of("abc", NULL, NULL);
    CHECK(chunked_buffer_discard(&b, 3));
    CHECK_INT(chunked_buffer_push(&b, bytes("xyz"), 3, NULL, NULL), 0);
    CHECK_MEM(chunked_buffer_front(&b).data, "xyz", 3);
    CHECK_INT(chunked_buffer_length(&b), 3);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_releases_a_chunk_once_with_its_last_byte) {
    static const uint8_t data[10];
    struct releases r = {0};
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push(&b, data, sizeof data, note_release, &r), 0);
    CHECK(chunked_buffer_discard(&b, 9));
    CHECK_INT(r.count, 0);
    CHECK(chunked_buffer_discard(&b, 1));
    CHECK_INT(r.count, 1);
    CHECK(r.data == data); /* whole, as pushed */
    CHECK_INT(r.len, sizeof data);
    chunked_buffer_fini(&b);
    CHECK_INT(r.count, 1);
}

TEST(chunked_buffer_releases_every_chunk_that_one_discard_uses_up) {
    struct releases r = {0};
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    for (int i = 0; i < 5; i++)
        CHECK_INT(chunked_buffer_push(&b, bytes("ab"), 2, note_release, &r), 0);
    CHECK(chunked_buffer_discard(&b, 7));
    CHECK_INT(r.count, 3);
    chunked_buffer_fini(&b);
    CHECK_INT(r.count, 5);
}

TEST(chunked_buffer_clear_releases_what_is_left) {
    static const uint8_t data[10];
    struct releases r = {0};
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push(&b, data, sizeof data, note_release, &r), 0);
    CHECK(chunked_buffer_discard(&b, 5));
    chunked_buffer_clear(&b);
    CHECK_INT(r.count, 1);
    CHECK(r.data == data);
    CHECK_INT(chunked_buffer_length(&b), 0);
    chunked_buffer_clear(&b);
    CHECK_INT(r.count, 1);
    chunked_buffer_fini(&b);
}

struct refill {
    struct chunked_buffer buffer;
    uint8_t memory[4];
    int left;
};

static void refill(void *owner, const uint8_t *data, size_t len) {
    struct refill *r = owner;
    if (r->left-- > 0)
        CHECK_INT(chunked_buffer_push(&r->buffer, data, len, refill, r), 0);
}

TEST(chunked_buffer_release_may_push_the_same_memory_again) {
    struct refill r = {.left = 3};
    chunked_buffer_init(&r.buffer);
    CHECK_INT(chunked_buffer_push(&r.buffer, r.memory, 4, refill, &r), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(chunked_buffer_length(&r.buffer), 4);
        CHECK(chunked_buffer_discard(&r.buffer, 4));
    }
    CHECK_INT(chunked_buffer_length(&r.buffer), 0);
    chunked_buffer_fini(&r.buffer);
}

TEST(chunked_buffer_keep_copies_the_rest_of_borrowed_chunks) {
    uint8_t scratch[2][4] = {{'a', 'b', 'c', 'd'}, {'e', 'f', 'g', 'h'}};
    char out[7] = "......";
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push(&b, scratch[0], 4, NULL, NULL), 0);
    CHECK_INT(chunked_buffer_push(&b, scratch[1], 4, NULL, NULL), 0);
    CHECK(chunked_buffer_discard(&b, 2));
    CHECK_INT(chunked_buffer_keep(&b), 0);
    memset(scratch, 0, sizeof scratch); /* the borrowed memory is used again */
    CHECK_INT(chunked_buffer_length(&b), 6);
    CHECK(chunked_buffer_consume(&b, out, 6));
    CHECK_STR(out, "cdefgh");
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_keep_leaves_owned_and_referenced_chunks_alone) {
    static const uint8_t data[3] = {'x', 'y', 'z'};
    struct releases r = {0};
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push_copy(&b, bytes("abc"), 3), 0);
    CHECK_INT(chunked_buffer_push(&b, data, 3, note_release, &r), 0);
    const uint8_t *copy = chunked_buffer_front(&b).data;
    CHECK_INT(chunked_buffer_keep(&b), 0);
    CHECK(chunked_buffer_front(&b).data == copy);
    CHECK(chunked_buffer_discard(&b, 3));
    CHECK(chunked_buffer_front(&b).data == data);
    CHECK_INT(r.count, 0);
    chunked_buffer_fini(&b);
    CHECK_INT(r.count, 1);
}

TEST(chunked_buffer_keep_takes_borrowed_chunks_between_others) {
    uint8_t scratch[2] = {'1', '2'};
    char out[9] = "........";
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push_copy(&b, bytes("abc"), 3), 0);
    CHECK_INT(chunked_buffer_push(&b, scratch, 2, NULL, NULL), 0);
    CHECK_INT(chunked_buffer_push_copy(&b, bytes("def"), 3), 0);
    CHECK_INT(chunked_buffer_keep(&b), 0);
    memset(scratch, 0, sizeof scratch);
    CHECK_INT(chunked_buffer_push_copy(&b, bytes("g"), 1),
              0); /* the end is still the end */
    CHECK_INT(chunked_buffer_length(&b), 9);
    CHECK(chunked_buffer_consume(&b, out, 8));
    CHECK_STR(out, "abc12def");
    CHECK_INT(chunked_buffer_peek(&b, 0), 'g');
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_keep_moves_the_end_with_the_last_chunk) {
    uint8_t scratch[2] = {'1', '2'};
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    CHECK_INT(chunked_buffer_push(&b, scratch, 2, NULL, NULL), 0);
    CHECK_INT(chunked_buffer_keep(&b), 0);
    CHECK_INT(chunked_buffer_push_copy(&b, bytes("3"), 1), 0);
    CHECK_INT(chunked_buffer_peek(&b, 2), '3');
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_keep_of_nothing) {
    struct chunked_buffer b = buffer_of("abc", NULL, NULL);
    CHECK(chunked_buffer_discard(&b, 3));
    CHECK_INT(chunked_buffer_keep(&b), 0);
    CHECK(!b.first);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_reads_nothing_outside_its_chunks) {
    char out[6];
    struct chunked_buffer b;
    chunked_buffer_init(&b);
    for (int i = 0; i < 2; i++)
        CHECK_INT(chunked_buffer_push(&b, check_at_page_end("abc", 3), 3, NULL, NULL), 0);
    uint32_t n;
    CHECK(chunked_buffer_peek_u32(&b, 2, &n));
    CHECK(!chunked_buffer_peek_u32(&b, 3, &n));
    CHECK(chunked_buffer_consume(&b, out, 6));
    CHECK_MEM(out, "abcabc", 6);
    chunked_buffer_fini(&b);
}

/* Stress: a megabyte of a known sequence in thousands of small chunks of all three kinds, read
 * in large and small pieces. */

enum { TOTAL = 1 << 20, LARGEST_CHUNK = 64, LARGEST_READ = 16384 };

static uint8_t sequence(size_t i) {
    return (uint8_t)(i * 2654435761u >> 13);
}

static size_t push_some(struct chunked_buffer *b, struct rng *r, const uint8_t *data,
                        size_t left, struct releases *releases, int *referenced) {
    size_t len = MIN(1 + rng_below(r, LARGEST_CHUNK), left);
    uint32_t kind = rng_below(r, 3);
    int err = kind == 0   ? chunked_buffer_push(b, data, len, NULL, NULL)
              : kind == 1 ? chunked_buffer_push(b, data, len, note_release, releases)
                          : chunked_buffer_push_copy(b, data, len);
    CHECK_INT(err, 0);
    *referenced += kind == 1;
    return len;
}

static void check_sequence(const uint8_t *data, size_t from, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (data[i] != sequence(from + i))
            check_fail(__FILE__, __LINE__, "byte %zu is wrong", from + i);
}

TEST(chunked_buffer_stress_of_many_small_chunks_with_large_reads) {
    static uint8_t source[TOTAL], out[LARGEST_READ];
    struct releases releases = {0};
    struct chunked_buffer b;
    struct rng r;
    size_t pushed = 0, read = 0;
    int referenced = 0;
    rng_seed(&r, 2);
    chunked_buffer_init(&b);
    for (size_t i = 0; i < TOTAL; i++)
        source[i] = sequence(i);
    while (read < TOTAL) {
        size_t want = MIN(1 + rng_below(&r, LARGEST_READ), TOTAL - read);
        while (chunked_buffer_length(&b) < want)
            pushed += push_some(&b, &r, source + pushed, TOTAL - pushed, &releases,
                                &referenced);
        CHECK_INT(chunked_buffer_length(&b), pushed - read);
        if (rng_below(&r, 4) == 0)
            CHECK_INT(chunked_buffer_keep(&b), 0);
        CHECK(chunked_buffer_consume(&b, out, want));
        check_sequence(out, read, want);
        read += want;
    }
    CHECK_INT(chunked_buffer_length(&b), 0);
    CHECK(referenced > 1000);
    CHECK_INT(releases.count, referenced);
    chunked_buffer_fini(&b);
}

TEST(chunked_buffer_push_takes_nothing_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct releases r = {0};
        struct chunked_buffer b;
        chunked_buffer_init(&b);
        int err = chunked_buffer_push(&b, bytes("abc"), 3, note_release, &r);
        if (!err)
            err = chunked_buffer_push_copy(&b, bytes("def"), 3);
        CHECK_INT(err, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(chunked_buffer_length(&b), err ? 3 * n : 6);
        chunked_buffer_fini(&b);
        CHECK_INT(r.count, err && n == 0 ? 0 : 1);
    }
}

TEST(chunked_buffer_keep_loses_nothing_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        char out[7] = "......";
        check_nomem_hit();
        struct chunked_buffer b = buffer_of("xab", "cd", "ef");
        CHECK(chunked_buffer_discard(&b, 1));
        check_nomem_at(n);
        int err = chunked_buffer_keep(&b);
        CHECK_INT(err, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(chunked_buffer_length(&b), 6);
        CHECK(chunked_buffer_consume(&b, out, 6));
        CHECK_STR(out, "abcdef");
        chunked_buffer_fini(&b);
    }
}
