/* mse: two machines against each other, and one against a peer that the test plays itself,
 * with everything a peer can do wrong. */
#include "proto/mse.h"

#include "base/err.h"
#include "base/rng.h"
#include "support/check.h"

#define FIND_ROOM (MSE_PAD_MAX) /* bytes that may come before what is searched */

static const uint8_t ours[20] = "abcdefghijklmnopqrs";
static const struct mse_options everything = {MSE_PREFER, true};

/* One end: the machine, what came for it, what it says. */
struct side {
    struct mse m;
    struct chunked_buffer in;
    struct text out;
    struct rng rng;
    size_t pad;     /* of each length it draws */
    int draws_left; /* before the generator fails */
    int rc;
};

static bool find(void *owner, const uint8_t obfuscated[20], uint8_t info_hash_out[20]) {
    uint8_t known[20];
    (void)owner;
    if (mse_obfuscate(known, ours) < 0 || memcmp(known, obfuscated, 20) != 0)
        return false;
    memcpy(info_hash_out, ours, 20);
    return true;
}

/* Two bytes are the length of a pad. */
static int draw(void *owner, void *out, size_t len) {
    struct side *s = owner;
    uint8_t *p = out;
    if (!s->draws_left--)
        return ERR_IO;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)rng_next(&s->rng);
    if (len == 2)
        put_u16(p, (uint16_t)s->pad);
    return 0;
}

static const struct mse_hooks hooks = {find, draw};

static void side_init(struct side *s, uint64_t seed) {
    memset(s, 0, sizeof *s);
    chunked_buffer_init(&s->in);
    text_init(&s->out);
    rng_seed(&s->rng, seed);
    s->pad = 5;
    s->draws_left = -1;
}

static void side_fini(struct side *s) {
    mse_fini(&s->m);
    chunked_buffer_fini(&s->in);
    text_free(&s->out);
}

static struct span greeting(void) {
    static uint8_t bytes[HANDSHAKE_LEN];
    struct handshake h = {.fast = true, .peer_id = "-mr0100-0123456789a"};
    memcpy(h.info_hash, ours, 20);
    handshake_encode(bytes, &h);
    return (struct span){bytes, sizeof bytes};
}

static void dial(struct side *s, struct mse_options options) {
    side_init(s, 1);
    mse_init_outgoing(&s->m, &options, ours, greeting(), &hooks, s);
}

static void answer(struct side *s, struct mse_options options) {
    side_init(s, 2);
    mse_init_incoming(&s->m, &options, &hooks, s);
}

static void hear(struct side *s, const void *data, size_t len) {
    CHECK_INT(chunked_buffer_push_copy(&s->in, data, len), 0);
    s->rc = mse_advance(&s->m, &s->in, &s->out);
    CHECK(s->rc != 0 || chunked_buffer_length(&s->in) < MSE_KEY_LEN);
    CHECK(s->rc != 1 || chunked_buffer_length(&s->in) == 0);
}

/* All that `from` has said, cut after `first` bytes and then every `grain`. */
static void carry(struct side *from, struct side *to, size_t first, size_t grain) {
    size_t len;
    char *data = text_take(&from->out, &len);
    for (size_t at = 0, n = MIN(first, len); at < len; at += n, n = MIN(grain, len - at))
        if (to->rc == 0)
            hear(to, data + at, n);
    free(data);
}

static void meet(struct side *a, struct side *b, size_t first, size_t grain) {
    a->rc = mse_advance(&a->m, &a->in, &a->out);
    b->rc = 0;
    while (a->out.len || b->out.len) {
        carry(a, b, first, grain);
        carry(b, a, first, grain);
        if (a->rc < 0 || b->rc < 0)
            return;
    }
}

static void expect_greeting_first(struct side *b) {
    CHECK_INT(b->m.rest.len, HANDSHAKE_LEN);
    CHECK_MEM(b->m.rest.data, greeting().data, HANDSHAKE_LEN);
}

/* What one side encrypts the other one reads. */
static void expect_talk(struct side *from, struct side *to) {
    char data[] = "a block of payload";
    mse_encrypt(&from->m.out, (uint8_t *)data, (uint8_t *)data, sizeof data);
    CHECK(memcmp(data, "a block of payload", sizeof data) != 0);
    mse_decrypt(&to->m.in, (uint8_t *)data, sizeof data);
    CHECK_STR(data, "a block of payload");
}

static void expect_met(struct side *a, struct side *b) {
    CHECK_INT(a->rc, 1);
    CHECK_INT(b->rc, 1);
    CHECK(a->m.obfuscated && b->m.obfuscated);
    CHECK(a->m.encrypted && b->m.encrypted);
    CHECK_MEM(b->m.info_hash, ours, 20);
    CHECK_INT(a->m.rest.len, 0);
    expect_greeting_first(b);
    expect_talk(a, b);
    expect_talk(b, a);
}

/* ---- two of us -------------------------------------------------------------------------- */

static int expected_answer(enum mse_policy dials, enum mse_policy answers) {
    if (dials == MSE_OFF)
        return answers == MSE_REQUIRE ? ERR_REFUSED : 1;
    return answers == MSE_OFF ? ERR_PROTOCOL : 1;
}

static void try_policies(struct mse_options dials, struct mse_options answers) {
    struct side a, b;
    dial(&a, dials);
    answer(&b, answers);
    meet(&a, &b, SIZE_MAX, SIZE_MAX);
    CHECK_INT(b.rc, expected_answer(dials.policy, answers.policy));
    if (b.rc == 1 && dials.policy != MSE_OFF) {
        expect_met(&a, &b);
    } else if (b.rc == 1) {
        CHECK_INT(a.rc, 1);
        CHECK(!a.m.obfuscated && !b.m.obfuscated && !a.m.encrypted && !b.m.encrypted);
        expect_greeting_first(&b);
    }
    side_fini(&a);
    side_fini(&b);
}

TEST(mse_policies_meet_in_every_combination) {
    for (int dials = MSE_OFF; dials <= MSE_REQUIRE; dials++)
        for (int answers = MSE_OFF; answers <= MSE_REQUIRE; answers++)
            for (int plaintext = 0; plaintext < 4; plaintext++)
                try_policies(
                    (struct mse_options){(enum mse_policy)dials, plaintext & 1},
                    (struct mse_options){(enum mse_policy)answers, plaintext & 2});
}

TEST(mse_is_read_byte_by_byte) {
    struct side a, b;
    dial(&a, everything);
    answer(&b, everything);
    meet(&a, &b, 1, 1);
    expect_met(&a, &b);
    side_fini(&a);
    side_fini(&b);
}

/* The longest flight is the initiator's second: two hashes, the fields, two pads' worth. */
TEST(mse_is_read_split_at_each_byte) {
    for (size_t at = 0; at < 2 * SHA1_LEN + 14 + 5 + 2 + HANDSHAKE_LEN; at++) {
        struct side a, b;
        dial(&a, everything);
        answer(&b, everything);
        meet(&a, &b, at, SIZE_MAX);
        expect_met(&a, &b);
        side_fini(&a);
        side_fini(&b);
    }
}

TEST(mse_takes_pads_of_every_length) {
    for (size_t pad = 0; pad <= MSE_PAD_MAX; pad++) {
        struct side a, b;
        dial(&a, everything);
        answer(&b, everything);
        a.pad = pad;
        b.pad = MSE_PAD_MAX - pad;
        meet(&a, &b, SIZE_MAX, SIZE_MAX);
        expect_met(&a, &b);
        side_fini(&a);
        side_fini(&b);
    }
}

TEST(mse_pads_are_never_longer_than_they_may_be) {
    struct side a;
    dial(&a, everything);
    a.pad = 0xffff; /* what a generator of 16 bits may give */
    CHECK_INT(mse_advance(&a.m, &a.in, &a.out), 0);
    CHECK_INT(a.out.len, MSE_KEY_LEN + 0xffff % (MSE_PAD_MAX + 1));
    side_fini(&a);
}

TEST(mse_draws_its_own_secrets_without_a_hook) {
    static const struct mse_hooks no_random = {find, NULL};
    struct side a, b;
    dial(&a, everything);
    answer(&b, everything);
    mse_init_outgoing(&a.m, &everything, ours, greeting(), NULL, NULL);
    mse_init_incoming(&b.m, &everything, &no_random, NULL);
    meet(&a, &b, SIZE_MAX, SIZE_MAX);
    expect_met(&a, &b);
    side_fini(&a);
    side_fini(&b);
}

TEST(mse_needs_no_initial_payload) {
    struct side a, b;
    dial(&a, everything);
    answer(&b, everything);
    mse_init_outgoing(&a.m, &everything, ours, (struct span){NULL, 0}, &hooks, &a);
    meet(&a, &b, SIZE_MAX, SIZE_MAX);
    CHECK_INT(a.rc, 1);
    CHECK_INT(b.rc, 1);
    CHECK_INT(b.m.rest.len, 0);
    expect_talk(&a, &b);
    side_fini(&a);
    side_fini(&b);
}

TEST(mse_goes_wrong_with_its_generator) {
    for (int draws = 0;; draws++) {
        struct side a, b;
        dial(&a, everything);
        answer(&b, everything);
        a.draws_left = b.draws_left = draws;
        meet(&a, &b, SIZE_MAX, SIZE_MAX);
        bool done = a.rc == 1 && b.rc == 1;
        CHECK(done || a.rc == ERR_IO || b.rc == ERR_IO);
        side_fini(&a);
        side_fini(&b);
        if (done)
            break;
        CHECK(draws < 10);
    }
}

/* ---- plain peers ------------------------------------------------------------------------ */

TEST(mse_knows_a_plain_peer_by_twenty_bytes) {
    struct side b;
    answer(&b, everything);
    for (size_t i = 0; i < 20; i++) {
        CHECK_INT(b.rc, 0);
        hear(&b, greeting().data + i, 1);
    }
    CHECK_INT(b.rc, 1);
    CHECK(!b.m.obfuscated && !b.m.encrypted);
    CHECK_INT(b.m.rest.len, 20);
    CHECK_MEM(b.m.rest.data, greeting().data, 20);
    CHECK_INT(b.out.len, 0);
    side_fini(&b);
}

TEST(mse_refuses_a_plain_peer_where_encryption_is_required) {
    struct side b;
    answer(&b, (struct mse_options){MSE_REQUIRE, true});
    hear(&b, greeting().data, HANDSHAKE_LEN);
    CHECK_INT(b.rc, ERR_REFUSED);
    CHECK_INT(b.out.len, 0);
    side_fini(&b);
}

TEST(mse_takes_for_a_key_what_only_begins_like_a_plain_peer) {
    for (size_t same = 0; same < 20; same++) {
        struct side b;
        uint8_t key[MSE_KEY_LEN] = {0};
        memcpy(key, greeting().data, same);
        key[same] = 0x80; /* no byte of the name */
        answer(&b, everything);
        hear(&b, key, sizeof key - 1);
        CHECK_INT(b.out.len, 0);
        hear(&b, key, 1);
        CHECK_INT(b.rc, 0);
        CHECK_INT(b.out.len, MSE_KEY_LEN + b.pad);
        side_fini(&b);
    }
}

TEST(mse_off_knows_a_stranger_by_his_first_byte) {
    struct side b;
    answer(&b, (struct mse_options){MSE_OFF, false});
    hear(&b, "G", 1);
    CHECK_INT(b.rc, ERR_PROTOCOL);
    side_fini(&b);
}

/* ---- a peer played by hand -------------------------------------------------------------- */

/* What the test's own peer knows once the keys are exchanged. */
struct fake {
    uint8_t shared[MSE_KEY_LEN];
    struct mse_cipher in, out;
};

static const uint8_t fake_secret[MSE_SECRET_LEN] = "a secret of the test";

static void fake_cipher(struct mse_cipher *c, const uint8_t *shared, const char *word) {
    uint8_t material[MSE_KEY_LEN + 20], key[SHA1_LEN];
    memcpy(material, shared, MSE_KEY_LEN);
    memcpy(material + MSE_KEY_LEN, ours, 20);
    CHECK_INT(mse_hash(key, word, material, sizeof material), 0);
    CHECK_INT(mse_cipher_init(c, key, sizeof key), 0);
}

static void fake_keys(struct fake *f, const struct side *s, const char *in,
                      const char *out) {
    CHECK(s->out.len >= MSE_KEY_LEN);
    CHECK_INT(mse_shared_key(f->shared, fake_secret, (const uint8_t *)s->out.data), 0);
    fake_cipher(&f->in, f->shared, in);
    fake_cipher(&f->out, f->shared, out);
}

static void say_fake_key(struct side *to) {
    uint8_t key[MSE_KEY_LEN];
    CHECK_INT(mse_public_key(key, fake_secret), 0);
    hear(to, key, sizeof key);
}

/* The responder has our key, `pad` bytes of noise, and we have his. */
static void approach(struct fake *f, struct side *b, size_t pad) {
    uint8_t noise[FIND_ROOM + 100];
    memset(noise, 'n', sizeof noise);
    say_fake_key(b);
    fake_keys(f, b, "keyB", "keyA");
    text_clear(&b->out);
    hear(b, noise, pad);
}

static void say_req1(struct fake *f, struct side *b) {
    uint8_t hash[SHA1_LEN];
    CHECK_INT(mse_hash(hash, "req1", f->shared, MSE_KEY_LEN), 0);
    hear(b, hash, sizeof hash);
}

static void say_torrent(struct fake *f, struct side *b, const uint8_t info_hash[20]) {
    uint8_t hash[SHA1_LEN], mask[SHA1_LEN];
    CHECK_INT(mse_obfuscate(hash, info_hash), 0);
    CHECK_INT(mse_hash(mask, "req3", f->shared, MSE_KEY_LEN), 0);
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] ^= mask[i];
    hear(b, hash, sizeof hash);
}

static void say(struct fake *f, struct side *to, const void *data, size_t len) {
    uint8_t *sent = malloc(len + 1);
    CHECK(sent);
    mse_encrypt(&f->out, sent, data, len);
    hear(to, sent, len);
    free(sent);
}

static void say_fields(struct fake *f, struct side *to, uint32_t crypto, size_t pad) {
    uint8_t fields[14 + MSE_PAD_MAX + 1] = {0};
    put_u32(fields + 8, crypto);
    put_u16(fields + 12, (uint16_t)pad);
    say(f, to, fields, 14 + MIN(pad, MSE_PAD_MAX + 1));
}

static void be_known(struct fake *f, struct side *b) {
    approach(f, b, 7);
    say_req1(f, b);
    say_torrent(f, b, ours);
    CHECK_INT(b->rc, 0);
}

static uint32_t select_of(struct fake *f, const struct side *b) {
    uint8_t fields[14];
    CHECK(b->out.len >= sizeof fields);
    memcpy(fields, b->out.data, sizeof fields);
    mse_decrypt(&f->in, fields, sizeof fields);
    CHECK_INT(get_u64(fields), 0);
    return get_u32(fields + 8);
}

/* ---- the responder ---------------------------------------------------------------------- */

TEST(mse_responder_finds_req1_in_its_room_and_not_behind_it) {
    for (size_t pad = FIND_ROOM - 1; pad <= FIND_ROOM + 1; pad++) {
        struct side b;
        struct fake f;
        answer(&b, everything);
        approach(&f, &b, pad);
        CHECK_INT(b.rc, 0);
        say_req1(&f, &b);
        CHECK_INT(b.rc, pad <= FIND_ROOM ? 0 : ERR_PROTOCOL);
        side_fini(&b);
    }
}

TEST(mse_responder_gives_up_noise_after_628_bytes) {
    struct side b;
    size_t heard = 0;
    answer(&b, everything);
    for (; b.rc == 0 && heard < 2000; heard++)
        hear(&b, "n", 1);
    CHECK_INT(b.rc, ERR_PROTOCOL);
    CHECK_INT(heard, MSE_KEY_LEN + MSE_PAD_MAX + SHA1_LEN);
    side_fini(&b);
}

TEST(mse_responder_gives_up_noise_that_comes_at_once) {
    static uint8_t noise[100000];
    struct side b;
    memset(noise, 'n', sizeof noise);
    answer(&b, everything);
    hear(&b, noise, sizeof noise);
    CHECK_INT(b.rc, ERR_PROTOCOL);
    CHECK_INT(b.out.len, MSE_KEY_LEN + b.pad);
    side_fini(&b);
}

TEST(mse_responder_refuses_a_torrent_that_it_has_not) {
    struct side b;
    struct fake f;
    answer(&b, everything);
    approach(&f, &b, 0);
    say_req1(&f, &b);
    say_torrent(&f, &b, (const uint8_t *)"another torrent's ha");
    CHECK_INT(b.rc, ERR_NOTFOUND);
    CHECK_INT(b.out.len, 0);
    hear(&b, "more", 4); /* and stays with it */
    CHECK_INT(b.rc, ERR_NOTFOUND);
    side_fini(&b);
}

TEST(mse_responder_chooses_what_both_take) {
    static const struct {
        uint32_t provide;
        bool plaintext;
        uint32_t select; /* 0 = refused */
    } rows[] = {
        {0, true, 0},
        {MSE_PLAINTEXT, true, MSE_PLAINTEXT},
        {MSE_PLAINTEXT, false, 0},
        {MSE_RC4, true, MSE_RC4},
        {MSE_RC4, false, MSE_RC4},
        {MSE_RC4 | MSE_PLAINTEXT, true, MSE_RC4},
        {MSE_RC4 | MSE_PLAINTEXT, false, MSE_RC4},
        {0xffffffff, true, MSE_RC4},
        {0xfffffffc, true, 0}, /* things of the future */
        {0xfffffffd, true, MSE_PLAINTEXT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct side b;
        struct fake f;
        answer(&b, (struct mse_options){MSE_REQUIRE, rows[i].plaintext});
        be_known(&f, &b);
        say_fields(&f, &b, rows[i].provide, 3);
        CHECK_INT(b.rc, rows[i].select ? 0 : ERR_REFUSED);
        if (rows[i].select)
            CHECK_INT(select_of(&f, &b), rows[i].select);
        side_fini(&b);
    }
}

TEST(mse_responder_takes_a_pad_of_512_and_none_longer) {
    for (size_t pad = MSE_PAD_MAX; pad <= MSE_PAD_MAX + 1; pad++) {
        struct side b;
        struct fake f;
        answer(&b, everything);
        be_known(&f, &b);
        say_fields(&f, &b, MSE_RC4, pad);
        CHECK_INT(b.rc, pad <= MSE_PAD_MAX ? 0 : ERR_LIMIT);
        side_fini(&b);
    }
}

TEST(mse_responder_refuses_a_vc_that_is_not_zero) {
    for (size_t i = 0; i < 8; i++) {
        struct side b;
        struct fake f;
        uint8_t fields[14] = {0};
        answer(&b, everything);
        be_known(&f, &b);
        fields[i] = 1;
        fields[11] = MSE_RC4;
        say(&f, &b, fields, sizeof fields);
        CHECK_INT(b.rc, ERR_PROTOCOL);
        side_fini(&b);
    }
}

/* The initial payload is encrypted, what follows is as it was selected. */
static void say_payloads(uint32_t provide) {
    struct side b;
    struct fake f;
    answer(&b, everything);
    be_known(&f, &b);
    say_fields(&f, &b, provide, 0);
    say(&f, &b, "\0\5", 2);
    say(&f, &b, "init", 4);
    CHECK_INT(b.rc, 0);
    uint8_t last[] = "ial and more";
    mse_encrypt(&f.out, last, last, provide == MSE_RC4 ? sizeof last : 1);
    hear(&b, last, sizeof last);
    CHECK_INT(b.rc, 1);
    CHECK_INT(b.m.encrypted, provide == MSE_RC4);
    CHECK_INT(b.m.rest.len, 4 + sizeof last);
    CHECK_STR(b.m.rest.data, "initial and more");
    side_fini(&b);
}

TEST(mse_responder_gives_what_came_with_the_handshake) {
    say_payloads(MSE_RC4);
    say_payloads(MSE_PLAINTEXT);
}

TEST(mse_responder_takes_a_large_initial_payload_as_it_comes) {
    static uint8_t payload[0xffff];
    struct side b;
    struct fake f;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i % 251);
    answer(&b, everything);
    be_known(&f, &b);
    say_fields(&f, &b, MSE_RC4, 0);
    say(&f, &b, "\xff\xff", 2);
    CHECK(b.m.rest.cap < 100); /* nothing is made for what is only claimed */
    for (size_t at = 0; at < sizeof payload; at += 257) {
        CHECK_INT(b.rc, 0);
        say(&f, &b, payload + at, 257);
    }
    CHECK_INT(b.rc, 1);
    CHECK_INT(b.m.rest.len, sizeof payload);
    CHECK_MEM(b.m.rest.data, payload, sizeof payload);
    side_fini(&b);
}

TEST(mse_responder_refuses_a_key_that_nobody_draws) {
    struct side b;
    uint8_t key[MSE_KEY_LEN] = {0};
    answer(&b, everything);
    hear(&b, key, sizeof key);
    CHECK_INT(b.rc, ERR_PROTOCOL);
    side_fini(&b);
}

/* ---- the initiator ---------------------------------------------------------------------- */

/* The initiator has our key and said everything; we did not answer yet. */
static void be_dialled(struct fake *f, struct side *a, struct mse_options options) {
    dial(a, options);
    hear(a, NULL, 0);
    fake_keys(f, a, "keyA", "keyB");
    text_clear(&a->out);
    say_fake_key(a);
    CHECK_INT(a->rc, 0);
}

TEST(mse_initiator_says_what_it_offers_and_the_handshake) {
    for (int plaintext = 0; plaintext < 2; plaintext++) {
        struct side a;
        struct fake f;
        be_dialled(&f, &a, (struct mse_options){MSE_REQUIRE, plaintext});
        uint8_t *said = (uint8_t *)a.out.data + 2 * SHA1_LEN;
        size_t len = a.out.len - 2 * SHA1_LEN;
        CHECK_INT(len, 14 + a.pad + 2 + HANDSHAKE_LEN);
        mse_decrypt(&f.in, said, len);
        CHECK_INT(get_u64(said), 0);
        CHECK_INT(get_u32(said + 8), plaintext ? 3 : 2);
        CHECK_INT(get_u16(said + 12), a.pad);
        CHECK_INT(get_u16(said + 14 + a.pad), HANDSHAKE_LEN);
        CHECK_MEM(said + 14 + a.pad + 2, greeting().data, HANDSHAKE_LEN);
        side_fini(&a);
    }
}

TEST(mse_initiator_finds_the_vc_in_its_room_and_not_behind_it) {
    for (size_t pad = FIND_ROOM - 1; pad <= FIND_ROOM + 1; pad++) {
        struct side a;
        struct fake f;
        uint8_t noise[FIND_ROOM + 1] = {0};
        be_dialled(&f, &a, everything);
        hear(&a, noise, pad);
        CHECK_INT(a.rc, 0);
        say_fields(&f, &a, MSE_RC4, 0);
        CHECK_INT(a.rc, pad <= FIND_ROOM ? 1 : ERR_PROTOCOL);
        side_fini(&a);
    }
}

TEST(mse_initiator_gives_up_noise_after_616_bytes) {
    struct side a;
    size_t heard = 0;
    dial(&a, everything);
    for (hear(&a, NULL, 0); a.rc == 0 && heard < 2000; heard++)
        hear(&a, "n", 1);
    CHECK_INT(a.rc, ERR_PROTOCOL);
    CHECK_INT(heard, MSE_KEY_LEN + MSE_PAD_MAX + 8);
    side_fini(&a);
}

TEST(mse_initiator_takes_one_crypto_that_it_offered) {
    static const struct {
        uint32_t select;
        bool plaintext;
        int rc;
    } rows[] = {
        {MSE_RC4, true, 1},       {MSE_RC4, false, 1},
        {MSE_PLAINTEXT, true, 1}, {MSE_PLAINTEXT, false, ERR_PROTOCOL},
        {0, true, ERR_PROTOCOL},  {MSE_RC4 | MSE_PLAINTEXT, true, ERR_PROTOCOL},
        {4, true, ERR_PROTOCOL},  {0xffffffff, true, ERR_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct side a;
        struct fake f;
        be_dialled(&f, &a, (struct mse_options){MSE_REQUIRE, rows[i].plaintext});
        say_fields(&f, &a, rows[i].select, 0);
        CHECK_INT(a.rc, rows[i].rc);
        if (a.rc == 1)
            CHECK_INT(a.m.encrypted, rows[i].select == MSE_RC4);
        side_fini(&a);
    }
}

TEST(mse_initiator_takes_a_pad_of_512_and_none_longer) {
    for (size_t pad = MSE_PAD_MAX; pad <= MSE_PAD_MAX + 1; pad++) {
        struct side a;
        struct fake f;
        be_dialled(&f, &a, everything);
        say_fields(&f, &a, MSE_RC4, pad);
        CHECK_INT(a.rc, pad <= MSE_PAD_MAX ? 1 : ERR_LIMIT);
        side_fini(&a);
    }
}

static void expect_rest(uint32_t select) {
    struct side a;
    struct fake f;
    uint8_t said[14 + 3 + 8] = {0};
    be_dialled(&f, &a, everything);
    put_u32(said + 8, select);
    put_u16(said + 12, 3);
    memcpy(said + 17, "payload", 8);
    mse_encrypt(&f.out, said, said, select == MSE_RC4 ? sizeof said : 17);
    hear(&a, said, sizeof said);
    CHECK_INT(a.rc, 1);
    CHECK_INT(a.m.rest.len, 8);
    CHECK_STR(a.m.rest.data, "payload");
    side_fini(&a);
}

TEST(mse_initiator_gives_what_came_with_the_answer) {
    expect_rest(MSE_RC4);
    expect_rest(MSE_PLAINTEXT);
}

TEST(mse_initiator_refuses_a_key_that_nobody_draws) {
    struct side a;
    uint8_t key[MSE_KEY_LEN] = {0};
    dial(&a, everything);
    hear(&a, NULL, 0);
    hear(&a, key, sizeof key);
    CHECK_INT(a.rc, ERR_PROTOCOL);
    side_fini(&a);
}

/* ---- memory ----------------------------------------------------------------------------- */

TEST(mse_ends_when_memory_is_out) {
    CHECK_EACH_NOMEM(n) {
        struct side a, b;
        dial(&a, everything);
        answer(&b, everything);
        a.rc = b.rc = 0;
        for (int round = 0; round < 3 && a.rc >= 0 && b.rc >= 0; round++) {
            a.rc = mse_advance(&a.m, &a.in, &a.out);
            if (a.rc >= 0 &&
                chunked_buffer_push_copy(&b.in, (uint8_t *)a.out.data, a.out.len))
                break;
            text_clear(&a.out);
            b.rc = mse_advance(&b.m, &b.in, &b.out);
            if (b.rc >= 0 &&
                chunked_buffer_push_copy(&a.in, (uint8_t *)b.out.data, b.out.len))
                break;
            text_clear(&b.out);
        }
        bool hit = check_nomem_hit();
        CHECK(a.rc >= 0 || a.rc == ERR_NOMEM);
        CHECK(b.rc >= 0 || b.rc == ERR_NOMEM);
        CHECK(hit || (a.rc == 1 && b.rc == 1));
        side_fini(&a);
        side_fini(&b);
    }
}
