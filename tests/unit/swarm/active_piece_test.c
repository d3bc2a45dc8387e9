#include "swarm/active_piece.h"

#include "base/err.h"
#include "support/check.h"

/* Two and a half blocks, so that the last one is shorter. */
#define LENGTH (2 * WIRE_BLOCK + WIRE_BLOCK / 2)
#define ALICE ((handle)1 << 32 | 1)
#define BOB ((handle)1 << 32 | 2)

struct fixture {
    struct active_piece *p;
    uint8_t *buffer, *data; /* what is to arrive, every block different */
};

static struct fixture open_piece(uint32_t length) {
    struct fixture f = {.buffer = malloc(length), .data = malloc(length)};
    CHECK(f.buffer && f.data);
    memset(f.buffer, 0xEE, length);
    for (uint32_t i = 0; i < length; i++)
        f.data[i] = (uint8_t)(i * 31 + i / WIRE_BLOCK);
    f.p = active_piece_new(7, length, f.buffer);
    CHECK(f.p);
    return f;
}

static void close_piece(struct fixture *f) {
    active_piece_free(f->p);
    free(f->buffer);
    free(f->data);
}

static int add(struct fixture *f, uint32_t block, handle from) {
    uint32_t begin = block * WIRE_BLOCK;
    return active_piece_add_block(f->p, begin, f->data + begin,
                                  active_piece_block_len(f->p, block), from, 5);
}

static void check_counts(const struct active_piece *p, uint32_t free_count,
                         uint32_t received, uint32_t buffered, uint32_t first_free) {
    CHECK_INT(p->free_count, free_count);
    CHECK_INT(p->received, received);
    CHECK_INT(p->buffered, buffered);
    CHECK_INT(p->first_free, first_free);
}

TEST(active_piece_starts_with_every_block_free) {
    struct fixture f = open_piece(LENGTH);
    CHECK_INT(f.p->blocks, 3);
    CHECK_INT(f.p->index, 7);
    CHECK_INT(f.p->length, LENGTH);
    CHECK(!active_piece_has_all(f.p));
    check_counts(f.p, 3, 0, 0, 0);
    close_piece(&f);
}

TEST(active_piece_length_decides_blocks_and_the_last_ones_length) {
    static const struct {
        uint32_t length, blocks, last;
    } rows[] = {
        {1, 1, 1},
        {WIRE_BLOCK - 1, 1, WIRE_BLOCK - 1},
        {WIRE_BLOCK, 1, WIRE_BLOCK},
        {WIRE_BLOCK + 1, 2, 1},
        {4 * WIRE_BLOCK, 4, WIRE_BLOCK},
        {4 * WIRE_BLOCK + 100, 5, 100},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f = open_piece(rows[i].length);
        CHECK_INT(f.p->blocks, rows[i].blocks);
        CHECK_INT(active_piece_block_len(f.p, f.p->blocks - 1), rows[i].last);
        if (f.p->blocks > 1)
            CHECK_INT(active_piece_block_len(f.p, 0), WIRE_BLOCK);
        close_piece(&f);
    }
}

TEST(active_piece_knows_exactly_its_own_blocks) {
    static const struct {
        uint32_t begin, len;
        int64_t block;
    } rows[] = {
        {0, WIRE_BLOCK, 0},
        {WIRE_BLOCK, WIRE_BLOCK, 1},
        {2 * WIRE_BLOCK, WIRE_BLOCK / 2, 2},
        {2 * WIRE_BLOCK, WIRE_BLOCK, -1}, /* the last is shorter */
        {0, WIRE_BLOCK - 1, -1},
        {0, WIRE_BLOCK + 1, -1},
        {0, 2 * WIRE_BLOCK, -1},
        {0, 0, -1},
        {1, WIRE_BLOCK, -1},
        {WIRE_BLOCK / 2, WIRE_BLOCK / 2, -1},
        {3 * WIRE_BLOCK, WIRE_BLOCK, -1},
        {3 * WIRE_BLOCK, 0, -1},
        {UINT32_MAX, WIRE_BLOCK, -1},
        {UINT32_MAX - WIRE_BLOCK + 1, WIRE_BLOCK, -1},
        {0, UINT32_MAX, -1},
    };
    struct fixture f = open_piece(LENGTH);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_INT(active_piece_block_at(f.p, rows[i].begin, rows[i].len), rows[i].block);
    close_piece(&f);
}

TEST(active_piece_puts_blocks_at_their_offsets) {
    struct fixture f = open_piece(LENGTH);
    CHECK_INT(add(&f, 1, ALICE), 1);
    CHECK_INT(f.buffer[WIRE_BLOCK - 1], 0xEE);
    CHECK_INT(f.buffer[2 * WIRE_BLOCK], 0xEE);
    CHECK_MEM(f.buffer + WIRE_BLOCK, f.data + WIRE_BLOCK, WIRE_BLOCK);
    CHECK(active_piece_place(f.p, 2) == f.buffer + 2 * WIRE_BLOCK);
    close_piece(&f);
}

TEST(active_piece_assembles_blocks_that_come_out_of_order) {
    struct fixture f = open_piece(LENGTH);
    CHECK_INT(add(&f, 2, ALICE), 1);
    CHECK_INT(add(&f, 0, BOB), 1);
    CHECK(!active_piece_has_all(f.p));
    CHECK_INT(add(&f, 1, ALICE), 1);
    CHECK(active_piece_has_all(f.p));
    CHECK_MEM(f.buffer, f.data, LENGTH);
    close_piece(&f);
}

TEST(active_piece_refuses_a_duplicate_and_keeps_the_first) {
    struct fixture f = open_piece(LENGTH);
    uint8_t *other = calloc(1, WIRE_BLOCK);
    CHECK(other);
    CHECK_INT(add(&f, 1, ALICE), 1);
    CHECK_INT(active_piece_add_block(f.p, WIRE_BLOCK, other, WIRE_BLOCK, BOB, 9), 0);
    CHECK_MEM(f.buffer + WIRE_BLOCK, f.data + WIRE_BLOCK, WIRE_BLOCK);
    CHECK(f.p->block[1].from == ALICE);
    CHECK_INT(f.p->last_block_at, 5);
    check_counts(f.p, 2, 1, WIRE_BLOCK, 0);
    free(other);
    close_piece(&f);
}

TEST(active_piece_refuses_what_is_not_a_block_of_its_own) {
    struct fixture f = open_piece(LENGTH);
    CHECK_INT(active_piece_add_block(f.p, 1, f.data, WIRE_BLOCK, ALICE, 5), ERR_INVALID);
    CHECK_INT(active_piece_add_block(f.p, 0, f.data, WIRE_BLOCK - 1, ALICE, 5),
              ERR_INVALID);
    CHECK_INT(active_piece_add_block(f.p, 2 * WIRE_BLOCK, f.data, WIRE_BLOCK, ALICE, 5),
              ERR_INVALID);
    for (uint32_t i = 0; i < LENGTH; i++)
        CHECK_INT(f.buffer[i], 0xEE);
    check_counts(f.p, 3, 0, 0, 0);
    close_piece(&f);
}

TEST(active_piece_counts_buffered_bytes) {
    struct fixture f = open_piece(LENGTH);
    CHECK_INT(add(&f, 2, ALICE), 1);
    CHECK_INT(f.p->buffered, WIRE_BLOCK / 2);
    CHECK_INT(add(&f, 0, ALICE), 1);
    CHECK_INT(f.p->buffered, WIRE_BLOCK + WIRE_BLOCK / 2);
    CHECK_INT(add(&f, 1, ALICE), 1);
    CHECK_INT(f.p->buffered, LENGTH);
    close_piece(&f);
}

TEST(active_piece_remembers_who_delivered_and_when) {
    struct fixture f = open_piece(LENGTH);
    CHECK_INT(active_piece_note_received(f.p, 0, BOB, 77), 1);
    CHECK(f.p->block[0].from == BOB);
    CHECK_INT(f.p->last_block_at, 77);
    close_piece(&f);
}

TEST(active_piece_block_is_free_then_asked_then_received) {
    struct fixture f = open_piece(LENGTH);
    active_piece_note_asked(f.p, 0);
    CHECK_INT(f.p->block[0].state, BLOCK_ASKED);
    check_counts(f.p, 2, 0, 0, 1);
    CHECK_INT(add(&f, 0, ALICE), 1);
    CHECK_INT(f.p->block[0].state, BLOCK_RECEIVED);
    check_counts(f.p, 2, 1, WIRE_BLOCK, 1);
    close_piece(&f);
}

TEST(active_piece_block_is_free_again_after_its_last_asker) {
    struct fixture f = open_piece(LENGTH);
    active_piece_note_asked(f.p, 0);
    active_piece_note_asked(f.p, 0);
    CHECK_INT(f.p->block[0].askers, 2);
    active_piece_note_unasked(f.p, 0);
    CHECK_INT(f.p->block[0].state, BLOCK_ASKED);
    check_counts(f.p, 2, 0, 0, 1);
    active_piece_note_unasked(f.p, 0);
    CHECK_INT(f.p->block[0].state, BLOCK_FREE);
    CHECK(f.p->block[0].returned);
    check_counts(f.p, 3, 0, 0, 0);
    close_piece(&f);
}

TEST(active_piece_unasking_a_free_or_received_block_is_harmless) {
    struct fixture f = open_piece(LENGTH);
    active_piece_note_unasked(f.p, 0);
    check_counts(f.p, 3, 0, 0, 0);
    active_piece_note_asked(f.p, 0);
    CHECK_INT(add(&f, 0, ALICE), 1);
    active_piece_note_unasked(f.p, 0);
    CHECK_INT(f.p->block[0].state, BLOCK_RECEIVED);
    check_counts(f.p, 2, 1, WIRE_BLOCK, 1);
    close_piece(&f);
}

TEST(active_piece_first_free_skips_and_comes_back) {
    struct fixture f = open_piece(5 * WIRE_BLOCK);
    active_piece_note_asked(f.p, 1);
    CHECK_INT(f.p->first_free, 0);
    active_piece_note_asked(f.p, 0);
    CHECK_INT(f.p->first_free, 2);
    CHECK_INT(add(&f, 2, ALICE), 1); /* never asked, delivered all the same */
    CHECK_INT(f.p->first_free, 3);
    active_piece_note_unasked(f.p, 1);
    CHECK_INT(f.p->first_free, 1);
    active_piece_note_asked(f.p, 1);
    active_piece_note_asked(f.p, 3);
    active_piece_note_asked(f.p, 4);
    CHECK_INT(f.p->first_free, 5);
    close_piece(&f);
}

TEST(active_piece_arrival_ends_every_landing) {
    struct fixture f = open_piece(LENGTH);
    active_piece_note_asked(f.p, 0);
    f.p->block[0].landing = true;
    CHECK_INT(add(&f, 0, BOB), 1);
    CHECK(!f.p->block[0].landing);
    close_piece(&f);
}

TEST(active_piece_hands_over_the_same_memory) {
    struct fixture f = open_piece(LENGTH);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(!active_piece_take_buffer(f.p));
        CHECK_INT(add(&f, i, ALICE), 1);
    }
    CHECK(active_piece_take_buffer(f.p) == f.buffer);
    CHECK(!f.p->buffer);
    CHECK(!active_piece_take_buffer(f.p));
    CHECK_INT(add(&f, 0, BOB), 0); /* a late copy finds the block received */
    close_piece(&f);
}

TEST(active_piece_reset_frees_everything) {
    struct fixture f = open_piece(LENGTH);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(add(&f, i, ALICE), 1);
    f.p->only = ALICE;
    f.p->parole = true;
    active_piece_reset(f.p, active_piece_take_buffer(f.p));
    CHECK(f.p->buffer == f.buffer);
    CHECK(!f.p->only && !f.p->parole);
    CHECK(!f.p->block[2].from && f.p->block[2].state == BLOCK_FREE);
    check_counts(f.p, 3, 0, 0, 0);
    CHECK_INT(add(&f, 1, BOB), 1);
    close_piece(&f);
}

/* -- from a chunked buffer ---------------------------------------------------------------- */

static void push(struct chunked_buffer *in, const uint8_t *data, size_t len,
                 size_t chunk) {
    for (size_t at = 0; at < len; at += chunk)
        CHECK_INT(chunked_buffer_push_copy(in, data + at, MIN(chunk, len - at)), 0);
}

TEST(active_piece_adds_from_chunks_across_their_borders) {
    static const size_t chunks[] = {
        1, 3, 1000, WIRE_BLOCK - 1, WIRE_BLOCK, WIRE_BLOCK + 1};
    for (size_t i = 0; i < COUNT_OF(chunks); i++) {
        struct fixture f = open_piece(LENGTH);
        struct chunked_buffer in;
        chunked_buffer_init(&in);
        push(&in, f.data, LENGTH, chunks[i]);
        for (uint32_t b = 0; b < 3; b++)
            CHECK_INT(active_piece_add_block_from_chunked(f.p, b * WIRE_BLOCK,
                                                          active_piece_block_len(f.p, b),
                                                          &in, ALICE, 5),
                      1);
        CHECK_INT(chunked_buffer_length(&in), 0);
        CHECK_MEM(f.buffer, f.data, LENGTH);
        CHECK(active_piece_has_all(f.p));
        chunked_buffer_fini(&in);
        close_piece(&f);
    }
}

TEST(active_piece_leaves_what_follows_in_the_chunks) {
    struct fixture f = open_piece(LENGTH);
    struct chunked_buffer in;
    chunked_buffer_init(&in);
    push(&in, f.data, WIRE_BLOCK, 5000);
    push(&in, (const uint8_t *)"next", 4, 4);
    CHECK_INT(active_piece_add_block_from_chunked(f.p, 0, WIRE_BLOCK, &in, ALICE, 5), 1);
    CHECK_INT(chunked_buffer_length(&in), 4);
    CHECK_INT(chunked_buffer_peek(&in, 0), 'n');
    chunked_buffer_fini(&in);
    close_piece(&f);
}

TEST(active_piece_consumes_a_chunked_duplicate_without_writing) {
    struct fixture f = open_piece(LENGTH);
    struct chunked_buffer in;
    chunked_buffer_init(&in);
    CHECK_INT(add(&f, 0, ALICE), 1);
    push(&in, f.data + WIRE_BLOCK, WIRE_BLOCK, 700);
    CHECK_INT(active_piece_add_block_from_chunked(f.p, 0, WIRE_BLOCK, &in, BOB, 9), 0);
    CHECK_INT(chunked_buffer_length(&in), 0);
    CHECK_MEM(f.buffer, f.data, WIRE_BLOCK);
    CHECK(f.p->block[0].from == ALICE);
    chunked_buffer_fini(&in);
    close_piece(&f);
}

TEST(active_piece_waits_for_a_whole_chunked_block) {
    struct fixture f = open_piece(LENGTH);
    struct chunked_buffer in;
    chunked_buffer_init(&in);
    push(&in, f.data, WIRE_BLOCK - 1, 4096);
    CHECK_INT(active_piece_add_block_from_chunked(f.p, 0, WIRE_BLOCK, &in, ALICE, 5),
              ERR_AGAIN);
    CHECK_INT(chunked_buffer_length(&in), WIRE_BLOCK - 1);
    check_counts(f.p, 3, 0, 0, 0);
    push(&in, f.data + WIRE_BLOCK - 1, 1, 1);
    CHECK_INT(active_piece_add_block_from_chunked(f.p, 0, WIRE_BLOCK, &in, ALICE, 5), 1);
    chunked_buffer_fini(&in);
    close_piece(&f);
}

TEST(active_piece_leaves_the_chunks_alone_when_it_is_no_block) {
    struct fixture f = open_piece(LENGTH);
    struct chunked_buffer in;
    chunked_buffer_init(&in);
    push(&in, f.data, WIRE_BLOCK, 4096);
    CHECK_INT(active_piece_add_block_from_chunked(f.p, 8, WIRE_BLOCK, &in, ALICE, 5),
              ERR_INVALID);
    CHECK_INT(active_piece_add_block_from_chunked(f.p, 0, 100, &in, ALICE, 5),
              ERR_INVALID);
    CHECK_INT(chunked_buffer_length(&in), WIRE_BLOCK);
    chunked_buffer_fini(&in);
    close_piece(&f);
}
