/* policy: the six questions of peer selection as plain data, between whoever has a swarm (the
 * engine, a simulator) and whoever judges it (a script).
 *
 *     rows (snapshots)  --ask-->  a judge  --verdicts-->  C applies slots, dwell times, limits
 *
 * A question is put once a round for many rows. For each row the judge says a score (higher first),
 * "never", or nothing: then the built-in decides. The rows hold everything that one could judge
 * by, as values of this moment: a judge neither sees nor keeps an engine object, and properties of
 * real and simulated peers are the same by construction (src/lua reads them from these rows).
 *
 * Times in rows are spans counted from now; USEC_NEVER = does not apply. Pointers in rows are good
 * during the call only. */
#ifndef MARE_POLICY_H
#define MARE_POLICY_H

#include "base/addr.h"
#include "base/bitset.h"
#include "base/slots.h"
#include "swarm/picker.h"
#include "swarm/roster.h"

enum policy_question {
    POLICY_ADMIT,   /* candidates: may this address connect, or be kept at all? */
    POLICY_CONNECT, /* candidates: which known address to dial next? */
    POLICY_UNCHOKE, /* peers: who gets an upload slot? */
    POLICY_DROP,    /* peers: whom to disconnect when full? Higher goes first */
    POLICY_PIECE,   /* pieces, for one peer: which to open next with it? */
    POLICY_SOURCE,  /* peers, for one piece: who gets this urgent piece? */
    POLICY_QUESTIONS
};
const char *policy_name(enum policy_question q); /* "admit", ... */
/* The question of that name, or POLICY_QUESTIONS. */
enum policy_question policy_named(const char *name);

/* The one who asks, where no engine object tells of it (a simulator): its torrent. */
struct policy_self {
    bool done;
    double progress; /* 0..1 */
    uint64_t downloaded, uploaded;
    uint32_t connected;   /* peers */
    usec since, done_for; /* it began; it has everything; USEC_NEVER = it has not */
};

/* What somebody who asks can tell beyond the rows, when it is wanted. Members may be NULL. */
struct policy_lore {
    void *owner;
    /* Peers that have the piece: at most `max` into out; returns how many were written. */
    uint32_t (*holders)(void *owner, uint32_t piece, handle *out, uint32_t max);
    /* Files that the piece lies in, counted from 0: sets *first, returns how many. */
    uint32_t (*files)(void *owner, uint32_t piece, uint32_t *first);
    const struct policy_self *self; /* NULL: the engine's object does */
};

struct peer_row {
    handle peer; /* who it is: the same number, the same peer */
    struct addr addr;
    uint32_t sources;   /* SOURCE_* bits of roster.h */
    const char *client; /* "qBittorrent 4.5.2"; never NULL */
    const uint8_t *id;  /* 20 bytes, or NULL */
    const char *state;  /* "ready" */
    const char *transport;
    const char *encryption; /* "rc4" ..; NULL = none */
    bool incoming, encrypted;
    /* as engine/peer.h says it: they us, we them, we in them, they in us */
    bool choked, choking, interested, peer_interested;
    bool optimistic, upload_only, is_seed, snubbed;
    const struct bitset *has;                  /* its pieces, or NULL */
    double progress;                           /* 0..1 */
    uint64_t download_rate, upload_rate;       /* payload, bytes per second, now */
    uint64_t download_average, upload_average; /* since it connected */
    uint64_t downloaded, uploaded;             /* payload bytes, from it and to it */
    uint64_t received_round, sent_round;       /* since the last choke round */
    uint32_t outstanding, depth; /* requests to it; how many it should have */
    uint32_t asked;              /* its requests that wait for our answer */
    usec rtt;                    /* of requests; USEC_NEVER = not known */
    usec connected_for;
    usec unchoked_for; /* it has had its slot; USEC_NEVER: it has none */
    usec waiting_for;  /* interested, without a slot; USEC_NEVER: it is not waiting */
    usec last_block;   /* since a block came from it */
    usec last_upload;  /* since a block went to it */
    uint32_t blocks, hash_fails, duplicates, unrequested;
};

struct piece_row {
    uint32_t index, length;
    uint64_t offset;
    const uint8_t *hash; /* 20 bytes, or NULL */
    enum piece_state state;
    uint32_t availability; /* connected peers that have it */
    uint32_t received;     /* bytes of it that have come */
    int priority;          /* 0 .. 7 */
    usec deadline;         /* from now, negative when late; USEC_NEVER = none */
};

struct candidate_row {
    struct addr addr;
    uint32_t sources;
    bool incoming;     /* it stands at the door: an address that connected to us */
    bool upload_only;  /* known to be a seed */
    uint32_t failures; /* attempts in a row that failed */
    usec last_tried;   /* since then; USEC_NEVER = never */
    usec last_seen;    /* since a source named it */
    uint32_t priority; /* BEP 40; 0 = our own address is not known */
};

enum verdict_kind {
    VERDICT_OWN,   /* the built-in's own */
    VERDICT_NEVER, /* as far as the rules allow */
    VERDICT_SCORED
};

struct verdict {
    enum verdict_kind kind;
    double score; /* SCORED: a number, perhaps infinite, never NaN */
};

/* One round of one question: n rows of the kind that it is about, and where the verdicts go.
 * PIECE: n pieces, peers[0] is whom they are for. SOURCE: n peers, pieces[0] is what for. */
struct policy_ask {
    enum policy_question question;
    handle
        torrent; /* whose policy is asked; a simulator numbers its own. 0 = the session's */
    const struct candidate_row *candidates;
    const struct peer_row *peers;
    const struct piece_row *pieces;
    uint32_t n;
    const struct policy_lore *lore; /* NULL = nothing beyond the rows */
    struct verdict *verdicts;
};

struct policy_hooks {
    /* Is there somebody to ask? Cheap. */
    bool (*has)(void *owner, handle torrent, enum policy_question q);
    /* Asks: one protected call. True: the verdicts are filled. False: no valid answer came, what is
     * in them means nothing, and the built-in decides this round. */
    bool (*ask)(void *owner, const struct policy_ask *ask);
};

/* What a swarm carries: no hooks = built-ins only. */
struct policy {
    const struct policy_hooks *hooks;
    void *owner;
};

static inline bool policy_has(const struct policy *p, handle torrent,
                              enum policy_question q) {
    return p->hooks && p->hooks->has(p->owner, torrent, q);
}

/* The same as the hook, but false also when nobody is to be asked; verdicts are then all OWN. */
bool policy_ask(const struct policy *p, const struct policy_ask *ask);

/* How a verdict counts among others: a row without a score stands at 0. */
static inline double verdict_score(const struct verdict *v) {
    return v->kind == VERDICT_SCORED ? v->score : 0;
}

#endif
