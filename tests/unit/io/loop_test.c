/* loop: time, waits, the outer loop, and what happens to the process around it. */
#include "io/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "io/jobs.h"
#include "unit/io/net_fixture.h"

#define MSEC USEC_PER_MSEC

static struct loop *open_loop(void) {
    struct err e = {0};
    struct loop *l = loop_new(&e);
    CHECK(l);
    return l;
}

struct alarm {
    struct timer timer;
    struct loop *loop;
    int fired, busy;
    usec at;
};

static void on_alarm(struct timer *t, usec now) {
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    a->fired++;
    a->at = now;
    a->busy = loop_step(a->loop, 0);
}

static void set_alarm(struct alarm *a, struct loop *l, usec after) {
    *a = (struct alarm){.loop = l};
    timer_init(&a->timer, on_alarm);
    timer_set(loop_timers(l), &a->timer, loop_now(l) + after);
}

TEST(loop_step_fires_a_timer_not_before_it_is_due) {
    struct loop *l = open_loop();
    struct alarm a;
    set_alarm(&a, l, 5 * MSEC + 300);
    usec due = a.timer.due;
    for (int i = 0; i < 100 && !a.fired; i++)
        CHECK_INT(loop_step(l, USEC_NEVER), 0);
    CHECK_INT(a.fired, 1);
    CHECK(a.at >= due);
    loop_free(l);
}

TEST(loop_step_waits_for_a_timer_in_one_go) {
    struct loop *l = open_loop();
    struct alarm a;
    CHECK_INT(loop_step(l, 0), 0); /* the first one only makes libuv ready */
    set_alarm(&a, l, 5 * MSEC + 300);
    CHECK_INT(loop_step(l, USEC_NEVER), 0);
    CHECK_INT(a.fired, 1);
    loop_free(l);
}

TEST(loop_step_without_waiting_fires_what_is_due) {
    struct loop *l = open_loop();
    struct alarm now, later;
    set_alarm(&now, l, 0);
    set_alarm(&later, l, 3600 * USEC_PER_SEC);
    CHECK_INT(loop_step(l, 0), 0);
    CHECK_INT(now.fired, 1);
    CHECK_INT(later.fired, 0);
    loop_free(l);
}

TEST(loop_step_waits_no_longer_than_it_is_told) {
    struct loop *l = open_loop();
    struct alarm far;
    set_alarm(&far, l, 3600 * USEC_PER_SEC);
    CHECK_INT(loop_step(l, 2 * MSEC), 0); /* or this test does not end */
    CHECK_INT(loop_step(l, 1), 0);
    CHECK_INT(loop_step(l, -5), 0);
    loop_free(l);
}

TEST(loop_step_inside_a_step_is_refused) {
    struct loop *l = open_loop();
    struct alarm a;
    set_alarm(&a, l, 0);
    CHECK_INT(loop_step(l, 0), 0);
    CHECK_INT(a.busy, ERR_BUSY);
    CHECK_INT(loop_step(l, 0), 0);
    loop_free(l);
}

TEST(loop_now_stands_still_between_steps_and_never_goes_back) {
    struct loop *l = open_loop();
    usec before = loop_now(l);
    usleep(2000);
    CHECK_INT(loop_now(l), before);
    loop_update_now(l);
    CHECK(loop_now(l) >= before + 2000);
    for (int i = 0; i < 100; i++) {
        before = loop_now(l);
        CHECK_INT(loop_step(l, 0), 0);
        CHECK(loop_now(l) >= before);
    }
    loop_free(l);
}

TEST(loop_poke_ends_the_next_wait) {
    struct loop *l = open_loop();
    loop_poke(l);
    CHECK_INT(loop_step(l, USEC_NEVER), 0); /* or this test does not end */
    loop_poke(l);
    loop_poke(l);
    CHECK_INT(loop_step(l, USEC_NEVER), 0);
    loop_free(l);
}

static void *poke_soon(void *l) {
    usleep(5000);
    loop_poke(l);
    return NULL;
}

TEST(loop_poke_of_another_thread_ends_the_wait) {
    struct loop *l = open_loop();
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, poke_soon, l), 0);
    CHECK_INT(loop_step(l, USEC_NEVER), 0);
    pthread_join(thread, NULL);
    loop_free(l);
}

TEST(loop_poke_shows_on_the_descriptor) {
    struct loop *l = open_loop();
    struct pollfd p = {loop_fd(l), POLLIN, 0};
    CHECK_INT(loop_step(l, 0), 0);
    CHECK_INT(poll(&p, 1, 0), 0);
    loop_poke(l);
    CHECK_INT(poll(&p, 1, 0), 1);
    CHECK_INT(loop_step(l, 0), 0);
    CHECK_INT(poll(&p, 1, 0), 0);
    loop_free(l);
}

TEST(loop_timeout_is_that_of_the_first_timer) {
    struct loop *l = open_loop();
    struct alarm a, b;
    CHECK_INT(loop_timeout(l), 0); /* libuv has not seen epoll yet */
    CHECK_INT(loop_step(l, 0), 0);
    CHECK_INT(loop_timeout(l), USEC_NEVER);
    set_alarm(&a, l, 3600 * USEC_PER_SEC);
    set_alarm(&b, l, 60 * USEC_PER_SEC);
    CHECK(loop_timeout(l) > 0 && loop_timeout(l) <= 60 * USEC_PER_SEC);
    timer_set(loop_timers(l), &b.timer, loop_now(l) - 1);
    CHECK_INT(loop_timeout(l), 0);
    loop_free(l);
}

static void no_accept(void *owner, struct stream *s, const struct addr *from) {
    (void)owner, (void)from;
    stream_close(s);
}

static struct addr loopback(void) {
    return (struct addr){.ip = {127, 0, 0, 1}, .family = 4};
}

TEST(loop_timeout_is_zero_while_a_descriptor_is_not_yet_watched) {
    struct loop *l = open_loop();
    struct addr at = loopback();
    struct err e;
    CHECK_INT(loop_step(l, 0), 0);
    struct listener *n = listener_open(l, &at, no_accept, NULL, &e);
    CHECK(n);
    CHECK_INT(loop_timeout(l), 0);
    CHECK_INT(loop_step(l, 0), 0);
    CHECK_INT(loop_timeout(l), USEC_NEVER);
    listener_close(n);
    CHECK_INT(loop_timeout(l), 0); /* it is to be buried */
    CHECK_INT(loop_step(l, 0), 0);
    CHECK_INT(loop_timeout(l), USEC_NEVER);
    loop_free(l);
}

/* ---- under somebody else's loop ---------------------------------------------------- */

struct echo {
    struct loop *loop;
    struct stream *client, *server;
    struct job job;
    struct timer timer;
    int came_back, jobs_done, timers_fired;
};

static void server_ready(void *owner, int events) {
    struct echo *x = owner;
    char bytes[16];
    struct iovec v = {bytes, sizeof bytes};
    (void)events;
    v.iov_len = (size_t)stream_readv(x->server, &v, 1);
    CHECK_INT(v.iov_len, 4);
    CHECK_INT(stream_writev(x->server, &v, 1), 4);
}

static const struct stream_hooks server_hooks = {.on_ready = server_ready};

static void on_accept(void *owner, struct stream *s, const struct addr *from) {
    struct echo *x = owner;
    (void)from;
    x->server = s;
    s->hooks = &server_hooks;
    s->owner = x;
    stream_want(s, STREAM_READ);
}

static void client_open(void *owner, int status) {
    struct echo *x = owner;
    CHECK_INT(status, 0);
    CHECK_INT(stream_writev(x->client, &(struct iovec){"ping", 4}, 1), 4);
    stream_want(x->client, STREAM_READ);
}

static void on_work(struct job *j) {
    (void)j;
    usleep(3000);
}

static void on_job(struct job *j, int status) {
    CHECK_INT(status, 0);
    CONTAINER_OF(j, struct echo, job)->jobs_done++;
}

/* Each thing begins inside the hook of the one before, where it is easily missed. */
static void on_timer(struct timer *t, usec now) {
    struct echo *x = CONTAINER_OF(t, struct echo, timer);
    (void)now;
    x->timers_fired++;
    CHECK_INT(jobs_submit(x->loop, &x->job), 0);
}

static void client_ready(void *owner, int events) {
    struct echo *x = owner;
    char bytes[16];
    (void)events;
    CHECK_INT(stream_readv(x->client, &(struct iovec){bytes, sizeof bytes}, 1), 4);
    x->came_back++;
    timer_set(loop_timers(x->loop), &x->timer, loop_now(x->loop) + 3 * MSEC + 1);
}

static const struct stream_hooks client_hooks = {client_open, client_ready};

TEST(loop_progresses_under_an_outer_loop) {
    struct echo x = {.loop = open_loop(), .job = {.run = on_work, .done = on_job}};
    struct addr at = loopback();
    struct err e;
    struct listener *n = listener_open(x.loop, &at, on_accept, &x, &e);
    CHECK(n);
    at.port = listener_port(n);
    timer_init(&x.timer, on_timer);
    x.client = tcp_connect(x.loop, &at, NULL, &e);
    CHECK(x.client);
    x.client->hooks = &client_hooks;
    x.client->owner = &x;

    struct pollfd p = {loop_fd(x.loop), POLLIN, 0};
    for (int i = 0; i < 1000 && !x.jobs_done; i++) {
        usec wait = loop_timeout(x.loop);
        int msec = wait == USEC_NEVER ? 10000 : (int)((wait + 999) / 1000);
        int n_ready = poll(&p, 1, msec);
        CHECK(n_ready || msec < 10000); /* a wake-up was missed */
        CHECK_INT(loop_step(x.loop, 0), 0);
    }
    CHECK_INT(x.came_back, 1);
    CHECK_INT(x.timers_fired, 1);
    CHECK_INT(x.jobs_done, 1);
    CHECK_INT(loop_step(x.loop, 0), 0);
    CHECK_INT(loop_step(x.loop, 0), 0);
    CHECK_INT(poll(&p, 1, 0), 0); /* and now it is quiet */
    CHECK_INT(loop_timeout(x.loop), USEC_NEVER);

    stream_close(x.client);
    stream_close(x.server);
    listener_close(n);
    loop_free(x.loop);
}

/* ---- a guest in the process -------------------------------------------------------- */

TEST(loop_free_closes_what_its_owner_forgot) {
    struct addr at = loopback();
    struct err e;
    loop_free(open_loop()); /* libuv opens one pipe of its own per process */
    int before = open_descriptors();
    struct loop *l = open_loop();
    struct listener *n = listener_open(l, &at, no_accept, NULL, &e);
    CHECK(n);
    at.port = listener_port(n);
    CHECK(tcp_connect(l, &at, NULL, &e));
    CHECK(open_descriptors() > before);
    loop_free(l);
    CHECK_INT(open_descriptors(), before);
}

TEST(loop_free_of_nothing_is_fine) {
    loop_free(NULL);
}

static void signals_of(void (*out[32])(int)) {
    for (int i = 1; i < 32; i++) {
        struct sigaction now;
        sigaction(i, NULL, &now);
        out[i] = now.sa_handler;
    }
}

TEST(loop_leaves_signals_alone) {
    void (*before[32])(int), (*after[32])(int);
    sigset_t mask_before, mask_after;
    struct echo x = {.job = {.run = on_work, .done = on_job}};
    signals_of(before);
    pthread_sigmask(SIG_BLOCK, NULL, &mask_before);
    x.loop = open_loop();
    CHECK_INT(jobs_submit(x.loop, &x.job), 0);
    CHECK_INT(loop_step(x.loop, 0), 0);
    signals_of(after);
    pthread_sigmask(SIG_BLOCK, NULL, &mask_after);
    for (int i = 1; i < 32; i++) {
        CHECK(before[i] == after[i]);
        CHECK_INT(sigismember(&mask_after, i), sigismember(&mask_before, i));
    }
    while (!x.jobs_done)
        CHECK_INT(loop_step(x.loop, USEC_NEVER), 0);
    loop_free(x.loop);
}

TEST(loops_are_independent) {
    struct loop *a = open_loop(), *b = open_loop();
    struct alarm of_a;
    set_alarm(&of_a, a, 0);
    CHECK_INT(loop_step(b, 0), 0);
    CHECK_INT(of_a.fired, 0);
    loop_free(b);
    CHECK_INT(loop_step(a, 0), 0);
    CHECK_INT(of_a.fired, 1);
    loop_free(a);
}
