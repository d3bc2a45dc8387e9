/* torrent_admin: what a user asks of a torrent now and then: move, remove, read, connect, ban.
 * The slow parts are jobs; each ends with one event. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/access.h"
#include "engine/connect.h"
#include "engine/limits.h"
#include "engine/peer.h"
#include "engine/save.h"
#include "engine/store.h"
#include "engine/throwaway.h"

#define READ_MAX (64u << 20)

/* ---- moving ------------------------------------------------------------------------------ */

struct move {
    struct storage_move move;
    struct torrent *torrent;
    char *directory;
};

static void on_moved(struct storage_op *op) {
    struct move *m = CONTAINER_OF(op, struct move, move.op);
    struct torrent *t = m->torrent;
    session_event(t->session, EVENT_MOVED, t, NULL, 0, op->status, "%s",
                  op->status < 0 ? op->err.text : m->directory);
    t->dirty_resume = true;
    t->jobs--;
    free(m->directory);
    free(m);
}

int torrent_move(struct torrent *t, const char *directory, struct err *e) {
    struct move *m = calloc(1, sizeof *m);
    if (m && (m->directory = strdup(directory))) {
        m->torrent = t;
        m->move.directory = m->directory;
        m->move.op.done = on_moved;
        t->jobs++;
        if (storage_move(t->storage, &m->move) == 0)
            return 0;
        t->jobs--;
    }
    if (m)
        free(m->directory);
    free(m);
    return err_set(e, ERR_NOMEM, "out of memory");
}

/* ---- reading ----------------------------------------------------------------------------- */

struct reading {
    struct range_read read;
    struct torrent *torrent;
    uint64_t token;
};

static void on_read(struct storage_op *op) {
    struct reading *r = CONTAINER_OF(op, struct reading, read.op);
    struct torrent *t = r->torrent;
    struct event ev = {
        .type = EVENT_READ, .torrent = t->id, .code = op->status, .token = r->token};
    if (op->status == 0)
        ev.data = r->read.data, ev.len = r->read.length;
    else
        ev.text = strdup(op->err.text), free(r->read.data);
    events_push(&t->session->events, &ev);
    t->jobs--;
    free(r);
}

static bool has_range(const struct torrent *t, uint64_t offset, uint32_t length) {
    uint32_t first = (uint32_t)(offset / t->meta->piece_length);
    uint32_t last = (uint32_t)((offset + length - 1) / t->meta->piece_length);
    for (uint32_t i = first; i <= last; i++)
        if (!bitset_has(&t->have, i))
            return false;
    return true;
}

int torrent_read(struct torrent *t, uint64_t offset, uint32_t length, uint64_t token,
                 struct err *e) {
    if (length == 0 || length > READ_MAX || offset > t->meta->size ||
        length > t->meta->size - offset)
        return err_set(e, ERR_INVALID, "bytes %llu + %u are not in the torrent",
                       (unsigned long long)offset, length);
    if (!has_range(t, offset, length))
        return err_set(e, ERR_NOTFOUND, "these bytes have not been downloaded yet");
    struct reading *r = calloc(1, sizeof *r);
    if (r && (r->read.data = malloc(length))) {
        r->torrent = t, r->token = token;
        r->read.offset = offset, r->read.length = length;
        r->read.op.done = on_read;
        t->jobs++;
        if (storage_read(t->storage, &r->read) == 0)
            return 0;
        t->jobs--;
        free(r->read.data);
    }
    free(r);
    return err_set(e, ERR_NOMEM, "out of memory");
}

/* ---- addresses --------------------------------------------------------------------------- */

int torrent_connect(struct torrent *t, const struct addr *a, uint32_t source) {
    if (!access_allows(t->session, a))
        return ERR_UNSAFE;
    int status = roster_add(&t->roster, a, source, session_now(t->session));
    if (status >= 0)
        torrent_want_decision(t, false, true);
    return status;
}

void torrent_on_addresses(struct torrent *t, const struct addr *a, uint32_t n,
                          uint32_t source) {
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < n; i++)
        fresh += torrent_connect(t, &a[i], source) == 1;
    if (fresh > 0)
        session_event(t->session, EVENT_PEERS, t, NULL, fresh, 0, "%s",
                      source_name(source));
}

bool torrent_may_use(const struct torrent *t, uint32_t source) {
    const struct settings *s = &t->session->settings;
    bool private = t->meta && t->meta->private;
    switch (source) {
    case SOURCE_PEX: return s->pex && !private;
    case SOURCE_DHT: return s->dht && !private && session_direct(t->session);
    case SOURCE_LSD: return s->lsd && !private && session_direct(t->session);
    default: return true;
    }
}

struct lookup {
    struct link link; /* in session->lookups */
    struct session *session;
    handle torrent;
    struct resolve *resolve;
    char host[256];
};

static void on_resolved(void *owner, int status, const struct addr *a, uint32_t n,
                        const char *why) {
    struct lookup *l = owner;
    struct torrent *t = session_torrent(l->session, l->torrent);
    if (t && status == 0)
        torrent_on_addresses(t, a, n, SOURCE_MANUAL);
    else if (t)
        session_event(l->session, EVENT_ERROR, t, NULL, 0, status, "peer %s: %s", l->host,
                      why);
    list_remove(&l->link);
    free(l);
}

int torrent_connect_host(struct torrent *t, const char *host, uint16_t port,
                         struct err *e) {
    if (!session_direct(t->session))
        return err_set(e, ERR_UNSUPPORTED,
                       "the name %.128s is not resolved, because that would go round the "
                       "proxy: give an address",
                       host);
    struct lookup *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(e, ERR_NOMEM, "out of memory");
    l->session = t->session, l->torrent = t->id;
    strncpy(l->host, host, sizeof l->host - 1);
    l->resolve = resolve_start(t->session->loop, host, port, on_resolved, l, e);
    if (!l->resolve) {
        free(l);
        return e ? e->code : ERR_NETWORK;
    }
    list_append(&t->session->lookups, &l->link);
    return 0;
}

void lookups_cancel(struct session *s) {
    struct link *link;
    while ((link = list_shift(&s->lookups))) {
        struct lookup *l = LIST_ITEM(link, struct lookup, link);
        resolve_cancel(l->resolve);
        free(l);
    }
}

void torrent_ban(struct torrent *t, const struct addr *a, usec duration,
                 const char *why) {
    struct session *s = t->session;
    usec now = session_now(s),
         until = duration == USEC_NEVER ? USEC_NEVER : now + duration;
    char text[ADDR_TEXT];
    (void)bans_add(&s->bans, a, until);
    struct candidate *c = roster_find(&t->roster, a);
    if (c)
        roster_ban(c, until);
    session_event(s, EVENT_BANNED, t, NULL, 0, 0, "%s %s", addr_format(a, text), why);
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (bans_covers(a, &p->addr))
            peer_close(p, ERR_REFUSED, why);
    }
}

bool session_unban(struct session *s, const struct addr *a) {
    bool was = bans_remove(&s->bans, a);
    LIST_EACH(l, &s->torrent_list) {
        struct torrent *t = LIST_ITEM(l, struct torrent, in_session);
        struct candidate *c;
        for (uint32_t at = 0; was && (c = roster_each(&t->roster, &at));)
            if (bans_covers(a, &c->addr))
                roster_ban(c, 0), c->last_tried = 0; /* it may be dialled at once */
        t->roster.idle_until = 0;
        torrent_want_decision(t, false, true);
    }
    return was;
}

void torrent_set_rates(struct torrent *t, uint64_t up, uint64_t down) {
    usec now = session_now(t->session);
    bucket_set_rate(&t->up, up, now);
    bucket_set_rate(&t->down, down, now);
    limits_release(t->session);
}

/* ---- removing ---------------------------------------------------------------------------- */

/* Stops everything that makes work, so that `jobs` can run down to 0. */
void torrent_stop(struct torrent *t) {
    trackers_stop(t->trackers);
    readers_detach(t);
    dht_seek_stop(t);
    lsd_stop(t);
    connect_close_all(t, ERR_CANCELED, "the torrent was stopped");
    store_drop_waiting(t);
}

void torrent_remove(struct torrent *t, bool data) {
    if (t->state == TORRENT_REMOVING)
        return;
    bool known = t->state >= TORRENT_DOWNLOADING;
    t->deletes = t->removing_data = data;
    if (!data && known)
        (void)torrent_save(t);
    torrent_set_state(t, TORRENT_REMOVING);
    torrent_stop(t);
    slots_remove(&t->session->torrents, t->id);
    list_remove(&t->in_decide);
    session_delist(t);
    list_append(&t->session->dying_torrents, &t->dying);
}

struct removal {
    struct storage_remove remove;
    struct torrent *torrent;
};

static void end_removal(struct torrent *t, int code, const char *text) {
    t->removed = true;
    if (code == 0)
        throwaway_forget(t);
    session_event(t->session, EVENT_REMOVED, t, NULL, 0, code, text ? "%s" : NULL, text);
}

static void on_data_removed(struct storage_op *op) {
    struct removal *r = CONTAINER_OF(op, struct removal, remove.op);
    struct torrent *t = r->torrent;
    t->jobs--;
    end_removal(t, op->status, op->status < 0 ? op->err.text : NULL);
    free(r);
}

static void remove_data(struct torrent *t) {
    struct removal *r = calloc(1, sizeof *r);
    t->removing_data = false;
    save_forget(t);
    if (!t->storage) { /* no metadata, so no data */
        free(r);
        end_removal(t, 0, NULL);
        return;
    }
    if (r) {
        r->torrent = t;
        r->remove.op.done = on_data_removed;
        t->jobs++;
        if (storage_remove(t->storage, &r->remove) == 0)
            return;
        t->jobs--;
        free(r);
    }
    end_removal(t, ERR_NOMEM, "out of memory: the data was not deleted");
}

/* A dying torrent's next step once its jobs are done; true when it may be buried. */
bool torrent_advance_removal(struct torrent *t) {
    if (t->jobs > 0)
        return false;
    if (t->removing_data)
        remove_data(t);
    else if (!t->removed)
        end_removal(t, 0, NULL);
    return t->removed && t->jobs == 0 && !trackers_busy(t->trackers);
}
