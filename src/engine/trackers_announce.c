/* trackers_announce: one announce, from the request to what is to be told about it.
 *
 * What a tracker answers is an answer if it is a bencoded reply without a `failure reason`; all
 * else is a failure, and every failure is one sentence. Some trackers send their reason along with
 * an HTTP error, so the body is looked at first and the status line only then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/trackers_private.h"

#define TIMEOUT (30 * USEC_PER_SEC)
#define GOODBYE_TIMEOUT (10 * USEC_PER_SEC) /* somebody may be waiting for us to end */
#define NUMWANT 200 /* enough for a swarm; the most that many trackers give */
#define BACKOFF 15  /* seconds after the first failure, doubled by each one more */
#define MAX_BACKOFF 1800
#define PROXY_BACKOFF 60 /* at most: the trouble is nearer than the tracker */

/* -- the request ----------------------------------------------------------------------- */

static struct announce_request describe(const struct tracker *k) {
    const struct trackers *t = k->owner;
    struct announce_request r = {
        .info_hash = t->info_hash,
        .peer_id = t->peer_id,
        .event = k->event,
        .key = t->key,
        .tracker_id = *k->id ? k->id : NULL,
    };
    bool want = false;
    t->hooks->describe(t->owner, &r, &want);
    r.numwant = want && t->running && !tracker_is_leaving(k) ? NUMWANT : 0;
    return r;
}

static void on_fetched(void *owner, const struct fetch_result *r);
static void on_udp(void *owner, const struct udp_result *r);

/* A way that has not heard of us yet begins with `started`. */
static enum announce_event event_by(const struct voice *v, enum announce_event event) {
    return event == ANNOUNCE_NONE && !v->heard ? ANNOUNCE_STARTED : event;
}

static int announce_voice(struct voice *v, struct announce_request r, struct err *e) {
    struct tracker *k = v->tracker;
    const struct trackers_tools *tools = &k->owner->tools;
    struct text url;
    r.event = event_by(v, r.event);
    text_init(&url);
    announce_url(&url, k->url, &r);
    struct fetch_options o = {
        .url = url.data,
        .max_bytes = ANNOUNCE_MAX_REPLY,
        .timeout = r.event == ANNOUNCE_STOPPED ? GOODBYE_TIMEOUT : TIMEOUT,
        .user_agent = tools->user_agent,
        .bind = tools->bind.family ? &tools->bind : NULL,
        .family = v->family,
        .ca_file = tools->ca_file,
    };
    if (url.failed)
        err_set(e, ERR_NOMEM, "out of memory");
    else
        v->fetch = fetch_start(tools->fetcher, &o, on_fetched, v, e);
    text_free(&url);
    return v->fetch ? 0 : e->code;
}

/* Who did not answer by one of them need not hear that we go. */
static bool is_called_for(const struct voice *v, enum announce_event event) {
    return event != ANNOUNCE_STOPPED || v->heard;
}

static int announce_by_http(struct tracker *k, const struct announce_request *r,
                            struct err *e) {
    bool both = k->owner->tools.both;
    int status = 0;
    k->why = (struct err){0};
    for (int i = 0; i < 1 + both; i++) {
        struct voice *v = &k->voice[i];
        v->tracker = k;
        v->family = (uint8_t)(both ? 4 + 2 * i : 0);
        if (is_called_for(v, r->event) && announce_voice(v, *r, e) < 0)
            status = e->code;
    }
    return tracker_in_flight(k) ? 0 : status ? status : ERR_CLOSED;
}

static int announce_by_udp(struct tracker *k, const struct announce_request *r,
                           struct err *e) {
    uint32_t tries = r->event == ANNOUNCE_STOPPED ? 1 : 0;
    k->query = udp_query_announce(k->owner->tools.udp, k->url, r, tries, on_udp, k, e);
    return k->query ? 0 : e->code;
}

int tracker_announce(struct tracker *k, enum announce_event event, struct err *e) {
    struct err why = {0};
    k->event = event;
    k->asked_at = loop_now(k->owner->loop);
    k->answered = false;
    struct announce_request r = describe(k);
    int rc = k->udp ? announce_by_udp(k, &r, &why) : announce_by_http(k, &r, &why);
    return rc < 0 ? err_set(e, rc, "%s", why.text) : 0;
}

void tracker_cancel(struct tracker *k) {
    for (int i = 0; i < 2; i++) {
        if (k->voice[i].fetch)
            fetch_cancel(k->voice[i].fetch);
        k->voice[i].fetch = NULL;
    }
    if (k->query)
        udp_query_cancel(k->query);
    k->query = NULL;
}

/* -- what came of it ------------------------------------------------------------------- */

static const char *http_phrase(int status) {
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {400, " Bad Request"},
        {401, " Unauthorized"},
        {403, " Forbidden"},
        {404, " Not Found"},
        {405, " Method Not Allowed"},
        {410, " Gone"},
        {414, " URI Too Long"},
        {429, " Too Many Requests"},
        {500, " Internal Server Error"},
        {502, " Bad Gateway"},
        {503, " Service Unavailable"},
        {504, " Gateway Timeout"},
    };
    for (size_t i = 0; i < COUNT_OF(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

/* 0: an answer, to be freed. Else nothing of *reply counts but retry_in. */
static int read_result(struct announce_reply *reply, const struct fetch_result *r,
                       struct err *e) {
    *reply = (struct announce_reply){0};
    if (r->status < 0)
        return err_set(e, r->status, "%s", r->why);
    int rc = announce_reply_parse(reply, r->body, r->len, e);
    if (rc == 0 && *reply->failure)
        rc = err_set(e, ERR_REFUSED, "%s", reply->failure);
    else if (r->http_status >= 400)
        rc = err_set(e, ERR_REFUSED, "the tracker answered %d%s", r->http_status,
                     http_phrase(r->http_status));
    if (rc < 0)
        announce_reply_free(reply);
    return rc;
}

/* So many seconds and up to 5 % more: torrents that started together drift apart. */
static usec after(struct trackers *t, int seconds) {
    usec wait = seconds * t->second;
    return loop_now(t->loop) + wait + wait / 20 * rng_below(t->tools.rng, 1001) / 1000;
}

void tracker_fail(struct tracker *k, int retry_in, const char *text) {
    int most = k->proxy_failed ? PROXY_BACKOFF : MAX_BACKOFF;
    int backoff = MIN(BACKOFF << MIN(k->failures, 7u), most);
    k->failures++;
    k->peers = 0;
    snprintf(k->message, sizeof k->message, "%s", text);
    if (retry_in < 0)
        k->next_at = USEC_NEVER;
    else
        k->next_at = after(k->owner, retry_in ? retry_in : backoff);
}

/* An early announce makes the next early one wait for twice as long: when there are no more peers to
 * be had, asking each minute finds none and gets us banned. */
static usec min_wait(const struct tracker *k, int min_interval) {
    return (usec)min_interval << MIN(k->eager, 10u);
}

/* Few announces tell how often a torrent was downloaded: what a scrape said of it stays. */
static void note_counts(struct tracker *k, const struct announce_reply *r) {
    k->counts.complete = r->complete;
    k->counts.incomplete = r->incomplete;
    if (r->downloaded >= 0)
        k->counts.downloaded = r->downloaded;
}

static void succeed(struct tracker *k, const struct announce_reply *r) {
    struct trackers *t = k->owner;
    k->knows_us = true;
    k->failures = 0;
    snprintf(k->message, sizeof k->message, "%s", r->warning);
    if (*r->tracker_id)
        memcpy(k->id, r->tracker_id, sizeof k->id);
    note_counts(k, r);
    k->next_at = after(t, r->interval);
    k->min_at = loop_now(t->loop) + min_wait(k, r->min_interval) * t->second;
    if (!tracker_is_leaving(k))
        trackers_promote(t, k);
    if (k->event == ANNOUNCE_COMPLETED)
        t->download = TOLD;
}

/* Passes the addresses on, without our own (told by its id). */
static uint32_t give_peers(struct tracker *k, const struct announce_reply *r) {
    struct trackers *t = k->owner;
    uint32_t n = 0;
    struct addr *a = r->peer_count ? malloc(r->peer_count * sizeof *a) : NULL;
    for (uint32_t i = 0; a && i < r->peer_count; i++)
        if (!r->peers[i].has_id || memcmp(r->peers[i].id, t->peer_id, 20) != 0)
            a[n++] = r->peers[i].addr;
    k->peers += n;
    if (n)
        t->hooks->on_peers(t->owner, a, n);
    free(a);
    return n;
}

/* Who is leaving wants no peers. Two answers, one an address family, make one list of peers. */
static void on_answer(struct tracker *k, const struct announce_reply *r) {
    struct trackers *t = k->owner;
    bool staying = t->running && !tracker_is_leaving(k);
    uint32_t found = 0;
    succeed(k, r);
    k->peers = k->answered ? k->peers : 0;
    k->answered = true;
    if (staying && r->external_ip.family)
        t->hooks->on_external_ip(t->owner, &r->external_ip);
    if (staying)
        found = give_peers(k, r);
    t->hooks->on_result(t->owner, k->shown, 0, r->warning, found);
}

static void on_failure(struct tracker *k, int status, int retry_in, const char *why) {
    struct trackers *t = k->owner;
    tracker_fail(k, retry_in, why);
    t->hooks->on_result(t->owner, k->shown, status, why, 0);
}

/* Of two failures what the tracker itself says is told, else what went wrong by IPv4. */
static void note_failure(struct voice *v, int status, int retry_in, const char *text) {
    struct tracker *k = v->tracker;
    bool told = k->why.code == ERR_REFUSED || (k->why.code && v->family == 6);
    if (told && status != ERR_REFUSED)
        return;
    err_set(&k->why, status, "%s", text);
    k->retry_in = retry_in;
}

static void on_failed_voice(struct voice *v, int status, int retry_in, const char *text) {
    struct tracker *k = v->tracker;
    note_failure(v, status, retry_in, text);
    if (!k->answered && !tracker_in_flight(k))
        on_failure(k, k->why.code, k->retry_in, k->why.text);
}

static void on_fetched(void *owner, const struct fetch_result *r) {
    struct voice *v = owner;
    struct tracker *k = v->tracker;
    enum announce_event event = k->event;
    struct announce_reply reply;
    struct err e = {0};
    v->fetch = NULL;
    int status = read_result(&reply, r, &e);
    k->proxy_failed = r->proxy_failed;
    if (status < 0) {
        on_failed_voice(v, status, reply.retry_in, e.text);
    } else {
        v->heard = true;
        on_answer(k, &reply);
        announce_reply_free(&reply);
    }
    if (!tracker_in_flight(k))
        trackers_on_end(k->owner, k, event);
}

static void on_udp(void *owner, const struct udp_result *r) {
    struct tracker *k = owner;
    enum announce_event event = k->event;
    bool last = r->last;
    if (last)
        k->query = NULL;
    if (r->status < 0)
        on_failure(k, r->status, 0, r->why);
    else if (r->reply)
        on_answer(k, r->reply);
    if (last)
        trackers_on_end(k->owner, k, event);
}
