/* mse: Message Stream Encryption, also called Protocol Encryption: a connection begins with
 * what looks like noise, and goes on in RC4 or in the clear. No I/O: bytes in, bytes out.
 *
 *     initiator A                                             responder B
 *
 *     Ya 96 | PadA 0..512                   ------------->
 *                                           <-------------    Yb 96 | PadB 0..512
 *     H("req1", S) 20 |
 *     H("req2", SKEY) ^ H("req3", S) 20 |   ------------->
 *     A{ VC 8 | provide 4 | len 2 | PadC 0..512 | len 2 | IA }
 *                                           <-------------    B{ VC 8 | select 4 | len 2 |
 *                                                                PadD 0..512 } payload
 *     payload                               ------------->
 *
 * Ya and Yb are Diffie-Hellman keys and S is what both make of them. SKEY, which both must
 * know already, is the info-hash. A{ } and B{ } are RC4 under H("keyA", S, SKEY) and
 * H("keyB", S, SKEY). IA, the initial payload, is the BitTorrent handshake of A, so that all
 * this costs one round trip. provide and select say what follows: payload in the clear (1) or
 * on in the same RC4 streams (2).
 *
 * No length tells where PadA and PadB end. B looks for H("req1", S), A looks for the eight
 * bytes that B's VC of zeros must be: it has to begin within 512 bytes, and who does not have
 * it by then speaks something else. */
#ifndef MARE_MSE_H
#define MARE_MSE_H

#include "base/bytes.h"
#include "base/chunked_buffer.h"
#include "proto/handshake.h"
#include "proto/mse_crypto.h"

#define MSE_PAD_MAX 512

enum mse_policy {
    MSE_OFF,    /* plain BitTorrent, both ways */
    MSE_PREFER, /* dial encrypted (to dial again in plain is the caller's); accept both */
    MSE_REQUIRE, /* whoever comes in plain is refused */
};

enum mse_crypto { MSE_PLAINTEXT = 1, MSE_RC4 = 2 }; /* bits of provide and select */

struct mse_options {
    enum mse_policy policy;
    /* The payload may go in the clear after an encrypted handshake: enough against boxes that
     * look at the beginning only, and it costs neither a copy nor RC4. As responder we choose
     * it where it is offered. */
    bool plaintext;
};

struct mse_hooks {
    /* Responder: which of our torrents has this mse_obfuscate()d info-hash? The initiator's
     * may be NULL. */
    bool (*find)(void *owner, const uint8_t obfuscated[20], uint8_t info_hash_out[20]);
    /* Private keys and pads: 0 or an error. NULL = the kernel's (rng_secret); others are for
     * specs. */
    int (*random)(void *owner, void *out, size_t len);
};

enum mse_state {
    MSE_GREET, /* initiator: nothing is said yet */
    MSE_AWAIT_KEY_B,
    MSE_FIND_VC,
    MSE_AWAIT_SELECT,
    MSE_SKIP_PAD_D,
    MSE_SNIFF, /* responder: plain BitTorrent, or a key? */
    MSE_AWAIT_KEY_A,
    MSE_FIND_REQ1,
    MSE_AWAIT_TORRENT,
    MSE_AWAIT_PROVIDE,
    MSE_SKIP_PAD_C,
    MSE_AWAIT_INITIAL,
    MSE_READ_INITIAL,
    MSE_DONE,
    MSE_FAILED,
};

struct mse {
    /* Told when done. `in` and `out` are as they must go on: take copies and drop the rest of
     * this, which only the handshake needs. */
    bool obfuscated; /* MSE was spoken; else it is plain BitTorrent */
    bool encrypted;  /* all that follows goes through the ciphers */
    struct mse_cipher in, out;
    uint8_t
        info_hash[20]; /* if obfuscated: the handshake inside must name the same one */
    struct text rest;  /* came already, decrypted: to be read before anything else */

    enum mse_state state;
    int error; /* when MSE_FAILED */
    const struct mse_hooks *hooks;
    void *owner;
    struct mse_options options;
    uint8_t initial[HANDSHAKE_LEN];
    size_t initial_len;
    uint8_t secret[MSE_SECRET_LEN], shared[MSE_KEY_LEN];
    uint8_t wanted[SHA1_LEN]; /* what is searched for */
    size_t wanted_len;
    size_t left; /* bytes to be searched, skipped or read in this state */
    uint32_t select;
};

/* `initial` (at most HANDSHAKE_LEN bytes, copied) goes out with the rest: in plain if the
 * policy is MSE_OFF. The hooks stay the caller's. */
void mse_init_outgoing(struct mse *m, const struct mse_options *options,
                       const uint8_t info_hash[20], struct span initial,
                       const struct mse_hooks *hooks, void *owner);
void mse_init_incoming(struct mse *m, const struct mse_options *options,
                       const struct mse_hooks *hooks, void *owner);
void mse_fini(struct mse *m);

/* Takes from `in` what it can use, adds to `out` what is to be sent. The initiator's first
 * call needs no bytes: it says its key.
 *
 * 1: done, `in` is empty, see the fields above (`out` may still have something to send);
 * 0: more bytes needed (what stays in `in` is less than MSE_KEY_LEN);
 * ERR_PROTOCOL  the other side speaks something else, or this wrongly
 * ERR_LIMIT     a pad is longer than it may be
 * ERR_NOTFOUND  the torrent is none of ours
 * ERR_REFUSED   plain where encryption is required, or no crypto that both sides take
 * ERR_NOMEM, ERR_UNSUPPORTED (no RC4), and what `random` returns.
 * Errors end the connection; they come again at each call. How long all may take is the
 * caller's to say. */
int mse_advance(struct mse *m, struct chunked_buffer *in, struct text *out) MUST_USE;

#endif
