/* swarm_fixture: a small torrent with its bytes in memory, and real sessions on 127.0.0.1 that
 * share it. fake_peer adds peers whose every word a spec chooses. All of them live on this one
 * thread and move turn by turn: swarm_step steps each session once, checks the invariants of its
 * torrent, collects its events, and lets the fake peers read. Nothing waits for a clock;
 * swarm_pass makes the timers of a session believe that time went by. */
#ifndef MARE_SWARM_FIXTURE_H
#define MARE_SWARM_FIXTURE_H

#include "codec/metainfo.h"
#include "engine/peer.h"
#include "support/check.h"

#define PIECE_LEN 32768u
#define NODES 8

/* What one session is told, and what its torrent is. Zero is the usual. */
struct node_options {
    struct settings settings; /* directory and state are filled in */
    bool seed;                /* the data is there before it starts */
    bool state;               /* it keeps resume files */
    bool paused, full_allocation;
    bool unchecked;   /* do not wait for the check of what is there */
    const char *link; /* it is added by a link with these fields more, "" = none */
    bool in_memory;
    uint64_t max_memory, max_disk;
    const uint8_t *file_priority;
    uint32_t file_priorities;
};

struct node {
    struct swarm *swarm;
    struct session *s;
    struct torrent *t;
    struct node_options options;
    char directory[512], state[512];
    uint32_t count[EVENT_COUNT]; /* events by type */
    int code[EVENT_COUNT];       /* of the last one */
    char text[EVENT_COUNT][256];
    uint32_t piece_order[64]; /* as EVENT_PIECE told */
};

struct swarm {
    uint8_t *data; /* the whole torrent */
    uint32_t size, pieces;
    struct text file; /* the .torrent */
    struct metainfo *m;
    struct node node[NODES];
    uint32_t nodes;
    struct fake *fakes; /* those that live */
};

/* Files of the usual torrent "t": see swarm_fixture.c; piece 0 is a's alone, others span. */
enum { FILE_A, FILE_B, FILE_EMPTY, FILE_C, SWARM_FILES };

void swarm_open(struct swarm *w);
void swarm_open_private(struct swarm *w); /* the same, of a closed circle (BEP 27) */
/* `pieces` of `piece_length` bytes in one file "t", the last piece 1,000 bytes shorter. */
void swarm_open_large(struct swarm *w, uint32_t pieces, uint32_t piece_length);
void swarm_close(struct swarm *w);
void swarm_step(struct swarm *w);

/* Starts a session with the torrent, waits for the check (unless told otherwise). */
struct node *node_open(struct swarm *w, const struct node_options *o);
/* The same directories, a new session. */
void node_reopen(struct node *n);
void node_close(struct node *n); /* idempotent */
/* A magnet link to the swarm's torrent with `fields` behind ("&dn=t"); good until the next call. */
const char *swarm_link(const struct swarm *w, const char *fields);
struct addr node_addr(const struct node *n);
void node_connect(struct node *from, const struct node *to);
/* The timers of a session fire as if `span` had passed. */
void node_pass(struct node *n, usec span);
void node_forget_events(struct node *n);
bool node_done(const struct node *n); /* everything wanted is here */
/* The one connection of a node; fails if there is none, or another one. */
struct peer *node_peer(const struct node *n);

/* "DIRECTORY/t/path", good until the fourth next call. */
const char *node_path(const struct node *n, const char *path);
bool path_exists(const char *path);
bool node_is_whole(const struct node *n, uint32_t file); /* on disk, byte by byte */
void node_check_whole(const struct node *n);             /* all files are */
void node_corrupt(const struct node *n, uint32_t piece); /* one byte of it, on disk */

/* Steps until `cond` holds (asked once a turn); some ten seconds without it fail the spec. */
#define STEP_UNTIL(w, cond)                                     \
    do {                                                        \
        bool held_ = false;                                     \
        usec until_ = swarm_clock() + 10 * USEC_PER_SEC;        \
        for (int turns_ = 0; !(held_ = (cond)); turns_++) {     \
            if (turns_ > 200 && swarm_clock() > until_)         \
                break;                                          \
            swarm_step(w);                                      \
        }                                                       \
        if (!held_)                                             \
            check_fail(__FILE__, __LINE__, "never: %s", #cond); \
    } while (0)
/* Enough turns for everything that was going to happen on this machine. */
void swarm_settle(struct swarm *w);
usec swarm_clock(void);

#endif
