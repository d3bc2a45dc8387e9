/* mse_stream: two of them over real TCP on loopback; what one writes the other reads. */
#include "io/mse_stream.h"

#include "base/err.h"
#include "support/check.h"

#define BULK 3000000u /* more than a socket takes at once */

struct end {
    struct stream *s;
    int opened, status;
    uint8_t *got;
    size_t len, want;
    const uint8_t *say;
    size_t say_len, said;
    bool closed;
};

struct pair {
    struct loop *loop;
    struct listener *listener;
    struct mse_options dial, accept;
    struct end a, b; /* a dials */
    uint8_t hash[20];
};

static void close_end(struct end *e) {
    if (e->s && !e->closed)
        stream_close(e->s);
    e->closed = true;
}

static void on_open(void *owner, int status) {
    struct end *e = owner;
    e->opened++;
    e->status = status;
    if (status < 0)
        close_end(e);
    else
        stream_want(e->s, STREAM_READ | STREAM_WRITE);
}

static void read_some(struct end *e) {
    struct iovec v[3]; /* into several places, as the engine does */
    for (int i = 0; i < 3; i++)
        v[i] = (struct iovec){e->got + e->len + (size_t)i * 1000, 1000};
    if (e->len + 3000 > e->want)
        v[0].iov_len = e->want - e->len;
    ssize_t n = stream_readv(e->s, v, e->len + 3000 > e->want ? 1 : 3);
    if (n > 0)
        e->len += (size_t)n;
}

static void write_some(struct end *e) {
    struct iovec v = {(void *)(uintptr_t)(e->say + e->said), e->say_len - e->said};
    if (v.iov_len == 0) {
        stream_want(e->s, STREAM_READ);
        return;
    }
    ssize_t n = stream_writev(e->s, &v, 1);
    if (n > 0)
        e->said += (size_t)n;
}

static void on_ready(void *owner, int events) {
    struct end *e = owner;
    if ((events & STREAM_READ) && e->len < e->want)
        read_some(e);
    if (events & STREAM_WRITE)
        write_some(e);
}

static const struct stream_hooks hooks = {on_open, on_ready};

static bool find(void *owner, const uint8_t obfuscated[20], uint8_t out[20]) {
    struct pair *p = owner;
    uint8_t ours[20];
    CHECK_INT(mse_obfuscate(ours, p->hash), 0);
    if (memcmp(ours, obfuscated, sizeof ours) != 0)
        return false;
    memcpy(out, p->hash, sizeof p->hash);
    return true;
}

static const struct mse_hooks finder = {.find = find};

static void on_accept(void *owner, struct stream *s, const struct addr *from) {
    struct pair *p = owner;
    (void)from;
    p->b.s = mse_stream_accept(p->loop, s, &p->accept, &finder, p);
    CHECK(p->b.s != NULL);
    p->b.s->hooks = &hooks, p->b.s->owner = &p->b;
}

static void pair_open(struct pair *p, struct mse_options dial, struct mse_options accept,
                      const char *initial) {
    struct addr at = {.ip = {127, 0, 0, 1}, .family = 4};
    memset(p, 0, sizeof *p);
    memset(p->hash, 7, sizeof p->hash);
    p->dial = dial, p->accept = accept;
    p->loop = loop_new(NULL);
    p->listener = listener_open(p->loop, &at, on_accept, p, NULL);
    at.port = listener_port(p->listener);
    struct stream *tcp = tcp_connect(p->loop, &at, NULL, NULL);
    struct span first = {(const uint8_t *)initial, strlen(initial)};
    p->a.s = mse_stream_dial(p->loop, tcp, &p->dial, p->hash, first);
    p->a.s->hooks = &hooks, p->a.s->owner = &p->a;
}

static void pair_expect(struct end *e, size_t len) {
    e->want = len;
    e->got = malloc(len + 3000);
    CHECK(e->got != NULL);
}

static void pair_step(struct pair *p, size_t turns) {
    for (size_t i = 0; i < turns; i++)
        CHECK_INT(loop_step(p->loop, 5 * USEC_PER_MSEC), 0);
}

static void pair_close(struct pair *p) {
    close_end(&p->a), close_end(&p->b);
    listener_close(p->listener);
    free(p->a.got), free(p->b.got);
    loop_free(p->loop);
}

/* 19 "BitTorrent protocol" ...: how a plain stranger is known. */
static const char greeting[] = "\23BitTorrent protocol and more";

static void exchange(struct mse_options dial, struct mse_options accept, bool encrypted) {
    struct pair p;
    uint8_t *bulk = malloc(BULK);
    for (uint32_t i = 0; i < BULK; i++)
        bulk[i] = (uint8_t)(i * 2654435761u >> 24);
    size_t head = strlen(greeting);
    pair_open(&p, dial, accept, greeting);
    p.a.say = bulk, p.a.say_len = BULK;
    p.b.say = bulk, p.b.say_len = BULK;
    pair_expect(&p.a, BULK);
    pair_expect(&p.b, head + BULK);
    for (int i = 0; i < 20000 && (p.a.len < BULK || p.b.len < head + BULK); i++)
        pair_step(&p, 1);
    CHECK_INT(p.a.opened, 1);
    CHECK_INT(p.b.opened, 1);
    CHECK_INT(p.a.len, BULK);
    CHECK_INT(p.b.len, head + BULK);
    CHECK_MEM(p.b.got, greeting, head);
    CHECK_MEM(p.b.got + head, bulk, BULK);
    CHECK_MEM(p.a.got, bulk, BULK);
    CHECK(mse_stream_encrypted(p.a.s) == encrypted);
    CHECK(mse_stream_encrypted(p.b.s) == encrypted);
    free(bulk);
    pair_close(&p);
}

TEST(mse_stream_carries_bytes_in_rc4) {
    struct mse_options require = {.policy = MSE_REQUIRE};
    exchange(require, require, true);
}

TEST(mse_stream_knows_a_plain_stranger) {
    struct mse_options off = {.policy = MSE_OFF}, prefer = {.policy = MSE_PREFER};
    exchange(off, prefer, false);
}

TEST(mse_stream_names_the_torrent_of_an_encrypted_stranger) {
    struct pair p;
    struct mse_options prefer = {.policy = MSE_PREFER};
    pair_open(&p, prefer, prefer, greeting);
    for (int i = 0; i < 400 && !(p.a.opened && p.b.opened); i++)
        pair_step(&p, 1);
    CHECK_INT(p.b.status, 0);
    CHECK(mse_stream_info_hash(p.b.s) != NULL);
    CHECK_MEM(mse_stream_info_hash(p.b.s), p.hash, 20);
    pair_close(&p);
}

TEST(mse_stream_refuses_plain_where_encryption_is_required) {
    struct pair p;
    struct mse_options off = {.policy = MSE_OFF}, require = {.policy = MSE_REQUIRE};
    pair_open(&p, off, require, greeting);
    for (int i = 0; i < 400 && !p.b.opened; i++)
        pair_step(&p, 1);
    CHECK_INT(p.b.status, ERR_REFUSED);
    pair_close(&p);
}

TEST(mse_stream_tells_that_nobody_listens) {
    struct pair p;
    struct mse_options prefer = {.policy = MSE_PREFER};
    pair_open(&p, prefer, prefer, greeting);
    listener_close(p.listener);
    struct addr nobody = {.ip = {127, 0, 0, 1}, .port = 1, .family = 4};
    struct stream *tcp = tcp_connect(p.loop, &nobody, NULL, NULL);
    struct end e = {0};
    struct span none = {NULL, 0};
    e.s = mse_stream_dial(p.loop, tcp, &prefer, p.hash, none);
    e.s->hooks = &hooks, e.s->owner = &e;
    for (int i = 0; i < 400 && !e.opened; i++)
        pair_step(&p, 1);
    CHECK_INT(e.status, ERR_REFUSED);
    struct addr at = {.ip = {127, 0, 0, 1}, .family = 4};
    p.listener = listener_open(p.loop, &at, on_accept, &p, NULL);
    pair_close(&p);
}
