/* Messages: what a peer may say, when, and what it gets for what it may not. */
#include "base/bytes.h"
#include "unit/engine/fake_peer.h"

/* ---- what ends a connection -------------------------------------------------------------- */

static void short_bitfield(struct fake *f) {
    uint8_t head[5];
    fake_send(f, head, wire_put_header(head, WIRE_BITFIELD, 0));
}

static void long_bitfield(struct fake *f) {
    fake_say_bitfield(f, "\376", 2);
}

static void spare_bits(struct fake *f) {
    fake_say_bitfield(f, "\377", 1); /* seven pieces: the last bit means nothing */
}

static void have_all_after_bitfield(struct fake *f) {
    fake_say_bitfield(f, "\200", 1);
    fake_say(f, WIRE_HAVE_ALL);
}

static void have_none_after_have(struct fake *f) {
    fake_say3(f, WIRE_HAVE, 1, 0, 0);
    fake_say(f, WIRE_HAVE_NONE);
}

static void have_beyond_the_last(struct fake *f) {
    fake_say3(f, WIRE_HAVE, f->swarm->pieces, 0, 0);
}

static void have_far_beyond(struct fake *f) {
    fake_say3(f, WIRE_HAVE, UINT32_MAX, 0, 0);
}

static void allowed_fast_beyond(struct fake *f) {
    fake_say3(f, WIRE_ALLOWED_FAST, f->swarm->pieces, 0, 0);
}

static void suggest_beyond(struct fake *f) {
    fake_say3(f, WIRE_SUGGEST, UINT32_MAX, 0, 0);
}

static void short_have(struct fake *f) {
    fake_send(f, "\0\0\0\4\4\0\0\0", 8);
}

static void choke_with_a_body(struct fake *f) {
    fake_send(f, "\0\0\0\2\0\0", 6);
}

static void message_of_a_gigabyte(struct fake *f) {
    fake_send(f, "\100\0\0\0\24", 5);
}

static void unknown_message_of_two_megabytes(struct fake *f) {
    fake_send(f, "\0\40\0\0\77", 5);
}

static void extended_without_a_dictionary(struct fake *f) {
    fake_say_extended(f, EXT_HANDSHAKE, "what?");
}

static void extended_of_nothing(struct fake *f) {
    uint8_t head[5];
    fake_send(f, head, wire_put_header(head, WIRE_EXTENDED, 0));
}

static void handshake_again(struct fake *f) {
    fake_send(f, "\023BitTorrent protocol", 20);
}

typedef void said(struct fake *f);

static void check_closed(said *say, bool fast, const char *what) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, fast);
    say(f);
    for (int i = 0; i < 200 && !f->eof; i++)
        swarm_step(&w);
    if (!f->eof)
        check_fail(__FILE__, __LINE__, "%s is tolerated", what);
    CHECK_INT(n->count[EVENT_PEER_CLOSED], 1);
    CHECK(n->code[EVENT_PEER_CLOSED] == ERR_PROTOCOL ||
          n->code[EVENT_PEER_CLOSED] == ERR_LIMIT);
    CHECK_INT(n->t->peer_count, 0);
    swarm_close(&w);
}

TEST(a_peer_that_breaks_the_rules_of_messages_is_closed) {
#define CASE(say) \
    { say, #say }
    static const struct {
        said *say;
        const char *what;
    } cases[] = {
        CASE(short_bitfield),
        CASE(long_bitfield),
        CASE(spare_bits),
        CASE(have_all_after_bitfield),
        CASE(have_none_after_have),
        CASE(have_beyond_the_last),
        CASE(have_far_beyond),
        CASE(allowed_fast_beyond),
        CASE(suggest_beyond),
        CASE(short_have),
        CASE(choke_with_a_body),
        CASE(message_of_a_gigabyte),
        CASE(unknown_message_of_two_megabytes),
        CASE(extended_without_a_dictionary),
        CASE(extended_of_nothing),
        CASE(handshake_again),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_closed(cases[i].say, true, cases[i].what);
}

static void say_have_all(struct fake *f) {
    fake_say(f, WIRE_HAVE_ALL);
}

static void say_have_none(struct fake *f) {
    fake_say(f, WIRE_HAVE_NONE);
}

static void say_reject(struct fake *f) {
    fake_say3(f, WIRE_REJECT, 0, 0, WIRE_BLOCK);
}

static void say_allowed_fast(struct fake *f) {
    fake_say3(f, WIRE_ALLOWED_FAST, 0, 0, 0);
}

TEST(fast_messages_without_the_fast_extension_are_closed) {
    check_closed(say_have_all, false, "HAVE_ALL");
    check_closed(say_have_none, false, "HAVE_NONE");
    check_closed(say_reject, false, "REJECT");
    check_closed(say_allowed_fast, false, "ALLOWED_FAST");
    check_closed(suggest_beyond, false, "SUGGEST");
}

TEST(what_is_odd_but_harmless_is_passed_over) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    fake_send(f, "\0\0\0\0\0\0\0\0", 8);         /* keep-alives */
    fake_send(f, "\0\0\0\5\77nope", 9);          /* an unknown id */
    fake_send(f, "\0\0\0\3\11\32\341", 7);       /* PORT */
    fake_say_extended(f, 77, "not one of ours"); /* an unknown extension */
    fake_say_extended(f, EXT_HANDSHAKE, "de");   /* nothing in it */
    fake_say3(f, WIRE_HAVE, 1, 0, 0);
    fake_say3(f, WIRE_HAVE, 1, 0, 0);            /* known already */
    fake_say3(f, WIRE_CANCEL, 99, 99, 99);       /* of nothing */
    fake_say3(f, WIRE_REJECT, 0, 0, WIRE_BLOCK); /* of nothing */
    fake_say3(f, WIRE_SUGGEST, 3, 0, 0);
    fake_say(f, WIRE_CHOKE), fake_say(f, WIRE_NOT_INTERESTED); /* as it was */
    (void)fake_expect(f, WIRE_INTERESTED);
    CHECK_INT(node_peer(n)->has.count, 1);
    CHECK(!f->eof);
    swarm_close(&w);
}

/* aria2 replaces many HAVEs by a BITFIELD, after HAVE_NONE as well. */
TEST(a_later_bitfield_adds_to_what_is_known) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    fake_say(f, WIRE_HAVE_NONE);
    fake_say3(f, WIRE_HAVE, 1, 0, 0);
    fake_say_bitfield(f, "\200", 1);
    fake_say_bitfield(f, "\300", 1);
    STEP_UNTIL(&w, node_peer(n)->has.count == 2);
    CHECK_INT(picker_availability(&n->t->picker, 0), 1);
    CHECK_INT(picker_availability(&n->t->picker, 1), 1);
    fake_say_bitfield(f, "\376", 1);
    STEP_UNTIL(&w, peer_is_seed(node_peer(n)));
    CHECK_INT(picker_availability(&n->t->picker, 0), 1);
    fake_hang_up(f);
    STEP_UNTIL(&w, n->t->peer_count == 0);
    CHECK_INT(picker_availability(&n->t->picker, 0), 0);
    swarm_close(&w);
}

TEST(a_very_long_extended_message_is_drained) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    char *text = malloc(900000);
    memset(text, 'd', 899999);
    text[899999] = '\0';
    fake_say_extended(f, EXT_HANDSHAKE, text);
    free(text);
    fake_say3(f, WIRE_HAVE, 1, 0, 0);
    (void)fake_expect(f, WIRE_INTERESTED);
    CHECK_INT(chunked_buffer_length(&node_peer(n)->reader.in), 0);
    swarm_close(&w);
}

/* ---- what we say first ------------------------------------------------------------------- */

TEST(the_first_messages_tell_what_we_have_before_anything_else) {
    struct swarm w;
    struct wire_message m = {0};
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct fake *f = fake_leech(&w, n, true);
    STEP_UNTIL(&w, fake_next(f, &m));
    CHECK_INT(m.id, WIRE_HAVE_ALL);
    struct fake *g = fake_leech(&w, n, false);
    STEP_UNTIL(&w, fake_next(g, &m));
    CHECK_INT(m.id, WIRE_BITFIELD);
    CHECK_INT(m.length, 1);
    CHECK_INT(g->body[0], 0xFE);
    swarm_close(&w);
}

TEST(the_extension_handshake_names_us_our_port_and_our_queue) {
    struct swarm w;
    struct extension_handshake h = {.upload_only = -1};
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct fake *f = fake_leech(&w, n, true);
    struct wire_message m = fake_expect(f, WIRE_EXTENDED);
    CHECK_INT(f->body[0], EXT_HANDSHAKE);
    CHECK_INT(extension_handshake_decode(&h, f->body + 1, m.length - 1), 0);
    CHECK_STR(h.version, "mare " MARE_VERSION);
    CHECK_INT(h.port, n->s->port);
    CHECK_INT(h.reqq, 2000);
    CHECK_INT(h.upload_only, 1);
    CHECK(addr_same_ip(&h.yourip, &f->addr));
    swarm_close(&w);
}

TEST(a_peer_that_comes_while_we_check_is_told_afterwards_what_we_have) {
    struct swarm w;
    swarm_open(&w);
    struct node *n =
        node_open(&w, &(struct node_options){.seed = true, .unchecked = true});
    CHECK_INT(n->t->state, TORRENT_CHECKING);
    struct fake *f = fake_leech(&w, n, true);
    (void)fake_expect(f, WIRE_HAVE_ALL);
    CHECK_INT(f->taken[WIRE_EXTENDED], 0); /* nothing was said before */
    swarm_close(&w);
}

/* ---- choke ------------------------------------------------------------------------------- */

TEST(a_choke_keeps_requests_with_the_fast_extension_until_each_is_answered) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, true);
    struct wire_message m[4];
    for (int i = 0; i < 4; i++)
        m[i] = fake_expect(f, WIRE_REQUEST);
    fake_say(f, WIRE_CHOKE);
    fake_give(f, m[0].index, m[0].begin, m[0].length, 0);
    fake_say3(f, WIRE_REJECT, m[1].index, m[1].begin, m[1].length);
    STEP_UNTIL(&w, node_peer(n)->requests.count == 2);
    CHECK_INT(node_peer(n)->blocks, 1);
    CHECK_INT(n->t->wasted, 0);
    CHECK_INT(fake_count(f, WIRE_REQUEST), 0); /* none while choked */
    fake_say(f, WIRE_UNCHOKE);
    (void)fake_expect(f, WIRE_REQUEST);
    f->serves = true;
    fake_give(f, m[2].index, m[2].begin, m[2].length, 0);
    fake_give(f, m[3].index, m[3].begin, m[3].length, 0);
    fake_give(f, m[1].index, m[1].begin, m[1].length, 0);
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_choke_without_the_fast_extension_takes_all_requests_back) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, false);
    struct wire_message m = fake_expect(f, WIRE_REQUEST);
    fake_say(f, WIRE_CHOKE);
    STEP_UNTIL(&w, node_peer(n)->requests.count == 0);
    fake_give(f, m.index, m.begin, m.length, 0); /* was on its way */
    STEP_UNTIL(&w, n->t->wasted == m.length);
    while (fake_count(f, WIRE_REQUEST)) {}
    fake_say(f, WIRE_UNCHOKE);
    f->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(the_requests_that_a_choke_took_back_are_asked_of_others) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, false);
    (void)fake_expect(f, WIRE_REQUEST);
    struct fake *g = fake_seed(&w, n, false);
    (void)fake_expect(g, WIRE_REQUEST);
    fake_say(f, WIRE_CHOKE);
    g->serves = true;
    fake_give(g, 0, 0, 1, 0); /* wakes nobody: it was not asked for */
    fake_say(g, WIRE_CHOKE), fake_say(g, WIRE_UNCHOKE);
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

/* ---- reject ------------------------------------------------------------------------------ */

TEST(a_rejected_block_is_not_asked_again_at_once) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, true);
    struct wire_message m;
    for (int i = 0; i < 4; i++) {
        m = fake_expect(f, WIRE_REQUEST);
        fake_say3(f, WIRE_REJECT, m.index, m.begin, m.length);
    }
    CHECK_INT(fake_count(f, WIRE_REQUEST), 0);
    CHECK_INT(node_peer(n)->requests.count, 0);
    node_peer(n)->ask_after = session_now(n->s); /* the pause is over */
    node_pass(n, 2 * USEC_PER_SEC);
    f->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_peer_that_rejects_everything_does_not_spin_us) {
    struct swarm w;
    struct wire_message m;
    uint32_t requests = 0;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, true);
    for (int i = 0; i < 300; i++) {
        swarm_step(&w);
        while (fake_next(f, &m))
            if (m.id == WIRE_REQUEST) {
                fake_say3(f, WIRE_REJECT, m.index, m.begin, m.length);
                requests++;
            }
    }
    CHECK(requests >= 4 && requests < 40);
    CHECK(list_empty(&n->s->hungry));
    swarm_close(&w);
}

TEST(an_allowed_piece_that_is_rejected_is_allowed_no_more) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    fake_say(f, WIRE_HAVE_ALL);
    fake_say3(f, WIRE_ALLOWED_FAST, 3, 0, 0);
    for (int i = 0; i < 2; i++) { /* choked, and yet asked: for that piece alone */
        struct wire_message m = fake_expect(f, WIRE_REQUEST);
        CHECK_INT(m.index, 3);
        fake_say3(f, WIRE_REJECT, m.index, m.begin, m.length);
    }
    node_pass(n, 2 * USEC_PER_SEC);
    CHECK_INT(fake_count(f, WIRE_REQUEST), 0);
    swarm_close(&w);
}

TEST(an_allowed_piece_is_downloaded_while_choked) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    fake_say(f, WIRE_HAVE_ALL);
    fake_say3(f, WIRE_ALLOWED_FAST, 3, 0, 0);
    f->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    CHECK_INT(n->piece_order[0], 3);
    CHECK_INT(fake_count(f, WIRE_REQUEST), 0);
    swarm_close(&w);
}

/* ---- interest ---------------------------------------------------------------------------- */

TEST(interest_follows_what_the_peer_has_and_we_lack) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_leech(&w, n, true);
    fake_say(f, WIRE_HAVE_NONE);
    CHECK_INT(fake_count(f, WIRE_INTERESTED), 0);
    fake_say3(f, WIRE_HAVE, 5, 0, 0);
    (void)fake_expect(f, WIRE_INTERESTED);
    fake_say(f, WIRE_UNCHOKE);
    f->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    STEP_UNTIL(&w, f->taken[WIRE_NOT_INTERESTED] == 1);
    fake_say3(f, WIRE_HAVE, 6, 0, 0);
    STEP_UNTIL(&w, f->taken[WIRE_INTERESTED] == 2);
    swarm_close(&w);
}

TEST(two_that_have_everything_part) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct fake *f = fake_seed(&w, n, true);
    fake_expect_end(f);
    CHECK_INT(n->code[EVENT_PEER_CLOSED], ERR_BUSY);
    swarm_close(&w);
}

/* BEP 21: who fetches no more says so, to those who understand the message. */
TEST(a_finished_download_says_that_it_only_uploads) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *leech = fake_leech(&w, n, true);
    fake_say_extended(leech, EXT_HANDSHAKE, "d1:md11:upload_onlyi9eee");
    struct fake *seed = fake_seed(&w, n, true);
    seed->serves = true, seed->serve_at_most = UINT32_MAX;
    STEP_UNTIL(&w, node_done(n));
    do
        (void)fake_expect(leech, WIRE_EXTENDED);
    while (leech->body[0] != 9);
    CHECK_INT(leech->body[1], 1);
    swarm_close(&w);
}
