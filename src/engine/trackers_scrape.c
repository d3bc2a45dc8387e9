/* trackers_scrape: asking a tracker for the size of the swarm (BEP 48; UDP: BEP 15), without
 * becoming part of it. Only when the user asks: announces tell nearly as much. */
#include <string.h>

#include "engine/trackers_private.h"

#define TIMEOUT (30 * USEC_PER_SEC)
#define MIN_INTERVAL 60 /* seconds, whatever a script asks for */

/* -- what came of it ------------------------------------------------------------------- */

static void on_counts(struct tracker *k, const struct scrape_counts *c) {
    struct trackers *t = k->owner;
    bool knows = c->complete >= 0 || c->incomplete >= 0 || c->downloaded >= 0;
    if (knows)
        k->counts = *c;
    t->hooks->on_scrape(t->owner, k->shown, knows ? 0 : ERR_NOTFOUND,
                        knows ? "" : "the tracker does not know the torrent",
                        knows ? c : NULL);
}

static void on_failure(struct tracker *k, int status, const char *why) {
    struct trackers *t = k->owner;
    t->hooks->on_scrape(t->owner, k->shown, status, why, NULL);
}

static void on_udp(void *owner, const struct udp_result *r) {
    struct tracker *k = owner;
    if (r->last)
        k->scrape_query = NULL;
    if (r->status < 0)
        on_failure(k, r->status, r->why);
    else if (r->counts)
        on_counts(k, r->counts);
}

static void note_min_interval(struct tracker *k, const struct scrape_reply *r) {
    struct trackers *t = k->owner;
    usec at = loop_now(t->loop) + MAX(r->min_interval, MIN_INTERVAL) * t->second;
    k->scrape_at = MAX(k->scrape_at, at);
}

static void on_fetched(void *owner, const struct fetch_result *r) {
    struct tracker *k = owner;
    struct scrape_reply reply = {0};
    struct scrape_counts counts;
    struct err e = {0};
    int status = r->status;
    k->scrape_fetch = NULL;
    if (status < 0)
        err_set(&e, status, "%s", r->why);
    else if (r->http_status >= 400)
        status = err_set(&e, ERR_REFUSED, "the tracker answered %d", r->http_status);
    else
        status =
            scrape_reply_parse(&reply, &counts, (const uint8_t(*)[20])k->owner->scraped,
                               1, r->body, r->len, &e);
    if (status == 0 && *reply.failure)
        status = err_set(&e, ERR_REFUSED, "%s", reply.failure);
    note_min_interval(k, &reply);
    if (status < 0)
        on_failure(k, status, e.text);
    else
        on_counts(k, &counts);
}

/* -- the request ----------------------------------------------------------------------- */

static int by_udp(struct tracker *k, struct err *e) {
    struct trackers *t = k->owner;
    k->scrape_query = udp_query_scrape(t->tools.udp, k->url, t->scraped[0], on_udp, k, e);
    return k->scrape_query ? 0 : ERR_NOMEM;
}

static int by_http(struct tracker *k, struct err *e) {
    struct trackers *t = k->owner;
    const struct trackers_tools *tools = &t->tools;
    struct text url;
    text_init(&url);
    int rc = scrape_url(&url, k->url, (const uint8_t(*)[20])t->scraped, 1);
    struct fetch_options o = {
        .url = url.data,
        .max_bytes = SCRAPE_MAX_REPLY,
        .timeout = TIMEOUT,
        .user_agent = tools->user_agent,
        .bind = tools->bind.family ? &tools->bind : NULL,
        .ca_file = tools->ca_file,
    };
    if (rc == ERR_UNSUPPORTED)
        err_set(e, rc, "the tracker's address has no form for scraping");
    else if (rc < 0)
        err_set(e, rc, "out of memory");
    else if (!(k->scrape_fetch = fetch_start(tools->fetcher, &o, on_fetched, k, e)))
        rc = ERR_NOMEM;
    text_free(&url);
    return rc;
}

int tracker_scrape(struct tracker *k, const uint8_t info_hash[20], struct err *e) {
    struct trackers *t = k->owner;
    usec now = loop_now(t->loop);
    if (k->scrape_fetch || k->scrape_query || now < k->scrape_at)
        return err_set(e, ERR_AGAIN, "the tracker was asked less than a minute ago");
    memcpy(t->scraped[0], info_hash, sizeof t->scraped[0]);
    int rc = k->udp ? by_udp(k, e) : by_http(k, e);
    if (rc == 0)
        k->scrape_at = now + MIN_INTERVAL * t->second;
    return rc;
}

void tracker_cancel_scrape(struct tracker *k) {
    if (k->scrape_fetch)
        fetch_cancel(k->scrape_fetch);
    if (k->scrape_query)
        udp_query_cancel(k->scrape_query);
    k->scrape_fetch = NULL;
    k->scrape_query = NULL;
}
