/* torrent_trackers: what a torrent tells its trackers, and what becomes of their answers. */
#include "engine/torrent_trackers.h"

#include <stdlib.h>
#include <string.h>

#include "engine/connect.h"
#include "engine/mapping.h"
#include "engine/torrent.h"
#include "proto/wire_reader.h"

static void describe(void *owner, struct announce_request *r, bool *want_peers) {
    const struct torrent *t = owner;
    const struct session *s = t->session;
    uint16_t port = mapping_public_port(s);
    r->port = port ? port : 1; /* some refuse port 0 */
    r->uploaded = t->uploaded, r->downloaded = t->downloaded;
    r->left = t->meta ? torrent_bytes_left(t) : WIRE_BLOCK; /* not 0: we are no seed */
    if (session_direct(s) && s->external6.family) /* or it hears of one address only */
        r->ip6 = &s->external6;
    *want_peers = torrent_active(t) && t->peer_count < connect_limit(t);
}

static void on_tracker_peers(void *owner, const struct addr *a, uint32_t n) {
    torrent_on_addresses(owner, a, n, SOURCE_TRACKER);
}

static void on_tracker_result(void *owner, const char *url, int status, const char *text,
                              uint32_t peers) {
    struct torrent *t = owner;
    session_event(t->session, EVENT_TRACKER, t, NULL, peers, status, "%s%s%s", url,
                  *text ? ": " : "", text);
}

static void on_external_ip(void *owner, const struct addr *a) {
    const struct torrent *t = owner;
    external_vote(t->session, &(struct addr){.family = a->family}, a);
}

static void on_scrape(void *owner, const char *url, int status, const char *text,
                      const struct scrape_counts *counts) {
    struct torrent *t = owner;
    struct event ev = {.type = EVENT_SCRAPE, .torrent = t->id, .code = status};
    struct text what;
    text_init(&what);
    text_addf(&what, "%s%s%s", url, *text ? ": " : "", text);
    ev.text = text_take(&what, NULL);
    if (counts && (ev.data = malloc(sizeof *counts))) {
        memcpy(ev.data, counts, sizeof *counts);
        ev.len = sizeof *counts;
    }
    events_push(&t->session->events, &ev);
}

static const struct trackers_hooks tracker_hooks = {
    describe, on_tracker_peers, on_tracker_result, on_external_ip, on_scrape};

struct trackers *torrent_trackers_new(struct torrent *t, const struct metainfo *m) {
    struct session *s = t->session;
    const struct trackers_tools tools = {
        .loop = s->loop,
        .fetcher = s->fetcher,
        .udp = session_direct(s) ? s->udp_trackers : NULL,
        .rng = &s->rng,
        .user_agent = s->settings.user_agent,
        .bind = s->settings.bind,
        .both = s->listener4 && s->listener6,
        .ca_file = s->settings.ca_file,
    };
    return trackers_new(&tools, m, &tracker_hooks, t);
}

/* ---- changed by the user -------------------------------------------------------------------- */

static void note_change(struct torrent *t, bool changed) {
    t->own_trackers |= changed;
    t->dirty_resume |= changed;
}

int torrent_trackers_assign(struct torrent *t, const struct tracker_place *places,
                            uint32_t count, struct err *e) {
    int status = trackers_assign(t->trackers, places, count, e);
    note_change(t, status == 0);
    return status;
}

int torrent_trackers_add(struct torrent *t, const char *url, uint32_t tier,
                         struct err *e) {
    int status = trackers_add(t->trackers, url, tier, e);
    note_change(t, status == 0);
    return status;
}

bool torrent_trackers_remove(struct torrent *t, const char *url) {
    bool removed = trackers_remove(t->trackers, url);
    note_change(t, removed);
    return removed;
}

struct tracker_place *torrent_trackers_list(const struct torrent *t, uint32_t *count) {
    uint32_t n = trackers_count(t->trackers);
    struct tracker_place *places = calloc(MAX(n, 1u), sizeof *places);
    struct tracker_row row;
    *count = 0;
    for (uint32_t i = 0; places && i < n; i++)
        if (trackers_row(t->trackers, i, &row))
            places[(*count)++] = (struct tracker_place){row.url, row.tier};
    return places;
}
