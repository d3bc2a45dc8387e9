/* Connections: who may be connected, once, for how long. */
#include "unit/engine/fake_peer.h"

/* ---- handshakes -------------------------------------------------------------------------- */

static void send_handshake(struct fake *f, const uint8_t info_hash[20],
                           const uint8_t peer_id[20]) {
    struct handshake h = {.extensions = true, .fast = true};
    uint8_t bytes[HANDSHAKE_LEN];
    memcpy(h.info_hash, info_hash, 20);
    memcpy(h.peer_id, peer_id, 20);
    handshake_encode(bytes, &h);
    fake_send(f, bytes, sizeof bytes);
}

TEST(an_incoming_peer_that_asks_for_another_torrent_is_closed_without_an_answer) {
    struct swarm w;
    uint8_t other[20] = {1};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n);
    fake_dial(f);
    send_handshake(f, other, f->peer_id);
    fake_expect_end(f);
    CHECK_INT(f->len, 0);
    CHECK_INT(n->count[EVENT_PEER], 0);
    swarm_settle(&w);
    CHECK_INT(n->s->connections, 0);
    swarm_close(&w);
}

TEST(a_dialled_peer_that_answers_for_another_torrent_is_closed) {
    struct swarm w;
    uint8_t other[20] = {1};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n);
    fake_await(f);
    send_handshake(f, other, f->peer_id);
    fake_expect_end(f);
    CHECK_INT(n->count[EVENT_PEER], 0);
    CHECK_INT(roster_find(&n->t->roster, &f->addr)->failures, 1);
    swarm_close(&w);
}

TEST(a_paused_torrent_takes_no_connections) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.paused = true});
    struct fake *f = fake_leech(&w, n, true);
    fake_expect_end(f);
    CHECK_INT(n->t->peer_count, 0);
    swarm_close(&w);
}

TEST(what_is_not_a_handshake_is_closed_at_its_first_bytes) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n);
    fake_dial(f);
    fake_send(f, "GET / HTTP/1.1\r\n", 16);
    fake_expect_end(f);
    swarm_settle(&w);
    CHECK_INT(n->s->connections, 0);
    swarm_close(&w);
}

TEST(a_dialled_peer_is_greeted_first_an_incoming_one_is_answered) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *in = fake_new(&w, n), *out = fake_new(&w, n);
    fake_dial(in);
    fake_await(out);
    STEP_UNTIL(&w, out->len == HANDSHAKE_LEN);
    swarm_settle(&w);
    CHECK_INT(in->len, 0);
    fake_greet(in, true), fake_greet(out, true);
    CHECK(!memcmp(in->theirs.peer_id, MARE_PEER_PREFIX, 8));
    CHECK(in->theirs.fast && in->theirs.extensions);
    STEP_UNTIL(&w, n->t->ready_count == 2);
    swarm_close(&w);
}

TEST(a_handshake_that_arrives_byte_by_byte_is_understood) {
    struct swarm w;
    struct handshake h = {.fast = true};
    uint8_t bytes[HANDSHAKE_LEN];
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n);
    fake_dial(f);
    memcpy(h.info_hash, w.m->info_hash, 20);
    memcpy(h.peer_id, f->peer_id, 20);
    handshake_encode(bytes, &h);
    for (size_t i = 0; i < sizeof bytes; i++) {
        fake_send(f, bytes + i, 1);
        swarm_step(&w);
    }
    STEP_UNTIL(&w, n->t->ready_count == 1);
    swarm_close(&w);
}

/* ---- ourselves and doubles --------------------------------------------------------------- */

TEST(a_connection_to_ourselves_ends_and_is_not_tried_again) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    node_connect(n, n);
    STEP_UNTIL(&w, n->t->peer_count > 0);
    STEP_UNTIL(&w, n->s->connections == 0);
    CHECK_INT(n->count[EVENT_PEER], 0);
    struct addr own = node_addr(n);
    CHECK(roster_find(&n->t->roster, &own)->banned_until == USEC_NEVER);
    swarm_close(&w);
}

TEST(a_second_connection_of_the_same_peer_is_refused) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true), *g = fake_new(&w, n);
    memcpy(g->peer_id, f->peer_id, 20);
    fake_dial(g);
    fake_greet(g, true);
    fake_expect_end(g);
    CHECK(!f->eof);
    CHECK_INT(n->t->peer_count, 1);
    CHECK_INT(n->count[EVENT_PEER], 1);
    swarm_close(&w);
}

static bool connected_once(const struct node *a, const struct node *b) {
    return a->s->connections == 1 && b->s->connections == 1 && a->t->ready_count == 1 &&
           b->t->ready_count == 1;
}

TEST(two_that_dial_each_other_at_once_keep_exactly_one_connection) {
    for (int i = 0; i < 12; i++) { /* peer ids are random: both orders occur */
        struct swarm w;
        swarm_open(&w);
        struct node *a = node_open(&w, &(struct node_options){.seed = true});
        struct node *b = node_open(&w, NULL);
        session_set_rates(a->s, 20000, 0); /* it lasts until we have looked */
        node_connect(a, b), node_connect(b, a);
        STEP_UNTIL(&w, connected_once(a, b));
        swarm_settle(&w);
        CHECK(connected_once(a, b));
        CHECK(node_peer(a)->incoming != node_peer(b)->incoming);
        session_set_rates(a->s, 0, 0);
        STEP_UNTIL(&w, node_done(b));
        node_check_whole(b);
        swarm_close(&w);
    }
}

/* One peer dialled us and was dialled by us: which connection stays depends on the peer ids
 * alone, so that both sides choose the same. */
static void check_survivor(bool they_are_greater, bool incoming_first) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *in = fake_new(&w, n), *out = fake_new(&w, n);
    memset(in->peer_id, they_are_greater ? 0xFF : 0, 20);
    memcpy(out->peer_id, in->peer_id, 20);
    fake_dial(in);
    fake_await(out);
    fake_greet(incoming_first ? in : out, true);
    STEP_UNTIL(&w, n->t->ready_count == 1);
    fake_greet(incoming_first ? out : in, true);
    fake_expect_end(they_are_greater ? out : in);
    swarm_settle(&w);
    CHECK(!(they_are_greater ? in : out)->eof);
    CHECK_INT(n->t->ready_count, 1);
    CHECK_INT(n->s->connections, 1);
    swarm_close(&w);
}

TEST(of_two_connections_the_one_begun_by_the_greater_peer_id_stays) {
    check_survivor(false, false);
    check_survivor(false, true);
    check_survivor(true, false);
    check_survivor(true, true);
}

/* ---- limits ------------------------------------------------------------------------------ */

static uint32_t living(struct fake **f, uint32_t n) {
    uint32_t alive = 0;
    for (uint32_t i = 0; i < n; i++)
        alive += !f[i]->eof;
    return alive;
}

TEST(a_session_takes_as_many_connections_as_it_was_told) {
    struct swarm w;
    struct fake *f[6];
    swarm_open(&w);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.connections = 3}});
    for (int i = 0; i < 6; i++)
        f[i] = fake_leech(&w, n, true);
    swarm_settle(&w);
    CHECK_INT(living(f, 6), 3);
    CHECK_INT(n->t->ready_count, 3);
    CHECK_INT(n->s->connections, 3);
    fake_hang_up(f[0]); /* room for one */
    STEP_UNTIL(&w, n->t->ready_count == 2);
    fake_leech(&w, n, true);
    STEP_UNTIL(&w, n->t->ready_count == 3);
    swarm_close(&w);
}

TEST(a_torrent_takes_as_many_connections_as_it_was_told) {
    struct swarm w;
    struct fake *f[4];
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    n->t->connections = 2;
    for (int i = 0; i < 4; i++)
        f[i] = fake_leech(&w, n, true);
    swarm_settle(&w);
    CHECK_INT(living(f, 4), 2);
    CHECK_INT(n->t->peer_count, 2);
    swarm_close(&w);
}

TEST(no_more_are_dialled_than_the_limit_allows) {
    struct swarm w;
    struct fake *f[3];
    swarm_open(&w);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.connections = 2}});
    for (int i = 0; i < 2; i++) {
        f[i] = fake_new(&w, n);
        fake_await(f[i]);
        fake_greet(f[i], true);
    }
    struct addr nobody = {.ip = {127, 0, 0, 1}, .port = 1, .family = 4};
    CHECK_INT(torrent_connect(n->t, &nobody, SOURCE_MANUAL), 1);
    swarm_settle(&w);
    CHECK_INT(n->t->peer_count, 2);
    CHECK_INT(roster_find(&n->t->roster, &nobody)->last_tried, 0);
    fake_hang_up(f[0]);
    STEP_UNTIL(&w, roster_find(&n->t->roster, &nobody)->failures == 1);
    swarm_close(&w);
}

TEST(a_place_that_falls_free_is_any_torrents_to_fill) {
    struct swarm w, v;
    swarm_open(&w);
    swarm_open_large(&v, 3, 16384);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.connections = 1}});
    const struct add_options add = {.directory = n->directory};
    struct torrent *other;
    CHECK_INT(torrent_add(n->s, (uint8_t *)v.file.data, v.file.len, &add, &other, NULL),
              0);
    STEP_UNTIL(&w, other->state == TORRENT_DOWNLOADING);
    struct fake *f = fake_leech(&w, n, true);
    STEP_UNTIL(&w, n->t->ready_count == 1);
    struct addr nobody = {.ip = {127, 0, 0, 1}, .port = 1, .family = 4};
    CHECK_INT(torrent_connect(other, &nobody, SOURCE_MANUAL), 1);
    swarm_settle(&w);
    CHECK_INT(roster_find(&other->roster, &nobody)->failures, 0);
    fake_hang_up(f);
    STEP_UNTIL(&w, roster_find(&other->roster, &nobody)->failures == 1);
    swarm_close(&w);
    swarm_close(&v);
}

TEST(a_flood_of_silent_connections_is_bounded) {
    struct swarm w;
    struct fake *f[20];
    swarm_open(&w);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.connections = 3}});
    for (int i = 0; i < 20; i++) {
        f[i] = fake_new(&w, n);
        fake_dial(f[i]);
    }
    swarm_settle(&w);
    CHECK(n->s->connections <= 3 + 4);
    node_pass(n, PEER_HANDSHAKE_TIMEOUT);
    swarm_settle(&w);
    CHECK_INT(n->s->connections, 0);
    CHECK_INT(living(f, 20), 0);
    swarm_close(&w);
}

TEST(an_address_that_refuses_is_tried_again_only_later) {
    struct swarm w;
    struct addr nobody = {.ip = {127, 0, 0, 1}, .port = 1, .family = 4};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK_INT(torrent_connect(n->t, &nobody, SOURCE_TRACKER), 1);
    struct candidate *c = roster_find(&n->t->roster, &nobody);
    STEP_UNTIL(&w, c->failures == 1);
    swarm_settle(&w);
    CHECK_INT(c->failures, 1);
    CHECK_INT(n->s->connections, 0);
    CHECK(timer_is_set(&n->t->connect_timer));
    CHECK(n->t->connect_timer.due - session_now(n->s) > 30 * USEC_PER_SEC);
    swarm_close(&w);
}

TEST(a_banned_address_is_closed_and_neither_taken_nor_dialled) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n);
    fake_await(f);
    fake_greet(f, true);
    STEP_UNTIL(&w, n->t->ready_count == 1);
    torrent_ban(n->t, &f->addr, 3600 * USEC_PER_SEC, "for this spec");
    fake_expect_end(f);
    CHECK_INT(n->count[EVENT_PEER_CLOSED], 1);
    (void)torrent_connect(n->t, &f->addr, SOURCE_MANUAL);
    swarm_settle(&w);
    CHECK_INT(n->t->peer_count, 0);
    CHECK_INT(n->s->connections, 0);
    swarm_close(&w);
}

/* ---- time -------------------------------------------------------------------------------- */

TEST(a_peer_without_a_handshake_is_closed_in_time) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n), *g = fake_new(&w, n);
    fake_dial(f);
    fake_await(g); /* dialled by us, says nothing either */
    swarm_settle(&w);
    CHECK_INT(n->s->connections, 2);
    node_pass(n, PEER_HANDSHAKE_TIMEOUT - USEC_PER_SEC);
    swarm_settle(&w);
    CHECK(!f->eof && !g->eof);
    node_pass(n, PEER_HANDSHAKE_TIMEOUT);
    fake_expect_end(f), fake_expect_end(g);
    swarm_close(&w);
}

TEST(a_connection_that_does_not_come_about_is_given_up_in_time) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    node_connect(n, n);
    STEP_UNTIL(&w, n->t->peer_count == 1);
    CHECK_INT(node_peer(n)->state, PEER_CONNECTING);
    node_pass(n, PEER_CONNECT_TIMEOUT);
    CHECK_INT(n->t->peer_count, 0);
    struct addr own = node_addr(n);
    CHECK_INT(roster_find(&n->t->roster, &own)->failures, 1);
    swarm_close(&w);
}

TEST(a_silent_peer_gets_keepalives_and_is_closed_in_the_end) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    swarm_settle(&w);
    node_pass(n, PEER_KEEPALIVE - USEC_PER_SEC);
    swarm_settle(&w);
    node_pass(n, PEER_KEEPALIVE);
    (void)fake_expect(f, WIRE_KEEPALIVE);
    node_pass(n, PEER_IDLE_TIMEOUT);
    fake_expect_end(f);
    CHECK_INT(n->code[EVENT_PEER_CLOSED], ERR_TIMEOUT);
    swarm_close(&w);
}

TEST(a_peer_that_only_sends_keepalives_stays) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    swarm_settle(&w);
    struct peer *p = node_peer(n);
    p->last_received -= PEER_IDLE_TIMEOUT - USEC_PER_SEC; /* it has been silent */
    peer_set_deadline(p);
    fake_send(f, "\0\0\0\0", 4);
    STEP_UNTIL(&w, session_now(n->s) - p->last_received < USEC_PER_SEC);
    node_pass(n, 10 * USEC_PER_SEC);
    swarm_settle(&w);
    CHECK(!f->eof);
    swarm_close(&w);
}

TEST(the_port_that_an_incoming_peer_tells_is_known_and_not_dialled_meanwhile) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    fake_say_extended(f, EXT_HANDSHAKE, "d1:pi1234ee");
    struct addr told = {.ip = {127, 0, 0, 1}, .port = 1234, .family = 4};
    STEP_UNTIL(&w, roster_find(&n->t->roster, &told));
    swarm_settle(&w);
    CHECK(roster_find(&n->t->roster, &told)->connected);
    CHECK_INT(n->s->connections, 1);
    fake_hang_up(f);
    STEP_UNTIL(&w, n->t->peer_count == 0);
    CHECK(!roster_find(&n->t->roster, &told)->connected);
    swarm_close(&w);
}
