/* dht_vote: a ring of the last ballots. More than half of a full ring decides, so seven
 * liars among the last fifteen change nothing, and a new address wins after eight answers. */
#include "proto/dht_vote.h"

#include "proto/dht_id.h"

/* The place of this voter's ballot: his last one, or the oldest of all. */
static uint32_t place_of(struct dht_vote *v, const struct addr *voter) {
    for (uint32_t i = 0; i < DHT_VOTERS; i++) {
        if (v->ballots[i].voter.family && dht_same_host(&v->ballots[i].voter, voter))
            return i;
    }
    uint32_t place = v->next;
    v->next = (v->next + 1) % DHT_VOTERS;
    return place;
}

static uint32_t count(const struct dht_vote *v, const struct addr *candidate) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < DHT_VOTERS; i++)
        n += addr_same_ip(&v->ballots[i].candidate, candidate);
    return n;
}

bool dht_vote_cast(struct dht_vote *v, const struct addr *voter,
                   const struct addr *candidate) {
    if (addr_kind(candidate) != ADDR_GLOBAL || candidate->family != voter->family)
        return false;
    uint32_t at = place_of(v, voter);
    v->ballots[at].voter = *voter;
    v->ballots[at].candidate = *candidate;
    if (addr_same_ip(candidate, &v->winner) || count(v, candidate) <= DHT_VOTERS / 2)
        return false;
    v->winner = *candidate;
    v->winner.port = 0;
    return true;
}
