/* Torrents that may keep only a few pieces. The fixture checks the torrent's invariants
 * in every step; here is what is kept, what is told to whom, and who is still served. */
#include "engine/cap.h"

#include "engine/reader.h"
#include "unit/engine/fake_peer.h"

#define PIECES 40
#define KEEP 8

struct reading {
    struct swarm *w;
    struct reader *r;
    uint64_t at;
    bool ended;
};

static void on_bytes(void *ctx, int status, struct view *v, const struct err *e) {
    struct reading *x = ctx;
    CHECK(status >= 0 && !e);
    x->ended = status == 0;
    if (x->ended)
        return;
    CHECK_MEM(v->data, x->w->data + x->at, v->len);
    x->at += v->len;
    view_drop(v);
    CHECK_INT(reader_read(x->r, 10000, on_bytes, x), 0);
}

static void begin(struct reading *x, struct swarm *w, struct node *n, uint64_t position) {
    struct reader_options o = {.position = position};
    *x = (struct reading){w, reader_open(n->t, 0, &o, NULL), position, false};
    CHECK_INT(reader_read(x->r, 10000, on_bytes, x), 0);
}

static struct node *open_capped(struct swarm *w, bool in_memory) {
    swarm_open_large(w, PIECES, PIECE_LEN);
    return node_open(
        w, &(struct node_options){.in_memory = in_memory,
                                  .max_memory = KEEP * PIECE_LEN,
                                  .max_disk = in_memory ? 0 : KEEP * PIECE_LEN});
}

static void read_through(bool in_memory) {
    struct swarm w;
    struct reading x;
    struct node *n = open_capped(&w, in_memory);
    begin(&x, &w, n, 0);
    fake_seed(&w, n, true)->serves = true;
    while (!x.ended) {
        swarm_step(&w);
        CHECK(n->t->have.count <= KEEP);
        CHECK(n->t->cap.budget.used <= (in_memory ? KEEP + 1 : 0) * PIECE_LEN);
    }
    CHECK_INT(x.at, w.size);
    CHECK_INT(n->t->downloaded, w.size); /* nothing went that was still to be read */
    CHECK(n->t->have.count > 1);
    reader_close(x.r);
    swarm_close(&w);
}

TEST(cap_on_disk_is_never_exceeded_while_a_file_is_read_through) {
    read_through(false);
}

TEST(cap_in_memory_is_never_exceeded_while_a_file_is_read_through) {
    read_through(true);
}

TEST(cap_serves_two_readers_far_apart) {
    struct swarm w;
    struct reading x, y;
    struct node *n = open_capped(&w, false);
    begin(&x, &w, n, 0);
    begin(&y, &w, n, 20 * PIECE_LEN);
    fake_seed(&w, n, true)->serves = true;
    while (!x.ended || !y.ended) {
        swarm_step(&w);
        CHECK(n->t->have.count <= KEEP);
    }
    CHECK_INT(x.at, w.size);
    CHECK_INT(y.at, w.size);
    reader_close(x.r), reader_close(y.r);
    swarm_close(&w);
}

/* Twenty readers need more than fits. All of them get on: who cannot keep a piece has
 * seen it. */
TEST(cap_that_is_too_small_for_its_readers_slows_them_down_and_stops_nobody) {
    struct swarm w;
    struct reading x[20];
    struct node *n = open_capped(&w, false);
    for (uint32_t i = 0; i < COUNT_OF(x); i++)
        begin(&x[i], &w, n, (uint64_t)i * 2 * PIECE_LEN + w.size % PIECE_LEN / 2);
    fake_seed(&w, n, true)->serves = true;
    for (uint32_t i = 0; i < COUNT_OF(x); i++) {
        STEP_UNTIL(&w, x[i].ended);
        CHECK(n->t->have.count <= KEEP);
    }
    for (uint32_t i = 0; i < COUNT_OF(x); i++)
        reader_close(x[i].r);
    swarm_close(&w);
}

TEST(cap_drops_what_was_used_longest_ago_and_refuses_it_from_then_on) {
    struct swarm w;
    struct reading x;
    struct node *n = open_capped(&w, false);
    begin(&x, &w, n, 0);
    struct fake *leech = fake_leech(&w, n, true);
    fake_say_extended(leech, EXT_HANDSHAKE, "d1:md11:lt_donthavei5eee");
    swarm_settle(&w);
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, x.ended);
    CHECK_INT(fake_expect_extended(leech, 5), 5); /* it hears of what goes (BEP 54) */
    CHECK(!bitset_has(&n->t->have, get_u32(leech->body + 1)));
    CHECK(!bitset_has(&n->t->have, 5));
    CHECK(bitset_has(&n->t->have, 0)); /* the head is kept */
    CHECK_INT(reader_seek(x.r, 0), 0);
    STEP_UNTIL(&w, storage_has_file(n->t->storage, 0)); /* no piece is going now */
    CHECK_INT(reader_ready(x.r, 1), 1);
    CHECK_INT(reader_on_disk(x.r, 1), 0); /* for sendfile, under which it could go */
    STEP_UNTIL(&w, bitset_has(&n->t->have, PIECES - 1));
    fake_say(leech, WIRE_INTERESTED);
    (void)fake_expect(leech, WIRE_UNCHOKE);
    fake_say3(leech, WIRE_REQUEST, 5, 0, WIRE_BLOCK);
    CHECK_INT(fake_expect(leech, WIRE_REJECT).index, 5);
    fake_say3(leech, WIRE_REQUEST, PIECES - 1, 0, WIRE_BLOCK);
    CHECK_INT(fake_expect(leech, WIRE_PIECE).index, PIECES - 1);
    reader_close(x.r);
    swarm_close(&w);
}

TEST(cap_of_more_than_the_torrent_is_none) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.max_disk = 1 << 20});
    CHECK(!cap_is_on(&n->t->cap));
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}
