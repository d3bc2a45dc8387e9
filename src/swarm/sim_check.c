/* sim_check: what holds in a simulated swarm between two events, for specs. */
#include <assert.h>

#include "swarm/sim.h"
#include "swarm/sim_private.h"

#ifndef NDEBUG
static void check_flows(const struct sim_peer *p) {
    uint64_t in = 0, out = 0, offered = 0;
    LIST_EACH(l, &p->coming) {
        const struct sim_end *e = LIST_ITEM(l, struct sim_end, coming);
        assert(e->flow == FLOW_ACTIVE && e->rate <= e->offer && e->offer <= e->cap);
        assert(bitset_has(&e->other->peer->have, e->ref.piece));
        in += e->rate;
        offered += e->offer;
    }
    LIST_EACH(l, &p->going)
        out += LIST_ITEM(l, struct sim_end, going)->rate;
    assert(in == p->rate_in && in <= p->down && out == p->rate_out && out <= p->up);
    assert(offered == p->offered);
}

static void check_ends(const struct sim_peer *p) {
    uint32_t unchoked = 0;
    for (uint32_t i = 0; i < p->ends_count; i++) {
        const struct sim_end *e = p->ends[i];
        assert(e->peer == p && e->place == i && e->other->other == e);
        assert(e->other->peer->present && e->other->peer != p);
        assert(
            e->interested ==
            (!p->complete && picker_interesting(&p->picker, &e->other->peer->announced)));
        unchoked += !e->choking;
    }
    assert(unchoked == p->unchoked && p->ends_count <= p->group->connections);
}

void sim_check(const struct sim *s) {
    uint64_t rate = 0, up = 0, down = 0;
    for (uint32_t i = 0; i < s->peers; i++) {
        const struct sim_peer *p = &s->peer[i];
        check_ends(p);
        check_flows(p);
        if (p->present && !p->complete)
            picker_check(&p->picker);
        rate += p->rate_in;
        up += p->uploaded;
        down += p->downloaded;
    }
    assert(rate == s->flow_rate && up == down && up == s->moved);
}
#endif
