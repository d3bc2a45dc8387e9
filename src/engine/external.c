/* external: see the header. */
#include "engine/external.h"

#include "engine/session.h"

#define ENOUGH 2u /* one alone may be a liar, or a peer in our own house */

/* The place of this voter's last ballot, or that of the oldest. */
static struct external_vote *place_of(struct external_votes *v,
                                      const struct addr *voter) {
    for (uint32_t i = 0; i < EXTERNAL_VOTERS; i++)
        if (addr_same_ip(&v->vote[i].voter, voter))
            return &v->vote[i];
    struct external_vote *oldest = &v->vote[v->next];
    v->next = (v->next + 1) % EXTERNAL_VOTERS;
    return oldest;
}

/* Are those who name it enough, and more than all others? */
static bool wins(const struct external_votes *v, const struct addr *own) {
    uint32_t all = 0, agree = 0;
    for (uint32_t i = 0; i < EXTERNAL_VOTERS; i++) {
        all += v->vote[i].own.family != 0;
        agree += addr_same_ip(&v->vote[i].own, own);
    }
    return agree >= ENOUGH && 2 * agree > all;
}

static bool cast(struct external_votes *v, const struct addr *voter,
                 const struct addr *own) {
    *place_of(v, voter) = (struct external_vote){*voter, *own};
    if (addr_same_ip(&v->winner, own) || !wins(v, own))
        return false;
    v->winner = *own;
    v->winner.port = 0;
    return true;
}

/* A tracker's address is not known here: all of them are the one voter 0.0.0.0 or ::. */
static bool may_vote(const struct addr *voter) {
    enum addr_kind kind = addr_kind(voter);
    return kind == ADDR_GLOBAL || kind == ADDR_ANY;
}

void external_vote(struct session *s, const struct addr *voter, const struct addr *own) {
    struct external_votes *v = own->family == 4 ? &s->votes.v4 : &s->votes.v6;
    if (addr_kind(own) == ADDR_GLOBAL && may_vote(voter) && cast(v, voter, own))
        session_note_external(s, &v->winner);
}
