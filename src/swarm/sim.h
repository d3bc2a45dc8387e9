/* sim: a swarm in virtual time, to try policies on. What decides is the engine's own: choker,
 * picker, download, roster, turnover, and the policy hooks of policy.h with the same rows. What
 * is modelled is only what lies between the deciding sides, the network:
 *
 *     rates     a fluid: an uplink is shared evenly by the flows that leave it; what would
 *               overfill a downlink is scaled down (sim_flow.c). Whole blocks are what arrives.
 *     latency   an access delay per peer: the first request of a flow and every HAVE take it
 *     loss      a ceiling per flow (Mathis et al. 1997): window bytes per round trip
 *     tracker   answers with random peers that are present; nobody has another source
 *     churn     peers arrive over a while, leave after they finished, or give up before
 *
 * All numbers are integers and all chance comes from one seeded generator, so the same settings
 * give the same result, bit for bit. It does no I/O and reads no clock. */
#ifndef MARE_SIM_H
#define MARE_SIM_H

#include "base/base.h"
#include "swarm/policy.h"

#define SIM_MAX_PEERS 100000u
#define SIM_MAX_PIECES 65536u
#define SIM_MAX_BLOCKS 1024u /* of a piece */
#define SIM_MAX_BLOCK (16u << 20)
#define SIM_STALLED (900 * USEC_PER_SEC) /* nothing moved for so long: nothing will */

/* Evenly between, both included; drawn for each peer. */
struct sim_range {
    uint32_t low, high;
};

/* Peers of one kind; policies are asked with `torrent` = the group's number from 1. */
struct sim_group {
    uint32_t count;
    bool seed;                 /* they have everything from the beginning, and stay */
    struct sim_range up, down; /* bytes per second */
    struct sim_range latency;  /* microseconds from the peer to the middle of the net */
    uint32_t slots;            /* for uploads; 0 = a free rider, UINT32_MAX = everybody */
    uint32_t connections; /* of each peer, at most; it dials until nine tenths of that */
    /* They play it meanwhile, at so many bytes per second: pieces have deadlines. 0 = no. */
    uint32_t play;
};

struct sim_settings {
    uint32_t pieces, blocks; /* of the torrent; of a piece */
    uint32_t block_length;   /* bytes: what flows without being interrupted */
    uint32_t tracker_reply;  /* addresses in one */
    uint32_t loss_window;    /* bytes per round trip that loss allows; 0 = no loss */
    usec arrive;             /* all peers that are no seeds come evenly within that */
    usec linger; /* the mean stay of who has finished; USEC_NEVER = to the end */
    usec abort;  /* the mean patience of who has not; USEC_NEVER = endless */
    usec max_time;
    usec sample; /* how often the series is written */
    uint64_t seed;
    struct policy policy;
};

struct sim_peer_result {
    uint32_t group, pieces;
    usec joined_at;                        /* USEC_NEVER: did not come before the end */
    usec finished_at;                      /* USEC_NEVER: did not. Seeds: joined_at */
    usec left_at;                          /* USEC_NEVER: was there to the end */
    uint32_t up, down, peak_up, peak_down; /* capacities and what was used at most, B/s */
    uint64_t uploaded, downloaded;
};

/* The swarm at one moment. */
struct sim_sample {
    usec at;
    uint32_t present,
        finished; /* peers that are there; seeds apart, those with everything */
    uint64_t upload_rate, upload_capacity; /* of all that are present */
    uint32_t rarest; /* copies of the rarest piece, seeds' included */
    double copies;   /* of a piece, in the mean */
    /* How evenly the pieces are spread over those that are no seeds: the square of the sum of
     * copies by pieces times the sum of squares, from 1 / pieces to 1 (all alike); 0 = none. */
    double diversity;
};

struct sim_totals {
    usec at;
    bool stalled;           /* nobody could get on any more */
    uint64_t moved, wasted; /* payload bytes; of those what end game copies lost */
    uint64_t capacity;      /* bytes that the uplinks could have carried */
    uint64_t events;
};

struct sim *sim_new(const struct sim_settings *s, const struct sim_group *groups,
                    uint32_t group_count, int *err); /* NULL: ERR_NOMEM, ERR_INVALID */
void sim_free(struct sim *s);                        /* NULL is fine */
/* Goes on by so many events: 1 = there is more to come, 0 = it is over, ERR_NOMEM. */
int sim_run(struct sim *s, uint32_t events) MUST_USE;

/* What a script asks for, between two events. `peer` is that of a row: it names the connection, as
 * one of its two sides sees it. One that is gone is let go. */
enum sim_action { SIM_CLOSE, SIM_BAN, SIM_CHOKE, SIM_UNCHOKE, SIM_ACTIONS };
/* duration: of a ban; USEC_NEVER = for good. (Un)choking holds until the next round. */
void sim_act(struct sim *s, handle peer, enum sim_action action, usec duration);

uint32_t sim_peer_count(const struct sim *s);
void sim_peer_result(const struct sim *s, uint32_t peer, struct sim_peer_result *out);
const struct sim_sample *sim_samples(const struct sim *s, uint32_t *count);
void sim_totals(const struct sim *s, struct sim_totals *out);

#ifndef NDEBUG
void sim_check(const struct sim *s); /* invariants, asserted */
#endif

#endif
