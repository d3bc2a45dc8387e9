/* connect: see the header. */
#include "engine/connect.h"

#include <string.h>

#include "base/err.h"
#include "engine/access.h"
#include "engine/bans.h"
#include "engine/encryption.h"
#include "engine/peer.h"
#include "engine/policy_candidates.h"

#define FEW_PEERS 20u /* a download with fewer asks its trackers for more */

uint32_t connect_limit(const struct torrent *t) {
    uint32_t limit = t->session->settings.connections;
    return t->connections && t->connections < limit ? t->connections : limit;
}

static bool session_is_full(const struct session *s) {
    return s->connections >= s->settings.connections;
}

static bool is_full(const struct torrent *t) {
    return session_is_full(t->session) || t->peer_count >= connect_limit(t);
}

/* ---- dialling --------------------------------------------------------------------------- */

static bool wants_peers(const struct torrent *t) {
    return torrent_active(t) && t->state != TORRENT_CHECKING && !is_full(t);
}

/* A token bucket in the session would do the same with more state: a burst is what fits into
 * the last second. */
static usec pace_due(struct torrent *t, usec now) {
    struct session *s = t->session;
    usec due = s->proxy ? proxy_rests_until(s->proxy) : 0;
    if (now - s->dial_second >= USEC_PER_SEC)
        s->dial_second = now, s->dials = 0;
    if (s->dials >= CONNECT_PACE)
        due = MAX(due, s->dial_second + USEC_PER_SEC);
    return due;
}

static bool pace_allows(struct torrent *t, usec now) {
    return pace_due(t, now) <= now;
}

static void set_timer(struct torrent *t, usec at) {
    timer_set(loop_timers(t->session->loop), &t->connect_timer, at);
}

static bool is_seeding(const struct torrent *t) {
    return t->state == TORRENT_SEEDING || t->state == TORRENT_FINISHED;
}

static bool lacks_something(const struct torrent *t) {
    return torrent_wants_data(t) || t->state == TORRENT_METADATA;
}

static void dial(struct torrent *t, struct candidate *c, usec now) {
    roster_note_dialled(c, now);
    t->session->dials++;
    if (!access_allows(t->session, &c->addr) ||
        bans_has(&t->session->bans, &c->addr, now) || !peer_dial(t, c))
        roster_note_failed(c, now);
}

static void want_more(struct torrent *t) {
    trackers_want_peers(t->trackers);
    dht_seek_want(t);
}

/* In the order of a script. */
static void dial_ranked(struct torrent *t, usec now) {
    struct candidate *list[SHORTLIST_MAX];
    uint32_t n = wants_peers(t) && pace_allows(t, now) &&
                         roster_next(&t->roster, now, is_seeding(t))
                     ? policy_rank_due(t, is_seeding(t), list)
                     : 0;
    for (uint32_t i = 0; i < n && wants_peers(t) && pace_allows(t, now); i++)
        dial(t, list[i], now);
}

static void dial_next(struct torrent *t, usec now) {
    struct candidate *c = NULL;
    while (wants_peers(t) && pace_allows(t, now) &&
           (c = roster_next(&t->roster, now, is_seeding(t))))
        dial(t, c, now);
}

/* Who may come in, and be dialled at all. */
static void admit(struct torrent *t) {
    policy_open_door(t);
    if (policy_admit_known(t))
        torrent_want_decision(t, false, true);
}

void connect_decide(struct torrent *t) {
    usec now = session_now(t->session);
    t->connect_due = false;
    admit(t);
    if (policy_has(&t->session->policy, t->id, POLICY_CONNECT))
        dial_ranked(t, now);
    else
        dial_next(t, now);
    if (!wants_peers(t))
        return; /* a peer that leaves brings us back */
    if (lacks_something(t) && t->peer_count < FEW_PEERS)
        want_more(t);
    if (!pace_allows(t, now)) {
        set_timer(t, pace_due(t, now));
        return;
    }
    usec due = roster_next_due(&t->roster, now, is_seeding(t));
    if (due != USEC_NEVER)
        set_timer(t, MAX(due, now + 1));
}

/* ---- coming in -------------------------------------------------------------------------- */

void connect_on_accept(void *owner, struct stream *stream, const struct addr *from) {
    struct session *s = owner;
    bool full =
        s->connections >= s->settings.connections + s->settings.connections / 10 + 4;
    if (s->closed || full || !access_allows(s, from) ||
        bans_has(&s->bans, from, session_now(s)) || !peer_accept(s, stream, from))
        stream_close(stream);
}

/* ---- the handshakes meet ---------------------------------------------------------------- */

static int refuse(struct peer *p, int code, const char *why) {
    peer_close(p, code, why);
    return code;
}

bool connect_tells_dht_port(const struct peer *p) {
    const struct session *s = p->session;
    return s->dht && dht_node_port(s->dht, p->addr.family) &&
           torrent_may_use(p->torrent, SOURCE_DHT);
}

void peer_handshake(const struct peer *p, uint8_t out[HANDSHAKE_LEN]) {
    struct handshake h = {
        .extensions = true, .fast = true, .dht = connect_tells_dht_port(p)};
    memcpy(h.info_hash, p->torrent->info_hash, sizeof h.info_hash);
    memcpy(h.peer_id, p->session->peer_id, sizeof h.peer_id);
    handshake_encode(out, &h);
}

void peer_greet(struct peer *p) {
    uint8_t bytes[HANDSHAKE_LEN];
    peer_handshake(p, bytes);
    peer_say_raw(p, bytes, sizeof bytes);
}

/* Both sides dialled at once: of the two connections both sides keep the one that was begun by
 * the side with the greater peer id. */
static bool is_the_better_of(const struct peer *p, const struct peer *other) {
    if (p->incoming == other->incoming)
        return false; /* a second one in the same direction */
    bool we_are_greater =
        memcmp(p->session->peer_id, p->hs.peer_id, sizeof p->hs.peer_id) > 0;
    return we_are_greater != p->incoming;
}

static struct peer *find_double(struct peer *p) {
    LIST_EACH(l, &p->torrent->peers) {
        struct peer *other = LIST_ITEM(l, struct peer, in_torrent);
        if (other != p && other->state == PEER_READY &&
            memcmp(other->hs.peer_id, p->hs.peer_id, sizeof p->hs.peer_id) == 0)
            return other;
    }
    return NULL;
}

static int settle_double(struct peer *p) {
    struct peer *other = find_double(p);
    if (!other)
        return 0;
    if (!is_the_better_of(p, other))
        return refuse(p, ERR_EXISTS, "connected already");
    peer_close(other, ERR_EXISTS, "connected already");
    return 0;
}

static int attach_incoming(struct peer *p) {
    struct torrent *t = session_find(p->session, p->hs.info_hash);
    if (!t || !torrent_active(t))
        return refuse(p, ERR_NOTFOUND, "asked for a torrent we do not have");
    if (p->session->connections > p->session->settings.connections || /* with itself */
        t->peer_count >= connect_limit(t))
        return refuse(p, ERR_BUSY, "connection limit reached");
    if (peer_attach(p, t) < 0)
        return refuse(p, ERR_NOMEM, "out of memory");
    (void)roster_add(&t->roster, &p->addr, SOURCE_INCOMING, session_now(p->session));
    struct candidate *c = roster_find(&t->roster, &p->addr);
    if (c && !c->connected) {
        p->candidate = c;
        c->connected = true;
    }
    return 0;
}

/* The end that was dialled hears first who it is: the address is where it was dialled. */
static int refuse_ourselves(struct peer *p) {
    struct torrent *t = session_find(p->session, p->hs.info_hash);
    struct addr own = p->addr;
    if (p->incoming)
        own.port = p->session->port;
    struct candidate *c = t ? roster_find(&t->roster, &own) : NULL;
    if (c)
        roster_ban(c, USEC_NEVER);
    return refuse(p, ERR_EXISTS, "connected to ourselves");
}

int connect_on_handshake(struct peer *p) {
    struct session *s = p->session;
    int status = 0;
    if (!encryption_fits(p, p->hs.info_hash))
        return refuse(p, ERR_PROTOCOL,
                      "the handshake is of another torrent than the encryption");
    if (memcmp(p->hs.peer_id, s->peer_id, sizeof s->peer_id) == 0)
        return refuse_ourselves(p);
    if (p->incoming)
        status = attach_incoming(p);
    else if (memcmp(p->hs.info_hash, p->torrent->info_hash, sizeof p->hs.info_hash) != 0)
        return refuse(p, ERR_PROTOCOL, "answered for another torrent");
    if (status == 0)
        status = settle_double(p);
    if (status < 0)
        return status;
    if (!p->incoming || !policy_stops_at_door(p))
        connect_welcome(p);
    return p->state == PEER_DEAD ? ERR_CLOSED : 0;
}

void connect_welcome(struct peer *p) {
    if (p->incoming)
        peer_greet(p);
    peer_on_greeted(p);
}

void connect_on_listen_port(struct peer *p, uint16_t port) {
    struct addr a = p->addr;
    a.port = port;
    if (addr_equal(&a, &p->addr))
        return;
    (void)roster_add(&p->torrent->roster, &a, SOURCE_PEX, session_now(p->session));
    struct candidate *c = roster_find(&p->torrent->roster, &a);
    if (!c || c->connected)
        return;
    if (p->candidate)
        p->candidate->connected = false;
    p->candidate =
        c; /* this is where it would be dialled: so it is not, while connected */
    c->connected = true;
}

/* ---- leaving ---------------------------------------------------------------------------- */

/* The place that falls free may be any torrent's. */
static void let_all_dial(struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        torrent_want_decision(LIST_ITEM(l, struct torrent, in_session), false, true);
    }
}

static bool was_the_proxy(const struct peer *p) {
    const struct proxy *proxy = p->session->proxy;
    return proxy && !p->incoming && proxy_troubled(proxy);
}

/* A peer that the user named is worth a word; others come and go. */
static void note_failed_dial(struct peer *p, struct candidate *c, usec now) {
    char text[ADDR_TEXT];
    bool named = (c->sources & SOURCE_MANUAL) && !p->incoming && !p->session->closed;
    if (named && p->close_code != ERR_EXISTS && p->close_code != ERR_CANCELED)
        session_event(p->session, EVENT_ERROR, p->torrent, NULL, 0, p->close_code,
                      "peer %s: %s (%s); it is tried again", addr_format(&c->addr, text),
                      p->close_why, err_name(p->close_code));
    roster_note_failed(c, now);
}

void connect_on_closed(struct peer *p) {
    struct torrent *t = p->torrent;
    usec now = session_now(p->session);
    struct candidate *c = p->candidate;
    p->candidate = NULL;
    if (c) {
        if (p->was_ready)
            roster_note_closed(c, now);
        else if (was_the_proxy(p))
            roster_note_untried(&t->roster, c);
        else
            note_failed_dial(p, c, now);
    }
    if (t)
        torrent_want_decision(t, !p->choking, true);
    if (session_is_full(p->session))
        let_all_dial(p->session);
    p->session->connections--;
}

void connect_close_all(struct torrent *t, int code, const char *why) {
    while (!list_empty(&t->peers))
        peer_close(LIST_ITEM(t->peers.next, struct peer, in_torrent), code, why);
}
