/* pex: what changed, in bounded portions, no more often than once a minute. */
#include "swarm/pex.h"

#include "support/check.h"

struct swarm {
    struct pex p;
    struct ut_pex m;
    struct pex_peer peers[500];
    uint32_t count;
    struct rng rng;
    struct addr self;
    usec now;
};

static struct swarm *start(void) {
    struct swarm *s = calloc(1, sizeof *s);
    CHECK(s);
    pex_init(&s->p);
    rng_seed(&s->rng, 1);
    return s;
}

static void finish(struct swarm *s) {
    pex_fini(&s->p);
    free(s);
}

static struct addr peer_addr(uint32_t n) {
    return (struct addr){
        .ip = {10, 0, (uint8_t)(n >> 8), (uint8_t)n}, .port = 6881, .family = 4};
}

/* We are connected to the peers first .. end - 1. */
static void connect_to(struct swarm *s, uint32_t first, uint32_t end) {
    s->count = 0;
    for (uint32_t n = end; n-- > first;)
        s->peers[s->count++] = (struct pex_peer){peer_addr(n), PEX_REACHABLE};
    s->count = pex_sort(s->peers, s->count);
}

static int tell(struct swarm *s) {
    int rc = pex_tell(&s->p, &s->m, s->peers, s->count, &s->self, &s->rng, s->now);
    s->now += PEX_INTERVAL;
    return rc;
}

static void expect(struct swarm *s, uint32_t added, uint32_t dropped) {
    CHECK_INT(tell(s), added || dropped);
    CHECK_INT(s->m.added.count, added);
    CHECK_INT(s->m.dropped.count, dropped);
}

TEST(pex_tells_what_changed) {
    struct swarm *s = start();
    struct addr gone = peer_addr(0);
    connect_to(s, 0, 3);
    expect(s, 3, 0);
    CHECK_INT(s->m.added.peers[0].flags, PEX_REACHABLE);
    expect(s, 0, 0);
    connect_to(s, 1, 5);
    expect(s, 2, 1);
    CHECK(addr_equal(&s->m.dropped.peers[0].addr, &gone));
    connect_to(s, 0, 0);
    expect(s, 0, 4);
    expect(s, 0, 0);
    finish(s);
}

TEST(pex_tells_once_a_minute) {
    struct swarm *s = start();
    connect_to(s, 0, 3);
    CHECK_INT(tell(s), 1);
    CHECK(pex_due(&s->p) == PEX_INTERVAL);
    connect_to(s, 0, 4);
    s->now = PEX_INTERVAL - 1;
    CHECK_INT(tell(s), 0);
    s->now = PEX_INTERVAL;
    CHECK_INT(tell(s), 1);
    finish(s);
}

TEST(pex_with_nothing_to_tell_need_not_wait) {
    struct swarm *s = start();
    CHECK_INT(tell(s), 0);
    s->now = 0;
    connect_to(s, 0, 1);
    CHECK_INT(tell(s), 1);
    finish(s);
}

TEST(pex_does_not_tell_a_peer_of_itself) {
    struct swarm *s = start();
    s->self = peer_addr(1);
    connect_to(s, 0, 3);
    expect(s, 2, 0);
    for (int i = 0; i < 2; i++)
        CHECK(!addr_equal(&s->m.added.peers[i].addr, &s->self));
    expect(s, 0, 0);
    finish(s);
}

TEST(pex_messages_are_bounded_and_the_rest_comes_later) {
    struct swarm *s = start();
    bool heard[120] = {false};
    connect_to(s, 0, 120);
    static const uint32_t portions[] = {50, 50, 20};
    for (int i = 0; i < 3; i++) {
        expect(s, portions[i], 0);
        for (uint32_t k = 0; k < portions[i]; k++) {
            uint8_t n = s->m.added.peers[k].addr.ip[3];
            CHECK(!heard[n]);
            heard[n] = true;
        }
    }
    expect(s, 0, 0);
    connect_to(s, 200, 260);
    expect(s, 50, 50);
    expect(s, 10, 50);
    expect(s, 0, 20);
    expect(s, 0, 0);
    finish(s);
}

TEST(pex_memory_per_peer_is_bounded) {
    struct swarm *s = start();
    connect_to(s, 0, 500);
    for (int i = 0; i < 4; i++)
        expect(s, 50, 0);
    expect(s, 0, 0);
    CHECK_INT(s->p.count, PEX_MAX_TOLD);
    CHECK(s->p.cap <= PEX_MAX_TOLD);
    connect_to(s, 500, 500);
    expect(s, 0, 50);
    finish(s);
}

TEST(pex_begins_at_a_random_place) {
    struct swarm *s = start();
    bool differ = false;
    uint8_t first = 0;
    connect_to(s, 0, 250);
    for (int i = 0; i < 10; i++) {
        pex_fini(&s->p);
        CHECK_INT(tell(s), 1);
        differ = differ || (i && s->m.added.peers[0].addr.ip[3] != first);
        first = s->m.added.peers[0].addr.ip[3];
    }
    CHECK(differ);
    finish(s);
}

TEST(pex_sort_drops_repeated_addresses) {
    struct pex_peer peers[4] = {
        {peer_addr(2), 1}, {peer_addr(1), 2}, {peer_addr(2), 3}, {peer_addr(2), 4}};
    peers[3].addr.port = 1;
    CHECK_INT(pex_sort(peers, 4), 3);
    CHECK_INT(peers[0].addr.ip[3], 1);
    CHECK_INT(peers[1].addr.port, 1);
    CHECK_INT(pex_sort(NULL, 0), 0);
}

TEST(pex_tells_both_families) {
    struct swarm *s = start();
    connect_to(s, 0, 2);
    s->peers[2] = (struct pex_peer){.addr = {.ip = {0x20, 1}, .port = 1, .family = 6}};
    s->count = pex_sort(s->peers, 3);
    expect(s, 3, 0);
    s->count = 2; /* IPv4 sorts first */
    expect(s, 0, 1);
    CHECK_INT(s->m.dropped.peers[0].addr.family, 6);
    finish(s);
}

TEST(pex_is_heard_once_a_minute) {
    struct pex p;
    int heard = 0;
    pex_init(&p);
    CHECK(pex_hear(&p, 0)); /* at once, and with the sender's next round */
    CHECK(pex_hear(&p, 1));
    CHECK(!pex_hear(&p, 2));
    CHECK(pex_hear(&p, PEX_INTERVAL - USEC_PER_SEC)); /* a little early */
    for (usec now = PEX_INTERVAL; now < 61 * PEX_INTERVAL; now += USEC_PER_SEC)
        heard += pex_hear(&p, now);
    CHECK(heard >= 58 && heard <= 61);
}

TEST(pex_changes_nothing_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct swarm *s = calloc(1, sizeof *s);
        int rc = ERR_NOMEM;
        if (s) {
            rng_seed(&s->rng, 1);
            connect_to(s, 0, 3);
            rc = tell(s);
        }
        CHECK_INT(rc, check_nomem_hit() ? ERR_NOMEM : 1);
        if (s) {
            CHECK_INT(s->p.count, rc == 1 ? 3 : 0);
            CHECK(s->p.next_tell == (rc == 1 ? PEX_INTERVAL : 0));
            finish(s);
        }
    }
}
