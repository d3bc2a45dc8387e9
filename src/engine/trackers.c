/* trackers: their life and schedule.
 *
 *     start ---> pulse ----------> announce ------> on_done ---> hooks
 *                  ^   to the one whose turn it is       |
 *                  +---- timer <-------------------------+
 *     stop ----> farewell to each that knows us ... silence
 *
 * A tracker hears `started` until it has answered once, then `completed` if the download ended in
 * this session and none has heard it, then nothing in particular. A stop that comes right after
 * the end of a download does not swallow `completed`: it goes out first, `stopped` after it. No
 * hook is called before the next step of the loop, whatever is asked here. */
#include "engine/trackers.h"

#include <stdlib.h>
#include <string.h>

#include "engine/trackers_private.h"

#define PATIENCE (3 * USEC_PER_SEC) /* those that work answer within one or two */
#define TRY_AGAIN \
    15 /* seconds: the user cannot have a failing tracker asked more often */

/* -- schedule -------------------------------------------------------------------------- */

static enum announce_event next_event(const struct tracker *k) {
    if (!k->knows_us)
        return ANNOUNCE_STARTED;
    return k->owner->download == COMPLETED ? ANNOUNCE_COMPLETED : ANNOUNCE_NONE;
}

static void report(struct tracker *k, int status, const char *text) {
    struct trackers *t = k->owner;
    t->hooks->on_result(t->owner, k->shown, status, text, 0);
}

static void tell_unsupported(struct trackers *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        struct tracker *k = t->list[i];
        if (!k->unsupported || k->told)
            continue;
        k->told = true;
        report(
            k, ERR_UNSUPPORTED,
            "not asked, because UDP would go round the proxy (proxy_bypass allows it)");
    }
}

static void announce(struct tracker *k, usec now) {
    enum announce_event event = next_event(k);
    struct err e = {0};
    if (event == ANNOUNCE_NONE)
        k->eager = now < k->next_at ? k->eager + 1 : 0;
    k->owner->want = false;
    if (tracker_announce(k, event, &e) == 0)
        return;
    tracker_fail(k, 0, e.text);
    report(k, e.code, e.text);
}

static void set_timer(struct trackers *t) {
    usec at = USEC_NEVER;
    if (t->running)
        at = trackers_wake_at(t);
    timer_set(loop_timers(t->loop), &t->timer, at);
}

/* Does what is due. An announce that cannot even begin has failed: the next one's turn. */
static void pulse(struct trackers *t, usec now) {
    struct tracker *k;
    tell_unsupported(t);
    while (t->running && !trackers_awaited(t) && (k = trackers_next(t, now)))
        announce(k, now);
    set_timer(t);
}

static void on_timer(struct timer *timer, usec now) {
    pulse(CONTAINER_OF(timer, struct trackers, timer), now);
}

/* Best effort: when it cannot be said, it is not said. */
static void farewell(struct tracker *k) {
    struct trackers *t = k->owner;
    enum announce_event event = ANNOUNCE_STOPPED;
    if (!k->knows_us)
        return;
    if (t->download == COMPLETED && !k->failures) {
        t->download = TOLD;
        event = ANNOUNCE_COMPLETED;
    }
    if (tracker_announce(k, event, NULL) < 0)
        k->knows_us = false;
}

/* One that was removed lives until it has heard of it. */
static void leave(struct trackers *t, struct tracker *k) {
    if (!tracker_is_leaving(k))
        list_append(&t->leaving, &k->leaving);
    if (!tracker_in_flight(k))
        farewell(k);
    if (!tracker_in_flight(k))
        tracker_free(k);
}

void trackers_on_end(struct trackers *t, struct tracker *k, enum announce_event event) {
    if (event == ANNOUNCE_STOPPED)
        k->knows_us = false;
    if (tracker_is_leaving(k))
        leave(t, k);
    else if (t->running)
        pulse(t, loop_now(t->loop));
    else if (!tracker_in_flight(k))
        farewell(k);
}

/* -- life ------------------------------------------------------------------------------ */

/* The torrent's own, in shuffled order. One that is there twice, or makes no sense, is left out. */
static int add_all(struct trackers *t, const struct metainfo *m) {
    for (uint32_t i = 0; m && i < m->tier_count; i++)
        for (uint32_t j = 0; j < m->tiers[i].count; j++)
            if (trackers_insert(t, m->tiers[i].urls[j], i, NULL) == ERR_NOMEM)
                return ERR_NOMEM;
    trackers_shuffle(t);
    return 0;
}

/* The key proves to a tracker that we are who we were, so nobody may guess it. */
static void choose_key(struct trackers *t) {
    if (rng_secret(&t->key, sizeof t->key) < 0)
        t->key = (uint32_t)rng_next(t->tools.rng);
}

struct trackers *trackers_new(const struct trackers_tools *tools,
                              const struct metainfo *m,
                              const struct trackers_hooks *hooks, void *owner) {
    struct trackers *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->tools = *tools;
    t->loop = tools->loop;
    t->hooks = hooks;
    t->owner = owner;
    t->patience = PATIENCE;
    t->second = USEC_PER_SEC;
    timer_init(&t->timer, on_timer);
    list_init(&t->leaving);
    choose_key(t);
    if (add_all(t, m) == 0)
        return t;
    trackers_free(t);
    return NULL;
}

void trackers_set_pace(struct trackers *t, usec second) {
    t->second = second;
}

static void cancel_all(struct trackers *t) {
    for (uint32_t i = 0; i < t->count; i++)
        tracker_cancel(t->list[i]);
}

static void end(struct tracker *k) {
    tracker_cancel(k);
    tracker_cancel_scrape(k);
    tracker_free(k);
}

/* A `stopped` in flight of one that comes back is given up, as in trackers_start. */
static void welcome_back(struct trackers *t, const char *url) {
    LIST_EACH(l, &t->leaving) {
        struct tracker *k = LIST_ITEM(l, struct tracker, leaving);
        if (strcmp(k->url, url) == 0)
            end(k);
    }
}

/* After trackers_stop its `stopped` is in flight already, or was said. */
static void drop(struct trackers *t, struct tracker *k) {
    tracker_cancel_scrape(k);
    if (t->running)
        tracker_cancel(k);
    leave(t, k);
}

void trackers_free(struct trackers *t) {
    if (!t)
        return;
    timer_stop(loop_timers(t->loop), &t->timer);
    for (uint32_t i = 0; i < t->count; i++)
        end(t->list[i]);
    LIST_EACH(l, &t->leaving) {
        end(LIST_ITEM(l, struct tracker, leaving));
    }
    free(t->list);
    free(t);
}

/* A `stopped` still in flight from before is given up: `started` takes it back. */
void trackers_start(struct trackers *t, const uint8_t info_hash[20],
                    const uint8_t peer_id[20]) {
    if (t->running)
        return;
    cancel_all(t);
    for (uint32_t i = 0; i < t->count; i++) {
        struct tracker *k = t->list[i];
        k->knows_us = k->voice[0].heard = k->voice[1].heard = false;
        k->failures = k->eager = 0;
        k->next_at = loop_now(t->loop);
    }
    memcpy(t->info_hash, info_hash, sizeof t->info_hash);
    memcpy(t->peer_id, peer_id, sizeof t->peer_id);
    t->running = true;
    set_timer(t);
}

/* While `completed` is due, the announce in flight may end: its end says the farewell. */
void trackers_stop(struct trackers *t) {
    if (!t->running)
        return;
    t->running = t->want = false;
    set_timer(t);
    for (uint32_t i = 0; i < t->count; i++) {
        struct tracker *k = t->list[i];
        if (tracker_in_flight(k) && !k->answered && t->download == COMPLETED)
            continue;
        tracker_cancel(k);
        farewell(k);
    }
}

bool trackers_busy(const struct trackers *t) {
    return trackers_in_flight(t);
}

void trackers_completed(struct trackers *t) {
    if (t->download == OPEN)
        t->download = COMPLETED;
    set_timer(t);
}

void trackers_want_peers(struct trackers *t) {
    t->want = true;
    set_timer(t);
}

int trackers_add(struct trackers *t, const char *url, uint32_t tier, struct err *e) {
    int rc = trackers_insert(t, url, tier, e);
    if (rc < 0)
        return rc;
    welcome_back(t, url);
    set_timer(t);
    return 0;
}

bool trackers_remove(struct trackers *t, const char *url) {
    struct tracker *k = trackers_find(t, url);
    if (!k)
        return false;
    trackers_take_out(t, k);
    drop(t, k);
    set_timer(t);
    return true;
}

void trackers_announce(struct trackers *t) {
    usec now = loop_now(t->loop);
    for (uint32_t i = 0; i < t->count; i++) {
        struct tracker *k = t->list[i];
        if (k->failures)
            k->next_at = MIN(k->next_at, MAX(now, k->asked_at + TRY_AGAIN * t->second));
    }
    trackers_want_peers(t);
}

void trackers_on_proxy_works(struct trackers *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        struct tracker *k = t->list[i];
        if (k->failures && k->proxy_failed)
            k->next_at = MIN(k->next_at, loop_now(t->loop));
    }
    set_timer(t);
}

int trackers_scrape(struct trackers *t, const uint8_t info_hash[20], struct err *e) {
    int started = 0;
    struct err why = {0};
    err_set(&why, ERR_UNSUPPORTED, "the torrent has no tracker that can be asked");
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->list[i]->unsupported)
            started += tracker_scrape(t->list[i], info_hash, &why) == 0;
    return started ? started : err_set(e, why.code, "%s", why.text);
}

/* -- another list ---------------------------------------------------------------------- */

static bool is_in(struct tracker *const *list, uint32_t count, const struct tracker *k) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == k)
            return true;
    return false;
}

int trackers_assign(struct trackers *t, const struct tracker_place *places,
                    uint32_t count, struct err *e) {
    struct err why = {0};
    uint32_t n = 0;
    struct tracker **list = trackers_arrange(t, places, count, &n, &why);
    if (!list)
        return err_set(e, why.code, "%s", why.text);
    for (uint32_t i = t->count; i-- > 0;)
        if (!is_in(list, n, t->list[i]))
            drop(t, t->list[i]);
    free(t->list);
    t->list = list;
    t->count = n;
    trackers_place(t, places, count);
    for (uint32_t i = 0; i < count; i++)
        welcome_back(t, places[i].url);
    set_timer(t);
    return 0;
}
