/* meter: rates as the mean of the last METER_WINDOW seconds, and the token bucket.
 *
 *     cells   [ oldest ][      ][      ][      ][      ][ newest ]
 *             ^ now - window                              ^ now
 *
 * The newest cell is still filling, so the oldest counts only with the part of it that the
 * window still covers: the mean slides instead of stepping each second. */
#include "base/meter.h"

#define CELLS (METER_WINDOW + 1)

/* Counted from 1, because 0 stands for "never used". */
static int64_t second_of(usec now) {
    return now / USEC_PER_SEC + 1;
}

/* Makes the cell of `second` the newest and empties those that it leaves behind. */
static void advance(struct meter *m, int64_t second) {
    int64_t from = MAX(m->second + 1, second - METER_WINDOW);
    for (int64_t s = from; s <= second; s++)
        m->cells[s % CELLS] = 0;
    m->second = MAX(m->second, second);
}

void meter_note(struct meter *m, usec now, uint32_t amount) {
    if (!m->second)
        m->since = now;
    advance(m, second_of(now));
    uint32_t *cell = &m->cells[m->second % CELLS];
    *cell += MIN(amount, UINT32_MAX - *cell);
    m->total += amount;
}

/* What arrived within the window that ends now. */
static uint64_t window_sum(const struct meter *m, usec now) {
    int64_t newest = second_of(now), oldest = newest - METER_WINDOW;
    uint64_t left = (uint64_t)(USEC_PER_SEC - now % USEC_PER_SEC), sum = 0;
    for (int64_t s = MAX(oldest, 1); s <= MIN(newest, m->second); s++) {
        uint64_t units = m->cells[s % CELLS];
        sum += s == oldest ? units * left / (uint64_t)USEC_PER_SEC : units;
    }
    return sum;
}

/* A meter younger than the window has its age as window, but at least a second: one block after
 * a microsecond is not sixteen gigabytes per second. */
uint64_t meter_rate(const struct meter *m, usec now) {
    if (!m->second)
        return 0;
    now = MAX(now, (m->second - 1) * USEC_PER_SEC); /* never before the newest cell */
    usec age = MIN(MAX(now - m->since, USEC_PER_SEC), METER_WINDOW * USEC_PER_SEC);
    return window_sum(m, now) * (uint64_t)USEC_PER_SEC / (uint64_t)age;
}

/* Refilling more often than this would lose to rounding what it gains in smoothness. */
#define REFILL_STEP USEC_PER_MSEC
/* Beyond this (a tebibyte) numbers could overflow, and nobody would notice the limit. */
#define TOKENS_MAX ((int64_t)1 << 40)
#define CAPACITY_MIN 32768

static int64_t capacity(const struct bucket *b) {
    return MAX((int64_t)(b->rate / 4), CAPACITY_MIN);
}

/* How long `bytes` take to trickle in, rounded up. */
static usec time_for(const struct bucket *b, int64_t bytes) {
    int64_t rate = (int64_t)b->rate;
    return bytes / rate * USEC_PER_SEC + (bytes % rate * USEC_PER_SEC + rate - 1) / rate;
}

static void refill(struct bucket *b, usec now) {
    usec elapsed = now - b->filled_at;
    if (!b->rate || elapsed < REFILL_STEP)
        return;
    if (elapsed >= time_for(b, capacity(b) - b->tokens)) {
        b->tokens = capacity(b);
        b->filled_at = now;
        return;
    }
    /* Time that was too short for a whole byte stays in filled_at for the next time. */
    int64_t earned = (int64_t)b->rate * elapsed / USEC_PER_SEC;
    b->tokens += earned;
    b->filled_at += time_for(b, earned);
}

void bucket_init(struct bucket *b, uint64_t rate, usec now) {
    *b = (struct bucket){.rate = MIN(rate, TOKENS_MAX), .filled_at = now};
    b->tokens = rate ? capacity(b) : 0;
}

/* A debt made at a high rate would silence a low one for minutes: it is cut to one bucket. */
void bucket_set_rate(struct bucket *b, uint64_t rate, usec now) {
    if (!b->rate || !rate) {
        bucket_init(b, rate, now);
        return;
    }
    refill(b, now);
    b->rate = MIN(rate, TOKENS_MAX);
    b->tokens = MAX(MIN(b->tokens, capacity(b)), -capacity(b));
}

int64_t bucket_ready(struct bucket *b, usec now) {
    if (!b->rate)
        return INT64_MAX;
    refill(b, now);
    return MAX(b->tokens, 0);
}

void bucket_take(struct bucket *b, uint64_t bytes) {
    if (b->rate)
        b->tokens = MAX(b->tokens - (int64_t)MIN(bytes, TOKENS_MAX), -TOKENS_MAX);
}

usec bucket_when(struct bucket *b, usec now) {
    if (bucket_ready(b, now) > 0)
        return now;
    return MAX(now, b->filled_at + MAX(time_for(b, 1 - b->tokens), REFILL_STEP));
}
