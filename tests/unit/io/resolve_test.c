/* resolve: only names that need no name server, one that cannot exist, and a name server that does
 * not answer: the tests' own getaddrinfo, which mare's code calls (our symbols are hidden: the
 * libraries go on with the real one). */
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "unit/io/net_fixture.h"

#define DEAD "dead.invalid"

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *,
                           struct addrinfo **);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t asked, answer; /* by a look-up of DEAD; it goes on as one of localhost */
static getaddrinfo_fn *real_getaddrinfo;

static void set_up(void) {
    sem_init(&asked, 0, 0);
    sem_init(&answer, 0, 0);
    *(void **)&real_getaddrinfo = dlsym(RTLD_NEXT, "getaddrinfo");
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    pthread_once(&once, set_up);
    if (strcmp(host, DEAD))
        return real_getaddrinfo(host, service, hints, found);
    sem_post(&asked);
    sem_wait(&answer);
    return real_getaddrinfo("localhost", service, hints, found);
}

static void wait_asked(int n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_once(&once, set_up);
    while (n-- > 0)
        CHECK_INT(sem_timedwait(&asked, &until), 0);
}

static void answer_all(int n) {
    while (n-- > 0)
        sem_post(&answer);
}

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
        world_step(&w);
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
        world_step(&w);
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
    CHECK_INT(a.status, ERR_CANCELED);
}

static void start(struct world *w, const char *host, struct answer *a) {
    struct err e = {0};
    CHECK(resolve_start(w->loop, host, 1, on_resolved, a, &e));
}

/* Under the sanitizers: what the thread has is freed by it. */
TEST(resolve_does_not_keep_the_loop_from_ending) {
    struct world w;
    struct answer a = {0};
    world_open(&w);
    start(&w, DEAD, &a);
    wait_asked(1);
    world_close(&w);
    CHECK_INT(a.calls, 1);
    CHECK_INT(a.status, ERR_CANCELED);
    answer_all(1);
}

TEST(resolve_answers_that_the_loop_has_not_seen_are_freed_with_it) {
    struct world w;
    struct answer a = {0};
    world_open(&w);
    start(&w, DEAD, &a);
    wait_asked(1);
    answer_all(1);
    usec until = loop_now(w.loop) + 20 * USEC_PER_MSEC;
    while (loop_now(w.loop) < until)
        loop_update_now(w.loop);
    world_close(&w);
    CHECK_INT(a.status, ERR_CANCELED);
}

TEST(resolve_asks_a_few_at_once_and_the_others_in_turn) {
    enum { AT_ONCE = 8 };
    struct world w;
    struct answer dead[AT_ONCE] = {{0}}, last = {0}, canceled = {0};
    struct err e = {0};
    world_open(&w);
    for (int i = 0; i < AT_ONCE; i++)
        start(&w, DEAD, &dead[i]);
    wait_asked(AT_ONCE);
    struct resolve *r = resolve_start(w.loop, DEAD, 1, on_resolved, &canceled, &e);
    start(&w, DEAD, &last);
    resolve_cancel(r);
    for (int i = 0; i < 20; i++)
        world_step(&w);
    CHECK(sem_trywait(&asked) < 0);
    answer_all(1);
    for (int i = 0; i < 1000 && sem_trywait(&asked) < 0; i++)
        world_step(&w);
    answer_all(AT_ONCE);
    STEP_UNTIL(&w, last.calls);
    for (int i = 0; i < AT_ONCE; i++)
        STEP_UNTIL(&w, dead[i].calls);
    CHECK_INT(last.status, 0);
    CHECK_INT(canceled.calls, 0);
    world_close(&w);
}

TEST(resolve_without_memory_says_so) {
    CHECK_EACH_NOMEM(n) {
        struct world w;
        struct answer a = {0};
        struct err e = {0};
        check_nomem_at(-1); /* not yet */
        world_open(&w);
        check_nomem_at(n);
        struct resolve *r = resolve_start(w.loop, "localhost", 1, on_resolved, &a, &e);
        if (check_nomem_hit()) {
            CHECK(!r);
            CHECK_INT(e.code, ERR_NOMEM);
            start(&w, "localhost", &a);
        }
        STEP_UNTIL(&w, a.calls);
        CHECK_INT(a.status, 0);
        world_close(&w);
    }
}
