/* session_new: what a session is made of, from the settings to the first socket, and how it is taken
 * apart. The order is the point: what confines us (blocklist, interface, proxy) stands before there
 * is a socket; one that could not be built whole is freed like any other. */
#include "engine/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/access.h"
#include "engine/connect.h"
#include "engine/limits.h"
#include "engine/mapping.h"
#include "engine/peer_send.h"
#include "engine/throwaway.h"
#include "io/device.h"

#define UPLOAD_BUFFERS_IDLE 4u

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
    struct session *s = owner;
    if (code < 0) {
        session_event(s, EVENT_ERROR, NULL, NULL, 0, code, "%s", sentence);
        return;
    }
    LIST_EACH(l, &s->torrent_list) {
        trackers_on_proxy_works(LIST_ITEM(l, struct torrent, in_session)->trackers);
    }
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
    if (!s || settings_copy(&s->settings, settings) < 0) {
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
    settings_fini(&s->settings);
    free(s);
}
