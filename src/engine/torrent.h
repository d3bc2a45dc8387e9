/* torrent: one torrent's living state, and what may be asked of it. The work is split by
 * question: store (pieces to and from disk), resume, connect, choke, trackers, peer_*. */
#ifndef MARE_TORRENT_H
#define MARE_TORRENT_H

#include "codec/metainfo.h"
#include "engine/cap.h"
#include "engine/readers.h"
#include "engine/resume.h"
#include "engine/session.h"
#include "engine/trackers.h"
#include "io/storage.h"
#include "swarm/blame.h"
#include "swarm/download.h"
#include "swarm/roster.h"

enum torrent_state {
    TORRENT_METADATA, /* the info dictionary is not known yet (magnet) */
    TORRENT_CHECKING, /* looking at what is on disk */
    TORRENT_DOWNLOADING,
    TORRENT_FINISHED, /* all that is wanted is here; seeding what we have */
    TORRENT_SEEDING,  /* all is here */
    TORRENT_REMOVING
};
const char *torrent_state_name(enum torrent_state s); /* "metadata", "checking", ... */

struct magnet;
struct metadata;

struct marker;

struct torrent {
    handle id;
    struct session *session;
    struct link in_session, in_decide, in_checkers, dying;
    enum torrent_state state;
    bool paused;       /* no connections, no announces */
    bool disk_stopped; /* downloading waits for the disk (err tells why); uploads go on */
    struct err disk_err;
    uint8_t info_hash[SHA1_LEN];
    char hex[2 * SHA1_LEN + 1];   /* the same as text */
    uint8_t obfuscated[SHA1_LEN]; /* as encrypted connections name it (mse_obfuscate) */
    struct metainfo *meta;        /* NULL while state is METADATA */
    struct metadata *metadata;    /* only while state is METADATA */
    struct storage *storage;
    struct bitset have;
    struct picker picker;
    struct active_pieces open;
    struct download download;
    struct blame blame;
    struct roster roster;
    struct trackers *trackers;
    struct dht_seek dht;
    struct lsd_member lsd;
    uint8_t *file_priority; /* one a file, 0 = skip */
    uint32_t *file_missing; /* pieces of each file that are not here yet */
    struct readers readers;
    struct cap cap;        /* what may be kept */
    bool throwaway;        /* its data goes with the session */
    bool data_is_ours;     /* ... for there was none before we began */
    struct marker *marker; /* ... or, should that crash, with the next one */
    struct link peers;
    struct link
        at_door; /* incoming peers that a policy has to admit (policy_candidates) */
    struct link to_plan;              /* peers that need a plan (policy_pieces) */
    uint32_t peer_count, ready_count; /* all; after the handshake */
    uint32_t slots;                   /* upload slots; 0 = the session's */
    uint32_t connections;             /* limit; 0 = the session's */
    struct bucket up, down;           /* this torrent's own limits */
    struct meter up_meter, down_meter;
    uint64_t uploaded, downloaded; /* payload bytes, all sessions (resume) */
    uint64_t wasted, failed_bytes;
    int64_t added_at, done_at; /* unix seconds; 0 = not yet */
    /* timers and pending decisions: private to the engine's files */
    struct timer choke_timer, connect_timer, resume_timer, disk_timer, source_timer;
    bool choke_due, choke_round_due, connect_due, useless_due, blocks_free;
    usec last_optimistic, last_turnover;
    bool plans_pieces; /* a policy says which pieces to open */
    bool source_due;   /* ... and who is to have the urgent ones: to be asked */
    uint32_t plan_age; /* plans of other ages are by another policy */
    usec last_source;
    struct sourcing *sourcing; /* its answer, while pieces are urgent; or NULL */
    uint32_t jobs;             /* operations that refer to this torrent */
    bool
        own_trackers; /* the user has changed them: they are kept with the resume state */
    bool dirty_resume, announced_done, removed, saving;
    bool deletes, removing_data;  /* its data is to be deleted; ... and is still there */
    bool selecting, select_again; /* a change of wanted files is on its way to storage */
    bool sampling;                /* the check hashes only a sample of what resume says */
    bool seed_mode;               /* the user says that all is here */
    struct bitset to_check,
        found; /* while checking: what is to be hashed; what matched */
    uint32_t check_next, checks_running, check_found, checked;
    struct resume *resume; /* what the resume file said, while it is being verified */
    struct link writes; /* pieces in the hash and write jobs, or waiting for the disk */
    struct store_write *gathered; /* complete pieces that wait for company */
    uint32_t gathered_count, batches_running;
    struct timer gather_timer;
    uint64_t writes_bytes; /* in `writes` */
    uint32_t aheads;       /* jobs that hash the beginnings of open pieces */
    uint32_t writes_running;
    uint32_t early_bytes;        /* of bitfields that wait for the metadata (early) */
    struct timer exchange_timer; /* PEX (exchange) */
    usec exchange_since;         /* the minute that exchange_heard counts */
    uint32_t exchange_heard;
    uint32_t verified; /* pieces downloaded and found good in this session */
};

struct add_options {
    const char *directory; /* NULL = the session's */
    bool paused;
    bool seed_mode; /* the data is said to be complete: check it, expect all */
    const uint8_t *file_priority; /* one a file, or NULL = all normal */
    uint32_t file_priorities;     /* how many are given */
    bool choose_later; /* skip every file: they are chosen when EVENT_METADATA has come */
    bool full_allocation;
    const struct magnet *link; /* for the engine: what the link says of files (BEP 53) */
    bool in_memory;            /* nothing on disk */
    uint64_t max_memory;       /* ... and at most so much; 0 = as the session's memory */
    uint64_t max_disk;         /* on disk at most so much, 0 = all */
    bool throwaway; /* its data is deleted when the session closes (throwaway) */
};

/* A .torrent's bytes. ERR_EXISTS if the torrent is in the session already (*out is set to it),
 * ERR_BUSY while its data is being deleted (until EVENT_REMOVED). */
int torrent_add(struct session *s, const uint8_t *data, size_t len,
                const struct add_options *o, struct torrent **out, struct err *e)
    MUST_USE;
/* A magnet link or a bare info-hash. Without the info dictionary (it is asked of peers, unless the
 * state directory has it from the last time) the torrent begins as TORRENT_METADATA. Trackers and
 * peers of the link are taken also when the torrent is there already (ERR_EXISTS). And torrent_add
 * gives a torrent that waits the dictionary it waits for: 0, *out is that one, with the options
 * that it was added with. */
int torrent_add_link(struct session *s, const char *link, size_t len,
                     const struct add_options *o, struct torrent **out, struct err *e)
    MUST_USE;
/* Stops and forgets; EVENT_REMOVED when it is done. With `data`, files, resume and parts are deleted;
 * else resume state is saved. The handle is dead at once. */
void torrent_remove(struct torrent *t, bool data);
void torrent_pause(struct torrent *t);
void torrent_resume(struct torrent *t);
/* Checks all data again. ERR_BUSY while checking. */
int torrent_recheck(struct torrent *t, struct err *e);
int torrent_move(struct torrent *t, const char *directory,
                 struct err *e);     /* EVENT_MOVED */
int torrent_save(struct torrent *t); /* resume state now; EVENT_SAVED */
/* An address to try. 1 new, 0 known, or ERR_INVALID (unusable), ERR_LIMIT. Manual ones are dialled at
 * once. */
int torrent_connect(struct torrent *t, const struct addr *a, uint32_t source);
/* The same for a name, resolved on a worker; errors become EVENT_ERROR. */
int torrent_connect_host(struct torrent *t, const char *host, uint16_t port,
                         struct err *e);
/* May this finder (SOURCE_PEX, SOURCE_DHT, SOURCE_LSD) be asked for this torrent, and told of
 * it? The one place that knows of BEP 27: a private torrent uses its trackers alone. While
 * the metadata is not known nobody can tell, and all are used. */
bool torrent_may_use(const struct torrent *t, uint32_t source);
/* A finder (tracker, ...) named these. What is new among them is told by EVENT_PEERS. */
void torrent_on_addresses(struct torrent *t, const struct addr *a, uint32_t n,
                          uint32_t source);
void torrent_ban(struct torrent *t, const struct addr *a, usec duration, const char *why);

/* Lifts a ban, in all torrents; was there one? */
bool session_unban(struct session *s, const struct addr *a);

void torrent_set_rates(struct torrent *t, uint64_t up, uint64_t down); /* 0 = no limit */
int torrent_set_file_priority(struct torrent *t, uint32_t file, int priority); /* 0..7 */
void torrent_set_piece_priority(struct torrent *t, uint32_t piece, int priority);
void torrent_set_piece_deadline(struct torrent *t, uint32_t piece, usec at);
/* Reads verified bytes on a worker: EVENT_READ with `token`. ERR_NOTFOUND: not all here. <= 64 MiB. */
int torrent_read(struct torrent *t, uint64_t offset, uint32_t length, uint64_t token,
                 struct err *e);

/* A magnet link to it, with its trackers and web seeds; malloc'ed, NULL = out of memory. */
char *torrent_link(const struct torrent *t);

/* For properties. */
const char *torrent_name(
    const struct torrent *t); /* without metadata: the link's, or the hash */
uint64_t torrent_bytes_have(
    const struct torrent *t); /* verified bytes of wanted files and others */
uint64_t torrent_bytes_wanted(
    const struct torrent *t); /* bytes of pieces with priority > 0 */
uint64_t torrent_bytes_left(const struct torrent *t); /* of the wanted, not verified */
uint64_t torrent_file_have(const struct torrent *t, uint32_t file);
uint32_t torrent_seeds_connected(const struct torrent *t);

/* For the engine's other files. */
/* Idempotent pulse: who may look for peers now, and who no longer? */
void torrent_update_finders(struct torrent *t);
/* With its trackers, if m is known. NULL: out of memory. */
struct torrent *torrent_new(struct session *s, const uint8_t info_hash[SHA1_LEN],
                            const struct metainfo *m);
void torrent_free(struct torrent *t);
void torrent_start(struct torrent *t); /* announces, dials; after a pause or the check */
void torrent_set_state(struct torrent *t, enum torrent_state s);
void torrent_on_checked(
    struct torrent *t);                   /* verify: the pieces in to_check are hashed */
void torrent_on_ready(struct torrent *t); /* check: what is on disk is known */
void torrent_decide(struct torrent *t);   /* session: its pending decisions */
void torrent_stop(struct torrent *t);     /* ends connections and announces */
bool torrent_advance_removal(struct torrent *t); /* session: true = bury it */
void torrent_note_interest(
    struct torrent *t); /* priorities changed: who interests us is anew */
void torrent_maybe_done(
    struct torrent *t); /* idempotent pulse after pieces and priorities */
/* Another function judges (swarm/policy): what the one before said is forgotten. */
void torrent_on_policy(struct torrent *t, enum policy_question q);
void torrent_want_decision(struct torrent *t, bool choke, bool connect);
bool torrent_downloads(const struct torrent *t); /* wants blocks now */
bool torrent_wants_data(
    const struct torrent *t);                 /* lacks something wanted (disk or not) */
bool torrent_active(const struct torrent *t); /* may have connections */
/* A peer's usefulness may have changed: two seeds need no connection. */
void torrent_want_turnover(struct torrent *t, struct peer *p);
void torrent_note_blocks_free(
    struct torrent *t);               /* blocks or memory came back: others may ask */
void torrent_bury(struct torrent *t); /* session: frees it */
void torrent_check(const struct torrent *t); /* invariants, asserted (not with NDEBUG) */

#endif
