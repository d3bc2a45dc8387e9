/* trackers_list: which tracker is next (BEP 12). One array, sorted by tier:
 *
 *     tier    0  0  0 | 1  1 | 2
 *             a  b  c   d  e   f       a, b failed and wait: c is next
 *             ^ first to be tried      c answered: it moves in front of a
 *
 * The order is walked from the front. A tracker that failed is passed over until its back-off has
 * ended, one that is silent until it answers; the first one that has not failed is the one we live
 * with, and nobody behind it is asked. So a failure leads to the next at once, a whole tier's
 * failure to the next tier, and a better tracker that recovers is found again by its own back-off.
 * Nothing here does I/O. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/url.h"
#include "engine/trackers_private.h"

#define MAX_TRACKERS 1000 /* whatever scripts add: each one costs requests */

/* -- the list -------------------------------------------------------------------------- */

/* "https://host:1/..." : what comes behind the host may be a passkey, in front of it a password. */
static char *make_shown(const char *url) {
    struct text t;
    const char *authority = strstr(url, "://") + 3;
    size_t len = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', len), *host = at ? at + 1 : authority;
    const char *rest = authority + len;
    bool harmless = !*rest || !strcmp(rest, "/") || !strcmp(rest, "/announce");
    text_init(&t);
    text_add(&t, url, (size_t)(authority - url));
    text_add(&t, host, (size_t)(rest - host));
    text_adds(&t, harmless ? rest : "/...");
    return text_take(&t, NULL);
}

void tracker_free(struct tracker *k) {
    if (!k)
        return;
    list_remove(&k->leaving);
    free(k->url);
    free(k->shown);
    free(k);
}

static struct tracker *tracker_new(struct trackers *t, const char *url, uint32_t tier) {
    struct tracker *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    list_init(&k->leaving);
    k->owner = t;
    k->tier = tier;
    k->url = strdup(url);
    k->shown = make_shown(url);
    k->udp = strcmp(tracker_scheme(url), "udp") == 0;
    k->unsupported = k->udp && !t->tools.udp;
    k->counts = (struct scrape_counts){-1, -1, -1};
    if (k->url && k->shown)
        return k;
    tracker_free(k);
    return NULL;
}

struct tracker *trackers_find(const struct trackers *t, const char *url) {
    for (uint32_t i = 0; i < t->count; i++)
        if (strcmp(t->list[i]->url, url) == 0)
            return t->list[i];
    return NULL;
}

/* Puts one at a place in the array, which has room. */
static void put(struct trackers *t, uint32_t at, struct tracker *k) {
    memmove(t->list + at + 1, t->list + at, (t->count - at) * sizeof(*t->list));
    t->list[at] = k;
    t->count++;
}

static uint32_t tier_end(const struct trackers *t, uint32_t tier) {
    uint32_t i = 0;
    while (i < t->count && t->list[i]->tier <= tier)
        i++;
    return i;
}

int trackers_insert(struct trackers *t, const char *url, uint32_t tier, struct err *e) {
    if (!tracker_scheme(url))
        return err_set(e, ERR_INVALID, "not the address of a tracker: %.100s", url);
    if (trackers_find(t, url))
        return err_set(e, ERR_EXISTS, "the torrent has this tracker already");
    if (t->count >= MAX_TRACKERS)
        return err_set(e, ERR_LIMIT, "a torrent has at most %d trackers", MAX_TRACKERS);
    struct tracker **list = realloc(t->list, (t->count + 1) * sizeof(*list));
    if (list)
        t->list = list;
    struct tracker *k = list ? tracker_new(t, url, tier) : NULL;
    if (!k)
        return err_set(e, ERR_NOMEM, "out of memory");
    put(t, tier_end(t, tier), k);
    return 0;
}

/* -- another list ---------------------------------------------------------------------- */

static int arrange_one(struct trackers *t, struct tracker **list, uint32_t *n,
                       const struct tracker_place *place, struct err *e) {
    for (uint32_t i = 0; i < *n; i++)
        if (strcmp(list[i]->url, place->url) == 0)
            return 0;
    if (!tracker_scheme(place->url))
        return err_set(e, ERR_INVALID, "not the address of a tracker: %.100s",
                       place->url);
    if (*n >= MAX_TRACKERS)
        return err_set(e, ERR_LIMIT, "a torrent has at most %d trackers", MAX_TRACKERS);
    struct tracker *k = trackers_find(t, place->url);
    if (!k && !(k = tracker_new(t, place->url, place->tier)))
        return err_set(e, ERR_NOMEM, "out of memory");
    list[(*n)++] = k;
    return 0;
}

struct tracker **trackers_arrange(struct trackers *t, const struct tracker_place *places,
                                  uint32_t count, uint32_t *n, struct err *e) {
    struct tracker **list = calloc(count + 1, sizeof(*list));
    int rc = list ? 0 : err_set(e, ERR_NOMEM, "out of memory");
    *n = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = arrange_one(t, list, n, &places[i], e);
    if (rc == 0)
        return list;
    for (uint32_t i = 0; list && i < *n; i++)
        if (trackers_find(t, list[i]->url) != list[i])
            tracker_free(list[i]);
    free(list);
    return NULL;
}

/* Stable: within a tier the order is that of the places. */
static void sort_by_tier(struct trackers *t) {
    for (uint32_t i = 1; i < t->count; i++) {
        struct tracker *k = t->list[i];
        uint32_t j = i;
        for (; j > 0 && t->list[j - 1]->tier > k->tier; j--)
            t->list[j] = t->list[j - 1];
        t->list[j] = k;
    }
}

void trackers_place(struct trackers *t, const struct tracker_place *places,
                    uint32_t count) {
    for (uint32_t i = count; i-- > 0;) /* of doubles the first counts */
        trackers_find(t, places[i].url)->tier = places[i].tier;
    sort_by_tier(t);
}

/* -- the order ------------------------------------------------------------------------- */

static uint32_t index_of(const struct trackers *t, const struct tracker *k) {
    uint32_t i = 0;
    while (t->list[i] != k)
        i++;
    return i;
}

static void take(struct trackers *t, uint32_t at) {
    t->count--;
    memmove(t->list + at, t->list + at + 1, (t->count - at) * sizeof(*t->list));
}

void trackers_take_out(struct trackers *t, struct tracker *k) {
    take(t, index_of(t, k));
}

/* The tracker at `to` swaps with any of its tier that are not before `from`. */
void trackers_shuffle(struct trackers *t) {
    for (uint32_t first = 0, end; first < t->count; first = end) {
        end = tier_end(t, t->list[first]->tier);
        for (uint32_t i = first; i < end; i++) {
            uint32_t j = i + rng_below(t->tools.rng, end - i);
            struct tracker *k = t->list[i];
            t->list[i] = t->list[j];
            t->list[j] = k;
        }
    }
}

void trackers_promote(struct trackers *t, const struct tracker *k) {
    uint32_t at = index_of(t, k), front = at;
    while (front > 0 && t->list[front - 1]->tier == k->tier)
        front--;
    struct tracker *moved = t->list[at];
    take(t, at);
    put(t, front, moved);
}

/* -- whose turn it is ------------------------------------------------------------------ */

bool trackers_in_flight(const struct trackers *t) {
    for (uint32_t i = 0; i < t->count; i++)
        if (tracker_in_flight(t->list[i]))
            return true;
    return !list_empty(&t->leaving);
}

/* The other family of one that has answered may take its time. */
static bool is_awaited(const struct tracker *k) {
    return tracker_in_flight(k) && !k->answered;
}

static bool is_slow(const struct tracker *k) {
    const struct trackers *t = k->owner;
    return is_awaited(k) && loop_now(t->loop) - k->asked_at >= t->patience;
}

const struct tracker *trackers_awaited(const struct trackers *t) {
    for (uint32_t i = 0; i < t->count; i++)
        if (is_awaited(t->list[i]) && !is_slow(t->list[i]))
            return t->list[i];
    return NULL;
}

usec tracker_due(const struct tracker *k) {
    const struct trackers *t = k->owner;
    if (!k->knows_us || k->failures)
        return k->next_at;
    if (t->download == COMPLETED)
        return 0;
    return t->want ? MIN(k->min_at, k->next_at) : k->next_at;
}

/* Is it as if it were not there, and does the next have its turn? */
static bool is_passed_over(const struct tracker *k) {
    return k->unsupported || k->failures || is_slow(k);
}

/* The first `n` of the list are those that may have a turn. */
static uint32_t reachable(const struct trackers *t) {
    for (uint32_t i = 0; i < t->count; i++)
        if (!is_passed_over(t->list[i]))
            return i + 1;
    return t->count;
}

static bool may_be_asked(const struct tracker *k) {
    return !k->unsupported && !tracker_in_flight(k);
}

struct tracker *trackers_next(const struct trackers *t, usec now) {
    for (uint32_t i = 0, n = reachable(t); i < n; i++)
        if (may_be_asked(t->list[i]) && tracker_due(t->list[i]) <= now)
            return t->list[i];
    return NULL;
}

/* At once if there is one whose being unsupported was not told yet. */
usec trackers_wake_at(const struct trackers *t) {
    const struct tracker *awaited = trackers_awaited(t);
    usec at = awaited ? awaited->asked_at + t->patience : USEC_NEVER;
    for (uint32_t i = 0, n = reachable(t); i < t->count; i++) {
        const struct tracker *k = t->list[i];
        if (k->unsupported && !k->told)
            return 0;
        if (!awaited && i < n && may_be_asked(k))
            at = MIN(at, tracker_due(k));
    }
    return at;
}

/* -- for looking at -------------------------------------------------------------------- */

static const char *state_name(const struct tracker *k) {
    if (k->unsupported)
        return "unsupported";
    if (tracker_in_flight(k))
        return "announcing";
    if (k->failures)
        return "failed";
    return k->knows_us ? "working" : "idle";
}

static usec next_at(const struct trackers *t, uint32_t i) {
    const struct tracker *k = t->list[i];
    if (!t->running || !may_be_asked(k) || i >= reachable(t))
        return USEC_NEVER;
    return tracker_due(k);
}

uint32_t trackers_count(const struct trackers *t) {
    return t->count;
}

bool trackers_row(const struct trackers *t, uint32_t i, struct tracker_row *out) {
    if (i >= t->count)
        return false;
    const struct tracker *k = t->list[i];
    *out = (struct tracker_row){
        .url = k->url,
        .tier = k->tier,
        .state = state_name(k),
        .message = k->message,
        .counts = k->counts,
        .peers = k->peers,
        .failures = k->failures,
        .next_at = next_at(t, i),
    };
    return true;
}

static void take_greater(int64_t *of, int64_t n) {
    *of = MAX(*of, n);
}

struct scrape_counts trackers_counts(const struct trackers *t) {
    struct scrape_counts all = {-1, -1, -1};
    for (uint32_t i = 0; i < t->count; i++) {
        const struct scrape_counts *c = &t->list[i]->counts;
        take_greater(&all.complete, c->complete);
        take_greater(&all.downloaded, c->downloaded);
        take_greater(&all.incomplete, c->incomplete);
    }
    return all;
}
