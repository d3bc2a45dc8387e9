#include "swarm/blame.h"

#include "base/err.h"
#include "support/check.h"

#define BLOCKS 4
#define LENGTH (BLOCKS * WIRE_BLOCK - 1000) /* the last block is shorter */
#define GONE ((handle)99) /* a peer whose address is not known any more */

/* Who was told what, in order: 'g'uilty, 's'uspect, 'c'leared, each with the peer's number. */
struct court {
    char log[256];
    struct addr last;
};

static void note(struct court *c, char what, handle peer, const struct addr *addr) {
    size_t len = strlen(c->log);
    snprintf(c->log + len, sizeof c->log - len, "%s%c%u", len ? " " : "", what,
             (unsigned)peer);
    c->last = *addr;
}

static void guilty(void *ctx, const struct addr *sender, handle peer) {
    note(ctx, 'g', peer, sender);
}

static void suspect(void *ctx, const struct addr *sender, handle peer) {
    note(ctx, 's', peer, sender);
}

static void cleared(void *ctx, const struct addr *sender, handle peer) {
    note(ctx, 'c', peer, sender);
}

/* Peer n is at 10.0.0.n. */
static bool address_of(void *ctx, handle peer, struct addr *out) {
    (void)ctx;
    if (peer == GONE)
        return false;
    memset(out, 0, sizeof *out);
    out->ip[0] = 10, out->ip[3] = (uint8_t)peer;
    out->port = 6881, out->family = 4;
    return true;
}

struct fixture {
    struct blame b;
    struct court court;
    uint8_t good[LENGTH], data[LENGTH];
};

static struct fixture *set_up(void) {
    struct fixture *f = calloc(1, sizeof *f);
    CHECK(f);
    blame_init(&f->b);
    for (uint32_t i = 0; i < LENGTH; i++)
        f->good[i] = (uint8_t)(i * 7 + i / 1000);
    return f;
}

static void tear_down(struct fixture *f) {
    blame_fini(&f->b);
    free(f);
}

/* The piece fails: its blocks came from these peers; bit n of `bad` says that block n is not
 * what it should be. */
static int fail(struct fixture *f, uint32_t piece, const handle from[BLOCKS],
                uint32_t bad) {
    struct active_piece *p = active_piece_new(piece, LENGTH, f->data);
    CHECK(p);
    f->court.log[0] = '\0';
    memcpy(f->data, f->good, LENGTH);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        CHECK_INT(active_piece_note_received(p, i, from[i], 1), 1);
        if (bad & 1u << i)
            f->data[i * WIRE_BLOCK + active_piece_block_len(p, i) - 1] ^= 1;
    }
    int result =
        blame_on_failed(&f->b, p, f->data, address_of, guilty, suspect, &f->court);
    active_piece_free(p);
    return result;
}

static void come_good(struct fixture *f, uint32_t piece) {
    f->court.log[0] = '\0';
    blame_on_good(&f->b, piece, f->good, LENGTH, guilty, cleared, &f->court);
}

TEST(blame_sole_author_is_guilty_at_once) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){5, 5, 5, 5}, 0x4), 0);
    CHECK_STR(f->court.log, "g5");
    CHECK_INT(f->court.last.ip[3], 5);
    CHECK(!blame_remembers(&f->b, 3));
    tear_down(f);
}

TEST(blame_several_authors_are_suspects_once_each) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){5, 6, 5, 7}, 0x1), 0);
    CHECK_STR(f->court.log, "s5 s6 s7");
    CHECK(blame_remembers(&f->b, 3));
    CHECK(!blame_remembers(&f->b, 4));
    tear_down(f);
}

TEST(blame_convicts_those_whose_blocks_differ) {
    static const struct {
        handle from[BLOCKS];
        uint32_t bad;
        const char *verdicts;
    } rows[] = {
        {{5, 6, 5, 7}, 0x1, "g5 c6 c7"},    {{5, 6, 5, 7}, 0x2, "c5 g6 c7"},
        {{5, 6, 5, 7}, 0x4, "g5 c6 c7"},    {{5, 6, 5, 7}, 0x8, "c5 c6 g7"},
        {{5, 6, 7, 8}, 0xF, "g5 g6 g7 g8"}, {{5, 6, 7, 8}, 0x6, "c5 g6 g7 c8"},
        {{5, 6, 6, 6}, 0x0, "c5 c6"}, /* it was our memory or our disk */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture *f = set_up();
        CHECK_INT(fail(f, 3, rows[i].from, rows[i].bad), 0);
        come_good(f, 3);
        CHECK_STR(f->court.log, rows[i].verdicts);
        CHECK(!blame_remembers(&f->b, 3));
        CHECK_INT(f->b.count, 0);
        tear_down(f);
    }
}

TEST(blame_good_piece_that_never_failed_judges_nobody) {
    struct fixture *f = set_up();
    come_good(f, 3);
    CHECK_STR(f->court.log, "");
    CHECK_INT(fail(f, 3, (const handle[]){5, 6, 6, 6}, 1), 0);
    come_good(f, 4);
    CHECK_STR(f->court.log, "");
    CHECK(blame_remembers(&f->b, 3));
    come_good(f, 3);
    come_good(f, 3);
    CHECK_STR(f->court.log, ""); /* once is enough */
    tear_down(f);
}

TEST(blame_knows_the_address_of_a_peer_that_left) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){6, 5, 6, 6}, 0x2), 0);
    f->court.last = (struct addr){.family = 0};
    blame_on_good(&f->b, 3, f->good, LENGTH, guilty, NULL, &f->court);
    CHECK_INT(f->court.last.family, 4);
    CHECK_INT(f->court.last.ip[3], 5);
    tear_down(f);
}

TEST(blame_tells_of_a_sender_whose_address_was_never_known) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){GONE, GONE, GONE, GONE}, 1), 0);
    CHECK_STR(f->court.log, "g99");
    CHECK_INT(f->court.last.family, 0);
    tear_down(f);
}

TEST(blame_cleared_may_be_null) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){5, 6, 5, 5}, 0x2), 0);
    f->court.log[0] = '\0';
    blame_on_good(&f->b, 3, f->good, LENGTH, guilty, NULL, &f->court);
    CHECK_STR(f->court.log, "g6");
    tear_down(f);
}

TEST(blame_piece_that_fails_twice_is_judged_twice) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){5, 6, 6, 6}, 0x1), 0);
    CHECK_INT(fail(f, 3, (const handle[]){7, 8, 8, 8}, 0x2), 0);
    CHECK_INT(f->b.count, 2);
    come_good(f, 3);
    CHECK_STR(f->court.log, "g5 c6 c7 g8");
    CHECK_INT(f->b.count, 0);
    tear_down(f);
}

TEST(blame_clears_nobody_who_is_guilty_the_other_time) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){5, 6, 6, 6}, 0x0), 0);
    CHECK_INT(fail(f, 3, (const handle[]){5, 7, 7, 7}, 0x1), 0);
    come_good(f, 3);
    CHECK_STR(f->court.log, "c6 g5 c7");
    tear_down(f);
}

TEST(blame_clears_nobody_who_is_suspected_of_another_piece) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){5, 6, 6, 6}, 0x1), 0);
    CHECK_INT(fail(f, 4, (const handle[]){6, 7, 7, 7}, 0x1), 0);
    come_good(f, 3);
    CHECK_STR(f->court.log, "g5");
    come_good(f, 4);
    CHECK_STR(f->court.log, "g6 c7");
    tear_down(f);
}

TEST(blame_remembers_a_bounded_number_of_pieces) {
    struct fixture *f = set_up();
    for (uint32_t i = 0; i < BLAME_MAX_PIECES + 3; i++) {
        CHECK_INT(fail(f, i, (const handle[]){5, 6, 6, 6}, 0x1), 0);
        CHECK(f->b.count <= BLAME_MAX_PIECES);
    }
    for (uint32_t i = 0; i < BLAME_MAX_PIECES + 3; i++)
        CHECK_INT(blame_remembers(&f->b, i), i >= 3); /* the oldest were forgotten */
    tear_down(f);
}

TEST(blame_judges_no_block_that_came_from_no_peer) {
    struct fixture *f = set_up();
    CHECK_INT(fail(f, 3, (const handle[]){0, 5, 5, 0}, 0x1), 0);
    CHECK_STR(f->court.log, "s5");
    come_good(f, 3);
    CHECK_STR(f->court.log, "c5");
    CHECK_INT(fail(f, 3, (const handle[]){0, 0, 0, 0}, 0x1), 0);
    CHECK_STR(f->court.log, "");
    tear_down(f);
}
