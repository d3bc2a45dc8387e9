/* dht_node: see the header. */
#include "engine/dht_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/dht_file.h"
#include "engine/dht_quests.h"
#include "engine/dht_seek.h"
#include "engine/mapping.h"
#include "engine/torrent.h"
#include "io/device.h"
#include "io/stream.h"

#define SAVE_EVERY (900 * USEC_PER_SEC)
#define ROUTERS_AGAIN (2 * USEC_PER_SEC) /* nobody has answered; then twice as long .. */
#define ROUTERS_MOST (60 * USEC_PER_SEC) /* .. up to this: no network, maybe */
#define MAX_NAMES 64u                    /* that are being resolved */
#define SCRIPT (1ull << 63) /* a cookie that is a token, not a torrent's handle */

static const char usual_routers[] =
    "dht.libtorrent.org:25401 dht.transmissionbt.com:6881 router.bittorrent.com:6881 "
    "router.utorrent.com:6881";

struct dht_node {
    struct session *session;
    struct dht *dht;
    const char *routers; /* "HOST:PORT HOST:PORT" */
    struct timer tick, save, ask_routers;
    usec routers_again; /* how long to wait before they are asked once more */
    bool ready;         /* our place in the network was found, once at least */
    struct link names;  /* being resolved */
    uint32_t name_count;
    struct link quests;
};

/* A search that began before we knew anybody has found nobody. */
static void note_ready(struct dht_node *n) {
    struct dht_stats st;
    if (n->ready)
        return;
    dht_stats(n->dht, &st, session_now(n->session));
    n->ready = st.ip4.ready || st.ip6.ready;
    if (n->ready)
        dht_seekers_again(n->session);
}

/* What changed something calls this. */
static void wake(struct dht_node *n) {
    note_ready(n);
    usec due = MAX(dht_due(n->dht), session_now(n->session));
    timer_set(loop_timers(n->session->loop), &n->tick, due);
}

/* ---- packets and time -------------------------------------------------------------------- */

static void on_packet(void *owner, const struct addr *from, const uint8_t *data,
                      size_t len) {
    struct dht_node *n = owner;
    n->session->stats.dht_received += len;
    (void)dht_on_packet(n->dht, from, data, len, session_now(n->session));
    wake(n);
}

static void on_tick(struct timer *timer, usec now) {
    struct dht_node *n = CONTAINER_OF(timer, struct dht_node, tick);
    (void)dht_tick(n->dht, now);
    wake(n);
}

/* What the network would have lost is lost. */
static void send_packet(void *owner, const struct addr *to, const void *data,
                        size_t len) {
    struct dht_node *n = owner;
    n->session->stats.dht_sent += len;
    (void)datagrams_send(n->session->datagrams, to, data, len);
}

/* ---- searches ---------------------------------------------------------------------------- */

static void on_peers(void *owner, uint64_t cookie, const uint8_t info_hash[20],
                     const struct addr *peers, uint32_t count) {
    struct dht_node *n = owner;
    struct torrent *t = session_torrent(n->session, cookie);
    (void)info_hash;
    if (cookie & SCRIPT)
        dht_quests_on_peers(&n->quests, cookie & ~SCRIPT, peers, count);
    else if (t)
        torrent_on_addresses(t, peers, count, SOURCE_DHT);
}

static void on_search_done(void *owner, uint64_t cookie, const uint8_t info_hash[20],
                           const struct dht_result *result) {
    struct dht_node *n = owner;
    struct torrent *t = session_torrent(n->session, cookie);
    (void)info_hash, (void)result;
    if (cookie & SCRIPT)
        dht_quests_on_done(&n->quests, cookie & ~SCRIPT, &n->session->events);
    else if (t)
        dht_seek_on_done(t);
}

int dht_node_get_peers(struct dht_node *n, const uint8_t info_hash[20], uint64_t token,
                       struct err *e) {
    int status = dht_quests_add(&n->quests, token);
    if (status == 0)
        status = dht_get_peers(n->dht, info_hash, 0, 0, token | SCRIPT,
                               session_now(n->session));
    wake(n);
    if (status == 0)
        return 0;
    dht_quests_drop(&n->quests, token);
    if (status == ERR_BUSY)
        return err_set(e, status,
                       "%u searches run in the DHT already; wait for one to end",
                       DHT_SEARCHES);
    return err_set(e, status, "out of memory");
}

/* BEP 5: with an implied port we would be found at the port that our packets come from, which
 * is the right one behind a translator, but only for a peer that can be reached there by UDP. */
int dht_node_seek(struct dht_node *n, const struct torrent *t) {
    unsigned flags = t->state == TORRENT_SEEDING ? DHT_SEED | DHT_NOSEED : 0;
    uint16_t port = mapping_public_port(n->session); /* 0: we cannot be reached */
    int status =
        dht_get_peers(n->dht, t->info_hash, port, flags, t->id, session_now(n->session));
    wake(n);
    return status;
}

void dht_node_cancel(struct dht_node *n, const struct torrent *t) {
    dht_cancel(n->dht, t->id);
    wake(n);
}

/* ---- our address ------------------------------------------------------------------------- */

static void on_external_ip(void *owner, const struct addr *ip) {
    struct dht_node *n = owner;
    session_note_external(n->session, ip);
}

/* ---- nodes by name ----------------------------------------------------------------------- */

struct name {
    struct link link;
    struct dht_node *node;
    struct resolve *resolve;
    bool router;
};

static void add_known(struct dht_node *n, const struct addr *a, bool router) {
    if (router)
        dht_add_router(n->dht, a);
    else
        dht_add_node(n->dht, a);
    wake(n);
}

static void free_name(struct name *name) {
    name->node->name_count--;
    list_remove(&name->link);
    free(name);
}

static void on_resolved(void *owner, int status, const struct addr *a, uint32_t count,
                        const char *why) {
    struct name *name = owner;
    (void)why;
    for (uint32_t i = 0; status == 0 && i < count; i++)
        add_known(name->node, &a[i], name->router);
    free_name(name);
}

static int look_up(struct dht_node *n, const char *host, uint16_t port, bool router,
                   struct err *e) {
    if (n->name_count == MAX_NAMES)
        return err_set(e, ERR_BUSY, "too many names of DHT nodes are being resolved");
    struct name *name = calloc(1, sizeof *name);
    if (!name)
        return err_set(e, ERR_NOMEM, "out of memory");
    name->node = n, name->router = router;
    list_append(&n->names, &name->link);
    n->name_count++;
    struct err why = {0};
    name->resolve = resolve_start(n->session->loop, host, port, on_resolved, name, &why);
    if (name->resolve)
        return 0;
    free_name(name);
    return err_set(e, why.code, "%s", why.text);
}

static int add_host(struct dht_node *n, const char *host, uint16_t port, bool router,
                    struct err *e) {
    struct addr a;
    if (addr_parse(&a, host, port) < 0)
        return look_up(n, host, port, router, e);
    add_known(n, &a, router);
    return 0;
}

int dht_node_add(struct dht_node *n, const char *host, uint16_t port, struct err *e) {
    return add_host(n, host, port, false, e);
}

void dht_node_add_addr(struct dht_node *n, const struct addr *a) {
    add_known(n, a, false);
}

void dht_node_add_torrent(struct dht_node *n, const struct torrent *t) {
    for (uint32_t i = 0; t->meta && i < t->meta->node_count; i++)
        (void)dht_node_add(n, t->meta->nodes[i].host, t->meta->nodes[i].port, NULL);
}

/* ---- routers ----------------------------------------------------------------------------- */

/* One of "HOST:PORT HOST:PORT ..."; what is behind it, or NULL. */
static const char *add_router(struct dht_node *n, const char *text) {
    char host[256];
    unsigned port = 0;
    text += strspn(text, " ");
    size_t len = strcspn(text, " ");
    const char *colon = memrchr(text, ':', len);
    size_t host_len = colon ? (size_t)(colon - text) : 0;
    if (host_len && host_len < sizeof host && sscanf(colon + 1, "%u", &port) == 1 &&
        port > 0 && port < 65536) {
        memcpy(host, text, host_len);
        host[host_len] = '\0';
        (void)add_host(n, host, (uint16_t)port, true, NULL);
    }
    text += len;
    return *text ? text : NULL;
}

static void on_ask_routers(struct timer *timer, usec now) {
    struct dht_node *n = CONTAINER_OF(timer, struct dht_node, ask_routers);
    struct dht_stats st;
    dht_stats(n->dht, &st, now);
    if (st.ip4.ready || st.ip6.ready || !*n->routers)
        return;
    for (const char *at = n->routers; at;)
        at = add_router(n, at);
    timer_set(loop_timers(n->session->loop), timer, now + n->routers_again);
    n->routers_again = MIN(2 * n->routers_again, ROUTERS_MOST);
}

static const char *choose_routers(const struct session *s) {
    bool alone = addr_kind(&s->settings.bind) == ADDR_LOOPBACK;
    if (s->settings.dht_routers)
        return s->settings.dht_routers;
    return alone || device_is_loopback(s->loop) ? "" : usual_routers;
}

/* ---- life -------------------------------------------------------------------------------- */

static const struct dht_hooks hooks = {send_packet, on_peers, on_search_done,
                                       on_external_ip};

/* Two sessions that are told the same `seed` must not have the same id, or neither would believe in
 * the other: ids are never repeated. */
static struct dht *make_dht(struct dht_node *n) {
    struct session *s = n->session;
    struct dht_settings d = {
        .ip4 = datagrams_port(s->datagrams, 4) != 0,
        .ip6 = datagrams_port(s->datagrams, 6) != 0,
        .read_only = s->settings.dht_read_only,
        .version = {'M', 'R', 0, 1},
    };
    if (rng_secret(d.secret, sizeof d.secret) < 0 ||
        rng_secret(&d.seed, sizeof d.seed) < 0)
        return NULL;
    return dht_new(&d, &hooks, n, session_now(s));
}

static void on_save(struct timer *timer, usec now) {
    struct dht_node *n = CONTAINER_OF(timer, struct dht_node, save);
    dht_file_save_later(n->session, n->dht);
    timer_set(loop_timers(n->session->loop), timer, now + SAVE_EVERY);
}

static void start(struct dht_node *n) {
    struct timers *timers = loop_timers(n->session->loop);
    usec now = session_now(n->session);
    dht_file_load(n->session, n->dht);
    datagrams_listen(n->session->datagrams, DATAGRAM_DHT, on_packet, n);
    timer_set(timers, &n->save, now + SAVE_EVERY);
    timer_set(timers, &n->ask_routers, now);
    wake(n);
}

struct dht_node *dht_node_new(struct session *s, struct err *e) {
    if (datagrams_open(s->datagrams, e) < 0)
        return NULL;
    struct dht_node *n = calloc(1, sizeof *n);
    if (n) {
        n->session = s;
        n->routers = choose_routers(s);
        n->routers_again = ROUTERS_AGAIN;
        list_init(&n->names), list_init(&n->quests);
        timer_init(&n->tick, on_tick), timer_init(&n->save, on_save);
        timer_init(&n->ask_routers, on_ask_routers);
        n->dht = make_dht(n);
    }
    if (!n || !n->dht) {
        free(n);
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    start(n);
    return n;
}

void dht_node_free(struct dht_node *n) {
    if (!n)
        return;
    struct timers *timers = loop_timers(n->session->loop);
    dht_file_save(n->session, n->dht);
    datagrams_listen(n->session->datagrams, DATAGRAM_DHT, NULL, NULL);
    timer_stop(timers, &n->tick), timer_stop(timers, &n->save);
    timer_stop(timers, &n->ask_routers);
    while (!list_empty(&n->names)) {
        struct name *name = LIST_ITEM(n->names.next, struct name, link);
        resolve_cancel(name->resolve);
        free_name(name);
    }
    dht_quests_fini(&n->quests);
    dht_free(n->dht);
    free(n);
}

uint16_t dht_node_port(const struct dht_node *n, int family) {
    bool silent = n->session->settings.dht_read_only;
    return silent ? 0 : datagrams_port(n->session->datagrams, family);
}

void dht_node_stats(const struct dht_node *n, struct dht_stats *out) {
    dht_stats(n->dht, out, session_now(n->session));
}
