/* mse: the handshake as a list of states, each of which names the bytes it needs and is left
 * for the next one by its own step. Both sides are in one file, since what one writes the
 * other reads: the picture is in the header.
 *
 * Nothing is kept that a peer only claims: pads are dropped as they come, the initial payload
 * is decrypted as it comes, and what waits in the caller's buffer is never longer than a key. */
#include "proto/mse.h"

#include "base/rng.h"

#include <assert.h>
#include <string.h>

#define HANDSHAKE_WORD_LEN 20 /* with its length: what plain BitTorrent begins with */
#define VC_LEN 8
#define FIELDS_LEN (VC_LEN + 4 + 2) /* VC, provide or select, length of the pad */

/* Each side passes its states in order; a plain connection passes few of them. */
static int enter(struct mse *m, enum mse_state state) {
    assert(state > m->state);
    m->state = state;
    return 1;
}

/* ---- out -------------------------------------------------------------------------------- */

static int draw(struct mse *m, void *to, size_t len) {
    return m->hooks && m->hooks->random ? m->hooks->random(m->owner, to, len)
                                        : rng_secret(to, len);
}

/* 65,536 is not a multiple of 513: that some lengths come a little more often tells nothing. */
static int draw_pad_len(struct mse *m, size_t *len) {
    uint8_t raw[2];
    int rc = draw(m, raw, sizeof raw);
    *len = rc < 0 ? 0 : get_u16(raw) % (MSE_PAD_MAX + 1);
    return rc;
}

static int say_key_and_pad(struct mse *m, struct text *out) {
    uint8_t key[MSE_KEY_LEN], pad[MSE_PAD_MAX];
    size_t pad_len;
    int rc = draw(m, m->secret, sizeof m->secret);
    if (rc < 0 || (rc = mse_public_key(key, m->secret)) < 0 ||
        (rc = draw_pad_len(m, &pad_len)) < 0 || (rc = draw(m, pad, pad_len)) < 0)
        return rc;
    text_add(out, key, sizeof key);
    text_add(out, pad, pad_len);
    return 0;
}

static void say_encrypted(struct mse *m, struct text *out, const void *data, size_t len) {
    text_add(out, data, len);
    if (out->failed || !len)
        return; /* mse_advance looks at it */
    uint8_t *added = (uint8_t *)out->data + out->len - len;
    mse_encrypt(&m->out, added, added, len);
}

/* VC, provide or select, PadC or PadD: these pads are zeros, for whoever extends this. */
static int say_fields(struct mse *m, struct text *out, uint32_t crypto) {
    uint8_t fields[FIELDS_LEN + MSE_PAD_MAX] = {0};
    size_t pad_len;
    int rc = draw_pad_len(m, &pad_len);
    put_u32(fields + VC_LEN, crypto);
    put_u16(fields + VC_LEN + 4, (uint16_t)pad_len);
    if (rc >= 0)
        say_encrypted(m, out, fields, FIELDS_LEN + pad_len);
    return rc;
}

static void say_initial(struct mse *m, struct text *out) {
    uint8_t len[2];
    put_u16(len, (uint16_t)m->initial_len);
    say_encrypted(m, out, len, sizeof len);
    say_encrypted(m, out, m->initial, m->initial_len);
}

/* ---- in --------------------------------------------------------------------------------- */

static void read_decrypted(struct mse *m, struct chunked_buffer *in, void *to,
                           size_t len) {
    bool all_there = chunked_buffer_consume(in, to, len);
    assert(all_there);
    (void)all_there;
    mse_decrypt(&m->in, to, len);
}

/* 1 when `wanted` was found and passed, 0 when it may still come. */
static int find_wanted(struct mse *m, struct chunked_buffer *in) {
    uint8_t got[sizeof m->wanted];
    while (chunked_buffer_copy_to(in, 0, got, m->wanted_len)) {
        bool found = memcmp(got, m->wanted, m->wanted_len) == 0;
        if (!found && !m->left)
            return ERR_PROTOCOL;
        chunked_buffer_discard(in, found ? m->wanted_len : 1);
        if (found)
            return 1;
        m->left--;
    }
    return 0;
}

/* 1 when all of a pad has gone by. */
static int skip_pad(struct mse *m, struct chunked_buffer *in) {
    uint8_t pad[MSE_PAD_MAX];
    size_t len = MIN(m->left, chunked_buffer_length(in));
    read_decrypted(m, in, pad, len);
    m->left -= len;
    return m->left == 0;
}

static int note_pad_len(struct mse *m, const uint8_t raw[2]) {
    m->left = get_u16(raw);
    return m->left <= MSE_PAD_MAX ? 0 : ERR_LIMIT;
}

/* Moves len bytes to `rest`. */
static int keep(struct mse *m, struct chunked_buffer *in, size_t len, bool decrypt) {
    while (len) {
        struct span front = chunked_buffer_front(in);
        size_t n = MIN(len, front.len);
        text_add(&m->rest, front.data, n);
        if (m->rest.failed)
            return ERR_NOMEM;
        if (decrypt)
            mse_decrypt(&m->in, (uint8_t *)m->rest.data + m->rest.len - n, n);
        chunked_buffer_discard(in, n);
        len -= n;
    }
    return 0;
}

static int finish(struct mse *m, struct chunked_buffer *in) {
    m->encrypted = m->select == MSE_RC4;
    int rc = keep(m, in, chunked_buffer_length(in), m->encrypted);
    return rc < 0 ? rc : enter(m, MSE_DONE);
}

/* -1: plain BitTorrent does not begin so; 0: it may; 1: it is. */
static int looks_plain(const struct chunked_buffer *in) {
    uint8_t plain[HANDSHAKE_LEN], got[HANDSHAKE_WORD_LEN];
    size_t len = MIN(chunked_buffer_length(in), sizeof got);
    handshake_encode(plain, &(struct handshake){0});
    chunked_buffer_copy_to(in, 0, got, len);
    if (memcmp(plain, got, len) != 0)
        return -1;
    return len == sizeof got;
}

/* ---- both ------------------------------------------------------------------------------- */

static int share_key(struct mse *m, struct chunked_buffer *in) {
    uint8_t theirs[MSE_KEY_LEN];
    chunked_buffer_consume(in, theirs, sizeof theirs);
    return mse_shared_key(m->shared, m->secret, theirs);
}

static int key_cipher(struct mse *m, struct mse_cipher *c, const char *word) {
    uint8_t material[MSE_KEY_LEN + 20], key[SHA1_LEN];
    memcpy(material, m->shared, MSE_KEY_LEN);
    memcpy(material + MSE_KEY_LEN, m->info_hash, 20);
    int rc = mse_hash(key, word, material, sizeof material);
    return rc < 0 ? rc : mse_cipher_init(c, key, sizeof key);
}

static int key_ciphers(struct mse *m, const char *in, const char *out) {
    int rc = key_cipher(m, &m->in, in);
    return rc < 0 ? rc : key_cipher(m, &m->out, out);
}

/* H("req2", SKEY) to and from what is seen on the wire. */
static int mask_with_req3(struct mse *m, uint8_t hash[SHA1_LEN]) {
    uint8_t mask[SHA1_LEN];
    int rc = mse_hash(mask, "req3", m->shared, MSE_KEY_LEN);
    for (size_t i = 0; i < sizeof mask; i++)
        hash[i] ^= mask[i];
    return rc;
}

static void begin_search(struct mse *m, size_t wanted_len) {
    m->wanted_len = wanted_len;
    m->left = MSE_PAD_MAX;
}

static uint32_t allowed(const struct mse *m) {
    return MSE_RC4 | (m->options.plaintext ? MSE_PLAINTEXT : 0u);
}

/* ---- initiator -------------------------------------------------------------------------- */

static int on_greet(struct mse *m, struct chunked_buffer *in, struct text *out) {
    if (m->options.policy == MSE_OFF) {
        text_add(out, m->initial, m->initial_len);
        return finish(m, in);
    }
    m->obfuscated = true;
    int rc = say_key_and_pad(m, out);
    return rc < 0 ? rc : enter(m, MSE_AWAIT_KEY_B);
}

static int say_torrent(struct mse *m, struct text *out) {
    uint8_t req1[SHA1_LEN], torrent[SHA1_LEN];
    int rc = mse_hash(req1, "req1", m->shared, MSE_KEY_LEN);
    if (rc < 0 || (rc = mse_obfuscate(torrent, m->info_hash)) < 0 ||
        (rc = mask_with_req3(m, torrent)) < 0)
        return rc;
    text_add(out, req1, sizeof req1);
    text_add(out, torrent, sizeof torrent);
    return 0;
}

/* The responder's VC is zeros: encrypted it is what his cipher begins with. */
static void expect_vc(struct mse *m) {
    memset(m->wanted, 0, VC_LEN);
    mse_decrypt(&m->in, m->wanted, VC_LEN);
    begin_search(m, VC_LEN);
}

/* A peer that greets in plain whatever it hears need not be waited for. */
static int on_key_b(struct mse *m, struct chunked_buffer *in, struct text *out) {
    if (looks_plain(in) > 0)
        return ERR_PROTOCOL;
    if (chunked_buffer_length(in) < MSE_KEY_LEN)
        return 0;
    int rc = share_key(m, in);
    if (rc < 0 || (rc = say_torrent(m, out)) < 0 ||
        (rc = key_ciphers(m, "keyB", "keyA")) < 0 ||
        (rc = say_fields(m, out, allowed(m))) < 0)
        return rc;
    say_initial(m, out);
    expect_vc(m);
    return enter(m, MSE_FIND_VC);
}

static int on_vc(struct mse *m, struct chunked_buffer *in, struct text *out) {
    (void)out;
    int rc = find_wanted(m, in);
    return rc <= 0 ? rc : enter(m, MSE_AWAIT_SELECT);
}

/* One bit, and one that we offered. */
static int on_select(struct mse *m, struct chunked_buffer *in, struct text *out) {
    uint8_t fields[FIELDS_LEN - VC_LEN];
    (void)out;
    read_decrypted(m, in, fields, sizeof fields);
    m->select = get_u32(fields);
    bool sane = m->select == MSE_RC4 || m->select == MSE_PLAINTEXT;
    if (!sane || !(m->select & allowed(m)))
        return ERR_PROTOCOL;
    int rc = note_pad_len(m, fields + 4);
    return rc < 0 ? rc : enter(m, MSE_SKIP_PAD_D);
}

static int on_pad_d(struct mse *m, struct chunked_buffer *in, struct text *out) {
    (void)out;
    return skip_pad(m, in) ? finish(m, in) : 0;
}

/* ---- responder -------------------------------------------------------------------------- */

/* Nothing is consumed: what comes in plain is left to the reader of plain handshakes. */
static int on_sniff(struct mse *m, struct chunked_buffer *in, struct text *out) {
    int plain = looks_plain(in);
    (void)out;
    if (plain == 0)
        return 0;
    if (plain > 0)
        return m->options.policy == MSE_REQUIRE ? ERR_REFUSED : finish(m, in);
    m->obfuscated = true;
    return m->options.policy == MSE_OFF ? ERR_PROTOCOL : enter(m, MSE_AWAIT_KEY_A);
}

static int on_key_a(struct mse *m, struct chunked_buffer *in, struct text *out) {
    int rc = say_key_and_pad(m, out); /* draws the secret */
    if (rc < 0 || (rc = share_key(m, in)) < 0 ||
        (rc = mse_hash(m->wanted, "req1", m->shared, MSE_KEY_LEN)) < 0)
        return rc;
    begin_search(m, SHA1_LEN);
    return enter(m, MSE_FIND_REQ1);
}

static int on_req1(struct mse *m, struct chunked_buffer *in, struct text *out) {
    (void)out;
    int rc = find_wanted(m, in);
    return rc <= 0 ? rc : enter(m, MSE_AWAIT_TORRENT);
}

static int on_torrent(struct mse *m, struct chunked_buffer *in, struct text *out) {
    uint8_t obfuscated[SHA1_LEN];
    (void)out;
    chunked_buffer_consume(in, obfuscated, sizeof obfuscated);
    int rc = mask_with_req3(m, obfuscated);
    if (rc < 0)
        return rc;
    if (!m->hooks->find(m->owner, obfuscated, m->info_hash))
        return ERR_NOTFOUND;
    rc = key_ciphers(m, "keyA", "keyB");
    return rc < 0 ? rc : enter(m, MSE_AWAIT_PROVIDE);
}

static uint32_t choose(const struct mse *m, uint32_t provide) {
    uint32_t both = provide & allowed(m);
    return both & MSE_PLAINTEXT ? MSE_PLAINTEXT : both;
}

/* The answer need not wait for the initial payload. */
static int on_provide(struct mse *m, struct chunked_buffer *in, struct text *out) {
    static const uint8_t vc[VC_LEN] = {0};
    uint8_t fields[FIELDS_LEN];
    read_decrypted(m, in, fields, sizeof fields);
    if (memcmp(fields, vc, sizeof vc) != 0)
        return ERR_PROTOCOL;
    m->select = choose(m, get_u32(fields + VC_LEN));
    if (!m->select)
        return ERR_REFUSED;
    int rc = note_pad_len(m, fields + VC_LEN + 4);
    if (rc < 0 || (rc = say_fields(m, out, m->select)) < 0)
        return rc;
    return enter(m, MSE_SKIP_PAD_C);
}

static int on_pad_c(struct mse *m, struct chunked_buffer *in, struct text *out) {
    (void)out;
    return skip_pad(m, in) ? enter(m, MSE_AWAIT_INITIAL) : 0;
}

static int on_initial_len(struct mse *m, struct chunked_buffer *in, struct text *out) {
    uint8_t raw[2];
    (void)out;
    read_decrypted(m, in, raw, sizeof raw);
    m->left = get_u16(raw);
    return enter(m, MSE_READ_INITIAL);
}

/* Encrypted, whatever follows it. */
static int on_initial(struct mse *m, struct chunked_buffer *in, struct text *out) {
    (void)out;
    size_t len = MIN(m->left, chunked_buffer_length(in));
    int rc = keep(m, in, len, true);
    if (rc < 0)
        return rc;
    m->left -= len;
    return m->left ? 0 : finish(m, in);
}

/* ---- the machine ------------------------------------------------------------------------ */

/* A step is called with at least `need` bytes in the buffer: 1 it went on to another state,
 * 0 it needs more than there is, < 0 an error. */
static const struct {
    size_t need;
    int (*step)(struct mse *m, struct chunked_buffer *in, struct text *out);
} states[MSE_DONE] = {
    [MSE_GREET] = {0, on_greet},
    [MSE_AWAIT_KEY_B] = {HANDSHAKE_WORD_LEN, on_key_b},
    [MSE_FIND_VC] = {VC_LEN, on_vc},
    [MSE_AWAIT_SELECT] = {FIELDS_LEN - VC_LEN, on_select},
    [MSE_SKIP_PAD_D] = {0, on_pad_d},
    [MSE_SNIFF] = {1, on_sniff},
    [MSE_AWAIT_KEY_A] = {MSE_KEY_LEN, on_key_a},
    [MSE_FIND_REQ1] = {SHA1_LEN, on_req1},
    [MSE_AWAIT_TORRENT] = {SHA1_LEN, on_torrent},
    [MSE_AWAIT_PROVIDE] = {FIELDS_LEN, on_provide},
    [MSE_SKIP_PAD_C] = {0, on_pad_c},
    [MSE_AWAIT_INITIAL] = {2, on_initial_len},
    [MSE_READ_INITIAL] = {0, on_initial},
};

static int step(struct mse *m, struct chunked_buffer *in, struct text *out) {
    if (chunked_buffer_length(in) < states[m->state].need)
        return 0;
    int rc = states[m->state].step(m, in, out);
    return out->failed ? ERR_NOMEM : rc;
}

int mse_advance(struct mse *m, struct chunked_buffer *in, struct text *out) {
    int rc = 1;
    while (m->state < MSE_DONE && (rc = step(m, in, out)) > 0)
        ;
    if (rc < 0) {
        m->error = rc;
        m->state = MSE_FAILED;
    }
    return m->state == MSE_FAILED ? m->error : m->state == MSE_DONE;
}

static void init(struct mse *m, enum mse_state state, const struct mse_options *options,
                 const struct mse_hooks *hooks, void *owner) {
    memset(m, 0, sizeof *m);
    m->state = state;
    m->options = *options;
    m->hooks = hooks;
    m->owner = owner;
    text_init(&m->rest);
}

void mse_init_outgoing(struct mse *m, const struct mse_options *options,
                       const uint8_t info_hash[20], struct span initial,
                       const struct mse_hooks *hooks, void *owner) {
    assert(initial.len <= sizeof m->initial);
    init(m, MSE_GREET, options, hooks, owner);
    memcpy(m->info_hash, info_hash, sizeof m->info_hash);
    if (initial.len)
        memcpy(m->initial, initial.data, initial.len);
    m->initial_len = initial.len;
}

void mse_init_incoming(struct mse *m, const struct mse_options *options,
                       const struct mse_hooks *hooks, void *owner) {
    init(m, MSE_SNIFF, options, hooks, owner);
}

void mse_fini(struct mse *m) {
    text_free(&m->rest);
}
