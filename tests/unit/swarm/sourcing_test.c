/* sourcing: who may take blocks of an urgent piece. */
#include "swarm/sourcing.h"

#include "support/check.h"

#define PIECE 7u

static struct sourcing s;

static const struct verdict own = {VERDICT_OWN, 0}, never = {VERDICT_NEVER, 0};

/* A round about one piece and the peers 1 .. n. */
static void ask(const struct verdict *verdicts, uint32_t n) {
    struct peer_row rows[16];
    const uint32_t piece = PIECE;
    for (uint32_t i = 0; i < n; i++)
        rows[i] = (struct peer_row){.peer = i + 1, .download_rate = 100 - i};
    sourcing_begin(&s, &piece, 1);
    sourcing_adopt(&s, PIECE, rows, verdicts, n);
}

/* "+-+" for peers 1 .. n; "?" where nothing is said. */
static const char *words(uint32_t n) {
    static char text[17];
    static const char looks[] = {
        [SOURCING_SILENT] = '?', [SOURCING_YES] = '+', [SOURCING_NO] = '-'};
    for (uint32_t i = 0; i < n; i++)
        text[i] = looks[sourcing_word(&s, PIECE, i + 1)];
    text[n] = '\0';
    return text;
}

TEST(sourcing_lets_the_best_two_begin_and_twice_as_many_each_round) {
    struct verdict v[9];
    s = (struct sourcing){.n = 0};
    for (uint32_t i = 0; i < 9; i++)
        v[i] = (struct verdict){VERDICT_SCORED, i};
    v[8] = never;
    ask(v, 9);
    CHECK_STR(words(9), "------++-");
    ask(v, 9);
    CHECK_STR(words(9), "----++++-");
    ask(v, 9);
    CHECK_STR(words(9), "++++++++-");
    ask(v, 9);
    CHECK_STR(words(9), "++++++++-"); /* never is never */
}

TEST(sourcing_prefers_the_faster_among_equals_and_counts_no_score_as_0) {
    const struct verdict v[] = {own, {VERDICT_SCORED, -1}, own, {VERDICT_SCORED, 0}};
    s = (struct sourcing){.n = 0};
    ask(v, 4);
    CHECK_STR(words(4), "+-+-");
}

TEST(sourcing_is_silent_when_nobody_cares) {
    const struct verdict v[] = {own, own};
    CHECK_INT(sourcing_word(NULL, PIECE, 1), SOURCING_SILENT);
    s = (struct sourcing){.n = 0};
    CHECK_STR(words(2), "??");
    ask(v, 2);
    CHECK_STR(words(3), "???");
    CHECK_INT(sourcing_word(&s, PIECE + 1, 1), SOURCING_SILENT);
}

TEST(sourcing_waits_for_those_that_nobody_was_asked_about) {
    const struct verdict v[] = {{VERDICT_SCORED, 1}};
    s = (struct sourcing){.n = 0};
    ask(v, 0);
    CHECK_STR(words(2), "--");
    ask(v, 1);
    CHECK_STR(words(2), "+-");
}

TEST(sourcing_forgets_pieces_of_other_rounds) {
    const struct verdict v[] = {never};
    const uint32_t other = PIECE + 1;
    s = (struct sourcing){.n = 0};
    ask(v, 1);
    CHECK_STR(words(1), "-");
    sourcing_begin(&s, &other, 1);
    CHECK_STR(words(1), "?");
}
