/* Payload: which bytes may get into a piece, and from whom. Each case runs with both ways of
 * receiving, for they share no line between the socket and the piece. */
#include <unistd.h>

#include "unit/engine/fake_peer.h"

#define EACH_MODE(o)                                                                 \
    for (struct node_options o = {.settings.receive = RECEIVE_SCATTER}, *once_ = &o; \
         once_; once_ = o.settings.receive == RECEIVE_SCATTER                        \
                            ? (o.settings.receive = RECEIVE_CHUNKED, once_)          \
                            : NULL)

/* A peer that has piece 2 and nothing else, and unchokes. */
static struct fake *has_piece_2(struct swarm *w, struct node *n, bool fast) {
    struct fake *f = fake_leech(w, n, fast);
    fake_say3(f, WIRE_HAVE, 2, 0, 0);
    fake_say(f, WIRE_UNCHOKE);
    return f;
}

static void give(struct fake *f, const struct wire_message *m, uint8_t poison) {
    fake_give(f, m->index, m->begin, m->length, poison);
}

/* `length` bytes of payload that nobody asked for. */
static void give_junk(struct fake *f, uint32_t index, uint32_t begin, uint32_t length) {
    uint8_t head[WIRE_PIECE_HEADER], junk[PIECE_LEN];
    struct wire_message m = {WIRE_PIECE, index, begin, length, 0};
    memset(junk, 0xEE, sizeof junk);
    fake_send(f, head, wire_put(head, &m));
    fake_send(f, junk, length);
}

static void send_junk(struct fake *f, uint32_t length) {
    uint8_t junk[PIECE_LEN];
    memset(junk, 0xEE, sizeof junk);
    fake_send(f, junk, length);
}

TEST(a_download_from_one_peer_ends_byte_identical) {
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *f = fake_seed(&w, n, true);
        f->serves = true;
        STEP_UNTIL(&w, node_done(n));
        node_check_whole(n);
        CHECK_INT(n->count[EVENT_DONE], 1);
        CHECK_INT(n->count[EVENT_PIECE], w.pieces);
        CHECK_INT(n->t->open.pool.in_use, 0);
        swarm_close(&w);
    }
}

TEST(a_piece_message_counts_only_for_an_exact_outstanding_request) {
    static const struct wire_message wrong[] = {
        {0, 3, 0, WIRE_BLOCK, 0},          /* another piece */
        {0, 7, 0, WIRE_BLOCK, 0},          /* one past the last */
        {0, UINT32_MAX, 0, WIRE_BLOCK, 0}, /* far past */
        {0, 2, 1, WIRE_BLOCK, 0},          /* between blocks */
        {0, 2, 0, WIRE_BLOCK - 1, 0},      /* too short */
        {0, 2, 0, WIRE_BLOCK + 1, 0},      /* too long: into the next block */
        {0, 2, 0, 2 * WIRE_BLOCK, 0},      /* both blocks at once */
        {0, 2, 0, 0, 0},                   /* nothing */
        {0, 2, PIECE_LEN, 100, 0},         /* behind the piece */
        {0, 2, UINT32_MAX, WIRE_BLOCK, 0}, /* begin + length overflows */
    };
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *f = has_piece_2(&w, n, true);
        struct wire_message a = fake_expect(f, WIRE_REQUEST);
        struct wire_message b = fake_expect(f, WIRE_REQUEST);
        uint64_t wasted = 0;
        for (size_t i = 0; i < COUNT_OF(wrong); i++) {
            give_junk(f, wrong[i].index, wrong[i].begin, wrong[i].length);
            wasted += wrong[i].length;
        }
        STEP_UNTIL(&w, n->t->wasted == wasted);
        CHECK_INT(node_peer(n)->unrequested_blocks, COUNT_OF(wrong));
        CHECK_INT(node_peer(n)->requests.live, 2);
        give(f, &a, 0), give(f, &b, 0);
        STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
        CHECK_INT(n->count[EVENT_HASH_FAILED], 0);
        CHECK_INT(n->t->wasted, wasted);
        CHECK_INT(n->s->stats.payload_wasted, wasted);
        swarm_close(&w);
    }
}

TEST(a_block_that_was_asked_of_another_peer_is_not_taken) {
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *f = has_piece_2(&w, n, true), *g = fake_leech(&w, n, true);
        struct wire_message a = fake_expect(f, WIRE_REQUEST);
        struct wire_message b = fake_expect(f, WIRE_REQUEST);
        give_junk(g, 2, 0, WIRE_BLOCK);
        give_junk(g, 2, WIRE_BLOCK, WIRE_BLOCK);
        STEP_UNTIL(&w, n->t->wasted == 2 * WIRE_BLOCK);
        give(f, &a, 0), give(f, &b, 0);
        STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
        CHECK_INT(n->count[EVENT_HASH_FAILED], 0);
        swarm_close(&w);
    }
}

TEST(a_block_sent_twice_counts_once_and_changes_nothing) {
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *f = has_piece_2(&w, n, true);
        struct wire_message a = fake_expect(f, WIRE_REQUEST);
        struct wire_message b = fake_expect(f, WIRE_REQUEST);
        give(f, &a, 0), give(f, &a, 0x55), give(f, &b, 0), give(f, &b, 0x55);
        STEP_UNTIL(&w, n->t->wasted == a.length + b.length);
        STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
        CHECK_INT(n->count[EVENT_HASH_FAILED], 0);
        swarm_close(&w);
    }
}

TEST(a_peer_that_sends_nothing_but_unrequested_blocks_is_dropped) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    for (int i = 0; i < 1100; i++)
        give_junk(f, 0, 0, 1);
    fake_expect_end(f);
    CHECK_INT(n->code[EVENT_PEER_CLOSED], ERR_PROTOCOL);
    swarm_close(&w);
}

/* ---- one block, two peers (end game) ----------------------------------------------------- */

/* Two peers that have piece 2 alone. The first was asked for both of its blocks, the second,
 * idle, for a copy of one of them: `both`. `other` is the first one's alone. */
struct pair {
    struct swarm w;
    struct node *n;
    struct fake *first, *second;
    struct wire_message both, other;
};

static void pair_open(struct pair *p, const struct node_options *o, bool fast) {
    swarm_open(&p->w);
    p->n = node_open(&p->w, o);
    p->first = has_piece_2(&p->w, p->n, fast);
    struct wire_message a = fake_expect(p->first, WIRE_REQUEST);
    struct wire_message b = fake_expect(p->first, WIRE_REQUEST);
    p->second = has_piece_2(&p->w, p->n, fast);
    p->both = fake_expect(p->second, WIRE_REQUEST);
    p->other = a.begin == p->both.begin ? b : a;
}

static void pair_end(struct pair *p) {
    STEP_UNTIL(&p->w, p->n->count[EVENT_PIECE] == 1);
    CHECK_INT(p->n->count[EVENT_HASH_FAILED], 0);
    CHECK_INT(p->n->t->peer_count, 2);
    swarm_close(&p->w);
}

static void wait_for_landing(struct pair *p) {
    struct active_piece *ap = active_pieces_get(&p->n->t->open, 2);
    STEP_UNTIL(&p->w, ap->block[p->both.begin / WIRE_BLOCK].landing);
}

static void begin_half(struct fake *f, const struct wire_message *m) {
    fake_begin(f, m->index, m->begin, m->length, m->length / 2, 0);
}

TEST(a_copy_that_is_complete_first_wins_over_the_one_that_is_landing) {
    EACH_MODE(o) {
        struct pair p;
        pair_open(&p, &o, true);
        begin_half(p.first, &p.both);
        wait_for_landing(&p);
        give(p.second, &p.both, 0);
        CHECK_INT(fake_expect(p.first, WIRE_CANCEL).begin, p.both.begin);
        send_junk(p.first, p.both.length - p.both.length / 2); /* too late to harm */
        give(p.first, &p.other, 0);
        pair_end(&p);
    }
}

TEST(a_landing_copy_that_began_badly_is_overwritten_by_the_good_one) {
    EACH_MODE(o) {
        struct pair p;
        pair_open(&p, &o, true);
        fake_begin(p.first, 2, p.both.begin, p.both.length, 100, 0x55);
        wait_for_landing(&p);
        give(p.second, &p.both, 0);
        (void)fake_expect(p.first, WIRE_CANCEL);
        fake_finish(p.first, 2, p.both.begin, p.both.length, 100);
        give(p.first, &p.other, 0);
        pair_end(&p);
    }
}

TEST(a_landing_copy_that_is_complete_first_wins_over_the_one_aside) {
    EACH_MODE(o) {
        struct pair p;
        pair_open(&p, &o, true);
        begin_half(p.first, &p.both);
        wait_for_landing(&p);
        begin_half(p.second, &p.both);
        swarm_settle(&p.w);
        fake_finish(p.first, 2, p.both.begin, p.both.length, p.both.length / 2);
        (void)fake_expect(p.second, WIRE_CANCEL);
        send_junk(p.second, p.both.length - p.both.length / 2);
        give(p.first, &p.other, 0);
        pair_end(&p);
    }
}

TEST(bad_bytes_that_arrive_while_the_piece_is_hashed_do_not_reach_it) {
    EACH_MODE(o) {
        struct pair p;
        pair_open(&p, &o, true);
        give(p.first, &p.other, 0);
        begin_half(p.first, &p.both);
        wait_for_landing(&p);
        give(p.second, &p.both, 0); /* completes the piece: a worker has it now */
        for (int i = 0; i < 64; i++) {
            send_junk(p.first, p.both.length / 128);
            swarm_step(&p.w);
        }
        pair_end(&p);
    }
}

TEST(a_cancelled_copy_of_a_peer_without_fast_extension_is_drained) {
    EACH_MODE(o) {
        struct pair p;
        pair_open(&p, &o, false);
        give(p.second, &p.both, 0);
        (void)fake_expect(p.first, WIRE_CANCEL);
        give(p.first, &p.both, 0x55); /* was on its way */
        give(p.first, &p.other, 0);
        STEP_UNTIL(&p.w, p.n->t->wasted == p.both.length);
        pair_end(&p);
    }
}

TEST(a_landing_block_of_a_peer_that_leaves_is_the_other_peers_to_fill) {
    EACH_MODE(o) {
        struct pair p;
        pair_open(&p, &o, true);
        fake_begin(p.first, 2, p.both.begin, p.both.length, 5000, 0x55);
        wait_for_landing(&p);
        begin_half(p.second, &p.both);
        swarm_settle(&p.w);
        fake_hang_up(p.first);
        STEP_UNTIL(&p.w, p.n->t->peer_count == 1);
        fake_finish(p.second, 2, p.both.begin, p.both.length, p.both.length / 2);
        p.second->serves = true;
        STEP_UNTIL(&p.w, p.n->count[EVENT_PIECE] == 1);
        CHECK_INT(p.n->count[EVENT_HASH_FAILED], 0);
        swarm_close(&p.w);
    }
}

TEST(a_peer_that_dies_within_a_block_costs_nothing_but_that_block) {
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *f = fake_seed(&w, n, true);
        struct wire_message m = fake_expect(f, WIRE_REQUEST);
        fake_begin(f, m.index, m.begin, m.length, 9000, 0x55);
        STEP_UNTIL(&w,
                   n->s->stats.payload_received >= 8000 || node_peer(n)->reader.in_block);
        fake_hang_up(f);
        STEP_UNTIL(&w, n->t->peer_count == 0);
        fake_seed(&w, n, true)->serves = true;
        STEP_UNTIL(&w, node_done(n));
        node_check_whole(n);
        CHECK_INT(n->count[EVENT_HASH_FAILED], 0);
        swarm_close(&w);
    }
}

/* ---- silence ----------------------------------------------------------------------------- */

TEST(a_block_that_comes_after_a_long_silence_is_taken) {
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *f = has_piece_2(&w, n, true);
        struct wire_message a = fake_expect(f, WIRE_REQUEST);
        struct wire_message b = fake_expect(f, WIRE_REQUEST);
        node_pass(n, REQUESTS_SNUB_AFTER);
        CHECK(node_peer(n)->requests.snubbed);
        swarm_settle(&w);
        give(f, &a, 0), give(f, &b, 0);
        STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
        CHECK_INT(n->t->wasted, 0);
        swarm_close(&w);
    }
}

TEST(a_block_in_flight_survives_a_silence_in_its_middle) {
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *f = has_piece_2(&w, n, true);
        struct wire_message a = fake_expect(f, WIRE_REQUEST);
        struct wire_message b = fake_expect(f, WIRE_REQUEST);
        begin_half(f, &a);
        STEP_UNTIL(&w, node_peer(n)->reader.in_block);
        node_pass(n, REQUESTS_SNUB_AFTER);
        swarm_settle(&w);
        fake_finish(f, 2, a.begin, a.length, a.length / 2);
        give(f, &b, 0);
        STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
        CHECK_INT(n->t->wasted, 0);
        swarm_close(&w);
    }
}

TEST(a_block_that_fell_silent_in_its_middle_loses_to_a_copy_that_came_meanwhile) {
    EACH_MODE(o) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        struct fake *slow = has_piece_2(&w, n, true);
        struct wire_message a = fake_expect(slow, WIRE_REQUEST);
        begin_half(slow, &a);
        STEP_UNTIL(&w, node_peer(n)->reader.in_block);
        node_pass(n, REQUESTS_SNUB_AFTER);
        struct fake *f = has_piece_2(&w, n, true);
        f->serves = true;
        STEP_UNTIL(&w, n->s->stats.payload_received >= 2 * WIRE_BLOCK);
        send_junk(slow, a.length - a.length / 2); /* the piece is with a worker */
        STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
        CHECK_INT(n->count[EVENT_HASH_FAILED], 0);
        CHECK_INT(n->t->peer_count, 2);
        swarm_close(&w);
    }
}

TEST(the_blocks_of_a_silent_peer_are_asked_of_others) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *silent = fake_seed(&w, n, true);
    (void)fake_expect(silent, WIRE_REQUEST);
    node_pass(n, REQUESTS_SNUB_AFTER);
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}
