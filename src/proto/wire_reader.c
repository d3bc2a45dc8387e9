/* wire_reader: see the header for the picture. Four parts: the parser of bytes that are
 * somewhere else than where they belong, what it keeps from read to read, the layout of a
 * read, and what came of it. */
#include "proto/wire_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define CRUMB 256u     /* a kept message may lie in chunks of this size on average */
#define MAX_CRUMBS 16u /* ... and so many smaller ones */

void wire_reader_init(struct wire_reader *r, const struct wire_hooks *hooks, void *owner,
                      bool scatter) {
    memset(r, 0, sizeof *r);
    r->hooks = hooks, r->owner = owner, r->scatter = scatter;
    prediction_init(&r->prediction, WIRE_SLOTS - 1); /* one more is asked for */
    chunked_buffer_init(&r->in);
}

void wire_reader_fini(struct wire_reader *r) {
    chunked_buffer_fini(&r->in);
}

void wire_reader_divert(struct wire_reader *r) {
    r->place = NULL;
}

/* ---- parsing ----------------------------------------------------------------------- */

/* A parser's way to say that the rest of a message has not come. No hook can say that. */
#define MORE_NEEDED 1

static int end_block(struct wire_reader *r) {
    struct wire_message m = r->block;
    uint8_t *place = r->place;
    r->in_block = false, r->place = NULL;
    return r->hooks->on_block(r->owner, &m, place);
}

static void begin_block(struct wire_reader *r, const struct wire_message *m,
                        uint8_t *place) {
    r->block = *m, r->place = place;
    r->in_block = true, r->got = 0;
}

/* Payload that is in the buffer: one copy to its place (or none, if nobody wants it). */
static int parse_payload(struct wire_reader *r) {
    size_t n = MIN((size_t)(r->block.length - r->got), chunked_buffer_length(&r->in));
    bool done;
    if (r->place) {
        done = chunked_buffer_consume(&r->in, r->place + r->got, n);
        r->payload_copied += n;
    } else {
        done = chunked_buffer_discard(&r->in, n);
    }
    assert(done), (void)done;
    r->got += (uint32_t)n;
    r->payload_received += n;
    return r->got == r->block.length ? end_block(r) : 0;
}

static int parse_piece(struct wire_reader *r, uint32_t body_len) {
    uint8_t fixed[8];
    struct wire_message m;
    if (!chunked_buffer_copy_to(&r->in, 5, fixed, sizeof fixed))
        return MORE_NEEDED;
    wire_decode(&m, WIRE_PIECE, fixed, body_len);
    (void)chunked_buffer_discard(&r->in, WIRE_PIECE_HEADER);
    begin_block(r, &m, r->hooks->on_piece(r->owner, &m));
    prediction_note_watched(&r->prediction, r->place && r->place == r->expected);
    r->expected = NULL;
    return m.length ? 0 : end_block(r);
}

/* Messages whose whole body the hook looks at: BITFIELD, EXTENDED. */
static int parse_body(struct wire_reader *r, int id, uint32_t body_len) {
    if (chunked_buffer_length(&r->in) < (size_t)5 + body_len)
        return MORE_NEEDED;
    (void)chunked_buffer_discard(&r->in, 5);
    size_t before = chunked_buffer_length(&r->in);
    int status = r->hooks->on_body(r->owner, id, &r->in, body_len);
    size_t used = before - chunked_buffer_length(&r->in);
    assert(used <= body_len);
    (void)chunked_buffer_discard(&r->in, body_len - used);
    return status;
}

static int parse_fixed(struct wire_reader *r, int id, uint32_t body_len) {
    uint8_t fixed[16];
    struct wire_message m;
    uint32_t want = wire_fixed_len(id);
    assert(want <= sizeof fixed);
    if (!chunked_buffer_copy_to(&r->in, 5, fixed, want))
        return MORE_NEEDED;
    (void)chunked_buffer_discard(&r->in, (size_t)5 + want);
    r->skip = body_len - want;
    wire_decode(&m, id, fixed, body_len);
    return r->hooks->on_message(r->owner, &m);
}

static int parse_message(struct wire_reader *r) {
    uint32_t len;
    if (!chunked_buffer_peek_u32(&r->in, 0, &len))
        return MORE_NEEDED;
    if (len == 0) {
        struct wire_message m = {.id = WIRE_KEEPALIVE};
        (void)chunked_buffer_discard(&r->in, 4);
        return r->hooks->on_message(r->owner, &m);
    }
    int id = chunked_buffer_peek(&r->in, 4);
    if (id < 0)
        return len > WIRE_MAX_MESSAGE ? ERR_LIMIT : MORE_NEEDED;
    int status = wire_check(id, len - 1, r->pieces);
    if (status < 0)
        return status;
    if (id == WIRE_PIECE)
        return parse_piece(r, len - 1);
    if (r->expected) /* it would have been a miss */
        prediction_note_watched(&r->prediction, false);
    if (id == WIRE_BITFIELD || id == WIRE_EXTENDED)
        return parse_body(r, id, len - 1);
    return parse_fixed(r, id, len - 1);
}

static int parse_handshake(struct wire_reader *r) {
    struct handshake h;
    int status = handshake_decode(&h, &r->in);
    if (status <= 0)
        return status < 0 ? status : MORE_NEEDED;
    r->greeted = true;
    return r->hooks->on_handshake(r->owner, &h);
}

static int parse_skip(struct wire_reader *r) {
    size_t n = MIN((size_t)r->skip, chunked_buffer_length(&r->in));
    (void)chunked_buffer_discard(&r->in, n);
    r->skip -= (uint32_t)n;
    return 0;
}

/* Everything that is complete in the buffer. */
static int parse(struct wire_reader *r) {
    int status = 0;
    while (status == 0 && chunked_buffer_length(&r->in) > 0) {
        if (r->in_block)
            status = parse_payload(r);
        else if (r->skip)
            status = parse_skip(r);
        else if (!r->greeted)
            status = parse_handshake(r);
        else
            status = parse_message(r);
    }
    return status == MORE_NEEDED ? 0 : status;
}

/* ---- between reads ----------------------------------------------------------------- */

static int join(struct chunked_buffer *b) {
    size_t len = chunked_buffer_length(b);
    uint8_t *all = malloc(len);
    if (!all)
        return ERR_NOMEM;
    (void)chunked_buffer_consume(b, all, len);
    int status = chunked_buffer_push_copy(b, all, len);
    free(all);
    return status;
}

/* What is there of a message leaves the memory it came in. Crumbs are joined now and
 * then: a peer that sends a long message byte by byte shall not cost a chunk, and a
 * walk along all chunks, for each of them. */
static int keep(struct wire_reader *r) {
    size_t len = chunked_buffer_length(&r->in);
    r->crumbs = len > 0 ? r->crumbs + 1 : 0;
    if (r->crumbs <= MAX_CRUMBS + len / CRUMB)
        return chunked_buffer_keep(&r->in);
    r->crumbs = 0;
    return join(&r->in);
}

/* New bytes are in the buffer (or status says why not). After it nothing in there is
 * borrowed. */
static int digest(struct wire_reader *r, int status) {
    if (status == 0)
        status = parse(r);
    if (status == 0)
        status = keep(r);
    if (status < 0)
        chunked_buffer_clear(&r->in);
    return status;
}

int wire_reader_push(struct wire_reader *r, const uint8_t *data, size_t len) {
    return digest(r, chunked_buffer_push(&r->in, data, len, NULL, NULL));
}

/* ---- the layout of one read -------------------------------------------------------- */

static size_t plan_add(struct wire_plan *plan, uint8_t *base, size_t len, size_t limit) {
    len = MIN(len, limit);
    if (len > 0)
        plan->iov[plan->iovs++] = (struct iovec){base, len};
    return limit - len;
}

/* May the bytes that come next be predicted? Only at a message border, or inside what
 * could be the header of a PIECE. */
static bool can_predict(const struct wire_reader *r) {
    return r->hooks->predict && r->greeted && !r->skip && !(r->in_block && !r->place) &&
           chunked_buffer_length(&r->in) < WIRE_PIECE_HEADER;
}

static size_t plan_slots(struct wire_plan *plan, size_t limit) {
    for (uint32_t i = 0; i < plan->slots; i++) {
        uint32_t had = i == 0 ? plan->had : 0;
        limit = plan_add(plan, plan->header[i] + had, WIRE_PIECE_HEADER - had, limit);
        limit = plan_add(plan, plan->slot[i].place, plan->slot[i].length, limit);
    }
    return limit;
}

static struct wire_message slot_message(const struct wire_slot *s) {
    return (struct wire_message){WIRE_PIECE, s->index, s->begin, s->length, 0};
}

/* Are the first `len` bytes that came as the header of slot i those that were
 * predicted? */
static bool looks_like_slot(const struct wire_plan *plan, uint32_t i, size_t len) {
    uint8_t expected[WIRE_REQUEST_LEN];
    struct wire_message m = slot_message(&plan->slot[i]);
    (void)wire_put(expected, &m);
    return memcmp(plan->header[i], expected, len) == 0;
}

/* Takes as many slots as past luck allows; one more is asked for, to know if blocks
 * are expected behind them. Then nothing is read past the slots (past the next header
 * if there are none: resting, or another message has begun), so that a wrong guess
 * moves few bytes and no payload falls into the scratch. */
static size_t predict(struct wire_reader *r, struct wire_plan *plan, size_t limit) {
    uint32_t window = prediction_window(&r->prediction);
    uint32_t expected = r->hooks->predict(r->owner, plan->slot, window + 1);
    plan->had = (uint32_t)chunked_buffer_length(&r->in);
    plan->slots = MIN(expected, window);
    (void)chunked_buffer_copy_to(&r->in, 0, plan->header[0], plan->had);
    if (plan->slots > 0 && !looks_like_slot(plan, 0, plan->had))
        plan->slots = 0;
    limit = plan_slots(plan, limit);
    if (expected > plan->slots) {
        size_t most = plan->slots > 0 ? 0 : WIRE_PIECE_HEADER - plan->had;
        plan->scratch_len = MIN(plan->scratch_len, most);
    }
    r->expected = expected > 0 && window == 0 ? plan->slot[0].place : NULL;
    return limit;
}

void wire_reader_plan(struct wire_reader *r, struct wire_plan *plan, uint8_t *scratch,
                      size_t scratch_len, size_t limit) {
    plan->iovs = 0, plan->slots = 0, plan->had = 0, plan->in_flight = false;
    plan->scratch = scratch, plan->scratch_len = scratch_len, plan->moved = NULL;
    limit = MAX(limit, 1);
    if (r->scatter) {
        /* Bytes of a block in flight never wait in the buffer: parse() took them. */
        plan->in_flight = r->in_block && r->place;
        if (plan->in_flight)
            limit = plan_add(plan, r->place + r->got, r->block.length - r->got, limit);
        if (can_predict(r))
            limit = predict(r, plan, limit);
    }
    (void)plan_add(plan, scratch, plan->scratch_len, limit);
}

/* ---- what came of it --------------------------------------------------------------- */

/* Payload that the kernel put where it belongs. */
static int take_in_place(struct wire_reader *r, size_t *n) {
    size_t came = MIN(*n, (size_t)(r->block.length - r->got));
    r->got += (uint32_t)came;
    r->payload_received += came;
    *n -= came;
    return r->got == r->block.length ? end_block(r) : 0;
}

static size_t append(uint8_t *to, size_t at, const uint8_t *from, size_t len,
                     size_t end) {
    len = MIN(len, end - at);
    if (len > 0)
        memcpy(to + at, from, len);
    return at + len;
}

/* Bytes that came into the slots from `first` on belong elsewhere: they move to a
 * chunk of their own, [header][place][header][place]..., the first header only if it
 * is not `parsed` yet. What is left in *n came into the scratch. */
static int move_out(struct wire_reader *r, struct wire_plan *plan, uint32_t first,
                    bool parsed, size_t *n) {
    size_t at = 0;
    uint8_t *chunk = plan->moved = malloc(*n);
    if (!chunk)
        return ERR_NOMEM;
    for (uint32_t i = first; i < plan->slots; i++) {
        uint32_t had = i == 0 ? plan->had : 0;
        if (i > first || !parsed)
            at = append(chunk, at, plan->header[i] + had, WIRE_PIECE_HEADER - had, *n);
        size_t before = at;
        at = append(chunk, at, plan->slot[i].place, plan->slot[i].length, *n);
        r->payload_copied += at - before;
    }
    plan->slots = first; /* the others are used up */
    *n -= at;
    return chunked_buffer_push(&r->in, chunk, at, NULL, NULL);
}

static void note_hit(struct wire_reader *r, const struct wire_plan *plan, uint32_t i) {
    r->slots_predicted++;
    prediction_note_hit(&r->prediction);
    if (i + 1 == plan->slots)
        prediction_note_full_read(&r->prediction);
}

static void note_miss(struct wire_reader *r) {
    r->slots_missed++;
    prediction_note_miss(&r->prediction);
}

/* Bytes came into slot i: 0 to go on with the next one. */
static int commit_slot(struct wire_reader *r, struct wire_plan *plan, uint32_t i,
                       size_t *n) {
    uint32_t had = i == 0 ? plan->had : 0;
    if (*n < WIRE_PIECE_HEADER - had) /* nothing to compare yet */
        return move_out(r, plan, i, false, n);
    if (!looks_like_slot(plan, i, WIRE_PIECE_HEADER)) {
        note_miss(r);
        return move_out(r, plan, i, false, n);
    }
    struct wire_message m = slot_message(&plan->slot[i]);
    (void)chunked_buffer_discard(&r->in, had);
    *n -= WIRE_PIECE_HEADER - had;
    begin_block(r, &m, r->hooks->on_piece(r->owner, &m));
    if (r->place == plan->slot[i].place) {
        note_hit(r, plan, i);
        return take_in_place(r, n);
    }
    note_miss(r);
    return *n > 0 ? move_out(r, plan, i, true, n) : 0;
}

int wire_reader_commit(struct wire_reader *r, struct wire_plan *plan, size_t n) {
    int status = plan->in_flight ? take_in_place(r, &n) : 0;
    for (uint32_t i = 0; status == 0 && n > 0 && i < plan->slots; i++)
        status = commit_slot(r, plan, i, &n);
    assert(status < 0 || n <= plan->scratch_len);
    if (status == 0)
        status = chunked_buffer_push(&r->in, plan->scratch, n, NULL, NULL);
    status = digest(r, status);
    free(plan->moved);
    return status;
}
