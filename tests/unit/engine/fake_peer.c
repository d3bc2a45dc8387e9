/* fake_peer: see the header. Sockets do not block; what does not fit is sent over many turns. */
#include "unit/engine/fake_peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"

/* ---- life -------------------------------------------------------------------------------- */

struct fake *fake_new(struct swarm *w, struct node *n) {
    struct fake *f = calloc(1, sizeof *f);
    static uint32_t number;
    f->swarm = w, f->node = n;
    f->fd = f->listener = -1;
    f->serve_at_most = UINT32_MAX;
    memcpy(f->peer_id, "-FK0001-............", 20);
    put_u32(f->peer_id + 8, ++number);
    f->next = w->fakes;
    w->fakes = f;
    return f;
}

void fake_hang_up(struct fake *f) {
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->eof = true;
}

void fake_close(struct fake *f) {
    struct fake **at = &f->swarm->fakes;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    fake_hang_up(f);
    if (f->listener >= 0)
        close(f->listener);
    free(f->in);
    free(f->body);
    free(f);
}

static struct sockaddr_in local(uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void learn_own_address(struct fake *f, int fd) {
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    CHECK_INT(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    f->addr = (struct addr){.ip = {127, 0, 0, 1}, .port = ntohs(a.sin_port), .family = 4};
}

void fake_dial(struct fake *f) {
    struct sockaddr_in to = local(f->node->s->port);
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(f->fd, (struct sockaddr *)&to, sizeof to), 0);
    setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    learn_own_address(f, f->fd);
}

static bool accept_one(struct fake *f) {
    f->fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return f->fd >= 0;
}

void fake_await(struct fake *f) {
    struct sockaddr_in at = local(0);
    f->dialled = true;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(listen(f->listener, 4), 0);
    learn_own_address(f, f->listener);
    CHECK_INT(torrent_connect(f->node->t, &f->addr, SOURCE_MANUAL), 1);
    STEP_UNTIL(f->swarm, accept_one(f));
    setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

void fake_await_again(struct fake *f) {
    fake_hang_up(f);
    f->len = 0;
    f->eof = false;
    STEP_UNTIL(f->swarm, accept_one(f));
    setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

/* ---- bytes ------------------------------------------------------------------------------- */

void fake_send(struct fake *f, const void *data, size_t len) {
    const uint8_t *at = data;
    while (len > 0 && f->fd >= 0) {
        ssize_t n = send(f->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            at += n, len -= (size_t)n;
        else if (errno == EAGAIN)
            swarm_step(f->swarm);
        else
            return; /* the node hung up: the spec will see it */
    }
}

static void receive(struct fake *f) {
    for (ssize_t n = 1; n > 0 && f->fd >= 0 && !f->deaf;) {
        if (f->cap - f->len < 65536) {
            f->cap = 2 * f->cap + 65536;
            f->in = realloc(f->in, f->cap);
        }
        n = recv(f->fd, f->in + f->len, f->cap - f->len, MSG_DONTWAIT);
        if (n > 0)
            f->len += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            f->eof = true;
    }
}

static void drop(struct fake *f, size_t n) {
    f->len -= n;
    memmove(f->in, f->in + n, f->len);
}

/* ---- saying ------------------------------------------------------------------------------ */

void fake_say(struct fake *f, enum wire_id id) {
    uint8_t bytes[5];
    fake_send(f, bytes, wire_put_simple(bytes, id));
}

void fake_say3(struct fake *f, enum wire_id id, uint32_t index, uint32_t begin,
               uint32_t length) {
    uint8_t bytes[WIRE_REQUEST_LEN];
    struct wire_message m = {(int)id, index, begin, length, 0};
    fake_send(f, bytes, wire_put(bytes, &m));
}

void fake_say_bitfield(struct fake *f, const void *bytes, uint32_t len) {
    uint8_t head[5];
    fake_send(f, head, wire_put_header(head, WIRE_BITFIELD, len));
    fake_send(f, bytes, len);
}

void fake_say_extended_bytes(struct fake *f, uint8_t ext_id, const void *data,
                             size_t len) {
    uint8_t head[6];
    (void)wire_put_header(head, WIRE_EXTENDED, 1 + (uint32_t)len);
    head[5] = ext_id;
    fake_send(f, head, sizeof head);
    fake_send(f, data, len);
}

void fake_say_extended(struct fake *f, uint8_t ext_id, const char *text) {
    fake_say_extended_bytes(f, ext_id, text, strlen(text));
}

static const uint8_t *bytes_at(const struct fake *f, uint32_t index, uint32_t begin) {
    return f->swarm->data + (size_t)index * f->swarm->m->piece_length + begin;
}

void fake_begin(struct fake *f, uint32_t index, uint32_t begin, uint32_t length,
                uint32_t sent, uint8_t poison) {
    uint8_t head[WIRE_PIECE_HEADER + 1];
    struct wire_message m = {WIRE_PIECE, index, begin, length, 0};
    const uint8_t *data = bytes_at(f, index, begin);
    size_t n = wire_put(head, &m);
    if (sent > 0)
        head[n++] = data[0] ^ poison;
    fake_send(f, head, n);
    if (sent > 1)
        fake_send(f, data + 1, sent - 1);
}

void fake_finish(struct fake *f, uint32_t index, uint32_t begin, uint32_t length,
                 uint32_t sent) {
    fake_send(f, bytes_at(f, index, begin) + sent, length - sent);
}

void fake_give(struct fake *f, uint32_t index, uint32_t begin, uint32_t length,
               uint8_t poison) {
    fake_begin(f, index, begin, length, length, poison);
}

/* ---- hearing ----------------------------------------------------------------------------- */

static void keep_body(struct fake *f, const uint8_t *body, uint32_t len) {
    free(f->body);
    f->body = malloc(len + 1);
    memcpy(f->body, body, len);
    f->body[len] = '\0';
}

bool fake_next(struct fake *f, struct wire_message *m) {
    uint32_t len = f->len >= 4 ? get_u32(f->in) : UINT32_MAX;
    if (len == UINT32_MAX || f->len < 4 + (size_t)len)
        return false;
    int id = len ? f->in[4] : (int)WIRE_KEEPALIVE;
    uint32_t fixed = len ? wire_fixed_len(id) : 0;
    if (len)
        wire_decode(m, id, f->in + 5, len - 1);
    else
        *m = (struct wire_message){.id = id};
    if (id == WIRE_PIECE)
        keep_body(f, f->in + 13, m->length);
    else if (id == WIRE_BITFIELD || id == WIRE_EXTENDED)
        fixed = 0, m->length = len - 1, keep_body(f, f->in + 5, len - 1);
    (void)fixed;
    drop(f, 4 + (size_t)len);
    if (id < (int)COUNT_OF(f->taken))
        f->taken[id]++;
    return true;
}

struct wire_message fake_expect(struct fake *f, enum wire_id id) {
    struct wire_message m = {.id = -1};
    for (usec since = swarm_clock(); swarm_clock() - since < 10 * USEC_PER_SEC;) {
        while (fake_next(f, &m))
            if (m.id == (int)id)
                return m;
        if (f->eof)
            check_fail(__FILE__, __LINE__, "closed (%s) instead of %s",
                       f->node->text[EVENT_PEER_CLOSED], wire_name((int)id));
        swarm_step(f->swarm);
    }
    check_fail(__FILE__, __LINE__, "%s did not come", wire_name((int)id));
}

void fake_expect_end(struct fake *f) {
    STEP_UNTIL(f->swarm, f->eof);
}

uint32_t fake_expect_extended(struct fake *f, uint8_t ext_id) {
    struct wire_message m;
    do
        m = fake_expect(f, WIRE_EXTENDED);
    while (f->body[0] != ext_id);
    return m.length;
}

uint32_t fake_count(struct fake *f, enum wire_id id) {
    struct wire_message m;
    uint32_t before = f->taken[id];
    swarm_settle(f->swarm);
    while (fake_next(f, &m)) {}
    return f->taken[id] - before;
}

/* ---- greeting ---------------------------------------------------------------------------- */

void fake_greet(struct fake *f, bool fast) {
    struct handshake h = {.extensions = true, .fast = fast, .dht = true};
    struct chunked_buffer in;
    uint8_t bytes[HANDSHAKE_LEN];
    f->fast = fast;
    memcpy(h.info_hash, f->swarm->m->info_hash, sizeof h.info_hash);
    memcpy(h.peer_id, f->peer_id, sizeof h.peer_id);
    handshake_encode(bytes, &h);
    fake_send(f, bytes, sizeof bytes);
    STEP_UNTIL(f->swarm, f->len >= HANDSHAKE_LEN || f->eof);
    if (f->len < HANDSHAKE_LEN)
        return;
    chunked_buffer_init(&in);
    CHECK_INT(chunked_buffer_push(&in, f->in, HANDSHAKE_LEN, NULL, NULL), 0);
    CHECK_INT(handshake_decode(&f->theirs, &in), 1);
    chunked_buffer_fini(&in);
    drop(f, HANDSHAKE_LEN);
}

static void say_all(struct fake *f) {
    uint8_t bytes[64];
    uint32_t pieces = f->swarm->pieces, len = (pieces + 7) / 8;
    if (f->fast) {
        fake_say(f, WIRE_HAVE_ALL);
        return;
    }
    CHECK(len <= sizeof bytes);
    memset(bytes, 0xFF, sizeof bytes);
    if (pieces % 8)
        bytes[len - 1] = (uint8_t)(0xFF << (8 - pieces % 8));
    fake_say_bitfield(f, bytes, len);
}

struct fake *fake_leech(struct swarm *w, struct node *n, bool fast) {
    struct fake *f = fake_new(w, n);
    fake_dial(f);
    fake_greet(f, fast);
    return f;
}

struct fake *fake_seed(struct swarm *w, struct node *n, bool fast) {
    struct fake *f = fake_leech(w, n, fast);
    say_all(f);
    fake_say(f, WIRE_UNCHOKE);
    return f;
}

/* ---- by itself --------------------------------------------------------------------------- */

static void serve(struct fake *f) {
    struct wire_message m;
    while (f->serve_at_most > 0 && fake_next(f, &m)) {
        if (m.id != WIRE_REQUEST)
            continue;
        fake_give(f, m.index, m.begin, m.length, f->poison);
        f->serve_at_most--;
    }
}

void fakes_turn(struct swarm *w) {
    for (struct fake *f = w->fakes; f; f = f->next) {
        receive(f);
        if (f->serves)
            serve(f);
    }
}
