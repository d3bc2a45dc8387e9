/* exchange: see the header. */
#include "engine/exchange.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/encryption.h"
#include "engine/peer.h"

/* ---- telling ----------------------------------------------------------------------------- */

/* Where others can dial it: of an incoming one that is known only if it told its port. */
static const struct addr *address_of(const struct peer *p) {
    if (!p->incoming)
        return &p->addr;
    return p->candidate && p->candidate->sources != SOURCE_INCOMING ? &p->candidate->addr
                                                                    : NULL;
}

static uint8_t flags_of(const struct peer *p) {
    uint8_t flags = 0;
    if (p->upload_only || peer_is_seed(p))
        flags |= PEX_SEED;
    if (!p->incoming)
        flags |= PEX_REACHABLE;
    if (encryption_name(p))
        flags |= PEX_ENCRYPTION;
    return flags;
}

/* Those we are connected to, sorted. NULL without any, or without memory. */
static struct pex_peer *make_snapshot(const struct torrent *t, uint32_t *count) {
    struct pex_peer *peers =
        t->ready_count ? malloc(t->ready_count * sizeof *peers) : NULL;
    uint32_t n = 0;
    if (!peers)
        return NULL;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        const struct addr *a = p->state == PEER_READY ? address_of(p) : NULL;
        if (a && n < t->ready_count)
            peers[n++] = (struct pex_peer){*a, flags_of(p)};
    }
    *count = pex_sort(peers, n);
    return peers;
}

static void tell(struct peer *p, const struct pex_peer *peers, uint32_t count) {
    static const struct addr unknown = {.family = 0};
    const struct addr *self = address_of(p);
    struct ut_pex *m = malloc(sizeof *m); /* 10 KiB: much for a stack */
    struct text text;
    if (!m || pex_tell(&p->pex, m, peers, count, self ? self : &unknown, &p->session->rng,
                       session_now(p->session)) != 1) {
        free(m);
        return;
    }
    text_init(&text);
    ut_pex_encode(&text, m);
    if (!text.failed)
        peer_say_extended(p, p->ext.id[EXT_PEX], text.data, text.len);
    text_free(&text);
    free(m);
}

static void tell_all(struct torrent *t) {
    uint32_t count = 0;
    struct pex_peer *peers = make_snapshot(t, &count);
    if (!peers)
        return;
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY && p->ext.id[EXT_PEX])
            tell(p, peers, count);
    }
    free(peers);
}

/* Without peers the timer rests: the next one sets it. */
static void on_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, exchange_timer);
    if (!torrent_may_use(t, SOURCE_PEX) || t->ready_count == 0)
        return;
    tell_all(t);
    timer_set(loop_timers(t->session->loop), timer, now + PEX_INTERVAL);
}

void exchange_init(struct torrent *t) {
    timer_init(&t->exchange_timer, on_timer);
}

void exchange_on_peer(struct peer *p) {
    struct torrent *t = p->torrent;
    usec soon = session_now(p->session) + EXCHANGE_SOON;
    if (!p->ext.id[EXT_PEX] || !torrent_may_use(t, SOURCE_PEX))
        return;
    if (!timer_is_set(&t->exchange_timer) || t->exchange_timer.due > soon)
        timer_set(loop_timers(t->session->loop), &t->exchange_timer, soon);
}

/* ---- hearing ----------------------------------------------------------------------------- */

/* How many addresses may still be heard in this minute. */
static uint32_t ration(struct torrent *t) {
    usec now = session_now(t->session);
    if (now - t->exchange_since >= PEX_INTERVAL)
        t->exchange_since = now, t->exchange_heard = 0;
    return EXCHANGE_MAX_HEAR - t->exchange_heard;
}

/* A seed need not be dialled by another one; what is known better stays. */
static void note_seeds(struct torrent *t, const struct pex_list *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        struct candidate *c = roster_find(&t->roster, &list->peers[i].addr);
        if (c && c->sources == SOURCE_PEX && !c->connected)
            c->upload_only = list->peers[i].flags & PEX_SEED;
    }
}

static void hear(struct torrent *t, const struct pex_list *list) {
    struct addr addrs[PEX_MAX_HEAR];
    uint32_t n = MIN(list->count, ration(t));
    for (uint32_t i = 0; i < n; i++)
        addrs[i] = list->peers[i].addr;
    t->exchange_heard += n;
    torrent_on_addresses(t, addrs, n, SOURCE_PEX);
    note_seeds(t, list);
}

/* Who has left is no news: the addresses stay worth a try. */
int exchange_on_message(struct peer *p, const uint8_t *data, size_t len) {
    struct ut_pex *m;
    if (!torrent_may_use(p->torrent, SOURCE_PEX) ||
        !pex_hear(&p->pex, session_now(p->session)))
        return 0;
    if (!(m = malloc(sizeof *m)))
        return 0;
    int status = ut_pex_decode(m, data, len);
    if (status == 0)
        hear(p->torrent, &m->added);
    free(m);
    return status == 0 || status == ERR_NOMEM ? 0 : ERR_PROTOCOL;
}
