/* roster: what gets in, what is dialled first and when, what is forgotten. */
#include "swarm/roster.h"

#include "base/err.h"
#include "support/check.h"

#define NOW (1000 * USEC_PER_SEC)
#define SEC(n) ((n)*USEC_PER_SEC)

static struct addr address(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, -1), 0);
    return a;
}

/* The i-th address of a network of our own; all are in different /24s. */
static struct addr numbered(uint32_t i) {
    return (struct addr){
        .ip = {80, (uint8_t)(i >> 8), (uint8_t)i, 9}, .port = 6881, .family = 4};
}

static struct candidate *add(struct roster *r, const char *text, uint32_t source,
                             usec now) {
    struct addr a = address(text);
    CHECK(roster_add(r, &a, source, now) >= 0);
    return roster_find(r, &a);
}

TEST(peer_priority_follows_bep_40) {
    static const struct {
        const char *own, *peer;
        uint32_t want;
    } cases[] = {
        /* the two vectors of the text */
        {"123.213.32.10:1", "98.76.54.32:2", 0xec2d7224},
        {"123.213.32.10:1", "123.213.32.234:2", 0x99568189},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct addr own = address(cases[i].own), peer = address(cases[i].peer);
        CHECK_INT(peer_priority(&own, &peer), cases[i].want);
        CHECK_INT(peer_priority(&peer, &own), cases[i].want);
    }
}

/* Which bits count: equal priority when the peer's address changes in a masked bit only. */
TEST(peer_priority_masks_by_how_near_the_two_are) {
    static const struct {
        const char *own, *peer, *changed;
        bool same;
    } cases[] = {
        /* far: FF.FF.55.55 */
        {"1.2.3.4:1", "9.8.0.0:1", "9.8.170.170:1", true},
        {"1.2.3.4:1", "9.8.0.0:1", "9.8.1.0:1", false},
        {"1.2.3.4:1", "9.8.0.0:1", "9.10.0.0:1", false},
        {"1.2.3.4:1", "9.8.0.0:1", "9.8.0.0:2", true}, /* ports do not count */
        /* same /16: FF.FF.FF.55 */
        {"1.2.3.4:1", "1.2.8.0:1", "1.2.8.170:1", true},
        {"1.2.3.4:1", "1.2.8.0:1", "1.2.10.0:1", false},
        /* same /24: all of it */
        {"1.2.3.4:1", "1.2.3.8:1", "1.2.3.10:1", false},
        /* IPv6: whole up to /48 */
        {"[2001:db8:1::1]:1", "[2001:db9:2::]:1", "[2001:db9:2:aaaa::aa]:1", true},
        {"[2001:db8:1::1]:1", "[2001:db9:2::]:1", "[2001:db9:2:100::]:1", false},
        {"[2001:db8:1::1]:1", "[2001:db9:0::]:1", "[2001:db9:2::]:1", false},
        /* same /48: whole up to /56 */
        {"[2001:db8:1::1]:1", "[2001:db8:1:100::]:1", "[2001:db8:1:1aa::]:1", true},
        {"[2001:db8:1::1]:1", "[2001:db8:1:100::]:1", "[2001:db8:1:300::]:1", false},
        /* same /56: whole up to /64, and on */
        {"[2001:db8:1::1]:1", "[2001:db8:1:2::]:1", "[2001:db8:1:2:aa00::]:1", true},
        {"[2001:db8:1::1]:1", "[2001:db8:1:1::]:1", "[2001:db8:1:3::]:1", false},
        {"[2001:db8:1::1]:1", "[2001:db8:1::4]:1", "[2001:db8:1::6]:1", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct addr own = address(cases[i].own), peer = address(cases[i].peer);
        struct addr changed = address(cases[i].changed);
        if ((peer_priority(&own, &peer) == peer_priority(&own, &changed)) !=
            cases[i].same)
            check_fail(__FILE__, __LINE__, "case %zu", i);
        CHECK_INT(peer_priority(&own, &peer), peer_priority(&peer, &own));
    }
}

TEST(peer_priority_of_one_host_goes_by_ports) {
    struct addr a = address("1.2.3.4:1"), b = address("1.2.3.4:2"),
                c = address("1.2.3.4:3");
    CHECK_INT(peer_priority(&a, &b), peer_priority(&b, &a));
    CHECK(peer_priority(&a, &b) != peer_priority(&a, &c));
}

TEST(peer_priority_is_zero_when_we_do_not_know_ourselves) {
    struct addr none = {0}, v4 = address("1.2.3.4:1"), v6 = address("[2001:db8::1]:1");
    CHECK_INT(peer_priority(&none, &v4), 0);
    CHECK_INT(peer_priority(&v6, &v4), 0);
}

TEST(candidate_before_follows_the_order) {
    struct candidate base = {.addr = address("9.8.7.6:1"), .sources = SOURCE_DHT};
    struct candidate failed = base, local = base, tried = base, later = base,
                     tracker = base;
    struct candidate pex = base, both = base;
    failed.failures = 1;
    local.addr = address("192.168.0.9:1");
    tried.last_tried = SEC(5);
    later.last_tried = SEC(6);
    tracker.sources = SOURCE_TRACKER;
    pex.sources = SOURCE_PEX;
    both.sources = SOURCE_DHT | SOURCE_PEX;
    struct candidate local_failed = local, local_later = local, tracker_tried = tracker;
    local_failed.failures = 1;
    local_later.last_tried = SEC(6);
    tracker_tried.last_tried = SEC(1);
    const struct {
        const struct candidate *first, *second;
    } cases[] = {
        {&base, &failed},        {&base, &local_failed}, /* failures before all */
        {&local, &base},         {&local_later, &base},  /* then nearness */
        {&base, &tried},         {&tried, &later},
        {&base, &tracker_tried}, /* then time */
        {&tracker, &base},       {&base, &pex},
        {&both, &base},
    };
    struct roster r;
    roster_init(&r);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (!candidate_before(cases[i].first, cases[i].second, &r) ||
            candidate_before(cases[i].second, cases[i].first, &r))
            check_fail(__FILE__, __LINE__, "case %zu", i);
    }
    CHECK(!candidate_before(&base, &base, &r));
    roster_fini(&r);
}

TEST(candidate_before_takes_the_higher_priority_among_equals) {
    struct roster r;
    roster_init(&r);
    r.own4 = address("1.2.3.4:6881");
    r.own6 = address("[2001:db8::1]:6881");
    for (uint32_t i = 0; i < 100; i++) {
        struct candidate a = {.addr = numbered(i)}, b = {.addr = numbered(i + 1)};
        uint32_t pa = peer_priority(&r.own4, &a.addr),
                 pb = peer_priority(&r.own4, &b.addr);
        if (pa != pb)
            CHECK_INT(candidate_before(&a, &b, &r), pa > pb);
    }
    roster_fini(&r);
}

TEST(candidate_before_is_an_order_while_we_do_not_know_ourselves) {
    struct roster r;
    struct candidate a = {.addr = numbered(1)}, b = {.addr = numbered(2)};
    roster_init(&r);
    CHECK(candidate_before(&a, &b, &r) != candidate_before(&b, &a, &r));
    roster_fini(&r);
}

TEST(roster_refuses_what_nobody_can_be_reached_at) {
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        {"1.2.3.4:80", 1},
        {"127.0.0.1:80", 1},
        {"10.0.0.1:80", 1},
        {"[2001:db8::1]:80", 1},
        {"0.0.0.0:80", ERR_INVALID},
        {"[::]:80", ERR_INVALID},
        {"224.0.0.1:80", ERR_INVALID},
        {"255.255.255.255:80", ERR_INVALID},
        {"[ff02::1]:80", ERR_INVALID},
        {"5.6.7.8:6881", ERR_INVALID} /* ours */,
        {"5.6.7.8:6882", 1},
        {"[2001:db8::5]:6881", ERR_INVALID} /* ours */,
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct roster r;
        struct addr a = address(cases[i].text);
        roster_init(&r);
        r.own4 = address("5.6.7.8:6881");
        r.own6 = address("[2001:db8::5]:6881");
        if (roster_add(&r, &a, SOURCE_PEX, NOW) != cases[i].want)
            check_fail(__FILE__, __LINE__, "%s", cases[i].text);
        CHECK_INT(r.count, cases[i].want == 1);
        roster_fini(&r);
    }
}

TEST(roster_refuses_port_0_and_no_address) {
    struct roster r;
    struct addr no_port = {.ip = {1, 2, 3, 4}, .family = 4}, none = {.port = 80};
    roster_init(&r);
    CHECK_INT(roster_add(&r, &no_port, SOURCE_PEX, NOW), ERR_INVALID);
    CHECK_INT(roster_add(&r, &none, SOURCE_PEX, NOW), ERR_INVALID);
    CHECK(!roster_find(&r, &none));
    roster_fini(&r);
}

TEST(roster_knows_an_address_once) {
    struct roster r;
    struct addr a = address("1.2.3.4:80");
    roster_init(&r);
    CHECK_INT(roster_add(&r, &a, SOURCE_PEX, NOW), 1);
    CHECK_INT(roster_add(&r, &a, SOURCE_TRACKER, NOW + 5), 0);
    CHECK_INT(r.count, 1);
    CHECK_INT(roster_find(&r, &a)->sources, SOURCE_PEX | SOURCE_TRACKER);
    CHECK_INT(roster_find(&r, &a)->last_seen, NOW + 5);
    roster_fini(&r);
}

TEST(roster_tells_ports_apart) {
    struct roster r;
    roster_init(&r);
    CHECK(add(&r, "1.2.3.4:80", SOURCE_PEX, NOW) !=
          add(&r, "1.2.3.4:81", SOURCE_PEX, NOW));
    CHECK_INT(r.count, 2);
    roster_fini(&r);
}

TEST(roster_finds_and_walks_all_of_many) {
    struct roster r;
    uint32_t at = 0, seen = 0;
    roster_init(&r);
    for (uint32_t i = 0; i < ROSTER_MAX; i++) {
        struct addr a = numbered(i);
        CHECK_INT(roster_add(&r, &a, SOURCE_DHT, NOW), 1);
    }
    for (uint32_t i = 0; i < ROSTER_MAX; i++) {
        struct addr a = numbered(i);
        CHECK(roster_find(&r, &a) && addr_equal(&roster_find(&r, &a)->addr, &a));
    }
    while (roster_each(&r, &at))
        seen++;
    CHECK_INT(seen, ROSTER_MAX);
    roster_fini(&r);
}

/* Full, with 3,000 addresses of the DHT. */
static void fill(struct roster *r) {
    roster_init(r);
    for (uint32_t i = 0; i < ROSTER_MAX; i++) {
        struct addr a = numbered(i);
        CHECK_INT(roster_add(r, &a, SOURCE_DHT, NOW), 1);
    }
}

TEST(roster_full_forgets_the_least_useful) {
    struct roster r;
    fill(&r);
    struct addr worst = numbered(1234), new = address("1.2.3.4:80");
    roster_note_failed(roster_find(&r, &worst), NOW);
    CHECK_INT(roster_add(&r, &new, SOURCE_PEX, NOW), 1);
    CHECK_INT(r.count, ROSTER_MAX);
    CHECK(!roster_find(&r, &worst));
    CHECK(roster_find(&r, &new));
    for (uint32_t i = 0; i < ROSTER_MAX;
         i++) { /* the gap is closed: all others are found */
        struct addr a = numbered(i);
        CHECK_INT(!roster_find(&r, &a), i == 1234);
    }
    roster_fini(&r);
}

TEST(roster_full_keeps_what_is_better_than_the_new_one) {
    struct roster r;
    fill(&r);
    struct addr pex = address("1.2.3.4:80"), tracker = address("1.2.3.4:81");
    CHECK_INT(roster_add(&r, &pex, SOURCE_PEX, NOW), ERR_LIMIT);
    CHECK_INT(roster_add(&r, &tracker, SOURCE_TRACKER, NOW), 1);
    CHECK_INT(r.count, ROSTER_MAX);
    roster_fini(&r);
}

TEST(roster_full_never_forgets_the_connected_and_the_banned) {
    struct roster r;
    struct candidate *c;
    fill(&r);
    for (uint32_t at = 0; (c = roster_each(&r, &at));) {
        c->failures = 3;
        if (at & 1)
            roster_ban(c, USEC_NEVER);
        else
            roster_note_dialled(c, NOW);
    }
    struct addr new = address("1.2.3.4:80");
    CHECK_INT(roster_add(&r, &new, SOURCE_MANUAL, NOW), ERR_LIMIT);
    CHECK_INT(r.count, ROSTER_MAX);
    roster_fini(&r);
}

TEST(roster_survives_a_flood_of_addresses) {
    struct roster r;
    fill(&r);
    for (uint32_t i = ROSTER_MAX; i < ROSTER_MAX + 500; i++) {
        struct addr a = numbered(i);
        CHECK_INT(roster_add(&r, &a, SOURCE_TRACKER, NOW), 1);
        CHECK(roster_find(&r, &a));
    }
    CHECK_INT(r.count, ROSTER_MAX);
    roster_fini(&r);
}

TEST(roster_next_gives_the_best_first) {
    struct roster r;
    roster_init(&r);
    struct candidate *pex = add(&r, "9.1.1.1:1", SOURCE_PEX, NOW);
    struct candidate *tracker = add(&r, "9.2.2.2:1", SOURCE_TRACKER, NOW);
    struct candidate *local = add(&r, "192.168.1.1:1", SOURCE_PEX, NOW);
    struct candidate *dht = add(&r, "9.3.3.3:1", SOURCE_DHT, NOW);
    struct candidate *want[] = {local, tracker, dht, pex, NULL};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct candidate *c = roster_next(&r, NOW, false);
        CHECK(c == want[i]);
        if (c)
            roster_note_dialled(c, NOW);
    }
    roster_fini(&r);
}

/* What may be dialled, and when it may be for the first time. */
TEST(roster_dials_when) {
    static const struct {
        struct candidate c;
        bool seeding;
        usec due;
    } cases[] = {
        {{.sources = SOURCE_PEX}, false, 0},
        {{.sources = SOURCE_INCOMING | SOURCE_PEX}, false, 0},
        {{.sources = SOURCE_INCOMING},
         false,
         USEC_NEVER}, /* not the port that it listens on */
        {{.sources = SOURCE_PEX, .connected = true}, false, USEC_NEVER},
        {{.sources = SOURCE_PEX, .upload_only = true}, false, 0},
        {{.sources = SOURCE_PEX, .upload_only = true}, true, USEC_NEVER},
        {{.sources = SOURCE_PEX}, true, 0},
        {{.sources = SOURCE_PEX, .last_tried = NOW}, false, NOW + SEC(60)},
        {{.sources = SOURCE_PEX, .last_tried = NOW, .failures = 1},
         false,
         NOW + SEC(120)},
        {{.sources = SOURCE_PEX, .last_tried = NOW, .failures = 2},
         false,
         NOW + SEC(180)},
        {{.sources = SOURCE_PEX, .last_tried = NOW, .failures = 3}, false, USEC_NEVER},
        {{.sources = SOURCE_PEX, .last_tried = NOW, .failures = 255}, false, USEC_NEVER},
        {{.sources = SOURCE_PEX, .banned_until = NOW + SEC(9)}, false, NOW + SEC(9)},
        {{.sources = SOURCE_PEX, .banned_until = USEC_NEVER}, false, USEC_NEVER},
        {{.sources = SOURCE_PEX, .banned_until = NOW + SEC(9), .last_tried = NOW},
         false,
         NOW + SEC(60)},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct roster r;
        roster_init(&r);
        struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_PEX, NOW);
        struct addr a = c->addr;
        *c = cases[i].c, c->addr = a;
        usec due = cases[i].due;
        bool later = due > NOW && due != USEC_NEVER;
        bool ready = roster_next(&r, NOW, cases[i].seeding) == c;
        if (ready != (due <= NOW))
            check_fail(__FILE__, __LINE__, "case %zu: now", i);
        if (later && roster_next(&r, due - 1, cases[i].seeding))
            check_fail(__FILE__, __LINE__, "case %zu: too early", i);
        if (later && !roster_next(&r, due, cases[i].seeding))
            check_fail(__FILE__, __LINE__, "case %zu: not when due", i);
        if (due == USEC_NEVER && roster_next(&r, NOW + SEC(86400), cases[i].seeding))
            check_fail(__FILE__, __LINE__, "case %zu: some day", i);
        roster_fini(&r);
    }
}

TEST(roster_gives_an_address_up_after_three_failures) {
    struct roster r;
    usec now = NOW;
    roster_init(&r);
    struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_PEX, now);
    for (int failures = 1; failures <= 3; failures++) {
        CHECK(roster_next(&r, now, false) == c);
        roster_note_dialled(c, now);
        CHECK(!roster_next(&r, now, false));
        roster_note_failed(c, now);
        CHECK_INT(c->failures, failures);
        now += SEC(60) * (failures + 1);
        CHECK(!roster_next(&r, now - 1, false));
    }
    CHECK(!roster_next(&r, now + SEC(86400), false));
    roster_fini(&r);
}

TEST(roster_forgets_failures_after_a_handshake) {
    struct roster r;
    roster_init(&r);
    struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_PEX, NOW);
    roster_note_failed(c, NOW);
    roster_note_failed(c, NOW);
    roster_note_connected(c, NOW);
    CHECK_INT(c->failures, 0);
    CHECK(c->connected);
    roster_fini(&r);
}

TEST(roster_calls_nobody_right_back) {
    struct roster r;
    roster_init(&r);
    struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_PEX, NOW);
    roster_note_dialled(c, NOW);
    roster_note_connected(c, NOW);
    roster_note_closed(
        c, NOW + SEC(3600)); /* the wait begins with the end of the connection */
    CHECK(!roster_next(&r, NOW + SEC(3659), false));
    CHECK(roster_next(&r, NOW + SEC(3660), false) == c);
    roster_fini(&r);
}

TEST(roster_tries_again_what_is_named_again) {
    static const struct {
        uint32_t source;
        int failures;
    } cases[] = {
        {SOURCE_PEX, 3}, {SOURCE_DHT, 3}, {SOURCE_TRACKER, 2}, {SOURCE_MANUAL, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct roster r;
        roster_init(&r);
        struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_PEX, NOW);
        c->failures = 3;
        add(&r, "9.1.1.1:1", cases[i].source, NOW);
        CHECK_INT(c->failures, cases[i].failures);
        roster_fini(&r);
    }
}

TEST(roster_bans_and_unbans) {
    struct roster r;
    roster_init(&r);
    struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_TRACKER, NOW);
    roster_ban(c, USEC_NEVER);
    CHECK(!roster_next(&r, NOW, false));
    add(&r, "9.1.1.1:1", SOURCE_MANUAL, NOW); /* naming it again lifts nothing */
    CHECK(!roster_next(&r, NOW, false));
    roster_ban(c, 0);
    CHECK_INT(roster_add(&r, &c->addr, SOURCE_MANUAL, NOW), 0);
    CHECK(roster_next(&r, NOW, false) == c);
    roster_fini(&r);
}

TEST(roster_empty_has_nobody_and_never_will) {
    struct roster r;
    uint32_t at = 0;
    struct addr a = numbered(1);
    roster_init(&r);
    CHECK(!roster_next(&r, NOW, false));
    CHECK(roster_next_due(&r, NOW, false) == USEC_NEVER);
    CHECK(!roster_each(&r, &at));
    CHECK(!roster_find(&r, &a));
    CHECK_INT(roster_add(&r, &a, SOURCE_PEX, NOW), 1);
    CHECK(roster_next(&r, NOW, false));
    roster_fini(&r);
}

TEST(roster_says_when_to_ask_again) {
    struct roster r;
    roster_init(&r);
    struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_PEX, NOW);
    CHECK_INT(roster_next_due(&r, NOW, false), NOW);
    roster_note_failed(c, NOW); /* due in 120 s; asked again after 60 at the latest */
    CHECK_INT(roster_next_due(&r, NOW, false), NOW + SEC(60));
    CHECK_INT(roster_next_due(&r, NOW + SEC(60), false), NOW + SEC(120));
    CHECK_INT(roster_next_due(&r, NOW + SEC(120), false), NOW + SEC(120));
    roster_fini(&r);
}

/* When nobody is ready that is remembered; the memory must not outlive what it says. */
TEST(roster_memory_of_nobody_ends_with) {
    struct roster r;
    roster_init(&r);
    struct candidate *seed = add(&r, "9.1.1.1:1", SOURCE_PEX, NOW);
    struct candidate *busy = add(&r, "9.1.1.2:1", SOURCE_PEX, NOW);
    seed->upload_only = true;
    roster_note_dialled(busy, NOW);
    CHECK(!roster_next(&r, NOW, true));
    CHECK(roster_next(&r, NOW, false) == seed); /* the other question */
    CHECK(!roster_next(&r, NOW, true));
    struct candidate *new = add(&r, "9.1.1.3:1", SOURCE_PEX, NOW); /* a new address */
    CHECK(roster_next(&r, NOW, true) == new);
    roster_note_dialled(new, NOW);
    CHECK(!roster_next(&r, NOW, true));
    roster_note_closed(busy, NOW); /* a connection that ends */
    CHECK(roster_next(&r, NOW + SEC(60), true) == busy);
    roster_fini(&r);
}

TEST(source_name_tells_the_best) {
    CHECK_STR(source_name(SOURCE_INCOMING), "incoming");
    CHECK_STR(source_name(SOURCE_RESUME), "resume");
    CHECK_STR(source_name(SOURCE_PEX | SOURCE_INCOMING), "pex");
    CHECK_STR(source_name(SOURCE_DHT | SOURCE_PEX), "dht");
    CHECK_STR(source_name(SOURCE_LSD), "lsd");
    CHECK_STR(source_name(SOURCE_TRACKER | SOURCE_DHT | SOURCE_PEX), "tracker");
    CHECK_STR(source_name(SOURCE_MANUAL | SOURCE_TRACKER), "manual");
    CHECK_STR(source_name(0), "unknown");
}

TEST(roster_stays_whole_when_memory_runs_out) {
    CHECK_EACH_NOMEM(n) {
        struct roster r;
        uint32_t added = 0;
        int err = 1;
        roster_init(&r);
        check_nomem_at(n);
        for (; added < 100 && err == 1; added += err == 1) {
            struct addr a = numbered(added);
            err = roster_add(&r, &a, SOURCE_PEX, NOW);
        }
        CHECK_INT(err, check_nomem_hit() ? ERR_NOMEM : 1);
        CHECK_INT(r.count, added);
        for (uint32_t i = 0; i < added; i++) {
            struct addr a = numbered(i);
            CHECK(roster_find(&r, &a));
        }
        roster_fini(&r);
    }
}

TEST(roster_dials_again_at_once_for_a_new_wish) {
    struct roster r;
    struct addr a = address("9.8.7.6:5");
    usec now = 1000 * USEC_PER_SEC;
    roster_init(&r);
    CHECK_INT(roster_add(&r, &a, SOURCE_TRACKER, now), 1);
    struct candidate *c = roster_next(&r, now, false);
    CHECK(c != NULL);
    roster_note_dialled(c, now);
    roster_note_connected(c, now);
    roster_note_closed(c, now);
    CHECK(roster_next(&r, now + 1, false) == NULL);
    roster_note_new_wish(&r);
    CHECK(roster_next(&r, now + 1, false) == c);
    roster_fini(&r);
}

TEST(roster_tries_an_address_that_the_user_named_again_soon_and_for_ever) {
    struct roster r;
    roster_init(&r);
    struct candidate *c = add(&r, "9.1.1.1:1", SOURCE_MANUAL, NOW);
    usec now = NOW;
    for (int failures = 1; failures < 30; failures++) {
        CHECK(roster_next(&r, now, false) == c);
        roster_note_dialled(c, now);
        roster_note_failed(c, now);
        usec wait = MIN(SEC(5) * failures, SEC(60));
        CHECK(roster_next(&r, now + wait - 1, false) == NULL);
        now += wait;
    }
    roster_fini(&r);
}

TEST(roster_forgets_an_attempt_that_said_nothing_of_the_address) {
    struct roster r;
    roster_init(&r);
    struct candidate *c = add(&r, "9.8.7.6:1", SOURCE_TRACKER, NOW);
    for (int i = 0; i < 10; i++) {
        CHECK(roster_next(&r, NOW, false) == c);
        roster_note_dialled(c, NOW);
        CHECK(roster_next(&r, NOW, false) == NULL);
        roster_note_untried(&r, c);
    }
    CHECK_INT(c->failures, 0);
    roster_fini(&r);
}
