/* Readers that open, read, jump, rest, cancel and close at random, while peers come, lie, fall
 * silent and leave: every byte shown is right, and the torrent's invariants hold in every step. */
#include "engine/cap.h"
#include "engine/reader.h"
#include "unit/engine/fake_peer.h"

#define PIECES 48
#define READERS 5
#define STEPS 1500

struct viewer {
    struct swarm *w;
    struct reader *r;
    uint64_t at;
    struct view kept; /* the last one, held for a while */
};

static void on_bytes(void *ctx, int status, struct view *v, const struct err *e) {
    struct viewer *x = ctx;
    CHECK(status >= 0 || status == ERR_CANCELED || status == ERR_CLOSED || e);
    if (status != 1)
        return;
    CHECK_MEM(v->data, x->w->data + x->at, v->len);
    x->at += v->len;
    view_drop(&x->kept);
    x->kept = *v;
}

static void act(struct viewer *x, struct node *n, struct rng *rng) {
    struct reader_options o = {.position = rng_below(rng, n->swarm->size),
                               .group = rng_below(rng, 3),
                               .prefetch = rng_below(rng, 2)};
    switch (x->r ? rng_below(rng, 10) : 10) {
    case 0:
        reader_close(x->r);
        x->r = NULL;
        break;
    case 1: reader_cancel(x->r); break;
    case 2: reader_rest(x->r); break;
    case 3:
        CHECK_INT(reader_seek(x->r, o.position), 0);
        x->at = o.position;
        break;
    case 4:
        reader_set_health(x->r,
                          &(struct reader_health){.cached_seconds = rng_below(rng, 60)});
        break;
    case 10:
        x->r = reader_open(n->t, 0, &o, NULL);
        x->at = o.position;
        break;
    default: (void)!reader_read(x->r, 1 + rng_below(rng, 40000), on_bytes, x); break;
    }
}

static void disturb(struct swarm *w, struct node *n, struct rng *rng) {
    struct fake *f = w->fakes;
    switch (rng_below(rng, 12)) {
    case 0: fake_seed(w, n, rng_below(rng, 2))->serves = rng_below(rng, 4) > 0; break;
    case 1:
        if (f)
            fake_close(f);
        break;
    case 2:
        if (f && !f->eof)
            fake_say(f, WIRE_CHOKE), fake_say(f, WIRE_UNCHOKE);
        break;
    case 3:
        if (f)
            f->poison ^= rng_below(rng, 8) == 0;
        break;
    case 4: node_pass(n, USEC_PER_SEC); break;
    default: break;
    }
}

static void run(const struct node_options *o, uint64_t seed) {
    struct swarm w;
    struct rng rng;
    struct viewer x[READERS] = {0};
    rng_seed(&rng, seed);
    swarm_open_large(&w, PIECES, PIECE_LEN);
    struct node *n = node_open(&w, o);
    for (uint32_t i = 0; i < READERS; i++)
        x[i].w = &w;
    fake_seed(&w, n, true)->serves = true;
    for (uint32_t i = 0; i < STEPS; i++) {
        act(&x[rng_below(&rng, READERS)], n, &rng);
        if (i % 8 == 0)
            disturb(&w, n, &rng);
        swarm_step(&w);
        CHECK(!cap_is_on(&n->t->cap) || n->t->have.count <= n->t->cap.pieces);
    }
    for (uint32_t i = 0; i < READERS; i++) {
        if (x[i].r && i % 2)
            reader_close(x[i].r), x[i].r = NULL;
        view_drop(&x[i].kept);
    }
    swarm_close(&w);
    for (uint32_t i = 0; i < READERS; i++)
        if (x[i].r)
            reader_close(x[i].r); /* after its session */
}

TEST(readers_at_random) {
    for (uint64_t seed = 1; seed <= 4; seed++)
        run(&(struct node_options){0}, seed);
}

TEST(readers_at_random_under_a_cap) {
    for (uint64_t seed = 5; seed <= 8; seed++)
        run(&(struct node_options){.max_disk = 10 * PIECE_LEN}, seed);
}

TEST(readers_at_random_in_memory) {
    for (uint64_t seed = 9; seed <= 12; seed++)
        run(&(struct node_options){.in_memory = true, .max_memory = 10 * PIECE_LEN},
            seed);
}

TEST(readers_at_random_with_little_memory) {
    for (uint64_t seed = 13; seed <= 16; seed++)
        run(&(struct node_options){.settings.memory = 4 * PIECE_LEN}, seed);
}
