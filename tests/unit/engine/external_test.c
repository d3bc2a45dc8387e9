/* Our address as the world sees it: who is believed. */
#include "unit/engine/swarm_fixture.h"

static struct addr parse(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, 6881), 0);
    return a;
}

static void vote(struct node *n, const char *voter, const char *own) {
    struct addr v = parse(voter), o = parse(own);
    external_vote(n->s, &v, &o);
}

static bool is_own(const struct node *n, const char *own) {
    struct addr a = parse(own);
    return addr_same_ip(a.family == 4 ? &n->t->roster.own4 : &n->t->roster.own6, &a);
}

TEST(two_that_agree_are_believed) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    vote(n, "8.8.8.8", "1.2.3.4");
    CHECK(!n->t->roster.own4.family);
    vote(n, "9.9.9.9", "1.2.3.4");
    CHECK(is_own(n, "1.2.3.4"));
    CHECK_INT(n->t->roster.own4.port, n->s->port);
    vote(n, "2600::1", "2601::5");
    vote(n, "2600::2", "2601::5");
    CHECK(is_own(n, "2601::5"));
    swarm_close(&w);
}

TEST(one_who_repeats_himself_is_not_believed) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    for (int i = 0; i < 20; i++)
        vote(n, "8.8.8.8", "1.2.3.4");
    CHECK(!n->t->roster.own4.family);
    swarm_close(&w);
}

TEST(few_liars_do_not_change_what_most_say) {
    struct swarm w;
    char voter[32];
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    for (int i = 0; i < 5; i++) {
        snprintf(voter, sizeof voter, "8.8.8.%d", i);
        vote(n, voter, "1.2.3.4");
    }
    for (int i = 0; i < 4; i++) {
        snprintf(voter, sizeof voter, "9.9.9.%d", i);
        vote(n, voter, "5.6.7.8");
    }
    CHECK(is_own(n, "1.2.3.4"));
    swarm_close(&w);
}

TEST(a_new_address_wins_when_most_of_the_latest_say_so) {
    struct swarm w;
    char voter[32];
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    for (int i = 0; i < 18; i++) {
        snprintf(voter, sizeof voter, "8.8.8.%d", i);
        vote(n, voter, i < 9 ? "1.2.3.4" : "5.6.7.8");
    }
    CHECK(is_own(n, "5.6.7.8"));
    swarm_close(&w);
}

TEST(local_addresses_are_no_votes) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    vote(n, "8.8.8.8", "192.168.1.2");
    vote(n, "9.9.9.9", "192.168.1.2");
    vote(n, "192.168.1.1", "1.2.3.4");
    vote(n, "127.0.0.1", "1.2.3.4");
    CHECK(!n->t->roster.own4.family);
    swarm_close(&w);
}

TEST(a_torrent_that_comes_later_knows_the_address) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    vote(n, "8.8.8.8", "1.2.3.4");
    vote(n, "9.9.9.9", "1.2.3.4");
    torrent_remove(n->t, false);
    STEP_UNTIL(&w, n->count[EVENT_REMOVED]);
    CHECK_INT(torrent_add(n->s, (uint8_t *)w.file.data, w.file.len,
                          &(struct add_options){0}, &n->t, NULL),
              0);
    CHECK(is_own(n, "1.2.3.4"));
    swarm_close(&w);
}
