/* resolve: only names that need no name server, and one that cannot exist. */
#include "unit/io/net_fixture.h"

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
    CHECK(a.status == 0 || a.status == ERR_CANCELED);
}
