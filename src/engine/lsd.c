/* lsd: see the header. */
#include "engine/lsd.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/lsd.h"
#include "engine/torrent.h"
#include "io/device.h"
#include "io/udp.h"

#define GATHER (50 * USEC_PER_MSEC) /* torrents that are added together share a message */
#define PACE USEC_PER_SEC

struct lsd {
    struct session *session;
    struct udp *udp4, *udp6;
    bool everywhere; /* no interface was chosen: on all of them */
    struct addr group4, group6;
    char cookie[17];
    struct link due;
    struct timer timer;
    usec told_at;
    usec minute; /* when the one that `heard` counts began */
    uint32_t heard;
};

/* ---- in ---------------------------------------------------------------------------------- */

static bool may_hear(struct lsd *l) {
    usec now = session_now(l->session);
    if (now - l->minute >= 60 * USEC_PER_SEC)
        l->minute = now, l->heard = 0;
    return l->heard++ < LSD_PER_MINUTE;
}

/* A link-local IPv6 address means nothing without its interface, which a roster does not know. */
static bool can_be_dialled(const struct addr *a) {
    return a->family == 4 || addr_kind(a) != ADDR_LINK;
}

static void learn(struct lsd *l, const struct lsd_message *m, const struct addr *from) {
    struct addr peer = *from;
    peer.port = m->port;
    for (uint32_t i = 0; i < m->count; i++) {
        struct torrent *t = session_find(l->session, m->hashes[i]);
        if (t && torrent_active(t) && torrent_may_use(t, SOURCE_LSD))
            torrent_on_addresses(t, &peer, 1, SOURCE_LSD);
    }
}

static void on_packet(void *owner, const struct addr *from, const uint8_t *data,
                      size_t len) {
    struct lsd *l = owner;
    struct lsd_message m;
    if (lsd_decode(&m, data, len) < 0 || strcmp(m.cookie, l->cookie) == 0)
        return;
    if (can_be_dialled(from) && may_hear(l))
        learn(l, &m, from);
}

/* ---- sockets ----------------------------------------------------------------------------- */

static bool join(struct lsd *l, struct udp *u, const struct addr *group) {
    const struct addr *bind = &l->session->settings.bind;
    if (l->everywhere)
        return udp_join_all(u, group) > 0;
    return udp_join(u, group, bind->family ? bind : NULL, NULL) == 0;
}

static struct udp *open_group(struct lsd *l, const struct addr *group) {
    const struct addr *bind = &l->session->settings.bind;
    struct err e;
    if (bind->family && bind->family != group->family)
        return NULL;
    struct udp *u = udp_open(l->session->loop, group, true, on_packet, l, &e);
    if (u && !join(l, u, group)) {
        udp_close(u);
        u = NULL;
    }
    return u;
}

static void open_missing(struct lsd *l) {
    if (!l->udp4)
        l->udp4 = open_group(l, &l->group4);
    if (!l->udp6)
        l->udp6 = open_group(l, &l->group6);
}

/* ---- out --------------------------------------------------------------------------------- */

static void tell(struct lsd *l, struct udp *u, const struct addr *group,
                 const struct lsd_message *m) {
    struct text text;
    if (!u)
        return;
    text_init(&text);
    lsd_encode(&text, m, group->family);
    if (!text.failed && l->everywhere)
        (void)udp_send_all(u, group, text.data, text.len);
    else if (!text.failed)
        (void)udp_send(u, group, text.data, text.len);
    text_free(&text);
}

static void note_told(struct torrent *t, usec now) {
    struct session *s = t->session;
    usec jitter = rng_below(&s->rng, LSD_INTERVAL / 10);
    t->lsd.told_at = now;
    timer_set(loop_timers(s->loop), &t->lsd.timer, now + LSD_INTERVAL + jitter);
}

static void take_due(struct lsd *l, struct lsd_message *m, usec now) {
    while (m->count < LSD_MAX_HASHES && !list_empty(&l->due)) {
        struct torrent *t = LIST_ITEM(list_shift(&l->due), struct torrent, lsd.link);
        memcpy(m->hashes[m->count++], t->info_hash, sizeof t->info_hash);
        note_told(t, now);
    }
}

static void maybe_plan(struct lsd *l, usec now) {
    if (!list_empty(&l->due) && !timer_is_set(&l->timer))
        timer_set(loop_timers(l->session->loop), &l->timer,
                  MAX(now + GATHER, l->told_at + PACE));
}

static void on_timer(struct timer *timer, usec now) {
    struct lsd *l = CONTAINER_OF(timer, struct lsd, timer);
    struct lsd_message m = {.port = l->session->port};
    if (list_empty(&l->due))
        return;
    snprintf(m.cookie, sizeof m.cookie, "%s", l->cookie);
    open_missing(l);
    take_due(l, &m, now);
    tell(l, l->udp4, &l->group4, &m);
    tell(l, l->udp6, &l->group6, &m);
    l->told_at = now;
    maybe_plan(l, now);
}

/* ---- torrents ---------------------------------------------------------------------------- */

static void on_member_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, lsd.timer);
    list_append(&t->session->lsd->due, &t->lsd.link);
    maybe_plan(t->session->lsd, now);
}

void lsd_member_init(struct torrent *t) {
    list_init(&t->lsd.link);
    timer_init(&t->lsd.timer, on_member_timer);
}

/* Who does not listen hears of others, but has nothing to tell. */
static bool is_due(const struct torrent *t) {
    return t->session->lsd && t->session->port && torrent_active(t) &&
           t->state != TORRENT_CHECKING && torrent_may_use(t, SOURCE_LSD);
}

void lsd_update(struct torrent *t) {
    usec now = session_now(t->session);
    if (!is_due(t)) {
        lsd_stop(t);
        return;
    }
    if (t->lsd.on)
        return;
    t->lsd.on = true;
    timer_set(loop_timers(t->session->loop), &t->lsd.timer,
              t->lsd.told_at ? MAX(now, t->lsd.told_at + LSD_INTERVAL) : now);
}

void lsd_stop(struct torrent *t) {
    t->lsd.on = false;
    list_remove(&t->lsd.link);
    timer_stop(loop_timers(t->session->loop), &t->lsd.timer);
}

/* ---- life -------------------------------------------------------------------------------- */

static struct addr group_of(const char *ip) {
    struct addr a = {0};
    int status = addr_parse(&a, ip, LSD_PORT);
    assert(status == 0);
    (void)status;
    return a;
}

struct lsd *lsd_new(struct session *s) {
    uint8_t secret[8];
    struct lsd *l = calloc(1, sizeof *l);
    if (!l || rng_secret(secret, sizeof secret) < 0) {
        free(l);
        return NULL;
    }
    l->session = s;
    l->everywhere = !s->settings.bind.family && !*device_name(s->loop);
    l->group4 = group_of(LSD_GROUP4), l->group6 = group_of(LSD_GROUP6);
    hex_encode(l->cookie, secret, sizeof secret);
    list_init(&l->due);
    timer_init(&l->timer, on_timer);
    open_missing(l);
    return l;
}

void lsd_free(struct lsd *l) {
    if (!l)
        return;
    timer_stop(loop_timers(l->session->loop), &l->timer);
    if (l->udp4)
        udp_close(l->udp4);
    if (l->udp6)
        udp_close(l->udp6);
    free(l);
}
