/* policy: names of the questions, and what is answered when nobody answers. */
#include "swarm/policy.h"

#include "support/check.h"

TEST(policy_names_go_both_ways) {
    for (int q = 0; q < POLICY_QUESTIONS; q++)
        CHECK_INT(policy_named(policy_name((enum policy_question)q)), q);
    CHECK_STR(policy_name(POLICY_UNCHOKE), "unchoke");
    CHECK_STR(policy_name(POLICY_QUESTIONS), "?");
    CHECK_INT(policy_named("unchok"), POLICY_QUESTIONS);
    CHECK_INT(policy_named(""), POLICY_QUESTIONS);
}

struct judge {
    bool has, answers;
    uint32_t asked;
};

static bool judge_has(void *owner, handle torrent, enum policy_question q) {
    (void)torrent, (void)q;
    return ((struct judge *)owner)->has;
}

static bool judge_ask(void *owner, const struct policy_ask *ask) {
    struct judge *j = owner;
    j->asked++;
    for (uint32_t i = 0; i < ask->n; i++)
        ask->verdicts[i] = (struct verdict){VERDICT_SCORED, 5};
    return j->answers;
}

TEST(policy_ask_gives_own_verdicts_when_no_answer_comes) {
    static const struct policy_hooks hooks = {judge_has, judge_ask};
    static const struct {
        struct judge judge;
        uint32_t n, asked;
        enum verdict_kind want;
    } cases[] = {
        {{true, true, 0}, 2, 1, VERDICT_SCORED},
        {{true, false, 0}, 2, 1, VERDICT_OWN}, /* half an answer is none */
        {{false, true, 0}, 2, 0, VERDICT_OWN},
        {{true, true, 0}, 0, 0, VERDICT_NEVER}, /* untouched */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct judge judge = cases[i].judge;
        struct policy p = {&hooks, &judge};
        struct peer_row rows[2] = {{.peer = 1}, {.peer = 2}};
        struct verdict v[2] = {{VERDICT_NEVER, 0}, {VERDICT_NEVER, 0}};
        struct policy_ask ask = {
            .question = POLICY_UNCHOKE, .peers = rows, .n = cases[i].n, .verdicts = v};
        CHECK_INT(policy_ask(&p, &ask), cases[i].want == VERDICT_SCORED);
        CHECK_INT(judge.asked, cases[i].asked);
        CHECK_INT(v[0].kind, cases[i].want);
        CHECK_INT(v[1].kind, cases[i].want);
    }
}

TEST(policy_without_hooks_has_nothing) {
    struct policy p = {NULL, NULL};
    struct verdict v = {VERDICT_NEVER, 0};
    struct peer_row row = {.peer = 1};
    struct policy_ask ask = {
        .question = POLICY_DROP, .peers = &row, .n = 1, .verdicts = &v};
    CHECK(!policy_has(&p, 0, POLICY_DROP));
    CHECK(!policy_ask(&p, &ask));
    CHECK_INT(v.kind, VERDICT_OWN);
}
