/* requests: what is outstanding with one peer, in the order it was asked, and how much should
 * be.
 *
 * The queue is a ring that grows; answers usually come from the front. Depth follows delay x
 * rate: slow start (+1 per block while the rate still grows by 5,000 B/s per second), then as
 * many blocks as flow in one window: twice the base delay (what a request takes when nothing
 * of ours is queued before it) + 4 x deviation, at least REQUESTS_MIN_WINDOW and at most 10 s.
 * A peer that stays silent is snubbed: one block. */
#ifndef MARE_REQUESTS_H
#define MARE_REQUESTS_H

#include "base/base.h"
#include "base/meter.h"
#include "codec/wire.h"

#define REQUESTS_DEFAULT_REQQ 250u /* what a peer holds when it does not say (BEP 10) */
#define REQUESTS_MIN_WINDOW (250 * USEC_PER_MSEC)
#define REQUESTS_MAX_WINDOW (10 * USEC_PER_SEC)
#define REQUESTS_SNUB_AFTER (30 * USEC_PER_SEC) /* selection.md */
#define REQUESTS_START_DEPTH 4
#define REQUESTS_MIN_DEPTH 2 /* one in flight while the other is being answered */
/* B/s per second: growth below it ends slow start (selection.md) */
#define REQUESTS_GROWTH 5000u
/* A base delay is believed for so long. */
#define REQUESTS_BASE_PERIOD (10 * USEC_PER_SEC)

struct request {
    uint32_t piece, begin, length;
    uint32_t block; /* number in the piece */
    usec asked_at;
    bool cancelled; /* CANCEL was sent: an answer may still come, or a REJECT */
};

struct requests {
    struct request *ring;
    uint32_t cap, head, count;
    uint32_t live; /* those not cancelled */
    uint32_t late; /* at the front: passed over, while later ones were answered */
    /* depth */
    bool slow_start, snubbed;
    uint32_t depth;
    usec rtt_min, rtt_smooth, rtt_dev; /* of requests, 0 = not known */
    usec period_min, period_from; /* the least delay of this period: the next rtt_min */
    usec probe_until;             /* asking less, so that the base delay shows */
    usec last_block_at, asked_first_at;
    uint64_t window_bytes; /* received in this second */
    usec window_from;      /* 0 = not begun */
    /* of the last second and of the one before; 0 = not known */
    uint64_t last_rate, rate_before;
};

void requests_init(struct requests *r);
void requests_fini(struct requests *r);
int requests_push(struct requests *r, const struct request *q) MUST_USE;
/* 0 = the oldest; NULL beyond the end. */
struct request *requests_at(const struct requests *r, uint32_t i);
/* Index of the outstanding request for exactly this block, or -1. Looks at the front first. */
int64_t requests_find(const struct requests *r, uint32_t piece, uint32_t begin,
                      uint32_t length);
/* `out` may be NULL. */
void requests_remove(struct requests *r, uint32_t i, struct request *out);
/* The same for a request that was answered: those asked before it are late now. */
void requests_answered(struct requests *r, uint32_t i, struct request *out);
/* The i-th in the order in which answers are expected: a peer that passes over a request (its
 * disk is slow there) goes on behind it and comes back to it sometime. NULL beyond. */
struct request *requests_expected(const struct requests *r, uint32_t i);
void requests_clear(struct requests *r);
/* CANCEL was sent for it: it is no longer live. Idempotent. */
void requests_note_cancelled(struct requests *r, uint32_t i);

/* A block came: bookkeeping for depth, delay and snubbing. `answered` is its request, removed. */
void requests_note_block(struct requests *r, const struct request *answered, usec now);
/* How many blocks should be outstanding now; rate = the peer's metered rate in bytes per second
 * (it counts until our own is known), reqq = its own limit (0 = default), cap = what the memory
 * budget grants. Cheap. */
uint32_t requests_depth(struct requests *r, uint64_t rate, uint32_t reqq, uint32_t cap,
                        usec now);
/* What it delivers, in bytes per second, as far as one can tell already: 0 before its first block. */
uint64_t requests_rate(const struct requests *r, usec now);
/* Nothing came for REQUESTS_SNUB_AFTER although asked? Changes `snubbed`; true if it became so. */
bool requests_check_snub(struct requests *r, usec now);
/* When to check; USEC_NEVER if nothing is asked. */
usec requests_snub_due(const struct requests *r);

#endif
