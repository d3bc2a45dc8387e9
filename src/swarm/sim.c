/* sim: see the headers. Here is life: peers are drawn at the start, come, finish, leave; and events
 * run one after the other until nobody is left who could finish. */
#include "swarm/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "swarm/sim_private.h"

/* ---- chance ----------------------------------------------------------------------------- */

static uint32_t draw(struct sim *s, const struct sim_range *r) {
    uint64_t span = (uint64_t)r->high - r->low + 1;
    return r->low + (uint32_t)(rng_next(&s->rng) % span);
}

usec sim_about(struct sim *s, usec mean) {
    return (usec)(rng_next(&s->rng) % (2 * (uint64_t)mean + 1));
}

/* ---- what a peer has -------------------------------------------------------------------- */

static int start_download(struct sim_peer *p) {
    const struct sim_settings *t = &p->sim->settings;
    uint32_t length =
        t->blocks * WIRE_BLOCK; /* what the decisions see; buffers stay untouched */
    int err = picker_init(&p->picker, t->pieces, &p->sim->rng);
    if (!err)
        err = active_pieces_init(&p->open, (uint64_t)t->pieces * length, length,
                                 t->pieces, 4, NULL);
    p->download = (struct download){.picker = &p->picker, .open = &p->open};
    return err;
}

static void end_download(struct sim_peer *p) {
    active_pieces_fini(&p->open);
    picker_fini(&p->picker);
}

static void end_sets(struct sim_peer *p) {
    bitset_fini(&p->have);
    bitset_fini(&p->announced);
    free(p->pending);
    free(p->sourcing);
    p->pending = NULL, p->sourcing = NULL;
}

static int start_sets(struct sim_peer *p) {
    uint32_t n = p->sim->settings.pieces;
    p->pending = malloc(n * sizeof *p->pending);
    if (!p->pending || bitset_init(&p->have, n) < 0 || bitset_init(&p->announced, n) < 0)
        return ERR_NOMEM;
    if (p->complete) {
        bitset_fill(&p->have);
        bitset_fill(&p->announced);
    }
    return 0;
}

/* ---- life ------------------------------------------------------------------------------- */

static void set_present(struct sim_peer *p, bool present) {
    struct sim *s = p->sim;
    sim_note_capacity(s);
    p->present = present;
    if (present) {
        s->capacity += p->up;
        p->present_place = s->present_count;
        s->present[s->present_count++] = p->number;
    } else {
        uint32_t last = s->present[--s->present_count];
        s->capacity -= p->up;
        s->present[p->present_place] = last;
        s->peer[last].present_place = p->present_place;
    }
    if (p->group->seed)
        s->seeds += present ? 1u : UINT32_MAX;
}

static void arrive(struct sim_peer *p) {
    struct sim *s = p->sim;
    p->complete = p->group->seed;
    p->joined_at = s->now;
    if (p->complete)
        p->finished_at = s->now;
    int err = start_sets(p);
    if (!err && !p->complete)
        err = start_download(p);
    if (err) {
        sim_fail(s, err);
        end_sets(p);
        end_download(p);
        p->joined_at = USEC_NEVER;
        return;
    }
    set_present(p, true);
    if (!p->complete) {
        sim_piece_set_deadlines(p);
        if (s->settings.abort != USEC_NEVER)
            sim_set(s, &p->life, sim_about(s, s->settings.abort));
    }
    sim_connect_start(p);
    sim_choke_start(p);
    sim_judge_start(p);
}

static void stop_timers(struct sim_peer *p) {
    struct timer *const all[] = {&p->life,        &p->choke_timer,   &p->extra_timer,
                                 &p->dial_timer,  &p->tracker_timer, &p->have_timer,
                                 &p->source_timer};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        timer_stop(&p->sim->timers, all[i]);
}

static void forget_copies(struct sim_peer *p) {
    for (uint32_t i = 0; i < p->sim->settings.pieces; i++)
        p->sim->copies[i] -= bitset_has(&p->have, i);
}

static void leave(struct sim_peer *p) {
    struct sim *s = p->sim;
    p->left_at = s->now;
    set_present(p, false);
    sim_connect_stop(p);
    stop_timers(p);
    forget_copies(p);
    if (p->complete) {
        s->finished--;
    } else {
        s->to_finish--;
        end_download(p);
    }
}

void sim_finish(struct sim_peer *p) {
    struct sim *s = p->sim;
    p->complete = true;
    p->finished_at = s->now;
    s->finished++;
    s->to_finish--;
    end_download(p);
    timer_stop(&s->timers, &p->life);
    if (s->settings.linger != USEC_NEVER) /* its last HAVE is not lost */
        sim_set(s, &p->life, sim_about(s, s->settings.linger) + p->latency + 1);
}

static void on_life(struct timer *t, usec now) {
    struct sim_peer *p = CONTAINER_OF(t, struct sim_peer, life);
    (void)now;
    if (p->present)
        leave(p);
    else
        arrive(p);
}

/* ---- making ----------------------------------------------------------------------------- */

static void init_peer(struct sim *s, uint32_t number, uint32_t group) {
    struct sim_peer *p = &s->peer[number];
    const struct sim_group *g = &s->groups[group];
    *p = (struct sim_peer){
        .sim = s,
        .group = g,
        .number = number,
        .group_number = group,
        .addr = sim_addr(number),
        .up = g->slots ? draw(s, &g->up) : 0,
        .down = draw(s, &g->down),
        .latency = draw(s, &g->latency),
        .joined_at = USEC_NEVER,
        .finished_at = USEC_NEVER,
        .left_at = USEC_NEVER,
    };
    list_init(&p->going);
    list_init(&p->coming);
    sim_connect_init(p);
    sim_choke_init(p);
    sim_piece_init(p);
    sim_judge_init(p);
    timer_init(&p->life, on_life);
    usec when = g->seed ? 0 : sim_about(s, s->settings.arrive / 2);
    timer_set(&s->timers, &p->life, SIM_START + when);
    s->to_finish += !g->seed;
}

static int allocate(struct sim *s, const struct sim_group *groups) {
    s->groups = malloc(MAX(s->group_count, 1u) * sizeof *s->groups);
    s->peer = calloc(MAX(s->peers, 1u), sizeof *s->peer);
    s->present = malloc(MAX(s->peers, 1u) * sizeof *s->present);
    s->copies = calloc(s->settings.pieces, sizeof *s->copies);
    if (!s->groups || !s->peer || !s->present || !s->copies)
        return ERR_NOMEM;
    if (s->group_count)
        memcpy(s->groups, groups, s->group_count * sizeof *groups);
    return 0;
}

static bool is_range(const struct sim_range *r) {
    return r->low <= r->high;
}

static bool is_valid(const struct sim_settings *s, const struct sim_group *groups,
                     uint32_t n) {
    uint64_t peers = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct sim_group *g = &groups[i];
        peers += g->count;
        if (!is_range(&g->up) || !is_range(&g->down) || !is_range(&g->latency) ||
            !g->down.low || !g->connections)
            return false;
    }
    return peers <= SIM_MAX_PEERS && s->pieces && s->pieces <= SIM_MAX_PIECES &&
           s->blocks && s->blocks <= SIM_MAX_BLOCKS && s->block_length &&
           s->block_length <= SIM_MAX_BLOCK && s->sample > 0;
}

struct sim *sim_new(const struct sim_settings *settings, const struct sim_group *groups,
                    uint32_t group_count, int *err) {
    *err = ERR_INVALID;
    if (!is_valid(settings, groups, group_count))
        return NULL;
    struct sim *s = calloc(1, sizeof *s);
    *err = ERR_NOMEM;
    if (!s)
        return NULL;
    s->settings = *settings;
    s->group_count = group_count;
    s->now = s->capacity_since = s->moved_at = SIM_START;
    for (uint32_t i = 0; i < group_count; i++)
        s->peers += groups[i].count;
    if (allocate(s, groups) < 0) {
        sim_free(s);
        return NULL;
    }
    rng_seed(&s->rng, settings->seed);
    timers_init(&s->timers);
    slots_init(&s->ends);
    sim_series_start(s);
    for (uint32_t g = 0, number = 0; g < group_count; g++)
        for (uint32_t i = 0; i < groups[g].count; i++)
            init_peer(s, number++, g);
    *err = 0;
    return s;
}

static void free_peer(struct sim_peer *p) {
    bool here = p->joined_at != USEC_NEVER && p->left_at == USEC_NEVER;
    if (here)
        sim_connect_stop(p);
    if (here && !p->complete)
        end_download(p);
    end_sets(p);
}

/* Nobody is present first, so that nobody decides anything while all goes. */
static void free_peers(struct sim *s) {
    for (uint32_t i = 0; i < s->peers; i++)
        s->peer[i].present = false;
    for (uint32_t i = 0; i < s->peers; i++)
        free_peer(&s->peer[i]);
    free(s->peer);
}

void sim_free(struct sim *s) {
    if (!s)
        return;
    if (s->peer)
        free_peers(s);
    slots_fini(&s->ends);
    free(s->groups);
    free(s->present);
    free(s->copies);
    free(s->samples);
    free(s->rows);
    free(s->verdicts);
    free(s);
}

/* ---- running ---------------------------------------------------------------------------- */

/* Who is there may still wait for somebody who comes or leaves; else nothing changes any more. */
static bool is_stalled(const struct sim *s) {
    usec arrived = SIM_START + s->settings.arrive;
    return s->now - MAX(s->moved_at, arrived) >= SIM_STALLED;
}

static bool is_over(struct sim *s) {
    if (s->over)
        return true;
    s->stalled = is_stalled(s);
    s->over = !s->to_finish || s->stalled || s->now - SIM_START >= s->settings.max_time;
    if (s->over) {
        sim_note_capacity(s);
        sim_take_sample(s);
    }
    return s->over;
}

int sim_run(struct sim *s, uint32_t events) {
    while (events && !s->err && !is_over(s)) {
        usec due = timers_due(&s->timers);
        s->now = MIN(due, SIM_START + s->settings.max_time);
        uint32_t fired = (uint32_t)timers_fire(&s->timers, s->now);
        s->events += fired;
        events -= MIN(events, MAX(fired, 1u));
    }
    return s->err ? s->err : !s->over;
}
