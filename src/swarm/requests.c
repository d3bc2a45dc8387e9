/* requests: the ring of what was asked, and the depth it should have.
 *
 * Depth has to cover delay x rate, but the delay that one sees is no property of the path. What
 * we ask waits at the peer behind what we asked before (Little: delay = outstanding / rate), so
 * a depth that follows the plain delay feeds on itself until it hits its bound:
 *
 *     delay  |<--- base: path, first byte --->|<--- our own queue at the peer --->|
 *
 * Only the base counts. It is the least delay of a period; and since a queue that never drains
 * would hide it (and double the estimate from period to period), every period begins with a
 * probe: for about one delay we ask for half of what the base would need, the queue runs dry and
 * the next answers show the path as it is now. Twice the base is then kept outstanding: enough
 * to find out that the peer could be faster (depth, and with it the rate, doubles until the
 * pipe is full), and to bridge what the receiver does at a time.
 *
 * Source: the delay window of storrent, the slow start of libtorrent, the probing of BBR. */
#include "swarm/requests.h"

#include "base/err.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAP 16u /* a power of two, as every later capacity */
#define RATE_STALE \
    (4 * USEC_PER_SEC) /* a second that lasts longer tells the rate itself */
#define RATE_MAX ((uint64_t)1 << 40) /* times REQUESTS_MAX_WINDOW still fits 64 bits */

/* ---- the ring ---- */

static struct request *at(const struct requests *r, uint32_t i) {
    return &r->ring[(r->head + i) & (r->cap - 1)];
}

void requests_init(struct requests *r) {
    *r = (struct requests){.slow_start = true, .depth = REQUESTS_START_DEPTH};
}

void requests_fini(struct requests *r) {
    free(r->ring);
    requests_init(r);
}

static int grow(struct requests *r) {
    uint32_t cap = r->cap ? r->cap * 2 : FIRST_CAP;
    struct request *ring = cap ? malloc(cap * sizeof *ring) : NULL;
    if (!ring)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < r->count; i++)
        ring[i] = *at(r, i);
    free(r->ring);
    r->ring = ring, r->cap = cap, r->head = 0;
    return 0;
}

int requests_push(struct requests *r, const struct request *q) {
    if (r->count == r->cap && grow(r) < 0)
        return ERR_NOMEM;
    if (!r->live) {
        r->asked_first_at = q->asked_at;
        r->window_from = 0; /* nobody is slow while nothing is asked */
    }
    r->count++;
    *at(r, r->count - 1) = *q;
    r->live += !q->cancelled;
    return 0;
}

struct request *requests_at(const struct requests *r, uint32_t i) {
    return i < r->count ? at(r, i) : NULL;
}

int64_t requests_find(const struct requests *r, uint32_t piece, uint32_t begin,
                      uint32_t length) {
    for (uint32_t i = 0; i < r->count; i++) {
        const struct request *q = at(r, i);
        if (q->begin == begin && q->piece == piece && q->length == length)
            return i;
    }
    return -1;
}

/* Moves the shorter side over the gap; usually it is the front and there is nothing to move. */
void requests_remove(struct requests *r, uint32_t i, struct request *out) {
    assert(i < r->count);
    if (out)
        *out = *at(r, i);
    r->live -= !at(r, i)->cancelled;
    r->late -= i < r->late;
    if (i < r->count / 2) {
        for (; i > 0; i--)
            *at(r, i) = *at(r, i - 1);
        r->head = (r->head + 1) & (r->cap - 1);
    } else {
        for (; i + 1 < r->count; i++)
            *at(r, i) = *at(r, i + 1);
    }
    r->count--;
}

void requests_clear(struct requests *r) {
    r->head = r->count = r->live = r->late = 0;
}

void requests_answered(struct requests *r, uint32_t i, struct request *out) {
    r->late = MAX(r->late, i);
    requests_remove(r, i, out);
}

struct request *requests_expected(const struct requests *r, uint32_t i) {
    if (i >= r->count)
        return NULL;
    i += r->late;
    return at(r, i < r->count ? i : i - r->count);
}

void requests_note_cancelled(struct requests *r, uint32_t i) {
    assert(i < r->count);
    r->live -= !at(r, i)->cancelled;
    at(r, i)->cancelled = true;
}

/* ---- the delay ---- */

static usec clamp(usec x, usec low, usec high) {
    return x < low ? low : MIN(x, high);
}

/* A new period takes over the least delay of the last one. A probe is needed only when that
 * delay is what makes the window larger than its minimum. */
static void begin_period(struct requests *r, usec now) {
    r->rtt_min = r->period_min;
    r->period_min = USEC_NEVER;
    r->period_from = now;
    if (2 * r->rtt_min > REQUESTS_MIN_WINDOW)
        r->probe_until = now + r->rtt_smooth + r->rtt_min;
}

static void note_delay(struct requests *r, usec delay, usec now) {
    if (!r->rtt_min) {
        r->rtt_min = r->period_min = r->rtt_smooth = delay;
        r->rtt_dev = delay / 2;
        r->period_from = now;
        return;
    }
    usec off = delay > r->rtt_smooth ? delay - r->rtt_smooth : r->rtt_smooth - delay;
    r->rtt_dev += (off - r->rtt_dev) / 4;
    r->rtt_smooth += (delay - r->rtt_smooth) / 8;
    r->rtt_min = MIN(r->rtt_min, delay);
    r->period_min = MIN(r->period_min, delay);
    if (now - r->period_from >= REQUESTS_BASE_PERIOD)
        begin_period(r, now);
}

/* The deviation covers a path that wavers. Part of it is the swing of our own queue, hence the
 * bound: it never asks for more than the base does. */
static usec window(const struct requests *r) {
    usec base = 2 * MIN(r->rtt_min, REQUESTS_MAX_WINDOW);
    usec waver = MIN(4 * r->rtt_dev, MAX(base, REQUESTS_MIN_WINDOW));
    return clamp(base + waver, REQUESTS_MIN_WINDOW, REQUESTS_MAX_WINDOW);
}

/* ---- the rate ---- */

static uint64_t per_second(uint64_t bytes, usec elapsed) {
    return MIN(bytes, RATE_MAX) * (uint64_t)USEC_PER_SEC / (uint64_t)elapsed;
}

/* Seconds begin and end with a block, so that the rate of a slow peer comes out right. */
static void note_bytes(struct requests *r, uint32_t bytes, usec now) {
    if (!r->window_from) {
        r->window_from = MAX(now, 1), r->window_bytes = 0;
        return;
    }
    r->window_bytes += bytes;
    usec elapsed = now - r->window_from;
    if (elapsed < USEC_PER_SEC)
        return;
    uint64_t rate = per_second(r->window_bytes, elapsed);
    if (r->last_rate && rate < r->last_rate + REQUESTS_GROWTH)
        r->slow_start = false;
    r->rate_before = r->last_rate;
    r->last_rate = MAX(rate, 1);
    r->window_from = now, r->window_bytes = 0;
}

/* Our own count, for the meter takes seconds to follow and overrates who has just begun; it is
 * believed until there is one. Of two seconds the better: a depth that followed every dip would
 * make it last. A second that drags on counts as what it has become. */
static uint64_t rate_now(const struct requests *r, uint64_t metered, usec now) {
    if (!r->last_rate)
        return MIN(metered, RATE_MAX);
    usec elapsed = r->window_from ? now - r->window_from : 0;
    uint64_t growing =
        elapsed >= USEC_PER_SEC / 4 ? per_second(r->window_bytes, elapsed) : 0;
    if (elapsed >= RATE_STALE)
        return growing;
    return MAX(growing, MAX(r->last_rate, r->rate_before));
}

/* The mean since it was asked for the first time, the way there and back included: low at first,
 * and right soon, where a rate of two blocks alone may be anything. */
static uint64_t early_rate(const struct requests *r, usec now) {
    usec elapsed = now - r->asked_first_at;
    if (!r->window_from || elapsed <= 0)
        return 0;
    return per_second(r->window_bytes + WIRE_BLOCK, elapsed);
}

uint64_t requests_rate(const struct requests *r, usec now) {
    return r->last_rate ? r->last_rate : early_rate(r, now);
}

/* ---- the depth ---- */

static uint32_t blocks_for(uint64_t rate, usec t) {
    uint64_t bytes = rate * (uint64_t)t / (uint64_t)USEC_PER_SEC;
    return (uint32_t)MIN((bytes + WIRE_BLOCK - 1) / WIRE_BLOCK, UINT32_MAX);
}

/* Far more than needed lies queued at the peer: the growth will end, or the peer is very slow. */
static bool overshot(const struct requests *r) {
    if (r->last_rate && r->depth > blocks_for(r->last_rate, REQUESTS_MAX_WINDOW))
        return true;
    return r->rtt_smooth > 2 * window(r);
}

/* The first answer after a silence: what was known about the path is stale. */
static void restart(struct requests *r) {
    r->snubbed = false;
    r->slow_start = true;
    r->depth = REQUESTS_START_DEPTH;
    r->rtt_min = r->probe_until = r->window_from = 0;
    r->last_rate = r->rate_before = 0;
}

void requests_note_block(struct requests *r, const struct request *answered, usec now) {
    usec delay = MAX(now - answered->asked_at, 1);
    r->last_block_at = now;
    if (r->snubbed) { /* and the delay of this one is the silence: nothing to learn from */
        restart(r);
        return;
    }
    note_delay(r, delay, now);
    note_bytes(r, answered->length, now);
    if (!r->slow_start)
        return;
    r->depth++;
    r->slow_start = !overshot(r);
}

uint32_t requests_depth(struct requests *r, uint64_t rate, uint32_t reqq, uint32_t cap,
                        usec now) {
    uint32_t limit = MIN(reqq ? reqq : REQUESTS_DEFAULT_REQQ, cap);
    if (r->snubbed)
        return MIN(1, limit);
    if (!r->slow_start) {
        usec span =
            now < r->probe_until ? MIN(r->rtt_min, REQUESTS_MAX_WINDOW) / 2 : window(r);
        r->depth = blocks_for(rate_now(r, rate, now), span);
    }
    r->depth = MAX(r->depth, REQUESTS_MIN_DEPTH);
    return MIN(r->depth, limit);
}

/* ---- silence ---- */

static usec silent_since(const struct requests *r) {
    return MAX(r->asked_first_at, r->last_block_at);
}

bool requests_check_snub(struct requests *r, usec now) {
    if (r->snubbed || !r->live || now - silent_since(r) < REQUESTS_SNUB_AFTER)
        return false;
    return r->snubbed = true;
}

usec requests_snub_due(const struct requests *r) {
    if (r->snubbed || !r->live)
        return USEC_NEVER;
    return silent_since(r) + REQUESTS_SNUB_AFTER;
}
