/* udp_trackers: see the header. The machines count in seconds of the protocol; specs make those
 * shorter, so times are converted on the way in and out (machine_time, loop_time). */
#include "engine/udp_trackers.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "io/stream.h"

#define TRIES 3u        /* of a leg: 105 s; whoever waits has asked others by then */
#define LATE_SECONDS 5  /* how much longer than the first leg the second may take */
#define CONNECTIONS 64u /* ids that are kept: they last for a minute */

struct known {
    struct addr addr;
    struct udp_connection connection;
};

struct udp_trackers {
    struct loop *loop;
    struct datagrams *datagrams;
    struct link queries;
    struct known known[CONNECTIONS];
    usec pace; /* how many times faster than life; 1 but in specs */
};

struct leg {
    struct udp_query *query;
    struct addr to;
    bool running;
    struct udp_announce machine;
    struct datagram_waiter waiter;
    struct timer timer;
};

struct udp_query {
    struct link link;
    struct udp_trackers *owner;
    udp_query_hook *hook;
    void *hook_owner;
    enum udp_action action;
    struct announce_request request;
    uint8_t info_hash[20], peer_id[20];
    uint32_t tries;
    struct leg legs[2];  /* IPv4, IPv6 */
    struct addr literal; /* the host, if it is no name */
    struct resolve *resolve;
    struct timer timer; /* the beginning; later, the end of waiting for the other leg */
    bool answered, ended;
    struct err err; /* why the first leg that failed did */
    char host[256];
    char url[];
};

static usec machine_time(const struct udp_trackers *u) {
    return loop_now(u->loop) * u->pace;
}

static usec loop_time(const struct udp_trackers *u, usec machine) {
    return machine == USEC_NEVER ? USEC_NEVER : machine / u->pace + (u->pace > 1);
}

/* ---- connection ids ------------------------------------------------------------------- */

static struct udp_connection recall(const struct udp_trackers *u, const struct addr *a) {
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        if (addr_equal(&u->known[i].addr, a))
            return u->known[i].connection;
    return (struct udp_connection){0};
}

/* In the place of what it was before, or of what ends first. */
static void remember(struct udp_trackers *u, const struct addr *a,
                     struct udp_connection c) {
    struct known *place = &u->known[0];
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct known *k = &u->known[i];
        if (addr_equal(&k->addr, a)) {
            place = k;
            break;
        }
        if (k->connection.until < place->connection.until)
            place = k;
    }
    *place = (struct known){*a, c};
}

/* ---- the end -------------------------------------------------------------------------- */

static void end_leg(struct leg *g) {
    if (!g->running)
        return;
    g->running = false;
    datagrams_forget(&g->waiter);
    timer_stop(loop_timers(g->query->owner->loop), &g->timer);
    udp_announce_fini(&g->machine);
}

static void query_free(struct udp_query *q) {
    list_remove(&q->link);
    timer_stop(loop_timers(q->owner->loop), &q->timer);
    if (q->resolve)
        resolve_cancel(q->resolve);
    end_leg(&q->legs[0]), end_leg(&q->legs[1]);
    free(q);
}

static bool running(const struct udp_query *q) {
    return q->legs[0].running || q->legs[1].running;
}

/* Frees the query if that was the last. Nothing of it may be touched after this. */
static void tell(struct udp_query *q, struct udp_result r) {
    q->ended = r.last;
    q->hook(q->hook_owner, &r);
    if (r.last)
        query_free(q);
}

/* A leg has ended without an answer, or could not even begin. */
static void maybe_end(struct udp_query *q) {
    struct udp_result r = {.last = true};
    if (running(q))
        return;
    if (!q->answered) {
        r.status = q->err.code;
        r.why = q->err.text;
    }
    tell(q, r);
}

static void note_failure(struct udp_query *q, int code, const char *why) {
    if (!q->err.code || code == ERR_REFUSED)
        err_set(&q->err, code, "%s", why);
}

static void leg_failed(struct leg *g, int code) {
    struct udp_query *q = g->query;
    char text[ADDR_TEXT];
    struct err e;
    addr_format(&g->to, text);
    if (code == ERR_TIMEOUT)
        err_set(&e, code, "%.128s does not answer at %s", q->host, text);
    else if (code == ERR_NOMEM)
        err_set(&e, code, "out of memory");
    else if (code == ERR_UNSAFE)
        err_set(&e, code, "%.128s is %s, which the blocklist or `bind` forbids", q->host,
                text);
    else
        err_set(&e, code, "%.128s cannot be reached at %s", q->host, text);
    note_failure(q, code, e.text);
    end_leg(g);
}

/* ---- one leg -------------------------------------------------------------------------- */

/* What the hook gets outlives the leg that it came from. */
static void leg_answered(struct leg *g) {
    struct udp_query *q = g->query;
    struct udp_trackers *u = q->owner;
    struct announce_reply reply = g->machine.reply;
    struct scrape_counts counts = g->machine.counts[0];
    remember(u, &g->to, g->machine.connection);
    g->machine.reply.peers = NULL;
    end_leg(g);
    if (*reply.failure) {
        note_failure(q, ERR_REFUSED, reply.failure);
        announce_reply_free(&reply);
        maybe_end(q);
        return;
    }
    q->answered = true;
    timer_set(loop_timers(u->loop), &q->timer,
              loop_now(u->loop) + loop_time(u, LATE_SECONDS * USEC_PER_SEC));
    tell(q, (struct udp_result){
                .reply = q->action == UDP_ANNOUNCE ? &reply : NULL,
                .counts = q->action == UDP_SCRAPE ? &counts : NULL,
                .last = !running(q),
            });
    announce_reply_free(&reply);
}

/* Sends what is to be sent; false when the leg has failed. A packet that finds the socket's buffer
 * full is lost like any other. */
static bool leg_send(struct leg *g) {
    struct udp_trackers *u = g->query->owner;
    uint8_t packet[UDP_TRACKER_MAX_PACKET];
    int len;
    while ((len = udp_announce_next(&g->machine, packet, machine_time(u))) > 0) {
        datagrams_expect(u->datagrams, &g->waiter, g->machine.transaction);
        int rc = datagrams_send(u->datagrams, &g->to, packet, (size_t)len);
        if (rc < 0 && rc != ERR_AGAIN) {
            leg_failed(g, rc);
            return false;
        }
    }
    if (len < 0) {
        leg_failed(g, len);
        return false;
    }
    timer_set(loop_timers(u->loop), &g->timer,
              loop_time(u, udp_announce_due(&g->machine)));
    return true;
}

static void on_leg_timer(struct timer *t, usec now) {
    struct leg *g = CONTAINER_OF(t, struct leg, timer);
    (void)now;
    if (!leg_send(g))
        maybe_end(g->query);
}

static void on_packet(void *owner, const struct addr *from, const uint8_t *data,
                      size_t len) {
    struct leg *g = owner;
    if (!addr_equal(from, &g->to)) /* somebody who guessed, or heard, a number */
        return;
    int rc =
        udp_announce_on_packet(&g->machine, data, len, machine_time(g->query->owner));
    if (rc == 1) {
        leg_answered(g);
    } else if (rc < 0) {
        leg_failed(g, rc);
        maybe_end(g->query);
    } else if (!leg_send(g)) {
        maybe_end(g->query);
    }
}

static int leg_init(struct leg *g, usec now) {
    struct udp_query *q = g->query;
    struct udp_connection known = recall(q->owner, &g->to);
    if (q->action == UDP_SCRAPE)
        return udp_announce_init_scrape(&g->machine, (const uint8_t(*)[20])q->info_hash,
                                        1, g->to.family, known, q->tries, now);
    return udp_announce_init(&g->machine, &q->request, q->url, g->to.family, known,
                             q->tries, now);
}

static void leg_start(struct udp_query *q, const struct addr *to) {
    struct leg *g = &q->legs[to->family == 6];
    if (g->running)
        return; /* further addresses of a family are the same tracker's */
    g->query = q, g->to = *to;
    timer_init(&g->timer, on_leg_timer);
    datagram_waiter_init(&g->waiter, on_packet, g);
    g->running = true;
    int rc = leg_init(g, machine_time(q->owner));
    if (rc < 0)
        leg_failed(g, rc);
    else
        (void)leg_send(g);
}

/* ---- a query -------------------------------------------------------------------------- */

static void on_resolved(void *owner, int status, const struct addr *a, uint32_t n,
                        const char *why) {
    struct udp_query *q = owner;
    q->resolve = NULL;
    if (status < 0)
        note_failure(q, status, why);
    for (uint32_t i = 0; i < n; i++)
        leg_start(q, &a[i]);
    maybe_end(q);
}

static void begin(struct udp_query *q) {
    struct err e = {0};
    if (q->literal.family) {
        leg_start(q, &q->literal);
        maybe_end(q);
        return;
    }
    q->resolve =
        resolve_start(q->owner->loop, q->host, q->literal.port, on_resolved, q, &e);
    if (q->resolve)
        return;
    note_failure(q, e.code, e.text);
    maybe_end(q);
}

void udp_query_found(struct udp_query *q, const struct addr *a, uint32_t n) {
    timer_stop(loop_timers(q->owner->loop), &q->timer);
    on_resolved(q, 0, a, n, "");
}

static void on_timer(struct timer *t, usec now) {
    struct udp_query *q = CONTAINER_OF(t, struct udp_query, timer);
    (void)now;
    if (!q->answered) {
        begin(q);
        return;
    }
    end_leg(&q->legs[0]), end_leg(&q->legs[1]);
    maybe_end(q);
}

/* Nothing is sent before the next step, so that no hook is called from inside the call that asks. */
static struct udp_query *query_new(struct udp_trackers *u, const char *url,
                                   udp_query_hook *hook, void *owner, struct err *e) {
    size_t size = strlen(url) + 1;
    uint16_t port;
    struct udp_query *q = calloc(1, sizeof *q + size);
    if (!q) {
        err_set(e, ERR_NOMEM, "out of memory");
        return NULL;
    }
    memcpy(q->url, url, size);
    if (udp_tracker_host(url, q->host, &port) < 0) {
        err_set(e, ERR_INVALID, "a UDP tracker's address has a host and a port");
        free(q);
        return NULL;
    }
    if (addr_parse(&q->literal, q->host, port) < 0)
        q->literal = (struct addr){0};
    q->literal.port = port;
    q->owner = u, q->hook = hook, q->hook_owner = owner, q->tries = TRIES;
    timer_init(&q->timer, on_timer);
    list_append(&u->queries, &q->link);
    timer_set(loop_timers(u->loop), &q->timer, loop_now(u->loop));
    return q;
}

struct udp_query *udp_query_announce(struct udp_trackers *u, const char *url,
                                     const struct announce_request *r, uint32_t tries,
                                     udp_query_hook *hook, void *owner, struct err *e) {
    struct udp_query *q = query_new(u, url, hook, owner, e);
    if (!q)
        return NULL;
    q->action = UDP_ANNOUNCE;
    q->tries = tries ? tries : TRIES;
    q->request = *r;
    memcpy(q->info_hash, r->info_hash, sizeof q->info_hash);
    memcpy(q->peer_id, r->peer_id, sizeof q->peer_id);
    q->request.info_hash = q->info_hash, q->request.peer_id = q->peer_id;
    q->request.tracker_id = NULL, q->request.ip6 = NULL;
    return q;
}

struct udp_query *udp_query_scrape(struct udp_trackers *u, const char *url,
                                   const uint8_t info_hash[20], udp_query_hook *hook,
                                   void *owner, struct err *e) {
    struct udp_query *q = query_new(u, url, hook, owner, e);
    if (!q)
        return NULL;
    q->action = UDP_SCRAPE;
    memcpy(q->info_hash, info_hash, sizeof q->info_hash);
    return q;
}

void udp_query_cancel(struct udp_query *q) {
    if (!q->ended) /* from inside its own hook, where it goes anyway */
        query_free(q);
}

/* ---- life ----------------------------------------------------------------------------- */

struct udp_trackers *udp_trackers_new(struct loop *l, struct datagrams *d) {
    struct udp_trackers *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->loop = l, u->datagrams = d, u->pace = 1;
    list_init(&u->queries);
    return u;
}

void udp_trackers_free(struct udp_trackers *u) {
    struct link *l;
    if (!u)
        return;
    while ((l = list_shift(&u->queries)))
        query_free(LIST_ITEM(l, struct udp_query, link));
    free(u);
}

void udp_trackers_set_pace(struct udp_trackers *u, usec second) {
    u->pace = USEC_PER_SEC / second;
}
