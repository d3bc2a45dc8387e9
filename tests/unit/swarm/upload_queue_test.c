/* upload_queue: what a peer may queue with us, and how it leaves the queue. */
#include "swarm/upload_queue.h"

#include "base/err.h"
#include "codec/wire.h"
#include "support/check.h"

#define KIB 1024u
#define PIECE (256 * KIB)

static struct upload_queue queue_of(uint32_t n) {
    struct upload_queue q;
    upload_queue_init(&q);
    for (uint32_t i = 0; i < n; i++)
        CHECK_INT(upload_queue_push(&q, i, 0, WIRE_BLOCK, PIECE), 0);
    return q;
}

TEST(upload_queue_checks_the_bounds_of_a_request) {
    static const struct {
        uint32_t begin, length, piece_size;
        int want;
    } cases[] = {
        {0, WIRE_BLOCK, PIECE, 0},
        {PIECE - WIRE_BLOCK, WIRE_BLOCK, PIECE, 0},
        {PIECE - 1, 1, PIECE, 0},
        {7, 13, 20, 0},
        {0, WIRE_MAX_REQUEST, PIECE, 0},
        {0, WIRE_MAX_REQUEST + 1, PIECE, ERR_PROTOCOL},
        {0, 0, PIECE, ERR_PROTOCOL},
        {PIECE, 1, PIECE, ERR_PROTOCOL},
        {PIECE - WIRE_BLOCK + 1, WIRE_BLOCK, PIECE, ERR_PROTOCOL},
        {PIECE + 1, 1, PIECE, ERR_PROTOCOL},
        {UINT32_MAX, 1, PIECE, ERR_PROTOCOL},                  /* begin + length is 0 */
        {UINT32_MAX - 16383, WIRE_BLOCK, PIECE, ERR_PROTOCOL}, /* so is this */
        {0, UINT32_MAX, PIECE, ERR_PROTOCOL},
        {0, 1, 0, ERR_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct upload_queue q;
        upload_queue_init(&q);
        CHECK_INT(upload_queue_push(&q, 1, cases[i].begin, cases[i].length,
                                    cases[i].piece_size),
                  cases[i].want);
        CHECK_INT(q.count, cases[i].want == 0);
        CHECK_INT(q.bytes, cases[i].want == 0 ? cases[i].length : 0);
        upload_queue_fini(&q);
    }
}

TEST(upload_queue_is_first_in_first_out) {
    struct upload_queue q = queue_of(3);
    struct upload_request u;
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(upload_queue_front(&q, 0, &u));
        CHECK_INT(u.piece, i);
        upload_queue_pop(&q);
    }
    CHECK(!upload_queue_front(&q, 0, &u));
    CHECK_INT(q.bytes, 0);
    upload_queue_fini(&q);
}

TEST(upload_queue_shows_what_is_behind_the_front) {
    struct upload_queue q = queue_of(5);
    struct upload_request u;
    CHECK(upload_queue_front(&q, 4, &u));
    CHECK_INT(u.piece, 4);
    CHECK(!upload_queue_front(&q, 5, &u));
    CHECK_INT(q.count, 5);
    upload_queue_fini(&q);
}

TEST(upload_queue_keeps_its_order_when_the_ring_wraps_and_grows) {
    struct upload_queue q = queue_of(10);
    struct upload_request u;
    uint32_t next_in = 10, next_out = 0;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 5; i++)
            CHECK_INT(upload_queue_push(&q, next_in++, 0, 1, PIECE), 0);
        for (int i = 0; i < 4; i++, upload_queue_pop(&q)) {
            CHECK(upload_queue_front(&q, 0, &u));
            CHECK_INT(u.piece, next_out++);
        }
    }
    CHECK_INT(q.count, next_in - next_out);
    upload_queue_fini(&q);
}

TEST(upload_queue_holds_2000_and_no_more) {
    struct upload_queue q = queue_of(UPLOAD_QUEUE_MAX);
    CHECK_INT(upload_queue_push(&q, 0, 0, WIRE_BLOCK, PIECE), ERR_LIMIT);
    CHECK_INT(q.count, UPLOAD_QUEUE_MAX);
    CHECK_INT(q.bytes, (uint64_t)UPLOAD_QUEUE_MAX * WIRE_BLOCK);
    upload_queue_pop(&q);
    CHECK_INT(upload_queue_push(&q, 0, 0, WIRE_BLOCK, PIECE), 0);
    upload_queue_fini(&q);
}

TEST(upload_queue_full_still_tells_a_request_out_of_bounds) {
    struct upload_queue q = queue_of(UPLOAD_QUEUE_MAX);
    CHECK_INT(upload_queue_push(&q, 0, PIECE, 1, PIECE), ERR_PROTOCOL);
    upload_queue_fini(&q);
}

TEST(upload_queue_cancels_exactly_the_request_named) {
    static const struct {
        uint32_t piece, begin, length;
        bool want;
    } cases[] = {
        {0, 0, WIRE_BLOCK, true},  {2, 0, WIRE_BLOCK, true},
        {4, 0, WIRE_BLOCK, true},  {5, 0, WIRE_BLOCK, false},
        {2, 1, WIRE_BLOCK, false}, {2, 0, WIRE_BLOCK - 1, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct upload_queue q = queue_of(5);
        bool want = cases[i].want;
        CHECK_INT(
            upload_queue_cancel(&q, cases[i].piece, cases[i].begin, cases[i].length),
            want);
        CHECK_INT(q.count, want ? 4 : 5);
        CHECK_INT(q.bytes, q.count * WIRE_BLOCK);
        for (uint32_t k = 0, expected = 0; k < q.count; k++, expected++) {
            struct upload_request u;
            expected += want && expected == cases[i].piece;
            CHECK(upload_queue_front(&q, k, &u));
            CHECK_INT(u.piece, expected);
        }
        upload_queue_fini(&q);
    }
}

TEST(upload_queue_cancel_on_an_empty_queue_finds_nothing) {
    struct upload_queue q = queue_of(0);
    CHECK(!upload_queue_cancel(&q, 0, 0, WIRE_BLOCK));
    upload_queue_fini(&q);
}

TEST(upload_queue_clear_empties_it) {
    struct upload_queue q = queue_of(9);
    struct upload_request u;
    upload_queue_clear(&q);
    CHECK_INT(q.count, 0);
    CHECK_INT(q.bytes, 0);
    CHECK(!upload_queue_front(&q, 0, &u));
    CHECK_INT(upload_queue_push(&q, 42, 0, 1, PIECE), 0);
    CHECK(upload_queue_front(&q, 0, &u));
    CHECK_INT(u.piece, 42);
    upload_queue_fini(&q);
}

TEST(upload_queue_bears_300_requests_while_choked) {
    struct upload_queue q = queue_of(0);
    for (uint32_t i = 0; i < UPLOAD_QUEUE_WHILE_CHOKED; i++)
        CHECK(!upload_queue_note_choked_request(&q));
    CHECK(upload_queue_note_choked_request(&q));
    CHECK(upload_queue_note_choked_request(&q));
    upload_queue_fini(&q);
}

TEST(upload_queue_counts_choked_requests_anew_after_a_choke) {
    struct upload_queue q = queue_of(0);
    for (uint32_t i = 0; i <= UPLOAD_QUEUE_WHILE_CHOKED; i++)
        upload_queue_note_choked_request(&q);
    upload_queue_note_choke(&q);
    CHECK(!upload_queue_note_choked_request(&q));
    upload_queue_fini(&q);
}

TEST(upload_queue_stays_whole_when_memory_runs_out) {
    CHECK_EACH_NOMEM(n) {
        struct upload_queue q;
        uint32_t pushed = 0;
        int err = 0;
        upload_queue_init(&q);
        check_nomem_at(n);
        for (; pushed < 100 && !err; pushed += !err)
            err = upload_queue_push(&q, pushed, 0, WIRE_BLOCK, PIECE);
        CHECK_INT(err, check_nomem_hit() ? ERR_NOMEM : 0);
        CHECK_INT(q.count, pushed);
        CHECK_INT(q.bytes, (uint64_t)pushed * WIRE_BLOCK);
        for (uint32_t i = 0; i < pushed; i++) {
            struct upload_request u;
            CHECK(upload_queue_front(&q, i, &u));
            CHECK_INT(u.piece, i);
        }
        upload_queue_fini(&q);
    }
}
