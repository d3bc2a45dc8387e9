/* tcp, listener, resolve: real sockets on this machine's own addresses. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/stream.h"
#include "support/check.h"

#define CROWD 12 /* connections of the tests that need many at once */

/* One side of a connection. It does nothing by itself but count, unless `act` is given. */
struct side {
    struct stream *s;
    struct world *world;
    int opens, status, readies, events;
    void (*act)(struct side *x);
};

struct world {
    struct loop *loop;
    struct listener *listener;
    struct addr at;
    struct side client[CROWD], server[CROWD];
    struct addr from[CROWD];
    int accepted, most_per_step, accepted_before;
};

static void on_open(void *owner, int status) {
    struct side *x = owner;
    x->opens++;
    x->status = status;
    if (x->act)
        x->act(x);
}

static void on_ready(void *owner, int events) {
    struct side *x = owner;
    x->readies++;
    x->events = events;
    if (x->act)
        x->act(x);
}

static const struct stream_hooks hooks = {on_open, on_ready};

static void take(struct side *x, struct stream *s) {
    x->s = s;
    s->hooks = &hooks;
    s->owner = x;
}

static void shut(struct side *x) {
    if (x->s)
        stream_close(x->s);
    x->s = NULL;
}

static void on_accept(void *owner, struct stream *s, const struct addr *from) {
    struct world *w = owner;
    if (w->accepted == CROWD) {
        stream_close(s);
        return;
    }
    w->from[w->accepted] = *from;
    w->server[w->accepted].world = w;
    take(&w->server[w->accepted++], s);
}

static void world_open_at(struct world *w, const char *ip) {
    struct err e = {0};
    *w = (struct world){0};
    CHECK_INT(addr_parse(&w->at, ip, 1), 0);
    w->at.port = 0;
    CHECK((w->loop = loop_new(&e)) != NULL);
    w->listener = listener_open(w->loop, &w->at, on_accept, w, &e);
    CHECK(w->listener);
    w->at.port = listener_port(w->listener);
    CHECK(w->at.port);
}

static void world_open(struct world *w) {
    world_open_at(w, "127.0.0.1");
}

static void world_close(struct world *w) {
    for (int i = 0; i < CROWD; i++) {
        shut(&w->client[i]);
        shut(&w->server[i]);
    }
    if (w->listener)
        listener_close(w->listener);
    loop_free(w->loop);
}

static void step(struct world *w) {
    CHECK_INT(loop_step(w->loop, 10 * USEC_PER_MSEC), 0);
}

/* Steps until `cond` holds, for at most some ten seconds. */
#define STEP_UNTIL(w, cond)                          \
    do {                                             \
        for (int i_ = 0; i_ < 1000 && !(cond); i_++) \
            step(w);                                 \
        CHECK(cond);                                 \
    } while (0)

static void dial(struct world *w, struct side *x, const struct addr *source) {
    struct err e = {0};
    struct stream *s = tcp_connect(w->loop, &w->at, source, &e);
    if (!s)
        check_fail(__FILE__, __LINE__, "tcp_connect: %s", e.text);
    x->world = w;
    take(x, s);
}

/* n connections that stand, on both sides. */
static void connect_pairs(struct world *w, int n) {
    for (int i = 0; i < n; i++) {
        dial(w, &w->client[i], NULL);
        STEP_UNTIL(w, w->client[i].opens && w->accepted == i + 1);
        CHECK_INT(w->client[i].status, 0);
    }
}

static ssize_t put(struct side *x, const char *text) {
    struct iovec v = {(char *)text, strlen(text)};
    return stream_writev(x->s, &v, 1);
}

static ssize_t get(struct side *x, char *out, size_t size) {
    struct iovec v = {out, size};
    return stream_readv(x->s, &v, 1);
}

/* Reads until something other than "not yet" comes. */
static ssize_t get_patiently(struct side *x, char *out, size_t size) {
    ssize_t n = ERR_AGAIN;
    for (int i = 0; i < 1000 && n == ERR_AGAIN; i++) {
        step(x->world);
        n = get(x, out, size);
    }
    return n;
}

static int open_descriptors(void) {
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* ---- connecting --------------------------------------------------------------------------- */

TEST(tcp_moves_bytes_both_ways_over_both_families) {
    static const char *const ips[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < COUNT_OF(ips); i++) {
        struct world w;
        char bytes[16] = "";
        world_open_at(&w, ips[i]);
        connect_pairs(&w, 1);
        CHECK_INT(put(&w.client[0], "ping"), 4);
        CHECK_INT(get_patiently(&w.server[0], bytes, sizeof bytes), 4);
        CHECK_MEM(bytes, "ping", 4);
        CHECK_INT(put(&w.server[0], "pong!"), 5);
        CHECK_INT(get_patiently(&w.client[0], bytes, sizeof bytes), 5);
        CHECK_MEM(bytes, "pong!", 5);
        world_close(&w);
    }
}

TEST(tcp_connect_tells_only_in_a_later_step) {
    struct world w;
    world_open(&w);
    dial(&w, &w.client[0], NULL);
    usleep(2000);
    CHECK_INT(w.client[0].opens, 0);
    CHECK_INT(put(&w.client[0], "x"), ERR_AGAIN);
    STEP_UNTIL(&w, w.client[0].opens);
    step(&w);
    CHECK_INT(w.client[0].opens, 1);
    world_close(&w);
}

TEST(tcp_connect_tells_of_refusal) {
    struct world w;
    world_open(&w);
    listener_close(w.listener);
    w.listener = NULL;
    dial(&w, &w.client[0], NULL);
    STEP_UNTIL(&w, w.client[0].opens);
    CHECK_INT(w.client[0].status, ERR_REFUSED);
    step(&w);
    CHECK_INT(w.client[0].opens, 1);
    CHECK_INT(w.client[0].readies, 0);
    world_close(&w);
}

TEST(tcp_connect_tells_what_the_system_knows_at_once_in_a_later_step_too) {
    struct world w;
    world_open(&w);
    CHECK_INT(addr_parse(&w.at, "255.255.255.255:9", -1), 0); /* TCP cannot broadcast */
    dial(&w, &w.client[0], NULL);
    CHECK_INT(w.client[0].opens, 0);
    STEP_UNTIL(&w, w.client[0].opens);
    CHECK(w.client[0].status < 0);
    world_close(&w);
}

TEST(tcp_connect_comes_from_the_source_it_is_given) {
    struct world w;
    struct addr source, local;
    char text[ADDR_TEXT];
    world_open(&w);
    CHECK_INT(addr_parse(&source, "127.0.0.2:7", -1), 0);
    dial(&w, &w.client[0], &source);
    STEP_UNTIL(&w, w.accepted);
    CHECK_STR(addr_format_ip(&w.from[0], text), "127.0.0.2");
    CHECK(tcp_local_addr(w.client[0].s, &local));
    CHECK(addr_equal(&local, &w.from[0]));
    CHECK(local.port != 7);
    CHECK(tcp_local_addr(w.server[0].s, &local));
    CHECK(addr_equal(&local, &w.at));
    world_close(&w);
}

static const struct {
    const char *to, *source;
    int code;
} impossible[] = {
    {"127.0.0.1:9", "::1", ERR_INVALID},
    {"[::1]:9", "127.0.0.1", ERR_INVALID},
    {"127.0.0.1:9", "203.0.113.77", ERR_NETWORK},
    {NULL, NULL, ERR_INVALID},
};

TEST(tcp_connect_refuses_what_cannot_begin) {
    struct world w;
    int before;
    world_open(&w);
    before = open_descriptors();
    for (size_t i = 0; i < COUNT_OF(impossible); i++) {
        struct addr to = {0}, source = {0};
        struct err e = {0};
        if (impossible[i].to)
            CHECK_INT(addr_parse(&to, impossible[i].to, -1), 0);
        if (impossible[i].source)
            CHECK_INT(addr_parse(&source, impossible[i].source, 1), 0);
        CHECK(!tcp_connect(w.loop, &to, &source, &e));
        CHECK_INT(e.code, impossible[i].code);
        CHECK(e.text[0]);
    }
    CHECK_INT(open_descriptors(), before);
    world_close(&w);
}

TEST(tcp_may_be_closed_while_connecting) {
    struct world w;
    world_open(&w);
    dial(&w, &w.client[0], NULL);
    shut(&w.client[0]);
    dial(&w, &w.client[1], NULL);
    step(&w);
    shut(&w.client[1]);
    for (int i = 0; i < 5; i++)
        step(&w);
    CHECK_INT(w.client[0].opens, 0);
    world_close(&w);
}

TEST(tcp_wish_made_while_connecting_is_kept) {
    struct world w;
    world_open(&w);
    dial(&w, &w.client[0], NULL);
    stream_want(w.client[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.client[0].opens && w.accepted);
    CHECK_INT(w.client[0].readies, 0);
    CHECK_INT(put(&w.server[0], "x"), 1);
    STEP_UNTIL(&w, w.client[0].readies);
    CHECK_INT(w.client[0].events, STREAM_READ);
    world_close(&w);
}

/* ---- reading and writing ------------------------------------------------------------------ */

TEST(tcp_readv_scatters) {
    struct world w;
    char a[2], b[3], c[10];
    struct iovec v[] = {{a, 2}, {b, 3}, {c, 10}};
    world_open(&w);
    connect_pairs(&w, 1);
    stream_want(w.server[0].s, STREAM_READ);
    CHECK_INT(put(&w.client[0], "abcdefg"), 7);
    STEP_UNTIL(&w, w.server[0].readies);
    CHECK_INT(stream_readv(w.server[0].s, v, 3), 7);
    CHECK_MEM(a, "ab", 2);
    CHECK_MEM(b, "cde", 3);
    CHECK_MEM(c, "fg", 2);
    world_close(&w);
}

TEST(tcp_takes_1024_pieces_at_most_and_more_without_harm) {
    static const int n = 1500;
    struct world w;
    struct iovec v[1500];
    char sent[1500], got[1500];
    world_open(&w);
    connect_pairs(&w, 1);
    memset(sent, 'x', sizeof sent);
    for (int i = 0; i < n; i++)
        v[i] = (struct iovec){sent + i, 1};
    CHECK_INT(stream_writev(w.client[0].s, v, n), 1024);
    for (int i = 0; i < n; i++)
        v[i] = (struct iovec){got + i, 1};
    stream_want(w.server[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.server[0].readies);
    CHECK_INT(stream_readv(w.server[0].s, v, n), 1024);
    CHECK_MEM(got, sent, 1024);
    world_close(&w);
}

TEST(tcp_readv_tells_nothing_yet_from_the_end) {
    struct world w;
    char bytes[4];
    world_open(&w);
    connect_pairs(&w, 1);
    CHECK_INT(get(&w.server[0], bytes, 4), ERR_AGAIN);
    CHECK_INT(put(&w.client[0], "ab"), 2);
    shut(&w.client[0]);
    CHECK_INT(get_patiently(&w.server[0], bytes, 4),
              2); /* what was sent before comes first */
    CHECK_INT(get_patiently(&w.server[0], bytes, 4), ERR_EOF);
    world_close(&w);
}

/* A side that leaves with bytes unread resets the connection. */
static void reset_by_client(struct world *w) {
    CHECK_INT(put(&w->server[0], "unread"), 6);
    stream_want(w->client[0].s, STREAM_READ);
    STEP_UNTIL(w, w->client[0].readies);
    shut(&w->client[0]);
}

TEST(tcp_readv_tells_of_a_reset) {
    struct world w;
    char bytes[4];
    world_open(&w);
    connect_pairs(&w, 1);
    reset_by_client(&w);
    CHECK_INT(get_patiently(&w.server[0], bytes, 4), ERR_NETWORK);
    world_close(&w);
}

TEST(tcp_writev_to_nobody_is_an_error_and_no_signal) {
    struct world w;
    ssize_t n = 1;
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR); /* it would end this process */
    world_open(&w);
    connect_pairs(&w, 1);
    reset_by_client(&w);
    for (int i = 0; i < 100 && n >= 0; i++) {
        step(&w);
        n = put(&w.server[0], "anybody?");
    }
    CHECK_INT(n, ERR_NETWORK);
    CHECK_INT(put(&w.server[0], "anybody?"), ERR_NETWORK);
    world_close(&w);
}

/* Both sides' buffers are full then. */
static void fill(struct side *x) {
    static char block[65536];
    struct iovec v = {block, sizeof block};
    ssize_t n;
    do
        n = stream_writev(x->s, &v, 1);
    while (n > 0);
    CHECK_INT(n, ERR_AGAIN);
}

static void drain(struct side *x) {
    static char block[65536];
    while (get(x, block, sizeof block) > 0)
        ;
}

TEST(tcp_writev_stops_when_the_buffers_are_full_and_goes_on_when_not) {
    struct world w;
    world_open(&w);
    connect_pairs(&w, 1);
    fill(&w.client[0]);
    stream_want(w.client[0].s, STREAM_WRITE);
    step(&w);
    CHECK_INT(w.client[0].readies, 0);
    w.server[0].act = drain;
    stream_want(w.server[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.client[0].readies);
    CHECK_INT(w.client[0].events, STREAM_WRITE);
    CHECK_INT(put(&w.client[0], "more"), 4);
    world_close(&w);
}

TEST(tcp_knows_its_round_trip_time) {
    struct world w;
    char bytes[4];
    world_open(&w);
    connect_pairs(&w, 1);
    CHECK_INT(put(&w.client[0], "ping"), 4);
    CHECK_INT(get_patiently(&w.server[0], bytes, 4), 4);
    CHECK(stream_rtt(w.client[0].s) > 0);
    CHECK(stream_rtt(w.client[0].s) < USEC_PER_SEC);
    world_close(&w);
}

/* ---- readiness ---------------------------------------------------------------------------- */

TEST(tcp_is_reported_each_step_until_it_is_read) {
    struct world w;
    char bytes[4];
    world_open(&w);
    connect_pairs(&w, 1);
    CHECK_INT(put(&w.client[0], "ab"), 2);
    stream_want(w.server[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.server[0].readies);
    step(&w);
    step(&w);
    CHECK_INT(w.server[0].readies, 3);
    CHECK_INT(get(&w.server[0], bytes, 1), 1); /* a part is not all */
    step(&w);
    CHECK_INT(w.server[0].readies, 4);
    CHECK_INT(get(&w.server[0], bytes, 4), 1);
    step(&w);
    CHECK_INT(w.server[0].readies, 4);
    world_close(&w);
}

TEST(tcp_without_a_wish_is_left_alone) {
    struct world w;
    world_open(&w);
    connect_pairs(&w, 1);
    CHECK_INT(put(&w.client[0], "ab"), 2);
    stream_want(w.server[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.server[0].readies);
    stream_want(w.server[0].s, 0);
    shut(&w.client[0]);
    step(&w);
    step(&w);
    CHECK_INT(w.server[0].readies, 1);
    stream_want(w.server[0].s, STREAM_READ | STREAM_WRITE);
    step(&w);
    CHECK_INT(w.server[0].readies, 2);
    CHECK_INT(w.server[0].events, STREAM_READ | STREAM_WRITE);
    world_close(&w);
}

TEST(tcp_error_shows_as_readable_whatever_is_wanted) {
    struct world w;
    world_open(&w);
    connect_pairs(&w, 1);
    fill(&w.server[0]);
    stream_want(w.server[0].s, STREAM_WRITE);
    step(&w);
    CHECK_INT(w.server[0].readies, 0);
    shut(&w.client[0]); /* with bytes unread: a reset */
    STEP_UNTIL(&w, w.server[0].readies);
    CHECK(w.server[0].events & STREAM_READ);
    STEP_UNTIL(&w, w.server[0].readies > 3); /* until somebody closes it */
    world_close(&w);
}

/* ---- closing inside hooks ----------------------------------------------------------------- */

static void shut_self(struct side *x) {
    shut(x);
}

TEST(tcp_may_be_closed_in_its_own_hooks) {
    struct world w;
    world_open(&w);
    connect_pairs(&w, 1);
    w.server[0].act = shut_self;
    stream_want(w.server[0].s, STREAM_READ);
    CHECK_INT(put(&w.client[0], "x"), 1);
    STEP_UNTIL(&w, w.server[0].readies);
    w.client[1].act = shut_self;
    dial(&w, &w.client[1], NULL);
    STEP_UNTIL(&w, w.client[1].opens);
    step(&w);
    CHECK_INT(w.server[0].readies, 1);
    CHECK_INT(w.client[1].opens, 1);
    world_close(&w);
}

/* All of the server's sides become readable, and then the loop is asked. */
static void crowd_becomes_ready(struct world *w, void (*act)(struct side *x)) {
    world_open(w);
    connect_pairs(w, CROWD);
    for (int i = 0; i < CROWD; i++) {
        w->server[i].act = act;
        stream_want(w->server[i].s, STREAM_READ);
        CHECK_INT(put(&w->client[i], "x"), 1);
    }
    usleep(5000);
    step(w);
}

static int readies(const struct world *w) {
    int n = 0;
    for (int i = 0; i < CROWD; i++)
        n += w->server[i].readies;
    return n;
}

TEST(tcp_serves_all_that_are_ready_in_one_step) {
    struct world w;
    crowd_becomes_ready(&w, NULL);
    CHECK_INT(readies(&w), CROWD);
    world_close(&w);
}

static void shut_all(struct side *x) {
    for (int i = 0; i < CROWD; i++)
        shut(&x->world->server[i]);
}

TEST(tcp_hook_may_close_all_the_others) {
    struct world w;
    crowd_becomes_ready(&w, shut_all);
    step(&w);
    CHECK_INT(readies(&w), 1);
    world_close(&w);
}

static void shut_others(struct side *x) {
    for (int i = 0; i < CROWD; i++)
        if (&x->world->server[i] != x)
            shut(&x->world->server[i]);
}

TEST(tcp_hook_may_close_all_but_itself) {
    struct world w;
    char bytes[4];
    crowd_becomes_ready(&w, shut_others);
    CHECK_INT(readies(&w), 1);
    for (int i = 0; i < CROWD; i++)
        if (w.server[i].s)
            CHECK_INT(get(&w.server[i], bytes, 4), 1);
    world_close(&w);
}

/* Descriptors are used again at once: events of the old must not reach the new. */
static void replace_others(struct side *x) {
    struct world *w = x->world;
    x->act = NULL; /* once */
    for (int i = 0; i < CROWD; i++)
        if (&w->server[i] != x && w->server[i].s) {
            shut(&w->server[i]);
            w->server[i].act = NULL;
            dial(w, &w->server[i], NULL);
        }
}

TEST(tcp_new_stream_gets_no_events_of_the_closed_one) {
    struct world w;
    int fresh = 0;
    crowd_becomes_ready(&w, replace_others);
    CHECK_INT(readies(&w), 1);
    for (int i = 0; i < CROWD; i++)
        CHECK_INT(w.server[i].opens,
                  0); /* an event of the old one would look like success */
    for (int i = 0; i < 10; i++)
        step(&w);
    for (int i = 0; i < CROWD; i++)
        fresh += w.server[i].opens;
    CHECK_INT(fresh, CROWD - 1);
    world_close(&w);
}

static void want_nothing_of_all(struct side *x) {
    for (int i = 0; i < CROWD; i++)
        stream_want(x->world->server[i].s, 0);
}

TEST(tcp_wish_taken_back_in_a_hook_holds_within_the_step) {
    struct world w;
    crowd_becomes_ready(&w, want_nothing_of_all);
    step(&w);
    CHECK_INT(readies(&w), 1);
    world_close(&w);
}

/* ---- the process around it ---------------------------------------------------------------- */

TEST(tcp_leaks_no_descriptor) {
    struct world w;
    world_open(&w);
    world_close(&w);
    int before = open_descriptors();
    world_open(&w);
    connect_pairs(&w, CROWD);
    world_close(&w);
    CHECK_INT(open_descriptors(), before);
}

TEST(tcp_closes_its_descriptor_at_once) {
    struct world w;
    world_open(&w);
    connect_pairs(&w, 1);
    int before = open_descriptors();
    shut(&w.client[0]);
    CHECK_INT(open_descriptors(), before - 1);
    world_close(&w);
}

TEST(tcp_descriptors_die_with_exec_and_never_block) {
    struct world w;
    world_open(&w);
    connect_pairs(&w, 2);
    for (int fd = 0, type; fd < 1024; fd++) {
        socklen_t len = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || fd < 3 ||
            type != SOCK_STREAM)
            continue;
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    }
    world_close(&w);
}

/* ---- listener ----------------------------------------------------------------------------- */

TEST(listener_shares_a_port_between_families) {
    struct world four, six;
    struct err e = {0};
    world_open(&four);
    world_open_at(&six, "::1");
    listener_close(six.listener);
    CHECK_INT(addr_parse(&six.at, "::", 1), 0);
    six.at.port = four.at.port;
    six.listener = listener_open(six.loop, &six.at, on_accept, &six, &e);
    CHECK(six.listener);
    world_close(&six);
    world_close(&four);
}

TEST(listener_says_why_it_cannot) {
    struct world w;
    struct err e = {0};
    struct addr none = {0};
    char text[ADDR_TEXT];
    world_open(&w);
    int before = open_descriptors();
    CHECK(!listener_open(w.loop, &w.at, on_accept, &w, &e));
    CHECK_INT(e.code, ERR_NETWORK);
    CHECK(strstr(e.text, addr_format(&w.at, text)));
    CHECK(!listener_open(w.loop, &none, on_accept, &w, &e));
    CHECK_INT(e.code, ERR_INVALID);
    CHECK_INT(open_descriptors(), before);
    world_close(&w);
}

TEST(listener_frees_its_port_at_once) {
    struct world w;
    struct err e = {0};
    world_open(&w);
    listener_close(w.listener);
    w.listener = listener_open(w.loop, &w.at, on_accept, &w, &e);
    CHECK(w.listener);
    connect_pairs(&w, 1);
    world_close(&w);
}

static void accept_and_stop(void *owner, struct stream *s, const struct addr *from) {
    struct world *w = owner;
    (void)from;
    w->accepted++;
    stream_close(s);
    listener_close(w->listener);
    w->listener = NULL;
}

TEST(listener_may_be_closed_in_its_hook) {
    struct world w;
    struct err e = {0};
    world_open(&w);
    listener_close(w.listener);
    w.listener = listener_open(w.loop, &w.at, accept_and_stop, &w, &e);
    CHECK(w.listener);
    for (int i = 0; i < 3; i++)
        dial(&w, &w.client[i], NULL);
    STEP_UNTIL(&w, w.accepted);
    step(&w);
    CHECK_INT(w.accepted, 1);
    world_close(&w);
}

struct flood {
    int in_this_step, most, all;
};

static void count_and_close(void *owner, struct stream *s, const struct addr *from) {
    struct flood *f = owner;
    (void)from;
    f->all++;
    f->in_this_step++;
    f->most = MAX(f->most, f->in_this_step);
    stream_close(s);
}

TEST(listener_takes_a_flood_in_portions) {
    struct world w;
    struct flood f = {0};
    struct err e = {0};
    struct stream *s[40];
    struct side nobody = {0};
    world_open(&w);
    listener_close(w.listener);
    w.listener = listener_open(w.loop, &w.at, count_and_close, &f, &e);
    CHECK(w.listener);
    for (int i = 0; i < 40; i++) {
        CHECK((s[i] = tcp_connect(w.loop, &w.at, NULL, &e)) != NULL);
        s[i]->hooks = &hooks;
        s[i]->owner = &nobody;
    }
    for (int i = 0; i < 1000 && f.all < 40; i++) {
        f.in_this_step = 0;
        step(&w);
    }
    CHECK_INT(f.all, 40);
    CHECK(f.most <= 16);
    for (int i = 0; i < 40; i++)
        stream_close(s[i]);
    world_close(&w);
}

/* Takes a second: the pause is that long. */
TEST(listener_pauses_when_descriptors_run_out_and_goes_on) {
    struct world w;
    struct rlimit usual, few;
    int spare[64], n = 0, steps = 0;
    world_open(&w);
    dial(&w, &w.client[0], NULL);
    getrlimit(RLIMIT_NOFILE, &usual);
    few = usual;
    few.rlim_cur = 64;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (n < 64 && (spare[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;

    usec start = loop_now(w.loop);
    for (; loop_now(w.loop) < start + 200 * USEC_PER_MSEC; steps++)
        CHECK_INT(loop_step(w.loop, 50 * USEC_PER_MSEC), 0);
    while (n)
        close(spare[--n]);
    setrlimit(RLIMIT_NOFILE, &usual);

    CHECK_INT(w.accepted, 0);
    CHECK(steps < 50); /* it did not spin */
    STEP_UNTIL(&w, w.accepted);
    world_close(&w);
}

/* ---- resolve ------------------------------------------------------------------------------ */

struct answer {
    int calls, status;
    uint32_t n;
    struct addr first;
    char why[256];
};

static void on_resolved(void *owner, int status, const struct addr *addrs, uint32_t n,
                        const char *why) {
    struct answer *a = owner;
    a->calls++;
    a->status = status;
    a->n = n;
    if (n)
        a->first = addrs[0];
    snprintf(a->why, sizeof a->why, "%s", why);
}

static struct answer resolve_now(const char *host) {
    struct world w;
    struct answer a = {0};
    struct err e = {0};
    world_open(&w);
    CHECK(resolve_start(w.loop, host, 6969, on_resolved, &a, &e));
    CHECK_INT(a.calls, 0);
    for (int i = 0; i < 3000 && !a.calls; i++)
        step(&w);
    CHECK_INT(a.calls, 1);
    world_close(&w);
    return a;
}

TEST(resolve_finds_addresses_and_sets_the_port) {
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct answer a = resolve_now(hosts[i]);
        CHECK_INT(a.status, 0);
        CHECK(a.n >= 1 && a.n <= 16);
        CHECK_INT(a.first.port, 6969);
        CHECK_INT(addr_kind(&a.first), ADDR_LOOPBACK);
    }
}

TEST(resolve_says_which_host_it_does_not_find) {
    struct answer a = resolve_now("no-such-host.invalid");
    CHECK_INT(a.status, ERR_NETWORK);
    CHECK_INT(a.n, 0);
    CHECK(strstr(a.why, "no-such-host.invalid"));
}

TEST(resolve_refuses_a_name_that_cannot_be) {
    struct world w;
    struct err e = {0};
    char longest[2000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    world_open(&w);
    CHECK(!resolve_start(w.loop, longest, 1, on_resolved, NULL, &e));
    CHECK_INT(e.code, ERR_INVALID);
    world_close(&w);
}

TEST(resolve_cancel_is_silent) {
    struct world w;
    struct answer a = {0};
    struct err e = {0};
    world_open(&w);
    struct resolve *r = resolve_start(w.loop, "localhost", 1, on_resolved, &a, &e);
    CHECK(r);
    resolve_cancel(r);
    for (int i = 0; i < 5; i++)
        step(&w);
    world_close(&w);
    CHECK_INT(a.calls, 0);
}

TEST(resolve_ends_when_the_loop_is_freed) {
    struct world w;
    struct answer a = {0};
    struct err e = {0};
    world_open(&w);
    CHECK(resolve_start(w.loop, "localhost", 1, on_resolved, &a, &e));
    world_close(&w);
    CHECK_INT(a.calls, 1);
    CHECK(a.status == 0 || a.status == ERR_CANCELED);
}
