/* sim_connect: who knows whom. The tracker gives a newcomer random addresses of peers that are
 * there; each peer keeps them in a real roster and dials by its order, until nine tenths of its
 * connections stand (the rest is for those who dial it). An address is the peer's number in
 * disguise, so that finding the peer behind it costs nothing. Turnover as in the engine. */
#include <assert.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/err.h"
#include "swarm/sim_private.h"

#define DIALS_PER_SECOND 30u /* engine/connect.h */
#define ANNOUNCE_EVERY (1800 * USEC_PER_SEC)
#define ANNOUNCE_HUNGRY (300 * USEC_PER_SEC) /* with less than half of its connections */
#define RETRY_TABLE_TIMES 3                  /* random draws per address wanted */

/* ---- links ------------------------------------------------------------------------------ */

struct sim_link {
    struct sim_end end[2];
};

static struct sim_link *link_of(struct sim_end *e) {
    return CONTAINER_OF(e->dialled ? e : e->other, struct sim_link, end[0]);
}

static int init_end(struct sim_end *e, struct sim_peer *p, struct sim_end *other) {
    struct sim *s = p->sim;
    *e = (struct sim_end){
        .peer = p,
        .other = other,
        .id = slots_add(&s->ends, e),
        .choking = true,
        .connected_at = s->now,
        .rtt = 2 * (p->latency + other->peer->latency),
        .place = p->ends_count,
        .last_piece = PICKER_NONE,
    };
    sim_flow_init(e);
    return e->id ? ARRAY_ROOM(p->ends, p->ends_count, p->ends_cap) : ERR_NOMEM;
}

static struct sim_link *new_link(struct sim_peer *from, struct sim_peer *to) {
    struct sim_link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->end[1].peer = to;
    if (init_end(&l->end[0], from, &l->end[1]) == 0 &&
        init_end(&l->end[1], to, &l->end[0]) == 0)
        return l;
    for (int i = 0; i < 2; i++)
        if (l->end[i].id)
            slots_remove(&from->sim->ends, l->end[i].id);
    free(l);
    return NULL;
}

static void connect_peers(struct sim_peer *from, struct sim_peer *to,
                          struct candidate *c) {
    struct sim_link *l = new_link(from, to);
    if (!l) {
        roster_note_failed(c, from->sim->now);
        sim_fail(from->sim, ERR_NOMEM);
        return;
    }
    l->end[0].dialled = true;
    l->end[0].candidate = c;
    for (int i = 0; i < 2; i++)
        l->end[i].peer->ends[l->end[i].peer->ends_count++] = &l->end[i];
    for (int i = 0; i < 2; i++)
        sim_piece_on_connected(&l->end[i]);
}

/* Takes the end out of its peer's list; the last one fills the gap. */
static void unlist(struct sim_end *e) {
    struct sim_peer *p = e->peer;
    struct sim_end *last = p->ends[--p->ends_count];
    p->ends[e->place] = last;
    last->place = e->place;
}

static void leave_end(struct sim_end *e) {
    struct sim_peer *p = e->peer;
    struct sim *s = p->sim;
    sim_piece_on_disconnected(e);
    unlist(e);
    slots_remove(&s->ends, e->id);
    free(e->plan);
    if (!e->choking) {
        p->unchoked--;
        sim_choke_want_round(p);
    }
    if (e->candidate)
        roster_note_closed(e->candidate, s->now);
    if (p->present && !timer_is_set(&p->dial_timer))
        sim_set(s, &p->dial_timer, USEC_PER_SEC);
}

void sim_disconnect(struct sim_end *e) {
    struct sim_link *l = link_of(e);
    for (int i = 0; i < 2; i++)
        leave_end(&l->end[i]);
    for (int i = 0; i < 2; i++)
        if (l->end[i].peer->present)
            sim_piece_poke(l->end[i].peer); /* its blocks are free for others */
    free(l);
}

/* ---- addresses -------------------------------------------------------------------------- */

/* 16 regions with a /8 each, and in them a /24 for each peer: no two in one small net. */
struct addr sim_addr(uint32_t number) {
    return (struct addr){
        .ip = {(uint8_t)(20 + number % 16), (uint8_t)(number >> 4),
               (uint8_t)(number >> 12), (uint8_t)(1 + number % 250)},
        .port = 6881,
        .family = 4,
    };
}

static struct sim_peer *peer_at(struct sim *s, const struct addr *a) {
    uint32_t number =
        (uint32_t)(a->ip[0] - 20) | (uint32_t)a->ip[1] << 4 | (uint32_t)a->ip[2] << 12;
    assert(number < s->peers);
    return &s->peer[number];
}

/* ---- the tracker ------------------------------------------------------------------------ */

static void announce(struct sim_peer *p) {
    struct sim *s = p->sim;
    uint32_t wanted = MIN(s->settings.tracker_reply, s->present_count);
    for (uint32_t i = 0; wanted && i < s->settings.tracker_reply * RETRY_TABLE_TIMES;
         i++) {
        uint32_t number = s->present[rng_below(&s->rng, s->present_count)];
        if (number == p->number)
            continue;
        int status =
            roster_add(&p->roster, &s->peer[number].addr, SOURCE_TRACKER, s->now);
        wanted -= status == 1;
        if (status == ERR_NOMEM)
            sim_fail(s, ERR_NOMEM);
    }
}

static void on_tracker(struct timer *t, usec now) {
    struct sim_peer *p = CONTAINER_OF(t, struct sim_peer, tracker_timer);
    bool hungry = p->ends_count < p->group->connections / 2;
    (void)now;
    announce(p);
    sim_set(p->sim, t, hungry ? ANNOUNCE_HUNGRY : ANNOUNCE_EVERY);
    sim_set(p->sim, &p->dial_timer, 0);
}

/* ---- dialling --------------------------------------------------------------------------- */

static bool knows(const struct sim_peer *p, const struct sim_peer *other) {
    for (uint32_t i = 0; i < p->ends_count; i++)
        if (p->ends[i]->other->peer == other)
            return true;
    return false;
}

/* Does it take the connection that `from` asks for? */
static bool admits(struct sim_peer *p, const struct sim_peer *from) {
    const struct candidate *known = roster_find(&p->roster, &from->addr);
    bool banned = known && known->banned_until > p->sim->now;
    return !banned && p->ends_count < p->group->connections &&
           sim_judge_incoming(p, from);
}

/* Two that have everything do not talk. */
static bool is_useful(const struct sim_peer *p, const struct sim_peer *other) {
    return !(p->complete && bitset_full(&other->announced));
}

static void dial(struct sim_peer *p, struct candidate *c) {
    struct sim_peer *to = peer_at(p->sim, &c->addr);
    roster_note_dialled(c, p->sim->now);
    if (!to->present || !is_useful(p, to) || knows(p, to) || !admits(to, p)) {
        roster_note_failed(c, p->sim->now);
        return;
    }
    roster_note_connected(c, p->sim->now);
    connect_peers(p, to, c);
}

/* Until nine tenths stand: the rest is for those who dial it. */
static bool wants_more(const struct sim_peer *p) {
    uint32_t limit = p->group->connections;
    return p->ends_count < MAX(limit * 9 / 10, 1u);
}

static void dial_next(struct sim_peer *p, usec now) {
    struct candidate *c = NULL;
    uint32_t dials = 0;
    while (wants_more(p) && dials++ < DIALS_PER_SECOND &&
           (c = roster_next(&p->roster, now, p->complete)))
        dial(p, c);
}

/* In the order of a judge. */
static void dial_ranked(struct sim_peer *p, usec now) {
    struct candidate *list[SHORTLIST_MAX];
    bool somebody = wants_more(p) && roster_next(&p->roster, now, p->complete);
    uint32_t n = somebody ? sim_judge_due(p, list) : 0;
    for (uint32_t i = 0; i < MIN(n, DIALS_PER_SECOND) && wants_more(p); i++)
        dial(p, list[i]);
}

static void on_dial(struct timer *t, usec now) {
    struct sim_peer *p = CONTAINER_OF(t, struct sim_peer, dial_timer);
    sim_judge_known(p);
    if (sim_judges_dials(p))
        dial_ranked(p, now);
    else
        dial_next(p, now);
    if (!wants_more(p))
        return; /* one that leaves brings us back */
    usec due = roster_next_due(&p->roster, now, p->complete);
    if (due != USEC_NEVER)
        timer_set(&p->sim->timers, t, MAX(due, now + USEC_PER_SEC));
}

void sim_connect_init(struct sim_peer *p) {
    timer_init(&p->dial_timer, on_dial);
    timer_init(&p->tracker_timer, on_tracker);
}

void sim_connect_start(struct sim_peer *p) {
    roster_init(&p->roster);
    p->roster.own4 = p->addr;
    sim_set(p->sim, &p->tracker_timer, 2 * p->latency);
}

void sim_connect_stop(struct sim_peer *p) {
    while (p->ends_count)
        sim_disconnect(p->ends[p->ends_count - 1]);
    free(p->ends);
    p->ends = NULL;
    p->ends_cap = 0;
    roster_fini(&p->roster);
}

/* ---- what scripts ask for ---------------------------------------------------------------- */

static void ban(struct sim_end *e, usec until) {
    struct sim_peer *p = e->peer;
    const struct addr *a = &e->other->peer->addr;
    if (roster_add(&p->roster, a, SOURCE_INCOMING, p->sim->now) == ERR_NOMEM)
        sim_fail(p->sim, ERR_NOMEM);
    struct candidate *c = roster_find(&p->roster, a);
    if (c)
        roster_ban(c, until);
}

void sim_act(struct sim *s, handle peer, enum sim_action action, usec duration) {
    struct sim_end *e = slots_get(&s->ends, peer);
    if (!e)
        return;
    switch (action) {
    case SIM_BAN:
        ban(e, duration > USEC_NEVER - s->now ? USEC_NEVER : s->now + duration);
        sim_disconnect(e);
        break;
    case SIM_CLOSE: sim_disconnect(e); break;
    case SIM_CHOKE: sim_set_choking(e, true); break;
    case SIM_UNCHOKE: sim_set_choking(e, false); break;
    case SIM_ACTIONS: break;
    }
}

/* ---- turnover --------------------------------------------------------------------------- */

static struct turnover_row turnover_row_of(const struct sim_end *e) {
    bool seed = bitset_full(&e->other->peer->announced);
    return (struct turnover_row){
        .peer = e->id,
        .useless = seed && e->peer->complete,
        .interesting = e->interested,
        .interested = e->other->interested,
        .received_rate = e->rate,
        .sent_rate = e->other->rate,
        .connected_at = e->connected_at,
        .last_useful_at = MAX(e->last_block_at, e->other->last_block_at),
    };
}

static void turn_over(struct sim_peer *p) {
    struct sim *s = p->sim;
    uint32_t n = p->ends_count, candidates = p->roster.count - MIN(p->roster.count, n);
    struct turnover_row *rows = calloc(MAX(n, 1u), sizeof *rows);
    if (!rows) {
        sim_fail(s, ERR_NOMEM);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        rows[i] = turnover_row_of(p->ends[i]);
    if (turnover_is_due(n, p->group->connections, candidates))
        sim_judge_drop(p, rows);
    (void)turnover_round(rows, n, n, p->group->connections, candidates, TURNOVER_EVERY,
                         s->now);
    for (uint32_t i = n; i-- > 0;) /* the last one fills the gap */
        if (rows[i].drop)
            sim_disconnect(p->ends[i]);
    free(rows);
}

void sim_maybe_turn_over(struct sim_peer *p) {
    if (p->sim->now - p->last_turnover < TURNOVER_EVERY)
        return;
    p->last_turnover = p->sim->now;
    turn_over(p);
}
