/* mse_fake: one end of an MSE handshake for tests, whose secrets and pads are known, and a peer
 * for it that is played by hand: it says what the test wants, right or wrong.
 *
 * Whoever includes this has defined CHECK (support/check.h, or abort in a fuzz target). */
#ifndef MARE_MSE_FAKE_H
#define MARE_MSE_FAKE_H

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "proto/mse.h"

static const uint8_t ours[20] = "abcdefghijklmnopqrs";

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

static inline bool find(void *owner, const uint8_t obfuscated[20],
                        uint8_t info_hash_out[20]) {
    uint8_t known[20];
    (void)owner;
    if (mse_obfuscate(known, ours) < 0 || memcmp(known, obfuscated, 20) != 0)
        return false;
    memcpy(info_hash_out, ours, 20);
    return true;
}

/* Two bytes are the length of a pad. */
static inline int draw(void *owner, void *out, size_t len) {
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

static inline void side_init(struct side *s, uint64_t seed) {
    memset(s, 0, sizeof *s);
    chunked_buffer_init(&s->in);
    text_init(&s->out);
    rng_seed(&s->rng, seed);
    s->pad = 5;
    s->draws_left = -1;
}

static inline void side_fini(struct side *s) {
    mse_fini(&s->m);
    chunked_buffer_fini(&s->in);
    text_free(&s->out);
}

static inline struct span greeting(void) {
    static uint8_t bytes[HANDSHAKE_LEN];
    struct handshake h = {.fast = true, .peer_id = "-mr0100-0123456789a"};
    memcpy(h.info_hash, ours, 20);
    handshake_encode(bytes, &h);
    return (struct span){bytes, sizeof bytes};
}

static inline void dial(struct side *s, struct mse_options options) {
    side_init(s, 1);
    mse_init_outgoing(&s->m, &options, ours, greeting(), &hooks, s);
}

static inline void answer(struct side *s, struct mse_options options) {
    side_init(s, 2);
    mse_init_incoming(&s->m, &options, &hooks, s);
}

static inline void hear(struct side *s, const void *data, size_t len) {
    CHECK(chunked_buffer_push_copy(&s->in, data, len) == 0);
    s->rc = mse_advance(&s->m, &s->in, &s->out);
    CHECK(s->rc != 0 || chunked_buffer_length(&s->in) < MSE_KEY_LEN);
    CHECK(s->rc != 1 || chunked_buffer_length(&s->in) == 0);
}

/* ---- a peer played by hand -------------------------------------------------------------- */

/* What the test's own peer knows once the keys are exchanged. */
struct fake {
    uint8_t shared[MSE_KEY_LEN];
    struct mse_cipher in, out;
};

static const uint8_t fake_secret[MSE_SECRET_LEN] = "a secret of the test";

static inline void fake_cipher(struct mse_cipher *c, const uint8_t *shared,
                               const char *word) {
    uint8_t material[MSE_KEY_LEN + 20], key[SHA1_LEN];
    memcpy(material, shared, MSE_KEY_LEN);
    memcpy(material + MSE_KEY_LEN, ours, 20);
    CHECK(mse_hash(key, word, material, sizeof material) == 0);
    CHECK(mse_cipher_init(c, key, sizeof key) == 0);
}

static inline void fake_keys(struct fake *f, const struct side *s, const char *in,
                             const char *out) {
    CHECK(s->out.len >= MSE_KEY_LEN);
    CHECK(mse_shared_key(f->shared, fake_secret, (const uint8_t *)s->out.data) == 0);
    fake_cipher(&f->in, f->shared, in);
    fake_cipher(&f->out, f->shared, out);
}

static inline void say_fake_key(struct side *to) {
    uint8_t key[MSE_KEY_LEN];
    CHECK(mse_public_key(key, fake_secret) == 0);
    hear(to, key, sizeof key);
}

/* The responder has our key, `pad` bytes of noise, and we have his. */
static inline void approach(struct fake *f, struct side *b, size_t pad) {
    uint8_t noise[MSE_PAD_MAX + 100];
    memset(noise, 'n', sizeof noise);
    say_fake_key(b);
    fake_keys(f, b, "keyB", "keyA");
    text_clear(&b->out);
    hear(b, noise, pad);
}

static inline void say_req1(struct fake *f, struct side *b) {
    uint8_t hash[SHA1_LEN];
    CHECK(mse_hash(hash, "req1", f->shared, MSE_KEY_LEN) == 0);
    hear(b, hash, sizeof hash);
}

static inline void say_torrent(struct fake *f, struct side *b,
                               const uint8_t info_hash[20]) {
    uint8_t hash[SHA1_LEN], mask[SHA1_LEN];
    CHECK(mse_obfuscate(hash, info_hash) == 0);
    CHECK(mse_hash(mask, "req3", f->shared, MSE_KEY_LEN) == 0);
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] ^= mask[i];
    hear(b, hash, sizeof hash);
}

static inline void say(struct fake *f, struct side *to, const void *data, size_t len) {
    uint8_t *sent = malloc(len + 1);
    CHECK(sent);
    mse_encrypt(&f->out, sent, data, len);
    hear(to, sent, len);
    free(sent);
}

static inline void say_fields(struct fake *f, struct side *to, uint32_t crypto,
                              size_t pad) {
    uint8_t fields[14 + MSE_PAD_MAX + 1] = {0};
    put_u32(fields + 8, crypto);
    put_u16(fields + 12, (uint16_t)pad);
    say(f, to, fields, 14 + MIN(pad, MSE_PAD_MAX + 1));
}

static inline void be_known(struct fake *f, struct side *b) {
    approach(f, b, 7);
    say_req1(f, b);
    say_torrent(f, b, ours);
    CHECK(b->rc == 0);
}

/* The initiator has our key and said everything; we did not answer yet. */
static inline void be_dialled(struct fake *f, struct side *a,
                              struct mse_options options) {
    dial(a, options);
    hear(a, NULL, 0);
    fake_keys(f, a, "keyA", "keyB");
    text_clear(&a->out);
    say_fake_key(a);
    CHECK(a->rc == 0);
}

static inline uint32_t select_of(struct fake *f, const struct side *b) {
    uint8_t fields[14];
    CHECK(b->out.len >= sizeof fields);
    memcpy(fields, b->out.data, sizeof fields);
    mse_decrypt(&f->in, fields, sizeof fields);
    CHECK(get_u64(fields) == 0);
    return get_u32(fields + 8);
}

#endif
