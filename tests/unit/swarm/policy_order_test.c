/* policy_order: the order that the engine makes of a round's verdicts. */
#include "swarm/policy_order.h"

#include "base/err.h"
#include "support/check.h"

#define SEC USEC_PER_SEC

static const struct policy_terms leeching = {.slots = 8, .piece_length = 16384};

/* As digits: "20" is row 2, then row 0. */
static const char *order_of(const struct policy_ask *ask,
                            const struct policy_terms *terms, uint32_t *chosen) {
    static char text[16];
    uint32_t order[8];
    int n = policy_order(ask, terms, order, chosen);
    for (int i = 0; i < n; i++)
        text[i] = (char)('0' + order[i]);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static struct peer_row waiting(handle id, uint64_t received) {
    return (struct peer_row){.peer = id,
                             .choking = true,
                             .peer_interested = true,
                             .received_round = received,
                             .connected_for = 500 * SEC,
                             .unchoked_for = USEC_NEVER,
                             .waiting_for = 10 * SEC,
                             .last_block = USEC_NEVER,
                             .last_upload = USEC_NEVER};
}

TEST(policy_order_of_slots_is_the_chokers) {
    struct peer_row peers[] = {waiting(1, 10), waiting(2, 30), waiting(3, 20),
                               waiting(4, 40)};
    const struct verdict own = {VERDICT_OWN, 0};
    struct verdict v[4] = {own, own, own, own};
    struct policy_ask ask = {
        .question = POLICY_UNCHOKE, .peers = peers, .n = 4, .verdicts = v};
    struct policy_terms terms = leeching;
    uint32_t chosen;
    CHECK_STR(order_of(&ask, &terms, &chosen), "3120");
    CHECK_INT(chosen, 4);
    peers[1].peer_interested = false; /* wants no slot */
    CHECK_STR(order_of(&ask, &terms, &chosen), "320");
    v[0] = (struct verdict){VERDICT_SCORED, 1}, v[3] = (struct verdict){VERDICT_NEVER, 0};
    CHECK_STR(order_of(&ask, &terms, &chosen), "02");
    terms.slots = 2;
    CHECK_STR(order_of(&ask, &terms, &chosen), "02");
    CHECK_INT(chosen, 1); /* the other slot is optimistic */
    terms.slots = UINT32_MAX;
    CHECK_STR(order_of(&ask, &terms, &chosen), "02");
    CHECK_INT(chosen, 2);
}

TEST(policy_order_of_drops_is_the_turnovers) {
    struct peer_row peers[] = {waiting(1, 0), waiting(2, 0), waiting(3, 0)};
    const struct verdict own = {VERDICT_OWN, 0};
    struct verdict v[3] = {own, own, own};
    const struct policy_ask ask = {
        .question = POLICY_DROP, .peers = peers, .n = 3, .verdicts = v};
    const struct policy_terms seeding = {.done = true};
    uint32_t chosen;
    peers[1].is_seed = true;
    peers[2].connected_for = SEC; /* too young */
    CHECK_STR(order_of(&ask, &seeding, &chosen), "10");
    CHECK_STR(order_of(&ask, &leeching, &chosen), "01");
    CHECK_INT(chosen, 1);
    v[0] = (struct verdict){VERDICT_NEVER, 0};
    CHECK_STR(order_of(&ask, &leeching, &chosen), "1");
}

TEST(policy_order_goes_by_score_then_as_asked) {
    static const struct {
        enum policy_question question;
        const char *want;
        uint32_t chosen;
    } cases[] = {
        {POLICY_PIECE, "302", 1},
        {POLICY_CONNECT, "302", 1},
        {POLICY_SOURCE, "320", 2}, /* the faster one of equals */
        {POLICY_ADMIT, "023", 3},
    };
    struct peer_row peers[] = {waiting(1, 0), waiting(2, 0), waiting(3, 0),
                               waiting(4, 0)};
    struct verdict v[] = {
        {VERDICT_OWN, 0}, {VERDICT_NEVER, 0}, {VERDICT_SCORED, 0}, {VERDICT_SCORED, 2}};
    peers[2].download_rate = 1000;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct policy_ask ask = {
            .question = cases[i].question, .peers = peers, .n = 4, .verdicts = v};
        uint32_t chosen;
        CHECK_STR(order_of(&ask, &leeching, &chosen), cases[i].want);
        CHECK_INT(chosen, cases[i].chosen);
    }
}

TEST(policy_order_says_when_there_is_no_memory) {
    static const enum policy_question questions[] = {POLICY_UNCHOKE, POLICY_DROP};
    struct peer_row peer = waiting(1, 0);
    struct verdict v = {VERDICT_OWN, 0};
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        const struct policy_ask ask = {
            .question = questions[i], .peers = &peer, .n = 1, .verdicts = &v};
        CHECK_EACH_NOMEM(n) {
            uint32_t order[1], chosen;
            int got = policy_order(&ask, &leeching, order, &chosen);
            CHECK(got == 1 || got == ERR_NOMEM);
        }
    }
}
