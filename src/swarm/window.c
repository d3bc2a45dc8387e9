/* window: see the header. */
#include "swarm/window.h"

#include <assert.h>

#define MEASURE_OVER USEC_PER_SEC
/* The moov of an mp4 takes about a thousandth of the film, the cues of an mkv far less. */
#define END_SHARE 256u
#define END_LEAST (128u << 10)
#define END_MOST (4u << 20)

void window_init(struct window *w, uint64_t offset, uint64_t length,
                 uint32_t piece_length, uint64_t most, uint64_t position) {
    assert(piece_length > 0 && position <= length);
    *w = (struct window){.offset = offset,
                         .length = length,
                         .piece_length = piece_length,
                         .most = most ? most : WINDOW_MOST,
                         .position = position};
}

static uint64_t per_second(uint64_t bytes, usec elapsed) {
    return (uint64_t)((double)bytes * (double)USEC_PER_SEC / (double)elapsed);
}

/* The mean of the last second and of all before, which weigh half as much each. */
static void measure(struct window *w, uint64_t bytes, usec now) {
    if (!w->since) {
        w->since = MAX(now, 1), w->bytes = 0;
        return;
    }
    w->bytes += bytes;
    usec elapsed = now - w->since;
    if (elapsed < MEASURE_OVER)
        return;
    uint64_t rate = per_second(w->bytes, elapsed);
    w->measured = MAX(w->measured ? (w->measured + rate) / 2 : rate, 1);
    w->since = now, w->bytes = 0;
}

void window_advance(struct window *w, uint64_t bytes, usec now) {
    assert(bytes <= w->length - w->position);
    w->position += bytes;
    w->run += bytes;
    measure(w, bytes, now);
}

void window_seek(struct window *w, uint64_t position) {
    assert(position <= w->length);
    if (position == w->position)
        return;
    w->position = position;
    w->run = 0;
    w->since = 0; /* while it jumps it does not consume */
}

uint64_t window_rate(const struct window *w) {
    if (w->said)
        return w->said;
    return w->measured ? w->measured : WINDOW_RATE_GUESS;
}

static uint64_t start_bytes(const struct window *w) {
    uint64_t pieces = (uint64_t)WINDOW_START_PIECES * w->piece_length;
    uint64_t known = w->said ? w->said : w->measured;
    uint64_t time = known * (uint64_t)(WINDOW_START_TIME / USEC_PER_SEC);
    return MIN(MAX(pieces, time), (uint64_t)WINDOW_START_MOST);
}

uint64_t window_bytes(const struct window *w) {
    uint64_t least = (uint64_t)WINDOW_LEAST_PIECES * w->piece_length;
    uint64_t most = MIN(w->most, (uint64_t)WINDOW_MOST_PIECES * w->piece_length);
    return MAX(MIN(start_bytes(w) + w->run, most), least);
}

void window_pieces(const struct window *w, uint32_t *first, uint32_t *end) {
    uint64_t from = w->offset + w->position;
    uint64_t bytes = MIN(window_bytes(w), w->length - w->position);
    *first = *end = (uint32_t)(from / w->piece_length);
    if (bytes > 0)
        *end = (uint32_t)((from + bytes - 1) / w->piece_length) + 1;
}

/* A second before a stall is as late as the stall: what a consumer comes to within WINDOW_RESERVE is
 * needed as good as now, in its order; what comes later is needed that much sooner. */
static usec in_reserve(usec ahead) {
    usec hurried = MIN(ahead, WINDOW_RESERVE);
    return ahead - hurried + hurried / 8;
}

usec window_due(const struct window *w, uint32_t piece, usec stored, usec now) {
    uint64_t at = (uint64_t)piece * w->piece_length, from = w->offset + w->position;
    double seconds = at > from ? (double)(at - from) / (double)window_rate(w) : 0;
    return now + in_reserve(stored + (usec)(MIN(seconds, 1e9) * (double)USEC_PER_SEC));
}

void window_ends(uint64_t length, uint64_t *head, uint64_t *tail) {
    uint64_t bytes =
        MIN(MAX(length / END_SHARE, (uint64_t)END_LEAST), (uint64_t)END_MOST);
    *head = *tail = MIN(bytes, length);
}
