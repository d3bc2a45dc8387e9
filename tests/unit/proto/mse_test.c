/* mse: two machines against each other, and plain peers. */
#include "support/check.h"
#include "support/mse_fake.h"

static const struct mse_options everything = {MSE_PREFER, true};

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
    bool clear = a->m.options.plaintext && b->m.options.plaintext;
    CHECK(a->m.encrypted == !clear && b->m.encrypted == !clear);
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
