/* sim_row: what simulated peers show to policies: the rows of policy.h, filled like those of real
 * ones. What the model does not have is told as what it would be: no hash fails, one transport. */
#include "swarm/sim_private.h"

static usec span(const struct sim *s, usec since) {
    return since ? s->now - since : USEC_NEVER;
}

static uint64_t average(uint64_t bytes, usec over) {
    return bytes * (uint64_t)USEC_PER_SEC / (uint64_t)MAX(over, USEC_PER_SEC);
}

static void row_of_rates(const struct sim_end *e, struct peer_row *row) {
    const struct sim_end *them = e->other;
    row->download_rate = e->rate;
    row->upload_rate = them->rate;
    row->download_average = average(e->received, row->connected_for);
    row->upload_average = average(them->received, row->connected_for);
    row->downloaded = e->received;
    row->uploaded = them->received;
    row->received_round = e->received - e->received_at_round;
    row->sent_round = them->received - e->sent_at_round;
    row->outstanding = e->flow != FLOW_IDLE;
    row->depth = 1;
    row->asked = them->flow != FLOW_IDLE;
    row->blocks = e->blocks;
}

void sim_row_of_end(const struct sim_end *e, struct peer_row *row) {
    const struct sim *s = e->peer->sim;
    const struct sim_end *them = e->other;
    const struct bitset *has = &them->peer->announced;
    *row = (struct peer_row){
        .peer = e->id,
        .addr = them->peer->addr,
        .sources = e->candidate ? SOURCE_TRACKER : SOURCE_INCOMING,
        .client = "mare-sim",
        .state = "ready",
        .transport = "tcp",
        .incoming = !e->candidate,
        .choked = them->choking,
        .choking = e->choking,
        .interested = e->interested,
        .peer_interested = them->interested,
        .optimistic = e->optimistic,
        .upload_only = bitset_full(has),
        .is_seed = bitset_full(has),
        .has = has,
        .progress = (double)has->count / has->size,
        .rtt = e->rtt ? e->rtt : USEC_NEVER,
        .connected_for = s->now - e->connected_at,
        .unchoked_for = e->choking ? USEC_NEVER : s->now - e->unchoked_at,
        .waiting_for = span(s, e->waiting_since),
        .last_block = span(s, e->last_block_at),
        .last_upload = span(s, them->last_block_at),
    };
    row_of_rates(e, row);
}

void sim_row_of_candidate(const struct sim_peer *p, const struct candidate *c,
                          struct candidate_row *row) {
    *row = (struct candidate_row){
        .addr = c->addr,
        .sources = c->sources,
        .incoming = c->sources == SOURCE_INCOMING,
        .upload_only = c->upload_only,
        .failures = c->failures,
        .last_tried = span(p->sim, c->last_tried),
        .last_seen = span(p->sim, c->last_seen),
        .priority = peer_priority(&p->roster.own4, &c->addr),
    };
}

void sim_row_of_piece(const struct sim_peer *p, uint32_t piece, struct piece_row *row) {
    const struct picker *k = &p->picker;
    const struct active_piece *open = active_pieces_get(&p->open, piece);
    uint64_t length = sim_piece_length(p->sim);
    usec at = picker_deadline(k, piece);
    *row = (struct piece_row){
        .index = piece,
        .length = (uint32_t)length,
        .offset = piece * length,
        .state = picker_state(k, piece),
        .availability = picker_availability(k, piece),
        .received = open ? open->received * p->sim->settings.block_length : 0,
        .priority = picker_priority(k, piece),
        .deadline = at == USEC_NEVER ? USEC_NEVER : at - p->sim->now,
    };
}

void sim_row_of_self(const struct sim_peer *p, struct policy_self *row) {
    *row = (struct policy_self){
        .done = p->complete,
        .progress = (double)p->have.count / p->have.size,
        .downloaded = p->downloaded,
        .uploaded = p->uploaded,
        .connected = p->ends_count,
        .since = p->sim->now - p->joined_at,
        .done_for = p->complete ? p->sim->now - p->finished_at : USEC_NEVER,
    };
}
