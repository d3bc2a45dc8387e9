/* dht_private: the node's state, and how its files know each other.
 *
 *     dht.c         packets and time come in; which file they are for
 *     dht_ask.c     our questions: sent, answered, timed out
 *     dht_serve.c   others' questions
 *     dht_search.c  searches for peers, and for nodes
 *     dht_upkeep.c  bootstrap, pings, refreshing, our own address
 *     dht_state.c   save and load */
#ifndef MARE_DHT_PRIVATE_H
#define MARE_DHT_PRIVATE_H

#include "base/list.h"
#include "base/rng.h"
#include "codec/krpc.h"
#include "proto/dht.h"
#include "proto/dht_limits.h"
#include "proto/dht_lookup.h"
#include "proto/dht_store.h"
#include "proto/dht_table.h"
#include "proto/dht_tokens.h"
#include "proto/dht_vote.h"

#define DHT_QUESTIONS 256u               /* under way at a time */
#define DHT_PROBES 16u                   /* of which pings */
#define DHT_TIMEOUT (8 * USEC_PER_SEC)   /* an answer later than that is none */
#define DHT_PATIENCE (30 * USEC_PER_SEC) /* a search waits so long for a first node */
#define DHT_SEEDS 64u
#define DHT_ROUTERS 8u
#define DHT_SEED_TRIES 5u

enum dht_purpose { DHT_PROBE, DHT_HOP, DHT_ANNOUNCE };

struct dht_question {
    struct link link; /* among the asked, oldest first; or among the free */
    bool asked;
    uint8_t tid[4]; /* index here : 16, secret : 16 */
    struct krpc_node to;
    bool named;    /* to.id is known: only it may answer */
    uint8_t tries; /* PROBE of a seed: how often it was asked before */
    enum dht_purpose purpose;
    struct dht_search *search; /* HOP; NULL once that is gone */
    int hop;
    usec sent_at;
};

/* A node that we have not heard of yet. */
struct dht_seed {
    struct krpc_node node;
    bool named;
    uint8_t tries;
};

struct dht_side {
    bool on, ready;
    int family;
    struct dht_table table;
    struct dht_vote vote;
    struct dht_seed seeds[DHT_SEEDS]; /* to be asked, the first one first */
    uint32_t seed_count;
    struct addr routers[DHT_ROUTERS];
    uint32_t router_count;
    struct dht_search *bootstrap; /* our own search for our own id */
    usec bootstrap_at, backoff;
    usec upkeep_at, probe_at;
};

/* A search in one of the two networks. */
struct dht_walk {
    struct dht_lookup lookup;
    bool second_try; /* all that we knew were dead: now the routers were added */
    bool announcing;
    uint8_t targets[2 * DHT_LOOKUP_WIDTH];
    uint32_t target_count, announced;
};

struct dht_search {
    struct link link;
    enum krpc_method method; /* KRPC_GET_PEERS; KRPC_FIND_NODE for our own */
    uint8_t target[KRPC_ID];
    uint64_t cookie;
    uint16_t port;
    unsigned flags;
    bool started, canceled;
    usec since;
    struct dht_walk *walks[2]; /* NULL when it is over there */
    struct dht_result result;
};

struct dht {
    struct dht_settings settings;
    const struct dht_hooks *hooks;
    void *owner;
    struct rng rng;
    struct dht_tokens tokens;
    struct dht_limits limits;
    struct dht_store store;
    struct dht_side sides[2]; /* IPv4, IPv6 */
    struct dht_question questions[DHT_QUESTIONS];
    struct link asked, unused;
    uint32_t asked_count, probes;
    struct link searches;
    uint32_t search_count;
    usec heard_at; /* when any answer came: if none does, it is our network that fails */
    usec sweep_at, due;
    uint64_t packets_in, packets_out, bytes_in, bytes_out, malformed, limited, unanswered;
};

static inline struct dht_side *dht_side_of(struct dht *d, int family) {
    return &d->sides[family == 6];
}

/* dht.c */
void dht_send(struct dht *d, const struct addr *to, struct krpc *m);

/* dht_ask.c */
void dht_questions_init(struct dht *d);
bool dht_may_ask(struct dht *d, usec now);
/* Sends m (method and arguments) and keeps what the answer is for; m's tid and id are filled in.
 * False when out of memory: nothing was sent. Only when dht_may_ask. */
bool dht_ask(struct dht *d, struct krpc *m, const struct dht_question *what, usec now);
void dht_ping(struct dht *d, const struct dht_seed *who, usec now);
void dht_forget_search(struct dht *d, const struct dht_search *s);
void dht_on_answer(struct dht *d, const struct krpc *m, const struct addr *from,
                   usec now);
void dht_questions_expire(struct dht *d, usec now);
bool dht_is_router(const struct dht_side *side, const struct addr *a);

/* dht_serve.c */
void dht_on_query(struct dht *d, const struct krpc *m, const struct addr *from, usec now);
void dht_on_bad_query(struct dht *d, const struct krpc *m, const struct addr *from,
                      usec now);

/* dht_search.c */
/* A search of our own; NULL when there are too many, or no memory. */
struct dht_search *dht_find_node(struct dht *d, struct dht_side *side,
                                 const uint8_t target[KRPC_ID], usec now);
void dht_searches_pulse(struct dht *d, usec now);
usec dht_searches_due(struct dht *d, usec now);
void dht_searches_free(struct dht *d);
void dht_search_on_reply(struct dht *d, struct dht_search *s, int hop,
                         const struct krpc *m, const struct addr *from);
void dht_search_on_failure(struct dht_search *s, int family, int hop);
/* Searches that know few nodes may begin with this one. */
void dht_searches_note_node(struct dht *d, const struct addr *a, const uint8_t *id);

/* dht_upkeep.c */
void dht_seed_add(struct dht_side *side, const struct dht_seed *seed);
void dht_upkeep_pulse(struct dht *d, struct dht_side *side, usec now);
usec dht_upkeep_due(const struct dht_side *side);
void dht_note_contact(struct dht *d, struct dht_side *side, const struct krpc_node *n,
                      usec now);
void dht_note_external(struct dht *d, const struct addr *voter, const struct addr *ip,
                       usec now);
/* The search for our own id is over. */
void dht_note_bootstrapped(struct dht_side *side, const struct dht_search *s,
                           uint32_t answers, usec now);

#endif
