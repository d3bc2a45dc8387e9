/* dht_upkeep: what a node does without being asked: it finds its place in the network, gets to
 * know nodes that it was told of, looks after those it knows, and learns its own address.
 *
 * The place is found by a search for our own id, as soon as anybody is known to ask, and again,
 * at growing intervals, for some minutes: our neighbours must get to know us, too, for whoever
 * searches near us finds his way by asking them. After that only while we know few others. */
#include <string.h>

#include "proto/dht_id.h"
#include "proto/dht_private.h"

#define ENOUGH (3 * DHT_K) /* good contacts: the network is large, and we are in it */
#define UPKEEP (6 * USEC_PER_SEC)
#define FIRST_BACKOFF (5 * USEC_PER_SEC)
#define LONGEST_BACKOFF (300 * USEC_PER_SEC)

/* -- seeds ----------------------------------------------------------------------------- */

/* A full row loses its first one: what came later is more likely alive. */
void dht_seed_add(struct dht_side *side, const struct dht_seed *seed) {
    for (uint32_t i = 0; i < side->seed_count; i++) {
        if (addr_equal(&side->seeds[i].node.addr, &seed->node.addr))
            return;
    }
    if (side->seed_count == DHT_SEEDS)
        memmove(side->seeds, side->seeds + 1, --side->seed_count * sizeof *side->seeds);
    side->seeds[side->seed_count++] = *seed;
}

static struct dht_seed shift_seed(struct dht_side *side) {
    struct dht_seed first = side->seeds[0];
    memmove(side->seeds, side->seeds + 1, --side->seed_count * sizeof *side->seeds);
    return first;
}

static void ping_seeds(struct dht *d, struct dht_side *side, usec now) {
    while (side->seed_count && d->probes < DHT_PROBES && dht_may_ask(d, now)) {
        struct dht_seed seed = shift_seed(side);
        dht_ping(d, &seed, now);
    }
}

/* -- bootstrap ------------------------------------------------------------------------- */

static bool knows_anybody(const struct dht_side *side) {
    return side->table.count || side->seed_count || side->router_count;
}

static void maybe_bootstrap(struct dht *d, struct dht_side *side, usec now) {
    if (side->bootstrap || now < side->bootstrap_at || !knows_anybody(side))
        return;
    side->backoff = MAX(FIRST_BACKOFF, MIN(2 * side->backoff, LONGEST_BACKOFF));
    side->bootstrap_at = now + side->backoff;
    if (side->ready && side->backoff == LONGEST_BACKOFF &&
        dht_table_good(&side->table, now) >= ENOUGH)
        return;
    side->bootstrap = dht_find_node(d, side, side->table.own, now);
}

/* Now that neighbours are known, the buckets between us and the world are filled. A search for
 * an id that is ours no more does not count. */
void dht_note_bootstrapped(struct dht_side *side, const struct dht_search *s,
                           uint32_t answers, usec now) {
    bool ours = memcmp(s->target, side->table.own, KRPC_ID) == 0;
    side->bootstrap_at = now + (ours ? side->backoff : 0);
    if (!ours || !answers || side->ready)
        return;
    side->ready = true;
    dht_table_note_sparse(&side->table, now);
}

/* -- contacts -------------------------------------------------------------------------- */

/* A node answered. The first ones start a search for more. */
void dht_note_contact(struct dht *d, struct dht_side *side, const struct krpc_node *n,
                      usec now) {
    if (dht_table_on_reply(&side->table, n, now) <= 0)
        return;
    dht_searches_note_node(d, &n->addr, n->id);
    if (dht_table_size(&side->table) < DHT_K)
        side->bootstrap_at = MIN(side->bootstrap_at, now + USEC_PER_SEC);
}

/* One thing at a time: a questionable contact is pinged, or a stale bucket looked into. */
static void look_after(struct dht *d, struct dht_side *side, usec now) {
    uint8_t target[KRPC_ID];
    if (now < side->upkeep_at)
        return;
    side->upkeep_at = now + UPKEEP + rng_below(&d->rng, USEC_PER_SEC);
    if (!dht_may_ask(d, now))
        return;
    const struct dht_contact *c = dht_table_next_questionable(&side->table, now);
    if (c) {
        struct dht_seed who = {c->node, true, DHT_SEED_TRIES};
        dht_ping(d, &who, now);
    } else if (dht_table_next_stale(&side->table, &d->rng, target, now)) {
        dht_find_node(d, side, target, now);
    }
}

/* -- our own address ------------------------------------------------------------------- */

/* With another address comes another id (BEP 42), and with that another place. */
void dht_note_external(struct dht *d, const struct addr *voter, const struct addr *ip,
                       usec now) {
    struct dht_side *side = dht_side_of(d, voter->family);
    uint8_t id[KRPC_ID];
    if (!dht_vote_cast(&side->vote, voter, ip))
        return;
    if (d->hooks->on_external_ip)
        d->hooks->on_external_ip(d->owner, &side->vote.winner);
    if (dht_id_fits(side->table.own, ip))
        return;
    dht_id_make(id, ip, &d->rng);
    if (dht_table_rebase(&side->table, id, now) < 0)
        return; /* the next change of address tries again */
    side->ready = false;
    side->bootstrap_at = now;
    side->backoff = 0;
}

/* -- time ------------------------------------------------------------------------------ */

void dht_upkeep_pulse(struct dht *d, struct dht_side *side, usec now) {
    if (!side->on)
        return;
    maybe_bootstrap(d, side, now);
    ping_seeds(d, side, now);
    look_after(d, side, now);
}

/* Seeds that could not be pinged wait for that, too, or for a ping to end. */
usec dht_upkeep_due(const struct dht_side *side) {
    if (!side->on)
        return USEC_NEVER;
    bool searches = knows_anybody(side) && !side->bootstrap;
    return searches ? MIN(side->upkeep_at, side->bootstrap_at) : side->upkeep_at;
}
