/* peer: one connection. Files by question: peer (life), peer_read (bytes in), peer_messages (what
 * each message does), peer_block (payload), peer_request (what to ask), peer_serve (what to give),
 * peer_send (bytes out). Nothing here frees a peer but peer_bury, once per step. */
#ifndef MARE_PEER_H
#define MARE_PEER_H

#include "codec/extension.h"
#include "engine/early.h"
#include "engine/peer_send.h"
#include "engine/torrent.h"
#include "proto/handshake.h"
#include "proto/wire_reader.h"
#include "swarm/pex.h"
#include "swarm/requests.h"
#include "swarm/upload_queue.h"

enum peer_state {
    PEER_CONNECTING,
    PEER_HANDSHAKE, /* TCP stands; their handshake has not come */
    PEER_READY,
    PEER_DEAD /* closed; freed at the end of the step */
};
const char *peer_state_name(enum peer_state s);

#define PEER_CONNECT_TIMEOUT (15 * USEC_PER_SEC)
#define PEER_HANDSHAKE_TIMEOUT (20 * USEC_PER_SEC)
#define PEER_IDLE_TIMEOUT (180 * USEC_PER_SEC) /* nothing came, not even a keep-alive */
#define PEER_KEEPALIVE (100 * USEC_PER_SEC)    /* nothing sent: say we are here */

struct peer {
    handle id;
    struct session *session;
    struct torrent *torrent; /* NULL: incoming, before its handshake */
    struct stream *stream;
    struct link in_torrent; /* in torrent->peers or session->unknown */
    struct link hungry, dirty, throttled_down, throttled_up, dying;
    struct link
        at_door; /* in torrent->at_door: a policy decides whether it may come in */
    struct link in_plans; /* in torrent->to_plan: it needs a plan (policy.piece) */
    enum peer_state state;
    bool incoming;
    /* encryption's: it is dialled so; both ways were tried; what it speaks was found out */
    bool dials_encrypted, dialled_twice, sniffed;
    struct addr
        addr; /* the other end; for incoming ones its port is not its listening one */
    struct candidate *candidate; /* its row in the roster, or NULL */
    struct handshake hs;         /* theirs */
    char client[64];             /* from the extension handshake, else from the peer id */
    struct extension_handshake ext;
    /* choke and interest, both ways */
    bool choking, interested;     /* we them, we in them */
    bool choked, peer_interested; /* they us, they in us */
    bool optimistic;
    bool has_all_counted; /* counted as a seed by the picker */
    bool got_pieces;      /* BITFIELD, HAVE_ALL or HAVE_NONE came: only once */
    bool told_dht_port;   /* PORT came: only the first counts */
    bool was_ready;       /* the handshakes went through */
    bool upload_only;
    bool parole;
    bool said_hello; /* it knows what we have: from now on by HAVE */
    struct bitset has;
    struct early early; /* what it has, while nobody knows how many pieces there are */
    struct pex pex;     /* whom we told it of (exchange) */
    uint32_t falls;     /* times that it was a seed and lost a piece (BEP 54) */
    uint32_t metadata_given;  /* pieces of the info dictionary */
    struct bitset allowed;    /* pieces we may ask while choked (BEP 6); size 0 = none */
    uint32_t allowed_out[16]; /* pieces they may ask while choked */
    uint8_t allowed_out_count;
    uint64_t allowed_given[16]; /* bytes of each that were asked */
    struct wire_reader reader;
    struct requests requests;
    uint8_t *aside; /* a second copy of a block that is landing from another peer */
    uint32_t last_piece;
    struct upload_queue uploads;
    struct peer_send send;
    struct timer timer;    /* the earliest of its deadlines */
    struct meter down, up; /* payload */
    usec connected_at, last_received, last_sent, last_block_at, last_upload_at;
    usec unchoked_at, waiting_since;
    usec held_until;  /* a script choked or unchoked it: rounds leave it so until then */
    struct plan plan; /* which pieces to open (policy.piece) */
    struct verdict slot_verdict; /* of this round (policy.unchoke) */
    bool slot_judged;
    uint64_t received_at_round, sent_at_round, sent_at_unchoke; /* totals then */
    uint32_t hash_fails, duplicate_blocks, unrequested_blocks, blocks;
    usec ask_after;   /* no requests before (it rejected some); 0 = any time */
    bool judge_rests; /* ask_after is the judge's doing (policy.piece) */
    int close_code;
    const char *close_why;
};

/* Dials or takes an accepted connection. NULL when a limit or memory says no. */
struct peer *peer_dial(struct torrent *t, struct candidate *c);
struct peer *peer_accept(struct session *s, struct stream *stream,
                         const struct addr *from);
/* Ends it: requests go back, links are cut, hooks are silent; freed at the end of the step. `why`
 * is a constant. Idempotent. */
void peer_close(struct peer *p, int code, const char *why);
void peer_bury(struct peer *p);
/* The connection went wrong: ends it, unless it is worth a second one (encryption). */
void peer_fail(struct peer *p, int code, const char *why);
int peer_attach(struct peer *p, struct torrent *t); /* 0 or ERR_NOMEM */
void peer_greet(struct peer *p);                    /* our handshake goes out */
void peer_handshake(const struct peer *p, uint8_t out[HANDSHAKE_LEN]);
void peer_on_greeted(struct peer *p); /* both handshakes are through */

/* Life, for the engine's other files. */
void peer_set_deadline(struct peer *p); /* recomputes its timer */
void peer_update_interest(
    struct peer *p); /* says INTERESTED / NOT_INTERESTED when that changed */
void peer_set_choking(struct peer *p, bool choking);
void peer_want_requests(struct peer *p); /* puts it on the hungry list */
void peer_want_write(struct peer *p);
bool peer_is_seed(const struct peer *p);
uint64_t peer_download_rate(const struct peer *p);
uint64_t peer_upload_rate(const struct peer *p);
double peer_progress(const struct peer *p); /* 0..1 */
void peer_on_torrent_ready(
    struct peer *p); /* checking ended: now we may say what we have */

/* peer_read */
void peer_on_ready(struct peer *p, int events);
void peer_update_want(struct peer *p);
extern const struct wire_hooks peer_wire_hooks;
/* early: the metadata has come, and what it said before is held against it. May close it. */
void peer_on_metadata(struct peer *p);

/* peer_extensions */
void peer_say_extensions(
    struct peer *p); /* our extension handshake; again when it changed */
void peer_say_upload_only(struct peer *p);              /* BEP 21, when it has changed */
void peer_say_donthave(struct peer *p, uint32_t piece); /* BEP 54, if it understands */
int peer_on_extended(struct peer *p, struct chunked_buffer *body, uint32_t len);
/* peer_messages */
void peer_say_hello(struct peer *p); /* what we have, after both handshakes */
int peer_on_first_pieces(
    struct peer *p); /* p->has is filled; nothing of it is counted yet */
void peer_note_progress(struct peer *p); /* p->has has changed */
int peer_on_handshake(void *owner, const struct handshake *h);
int peer_on_message(void *owner, const struct wire_message *m);
int peer_on_body(void *owner, int id, struct chunked_buffer *body, uint32_t len);
/* peer_block */
uint8_t *peer_on_piece(void *owner, const struct wire_message *m);
int peer_on_block(void *owner, const struct wire_message *m, uint8_t *place);
uint32_t peer_predict(void *owner, struct wire_slot *slots, uint32_t max);
void peer_drop_requests(struct peer *p); /* gives all back to the picker */
/* The same, but should it answer after all, its blocks are taken. */
void peer_release_requests(struct peer *p);
void peer_cancel_block(struct peer *p, uint32_t piece,
                       uint32_t begin); /* end game, seeks */
/* peer_request */
void peer_request_more(struct peer *p);
/* peer_hurry */
struct urgent_speed peer_speed(const struct peer *p); /* as measured up to now */
/* Tells the download when its blocks will be here, as it looks now. */
void peer_expect(struct peer *p);
usec peer_eta_for(void *peer, usec due);                /* asker.eta_for */
void peer_hurry(const struct peer *p, struct asker *a); /* fills in its times */
/* So many blocks it may have to do at most, `depth` where nobody waits. */
uint32_t peer_hurried_depth(const struct peer *p, uint32_t depth);
/* Cancels what is not for a piece due until then, and what is too much for it; a block that is
 * coming in just now may come. */
void peer_cancel_later(struct peer *p, const struct urgent *u, usec due);
/* Before a copy of a late block is asked of it: cancels what that should not wait for. */
void peer_make_way(struct peer *p, const struct asker *a, const struct block_ref *late);
/* peer_serve */
int peer_on_request(struct peer *p, const struct wire_message *m);
void peer_on_cancel(struct peer *p, const struct wire_message *m);
void peer_reject_uploads(struct peer *p);
void peer_reject_piece(struct peer *p, uint32_t piece);      /* we have it no more */
bool peer_reads_piece(const struct peer *p, uint32_t piece); /* from disk, to send it */
void peer_serve_fill(struct peer *p); /* makes the next flight if there is none */

#endif
