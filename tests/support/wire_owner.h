/* wire_owner: what stands around a wire reader when it is tested.
 *
 *     peer     builds the stream: struct text, say(), say_block()
 *     kernel   feed(): scatters bytes of the stream over what was planned, then commits
 *     owner    has asked for every block of a small torrent, in order; writes each hook
 *              call and what came with it into a log, one line a call
 *
 * Two readers that are fed the same stream must write the same log, however it was
 * cut, whatever was predicted: check_same() does that with a stream, cuts and guesses
 * made from any bytes. The unit tests give it random ones, the fuzz target chosen
 * ones; who includes this has CHECK. */
#ifndef MARE_WIRE_OWNER_H
#define MARE_WIRE_OWNER_H

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire_reader.h"

#define BLOCKS 64u /* of the torrent: 8 pieces of 8 blocks */
#define PER_PIECE 8u
#define BLOCK 48u
#define NOWHERE (2 * BLOCK) /* room for one wrong guess */
#define ALL SIZE_MAX

enum guess { /* what the owner predicts */
             GUESS_NOTHING,
             GUESS_ORDER,       /* as asked */
             GUESS_NEXT_ONE,    /* as asked, never more than one */
             GUESS_PASS_OVER,   /* without the one that is asked first */
             GUESS_NEWEST,      /* last asked first */
             GUESS_WRONG_PLACE, /* the right block, but on_piece will say another place */
             GUESS_WRONG_LENGTH,
             GUESS_NONSENSE,
             GUESS_ANY, /* each slot by another of these rules */
             GUESSES
};

enum where { IN_PLACE, ASIDE, DRAINED };

struct owner {
    struct wire_reader reader;
    struct text log;
    enum guess guess;
    uint32_t aside_every, drain_every; /* on_piece: each so manieth; 0 = never */
    uint32_t fail_at;                  /* the hook call that returns fail_with */
    int fail_with;
    uint32_t calls, pieces;
    uint64_t random;
    uint8_t *store, *kept, *aside, *nowhere;
    uint8_t *given; /* the place of the block in flight */
    bool received[BLOCKS];
};

static const struct handshake hello = {.extensions = true,
                                       .info_hash = "abcdefghijklmnopqrs",
                                       .peer_id = "-XX0100-0123456789a"};

static inline uint32_t random_below(uint64_t *state, uint32_t n) {
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return (uint32_t)(*state >> 32) % n;
}

/* ---- the torrent ------------------------------------------------------------------- */

static inline uint8_t content(uint32_t block, uint32_t i) {
    return (uint8_t)(block * 37 + i * 11 + 1);
}

static inline int64_t block_of(const struct wire_message *m) {
    uint32_t at = m->begin / BLOCK;
    bool whole = m->begin % BLOCK == 0 && m->length == BLOCK;
    if (!whole || at >= PER_PIECE || m->index >= BLOCKS / PER_PIECE)
        return -1;
    return (int64_t)m->index * PER_PIECE + at;
}

static inline struct wire_message piece_message(uint32_t block, uint32_t length) {
    uint32_t begin = block % PER_PIECE * BLOCK;
    return (struct wire_message){WIRE_PIECE, block / PER_PIECE, begin, length, 0};
}

/* ---- the peer ---------------------------------------------------------------------- */

static inline void say(struct text *stream, struct wire_message m) {
    uint8_t raw[WIRE_REQUEST_LEN];
    text_add(stream, raw, wire_put(raw, &m));
}

/* `length` bytes as payload: those of the block while it lasts. */
static inline void say_piece(struct text *stream, uint32_t block, uint32_t length) {
    say(stream, piece_message(block, length));
    for (uint32_t i = 0; i < length; i++)
        text_addc(stream, (char)content(block, i));
}

static inline void say_block(struct text *stream, uint32_t block) {
    say_piece(stream, block, BLOCK);
}

static inline void say_body(struct text *stream, int id, uint32_t len) {
    uint8_t head[5];
    text_add(stream, head, wire_put_header(head, (enum wire_id)id, len));
    for (uint32_t i = 0; i < len; i++)
        text_addc(stream, (char)(i % 251));
}

static inline void say_hello(struct text *stream) {
    uint8_t raw[HANDSHAKE_LEN];
    handshake_encode(raw, &hello);
    text_add(stream, raw, sizeof raw);
}

/* ---- the owner's hooks ------------------------------------------------------------- */

static inline int note_call(struct owner *o) {
    return o->calls++ == o->fail_at ? o->fail_with : 0;
}

static inline void log_message(struct owner *o, const struct wire_message *m) {
    text_addf(&o->log, "%s %u %u %u", wire_name(m->id), m->index, m->begin, m->length);
    if (m->id == WIRE_PORT)
        text_addf(&o->log, " port %u", m->port);
}

static inline uint32_t sum(uint32_t h, int byte) {
    CHECK(byte >= 0);
    return (h ^ (uint32_t)byte) * 16777619u;
}

static inline uint32_t sum_of(const uint8_t *p, size_t len) {
    uint32_t h = 0;
    while (len--)
        h = sum(h, *p++);
    return h;
}

static inline int on_handshake(void *owner, const struct handshake *h) {
    struct owner *o = owner;
    bool same = memcmp(h->info_hash, hello.info_hash, 20) == 0 &&
                memcmp(h->peer_id, hello.peer_id, 20) == 0;
    text_adds(&o->log, same ? "hello\n" : "hello from another\n");
    return note_call(o);
}

static inline int on_message(void *owner, const struct wire_message *m) {
    struct owner *o = owner;
    log_message(o, m);
    text_adds(&o->log, "\n");
    return note_call(o);
}

/* Sometimes the body is consumed, sometimes half of it, sometimes not at all. */
static inline int on_body(void *owner, int id, struct chunked_buffer *body,
                          uint32_t len) {
    struct owner *o = owner;
    uint32_t h = 0;
    for (uint32_t i = 0; i < len; i++)
        h = sum(h, chunked_buffer_peek(body, i));
    text_addf(&o->log, "%s %u bytes, %08x\n", wire_name(id), len, h);
    CHECK(chunked_buffer_discard(body, len / 2 * (o->calls % 3)));
    return note_call(o);
}

static inline enum where where_to(struct owner *o, int64_t block) {
    uint32_t n = ++o->pieces;
    if (block < 0 || o->received[block] || (o->drain_every && n % o->drain_every == 0))
        return DRAINED;
    return o->aside_every && n % o->aside_every == 0 ? ASIDE : IN_PLACE;
}

static inline uint8_t *on_piece(void *owner, const struct wire_message *m) {
    struct owner *o = owner;
    int64_t block = block_of(m);
    enum where where = where_to(o, block);
    o->given = where == DRAINED ? NULL
               : where == ASIDE ? o->aside
                                : o->store + (size_t)block * BLOCK;
    log_message(o, m);
    text_adds(&o->log, where == DRAINED ? " drain\n"
                       : where == ASIDE ? " aside\n"
                                        : "\n");
    return o->given;
}

static inline bool is_content(const uint8_t *p, uint32_t block) {
    uint32_t i = 0;
    while (i < BLOCK && p[i] == content(block, i))
        i++;
    return i == BLOCK;
}

static inline void take(struct owner *o, uint32_t block, const uint8_t *place) {
    size_t at = (size_t)block * BLOCK;
    if (place == o->aside)
        memcpy(o->store + at, place, BLOCK);
    memcpy(o->kept + at, place, BLOCK);
    o->received[block] = true;
    if (is_content(place, block))
        text_adds(&o->log, " good\n");
    else
        text_addf(&o->log, " bad %08x\n", sum_of(place, BLOCK));
}

static inline int on_block(void *owner, const struct wire_message *m, uint8_t *place) {
    struct owner *o = owner;
    CHECK(place == o->given);
    o->given = NULL;
    text_adds(&o->log, "  ");
    log_message(o, m);
    if (place)
        take(o, (uint32_t)block_of(m), place);
    else
        text_adds(&o->log, " gone\n");
    return note_call(o);
}

/* ---- what the owner predicts ------------------------------------------------------- */

static inline bool is_expected(const struct owner *o, uint32_t block) {
    const struct wire_reader *r = &o->reader;
    return !o->received[block] && !(r->in_block && block_of(&r->block) == block);
}

static inline void spoil(struct owner *o, struct wire_slot *s, uint32_t i, enum guess g) {
    if (g == GUESS_ANY)
        g = (enum guess)random_below(&o->random, GUESSES);
    if (g == GUESS_WRONG_PLACE || g == GUESS_WRONG_LENGTH || g == GUESS_NONSENSE)
        s->place = o->nowhere + (size_t)i * NOWHERE;
    if (g == GUESS_WRONG_LENGTH || g == GUESS_NONSENSE)
        s->length = 1 + random_below(&o->random, NOWHERE);
    if (g == GUESS_NONSENSE)
        s->index = random_below(&o->random, 4), s->begin = random_below(&o->random, 4);
}

static inline uint32_t on_predict(void *owner, struct wire_slot *slots, uint32_t max) {
    struct owner *o = owner;
    uint32_t n = 0, pass_over = o->guess == GUESS_PASS_OVER;
    CHECK(max <= WIRE_SLOTS);
    if (o->guess == GUESS_NEXT_ONE)
        max = MIN(max, 1);
    for (uint32_t i = 0; i < BLOCKS && n < max && o->guess != GUESS_NOTHING; i++) {
        uint32_t block = o->guess == GUESS_NEWEST ? BLOCKS - 1 - i : i;
        if (!is_expected(o, block))
            continue;
        if (pass_over) {
            pass_over = 0;
            continue;
        }
        struct wire_message m = piece_message(block, BLOCK);
        uint8_t *place = o->store + (size_t)block * BLOCK;
        slots[n] = (struct wire_slot){m.index, m.begin, BLOCK, place};
        spoil(o, &slots[n], n, o->guess);
        n++;
    }
    return n;
}

static const struct wire_hooks hooks = {
    .on_handshake = on_handshake,
    .on_message = on_message,
    .on_body = on_body,
    .on_piece = on_piece,
    .on_block = on_block,
    .predict = on_predict,
};

static inline void owner_init(struct owner *o, bool scatter) {
    memset(o, 0, sizeof *o);
    o->guess = GUESS_ORDER, o->fail_at = UINT32_MAX, o->random = 1;
    o->store = calloc(BLOCKS, BLOCK), o->kept = calloc(BLOCKS, BLOCK);
    o->aside = malloc(BLOCK), o->nowhere = malloc((size_t)WIRE_SLOTS * NOWHERE);
    CHECK(o->store && o->kept && o->aside && o->nowhere);
    wire_reader_init(&o->reader, &hooks, o, scatter);
    o->reader.pieces = BLOCKS / PER_PIECE;
}

static inline void owner_fini(struct owner *o) {
    wire_reader_fini(&o->reader);
    text_free(&o->log);
    free(o->store), free(o->kept), free(o->aside), free(o->nowhere);
}

static inline void owner_divert(struct owner *o) {
    wire_reader_divert(&o->reader);
    if (o->given)
        text_adds(&o->log, "divert\n");
    o->given = NULL;
}

/* ---- the kernel -------------------------------------------------------------------- */

/* How one read goes; zeroes stand for plenty. */
struct cut {
    size_t limit;   /* what plan is told */
    size_t most;    /* bytes that are there */
    size_t scratch; /* how much there is of it */
};

static inline size_t planned(const struct wire_plan *plan) {
    size_t n = 0;
    CHECK(plan->iovs > 0 && plan->iovs <= WIRE_IOV);
    for (int i = 0; i < plan->iovs; i++) {
        CHECK(plan->iov[i].iov_len > 0);
        n += plan->iov[i].iov_len;
    }
    return n;
}

static inline void deliver(const struct wire_plan *plan, const char *data, size_t n) {
    for (int i = 0; n > 0; i++) {
        size_t len = MIN(n, plan->iov[i].iov_len);
        memcpy(plan->iov[i].iov_base, data, len);
        data += len, n -= len;
    }
}

/* What is kept is a part of one message, never payload, and lies in memory of its own. */
static inline void check_rest(const struct wire_reader *r) {
    uint32_t len;
    size_t kept = chunked_buffer_length(&r->in);
    if (!r->greeted)
        CHECK(kept < HANDSHAKE_LEN);
    else if (r->in_block || r->skip)
        CHECK(kept == 0);
    else if (chunked_buffer_peek_u32(&r->in, 0, &len))
        CHECK(kept < (size_t)4 + len && len <= WIRE_MAX_MESSAGE);
}

/* What was received before and is not asked again has not changed. */
static inline void check_store(const struct owner *o) {
    for (size_t i = 0; i < BLOCKS; i++)
        if (o->received[i])
            CHECK(memcmp(o->store + i * BLOCK, o->kept + i * BLOCK, BLOCK) == 0);
}

/* One read from data[*at .. end). The scratch and the plan are gone after it. */
static inline int read_once(struct owner *o, const char *data, size_t *at, size_t end,
                            struct cut cut) {
    struct wire_plan *plan = malloc(sizeof *plan);
    size_t limit = cut.limit ? cut.limit : ALL, most = cut.most ? cut.most : ALL;
    size_t room = cut.scratch ? cut.scratch : 4096;
    uint8_t *scratch = malloc(room);
    CHECK(plan && scratch);
    wire_reader_plan(&o->reader, plan, scratch, room, limit);
    size_t n = planned(plan);
    CHECK(n <= limit);
    n = MIN(MIN(n, most), end - *at);
    deliver(plan, data + *at, n);
    int status = wire_reader_commit(&o->reader, plan, n);
    *at += n;
    free(scratch), free(plan);
    if (status == 0)
        check_rest(&o->reader);
    return status;
}

/* Reads all of data[at .. end), each read cut in the same way. */
static inline int feed_part(struct owner *o, const struct text *stream, size_t at,
                            size_t end, struct cut cut) {
    int status = 0;
    while (status == 0 && at < end)
        status = read_once(o, stream->data, &at, end, cut);
    return status;
}

static inline int feed(struct owner *o, const struct text *stream, struct cut cut) {
    return feed_part(o, stream, 0, stream->len, cut);
}

/* ---- any stream, any cuts, any guesses --------------------------------------------- */

struct script { /* the bytes that everything is made from */
    const uint8_t *data;
    size_t len;
};

static inline uint32_t next_byte(struct script *s) {
    return s->len ? (s->len--, *s->data++) : 0u;
}

static inline void say_any(struct text *t, struct script *s, uint32_t *in_order) {
    uint32_t op = next_byte(s) % 20, arg = next_byte(s);
    struct wire_message m = {(int)arg % 24, next_byte(s) % 9, BLOCK, 5, 80};
    if (op < 6)
        say_block(t, (*in_order)++ % BLOCKS);
    else if (op < 8)
        say_block(t, arg % BLOCKS);
    else if (op == 8)
        say_piece(t, arg % BLOCKS, m.index * m.index);
    else if (op < 12)
        say(t, (struct wire_message){WIRE_HAVE, arg, 0, 0, 0});
    else if (op == 12)
        say(t, (struct wire_message){.id = WIRE_KEEPALIVE});
    else if (op == 13)
        say_body(t, WIRE_EXTENDED, 1 + arg * m.index);
    else if (op == 14)
        say_body(t, WIRE_BITFIELD, arg % 16 ? 1 : 2);
    else if (op == 15)
        say_body(t, 21 + (int)arg % 200, arg * m.index);
    else if (op == 16)
        for (uint32_t i = m.index; i--;)
            text_addc(t, (char)next_byte(s));
    else if (m.id == WIRE_PIECE || m.id == WIRE_BITFIELD || m.id == WIRE_EXTENDED)
        say_block(t, arg % BLOCKS);
    else if (strcmp(wire_name(m.id), "?") != 0)
        say(t, m);
}

static inline size_t any_size(uint64_t *random) {
    static const uint32_t sizes[] = {1, 1, 2, 4, 5, 12, 13, 14, 48, 61, 62, 68, 200};
    uint32_t i = random_below(random, 2 * COUNT_OF(sizes));
    return i < COUNT_OF(sizes) ? sizes[i] : 1 + random_below(random, 2000);
}

/* At `turn` somebody else has delivered the block in flight, if there is one. */
static inline int feed_any(struct owner *o, const struct text *t, size_t turn,
                           uint64_t random) {
    int status = 0;
    size_t at = 0;
    while (status == 0 && at < t->len) {
        struct cut cut = {any_size(&random), any_size(&random), any_size(&random)};
        size_t end = at < turn ? MIN(turn, t->len) : t->len;
        status = read_once(o, t->data, &at, end, cut);
        if (status == 0 && at == turn)
            owner_divert(o);
        check_store(o);
    }
    return status;
}

static inline void check_same(const uint8_t *data, size_t len) {
    struct script s = {data, len};
    struct text stream;
    struct owner o[2];
    int status[2];
    uint32_t guess = next_byte(&s) % GUESSES, aside = next_byte(&s),
             drain = next_byte(&s), fail = next_byte(&s), turn = next_byte(&s),
             seed = next_byte(&s), order = 0;
    text_init(&stream);
    if (seed % 16)
        say_hello(&stream);
    while (s.len)
        say_any(&stream, &s, &order);
    for (int i = 0; i < 2; i++) {
        owner_init(&o[i], i == 1);
        o[i].guess = (enum guess)guess;
        o[i].aside_every = aside % 8, o[i].drain_every = drain % 16;
        if (fail < 64)
            o[i].fail_at = fail, o[i].fail_with = fail % 2 ? ERR_CANCELED : ERR_AGAIN;
        if (aside & 8)
            o[i].reader.pieces = 0;
        status[i] =
            feed_any(&o[i], &stream, (size_t)turn * 8, seed * 2 + 1 + (unsigned)i);
        CHECK(!o[i].log.failed && !stream.failed);
    }
    CHECK(status[0] == status[1]);
    CHECK(o[0].log.len == o[1].log.len);
    CHECK(o[0].log.len == 0 || memcmp(o[0].log.data, o[1].log.data, o[0].log.len) == 0);
    CHECK(memcmp(o[0].kept, o[1].kept, BLOCKS * BLOCK) == 0);
    if (status[0] == 0)
        CHECK(o[0].reader.payload_received == o[1].reader.payload_received);
    owner_fini(&o[0]), owner_fini(&o[1]);
    text_free(&stream);
}

#endif
