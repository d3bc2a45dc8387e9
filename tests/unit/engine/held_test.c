/* Pieces that are kept for the readers that come to them: which, and how many. */
#include "engine/reader.h"
#include "unit/engine/swarm_fixture.h"

#define MAY_BE_HELD 4u /* pieces: a quarter of the memory */

static void hold(struct node *n, uint32_t piece) {
    struct shared_bytes *b = shared_new(&n->s->shared, PIECE_LEN);
    CHECK(b);
    held_add(n->t, piece, b);
    shared_drop(b);
    CHECK(n->t->readers.held_bytes <= MAY_BE_HELD * PIECE_LEN);
}

static void check_held(const struct node *n, const char *expected) {
    char text[256] = "";
    for (uint32_t i = 0; i < n->t->meta->pieces; i++)
        if (held_get(n->t, i))
            snprintf(text + strlen(text), 16, "%u ", i);
    CHECK_STR(text, expected);
}

TEST(held_is_a_quarter_of_the_memory_and_what_is_furthest_ahead_gives_way) {
    struct swarm w;
    struct reader *r[3];
    swarm_open_large(&w, 64, PIECE_LEN);
    struct node *n = node_open(
        &w, &(struct node_options){.settings.memory = 4 * MAY_BE_HELD * PIECE_LEN});
    for (uint32_t i = 0; i < COUNT_OF(r); i++) {
        struct reader_options o = {.position = (uint64_t)i * 20 * PIECE_LEN};
        r[i] = reader_open(n->t, 0, &o, NULL);
        CHECK(r[i]);
    }
    hold(n, 10); /* nobody comes there soon */
    check_held(n, "");
    for (uint32_t ahead = 3; ahead > 0; ahead--)
        for (uint32_t i = 0; i < COUNT_OF(r); i++)
            hold(n, 20 * i + ahead);
    hold(n, 1); /* once is enough */
    hold(n, 0), hold(n, 20), hold(n, 40);
    CHECK(held_get(n->t, 0) && held_get(n->t, 20) && held_get(n->t, 40));
    CHECK_INT(n->t->readers.held_bytes, MAY_BE_HELD * PIECE_LEN);
    hold(n, 3); /* further than all that is there: itself */
    CHECK(!held_get(n->t, 3));
    CHECK_INT(reader_seek(r[1], 30 * PIECE_LEN), 0);
    held_trim(n->t);
    CHECK(!held_get(n->t, 20) && held_get(n->t, 40));
    held_clear(n->t);
    check_held(n, "");
    CHECK_INT(n->t->readers.held_bytes, 0);
    for (uint32_t i = 0; i < COUNT_OF(r); i++)
        reader_close(r[i]);
    swarm_close(&w);
}
