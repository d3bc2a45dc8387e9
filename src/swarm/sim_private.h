/* sim_private: what the files of the simulator share.
 *
 *     sim.c          life: arrivals, departures, the loop of events
 *     sim_series.c   what comes of it: samples, results
 *     sim_check.c    what holds between two events
 *     sim_connect.c  who knows and dials whom; turnover
 *     sim_choke.c    rounds
 *     sim_piece.c    what is asked, what arrives, who hears of it, who wants whom
 *     sim_flow.c     how fast it flows
 *     sim_row.c      what policies see
 *     sim_judge.c    when they are asked, and what comes of it
 *
 * A connection is a link: two ends, each belonging to a peer and telling what that peer knows of
 * the other; what flows to a peer through it is in its own end.
 *
 *     peer A --ends--> [ end of A | end of B ] <--ends-- peer B
 *                        ^ flow B to A      ^ flow A to B
 */
#ifndef MARE_SIM_PRIVATE_H
#define MARE_SIM_PRIVATE_H

#include "base/list.h"
#include "base/timers.h"
#include "swarm/download.h"
#include "swarm/shortlist.h"
#include "swarm/sim.h"
#include "swarm/turnover.h"

/* The clock's zero means "never" in many places: it starts a little later. */
#define SIM_START USEC_PER_SEC

enum flow_state {
    FLOW_IDLE,
    FLOW_ASKED, /* the request is on its way, and then the first byte */
    FLOW_ACTIVE
};

struct sim_end {
    struct sim_peer *peer;
    struct sim_end *other;
    handle id;      /* of the connection as this peer sees it: in sim->ends */
    bool dialled;   /* by this peer */
    uint32_t place; /* in peer->ends */
    struct candidate
        *candidate;           /* the other in our roster, if we dialled it; else NULL */
    bool interested;          /* we in them */
    bool choking, optimistic; /* we them */
    usec rtt, connected_at, unchoked_at, waiting_since;
    /* the flow to us */
    enum flow_state flow;
    struct timer timer; /* the first byte, then the last one of the block */
    struct link going,
        coming; /* in the lists of sender and receiver while it is active */
    uint32_t cap, offer, rate; /* B/s: never more; what the sender could; what it is */
    struct block_ref ref;      /* what flows, */
    uint32_t left;             /* and what of it was left */
    usec settled_at;           /* then */
    uint32_t last_piece, blocks;
    usec last_block_at;
    uint64_t received, received_at_round, sent_at_round, sent_at_unchoke;
    /* judges */
    bool judged; /* has a slot_verdict of this round or an earlier one */
    struct verdict slot_verdict;
    struct plan *plan; /* NULL until one is needed */
};

struct sim_peer {
    struct sim *sim;
    const struct sim_group *group;
    uint32_t number, group_number;
    struct addr addr;
    uint32_t up, down; /* B/s */
    usec latency;
    bool present, complete;
    usec joined_at, finished_at, left_at;
    uint32_t present_place; /* in sim->present */
    struct sim_end **ends;
    uint32_t ends_count, ends_cap, unchoked;
    struct bitset have, announced; /* what the others know lags behind by the latency */
    uint32_t *pending, pending_count; /* have and not announced */
    struct picker picker;             /* these three only while it is not complete */
    struct active_pieces open;
    struct download download;
    uint32_t next_deadline;
    struct roster roster;
    /* flows */
    struct link going, coming;
    uint32_t going_count;
    uint64_t offered, rate_in, rate_out; /* sums over coming; over going */
    uint64_t uploaded, downloaded, peak_in, peak_out;
    struct timer life, choke_timer, extra_timer, dial_timer, tracker_timer, have_timer;
    struct timer source_timer;
    bool judges_slots;         /* there are verdicts of a judge */
    struct sourcing *sourcing; /* NULL: no judge of urgent pieces */
    usec last_optimistic, last_turnover;
};

struct sim {
    struct sim_settings settings;
    struct sim_group *groups;
    uint32_t group_count;
    struct rng rng;
    struct timers timers;
    struct timer sample_timer;
    usec now;
    int err; /* the first failure, which ends it */
    bool over, stalled;
    struct sim_peer *peer;
    uint32_t peers, to_finish; /* all; those that may still finish */
    uint32_t *present, present_count, finished;
    struct slots ends;            /* of all connections: two each */
    uint32_t *copies;             /* of each piece among those that are no seeds */
    uint32_t seeds;               /* present */
    uint64_t flow_rate, capacity; /* B/s, of all that is present */
    uint64_t capacity_bytes, moved, wasted, events;
    usec capacity_since, moved_at;
    struct sim_sample *samples;
    uint32_t sample_count, sample_cap;
    /* scratch for rows, one round at a time */
    void *rows;
    struct verdict *verdicts;
    size_t rows_size, verdicts_size; /* bytes */
};

static inline void sim_set(struct sim *s, struct timer *t, usec after) {
    timer_set(&s->timers, t, s->now + after);
}
static inline uint64_t sim_piece_length(const struct sim *s) {
    return (uint64_t)s->settings.blocks * s->settings.block_length;
}
/* It is the first failure that is told. */
static inline void sim_fail(struct sim *s, int err) {
    if (!s->err)
        s->err = err;
}
/* It has everything. */
void sim_finish(struct sim_peer *p);
/* Evenly in [0, 2 * mean]. */
usec sim_about(struct sim *s, usec mean);

/* sim_series */
void sim_series_start(struct sim *s);
void sim_take_sample(struct sim *s);
/* What the uplinks of those that were there could have carried until now. */
void sim_note_capacity(struct sim *s);

/* sim_connect */
struct addr sim_addr(uint32_t number);      /* of a peer: no other has it */
void sim_connect_init(struct sim_peer *p);  /* its timers */
void sim_connect_start(struct sim_peer *p); /* it has come: hears of others, dials */
void sim_connect_stop(struct sim_peer *p);  /* leaves all */
void sim_disconnect(struct sim_end *e);     /* frees both ends */
void sim_maybe_turn_over(struct sim_peer *p);

/* sim_choke */
void sim_choke_init(struct sim_peer *p);
void sim_choke_start(struct sim_peer *p);
void sim_set_choking(struct sim_end *e, bool choking);
/* Somebody wants a slot and there is one, or there is one now: an extra round soon. */
void sim_choke_want_round(struct sim_peer *p);

/* sim_piece */
void sim_piece_init(struct sim_peer *p);
void sim_piece_set_deadlines(struct sim_peer *p);  /* if it plays the data */
void sim_piece_on_connected(struct sim_end *e);    /* one side: counts, wants */
void sim_piece_on_disconnected(struct sim_end *e); /* one side: gives back, forgets */
void sim_piece_on_unchoked(struct sim_end *e);     /* by the other side */
void sim_piece_on_choked(struct sim_end *e);
void sim_piece_on_first_byte(struct sim_end *e); /* of the flow to e */
void sim_piece_on_block(struct sim_end *e);      /* all of it is here */
void sim_piece_poke(
    struct sim_peer *p); /* asks of everybody who is unchoking it and idle */

/* sim_flow */
void sim_flow_init(struct sim_end *e);
void sim_flow_ask(struct sim_end *e, const struct block_ref *ref);  /* idle -> asked */
void sim_flow_begin(struct sim_end *e);                             /* asked -> active */
void sim_flow_next(struct sim_end *e, const struct block_ref *ref); /* active, goes on */
void sim_flow_stop(struct sim_end *e);     /* -> idle, after a whole block */
void sim_flow_cancel(struct sim_end *e);   /* -> idle, at any time */
void sim_flow_complete(struct sim_end *e); /* the block is here: settles all of it */
void sim_flow_settle(struct sim_end *e);   /* counts what has flowed until now */

/* sim_row */
void sim_row_of_end(const struct sim_end *e, struct peer_row *row);
void sim_row_of_candidate(const struct sim_peer *p, const struct candidate *c,
                          struct candidate_row *row);
void sim_row_of_piece(const struct sim_peer *p, uint32_t piece, struct piece_row *row);
void sim_row_of_self(const struct sim_peer *p, struct policy_self *row);

/* sim_judge: without a judge none of them does anything */
void sim_judge_init(struct sim_peer *p);
void sim_judge_start(struct sim_peer *p);
void sim_judge_slots(struct sim_peer *p, bool new_round); /* -> end.slot_verdict */
void sim_judge_drop(struct sim_peer *p, struct turnover_row *rows);
bool sim_judge_incoming(struct sim_peer *p, const struct sim_peer *from);
void sim_judge_known(struct sim_peer *p);
bool sim_judges_dials(const struct sim_peer *p);
uint32_t sim_judge_due(struct sim_peer *p, struct candidate *out[SHORTLIST_MAX]);
const struct plan *sim_judge_plan(struct sim_end *e);

#endif
