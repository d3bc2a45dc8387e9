/* Encryption as the engine uses it: which way is dialled, what a failure is, who is refused. */
#include "base/err.h"
#include "engine/encryption.h"
#include "unit/engine/fake_peer.h"

static struct node *open_node(struct swarm *w, enum mse_policy policy) {
    swarm_open(w);
    return node_open(w, &(struct node_options){.settings = {.encryption = policy}});
}

/* A session of that policy, and a stranger who has not come yet. */
static struct fake *open_fake(struct swarm *w, enum mse_policy policy) {
    return fake_new(w, open_node(w, policy));
}

static bool looks_plain(struct fake *f) {
    STEP_UNTIL(f->swarm, f->len >= HANDSHAKE_LEN);
    return memcmp(f->in, "\23BitTorrent protocol", 20) == 0;
}

static const struct candidate *row(const struct node *n, const struct fake *f) {
    return roster_find(&n->t->roster, &f->addr);
}

static void until_alone(const struct fake *f) {
    STEP_UNTIL(f->swarm, f->node->s->connections == 0);
}

/* It is dialled with encryption, hangs up, is dialled in plain, and stays. */
static void be_dialled_in_plain(struct fake *f) {
    fake_await(f);
    CHECK(!looks_plain(f));
    fake_await_again(f);
    CHECK(looks_plain(f));
    fake_greet(f, true);
    STEP_UNTIL(f->swarm, f->node->t->ready_count == 1);
}

/* It hangs up, and is dialled once more when that may be. */
static void be_dialled_later(struct fake *f) {
    fake_hang_up(f);
    until_alone(f);
    CHECK_INT(torrent_connect(f->node->t, &f->addr, SOURCE_MANUAL), 0);
    node_pass(f->node, 70 * USEC_PER_SEC);
    fake_await_again(f);
}

/* ---- dialling --------------------------------------------------------------------------- */

TEST(encryption_is_dialled_first_where_it_is_preferred_and_alone_where_it_is_required) {
    for (int policy = MSE_OFF; policy <= MSE_REQUIRE; policy++) {
        struct swarm w;
        struct fake *f = open_fake(&w, (enum mse_policy)policy);
        fake_await(f);
        CHECK(looks_plain(f) == (policy == MSE_OFF));
        swarm_close(&w);
    }
}

TEST(encryption_that_is_not_understood_is_followed_by_plain_at_once_and_is_no_failure) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    struct node *n = f->node;
    be_dialled_in_plain(f);
    CHECK_INT(n->s->connections, 1);
    CHECK_INT(n->t->peer_count, 1);
    CHECK_INT(row(n, f)->failures, 0);
    CHECK_INT(n->count[EVENT_ERROR], 0);
    CHECK(!encryption_name(node_peer(n)));
    swarm_close(&w);
}

TEST(what_worked_last_time_is_dialled_first) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    be_dialled_in_plain(f);
    be_dialled_later(f);
    CHECK(looks_plain(f));
    swarm_close(&w);
}

TEST(plain_that_is_not_wanted_any_more_is_followed_by_encryption) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    struct node *n = f->node;
    be_dialled_in_plain(f);
    be_dialled_later(f);
    CHECK(looks_plain(f));
    fake_await_again(f);
    CHECK(!looks_plain(f));
    CHECK_INT(row(n, f)->failures, 0);
    swarm_close(&w);
}

TEST(a_peer_that_takes_neither_is_dialled_twice_and_fails_once) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    struct node *n = f->node;
    fake_await(f);
    fake_await_again(f);
    fake_hang_up(f);
    until_alone(f);
    CHECK_INT(row(n, f)->failures, 1);
    CHECK_INT(n->count[EVENT_ERROR], 1); /* the user named it */
    swarm_close(&w);
}

TEST(a_peer_that_answers_noise_with_plain_bittorrent_is_dialled_so) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    fake_await(f);
    fake_send(f, "\23BitTorrent protocol", 20);
    STEP_UNTIL(&w, f->eof);
    fake_await_again(f);
    CHECK(looks_plain(f));
    swarm_close(&w);
}

TEST(a_peer_that_only_listens_to_noise_is_dialled_in_plain_after_a_while) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    struct node *n = f->node;
    fake_await(f);
    CHECK(!looks_plain(f));
    node_pass(n, MSE_ANSWER_WITHIN);
    fake_await_again(f);
    CHECK(looks_plain(f));
    swarm_close(&w);
}

/* The time that it has to answer with encryption does not end it, that of a dial does. */
static void is_given_its_time(enum mse_policy policy, const char *answer) {
    struct swarm w;
    struct fake *f = open_fake(&w, policy);
    fake_await(f);
    fake_send(f, answer, strlen(answer));
    swarm_settle(&w);
    node_pass(f->node, MSE_ANSWER_WITHIN);
    swarm_settle(&w);
    CHECK(!f->eof);
    node_pass(f->node, PEER_CONNECT_TIMEOUT);
    STEP_UNTIL(&w, f->eof);
    swarm_close(&w);
}

/* It has understood, and is slow. */
TEST(a_peer_that_has_begun_to_answer_is_given_its_time) {
    is_given_its_time(MSE_PREFER, "first of 96 bytes");
}

TEST(a_peer_that_only_listens_has_its_time_where_plain_is_no_way) {
    is_given_its_time(MSE_REQUIRE, "");
}

TEST(encryption_that_is_required_is_not_followed_by_plain) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_REQUIRE);
    struct node *n = f->node;
    fake_await(f);
    fake_hang_up(f);
    until_alone(f);
    CHECK_INT(row(n, f)->failures, 1);
    swarm_close(&w);
}

TEST(where_nobody_listens_one_attempt_is_enough) {
    struct swarm w;
    struct node *n = open_node(&w, MSE_PREFER);
    struct addr nobody = {.ip = {127, 0, 0, 1}, .port = 1, .family = 4};
    CHECK_INT(torrent_connect(n->t, &nobody, SOURCE_MANUAL), 1);
    STEP_UNTIL(&w, n->t->peer_count == 1);
    CHECK(!encryption_try_other(node_peer(n)));
    STEP_UNTIL(&w, n->count[EVENT_ERROR] == 1);
    CHECK_INT(n->code[EVENT_ERROR], ERR_REFUSED);
    CHECK_INT(n->s->connections, 0);
    swarm_close(&w);
}

/* ---- being dialled ---------------------------------------------------------------------- */

TEST(plain_from_outside_is_taken_unless_encryption_is_required) {
    for (int policy = MSE_OFF; policy <= MSE_REQUIRE; policy++) {
        struct swarm w;
        struct node *n = open_node(&w, (enum mse_policy)policy);
        struct fake *f = fake_new(&w, n);
        struct handshake h = {.fast = true};
        uint8_t bytes[HANDSHAKE_LEN];
        memcpy(h.info_hash, w.m->info_hash, 20);
        memcpy(h.peer_id, f->peer_id, 20);
        handshake_encode(bytes, &h);
        fake_dial(f);
        for (size_t i = 0; i < sizeof bytes; i++) { /* also byte by byte */
            fake_send(f, bytes + i, 1);
            swarm_step(&w);
        }
        if (policy == MSE_REQUIRE)
            fake_expect_end(f);
        else
            STEP_UNTIL(&w, n->t->ready_count == 1);
        CHECK_INT(n->count[EVENT_PEER], policy != MSE_REQUIRE);
        swarm_close(&w);
    }
}

/* A stranger with a machine of his own: `skey` is the torrent that he proves to know, `inside` the
 * one of his handshake. `at_once` bytes a turn. */
struct stranger {
    struct mse mse;
    struct chunked_buffer in;
    struct text out;
    size_t said;
};

static void stranger_init(struct stranger *s, struct fake *f, const uint8_t skey[20],
                          const uint8_t inside[20]) {
    struct handshake h = {.fast = true, .extensions = true};
    uint8_t bytes[HANDSHAKE_LEN];
    memset(s, 0, sizeof *s);
    chunked_buffer_init(&s->in);
    text_init(&s->out);
    memcpy(h.info_hash, inside, 20);
    memcpy(h.peer_id, f->peer_id, 20);
    handshake_encode(bytes, &h);
    mse_init_outgoing(&s->mse, &(struct mse_options){MSE_REQUIRE, false}, skey,
                      (struct span){bytes, sizeof bytes}, NULL, NULL);
    CHECK_INT(mse_advance(&s->mse, &s->in, &s->out), 0);
}

static int stranger_turn(struct stranger *s, struct fake *f, size_t at_once) {
    size_t n = MIN(at_once, s->out.len - s->said);
    fake_send(f, s->out.data + s->said, n);
    s->said += n;
    swarm_step(f->swarm);
    CHECK_INT(chunked_buffer_push_copy(&s->in, f->in, f->len), 0);
    f->len = 0;
    return mse_advance(&s->mse, &s->in, &s->out);
}

static void stranger_fini(struct stranger *s) {
    mse_fini(&s->mse);
    chunked_buffer_fini(&s->in);
    text_free(&s->out);
}

static void let_in(size_t at_once) {
    struct swarm w;
    struct stranger s;
    struct fake *f = open_fake(&w, MSE_PREFER);
    struct node *n = f->node;
    fake_dial(f);
    stranger_init(&s, f, w.m->info_hash, w.m->info_hash);
    STEP_UNTIL(&w, stranger_turn(&s, f, at_once) == 1 && s.said == s.out.len);
    STEP_UNTIL(&w, n->t->ready_count == 1);
    CHECK_STR(encryption_name(node_peer(n)), "rc4");
    stranger_fini(&s);
    swarm_close(&w);
}

TEST(an_encrypted_stranger_is_let_in) {
    let_in(SIZE_MAX);
}

TEST(an_encrypted_stranger_is_let_in_byte_by_byte) {
    let_in(1);
}

TEST(an_encrypted_stranger_who_does_not_know_a_torrent_of_ours_is_closed) {
    struct swarm w;
    struct stranger s;
    uint8_t other[20] = {1};
    struct fake *f = open_fake(&w, MSE_PREFER);
    fake_dial(f);
    stranger_init(&s, f, other, w.m->info_hash);
    STEP_UNTIL(&w, stranger_turn(&s, f, SIZE_MAX) < 0 || f->eof);
    until_alone(f);
    stranger_fini(&s);
    swarm_close(&w);
}

TEST(a_handshake_of_another_torrent_than_the_encryption_is_refused) {
    struct swarm w, other; /* both torrents are in the session */
    struct stranger s;
    struct torrent *second;
    struct node *n = open_node(&w, MSE_PREFER);
    swarm_open_large(&other, 2, PIECE_LEN);
    struct add_options o = {.directory = n->directory};
    CHECK_INT(torrent_add(n->s, (const uint8_t *)other.file.data, other.file.len, &o,
                          &second, NULL),
              0);
    STEP_UNTIL(&w, second->state == TORRENT_DOWNLOADING);
    struct fake *f = fake_new(&w, n);
    fake_dial(f);
    stranger_init(&s, f, w.m->info_hash, other.m->info_hash);
    STEP_UNTIL(&w, stranger_turn(&s, f, SIZE_MAX) != 0 && f->eof);
    CHECK_INT(n->count[EVENT_PEER], 0);
    STEP_UNTIL(&w, n->s->connections == 0);
    stranger_fini(&s);
    swarm_close(&w), swarm_close(&other);
}

/* hazards.md: what never comes to an end, or has none in its room. */
TEST(a_pad_that_drips_ends_with_the_time_for_a_handshake) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    struct node *n = f->node;
    uint8_t noise[MSE_KEY_LEN];
    memset(noise, 0x55, sizeof noise);
    fake_dial(f);
    fake_send(f, noise, sizeof noise);
    for (int i = 0; i < 50; i++) {
        fake_send(f, noise, 1);
        swarm_step(&w);
    }
    CHECK_INT(n->s->connections, 1);
    node_pass(n, PEER_HANDSHAKE_TIMEOUT);
    fake_expect_end(f);
    until_alone(f);
    swarm_close(&w);
}

TEST(a_pad_longer_than_any_ends_the_connection) {
    struct swarm w;
    struct fake *f = open_fake(&w, MSE_PREFER);
    uint8_t noise[MSE_KEY_LEN + MSE_PAD_MAX + 20];
    memset(noise, 0x55, sizeof noise);
    fake_dial(f);
    fake_send(f, noise, sizeof noise);
    fake_expect_end(f);
    until_alone(f);
    swarm_close(&w);
}

TEST(a_torrent_that_is_gone_is_not_found_by_its_obfuscated_hash) {
    struct swarm w;
    uint8_t obfuscated[20];
    struct node *n = open_node(&w, MSE_PREFER);
    CHECK_INT(mse_obfuscate(obfuscated, w.m->info_hash), 0);
    CHECK(digest_map_find(&n->s->by_obfuscated, obfuscated) == n->t);
    torrent_remove(n->t, false);
    CHECK(!digest_map_find(&n->s->by_obfuscated, obfuscated));
    CHECK(!session_find(n->s, w.m->info_hash));
    swarm_close(&w);
}
