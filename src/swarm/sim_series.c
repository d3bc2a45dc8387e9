/* sim_series: what comes of a simulated swarm: samples at even distances while it runs, and totals. */
#include "base/array.h"
#include "base/err.h"
#include "swarm/sim.h"
#include "swarm/sim_private.h"

/* ---- the series ------------------------------------------------------------------------- */

void sim_note_capacity(struct sim *s) {
    usec span = s->now - s->capacity_since;
    s->capacity_bytes += (uint64_t)((double)s->capacity * (double)span / 1e6);
    s->capacity_since = s->now;
}

static void note_pieces(const struct sim *s, struct sim_sample *out) {
    uint64_t sum = 0, rarest = UINT64_MAX, n = s->settings.pieces;
    double squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t copies = s->copies[i];
        sum += copies;
        squares += (double)(copies * copies);
        rarest = MIN(rarest, copies);
    }
    out->rarest = (uint32_t)rarest + s->seeds;
    out->copies = (double)sum / (double)n + s->seeds;
    out->diversity = sum ? (double)sum * (double)sum / ((double)n * squares) : 0;
}

void sim_take_sample(struct sim *s) {
    if (ARRAY_ROOM(s->samples, s->sample_count, s->sample_cap) < 0) {
        sim_fail(s, ERR_NOMEM);
        return;
    }
    struct sim_sample *now = &s->samples[s->sample_count++];
    *now = (struct sim_sample){
        .at = s->now - SIM_START,
        .present = s->present_count,
        .finished = s->finished,
        .upload_rate = s->flow_rate,
        .upload_capacity = s->capacity,
    };
    note_pieces(s, now);
}

static void on_sample(struct timer *t, usec now) {
    struct sim *s = CONTAINER_OF(t, struct sim, sample_timer);
    (void)now;
    sim_take_sample(s);
    sim_set(s, t, s->settings.sample);
}

void sim_series_start(struct sim *s) {
    timer_init(&s->sample_timer, on_sample);
    timer_set(&s->timers, &s->sample_timer, SIM_START);
}

/* ---- results ---------------------------------------------------------------------------- */

uint32_t sim_peer_count(const struct sim *s) {
    return s->peers;
}

static usec since_start(usec t) {
    return t == USEC_NEVER ? t : t - SIM_START;
}

void sim_peer_result(const struct sim *s, uint32_t peer, struct sim_peer_result *out) {
    const struct sim_peer *p = &s->peer[peer];
    *out = (struct sim_peer_result){
        .group = p->group_number,
        .pieces = p->have.count,
        .joined_at = since_start(p->joined_at),
        .finished_at = since_start(p->finished_at),
        .left_at = since_start(p->left_at),
        .up = p->up,
        .down = p->down,
        .peak_up = (uint32_t)p->peak_out,
        .peak_down = (uint32_t)p->peak_in,
        .uploaded = p->uploaded,
        .downloaded = p->downloaded,
    };
}

const struct sim_sample *sim_samples(const struct sim *s, uint32_t *count) {
    *count = s->sample_count;
    return s->samples;
}

void sim_totals(const struct sim *s, struct sim_totals *out) {
    *out = (struct sim_totals){
        .at = s->now - SIM_START,
        .stalled = s->stalled,
        .moved = s->moved,
        .wasted = s->wasted,
        .capacity = s->capacity_bytes,
        .events = s->events,
    };
}
