/* picker_bench: choosing among 20,000 pieces that 200 peers have in part.
 *
 * Every peer has a random half. Measured: a HAVE that changes one availability; the choice of the
 * next piece for a peer, which is opened and given up again; a peer that comes with its bitfield
 * and leaves; a seed that does, which must touch no piece. "scan" is the choice by walking over all
 * pieces, which is what a picker without an order does, and what the others are compared with.
 *
 *     make build/tests/bench/picker_bench && build/tests/bench/picker_bench [ROUNDS] */
#include "bench.h"
#include "measure.h"
#include "swarm/picker.h"

#define PIECES 20000u
#define PEERS 200u

struct swarm {
    struct picker picker;
    struct rng rng;
    struct bitset has[PEERS], seed;
    uint64_t checksum; /* so that nothing is optimised away */
};

static void fill(struct swarm *s) {
    rng_seed(&s->rng, 1);
    if (picker_init(&s->picker, PIECES, &s->rng) < 0 || bitset_init(&s->seed, PIECES) < 0)
        die("picker");
    bitset_fill(&s->seed);
    for (uint32_t p = 0; p < PEERS; p++) {
        if (bitset_init(&s->has[p], PIECES) < 0)
            die("bitset");
        for (uint32_t i = 0; i < PIECES; i++)
            if (rng_next(&s->rng) & 1)
                bitset_add(&s->has[p], i);
        picker_note_peer(&s->picker, &s->has[p]);
    }
    for (uint32_t i = 0; i < PICKER_RANDOM_START; i++) { /* behind us: rarest first now */
        picker_set_state(&s->picker, i, PIECE_ACTIVE);
        picker_set_state(&s->picker, i, PIECE_HASHING);
        picker_set_state(&s->picker, i, PIECE_HAVE);
    }
}

static void empty(struct swarm *s) {
    for (uint32_t p = 0; p < PEERS; p++)
        bitset_fini(&s->has[p]);
    bitset_fini(&s->seed);
    picker_fini(&s->picker);
}

/* ---- what is measured -------------------------------------------------------------- */

static uint32_t scan(const struct picker *p, const struct bitset *has) {
    uint32_t best = PICKER_NONE, least = UINT32_MAX;
    for (uint32_t i = 0; i < PIECES; i++) {
        if (picker_state(p, i) != PIECE_MISSING || !bitset_has(has, i))
            continue;
        uint32_t n = picker_availability(p, i);
        if (n < least)
            least = n, best = i;
    }
    return best;
}

static double run_scan(void *of) {
    struct swarm *s = of;
    const uint32_t n = 1000;
    for (uint32_t i = 0; i < n; i++)
        s->checksum += scan(&s->picker, &s->has[i % PEERS]);
    return n / 1e6;
}

static double run_next(void *of) {
    struct swarm *s = of;
    const uint32_t n = 1000000;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t piece = picker_next(&s->picker, &s->has[i % PEERS], NULL);
        s->checksum += piece;
        picker_set_state(&s->picker, piece, PIECE_ACTIVE);
        picker_set_state(&s->picker, piece, PIECE_MISSING);
    }
    return n / 1e6;
}

static double run_have(void *of) {
    struct swarm *s = of;
    const uint32_t n = 1000000;
    for (uint32_t i = 0; i < n / 2; i++)
        picker_note_have(&s->picker, i * 7919 % PIECES);
    for (uint32_t i = 0; i < n / 2; i++)
        picker_note_gone(&s->picker, i * 7919 % PIECES);
    return n / 1e6;
}

static double come_and_go(struct swarm *s, const struct bitset *has, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        picker_note_peer(&s->picker, has);
        picker_forget_peer(&s->picker, has);
    }
    return n / 1e6;
}
static double run_peer(void *of) {
    struct swarm *s = of;
    return come_and_go(s, &s->has[0], 500);
}
static double run_seed(void *of) {
    struct swarm *s = of;
    return come_and_go(s, &s->seed, 1000000);
}

int main(int argc, char **argv) {
    struct swarm *s = must(calloc(1, sizeof *s));
    struct contender c[] = {{"next piece by a scan", run_scan, s},
                            {"next piece, opened and given up", run_next, s},
                            {"HAVE", run_have, s},
                            {"a peer with a half comes and goes", run_peer, s},
                            {"a seed comes and goes", run_seed, s}};
    fill(s);
    compare("picker, 20,000 pieces, 200 peers", "million/s", rounds_of(argc, argv), c,
            COUNT_OF(c));
    empty(s);
    free(s);
    return 0;
}
