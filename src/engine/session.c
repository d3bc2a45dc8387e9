/* session: see the header for the shape of a step. */
#include "engine/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/access.h"
#include "engine/connect.h"
#include "engine/limits.h"
#include "engine/mapping.h"
#include "engine/page.h"
#include "engine/peer.h"
#include "engine/stream_server.h"
#include "engine/throwaway.h"
#include "io/device.h"
#include "swarm/choker.h"
#include "swarm/turnover.h"

#define DEFAULT_MEMORY (64u << 20)
#define DEFAULT_CONNECTIONS 200u
#define UPLOAD_BUFFERS_IDLE 4u
#define CLOSE_MAPPING_WAIT USEC_PER_SEC     /* the router is told that a port is free */
#define CLOSE_JOBS_WAIT (30 * USEC_PER_SEC) /* writes under way are waited for so long */

/* ---- birth ------------------------------------------------------------------------------- */

static int copy_string(const char **field, const char *fallback) {
    const char *from = *field ? *field : fallback;
    *field = from ? strdup(from) : NULL;
    return from && !*field ? ERR_NOMEM : 0;
}

static int copy_settings(struct settings *to, const struct settings *from) {
    *to = *from;
    int a = copy_string(&to->directory, ".");
    int b = copy_string(&to->state, NULL);
    int c = copy_string(&to->user_agent, "mare/" MARE_VERSION);
    int d = copy_string(&to->ca_file, NULL);
    int f = copy_string(&to->device, NULL);
    int g = copy_string(&to->blocklist, NULL);
    int r = copy_string(&to->dht_routers, NULL);
    int x = copy_string(&to->proxy, NULL);
    to->memory = to->memory ? to->memory : DEFAULT_MEMORY;
    to->connections = to->connections ? to->connections : DEFAULT_CONNECTIONS;
    to->slots = to->slots ? to->slots : CHOKER_SLOTS;
    to->turnover = to->turnover ? to->turnover : TURNOVER_EVERY;
    return a < 0 || b < 0 || c < 0 || d < 0 || f < 0 || g < 0 || r < 0 || x < 0
               ? ERR_NOMEM
               : 0;
}

static void free_settings(struct settings *s) {
    free((char *)(uintptr_t)s->directory);
    free((char *)(uintptr_t)s->state);
    free((char *)(uintptr_t)s->user_agent);
    free((char *)(uintptr_t)s->ca_file);
    free((char *)(uintptr_t)s->device);
    free((char *)(uintptr_t)s->blocklist);
    free((char *)(uintptr_t)s->dht_routers);
    free((char *)(uintptr_t)s->proxy);
}

static void init_lists(struct session *s) {
    struct link *lists[] = {&s->torrent_list, &s->unknown,        &s->hungry,
                            &s->starving,     &s->dirty,          &s->to_decide,
                            &s->dying_peers,  &s->dying_torrents, &s->lookups,
                            &s->checkers,     &s->readers_due,    &s->pages};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        list_init(lists[i]);
}

static int make_identity(struct session *s) {
    uint64_t seed = s->settings.seed;
    memcpy(s->peer_id, MARE_PEER_PREFIX, 8);
    if (rng_secret(s->peer_id + 8, 12) < 0 ||
        (!seed && rng_secret(&seed, sizeof seed) < 0))
        return ERR_IO;
    rng_seed(&s->rng, seed);
    return 0;
}

/* IPv4 and IPv6 on one port. A machine without IPv6 is fine; one without IPv4 too. */
static int listen_on(struct session *s, struct err *e) {
    struct addr any4 = {.family = 4, .port = (uint16_t)s->settings.port};
    struct addr any6 = {.family = 6, .port = (uint16_t)s->settings.port};
    const struct addr *bind = &s->settings.bind;
    struct err e6 = {0};
    if (s->settings.port < 0 || !session_direct(s))
        return 0;
    if (bind->family == 4)
        memcpy(any4.ip, bind->ip, sizeof any4.ip);
    if (bind->family == 6)
        memcpy(any6.ip, bind->ip, sizeof any6.ip);
    if (bind->family != 6) {
        s->listener4 = listener_open(s->loop, &any4, connect_on_accept, s, e);
        if (s->listener4)
            any6.port = listener_port(s->listener4);
    }
    if (bind->family != 4)
        s->listener6 = listener_open(s->loop, &any6, connect_on_accept, s, &e6);
    if (!s->listener4 && !s->listener6)
        return bind->family == 6 ? err_set(e, e6.code, "%s", e6.text) : e->code;
    s->port = listener_port(s->listener4 ? s->listener4 : s->listener6);
    if (s->settings.port > 0 && bind->family != 6 && !s->listener4)
        return e->code; /* the port was asked for and is taken */
    return 0;
}

static bool allows(void *owner, const struct addr *a) {
    return access_allows(owner, a);
}

/* What holds for all that is sent: before there is a socket. */
static int confine(struct session *s, struct err *e) {
    const struct settings *set = &s->settings;
    int status = set->encryption == MSE_OFF ? 0 : mse_supported(e);
    if (status == 0 && set->device)
        status = device_use(s->loop, set->device, e);
    if (status == 0 && set->blocklist)
        status = access_read(s, set->blocklist, e);
    return status;
}

static void on_proxy_trouble(void *owner, int code, const char *sentence) {
    session_event(owner, EVENT_ERROR, NULL, NULL, 0, code, "%s", sentence);
}

static int use_proxy(struct session *s, struct err *e) {
    struct proxy_url url;
    if (!s->settings.proxy)
        return 0;
    if (proxy_url_parse(&url, s->settings.proxy, e) < 0)
        return ERR_INVALID;
    fetcher_set_proxy(s->fetcher, &url);
    s->proxy = proxy_new(s->loop, &url, &s->settings.bind, on_proxy_trouble, s);
    return s->proxy ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

/* How peers are found. */
static int start_finders(struct session *s, struct err *e) {
    s->datagrams = datagrams_new(s->loop, &s->settings.bind, s->port, &s->stats);
    if (!s->datagrams)
        return err_set(e, ERR_NOMEM, "out of memory");
    datagrams_set_allows(s->datagrams, allows, s);
    s->udp_trackers = udp_trackers_new(s->loop, s->datagrams);
    if (!s->udp_trackers)
        return err_set(e, ERR_NOMEM, "out of memory");
    if (!session_direct(s))
        return 0;
    if (s->settings.dht && !(s->dht = dht_node_new(s, e)))
        return e->code;
    if (s->settings.lsd && !(s->lsd = lsd_new(s)))
        return err_set(e, ERR_NOMEM, "out of memory");
    return 0;
}

static int build(struct session *s, struct err *e) {
    if (make_identity(s) < 0)
        return err_set(e, ERR_IO, "the system has no random numbers");
    s->scratch = malloc(SESSION_SCRATCH);
    s->budget.limit = s->settings.memory;
    if (!s->scratch || buffer_pool_init(&s->upload_pool, FLIGHT_BYTES,
                                        UPLOAD_BUFFERS_IDLE, &s->budget) < 0)
        return err_set(e, ERR_NOMEM, "out of memory");
    if (s->settings.state && file_make_dirs(s->settings.state, e) < 0)
        return ERR_IO;
    throwaway_sweep(s);
    int status = confine(s, e);
    if (status < 0)
        return status;
    s->fetcher = fetcher_new(s->loop, e);
    if (!s->fetcher)
        return ERR_NOMEM;
    fetcher_set_allows(s->fetcher, allows, s);
    limits_init(s);
    status = use_proxy(s, e);
    if (status == 0)
        status = listen_on(s, e);
    if (status == 0)
        status = start_finders(s, e);
    if (status == 0)
        mapping_begin(s);
    return status;
}

struct session *session_new(const struct settings *settings, struct err *e) {
    struct err ignored;
    struct session *s = calloc(1, sizeof *s);
    e = e ? e : &ignored;
    *e = (struct err){0};
    if (!s || copy_settings(&s->settings, settings) < 0) {
        err_set(e, ERR_NOMEM, "out of memory");
    } else {
        init_lists(s);
        shared_pool_init(&s->shared, &s->budget);
        list_init(&s->throttled_up), list_init(&s->throttled_down);
        slots_init(&s->torrents), slots_init(&s->peers), slots_init(&s->readers);
        events_init(&s->events);
        dht_seekers_init(&s->seekers);
        s->loop = loop_new(e);
        if (s->loop && build(s, e) == 0)
            return s;
    }
    session_free(s);
    return NULL;
}

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

static void bury(struct session *s) {
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

static void turn(struct session *s, usec wait) {
    s->stepping = true;
    s->stats.steps++;
    (void)loop_step(s->loop, work_left(s) ? 0 : wait);
    decide(s);
    request(s);
    write_all(s);
    bury(s);
    if (s->settings.check_invariants)
        check_all(s);
    s->stepping = false;
}

int session_step(struct session *s, usec wait) {
    if (s->stepping)
        return ERR_BUSY;
    if (s->closed)
        return ERR_CLOSED;
    turn(s, wait);
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

/* ---- death -------------------------------------------------------------------------------- */

static bool torrents_have_jobs(const struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        if (LIST_ITEM(l, struct torrent, in_session)->jobs > 0)
            return true;
    }
    LIST_EACH(d, &s->dying_torrents) {
        const struct torrent *t = LIST_ITEM(d, struct torrent, dying);
        if (t->jobs > 0 || !t->removed)
            return true;
    }
    return false;
}

static bool trackers_are_busy(const struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        if (trackers_busy(LIST_ITEM(l, struct torrent, in_session)->trackers))
            return true;
    }
    return false;
}

/* Turns the loop until nothing is left, or the time is over. */
static void wait_while(struct session *s, bool (*busy)(const struct session *s),
                       usec limit) {
    usec until = session_now(s) + limit;
    while (busy(s) && session_now(s) < until)
        turn(s, MIN(until - session_now(s), 100 * USEC_PER_MSEC));
}

static void stop_finders(struct session *s) {
    dht_seekers_fini(s);
    dht_node_free(s->dht);
    lsd_free(s->lsd);
    s->dht = NULL, s->lsd = NULL;
}

static void stop_everything(struct session *s) {
    mapping_end(s);
    lookups_cancel(s);
    pages_cancel(s);
    if (s->listener4)
        listener_close(s->listener4);
    if (s->listener6)
        listener_close(s->listener6);
    s->listener4 = s->listener6 = NULL;
    while (!list_empty(&s->unknown))
        peer_close(LIST_ITEM(s->unknown.next, struct peer, in_torrent), ERR_CANCELED,
                   "closing");
    LIST_EACH(l, &s->torrent_list) {
        torrent_stop(LIST_ITEM(l, struct torrent, in_session));
    }
    stop_finders(s);
}

static void save_everything(struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        (void)torrent_save(LIST_ITEM(l, struct torrent, in_session));
    }
}

static void bury_everything(struct session *s) {
    bury(s);
    LIST_EACH(d, &s->dying_torrents) {
        torrent_bury(LIST_ITEM(d, struct torrent, dying));
    }
    LIST_EACH(l, &s->torrent_list) {
        torrent_bury(LIST_ITEM(l, struct torrent, in_session));
    }
}

int session_close(struct session *s, usec linger) {
    if (s->stepping)
        return ERR_BUSY;
    if (s->closed)
        return 0;
    s->closed = true;
    loop_update_now(s->loop);
    stream_server_close(s);
    throwaway_remove_all(s);
    stop_everything(s);
    wait_while(s, torrents_have_jobs, CLOSE_JOBS_WAIT);
    save_everything(s);
    wait_while(s, torrents_have_jobs, CLOSE_JOBS_WAIT);
    if (linger > 0)
        wait_while(s, trackers_are_busy, linger);
    wait_while(s, mapping_busy, MAX(linger, CLOSE_MAPPING_WAIT));
    mapping_leave(s);
    while (jobs_pending(s->loop) > 0) /* a worker cannot be left behind */
        (void)loop_step(s->loop, 100 * USEC_PER_MSEC);
    bury_everything(s);
    return 0;
}

void session_free(struct session *s) {
    if (!s)
        return;
    if (s->loop && s->fetcher)
        (void)session_close(s, 0);
    if (s->fetcher)
        fetcher_free(s->fetcher);
    udp_trackers_free(s->udp_trackers);
    datagrams_free(s->datagrams);
    proxy_free(s->proxy);
    if (s->loop)
        loop_free(s->loop);
    if (s->upload_pool.buffer_size)
        buffer_pool_fini(&s->upload_pool);
    events_fini(&s->events);
    slots_fini(&s->torrents), slots_fini(&s->peers), slots_fini(&s->readers);
    bans_fini(&s->bans);
    access_fini(s);
    digest_map_fini(&s->by_hash), digest_map_fini(&s->by_obfuscated);
    if (s->shared.budget)
        shared_pool_fini(&s->shared);
    free(s->scratch);
    free_settings(&s->settings);
    free(s);
}
