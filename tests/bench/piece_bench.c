/* piece_bench: where the blocks of a piece wait for each other, and where its buffer comes from.
 *
 *     map of blocks   each block is allocated by itself and kept in a table; when all are there a
 *                     piece is allocated and they are copied together
 *     pre-allocated   an active piece with its buffer; add_block copies each one to its place
 *     in place        the same, and the kernel has put the bytes there: only noted
 *
 * The bytes of a block come from memory; that copy stands for the kernel and is paid by all.
 * The second comparison takes eight buffers at once, as a download does, fills and frees them:
 * from malloc, from mmap, and from the pool, whose pages are warm.
 *
 *     make build/tests/bench/piece_bench && build/tests/bench/piece_bench [ROUNDS] */
#include <sys/mman.h>

#include "bench.h"
#include "measure.h"
#include "swarm/active_pieces.h"

#define ROUND (256 * MIB) /* bytes */
#define HELD 8
#define MOST_BLOCKS (16 * MIB / WIRE_BLOCK)

struct assembly {
    uint32_t piece; /* bytes */
    const uint8_t *source;
    struct active_pieces *pieces;
    uint8_t **map;
    uint64_t checksum; /* so that nothing is optimised away */
};

static const uint8_t *arriving(const struct assembly *a, uint32_t block) {
    return a->source + (size_t)block % 64 * WIRE_BLOCK;
}

/* ---- three ways to assemble -------------------------------------------------------- */

static uint8_t *join_map(struct assembly *a, uint32_t blocks) {
    uint8_t *piece = must(malloc(a->piece));
    for (uint32_t i = 0; i < blocks; i++) {
        memcpy(piece + (size_t)i * WIRE_BLOCK, a->map[i], WIRE_BLOCK);
        free(a->map[i]);
    }
    return piece;
}

static void assemble_map(struct assembly *a) {
    uint32_t blocks = a->piece / WIRE_BLOCK;
    for (uint32_t i = 0; i < blocks; i++) {
        a->map[i] = must(malloc(WIRE_BLOCK));
        memcpy(a->map[i], arriving(a, i), WIRE_BLOCK);
    }
    uint8_t *piece = join_map(a, blocks);
    a->checksum += piece[a->piece - 1];
    free(piece);
}

static void give_back(struct assembly *a, struct active_piece *p) {
    uint8_t *buffer = active_piece_take_buffer(p);
    a->checksum += buffer[a->piece - 1];
    active_pieces_close(a->pieces, p);
    active_pieces_give_buffer(a->pieces, buffer, a->piece);
}

static void assemble_copies(struct assembly *a) {
    struct active_piece *p = must(active_pieces_open(a->pieces, 0, 0));
    uint8_t received[WIRE_BLOCK];
    for (uint32_t i = 0; i < p->blocks; i++) {
        memcpy(received, arriving(a, i), WIRE_BLOCK);
        if (active_piece_add_block(p, i * WIRE_BLOCK, received, WIRE_BLOCK, 0, 0) != 1)
            abort();
    }
    give_back(a, p);
}

static void assemble_in_place(struct assembly *a) {
    struct active_piece *p = must(active_pieces_open(a->pieces, 0, 0));
    for (uint32_t i = 0; i < p->blocks; i++) {
        memcpy(active_piece_place(p, i), arriving(a, i), WIRE_BLOCK);
        if (active_piece_note_received(p, i, 0, 0) != 1)
            abort();
    }
    give_back(a, p);
}

static double repeat(struct assembly *a, void (*assemble)(struct assembly *a)) {
    for (size_t done = 0; done < ROUND; done += a->piece)
        assemble(a);
    return (double)ROUND / 1e9;
}
static double run_map(void *of) {
    return repeat(of, assemble_map);
}
static double run_copies(void *of) {
    return repeat(of, assemble_copies);
}
static double run_in_place(void *of) {
    return repeat(of, assemble_in_place);
}

static void compare_assembly(int rounds, uint32_t piece, const uint8_t *source,
                             uint8_t **map) {
    struct active_pieces pieces;
    struct assembly a = {piece, source, &pieces, map, 0};
    struct contender c[] = {{"map of blocks", run_map, &a},
                            {"pre-allocated, copied", run_copies, &a},
                            {"pre-allocated, in place", run_in_place, &a}};
    char group[64];
    if (active_pieces_init(&pieces, (uint64_t)piece * 2, piece, 2, 2, NULL) < 0)
        die("pieces");
    snprintf(group, sizeof group, "assemble pieces of %u KiB", piece / 1024);
    compare(group, "GB/s", rounds, c, COUNT_OF(c));
    active_pieces_fini(&pieces);
}

/* ---- three places to take a buffer from -------------------------------------------- */

struct source {
    size_t size;
    struct buffer_pool *pool;
};

static uint8_t *take_malloc(struct source *s) {
    return malloc(s->size);
}
static void free_malloc(struct source *s, uint8_t *buffer) {
    (void)s;
    free(buffer);
}
static uint8_t *take_mmap(struct source *s) {
    void *p =
        mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}
static void free_mmap(struct source *s, uint8_t *buffer) {
    munmap(buffer, s->size);
}
static uint8_t *take_pool(struct source *s) {
    return buffer_pool_acquire(s->pool);
}
static void free_pool(struct source *s, uint8_t *buffer) {
    if (buffer_pool_release(s->pool, buffer, s->size) < 0)
        abort();
}

static double take_turns(struct source *s, uint8_t *(*take)(struct source *s),
                         void (*give)(struct source *s, uint8_t *buffer)) {
    uint8_t *held[HELD];
    for (size_t done = 0; done < 2 * ROUND; done += HELD * s->size) {
        for (size_t i = 0; i < HELD; i++) {
            held[i] = must(take(s));
            memset(held[i], 1, s->size);
        }
        for (size_t i = 0; i < HELD; i++)
            give(s, held[i]);
    }
    return 2.0 * (double)ROUND / 1e9;
}
static double run_malloc(void *of) {
    return take_turns(of, take_malloc, free_malloc);
}
static double run_mmap(void *of) {
    return take_turns(of, take_mmap, free_mmap);
}
static double run_pool(void *of) {
    return take_turns(of, take_pool, free_pool);
}

static void compare_sources(int rounds, size_t size) {
    struct buffer_pool pool;
    struct source s = {size, &pool};
    struct contender c[] = {
        {"malloc", run_malloc, &s}, {"mmap", run_mmap, &s}, {"pool", run_pool, &s}};
    char group[64];
    if (buffer_pool_init(&pool, size, HELD, NULL) < 0)
        die("pool");
    snprintf(group, sizeof group, "take, fill, free %zu KiB", size / 1024);
    compare(group, "GB/s", rounds, c, COUNT_OF(c));
    buffer_pool_fini(&pool);
}

int main(int argc, char **argv) {
    int rounds = rounds_of(argc, argv);
    uint8_t *source = must(malloc(64 * WIRE_BLOCK));
    uint8_t **map = must(calloc(MOST_BLOCKS, sizeof *map));
    memset(source, 1, 64 * WIRE_BLOCK);
    compare_assembly(rounds, MIB, source, map);
    compare_assembly(rounds, 16 * MIB, source, map);
    compare_sources(rounds, MIB);
    compare_sources(rounds, 16 * MIB);
    free(source), free(map);
    return 0;
}
