/* sim_flow: how fast bytes flow, as a fluid.
 *
 *     sender    offers each flow an even share of its uplink; what a flow cannot take (its cap:
 *               the receiver's whole downlink, or what loss leaves) goes to the others
 *     receiver  takes all that is offered, or scales it down to what its downlink carries
 *
 * So no link is ever overfull, and a change is felt by the flows of the two peers at its ends
 * alone (and by a full receiver's others): no global fixed point is looked for. What a sender
 * loses by full receivers it does not give to others; with downlinks wider than uplinks, as they
 * are, that is rare. Rates change only when a flow begins or ends, not from block to block. */
#include <assert.h>

#include "swarm/sim_private.h"

#define GOING(l) LIST_ITEM(l, struct sim_end, going)
#define COMING(l) LIST_ITEM(l, struct sim_end, coming)

static void on_timer(struct timer *t, usec now) {
    struct sim_end *e = CONTAINER_OF(t, struct sim_end, timer);
    (void)now;
    if (e->flow == FLOW_ASKED)
        sim_piece_on_first_byte(e);
    else
        sim_piece_on_block(e);
}

/* What loss leaves: a window per round trip, whatever the links could carry. */
static uint32_t cap_of(const struct sim_end *e) {
    uint64_t window = e->peer->sim->settings.loss_window, cap = e->peer->down;
    if (window && e->rtt)
        cap = MIN(cap, window * (uint64_t)USEC_PER_SEC / (uint64_t)e->rtt);
    return (uint32_t)MAX(cap, 1);
}

void sim_flow_init(struct sim_end *e) {
    timer_init(&e->timer, on_timer);
    list_init(&e->going);
    list_init(&e->coming);
    e->cap = cap_of(e);
}

/* ---- bytes ------------------------------------------------------------------------------ */

static void count(struct sim_end *e, uint32_t bytes) {
    struct sim *s = e->peer->sim;
    e->left -= bytes;
    e->received += bytes;
    e->peer->downloaded += bytes;
    e->other->peer->uploaded += bytes;
    s->moved += bytes;
    if (bytes)
        s->moved_at = s->now;
}

void sim_flow_settle(struct sim_end *e) {
    usec now = e->peer->sim->now;
    uint64_t bytes =
        (uint64_t)e->rate * (uint64_t)(now - e->settled_at) / (uint64_t)USEC_PER_SEC;
    e->settled_at = now;
    if (e->flow == FLOW_ACTIVE)
        count(e, (uint32_t)MIN(bytes, e->left));
}

/* Each settling on the way lost less than a byte: they come now. */
void sim_flow_complete(struct sim_end *e) {
    sim_flow_settle(e);
    count(e, e->left);
}

static void expect_end(struct sim_end *e) {
    uint64_t wait = USEC_PER_SEC * (uint64_t)e->left;
    struct sim *s = e->peer->sim;
    if (e->rate)
        sim_set(s, &e->timer, (usec)((wait + e->rate - 1) / e->rate));
    else
        timer_stop(&s->timers, &e->timer);
}

/* ---- rates ------------------------------------------------------------------------------ */

static void note_rate(struct sim_end *e, uint32_t rate) {
    struct sim_peer *from = e->other->peer, *to = e->peer;
    from->rate_out += (uint64_t)rate - e->rate;
    to->rate_in += (uint64_t)rate - e->rate;
    to->sim->flow_rate += (uint64_t)rate - e->rate;
    e->rate = rate;
}

static void set_rate(struct sim_end *e) {
    const struct sim_peer *to = e->peer;
    uint64_t rate = e->offer;
    if (to->offered > to->down)
        rate = rate * to->down / to->offered;
    if (rate == e->rate)
        return;
    sim_flow_settle(e);
    note_rate(e, (uint32_t)rate);
    expect_end(e);
}

/* One of the flows to it is offered more or less: are the others scaled anew? */
static void set_offer(struct sim_end *e, uint32_t offer) {
    struct sim_peer *to = e->peer;
    uint64_t before = to->offered;
    to->offered += (uint64_t)offer - e->offer;
    e->offer = offer;
    if (before <= to->down && to->offered <= to->down) {
        set_rate(e);
        return;
    }
    LIST_EACH(l, &to->coming)
        set_rate(COMING(l));
}

/* The even share of p's uplink, when flows that cannot take as much leave the rest. */
static uint32_t share_of(const struct sim_peer *p) {
    uint64_t left = p->up;
    uint32_t flows = p->going_count;
    for (;;) {
        uint64_t share = left / flows, capped = 0;
        uint32_t below = 0;
        LIST_EACH(l, &p->going)
            if (GOING(l)->cap < share)
                capped += GOING(l)->cap, below++;
        if (p->going_count - below == flows || p->going_count == below)
            return (uint32_t)MIN(share, UINT32_MAX);
        left = p->up - capped;
        flows = p->going_count - below;
    }
}

static void share_anew(struct sim_peer *p) {
    if (!p->going_count)
        return;
    uint32_t share = share_of(p);
    LIST_EACH(l, &p->going) {
        struct sim_end *e = GOING(l);
        uint32_t offer = MIN(share, e->cap);
        if (offer != e->offer)
            set_offer(e, offer);
    }
    p->peak_out = MAX(p->peak_out, p->rate_out);
}

/* ---- a flow ----------------------------------------------------------------------------- */

void sim_flow_ask(struct sim_end *e, const struct block_ref *ref) {
    assert(e->flow == FLOW_IDLE);
    e->flow = FLOW_ASKED;
    e->ref = *ref;
    sim_set(e->peer->sim, &e->timer, e->rtt);
}

void sim_flow_begin(struct sim_end *e) {
    struct sim_peer *from = e->other->peer;
    assert(e->flow == FLOW_ASKED && !e->rate && !e->offer);
    e->flow = FLOW_ACTIVE;
    e->left = e->peer->sim->settings.block_length;
    e->settled_at = e->peer->sim->now;
    list_append(&from->going, &e->going);
    list_append(&e->peer->coming, &e->coming);
    from->going_count++;
    share_anew(from);
    e->peer->peak_in = MAX(e->peer->peak_in, e->peer->rate_in);
}

void sim_flow_next(struct sim_end *e, const struct block_ref *ref) {
    assert(e->flow == FLOW_ACTIVE && !e->left);
    e->ref = *ref;
    e->left = e->peer->sim->settings.block_length;
    expect_end(e);
}

void sim_flow_stop(struct sim_end *e) {
    struct sim_peer *from = e->other->peer;
    struct sim *s = e->peer->sim;
    bool was_active = e->flow == FLOW_ACTIVE;
    if (was_active) {
        sim_flow_settle(e);
        set_offer(e, 0);
        list_remove(&e->going);
        list_remove(&e->coming);
        from->going_count--;
    }
    timer_stop(&s->timers, &e->timer);
    e->flow = FLOW_IDLE;
    if (was_active)
        share_anew(from);
}

/* What has come of the block is lost, even if that is all of it: another was first. */
void sim_flow_cancel(struct sim_end *e) {
    struct sim *s = e->peer->sim;
    sim_flow_settle(e);
    if (e->flow == FLOW_ACTIVE)
        s->wasted += s->settings.block_length - e->left;
    sim_flow_stop(e);
}
