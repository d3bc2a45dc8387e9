/* encryption: see the header. */
#include "engine/encryption.h"

#include <string.h>

static struct mse_options options_of(const struct session *s) {
    enum mse_policy policy = s->settings.encryption;
    return (struct mse_options){policy, policy == MSE_PREFER};
}

/* ---- dialling --------------------------------------------------------------------------- */

bool encryption_begins(const struct peer *p) {
    enum mse_policy policy = p->session->settings.encryption;
    bool plain_works = p->candidate && p->candidate->plain_works;
    return policy == MSE_REQUIRE || (policy == MSE_PREFER && !plain_works);
}

struct stream *encryption_dial(struct peer *p, struct stream *inner) {
    struct mse_options options = options_of(p->session);
    uint8_t handshake[HANDSHAKE_LEN];
    if (!p->dials_encrypted)
        return inner;
    struct span initial = {handshake, sizeof handshake};
    peer_handshake(p, handshake);
    return mse_stream_dial(p->session->loop, inner, &options, p->torrent->info_hash,
                           initial);
}

/* A connection that never stood says nothing of what would have been understood. */
bool encryption_try_other(struct peer *p) {
    if (p->session->settings.encryption != MSE_PREFER || p->incoming ||
        p->dialled_twice || p->session->closed)
        return false;
    if (p->dials_encrypted ? !mse_stream_connected(p->stream)
                           : p->state != PEER_HANDSHAKE)
        return false;
    p->dialled_twice = true;
    p->dials_encrypted = !p->dials_encrypted;
    return true;
}

void encryption_note_works(struct peer *p) {
    if (p->candidate && !p->incoming)
        p->candidate->plain_works = !p->dials_encrypted;
}

/* ---- being dialled ---------------------------------------------------------------------- */

static bool find_torrent(void *owner, const uint8_t obfuscated[20],
                         uint8_t info_hash_out[20]) {
    const struct session *s = owner;
    const struct torrent *t = digest_map_find(&s->by_obfuscated, obfuscated);
    if (t)
        memcpy(info_hash_out, t->info_hash, sizeof t->info_hash);
    return t != NULL;
}

static const struct mse_hooks hooks = {.find = find_torrent};

struct stream *encryption_accept(struct peer *p, struct stream *inner) {
    struct mse_options options = options_of(p->session);
    if (options.policy == MSE_OFF)
        return inner;
    p->sniffed = true;
    return mse_stream_accept(p->session->loop, inner, &options, &hooks, p->session);
}

/* ---- how it turned out ------------------------------------------------------------------ */

static bool is_filtered(const struct peer *p) {
    return p->stream && (p->dials_encrypted || p->sniffed);
}

bool encryption_fits(const struct peer *p, const uint8_t info_hash[20]) {
    const uint8_t *known = is_filtered(p) ? mse_stream_info_hash(p->stream) : NULL;
    return !known || memcmp(known, info_hash, 20) == 0;
}

const char *encryption_name(const struct peer *p) {
    if (!is_filtered(p) || !mse_stream_info_hash(p->stream))
        return NULL;
    return mse_stream_encrypted(p->stream) ? "rc4" : "handshake";
}
