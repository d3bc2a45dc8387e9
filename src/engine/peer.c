/* peer: the life of a connection: connecting, handshake, ready, dead. One function changes the
 * state; dead peers are buried at the end of the step. */
#include "engine/peer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/connect.h"
#include "engine/encryption.h"
#include "engine/metadata.h"

const char *peer_state_name(enum peer_state s) {
    static const char *const names[] = {"connecting", "handshake", "ready", "dead"};
    return names[s];
}

/* ---- deadlines -------------------------------------------------------------------------- */

static usec idle_deadline(const struct peer *p) {
    return MIN(p->last_received + PEER_IDLE_TIMEOUT, p->last_sent + PEER_KEEPALIVE);
}

void peer_set_deadline(struct peer *p) {
    usec due = USEC_NEVER, now = session_now(p->session);
    switch (p->state) {
    case PEER_CONNECTING: due = p->connected_at + PEER_CONNECT_TIMEOUT; break;
    case PEER_HANDSHAKE: due = p->connected_at + PEER_HANDSHAKE_TIMEOUT; break;
    case PEER_READY:
        due = MIN(idle_deadline(p), requests_snub_due(&p->requests));
        if (p->ask_after > now)
            due = MIN(due, p->ask_after);
        break;
    case PEER_DEAD: return;
    }
    timer_set(loop_timers(p->session->loop), &p->timer, due);
}

/* Silent for too long: others are asked for what it was asked for, and it for one block. */
static void on_snubbed(struct peer *p) {
    peer_release_requests(p);
    peer_want_requests(p);
}

static void check_ready(struct peer *p, usec now) {
    if (now - p->last_received >= PEER_IDLE_TIMEOUT) {
        peer_close(p, ERR_TIMEOUT, "silent for too long");
        return;
    }
    if (now - p->last_sent >= PEER_KEEPALIVE) {
        uint8_t keepalive[4] = {0};
        peer_say_raw(p, keepalive, sizeof keepalive);
        p->last_sent = now;
    }
    if (requests_check_snub(&p->requests, now))
        on_snubbed(p);
    if (p->ask_after && p->ask_after <= now) {
        p->ask_after = 0;
        peer_want_requests(p);
    }
}

static void on_timer(struct timer *timer, usec now) {
    struct peer *p = CONTAINER_OF(timer, struct peer, timer);
    if (p->state == PEER_CONNECTING && now - p->connected_at >= PEER_CONNECT_TIMEOUT)
        peer_fail(p, ERR_TIMEOUT, "connecting took too long");
    else if (p->state == PEER_HANDSHAKE &&
             now - p->connected_at >= PEER_HANDSHAKE_TIMEOUT)
        peer_fail(p, ERR_TIMEOUT, "no handshake came");
    else if (p->state == PEER_READY)
        check_ready(p, now);
    peer_set_deadline(p);
}

/* ---- birth ------------------------------------------------------------------------------ */

static void on_open(void *owner, int status) {
    struct peer *p = owner;
    if (status < 0) {
        peer_fail(p, status, "cannot connect");
        return;
    }
    if (p->incoming)
        return; /* what it speaks is known now; its time runs since it came */
    p->state = PEER_HANDSHAKE;
    p->connected_at = p->last_received = p->last_sent = session_now(p->session);
    peer_set_deadline(p);
    peer_update_want(p);
    if (!p->dials_encrypted) /* else it went along */
        peer_greet(p);
}

static void on_ready(void *owner, int events) {
    peer_on_ready(owner, events);
}

static const struct stream_hooks hooks = {on_open, on_ready};

static void init_links(struct peer *p) {
    struct link *links[] = {&p->in_torrent,   &p->hungry, &p->dirty,   &p->throttled_down,
                            &p->throttled_up, &p->dying,  &p->at_door, &p->in_plans};
    for (size_t i = 0; i < COUNT_OF(links); i++)
        list_init(links[i]);
}

static void make_reader(struct peer *p) {
    wire_reader_init(&p->reader, &peer_wire_hooks, p,
                     p->session->settings.receive == RECEIVE_SCATTER);
    p->reader.pieces = p->has.size;
}

static struct peer *peer_new(struct session *s, const struct addr *a) {
    struct peer *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->session = s, p->addr = *a;
    p->choking = p->choked = true;
    p->last_piece = PICKER_NONE;
    p->ext.upload_only = -1;
    p->connected_at = p->last_received = p->last_sent = session_now(s);
    init_links(p);
    timer_init(&p->timer, on_timer);
    requests_init(&p->requests);
    upload_queue_init(&p->uploads);
    peer_send_init(&p->send);
    make_reader(p);
    p->id = slots_add(&s->peers, p);
    if (p->id) {
        s->connections++;
        return p;
    }
    wire_reader_fini(&p->reader);
    free(p);
    return NULL;
}

static void take_stream(struct peer *p, struct stream *stream) {
    p->stream = stream;
    stream->hooks = &hooks, stream->owner = p;
}

/* Gives back a peer that never got its stream. */
static void unmake(struct peer *p) {
    p->session->connections--;
    slots_remove(&p->session->peers, p->id);
    wire_reader_fini(&p->reader);
    bitset_fini(&p->has);
    if (p->torrent) {
        list_remove(&p->in_torrent);
        p->torrent->peer_count--;
    }
    free(p);
}

int peer_attach(struct peer *p, struct torrent *t) {
    uint32_t pieces = t->meta ? t->meta->pieces : 0;
    if (bitset_init(&p->has, pieces) < 0)
        return ERR_NOMEM;
    p->torrent = t;
    p->reader.pieces = pieces;
    list_remove(&p->in_torrent);
    list_append(&t->peers, &p->in_torrent);
    t->peer_count++;
    return 0;
}

/* A stream on its way to p, which becomes p's; false when there is none. */
static bool open_stream(struct peer *p) {
    struct session *s = p->session;
    struct stream *inner = session_connect(s, &p->addr, NULL);
    struct stream *stream = inner ? encryption_dial(p, inner) : NULL;
    if (stream)
        take_stream(p, stream);
    else if (inner)
        stream_close(inner);
    return stream != NULL;
}

struct peer *peer_dial(struct torrent *t, struct candidate *c) {
    struct peer *p = peer_new(t->session, &c->addr);
    if (!p)
        return NULL;
    p->candidate = c;
    p->dials_encrypted = encryption_begins(p);
    if (peer_attach(p, t) < 0 || !open_stream(p)) {
        unmake(p);
        return NULL;
    }
    peer_set_deadline(p);
    return p;
}

/* Nothing of their handshake came, so nobody has heard of this peer: it begins anew. */
static bool dial_again(struct peer *p) {
    stream_close(p->stream);
    p->stream = NULL;
    wire_reader_fini(&p->reader);
    make_reader(p);
    peer_send_fini(p);
    peer_send_init(&p->send);
    p->state = PEER_CONNECTING;
    p->connected_at = p->last_received = p->last_sent = session_now(p->session);
    if (!open_stream(p))
        return false;
    peer_set_deadline(p);
    return true;
}

void peer_fail(struct peer *p, int code, const char *why) {
    bool young = p->state == PEER_CONNECTING || p->state == PEER_HANDSHAKE;
    if (!young || !encryption_try_other(p) || !dial_again(p))
        peer_close(p, code, why);
}

struct peer *peer_accept(struct session *s, struct stream *stream,
                         const struct addr *from) {
    struct peer *p = peer_new(s, from);
    if (!p)
        return NULL;
    p->incoming = true;
    stream = encryption_accept(p, stream);
    if (!stream) {
        unmake(p);
        return NULL;
    }
    p->state = PEER_HANDSHAKE;
    list_append(&s->unknown, &p->in_torrent);
    take_stream(p, stream);
    peer_set_deadline(p);
    peer_update_want(p);
    return p;
}

/* Both handshakes are through. */
void peer_on_greeted(struct peer *p) {
    p->state = PEER_READY;
    p->was_ready = true;
    p->torrent->ready_count++;
    p->torrent->download.peers = p->torrent->ready_count;
    p->connected_at = session_now(p->session);
    if (p->candidate)
        roster_note_connected(p->candidate, p->connected_at);
    encryption_note_works(p);
    if (p->torrent->state != TORRENT_CHECKING)
        peer_say_hello(p); /* else when it is known what we have */
    peer_set_deadline(p);
    session_event(p->session, EVENT_PEER, p->torrent, p, 0, 0, NULL);
}

/* ---- death ------------------------------------------------------------------------------ */

static void leave_swarm(struct peer *p) {
    struct torrent *t = p->torrent;
    peer_drop_requests(p);
    download_on_gone(&t->download, p->id);
    if (p->has.size > 0)
        picker_forget_peer(&t->picker, &p->has);
    metadata_on_gone(p);
    early_fini(p);
    t->peer_count--;
    t->ready_count -= p->was_ready;
    t->download.peers = t->ready_count;
}

/* Without memory for the facts the event comes without them. */
static void tell_closed(const struct peer *p) {
    struct event ev = {.type = EVENT_PEER_CLOSED,
                       .torrent = p->torrent->id,
                       .peer = p->id,
                       .code = p->close_code,
                       .text = strdup(p->close_why)};
    struct peer_facts *facts = malloc(sizeof *facts);
    if (facts) {
        *facts = (struct peer_facts){
            .addr = p->addr,
            .incoming = p->incoming,
            .downloaded = p->down.total,
            .uploaded = p->up.total,
            .connected_for = session_now(p->session) - p->connected_at,
        };
        memcpy(facts->client, p->client, sizeof facts->client);
        ev.data = (uint8_t *)facts;
        ev.len = sizeof *facts;
    }
    events_push(&p->session->events, &ev);
}

void peer_close(struct peer *p, int code, const char *why) {
    if (p->state == PEER_DEAD)
        return;
    bool told = p->was_ready;
    if (p->torrent)
        leave_swarm(p);
    p->state = PEER_DEAD;
    p->close_code = code, p->close_why = why;
    connect_on_closed(p);
    timer_stop(loop_timers(p->session->loop), &p->timer);
    if (p->stream)
        stream_close(p->stream);
    p->stream = NULL;
    if (told)
        tell_closed(p);
    struct link *links[] = {&p->in_torrent,     &p->hungry,       &p->dirty,
                            &p->throttled_down, &p->throttled_up, &p->at_door,
                            &p->in_plans};
    for (size_t i = 0; i < COUNT_OF(links); i++)
        list_remove(links[i]);
    slots_remove(&p->session->peers, p->id);
    list_append(&p->session->dying_peers, &p->dying);
}

void peer_bury(struct peer *p) {
    assert(p->state == PEER_DEAD);
    list_remove(&p->dying);
    peer_send_fini(p);
    upload_queue_fini(&p->uploads);
    requests_fini(&p->requests);
    wire_reader_fini(&p->reader);
    bitset_fini(&p->has);
    bitset_fini(&p->allowed);
    pex_fini(&p->pex);
    free(p->aside);
    free(p);
}

/* ---- what others ask of it -------------------------------------------------------------- */

void peer_want_requests(struct peer *p) {
    if (p->state != PEER_READY)
        return;
    list_remove(&p->hungry); /* it may be starving */
    list_append(&p->session->hungry, &p->hungry);
}

void peer_want_write(struct peer *p) {
    if (p->state != PEER_DEAD && list_empty(&p->dirty))
        list_append(&p->session->dirty, &p->dirty);
}

void peer_update_interest(struct peer *p) {
    struct torrent *t = p->torrent;
    if (p->state != PEER_READY || t->state == TORRENT_CHECKING || !t->meta)
        return;
    bool interested = torrent_wants_data(t) && (picker_interesting(&t->picker, &p->has) ||
                                                readers_interested(t, &p->has));
    if (interested != p->interested) {
        p->interested = interested;
        peer_say_simple(p, interested ? WIRE_INTERESTED : WIRE_NOT_INTERESTED);
    }
    if (interested)
        peer_want_requests(p);
}

void peer_set_choking(struct peer *p, bool choking) {
    usec now = session_now(p->session);
    if (choking == p->choking)
        return;
    p->choking = choking;
    peer_say_simple(p, choking ? WIRE_CHOKE : WIRE_UNCHOKE);
    if (choking) {
        p->waiting_since = p->peer_interested ? now : 0;
        peer_reject_uploads(p);
    } else {
        p->unchoked_at = now;
        p->waiting_since = 0;
        p->sent_at_unchoke = p->up.total;
    }
}

bool peer_is_seed(const struct peer *p) {
    return p->has.size > 0 && bitset_full(&p->has);
}

uint64_t peer_download_rate(const struct peer *p) {
    return meter_rate(&p->down, session_now(p->session));
}

uint64_t peer_upload_rate(const struct peer *p) {
    return meter_rate(&p->up, session_now(p->session));
}

double peer_progress(const struct peer *p) {
    return p->has.size ? (double)p->has.count / p->has.size : 0;
}
