/* Peers that tell each other of others (BEP 11), and pieces that are gone (BEP 54). */
#include <unistd.h>

#include "codec/ut_pex.h"
#include "engine/exchange.h"
#include "unit/engine/fake_peer.h"

#define THEIRS 9 /* the number that fakes want ut_pex with */

static const struct node_options with_pex = {.settings = {.pex = true}};

static struct fake *talker(struct swarm *w, struct node *n) {
    struct fake *f = fake_new(w, n);
    fake_await(f);
    fake_greet(f, true);
    fake_say_extended(f, EXT_HANDSHAKE, "d1:md6:ut_pexi9eee");
    return f;
}

static struct ut_pex *expect_pex(struct fake *f) {
    static struct ut_pex m;
    uint32_t len = fake_expect_extended(f, THEIRS);
    CHECK_INT(ut_pex_decode(&m, f->body + 1, len - 1), 0);
    return &m;
}

static struct addr number(uint32_t i) {
    return (struct addr){
        .ip = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}, .port = 6881, .family = 4};
}

/* Addresses from .. from + count - 1. */
static void tell(struct fake *f, uint32_t from, uint32_t count) {
    struct text text;
    text_init(&text);
    text_addf(&text, "d5:added%u:", 6 * count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t compact[18];
        struct addr a = number(from + i);
        text_add(&text, compact, addr_to_compact(&a, compact));
    }
    text_addc(&text, 'e');
    fake_say_extended_bytes(f, EXT_PEX, text.data, text.len);
    text_free(&text);
}

/* ---- telling ----------------------------------------------------------------------------- */

TEST(peers_are_told_of_each_other) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    struct fake *a = talker(&w, n), *b = talker(&w, n);
    swarm_settle(&w);
    node_pass(n, EXCHANGE_SOON);
    const struct ut_pex *m = expect_pex(a);
    CHECK_INT(m->added.count, 1);
    CHECK(addr_equal(&m->added.peers[0].addr, &b->addr));
    CHECK_INT(m->added.peers[0].flags, PEX_REACHABLE);
    CHECK(addr_equal(&expect_pex(b)->added.peers[0].addr, &a->addr));
    swarm_close(&w);
}

TEST(seeds_are_told_as_seeds) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    struct fake *a = talker(&w, n);
    fake_say(talker(&w, n), WIRE_HAVE_ALL);
    swarm_settle(&w);
    node_pass(n, EXCHANGE_SOON);
    CHECK(expect_pex(a)->added.peers[0].flags & PEX_SEED);
    swarm_close(&w);
}

/* Its own port is not where it listens. */
TEST(an_incoming_peer_is_told_where_it_listens_or_not_at_all) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    struct fake *a = talker(&w, n), *silent = fake_leech(&w, n, true),
                *open = fake_leech(&w, n, true);
    fake_say_extended(silent, EXT_HANDSHAKE, "d1:md6:ut_pexi9eee");
    fake_say_extended(open, EXT_HANDSHAKE, "d1:md6:ut_pexi9ee1:pi4321ee");
    swarm_settle(&w);
    node_pass(n, EXCHANGE_SOON);
    const struct ut_pex *m = expect_pex(a);
    CHECK_INT(m->added.count, 1);
    CHECK_INT(m->added.peers[0].addr.port, 4321);
    CHECK_INT(m->added.peers[0].flags, 0);
    swarm_close(&w);
}

TEST(who_has_left_is_dropped_a_minute_later) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    struct fake *a = talker(&w, n), *b = talker(&w, n);
    struct addr left = b->addr;
    swarm_settle(&w);
    node_pass(n, EXCHANGE_SOON);
    (void)expect_pex(a);
    fake_close(b);
    STEP_UNTIL(&w, n->t->peer_count == 1);
    /* the peer's own clock has to move, too */
    node_peer(n)->pex.next_tell = 0;
    node_pass(n, PEX_INTERVAL + EXCHANGE_SOON);
    const struct ut_pex *m = expect_pex(a);
    CHECK_INT(m->added.count, 0);
    CHECK(addr_equal(&m->dropped.peers[0].addr, &left));
    swarm_close(&w);
}

static void check_silent(const struct node_options *o, bool private) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, o);
    n->t->meta->private = private;
    struct fake *a = talker(&w, n), *b = talker(&w, n);
    (void)fake_expect_extended(a, EXT_HANDSHAKE);
    CHECK(!strstr((char *)a->body + 1, "ut_pex"));
    swarm_settle(&w);
    node_pass(n, EXCHANGE_SOON);
    CHECK_INT(fake_count(a, WIRE_EXTENDED) + fake_count(b, WIRE_EXTENDED), 1);
    tell(a, 0, 3);
    swarm_settle(&w);
    CHECK_INT(n->t->roster.count, 2);
    swarm_close(&w);
}

TEST(private_torrents_neither_tell_nor_hear_of_peers) {
    check_silent(&with_pex, true);
}

TEST(a_session_may_do_without_pex) {
    check_silent(&(struct node_options){0}, false);
}

/* ---- hearing ----------------------------------------------------------------------------- */

TEST(addresses_that_peers_tell_are_known_from_then_on) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    struct fake *f = talker(&w, n);
    tell(f, 0, 3);
    STEP_UNTIL(&w, n->t->roster.count == 4);
    struct addr a = number(2);
    CHECK_INT(roster_find(&n->t->roster, &a)->sources, SOURCE_PEX);
    CHECK_INT(n->count[EVENT_PEERS], 1);
    CHECK_STR(n->text[EVENT_PEERS], "pex");
    swarm_close(&w);
}

TEST(addresses_of_ipv6_are_heard_too) {
    static const char said[] = "d6:added618:\x26\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
                               "8:added6.f1:\2e";
    struct swarm w;
    struct addr a;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    n->s->settings.bind.family = 0; /* else what cannot be reached is not kept */
    n->t->connections = 1;          /* and nobody is dialled */
    fake_say_extended_bytes(talker(&w, n), EXT_PEX, said, sizeof said - 1);
    STEP_UNTIL(&w, n->count[EVENT_PEERS]);
    CHECK_INT(addr_parse(&a, "[2620::1]:6881", -1), 0);
    CHECK(roster_find(&n->t->roster, &a)->upload_only);
    n->s->settings.bind.family = 4;
    swarm_close(&w);
}

TEST(a_peer_is_heard_once_a_minute) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    struct fake *f = talker(&w, n);
    for (uint32_t i = 0; i < 50; i++)
        tell(f, 10 * i, 10);
    swarm_settle(&w);
    CHECK(n->t->roster.count <= 1 + 20); /* the second one is forgiven */
    CHECK_INT(n->t->peer_count, 1);
    swarm_close(&w);
}

TEST(a_torrent_hears_so_many_addresses_in_a_minute) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_pex);
    for (uint32_t i = 0; i < 10; i++)
        tell(talker(&w, n), PEX_MAX_HEAR * i, PEX_MAX_HEAR);
    swarm_settle(&w);
    CHECK_INT(n->t->roster.count, 10 + EXCHANGE_MAX_HEAR);
    swarm_close(&w);
}

TEST(nonsense_about_peers_closes_the_connection) {
    static const char *const nonsense[] = {"", "x", "d5:added", "le"};
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &with_pex);
        struct fake *f = talker(&w, n);
        fake_say_extended(f, EXT_PEX, nonsense[i]);
        fake_expect_end(f);
        CHECK_INT(n->code[EVENT_PEER_CLOSED], ERR_PROTOCOL);
        swarm_close(&w);
    }
}

/* ---- pieces that are gone ---------------------------------------------------------------- */

static void say_gone(struct fake *f, uint32_t piece) {
    uint8_t body[EXT_DONTHAVE_LEN];
    extension_donthave_encode(body, piece);
    fake_say_extended_bytes(f, EXT_DONTHAVE, body, sizeof body);
}

TEST(a_piece_that_is_gone_is_not_counted_on) {
    static const char *const bits[] = {"\376", "\300"}; /* a seed, and who is none */
    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, NULL);
        struct fake *f = fake_leech(&w, n, true);
        fake_say_bitfield(f, bits[i], 1);
        say_gone(f, 1);
        say_gone(f, 1); /* again is no news */
        STEP_UNTIL(&w, n->t->ready_count == 1 && node_peer(n)->got_pieces);
        swarm_settle(&w);
        CHECK(!bitset_has(&node_peer(n)->has, 1));
        CHECK_INT(picker_availability(&n->t->picker, 1), 0);
        CHECK_INT(picker_availability(&n->t->picker, 0), 1);
        fake_say3(f, WIRE_HAVE, 1, 0, 0);
        STEP_UNTIL(&w, picker_availability(&n->t->picker, 1) == 1);
        fake_close(f);
        STEP_UNTIL(&w, n->t->peer_count == 0);
        CHECK_INT(picker_availability(&n->t->picker, 0), 0);
        swarm_close(&w);
    }
}

TEST(a_seed_that_flickers_is_closed) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, true);
    for (int i = 0; i < 100 && !f->eof; i++) {
        say_gone(f, 0);
        fake_say3(f, WIRE_HAVE, 0, 0, 0);
    }
    fake_expect_end(f);
    CHECK_INT(n->code[EVENT_PEER_CLOSED], ERR_LIMIT);
    swarm_close(&w);
}

TEST(a_piece_that_cannot_be_gone_closes_the_connection) {
    struct swarm w;
    swarm_open(&w);
    struct fake *f = fake_seed(&w, node_open(&w, NULL), true);
    say_gone(f, w.pieces);
    fake_expect_end(f);
    swarm_close(&w);
}

TEST(what_cannot_be_read_from_disk_is_disowned) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct fake *f = fake_leech(&w, n, true);
    fake_say_extended(f, EXT_HANDSHAKE, "d1:md11:lt_donthavei5eee");
    fake_say(f, WIRE_INTERESTED);
    (void)fake_expect(f, WIRE_UNCHOKE);
    CHECK_INT(truncate(node_path(n, "a"), 10), 0);
    fake_say3(f, WIRE_REQUEST, 0, 0, WIRE_BLOCK);
    CHECK_INT(fake_expect_extended(f, 5), 5);
    CHECK_INT(get_u32(f->body + 1), 0);
    (void)fake_expect(f, WIRE_REJECT);
    swarm_close(&w);
}

/* uTP has to come first. */
TEST(a_holepunch_message_is_read_and_left_alone) {
    static const uint8_t rendezvous[] = {0, 0, 127, 0, 0, 1, 0, 80, 0, 0, 0, 0};
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    (void)fake_expect_extended(f, EXT_HANDSHAKE);
    CHECK(!strstr((char *)f->body + 1, "holepunch"));
    fake_say_extended_bytes(f, EXT_HOLEPUNCH, rendezvous, sizeof rendezvous);
    swarm_settle(&w);
    CHECK_INT(n->t->peer_count, 1);
    fake_say_extended(f, EXT_HOLEPUNCH, "?");
    fake_expect_end(f);
    swarm_close(&w);
}
