/* policy: see the header. */
#include "swarm/policy.h"

#include <string.h>

static const char *const names[] = {
    [POLICY_ADMIT] = "admit", [POLICY_CONNECT] = "connect", [POLICY_UNCHOKE] = "unchoke",
    [POLICY_DROP] = "drop",   [POLICY_PIECE] = "piece",     [POLICY_SOURCE] = "source",
};

_Static_assert(COUNT_OF(names) == POLICY_QUESTIONS, "every question has its name");

const char *policy_name(enum policy_question q) {
    return (size_t)q < COUNT_OF(names) ? names[q] : "?";
}

enum policy_question policy_named(const char *name) {
    size_t q = 0;
    while (q < COUNT_OF(names) && strcmp(names[q], name) != 0)
        q++;
    return (enum policy_question)q;
}

bool policy_ask(const struct policy *p, const struct policy_ask *ask) {
    bool answered = ask->n > 0 && policy_has(p, ask->torrent, ask->question) &&
                    p->hooks->ask(p->owner, ask);
    for (uint32_t i = 0; !answered && i < ask->n; i++)
        ask->verdicts[i] = (struct verdict){VERDICT_OWN, 0};
    return answered;
}
