/* trackers_list: which tracker is next (BEP 12). One array, sorted by tier:
 *
 *     tier    0  0  0 | 1  1 | 2
 *             a  b  c   d  e   f       a, b failed and wait: c is next
 *             ^ first to be tried      c answered: it moves in front of a
 *
 * The order is walked from the front. A tracker that failed is passed over until its back-off has
 * ended; the first one that has not failed is the one we live with, and nobody behind it is asked.
 * So a failure leads to the next at once, a whole tier's failure to the next tier, and a better
 * tracker that recovers is found again by its own back-off. Nothing here does I/O. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
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

static void tracker_free(struct tracker *k) {
    if (!k)
        return;
    free(k->url);
    free(k->shown);
    free(k);
}

static struct tracker *tracker_new(struct trackers *t, const char *url, uint32_t tier) {
    struct tracker *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->owner = t;
    k->tier = tier;
    k->url = strdup(url);
    k->shown = make_shown(url);
    k->unsupported = strcmp(tracker_scheme(url), "udp") == 0;
    k->complete = k->incomplete = -1;
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

void trackers_delete(struct trackers *t, struct tracker *k) {
    take(t, index_of(t, k));
    tracker_free(k);
}

/* The tracker at `to` swaps with any of its tier that are not before `from`. */
void trackers_shuffle(struct trackers *t) {
    for (uint32_t first = 0, end; first < t->count; first = end) {
        end = tier_end(t, t->list[first]->tier);
        for (uint32_t i = first; i < end; i++) {
            uint32_t j = i + rng_below(t->rng, end - i);
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
        if (t->list[i]->fetch)
            return true;
    return false;
}

usec tracker_due(const struct tracker *k) {
    const struct trackers *t = k->owner;
    if (!k->knows_us || k->failures)
        return k->next_at;
    if (t->download == COMPLETED)
        return 0;
    return t->want ? MIN(k->min_at, k->next_at) : k->next_at;
}

/* The first `n` of the list are those that may have a turn. */
static uint32_t reachable(const struct trackers *t) {
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->list[i]->unsupported && !t->list[i]->failures)
            return i + 1;
    return t->count;
}

struct tracker *trackers_next(const struct trackers *t, usec now) {
    for (uint32_t i = 0, n = reachable(t); i < n; i++)
        if (!t->list[i]->unsupported && tracker_due(t->list[i]) <= now)
            return t->list[i];
    return NULL;
}

/* At once if there is one whose being unsupported was not told yet. */
usec trackers_wake_at(const struct trackers *t) {
    usec at = USEC_NEVER;
    for (uint32_t i = 0, n = reachable(t); i < t->count; i++) {
        const struct tracker *k = t->list[i];
        if (k->unsupported && !k->told)
            return 0;
        if (!k->unsupported && i < n)
            at = MIN(at, tracker_due(k));
    }
    return at;
}

/* -- for looking at -------------------------------------------------------------------- */

static const char *state_name(const struct tracker *k) {
    if (k->unsupported)
        return "unsupported";
    if (k->fetch)
        return "announcing";
    if (k->failures)
        return "failed";
    return k->knows_us ? "working" : "idle";
}

static usec next_at(const struct trackers *t, uint32_t i) {
    const struct tracker *k = t->list[i];
    if (!t->running || k->unsupported || k->fetch || i >= reachable(t))
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
        .complete = k->complete,
        .incomplete = k->incomplete,
        .peers = k->peers,
        .failures = k->failures,
        .next_at = next_at(t, i),
    };
    return true;
}
