/* external: see the header. */
#include "engine/external.h"

#include "engine/session.h"
#include "engine/torrent.h"

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

static void set_own(struct addr *own, const struct addr *winner, uint16_t port) {
    if (!winner->family)
        return;
    *own = *winner;
    own->port = port;
}

void external_tell(struct torrent *t) {
    const struct session *s = t->session;
    set_own(&t->roster.own4, &s->external.v4.winner, s->port);
    set_own(&t->roster.own6, &s->external.v6.winner, s->port);
}

void external_vote(struct session *s, const struct addr *voter, const struct addr *own) {
    struct external_votes *v = own->family == 4 ? &s->external.v4 : &s->external.v6;
    enum addr_kind kind = addr_kind(voter);
    if (addr_kind(own) != ADDR_GLOBAL || (kind != ADDR_GLOBAL && kind != ADDR_ANY) ||
        !cast(v, voter, own))
        return;
    LIST_EACH(l, &s->torrent_list) {
        external_tell(LIST_ITEM(l, struct torrent, in_session));
    }
}
