/* peer_messages: what each message does. One function a message, one table that finds it. */
#include <string.h>

#include "base/err.h"
#include "engine/connect.h"
#include "engine/mapping.h"
#include "engine/peer.h"
#include "engine/policy_pieces.h"

#define ALLOWED_FAST_COUNT 10
#define MOST_HAVES 50000u /* 450 KB to say; then it is cheaper to connect again */
#define REJECT_PAUSE (1 * USEC_PER_SEC)

/* ---- what we say first ------------------------------------------------------------------ */

static void say_bitfield(struct peer *p) {
    const struct bitset *have = &p->torrent->have;
    uint8_t head[5];
    if (p->hs.fast && have->size > 0 && bitset_full(have))
        peer_say_simple(p, WIRE_HAVE_ALL);
    else if (p->hs.fast && have->count == 0)
        peer_say_simple(p, WIRE_HAVE_NONE);
    else if (have->count > 0) {
        size_t len = bitset_bytes(have->size);
        peer_say_raw(p, head, wire_put_header(head, WIRE_BITFIELD, (uint32_t)len));
        peer_say_raw(p, have->bytes, len);
    }
}

static void say_allowed_fast(struct peer *p) {
    const struct torrent *t = p->torrent;
    if (!p->hs.fast || p->addr.family != 4 || t->have.count == 0)
        return;
    uint32_t n = wire_allowed_fast(p->allowed_out, ALLOWED_FAST_COUNT, p->addr.ip,
                                   t->info_hash, t->meta->pieces);
    p->allowed_out_count = (uint8_t)n;
    for (uint32_t i = 0; i < n; i++) {
        struct wire_message m = {WIRE_ALLOWED_FAST, p->allowed_out[i], 0, 0, 0};
        if (bitset_has(&t->have, m.index))
            peer_say(p, &m);
    }
}

static void say_dht_port(struct peer *p) {
    struct wire_message m = {.id = WIRE_PORT};
    if (!p->hs.dht || !connect_tells_dht_port(p))
        return;
    m.port = dht_node_port(p->session->dht, p->addr.family);
    peer_say(p, &m);
}

void peer_say_hello(struct peer *p) {
    p->said_hello = true;
    say_bitfield(p); /* before anything else (BEP 3) */
    peer_say_extensions(p);
    say_dht_port(p);
    say_allowed_fast(p);
}

/* Those that came before the metadata did were told that we have nothing. */
static void tell_found(struct peer *p) {
    const struct bitset *have = &p->torrent->have;
    if (have->count > MOST_HAVES)
        peer_close(p, ERR_BUSY, "to say at once what we have");
    for (uint32_t i = 0; i < have->size && p->state == PEER_READY; i++) {
        struct wire_message m = {WIRE_HAVE, i, 0, 0, 0};
        if (bitset_has(have, i))
            peer_say(p, &m);
    }
}

void peer_on_torrent_ready(struct peer *p) {
    if (p->state != PEER_READY)
        return;
    if (p->said_hello)
        tell_found(p);
    else
        peer_say_hello(p);
    peer_update_interest(p);
}

/* ---- handshake -------------------------------------------------------------------------- */

int peer_on_handshake(void *owner, const struct handshake *h) {
    struct peer *p = owner;
    p->hs = *h;
    client_name(p->client, h->peer_id);
    return connect_on_handshake(p);
}

/* ---- messages --------------------------------------------------------------------------- */

static int on_choke(struct peer *p, const struct wire_message *m) {
    (void)m;
    p->choked = true;
    if (!p->hs.fast) /* with BEP 6 each request is rejected by name */
        peer_drop_requests(p);
    return 0;
}

static int on_unchoke(struct peer *p, const struct wire_message *m) {
    (void)m;
    p->choked = false;
    p->ask_after = 0;
    readers_on_peer(p->torrent);
    peer_want_requests(p);
    return 0;
}

static int on_interested(struct peer *p, const struct wire_message *m) {
    (void)m;
    if (!p->peer_interested && p->choking)
        p->waiting_since = session_now(p->session);
    p->peer_interested = true;
    torrent_want_decision(p->torrent, true, false); /* a slot may be free */
    return 0;
}

static int on_not_interested(struct peer *p, const struct wire_message *m) {
    (void)m;
    p->peer_interested = false;
    p->waiting_since = 0;
    if (!p->choking)
        torrent_want_decision(p->torrent, true, false); /* its slot falls free */
    return 0;
}

/* Its pieces became one seed's, if they did. */
void peer_note_progress(struct peer *p) {
    if (!p->has_all_counted && bitset_full(&p->has)) {
        picker_note_became_seed(&p->torrent->picker);
        p->has_all_counted = true;
    }
    if (p->candidate)
        p->candidate->upload_only = peer_is_seed(p);
    peer_update_interest(p);
    torrent_want_turnover(p->torrent, p);
    policy_note_deadlines(p->torrent); /* it may be the one to ask for urgent pieces */
}

static int on_have(struct peer *p, const struct wire_message *m) {
    struct torrent *t = p->torrent;
    if (!t->meta)
        return early_on_have(p, m->index);
    if (m->index >= p->has.size)
        return ERR_PROTOCOL;
    if (!bitset_add(&p->has, m->index))
        return 0;
    picker_note_have(&t->picker, m->index);
    if (bitset_full(&p->has))
        peer_note_progress(p);
    else if (!p->interested && picker_state(&t->picker, m->index) < PIECE_HASHING)
        peer_update_interest(p);
    else
        peer_want_requests(p);
    return 0;
}

/* BITFIELD, HAVE_ALL or HAVE_NONE has filled p->has; nothing of it is counted yet. */
int peer_on_first_pieces(struct peer *p) {
    picker_note_peer(&p->torrent->picker, &p->has);
    p->has_all_counted = bitset_full(&p->has);
    peer_note_progress(p);
    return 0;
}

/* aria2 sends a BITFIELD in place of many HAVEs: that is how it is taken. What was said
 * before stays said. */
static int on_more_pieces(struct peer *p, const struct bitset *in) {
    for (uint32_t i = 0; i < in->size; i++)
        if (bitset_has(in, i) && bitset_add(&p->has, i))
            picker_note_have(&p->torrent->picker, i);
    peer_note_progress(p);
    peer_want_requests(p);
    return 0;
}

static int on_bitfield(struct peer *p, struct chunked_buffer *body, uint32_t len) {
    if (!p->torrent->meta)
        return early_on_bitfield(p, body, len);
    if (len != bitset_bytes(p->has.size))
        return ERR_PROTOCOL;
    struct bitset in = {0};
    int status = bitset_init(&in, p->has.size);
    if (status == 0 && chunked_buffer_consume(body, in.bytes, len))
        status = bitset_load(&in, in.bytes, len);
    bool later = p->got_pieces || p->has.count > 0;
    if (status == 0 && !later)
        status = bitset_load(&p->has, in.bytes, len);
    if (status == 0) {
        p->got_pieces = true;
        status = later ? on_more_pieces(p, &in) : peer_on_first_pieces(p);
    }
    bitset_fini(&in);
    return status == 0 || status == ERR_NOMEM ? status : ERR_PROTOCOL;
}

static int on_have_all(struct peer *p, const struct wire_message *m) {
    (void)m;
    if (!p->hs.fast || p->got_pieces || p->has.count > 0)
        return ERR_PROTOCOL;
    if (!p->torrent->meta)
        return early_on_have_all(p);
    p->got_pieces = true;
    bitset_fill(&p->has);
    return peer_on_first_pieces(p);
}

static int on_have_none(struct peer *p, const struct wire_message *m) {
    (void)m;
    if (!p->hs.fast || p->got_pieces || p->has.count > 0 || p->early.count > 0)
        return ERR_PROTOCOL;
    p->got_pieces = true;
    return 0;
}

static int on_request(struct peer *p, const struct wire_message *m) {
    return peer_on_request(p, m);
}

static int on_cancel(struct peer *p, const struct wire_message *m) {
    peer_on_cancel(p, m);
    return 0;
}

/* A request that it will not answer. While unchoked that is odd: wait a little, or it would be
 * asked and refused as fast as the wire allows. */
static int on_reject(struct peer *p, const struct wire_message *m) {
    struct request q;
    int64_t i = requests_find(&p->requests, m->index, m->begin, m->length);
    if (!p->hs.fast)
        return ERR_PROTOCOL;
    if (i < 0)
        return 0;
    requests_remove(&p->requests, (uint32_t)i, &q);
    if (q.cancelled)
        return 0;
    download_on_unasked(&p->torrent->download, q.piece, q.begin);
    torrent_note_blocks_free(p->torrent);
    (void)bitset_remove(&p->allowed, m->index);
    if (!p->choked) {
        p->ask_after = session_now(p->session) + REJECT_PAUSE;
        p->judge_rests = false;
        peer_set_deadline(p);
    }
    return 0;
}

static int on_allowed_fast(struct peer *p, const struct wire_message *m) {
    if (p->hs.fast && !p->torrent->meta)
        return 0; /* what it is good for nobody knows yet */
    if (!p->hs.fast || m->index >= p->has.size)
        return ERR_PROTOCOL;
    if (p->allowed.size == 0 && bitset_init(&p->allowed, p->has.size) < 0)
        return ERR_NOMEM;
    (void)bitset_add(&p->allowed, m->index);
    peer_want_requests(p);
    return 0;
}

static int on_suggest(struct peer *p, const struct wire_message *m) {
    bool possible = !p->torrent->meta || m->index < p->has.size;
    return p->hs.fast && possible ? 0 : ERR_PROTOCOL; /* our picker knows better */
}

/* Where its DHT node is (BEP 5). It is asked once a connection: our questions are not for a peer to
 * spend. */
static int on_port(struct peer *p, const struct wire_message *m) {
    struct addr node = p->addr;
    node.port = m->port;
    if (p->told_dht_port || !p->session->dht || !torrent_may_use(p->torrent, SOURCE_DHT))
        return 0;
    p->told_dht_port = true;
    dht_node_add_addr(p->session->dht, &node);
    return 0;
}

static int on_nothing(struct peer *p, const struct wire_message *m) {
    (void)p, (void)m;
    return 0;
}

typedef int message_handler(struct peer *p, const struct wire_message *m);

static message_handler *handler_of(int id) {
    static message_handler *const table[] = {
        [WIRE_CHOKE] = on_choke,
        [WIRE_UNCHOKE] = on_unchoke,
        [WIRE_INTERESTED] = on_interested,
        [WIRE_NOT_INTERESTED] = on_not_interested,
        [WIRE_HAVE] = on_have,
        [WIRE_REQUEST] = on_request,
        [WIRE_CANCEL] = on_cancel,
        [WIRE_PORT] = on_port,
        [WIRE_SUGGEST] = on_suggest,
        [WIRE_HAVE_ALL] = on_have_all,
        [WIRE_HAVE_NONE] = on_have_none,
        [WIRE_REJECT] = on_reject,
        [WIRE_ALLOWED_FAST] = on_allowed_fast,
    };
    return id >= 0 && id < (int)COUNT_OF(table) && table[id] ? table[id] : on_nothing;
}

/* A hook may have closed the peer: then the reader must stop. */
static int still_open(const struct peer *p, int status) {
    return p->state == PEER_DEAD && status == 0 ? ERR_CLOSED : status;
}

int peer_on_message(void *owner, const struct wire_message *m) {
    struct peer *p = owner;
    return still_open(p, handler_of(m->id)(p, m));
}

int peer_on_body(void *owner, int id, struct chunked_buffer *body, uint32_t len) {
    struct peer *p = owner;
    int status =
        id == WIRE_BITFIELD ? on_bitfield(p, body, len) : peer_on_extended(p, body, len);
    return still_open(p, status);
}
