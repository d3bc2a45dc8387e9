/* leechblast: a leecher that asks far ahead and throws away what comes, to load a seeder.
 *
 *     leechblast --peer HOST:PORT --infohash HEX --size BYTES --piece N [--connections K]
 *                [--depth BLOCKS] [--seconds S] [--wait S]
 *
 * K connections (from 127.0.0.101, .102, ...) take pieces from one shared cursor, which wraps, until
 * SIZE bytes came in all or S seconds have passed since the first block. It dials again every 20
 * ms until the peer is there and has the whole torrent; --wait bounds that.
 *
 * Events: unchoked, first_block, choked, lost, timeout, done with bytes and seconds. */
#include "bench.h"

#define IN_SIZE (1u << 20)
#define FIRST_ADDRESS 100
#define REDIAL_AFTER 0.02

enum state { DIALING, GREETING, OPEN, GONE };

struct connection {
    enum state state;
    int fd;
    uint32_t number;
    bool unchoked, watched_out;
    uint8_t *in;
    uint32_t in_len, skip; /* skip: payload that is still to come */
    uint32_t have;         /* pieces that the peer has */
    uint32_t piece, begin; /* asked next */
    uint32_t inflight;
    struct text out;
    double redial_at;
};

struct leech {
    struct sockaddr_in peer;
    uint8_t info_hash[20];
    uint64_t size, got;
    uint32_t piece, pieces, depth, cursor, count;
    int epoll;
    struct connection *connections;
    bool unchoked;
    double first_at, first_cpu; /* of the first block; 0 = none yet */
};

/* ---- asking ------------------------------------------------------------------------ */

static void refill(struct leech *l, struct connection *c) {
    if (!c->unchoked || c->inflight > l->depth * 3 / 4)
        return;
    for (; c->inflight < l->depth; c->inflight++) {
        if (c->begin == 0)
            c->piece = l->cursor, l->cursor = (l->cursor + 1) % l->pieces;
        uint32_t size = piece_size(l->size, l->piece, c->piece);
        uint32_t length = MIN(size - c->begin, WIRE_BLOCK);
        struct wire_message m = {WIRE_REQUEST, c->piece, c->begin, length, 0};
        uint8_t raw[WIRE_REQUEST_LEN];
        text_add(&c->out, raw, wire_put(raw, &m));
        c->begin = (c->begin + length) % size;
    }
}

static bool flush(struct leech *l, struct connection *c) {
    ssize_t n = c->out.len ? send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL) : 0;
    if (n < 0 && errno != EAGAIN)
        return false;
    size_t sent = n > 0 ? (size_t)n : 0, rest = c->out.len - sent;
    if (sent > 0)
        memmove(c->out.data, c->out.data + sent, rest);
    c->out.len = rest;
    if (c->watched_out != (rest > 0))
        watch(l->epoll, EPOLL_CTL_MOD, c->fd, c, rest > 0);
    c->watched_out = rest > 0;
    return true;
}

/* ---- receiving --------------------------------------------------------------------- */

static uint32_t count_bits(const uint8_t *bytes, uint32_t len) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < len; i++)
        n += (uint32_t)__builtin_popcount(bytes[i]);
    return n;
}

static void say_interested(struct connection *c) {
    uint8_t raw[5];
    text_add(&c->out, raw, wire_put_simple(raw, WIRE_INTERESTED));
}

static void on_unchoke(struct leech *l, struct connection *c) {
    if (!l->unchoked)
        say_event("unchoked", "");
    l->unchoked = c->unchoked = true;
    refill(l, c);
}

/* All but PIECE. False: this peer will not do. */
static bool on_message(struct leech *l, struct connection *c, const uint8_t *m,
                       uint32_t len) {
    switch (m[0]) {
    case WIRE_BITFIELD:
        c->have = count_bits(m + 1, len - 1);
        if (c->have == l->pieces)
            say_interested(c);
        return c->have == l->pieces;
    case WIRE_HAVE_ALL: say_interested(c); break;
    case WIRE_HAVE:
        if (++c->have == l->pieces)
            say_interested(c);
        break;
    case WIRE_UNCHOKE: on_unchoke(l, c); break;
    case WIRE_CHOKE:
        if (c->unchoked)
            say_event("choked", "");
        c->unchoked = false, c->inflight = 0;
        break;
    default: break;
    }
    return true;
}

static void on_block(struct leech *l, struct connection *c, uint32_t length) {
    if (l->first_at == 0) {
        l->first_at = now(), l->first_cpu = cpu_seconds();
        say_event("first_block", "");
    }
    l->got += length;
    c->skip = length;
    if (c->inflight > 0)
        c->inflight--;
}

/* Bytes used of `in` from `at` on: 0 if more are needed, -1 if the peer will not do. */
static int64_t parse_one(struct leech *l, struct connection *c, const uint8_t *in,
                         uint32_t len) {
    if (c->skip > 0) {
        uint32_t n = MIN(c->skip, len);
        c->skip -= n;
        return n;
    }
    if (len < 4)
        return 0;
    uint32_t body = get_u32(in);
    if (body == 0)
        return 4;
    if (len >= WIRE_PIECE_HEADER && in[4] == WIRE_PIECE) {
        on_block(l, c, body - 9);
        return WIRE_PIECE_HEADER;
    }
    if (len >= 5 && in[4] != WIRE_PIECE && body > IN_SIZE - 4)
        return -1;
    if (len < 5 || in[4] == WIRE_PIECE || len - 4 < body)
        return 0;
    return on_message(l, c, in + 4, body) ? (int64_t)body + 4 : -1;
}

static bool parse(struct leech *l, struct connection *c) {
    uint32_t at = 0;
    if (c->state == GREETING) {
        if (c->in_len < HANDSHAKE_LEN)
            return true;
        if (memcmp(c->in + 28, l->info_hash, 20) != 0)
            return false;
        c->state = OPEN, at = HANDSHAKE_LEN;
    }
    int64_t used = 1;
    while (at < c->in_len && (used = parse_one(l, c, c->in + at, c->in_len - at)) > 0)
        at += (uint32_t)used;
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
    return used >= 0;
}

static bool receive(struct leech *l, struct connection *c) {
    for (int reads = 0; reads < 16 && l->got < l->size; reads++) {
        ssize_t n = recv(c->fd, c->in + c->in_len, IN_SIZE - c->in_len, 0);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        c->in_len += (uint32_t)n;
        if (!parse(l, c))
            return false;
        refill(l, c);
        if (n < (ssize_t)WIRE_BLOCK)
            break;
    }
    return true;
}

/* ---- the loop ---------------------------------------------------------------------- */

static void dial(struct leech *l, struct connection *c) {
    uint8_t hello[HANDSHAKE_LEN];
    c->fd = dial_from(FIRST_ADDRESS + c->number, &l->peer);
    c->state = DIALING, c->unchoked = false, c->watched_out = true;
    c->in_len = c->skip = c->have = c->inflight = 0;
    text_clear(&c->out);
    put_hello(hello, l->info_hash, "LB0002", c->number, false);
    text_add(&c->out, hello, sizeof hello);
    watch(l->epoll, EPOLL_CTL_ADD, c->fd, c, true);
}

static void drop(struct leech *l, struct connection *c) {
    if (l->first_at > 0)
        say_event("lost", "");
    close(c->fd);
    c->state = GONE, c->redial_at = now() + REDIAL_AFTER;
}

static void on_ready(struct leech *l, struct connection *c, uint32_t events) {
    bool alive = true;
    if (c->state == DIALING) {
        alive = dial_error(c->fd) == 0 && !(events & (EPOLLERR | EPOLLHUP));
        if (alive && (events & EPOLLOUT))
            c->state = GREETING;
    }
    if (alive && c->state != DIALING && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        alive = receive(l, c);
    if (alive && c->state != DIALING)
        alive = flush(l, c);
    if (!alive)
        drop(l, c);
}

static void turn(struct leech *l) {
    struct epoll_event events[64];
    int n = epoll_wait(l->epoll, events, COUNT_OF(events), 20);
    for (int i = 0; i < n; i++)
        on_ready(l, events[i].data.ptr, events[i].events);
    for (uint32_t i = 0; i < l->count; i++)
        if (l->connections[i].state == GONE && now() > l->connections[i].redial_at)
            dial(l, &l->connections[i]);
}

static void start(struct leech *l) {
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->connections = must(calloc(l->count, sizeof *l->connections));
    for (uint32_t i = 0; i < l->count; i++) {
        l->connections[i].number = i;
        l->connections[i].in = must(malloc(IN_SIZE));
        dial(l, &l->connections[i]);
    }
}

static void say_done(const struct leech *l) {
    char more[128];
    snprintf(more, sizeof more, ",\"bytes\":%ju,\"seconds\":%.6f,\"own_cpu\":%.6f",
             (uintmax_t)l->got, now() - l->first_at, cpu_seconds() - l->first_cpu);
    say_event("done", more);
}

int main(int argc, char **argv) {
    struct leech l = {.peer = parse_address(option(argc, argv, "--peer", NULL))};
    double seconds = atof(option(argc, argv, "--seconds", "15"));
    double until = now() + atof(option(argc, argv, "--wait", "45"));
    option_info_hash(argc, argv, l.info_hash);
    l.size = option_number(argc, argv, "--size", NULL);
    l.piece = (uint32_t)option_number(argc, argv, "--piece", NULL);
    l.count = (uint32_t)option_number(argc, argv, "--connections", "1");
    l.depth = (uint32_t)option_number(argc, argv, "--depth", "200");
    l.pieces = count_pieces(l.size, l.piece);
    start(&l);
    while (l.first_at == 0 && now() < until)
        turn(&l);
    if (l.first_at == 0) {
        say_event("timeout", "");
        return 1;
    }
    while (l.got < l.size && now() < l.first_at + seconds)
        turn(&l);
    say_done(&l);
    return 0;
}
