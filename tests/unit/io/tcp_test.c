/* tcp: real sockets on this machine's own addresses. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/io/net_fixture.h"

/* ---- connecting -------------------------------------------------------------------- */

TEST(tcp_moves_bytes_both_ways_over_both_families) {
    static const char *const ips[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < COUNT_OF(ips); i++) {
        struct world w;
        char bytes[16] = "";
        world_open_at(&w, ips[i]);
        world_connect(&w, 1);
        CHECK_INT(side_put(&w.client[0], "ping"), 4);
        CHECK_INT(side_get_patiently(&w.server[0], bytes, sizeof bytes), 4);
        CHECK_MEM(bytes, "ping", 4);
        CHECK_INT(side_put(&w.server[0], "pong!"), 5);
        CHECK_INT(side_get_patiently(&w.client[0], bytes, sizeof bytes), 5);
        CHECK_MEM(bytes, "pong!", 5);
        world_close(&w);
    }
}

TEST(tcp_connect_tells_only_in_a_later_step) {
    struct world w;
    world_open(&w);
    world_dial(&w, &w.client[0], NULL);
    usleep(2000);
    CHECK_INT(w.client[0].opens, 0);
    CHECK_INT(side_put(&w.client[0], "x"), ERR_AGAIN);
    STEP_UNTIL(&w, w.client[0].opens);
    world_step(&w);
    CHECK_INT(w.client[0].opens, 1);
    world_close(&w);
}

TEST(tcp_connect_tells_of_refusal) {
    struct world w;
    world_open(&w);
    listener_close(w.listener);
    w.listener = NULL;
    world_dial(&w, &w.client[0], NULL);
    STEP_UNTIL(&w, w.client[0].opens);
    CHECK_INT(w.client[0].status, ERR_REFUSED);
    world_step(&w);
    CHECK_INT(w.client[0].opens, 1);
    CHECK_INT(w.client[0].readies, 0);
    world_close(&w);
}

TEST(tcp_connect_tells_what_the_system_knows_at_once_in_a_later_step_too) {
    struct world w;
    world_open(&w);
    CHECK_INT(addr_parse(&w.at, "255.255.255.255:9", -1), 0); /* TCP cannot broadcast */
    world_dial(&w, &w.client[0], NULL);
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
    world_dial(&w, &w.client[0], &source);
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
    world_dial(&w, &w.client[0], NULL);
    side_shut(&w.client[0]);
    world_dial(&w, &w.client[1], NULL);
    world_step(&w);
    side_shut(&w.client[1]);
    for (int i = 0; i < 5; i++)
        world_step(&w);
    CHECK_INT(w.client[0].opens, 0);
    world_close(&w);
}

TEST(tcp_wish_made_while_connecting_is_kept) {
    struct world w;
    world_open(&w);
    world_dial(&w, &w.client[0], NULL);
    stream_want(w.client[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.client[0].opens && w.accepted);
    CHECK_INT(w.client[0].readies, 0);
    CHECK_INT(side_put(&w.server[0], "x"), 1);
    STEP_UNTIL(&w, w.client[0].readies);
    CHECK_INT(w.client[0].events, STREAM_READ);
    world_close(&w);
}

/* ---- reading and writing ----------------------------------------------------------- */

TEST(tcp_readv_scatters) {
    struct world w;
    char a[2], b[3], c[10];
    struct iovec v[] = {{a, 2}, {b, 3}, {c, 10}};
    world_open(&w);
    world_connect(&w, 1);
    stream_want(w.server[0].s, STREAM_READ);
    CHECK_INT(side_put(&w.client[0], "abcdefg"), 7);
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
    world_connect(&w, 1);
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
    world_connect(&w, 1);
    CHECK_INT(side_get(&w.server[0], bytes, 4), ERR_AGAIN);
    CHECK_INT(side_put(&w.client[0], "ab"), 2);
    side_shut(&w.client[0]);
    CHECK_INT(side_get_patiently(&w.server[0], bytes, 4),
              2); /* what was sent before comes first */
    CHECK_INT(side_get_patiently(&w.server[0], bytes, 4), ERR_EOF);
    world_close(&w);
}

/* A side that leaves with bytes unread resets the connection. */
static void reset_by_client(struct world *w) {
    CHECK_INT(side_put(&w->server[0], "unread"), 6);
    stream_want(w->client[0].s, STREAM_READ);
    STEP_UNTIL(w, w->client[0].readies);
    side_shut(&w->client[0]);
}

TEST(tcp_readv_tells_of_a_reset) {
    struct world w;
    char bytes[4];
    world_open(&w);
    world_connect(&w, 1);
    reset_by_client(&w);
    CHECK_INT(side_get_patiently(&w.server[0], bytes, 4), ERR_NETWORK);
    world_close(&w);
}

TEST(tcp_writev_to_nobody_is_an_error_and_no_signal) {
    struct world w;
    ssize_t n = 1;
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR); /* it would end this process */
    world_open(&w);
    world_connect(&w, 1);
    reset_by_client(&w);
    for (int i = 0; i < 100 && n >= 0; i++) {
        world_step(&w);
        n = side_put(&w.server[0], "anybody?");
    }
    CHECK_INT(n, ERR_NETWORK);
    CHECK_INT(side_put(&w.server[0], "anybody?"), ERR_NETWORK);
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
    while (side_get(x, block, sizeof block) > 0)
        ;
}

TEST(tcp_writev_stops_when_the_buffers_are_full_and_goes_on_when_not) {
    struct world w;
    world_open(&w);
    world_connect(&w, 1);
    fill(&w.client[0]);
    stream_want(w.client[0].s, STREAM_WRITE);
    world_step(&w);
    CHECK_INT(w.client[0].readies, 0);
    w.server[0].act = drain;
    stream_want(w.server[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.client[0].readies);
    CHECK_INT(w.client[0].events, STREAM_WRITE);
    CHECK_INT(side_put(&w.client[0], "more"), 4);
    world_close(&w);
}

TEST(tcp_knows_its_round_trip_time) {
    struct world w;
    char bytes[4];
    world_open(&w);
    world_connect(&w, 1);
    CHECK_INT(side_put(&w.client[0], "ping"), 4);
    CHECK_INT(side_get_patiently(&w.server[0], bytes, 4), 4);
    CHECK(stream_rtt(w.client[0].s) > 0);
    CHECK(stream_rtt(w.client[0].s) < USEC_PER_SEC);
    world_close(&w);
}

/* ---- readiness --------------------------------------------------------------------- */

TEST(tcp_is_reported_each_step_until_it_is_read) {
    struct world w;
    char bytes[4];
    world_open(&w);
    world_connect(&w, 1);
    CHECK_INT(side_put(&w.client[0], "ab"), 2);
    stream_want(w.server[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.server[0].readies);
    world_step(&w);
    world_step(&w);
    CHECK_INT(w.server[0].readies, 3);
    CHECK_INT(side_get(&w.server[0], bytes, 1), 1); /* a part is not all */
    world_step(&w);
    CHECK_INT(w.server[0].readies, 4);
    CHECK_INT(side_get(&w.server[0], bytes, 4), 1);
    world_step(&w);
    CHECK_INT(w.server[0].readies, 4);
    world_close(&w);
}

TEST(tcp_without_a_wish_is_left_alone) {
    struct world w;
    world_open(&w);
    world_connect(&w, 1);
    CHECK_INT(side_put(&w.client[0], "ab"), 2);
    stream_want(w.server[0].s, STREAM_READ);
    STEP_UNTIL(&w, w.server[0].readies);
    stream_want(w.server[0].s, 0);
    side_shut(&w.client[0]);
    world_step(&w);
    world_step(&w);
    CHECK_INT(w.server[0].readies, 1);
    stream_want(w.server[0].s, STREAM_READ | STREAM_WRITE);
    world_step(&w);
    CHECK_INT(w.server[0].readies, 2);
    CHECK_INT(w.server[0].events, STREAM_READ | STREAM_WRITE);
    world_close(&w);
}

TEST(tcp_error_shows_as_readable_whatever_is_wanted) {
    struct world w;
    world_open(&w);
    world_connect(&w, 1);
    fill(&w.server[0]);
    stream_want(w.server[0].s, STREAM_WRITE);
    world_step(&w);
    CHECK_INT(w.server[0].readies, 0);
    side_shut(&w.client[0]); /* with bytes unread: a reset */
    STEP_UNTIL(&w, w.server[0].readies);
    CHECK(w.server[0].events & STREAM_READ);
    STEP_UNTIL(&w, w.server[0].readies > 3); /* until somebody closes it */
    world_close(&w);
}

/* ---- closing inside hooks ---------------------------------------------------------- */

static void shut_self(struct side *x) {
    side_shut(x);
}

TEST(tcp_may_be_closed_in_its_own_hooks) {
    struct world w;
    world_open(&w);
    world_connect(&w, 1);
    w.server[0].act = shut_self;
    stream_want(w.server[0].s, STREAM_READ);
    CHECK_INT(side_put(&w.client[0], "x"), 1);
    STEP_UNTIL(&w, w.server[0].readies);
    w.client[1].act = shut_self;
    world_dial(&w, &w.client[1], NULL);
    STEP_UNTIL(&w, w.client[1].opens);
    world_step(&w);
    CHECK_INT(w.server[0].readies, 1);
    CHECK_INT(w.client[1].opens, 1);
    world_close(&w);
}

/* All of the server's sides become readable, and then the loop is asked. */
static void crowd_becomes_ready(struct world *w, void (*act)(struct side *x)) {
    world_open(w);
    world_connect(w, CROWD);
    for (int i = 0; i < CROWD; i++) {
        w->server[i].act = act;
        stream_want(w->server[i].s, STREAM_READ);
        CHECK_INT(side_put(&w->client[i], "x"), 1);
    }
    usleep(5000);
    world_step(w);
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
        side_shut(&x->world->server[i]);
}

TEST(tcp_hook_may_close_all_the_others) {
    struct world w;
    crowd_becomes_ready(&w, shut_all);
    world_step(&w);
    CHECK_INT(readies(&w), 1);
    world_close(&w);
}

static void shut_others(struct side *x) {
    for (int i = 0; i < CROWD; i++)
        if (&x->world->server[i] != x)
            side_shut(&x->world->server[i]);
}

TEST(tcp_hook_may_close_all_but_itself) {
    struct world w;
    char bytes[4];
    crowd_becomes_ready(&w, shut_others);
    CHECK_INT(readies(&w), 1);
    for (int i = 0; i < CROWD; i++)
        if (w.server[i].s)
            CHECK_INT(side_get(&w.server[i], bytes, 4), 1);
    world_close(&w);
}

/* Descriptors are used again at once: events of the old must not reach the new. */
static void replace_others(struct side *x) {
    struct world *w = x->world;
    x->act = NULL; /* once */
    for (int i = 0; i < CROWD; i++)
        if (&w->server[i] != x && w->server[i].s) {
            side_shut(&w->server[i]);
            w->server[i].act = NULL;
            world_dial(w, &w->server[i], NULL);
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
        world_step(&w);
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
    world_step(&w);
    CHECK_INT(readies(&w), 1);
    world_close(&w);
}

/* ---- the process around it --------------------------------------------------------- */

TEST(tcp_leaks_no_descriptor) {
    struct world w;
    world_open(&w);
    world_close(&w);
    int before = open_descriptors();
    world_open(&w);
    world_connect(&w, CROWD);
    world_close(&w);
    CHECK_INT(open_descriptors(), before);
}

TEST(tcp_closes_its_descriptor_at_once) {
    struct world w;
    world_open(&w);
    world_connect(&w, 1);
    int before = open_descriptors();
    side_shut(&w.client[0]);
    CHECK_INT(open_descriptors(), before - 1);
    world_close(&w);
}

TEST(tcp_descriptors_die_with_exec_and_never_block) {
    struct world w;
    world_open(&w);
    world_connect(&w, 2);
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
