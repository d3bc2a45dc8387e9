/* fake_peer: a peer on a real socket of 127.0.0.1 that says exactly what a spec tells it to.
 * It dials a node or is dialled by it, remembers what it is sent until the spec takes it, and
 * may be told to answer requests by itself, truthfully or not. */
#ifndef MARE_FAKE_PEER_H
#define MARE_FAKE_PEER_H

#include "unit/engine/swarm_fixture.h"

struct fake {
    struct fake *next; /* in the swarm */
    struct swarm *swarm;
    struct node *node;
    int fd, listener; /* -1 = none */
    bool dialled;     /* by us */
    struct addr addr; /* ours, as the node sees it */
    uint8_t peer_id[20];
    bool fast;
    struct handshake theirs; /* the node's, after fake_greet */
    uint8_t *in;             /* what came and was not taken */
    size_t len, cap;
    bool eof;
    uint8_t *body; /* of the last message taken: BITFIELD, EXTENDED; payload of a PIECE */
    uint32_t taken[32]; /* messages taken, by id */
    bool deaf;          /* reads nothing */
    /* by itself, in each turn: */
    bool serves;            /* answers requests */
    uint32_t serve_at_most; /* blocks that it still gives; UINT32_MAX = no end */
    uint8_t poison;         /* is xored to the first byte of each block */
};

/* Not connected yet. Names differ, peer ids too. */
struct fake *fake_new(struct swarm *w, struct node *n);
void fake_close(struct fake *f);   /* closes and frees it */
void fake_hang_up(struct fake *f); /* closes its connection, nothing else */
void fake_dial(struct fake *f);    /* to the node; the connection stands afterwards */
void fake_await(struct fake *f);   /* has itself dialled by the node */
/* The next time that the node dials it: on a new connection. */
void fake_await_again(struct fake *f);
/* Both handshakes. `fast` is BEP 6; the extension protocol is always offered. */
void fake_greet(struct fake *f, bool fast);
/* A connection of either kind, greeted, that has everything and unchokes: ready to be asked. */
struct fake *fake_seed(struct swarm *w, struct node *n, bool fast);
/* Greeted, has nothing. */
struct fake *fake_leech(struct swarm *w, struct node *n, bool fast);

void fake_send(struct fake *f, const void *data, size_t len);
void fake_say(struct fake *f, enum wire_id id); /* of those without a body */
void fake_say3(struct fake *f, enum wire_id id, uint32_t index, uint32_t begin,
               uint32_t length); /* of those with fields: what it needs is taken */
void fake_say_bitfield(struct fake *f, const void *bytes, uint32_t len);
void fake_say_extended(struct fake *f, uint8_t ext_id, const char *text);
void fake_say_extended_bytes(struct fake *f, uint8_t ext_id, const void *data,
                             size_t len);
/* The next EXTENDED with this number; f->body holds it, its length is returned. */
uint32_t fake_expect_extended(struct fake *f, uint8_t ext_id);
/* PIECE with the torrent's bytes, the first xored with `poison`. */
void fake_give(struct fake *f, uint32_t index, uint32_t begin, uint32_t length,
               uint8_t poison);
/* The header of such a PIECE and `sent` bytes of its payload; then the rest of it. */
void fake_begin(struct fake *f, uint32_t index, uint32_t begin, uint32_t length,
                uint32_t sent, uint8_t poison);
void fake_finish(struct fake *f, uint32_t index, uint32_t begin, uint32_t length,
                 uint32_t sent);

/* The next message that came, if there is one. */
bool fake_next(struct fake *f, struct wire_message *m);
/* Steps until a message of this id comes; others before it are passed over (and counted). */
struct wire_message fake_expect(struct fake *f, enum wire_id id);
/* The node closes the connection, whatever it says before. */
void fake_expect_end(struct fake *f);
/* Takes all that came in enough turns; returns how many of this id there were. */
uint32_t fake_count(struct fake *f, enum wire_id id);

void fakes_turn(struct swarm *w);

#endif
