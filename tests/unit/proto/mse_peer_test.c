/* mse against a peer that the test plays itself, with everything a peer can do wrong. */
#include "support/check.h"
#include "support/mse_fake.h"

static const struct mse_options everything = {MSE_PREFER, true};

/* ---- the responder ---------------------------------------------------------------------- */

TEST(mse_responder_finds_req1_in_its_room_and_not_behind_it) {
    for (size_t pad = MSE_PAD_MAX - 1; pad <= MSE_PAD_MAX + 1; pad++) {
        struct side b;
        struct fake f;
        answer(&b, everything);
        approach(&f, &b, pad);
        CHECK_INT(b.rc, 0);
        say_req1(&f, &b);
        CHECK_INT(b.rc, pad <= MSE_PAD_MAX ? 0 : ERR_PROTOCOL);
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
        {MSE_RC4 | MSE_PLAINTEXT, true, MSE_PLAINTEXT},
        {MSE_RC4 | MSE_PLAINTEXT, false, MSE_RC4},
        {0xffffffff, true, MSE_PLAINTEXT},
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
    for (size_t pad = MSE_PAD_MAX - 1; pad <= MSE_PAD_MAX + 1; pad++) {
        struct side a;
        struct fake f;
        uint8_t noise[MSE_PAD_MAX + 1] = {0};
        be_dialled(&f, &a, everything);
        hear(&a, noise, pad);
        CHECK_INT(a.rc, 0);
        say_fields(&f, &a, MSE_RC4, 0);
        CHECK_INT(a.rc, pad <= MSE_PAD_MAX ? 1 : ERR_PROTOCOL);
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
