/* session: see the header for the shape of a step. Its birth is in session_new, its end in
 * session_close. */
#include "engine/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/limits.h"
#include "engine/mapping.h"
#include "engine/peer.h"
#include "engine/session_private.h"
#include "engine/torrent.h"

/* ---- a step ------------------------------------------------------------------------------ */

/* What is added meanwhile waits for the next step: the list is taken whole. */
static void take_all(struct link *from, struct link *to) {
    list_init(to);
    if (list_empty(from))
        return;
    list_insert(from, to); /* `to` joins the ring at its end, `from` leaves it */
    list_remove(from);
}

static void decide(struct session *s) {
    struct link now, *l;
    readers_serve(s);
    take_all(&s->to_decide, &now);
    while ((l = list_shift(&now)))
        torrent_decide(LIST_ITEM(l, struct torrent, in_decide));
}

static void request(struct session *s) {
    struct link now, *l;
    take_all(&s->hungry, &now);
    while ((l = list_shift(&now)))
        peer_request_more(LIST_ITEM(l, struct peer, hungry));
}

static void write_all(struct session *s) {
    struct link now, *l;
    take_all(&s->dirty, &now);
    while ((l = list_shift(&now)))
        peer_flush(LIST_ITEM(l, struct peer, dirty));
}

void session_bury(struct session *s) {
    struct link *l;
    while ((l = list_shift(&s->dying_peers)))
        peer_bury(LIST_ITEM(l, struct peer, dying));
    LIST_EACH(d, &s->dying_torrents) {
        struct torrent *t = LIST_ITEM(d, struct torrent, dying);
        if (torrent_advance_removal(t))
            torrent_bury(t);
    }
}

static bool work_left(const struct session *s) {
    return !list_empty(&s->hungry) || !list_empty(&s->dirty) ||
           !list_empty(&s->to_decide) || !list_empty(&s->dying_peers) ||
           !list_empty(&s->readers_due);
}

static void check_all(const struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        torrent_check(LIST_ITEM(l, struct torrent, in_session));
    }
}

void session_turn(struct session *s, usec wait) {
    s->stepping = true;
    s->stats.steps++;
    (void)loop_step(s->loop, work_left(s) ? 0 : wait);
    decide(s);
    request(s);
    write_all(s);
    session_bury(s);
    if (s->settings.check_invariants)
        check_all(s);
    s->stepping = false;
}

int session_step(struct session *s, usec wait) {
    if (s->stepping)
        return ERR_BUSY;
    if (s->closed)
        return ERR_CLOSED;
    session_turn(s, wait);
    return 0;
}

int session_fd(const struct session *s) {
    return s->closed ? -1 : loop_fd(s->loop);
}

usec session_timeout(const struct session *s) {
    if (s->closed)
        return USEC_NEVER;
    return work_left(s) || s->events.count > 0 ? 0 : loop_timeout(s->loop);
}

/* What a torrent may give to others: buffers that it keeps warm, and pieces that it cannot go
 * on with, because it is paused or those who have them are gone. */
static void free_idle(struct torrent *t) {
    if (t->paused && t->aheads == 0)
        download_abandon(&t->download);
    else
        (void)download_make_room(&t->download, session_now(t->session));
    buffer_pool_clear(&t->open.pool);
    held_clear(t); /* readers have it from disk then */
}

bool session_free_idle(struct session *s) {
    size_t used = s->budget.used;
    buffer_pool_clear(&s->upload_pool);
    LIST_EACH(l, &s->torrent_list) {
        free_idle(LIST_ITEM(l, struct torrent, in_session));
    }
    return s->budget.used < used;
}

void session_note_memory(struct session *s) {
    struct link *l;
    while ((l = list_shift(&s->starving)))
        list_append(&s->hungry, l);
}

/* ---- looking up --------------------------------------------------------------------------- */

struct torrent *session_torrent(const struct session *s, handle h) {
    return slots_get(&s->torrents, h);
}

struct peer *session_peer(const struct session *s, handle h) {
    return slots_get(&s->peers, h);
}

struct reader *session_reader(const struct session *s, handle h) {
    return slots_get(&s->readers, h);
}

struct torrent *session_find(const struct session *s, const uint8_t info_hash[20]) {
    return digest_map_find(&s->by_hash, info_hash);
}

int session_enlist(struct session *s, struct torrent *t) {
    if (mse_obfuscate(t->obfuscated, t->info_hash) < 0 ||
        digest_map_add(&s->by_hash, t->info_hash, t) < 0)
        return ERR_NOMEM;
    if (digest_map_add(&s->by_obfuscated, t->obfuscated, t) < 0) {
        digest_map_remove(&s->by_hash, t->info_hash);
        return ERR_NOMEM;
    }
    list_append(&s->torrent_list, &t->in_session);
    return 0;
}

void session_delist(struct torrent *t) {
    struct session *s = t->session;
    if (list_empty(&t->in_session))
        return;
    list_remove(&t->in_session);
    digest_map_remove(&s->by_hash, t->info_hash);
    digest_map_remove(&s->by_obfuscated, t->obfuscated);
}

struct stream *session_connect(struct session *s, const struct addr *to, struct err *e) {
    const struct addr *bind = s->settings.bind.family ? &s->settings.bind : NULL;
    return s->proxy ? proxy_connect(s->proxy, to, e) : tcp_connect(s->loop, to, bind, e);
}

void session_set_rates(struct session *s, uint64_t up, uint64_t down) {
    usec now = session_now(s);
    s->settings.up_rate = up, s->settings.down_rate = down;
    bucket_set_rate(&s->up, up, now);
    bucket_set_rate(&s->down, down, now);
    limits_release(s);
}

void session_event(struct session *s, enum event_type type, struct torrent *t,
                   struct peer *p, uint32_t index, int code, const char *format, ...) {
    struct event ev = {.type = type,
                       .torrent = t ? t->id : 0,
                       .peer = p ? p->id : 0,
                       .index = index,
                       .code = code};
    if (format) {
        char text[512];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        ev.text = strdup(text);
    }
    events_push(&s->events, &ev);
}

void session_note_external(struct session *s, const struct addr *ip) {
    struct addr *own = ip->family == 6 ? &s->external6 : &s->external4;
    *own = *ip;
    own->port = mapping_public_port(s);
    LIST_EACH(l, &s->torrent_list) {
        struct torrent *t = LIST_ITEM(l, struct torrent, in_session);
        *(ip->family == 6 ? &t->roster.own6 : &t->roster.own4) = *own;
    }
}
