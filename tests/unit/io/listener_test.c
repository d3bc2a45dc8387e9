/* listener: who comes, how many at a time, and what if there are no descriptors left. */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit/io/net_fixture.h"

TEST(listener_shares_a_port_between_families) {
    struct world four, six;
    struct err e = {0};
    world_open(&four);
    world_open_at(&six, "::1");
    listener_close(six.listener);
    CHECK_INT(addr_parse(&six.at, "::", 1), 0);
    six.at.port = four.at.port;
    six.listener = listener_open(six.loop, &six.at, world_on_accept, &six, &e);
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
    CHECK(!listener_open(w.loop, &w.at, world_on_accept, &w, &e));
    CHECK_INT(e.code, ERR_NETWORK);
    CHECK(strstr(e.text, addr_format(&w.at, text)));
    CHECK(!listener_open(w.loop, &none, world_on_accept, &w, &e));
    CHECK_INT(e.code, ERR_INVALID);
    CHECK_INT(open_descriptors(), before);
    world_close(&w);
}

TEST(listener_frees_its_port_at_once) {
    struct world w;
    struct err e = {0};
    world_open(&w);
    listener_close(w.listener);
    w.listener = listener_open(w.loop, &w.at, world_on_accept, &w, &e);
    CHECK(w.listener);
    world_connect(&w, 1);
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
        world_dial(&w, &w.client[i], NULL);
    STEP_UNTIL(&w, w.accepted);
    world_step(&w);
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
        s[i]->hooks = &side_hooks;
        s[i]->owner = &nobody;
    }
    for (int i = 0; i < 1000 && f.all < 40; i++) {
        f.in_this_step = 0;
        world_step(&w);
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
    world_dial(&w, &w.client[0], NULL);
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
