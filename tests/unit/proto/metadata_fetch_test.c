/* metadata_fetch: whole, from several, in any order; and with liars among the peers. */
#include "proto/metadata_fetch.h"

#include "base/err.h"
#include "base/rng.h"
#include "codec/metainfo.h"
#include "support/check.h"

#define SIZE (5 * METADATA_PIECE + 100)
#define PIECES 6

static uint8_t info[SIZE], info_hash[SHA1_LEN];

static struct metadata_fetch *start(void) {
    for (size_t i = 0; i < SIZE; i++)
        info[i] = (uint8_t)(i * 7 + i / 251);
    CHECK_INT(sha1(info_hash, info, SIZE), 0);
    struct metadata_fetch *f = metadata_fetch_new(info_hash);
    CHECK(f);
    return f;
}

static struct ut_metadata piece_of(const uint8_t *bytes, uint32_t size, uint32_t piece) {
    return (struct ut_metadata){
        .type = METADATA_DATA,
        .piece = piece,
        .total_size = size,
        .payload = {bytes + piece * METADATA_PIECE, metadata_piece_len(size, piece)}};
}

static int give(struct metadata_fetch *f, handle peer, uint32_t piece, usec now) {
    struct ut_metadata d = piece_of(info, SIZE, piece);
    return metadata_fetch_on_data(f, peer, &d, now);
}

static int give_wrong(struct metadata_fetch *f, handle peer, uint32_t piece, usec now) {
    static const uint8_t wrong[METADATA_PIECE] = {1};
    struct ut_metadata d = piece_of(info, SIZE, piece);
    d.payload.data = wrong;
    return metadata_fetch_on_data(f, peer, &d, now);
}

static void expect_result(struct metadata_fetch *f) {
    size_t len;
    CHECK(metadata_fetch_done(f));
    uint8_t *result = metadata_fetch_take(f, &len);
    CHECK(result);
    CHECK_INT(len, SIZE);
    CHECK_MEM(result, info, SIZE);
    CHECK(!metadata_fetch_take(f, &len));
    free(result);
}

TEST(metadata_fetch_from_one_peer) {
    struct metadata_fetch *f = start();
    uint32_t piece, of;
    int rc = 0;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    for (uint32_t i = 0; i < PIECES; i++) {
        CHECK_INT(rc, 0);
        CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
        CHECK_INT(piece, i);
        rc = give(f, 1, piece, 0);
        CHECK_INT(metadata_fetch_progress(f, &of), i + 1);
        CHECK_INT(of, PIECES);
    }
    CHECK_INT(rc, 1);
    expect_result(f);
    CHECK(!metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK(metadata_fetch_due(f) == USEC_NEVER);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_asks_several_peers_for_different_pieces) {
    struct metadata_fetch *f = start();
    uint32_t piece, copies[PIECES] = {0}, asked = 0;
    for (handle peer = 1; peer <= 10; peer++)
        CHECK_INT(metadata_fetch_on_peer(f, peer, SIZE), 0);
    for (handle peer = 1; peer <= PIECES; peer++) {
        CHECK(metadata_fetch_next_request(f, peer, 0, &piece));
        CHECK_INT(copies[piece]++, 0);
    }
    for (handle peer = 1; peer <= 10; peer++)
        while (metadata_fetch_next_request(f, peer, 0, &piece))
            copies[piece]++, asked++;
    CHECK_INT(asked, PIECES * (METADATA_COPIES - 1));
    for (uint32_t i = 0; i < PIECES; i++)
        CHECK_INT(copies[i], METADATA_COPIES);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_requests_per_peer_are_bounded) {
    struct metadata_fetch *f = start();
    uint32_t piece, n = 0;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    while (metadata_fetch_next_request(f, 1, 0, &piece))
        CHECK_INT(piece, n++);
    CHECK_INT(n, METADATA_PIPELINE);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_takes_pieces_in_any_order) {
    struct metadata_fetch *f = start();
    uint32_t piece;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
    for (int i = 0; i < 3; i++) {
        CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
        CHECK(metadata_fetch_next_request(f, 2, 0, &piece));
    }
    static const struct {
        handle peer;
        uint32_t piece;
        int rc;
    } rows[] = {{2, 5, 0}, {1, 4, 0}, {2, 1, 0}, {1, 0, 0}, {1, 2, 0}, {2, 3, 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_INT(give(f, rows[i].peer, rows[i].piece, 0), rows[i].rc);
    expect_result(f);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_ignores_what_was_not_asked_for) {
    struct metadata_fetch *f = start();
    uint32_t piece, of;
    CHECK_INT(give(f, 1, 0, 0), ERR_NOTFOUND);
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK_INT(give(f, 1, 0, 0), ERR_NOTFOUND);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(give(f, 1, 1, 0), ERR_NOTFOUND);
    CHECK_INT(give(f, 2, 0, 0), ERR_NOTFOUND);
    CHECK_INT(give(f, 1, 0, 0), 0);
    CHECK_INT(give(f, 1, 0, 0), ERR_NOTFOUND);
    CHECK_INT(metadata_fetch_progress(f, &of), 1);
    metadata_fetch_on_reject(f, 1, 0, 0);
    metadata_fetch_on_reject(f, 9, 0, 0);
    metadata_fetch_on_gone(f, 9);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    metadata_fetch_free(f);
}

TEST(metadata_size_from_a_peer_is_bounded) {
    struct metadata_fetch *f = start();
    CHECK_INT(metadata_fetch_on_peer(f, 1, 0), ERR_LIMIT);
    CHECK_INT(metadata_fetch_on_peer(f, 1, METAINFO_MAX_INFO + 1), ERR_LIMIT);
    CHECK_INT(metadata_fetch_on_peer(f, 1, UINT32_MAX), ERR_LIMIT);
    CHECK_INT(metadata_fetch_on_peer(f, 1, METAINFO_MAX_INFO), 0);
    metadata_fetch_free(f);
}

TEST(metadata_size_may_not_change) {
    struct metadata_fetch *f = start();
    uint32_t piece;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE + 1), ERR_PROTOCOL);
    CHECK(!metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), ERR_PROTOCOL);
    CHECK_INT(give(f, 1, 0, 0), ERR_NOTFOUND);
    metadata_fetch_free(f);
}

TEST(metadata_piece_of_another_size_bars_its_sender) {
    for (int i = 0; i < 3; i++) {
        struct metadata_fetch *f = start();
        struct ut_metadata d = piece_of(info, SIZE, 0);
        uint32_t piece;
        CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
        CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
        if (i == 0)
            d.total_size++;
        else
            d.payload.len = i == 1 ? METADATA_PIECE - 1 : 100;
        CHECK_INT(metadata_fetch_on_data(f, 1, &d, 0), ERR_PROTOCOL);
        CHECK(!metadata_fetch_next_request(f, 1, 0, &piece));
        metadata_fetch_free(f);
    }
}

TEST(metadata_number_of_peers_is_bounded) {
    struct metadata_fetch *f = start();
    for (handle peer = 1; peer <= METADATA_MAX_PEERS; peer++)
        CHECK_INT(metadata_fetch_on_peer(f, peer, SIZE), 0);
    CHECK_INT(metadata_fetch_on_peer(f, 1000, SIZE), ERR_LIMIT);
    metadata_fetch_on_gone(f, 7);
    CHECK_INT(metadata_fetch_on_peer(f, 1000, SIZE), 0);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_asks_another_after_silence) {
    struct metadata_fetch *f = start();
    uint32_t piece;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK(metadata_fetch_due(f) == METADATA_TIMEOUT);
    metadata_fetch_tick(f, METADATA_TIMEOUT - 1);
    CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
    metadata_fetch_tick(f, METADATA_TIMEOUT);
    CHECK(!metadata_fetch_next_request(f, 1, METADATA_TIMEOUT, &piece));
    CHECK(metadata_fetch_next_request(f, 2, METADATA_TIMEOUT, &piece));
    CHECK_INT(piece, 0);
    CHECK_INT(give(f, 1, 0, METADATA_TIMEOUT), 0); /* late, but welcome */
    CHECK(metadata_fetch_next_request(f, 1, METADATA_TIMEOUT, &piece));
    CHECK_INT(piece, 1);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_leaves_a_peer_in_peace_after_a_reject) {
    struct metadata_fetch *f = start();
    uint32_t piece;
    usec now = 5;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    for (int round = 1; round <= 3; round++) {
        CHECK(metadata_fetch_next_request(f, 1, now, &piece));
        metadata_fetch_on_reject(f, 1, piece, now);
        CHECK(!metadata_fetch_next_request(f, 1, now, &piece));
        CHECK(metadata_fetch_due(f) == now + round * METADATA_QUIET);
        now = metadata_fetch_due(f);
        metadata_fetch_tick(f, now);
    }
    metadata_fetch_free(f);
}

TEST(metadata_fetch_asks_again_what_a_gone_peer_owes) {
    struct metadata_fetch *f = start();
    uint32_t piece;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(give(f, 1, 0, 0), 0);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    metadata_fetch_on_gone(f, 1);
    CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
    CHECK(metadata_fetch_next_request(f, 2, 0, &piece));
    CHECK_INT(piece, 1); /* and what it gave stays */
    metadata_fetch_free(f);
}

/* Asks one peer for everything and answers at once; the last answer's code. */
static int all_from(struct metadata_fetch *f, handle peer, bool truth) {
    uint32_t piece;
    int rc = ERR_AGAIN;
    while ((rc == ERR_AGAIN || rc == 0) &&
           metadata_fetch_next_request(f, peer, 0, &piece))
        rc = truth ? give(f, peer, piece, 0) : give_wrong(f, peer, piece, 0);
    return rc;
}

TEST(metadata_mismatch_of_one_sender_bars_him) {
    struct metadata_fetch *f = start();
    uint32_t count, piece;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK_INT(all_from(f, 1, false), ERR_HASH);
    const handle *suspects = metadata_fetch_suspects(f, &count);
    CHECK_INT(count, 1);
    CHECK_INT(suspects[0], 1);
    CHECK(!metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
    CHECK_INT(all_from(f, 2, true), 1);
    expect_result(f);
    metadata_fetch_free(f);
}

TEST(metadata_mismatch_of_several_senders_accuses_none_and_asks_them_alone) {
    struct metadata_fetch *f = start();
    uint32_t count, piece;
    int rc = 0;
    for (handle peer = 1; peer <= 3; peer++)
        CHECK_INT(metadata_fetch_on_peer(f, peer, SIZE), 0);
    for (uint32_t i = 0; i < PIECES && rc == 0; i++) {
        CHECK(metadata_fetch_next_request(f, i % 2 + 1, 0, &piece));
        rc = piece == 1 ? give_wrong(f, i % 2 + 1, piece, 0)
                        : give(f, i % 2 + 1, piece, 0);
    }
    CHECK_INT(rc, ERR_HASH);
    (void)metadata_fetch_suspects(f, &count);
    CHECK_INT(count, 2);
    /* The one without a part in it goes first, and alone. */
    CHECK(!metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK(!metadata_fetch_next_request(f, 2, 0, &piece));
    CHECK(metadata_fetch_next_request(f, 3, 0, &piece));
    metadata_fetch_on_gone(f, 3);
    CHECK_INT(all_from(f, 2, false), ERR_AGAIN); /* has to wait */
    CHECK_INT(all_from(f, 1, false), ERR_HASH);
    (void)metadata_fetch_suspects(f, &count);
    CHECK_INT(count, 1);
    CHECK_INT(all_from(f, 2, true), 1);
    expect_result(f);
    metadata_fetch_free(f);
}

TEST(metadata_mismatch_names_the_sender_of_every_piece) {
    for (uint32_t odd = 0; odd < PIECES; odd++) {
        struct metadata_fetch *f = start();
        uint32_t count, piece;
        int rc = 0;
        CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
        CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
        for (uint32_t i = 0; i < PIECES; i++) {
            handle peer = i == odd ? 2 : 1;
            CHECK_INT(rc, 0);
            CHECK(metadata_fetch_next_request(f, peer, 0, &piece));
            CHECK_INT(piece, i);
            rc = give_wrong(f, peer, piece, 0);
        }
        CHECK_INT(rc, ERR_HASH);
        (void)metadata_fetch_suspects(f, &count);
        CHECK_INT(count, 2);
        metadata_fetch_free(f);
    }
}

TEST(metadata_fetch_alone_has_an_end) {
    struct metadata_fetch *f = start();
    uint32_t piece;
    int rc = 0;
    CHECK_INT(metadata_fetch_on_peer(f, 1, SIZE), 0);
    CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
    for (uint32_t i = 0; i < PIECES && rc == 0; i++) {
        CHECK(metadata_fetch_next_request(f, i % 2 + 1, 0, &piece));
        rc = give_wrong(f, i % 2 + 1, piece, 0);
    }
    CHECK_INT(rc, ERR_HASH);
    /* Peer 1 gives a piece every seven seconds: too slow with another in waiting. */
    usec now = 0;
    for (int i = 0; i < 5; i++, now += 7 * USEC_PER_SEC) {
        CHECK(metadata_fetch_next_request(f, 1, now, &piece));
        CHECK_INT(give(f, 1, piece, now), 0);
        metadata_fetch_tick(f, now);
    }
    metadata_fetch_tick(f, now);
    CHECK(!metadata_fetch_next_request(f, 1, now, &piece));
    CHECK(metadata_fetch_next_request(f, 2, now, &piece));
    CHECK_INT(piece, 0);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_believes_the_majority_before_anything_arrived) {
    struct metadata_fetch *f = start();
    uint32_t piece, of;
    CHECK_INT(metadata_fetch_on_peer(f, 1, METAINFO_MAX_INFO), 0);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
    CHECK(!metadata_fetch_next_request(f, 2, 0, &piece));
    CHECK_INT(metadata_fetch_on_peer(f, 3, SIZE), 0);
    CHECK(metadata_fetch_next_request(f, 2, 0, &piece));
    (void)metadata_fetch_progress(f, &of);
    CHECK_INT(of, PIECES);
    CHECK(!metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(give(f, 1, 0, 0), ERR_NOTFOUND); /* that was of another size */
    CHECK_INT(all_from(f, 2, true), 0);
    CHECK_INT(all_from(f, 3, true), 1);
    expect_result(f);
    metadata_fetch_free(f);
}

TEST(metadata_fetch_changes_the_size_when_its_peers_are_silent) {
    struct metadata_fetch *f = start();
    uint32_t piece, of;
    CHECK_INT(metadata_fetch_on_peer(f, 1, 2 * METADATA_PIECE), 0);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    struct ut_metadata d = piece_of(info, 2 * METADATA_PIECE, 0);
    CHECK_INT(metadata_fetch_on_data(f, 1, &d, 0), 0);
    CHECK(metadata_fetch_next_request(f, 1, 0, &piece));
    CHECK_INT(metadata_fetch_on_peer(f, 2, SIZE), 0);
    CHECK(!metadata_fetch_next_request(f, 2, 0, &piece));
    metadata_fetch_tick(f, METADATA_TIMEOUT);
    CHECK(metadata_fetch_next_request(f, 2, METADATA_TIMEOUT, &piece));
    CHECK_INT(metadata_fetch_progress(f, &of), 0);
    CHECK_INT(of, PIECES);
    metadata_fetch_free(f);
}

struct fake {
    handle peer;
    enum { HONEST, SILENT, LIAR, WRONG_SIZE, REJECTS } kind;
    bool banned;
};

static int answer(struct metadata_fetch *f, const struct fake *p, uint32_t piece,
                  usec now) {
    switch (p->kind) {
    case HONEST: return give(f, p->peer, piece, now);
    case LIAR: return give_wrong(f, p->peer, piece, now);
    case WRONG_SIZE: {
        struct ut_metadata d = piece_of(info, SIZE - METADATA_PIECE, piece);
        return metadata_fetch_on_data(f, p->peer, &d, now);
    }
    case REJECTS: metadata_fetch_on_reject(f, p->peer, piece, now); break;
    case SILENT: break;
    }
    return 0;
}

static void ban_the_guilty(struct metadata_fetch *f, struct fake *peers) {
    uint32_t count;
    const handle *suspects = metadata_fetch_suspects(f, &count);
    if (count != 1)
        return;
    struct fake *p = &peers[suspects[0] - 1];
    CHECK(p->kind == LIAR || p->kind == WRONG_SIZE);
    p->banned = true;
    metadata_fetch_on_gone(f, p->peer);
}

/* One honest peer among nineteen others is enough, and is never accused. */
TEST(metadata_fetch_comes_to_its_end_among_hostile_peers) {
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct metadata_fetch *f = start();
        struct fake peers[20];
        struct rng rng;
        usec now = 0;
        rng_seed(&rng, seed);
        for (uint32_t i = 0; i < 20; i++) {
            peers[i] = (struct fake){.peer = i + 1, .kind = 1 + rng_below(&rng, 4)};
            if (i == seed % 20)
                peers[i].kind = HONEST;
            uint32_t size = peers[i].kind == WRONG_SIZE ? SIZE - METADATA_PIECE : SIZE;
            CHECK_INT(metadata_fetch_on_peer(f, peers[i].peer, size), 0);
        }
        for (int step = 0; !metadata_fetch_done(f); step++) {
            bool moved = false;
            CHECK(step < 20000);
            for (uint32_t k = 0; k < 20; k++) {
                struct fake *p = &peers[rng_below(&rng, 20)];
                uint32_t piece;
                if (p->banned || !metadata_fetch_next_request(f, p->peer, now, &piece))
                    continue;
                moved = true;
                if (answer(f, p, piece, now) == ERR_HASH)
                    ban_the_guilty(f, peers);
            }
            if (moved)
                continue;
            now = MAX(now + 1, MIN(metadata_fetch_due(f), now + USEC_PER_SEC));
            metadata_fetch_tick(f, now);
        }
        expect_result(f);
        metadata_fetch_free(f);
    }
}

static int fetch_from_one(struct metadata_fetch *f) {
    uint32_t piece;
    int rc = metadata_fetch_on_peer(f, 1, SIZE);
    while (rc == 0 && metadata_fetch_next_request(f, 1, 0, &piece))
        rc = give(f, 1, piece, 0);
    return rc;
}

TEST(metadata_fetch_goes_on_after_memory_was_out) {
    metadata_fetch_free(start());
    CHECK_EACH_NOMEM(n) {
        struct metadata_fetch *f = metadata_fetch_new(info_hash);
        int rc = f ? fetch_from_one(f) : ERR_NOMEM;
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 1);
        if (f && rc == ERR_NOMEM) /* nothing is lost */
            CHECK_INT(fetch_from_one(f), 1);
        CHECK(!f || metadata_fetch_done(f));
        metadata_fetch_free(f);
    }
}
