/* What a reader looks ahead for, and when it needs it. */
#include "swarm/window.h"

#include "support/check.h"

#define KIB 1024u
#define MIB (1024u * 1024u)
#define FILE_LENGTH (1000ull * MIB)

static struct window window_of(uint32_t piece_length, uint64_t most) {
    struct window w;
    window_init(&w, 0, FILE_LENGTH, piece_length, most, 0);
    return w;
}

TEST(window_starts_with_four_pieces_or_three_seconds_within_bounds) {
    static const struct {
        uint32_t piece_length;
        uint64_t most, said, bytes;
    } rows[] = {
        {256 * KIB, 0, 0, MIB},            /* four pieces */
        {16 * KIB, 0, 0, 64 * KIB},        /* of tiny ones */
        {MIB, 0, 0, 4 * MIB},              /* */
        {4 * MIB, 0, 0, 8 * MIB},          /* two: four would be too much to start with */
        {16 * MIB, 0, 0, 32 * MIB},        /* two, however large */
        {256 * KIB, 0, MIB, 3 * MIB},      /* three seconds */
        {16 * KIB, 0, 2 * MIB, 4 * MIB},   /* but no more than 256 pieces */
        {256 * KIB, 0, 20 * MIB, 8 * MIB}, /* nor more than a start may be */
        {256 * KIB, 600 * KIB, 0, 600 * KIB},
        {256 * KIB, 1, 0, 512 * KIB}, /* two pieces at least */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct window w = window_of(rows[i].piece_length, rows[i].most);
        w.said = rows[i].said;
        CHECK_INT(window_bytes(&w), rows[i].bytes);
    }
}

TEST(window_grows_with_what_is_read_up_to_its_bound) {
    struct window w = window_of(256 * KIB, 0);
    usec now = 1;
    window_advance(&w, MIB, now);
    CHECK_INT(window_bytes(&w), 2 * MIB);
    window_advance(&w, 3 * MIB, now);
    CHECK_INT(window_bytes(&w), 5 * MIB);
    window_advance(&w, 100 * MIB, now);
    CHECK_INT(window_bytes(&w), WINDOW_MOST);
}

TEST(window_that_jumps_is_small_again_but_not_one_that_stays) {
    struct window w = window_of(256 * KIB, 0);
    window_advance(&w, 5 * MIB, 1);
    window_seek(&w, 5 * MIB);
    CHECK_INT(window_bytes(&w), 6 * MIB);
    window_seek(&w, 5 * MIB + 1);
    CHECK_INT(window_bytes(&w), MIB);
    CHECK_INT(w.position, 5 * MIB + 1);
}

TEST(window_covers_the_pieces_of_its_bytes) {
    static const struct {
        uint64_t offset, length, position;
        uint32_t first, end;
    } rows[] = {
        {0, FILE_LENGTH, 0, 0, 4},
        {0, FILE_LENGTH, 1, 0, 5},                     /* parts of five */
        {0, FILE_LENGTH, 256 * KIB - 1, 0, 5},         /* */
        {0, FILE_LENGTH, 256 * KIB, 1, 5},             /* */
        {100, FILE_LENGTH, 256 * KIB - 100, 1, 5},     /* a file that begins in a piece */
        {0, 300 * KIB, 0, 0, 2},                       /* shorter than the window */
        {0, 256 * KIB, 0, 0, 1},                       /* exactly a piece */
        {0, FILE_LENGTH, FILE_LENGTH - 1, 3999, 4000}, /* the last byte */
        {0, FILE_LENGTH, FILE_LENGTH, 4000, 4000},     /* nothing at the end */
        {256 * KIB, 0, 0, 1, 1},                       /* nor of an empty file */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct window w;
        uint32_t first, end;
        window_init(&w, rows[i].offset, rows[i].length, 256 * KIB, 0, rows[i].position);
        window_pieces(&w, &first, &end);
        CHECK_INT(first, rows[i].first);
        CHECK_INT(end, rows[i].end);
    }
}

TEST(window_pieces_are_due_when_the_consumer_comes_to_them) {
    struct window w = window_of(MIB, 0);
    usec now = 50 * USEC_PER_SEC;
    w.said = 2 * MIB;
    w.position = MIB / 2;
    CHECK_INT(window_due(&w, 0, 0, now), now);
    CHECK_INT(window_due(&w, 1, 0, now), now + USEC_PER_SEC / 4 / 8);
    CHECK_INT(window_due(&w, 3, 0, now), now + USEC_PER_SEC / 4 + USEC_PER_SEC / 8);
    CHECK_INT(window_due(&w, 3, 2 * USEC_PER_SEC, now),
              now + USEC_PER_SEC * 9 / 4 + USEC_PER_SEC / 8);
    w.said = 1; /* a byte a second: far away, but not beyond time */
    CHECK(window_due(&w, 3, 0, now) > now && window_due(&w, 3, 0, now) < USEC_NEVER / 2);
}

TEST(window_believes_who_says_its_rate_then_what_was_measured_then_a_guess) {
    struct window w = window_of(256 * KIB, 0);
    usec now = 7 * USEC_PER_SEC;
    CHECK_INT(window_rate(&w), WINDOW_RATE_GUESS);
    window_advance(&w, 1000, now); /* begins the second, is not of it */
    window_advance(&w, 500000, now + USEC_PER_SEC / 2);
    CHECK_INT(window_rate(&w), WINDOW_RATE_GUESS);
    window_advance(&w, 1500000, now + USEC_PER_SEC);
    CHECK_INT(window_rate(&w), 2000000);
    window_advance(&w, 4000000, now + 2 * USEC_PER_SEC);
    CHECK_INT(window_rate(&w), 3000000);
    w.said = 12345;
    CHECK_INT(window_rate(&w), 12345);
}

TEST(window_takes_no_pause_of_a_jump_for_slowness) {
    struct window w = window_of(256 * KIB, 0);
    window_advance(&w, 1, 1 * USEC_PER_SEC);
    window_advance(&w, MIB, 2 * USEC_PER_SEC);
    window_seek(&w, 10 * MIB);
    window_advance(&w, 1, 100 * USEC_PER_SEC);
    CHECK_INT(window_rate(&w), MIB);
}

TEST(window_ends_fit_the_size_of_the_file) {
    static const struct {
        uint64_t length, end;
    } rows[] = {
        {0, 0},
        {1000, 1000},
        {MIB, 128 * KIB},
        {100ull * MIB, 100ull * MIB / 256},
        {8000ull * MIB, 4 * MIB},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t head, tail;
        window_ends(rows[i].length, &head, &tail);
        CHECK_INT(head, rows[i].end);
        CHECK_INT(tail, rows[i].end);
    }
}
