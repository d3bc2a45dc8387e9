/* Serving: every request is answered once, by its bytes or by a refusal, and none may cost more
 * than it asks for. */
#include <unistd.h>

#include "base/bytes.h"
#include "unit/engine/fake_peer.h"

#define PIECES 40u
#define SMALL \
    16384u /* piece length of the torrent that has more pieces than allowed-fast */

/* A seeder of the usual torrent and one who wants it, unchoked. */
static struct fake *served(struct swarm *w, bool fast, uint64_t up_rate) {
    swarm_open(w);
    struct node *n =
        node_open(w, &(struct node_options){.seed = true, .settings.up_rate = up_rate});
    struct fake *f = fake_leech(w, n, fast);
    fake_say(f, WIRE_INTERESTED);
    (void)fake_expect(f, WIRE_UNCHOKE);
    return f;
}

static struct fake *choked(struct swarm *w, bool fast) {
    swarm_open_large(w, PIECES, SMALL);
    return fake_leech(w, node_open(w, &(struct node_options){.seed = true}), fast);
}

static void ask(struct fake *f, uint32_t index, uint32_t begin, uint32_t length) {
    fake_say3(f, WIRE_REQUEST, index, begin, length);
}

static void check_piece(struct fake *f, uint32_t index, uint32_t begin, uint32_t length) {
    struct wire_message m = fake_expect(f, WIRE_PIECE);
    CHECK_INT(m.index, index);
    CHECK_INT(m.begin, begin);
    CHECK_INT(m.length, length);
    CHECK_MEM(f->body, f->swarm->data + index * f->swarm->m->piece_length + begin,
              length);
}

TEST(requests_are_answered_in_order_with_the_bytes_of_the_torrent) {
    static const struct wire_message asked[] = {
        {0, 0, 0, WIRE_BLOCK, 0}, {0, 0, WIRE_BLOCK, WIRE_BLOCK, 0},
        {0, 1, 0, PIECE_LEN, 0}, /* over the border of two files, longer than a block */
        {0, 6, 0, 13393, 0},     /* the whole last piece */
        {0, 3, 777, 1, 0},       /* no block of ours */
        {0, 6, 13392, 1, 0},     /* the very last byte */
    };
    struct swarm w;
    struct fake *f = served(&w, true, 0);
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        ask(f, asked[i].index, asked[i].begin, asked[i].length);
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        check_piece(f, asked[i].index, asked[i].begin, asked[i].length);
        sum += asked[i].length;
    }
    CHECK_INT(f->node->t->uploaded, sum);
    CHECK_INT(f->node->s->stats.payload_sent, sum);
    swarm_close(&w);
}

TEST(a_request_out_of_bounds_ends_the_connection) {
    static const struct wire_message wrong[] = {
        {0, 0, 0, 0, 0},                    /* nothing */
        {0, 0, 0, WIRE_MAX_REQUEST + 1, 0}, /* too long */
        {0, 0, 0, UINT32_MAX, 0},           /* far too long */
        {0, 0, PIECE_LEN, 1, 0},            /* behind the piece */
        {0, 0, PIECE_LEN - 1, 2, 0},        /* over its end */
        {0, 0, UINT32_MAX - 15, 16, 0},     /* begin + length is 0 */
        {0, 0, UINT32_MAX, WIRE_BLOCK, 0},  /* begin + length is small */
        {0, 6, 0, 13394, 0},                /* over the end of the shorter last piece */
        {0, 7, 0, 1, 0},                    /* no such piece */
        {0, UINT32_MAX, 0, WIRE_BLOCK, 0},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct swarm w;
        struct fake *f = served(&w, true, 0);
        ask(f, wrong[i].index, wrong[i].begin, wrong[i].length);
        fake_expect_end(f);
        CHECK_INT(f->node->code[EVENT_PEER_CLOSED], ERR_PROTOCOL);
        CHECK_INT(f->node->s->stats.payload_sent, 0);
        swarm_close(&w);
    }
}

TEST(a_piece_that_we_lack_is_rejected) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    ask(f, 1, 0, WIRE_BLOCK);
    struct wire_message m = fake_expect(f, WIRE_REJECT);
    CHECK(m.index == 1 && m.begin == 0 && m.length == WIRE_BLOCK);
    swarm_close(&w);
}

/* ---- while choked ------------------------------------------------------------------------ */

TEST(more_than_three_hundred_requests_while_choked_end_the_connection) {
    struct swarm w;
    struct fake *f = choked(&w, false);
    for (uint32_t i = 0; i < 300; i++)
        ask(f, i % PIECES, 0, SMALL - 1000);
    swarm_settle(&w);
    CHECK(!f->eof);
    ask(f, 0, 0, 100);
    fake_expect_end(f);
    CHECK_INT(f->node->code[EVENT_PEER_CLOSED], ERR_LIMIT);
    swarm_close(&w);
}

/* The pieces that the node allows while choking. */
static uint32_t allowed_pieces(struct fake *f, uint32_t *piece, uint32_t max) {
    struct wire_message m;
    uint32_t n = 0;
    swarm_settle(f->swarm);
    while (fake_next(f, &m))
        if (m.id == WIRE_ALLOWED_FAST && n < max)
            piece[n++] = m.index;
    return n;
}

TEST(requests_while_choked_are_rejected_unless_the_piece_is_allowed) {
    struct swarm w;
    uint32_t allowed[16];
    struct fake *f = choked(&w, true);
    CHECK_INT(allowed_pieces(f, allowed, 16), 10);
    ask(f, allowed[0], 0, 1000);
    check_piece(f, allowed[0], 0, 1000);
    for (uint32_t i = 0; i < PIECES; i++)
        ask(f, i, 0, 10);
    CHECK_INT(fake_count(f, WIRE_REJECT), PIECES - 10);
    CHECK_INT(f->taken[WIRE_PIECE], 1 + 10);
    swarm_close(&w);
}

TEST(an_allowed_piece_is_given_at_most_three_times_while_choked) {
    struct swarm w;
    uint32_t allowed[16];
    struct fake *f = choked(&w, true);
    (void)allowed_pieces(f, allowed, 16);
    for (int i = 0; i < 5; i++)
        ask(f, allowed[0], 0, SMALL - 1000);
    (void)fake_count(f, WIRE_PIECE);
    CHECK(f->taken[WIRE_PIECE] >= 1);
    CHECK(f->node->s->stats.payload_sent <= 3 * SMALL);
    CHECK_INT(f->taken[WIRE_PIECE] + f->taken[WIRE_REJECT], 5);
    swarm_close(&w);
}

TEST(an_allowed_piece_is_given_three_times_over_in_bytes_not_in_requests) {
    struct swarm w;
    swarm_open(&w); /* seven pieces: all allowed; each larger than a block */
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct fake *f = fake_leech(&w, n, true);
    for (int i = 0; i < 8; i++)
        ask(f, 2, 0, PIECE_LEN);
    (void)fake_count(f, WIRE_PIECE);
    CHECK_INT(f->taken[WIRE_PIECE], 3);
    CHECK_INT(f->taken[WIRE_REJECT], 5);
    for (int i = 0; i < 8; i++)
        ask(f, 3, 0, 1000); /* small ones cost little */
    (void)fake_count(f, WIRE_PIECE);
    CHECK_INT(f->taken[WIRE_PIECE], 3 + 8);
    swarm_close(&w);
}

/* ---- the queue --------------------------------------------------------------------------- */

TEST(the_queue_of_requests_is_bounded_and_each_request_is_answered_once) {
    struct swarm w;
    uint8_t many[2100][WIRE_REQUEST_LEN];
    struct fake *f = served(&w, true, 0);
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        struct wire_message m = {WIRE_REQUEST, 1, (uint32_t)i, 1, 0};
        (void)wire_put(many[i], &m);
    }
    fake_send(f, many, sizeof many);
    struct wire_message m;
    for (uint32_t n = 0; n < COUNT_OF(many); swarm_step(&w))
        while (fake_next(f, &m))
            n += m.id == WIRE_PIECE || m.id == WIRE_REJECT;
    CHECK_INT(fake_count(f, WIRE_PIECE) + fake_count(f, WIRE_REJECT), 0);
    CHECK(f->taken[WIRE_PIECE] >= 2000);
    CHECK_INT(f->node->t->peer_count, 1);
    swarm_close(&w);
}

TEST(a_peer_that_asks_and_never_reads_holds_a_bounded_amount_of_memory) {
    struct swarm w;
    struct fake *f = served(&w, true, 0);
    struct node *n = f->node;
    f->deaf = true;
    for (int i = 0; i < 20000 && n->t->peer_count == 1; i++) {
        ask(f, 1, 0, PIECE_LEN);
        if (i % 50)
            continue;
        swarm_step(&w);
        if (n->t->peer_count == 0)
            break; /* fine as well */
        CHECK(node_peer(n)->uploads.count <= 2000);
        CHECK(node_peer(n)->send.control.len <= SEND_MAX_CONTROL + 100);
    }
    swarm_close(&w);
}

/* So slow that what is asked for stays queued: after the bucket's first 32 KiB nothing moves. */
static struct fake *served_slowly(struct swarm *w, bool fast) {
    struct fake *f = served(w, fast, 1);
    ask(f, 0, 0, PIECE_LEN), ask(f, 1, 0, PIECE_LEN);
    check_piece(f, 0, 0, PIECE_LEN);
    swarm_settle(w);
    return f;
}

TEST(a_cancelled_request_is_rejected_and_not_served) {
    struct swarm w;
    struct fake *f = served_slowly(&w, true);
    ask(f, 2, 0, 5), ask(f, 2, 5, 5);
    fake_say3(f, WIRE_CANCEL, 2, 0, 5);
    struct wire_message m = fake_expect(f, WIRE_REJECT);
    CHECK(m.index == 2 && m.begin == 0 && m.length == 5);
    session_set_rates(f->node->s, 0, 0);
    check_piece(f, 1, 0, PIECE_LEN);
    check_piece(f, 2, 5, 5);
    CHECK_INT(fake_count(f, WIRE_PIECE), 0);
    swarm_close(&w);
}

TEST(a_choke_rejects_what_is_queued_with_the_fast_extension) {
    struct swarm w;
    struct fake *f = served_slowly(&w, true);
    peer_set_choking(node_peer(f->node), true);
    (void)fake_expect(f, WIRE_CHOKE); /* first the choke, then what it means */
    CHECK_INT(f->taken[WIRE_REJECT], 0);
    CHECK_INT(fake_expect(f, WIRE_REJECT).index, 1);
    CHECK_INT(node_peer(f->node)->uploads.count, 0);
    swarm_close(&w);
}

TEST(a_choke_forgets_what_is_queued_without_the_fast_extension) {
    struct swarm w;
    struct fake *f = served_slowly(&w, false);
    peer_set_choking(node_peer(f->node), true);
    (void)fake_expect(f, WIRE_CHOKE);
    CHECK_INT(node_peer(f->node)->uploads.count, 0);
    session_set_rates(f->node->s, 0, 0);
    CHECK_INT(fake_count(f, WIRE_PIECE), 0);
    swarm_close(&w);
}

/* ---- files change under us --------------------------------------------------------------- */

TEST(a_file_that_was_truncated_under_us_is_rejected_and_told) {
    struct swarm w;
    struct fake *f = served(&w, true, 0);
    CHECK_INT(truncate(node_path(f->node, "a"), 10), 0);
    ask(f, 0, 0, WIRE_BLOCK), ask(f, 0, WIRE_BLOCK, WIRE_BLOCK);
    CHECK_INT(fake_expect(f, WIRE_REJECT).begin, 0);
    CHECK_INT(fake_expect(f, WIRE_REJECT).begin, WIRE_BLOCK);
    CHECK(f->node->count[EVENT_ERROR] >= 1);
    CHECK(strstr(f->node->text[EVENT_ERROR], "shorter"));
    ask(f, 4, 0, WIRE_BLOCK); /* of another file */
    check_piece(f, 4, 0, WIRE_BLOCK);
    CHECK_INT(f->node->t->peer_count, 1);
    swarm_close(&w);
}

TEST(the_rest_of_the_queue_is_served_after_a_file_failed_also_without_fast) {
    struct swarm w;
    struct fake *f = served(&w, false, 0);
    CHECK_INT(truncate(node_path(f->node, "a"), 10), 0);
    ask(f, 0, 0, WIRE_BLOCK);
    for (uint32_t i = 0; i < 2 * FLIGHT_BLOCKS; i++)
        ask(f, 4, 0, WIRE_BLOCK); /* more than one flight */
    for (uint32_t i = 0; i < FLIGHT_BLOCKS; i++)
        check_piece(f, 4, 0, WIRE_BLOCK);
    swarm_close(&w);
}

TEST(files_that_were_removed_under_us_are_an_error_not_a_crash) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct fake *f = fake_leech(&w, n, true);
    CHECK_INT(unlink(node_path(n, "c")), 0);
    fake_say(f, WIRE_INTERESTED);
    (void)fake_expect(f, WIRE_UNCHOKE);
    ask(f, 5, 0, WIRE_BLOCK);
    ask(f, 0, 0, WIRE_BLOCK);
    swarm_settle(&w);
    struct wire_message m;
    while (fake_next(f, &m)) {}
    CHECK_INT(f->taken[WIRE_REJECT] + f->taken[WIRE_PIECE], 2);
    swarm_close(&w);
}

TEST(a_peer_that_leaves_while_its_blocks_are_read_leaks_nothing) {
    struct swarm w;
    struct fake *f = served(&w, true, 0);
    CHECK_INT(truncate(node_path(f->node, "a"), 10), 0); /* a worker has to look */
    ask(f, 0, 0, WIRE_BLOCK);
    fake_hang_up(f);
    STEP_UNTIL(&w, f->node->t->peer_count == 0);
    swarm_settle(&w);
    CHECK_INT(f->node->s->upload_pool.in_use, 0);
    swarm_close(&w);
}
