/* early: see the header. */
#include "engine/early.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/err.h"
#include "engine/peer.h"

/* What was kept counts no more. */
static void forget(struct peer *p) {
    struct early *e = &p->early;
    if (p->torrent)
        p->torrent->early_bytes -= e->len;
    free(e->bits);
    free(e->haves);
    *e = (struct early){.all = e->all, .lost = e->lost};
}

void early_fini(struct peer *p) {
    forget(p);
}

static int lose(struct peer *p) {
    forget(p);
    p->early.lost = true;
    return 0;
}

static int note_bit(struct early *e, uint32_t piece) {
    if (piece / 8 >= e->len)
        return ERR_PROTOCOL;
    e->bits[piece / 8] |= (uint8_t)(0x80u >> (piece & 7));
    return 0;
}

static bool reserve(struct early *e) {
    return e->count < EARLY_MAX_HAVES && ARRAY_ROOM(e->haves, e->count, e->cap) == 0;
}

int early_on_have(struct peer *p, uint32_t piece) {
    struct early *e = &p->early;
    if (piece >= METAINFO_MAX_PIECES)
        return ERR_PROTOCOL;
    if (e->all || e->lost)
        return 0;
    if (e->bits)
        return note_bit(e, piece);
    if (!reserve(e))
        return lose(p);
    e->haves[e->count++] = piece;
    return 0;
}

/* aria2 sends a BITFIELD in place of many HAVEs: a second one adds to the first. */
static int merge(struct peer *p, struct chunked_buffer *body, uint32_t len) {
    struct early *e = &p->early;
    uint8_t *bits = len == e->len ? malloc(len) : NULL;
    if (len != e->len)
        return ERR_PROTOCOL;
    if (!bits || !chunked_buffer_consume(body, bits, len)) {
        free(bits);
        return lose(p);
    }
    for (uint32_t i = 0; i < len; i++)
        e->bits[i] |= bits[i];
    free(bits);
    return 0;
}

static int keep(struct peer *p, struct chunked_buffer *body, uint32_t len) {
    struct early *e = &p->early;
    struct torrent *t = p->torrent;
    bool fits = len <= EARLY_MAX_TORRENT - t->early_bytes;
    uint8_t *bits = fits ? malloc(len) : NULL;
    if (!bits || !chunked_buffer_consume(body, bits, len)) {
        free(bits);
        return lose(p);
    }
    e->bits = bits, e->len = len;
    t->early_bytes += len;
    int status = 0;
    for (uint32_t i = 0; i < e->count && status == 0; i++)
        status = note_bit(e, e->haves[i]);
    e->count = 0;
    return status;
}

int early_on_bitfield(struct peer *p, struct chunked_buffer *body, uint32_t len) {
    if (len > bitset_bytes(METAINFO_MAX_PIECES))
        return ERR_PROTOCOL;
    p->got_pieces = true;
    if (p->early.all || p->early.lost)
        return 0;
    return p->early.bits ? merge(p, body, len) : keep(p, body, len);
}

int early_on_have_all(struct peer *p) {
    if (p->got_pieces || p->early.count > 0)
        return ERR_PROTOCOL;
    p->got_pieces = p->early.all = true;
    return 0;
}

/* ---- the metadata has come --------------------------------------------------------------- */

static int apply_haves(struct peer *p) {
    for (uint32_t i = 0; i < p->early.count; i++) {
        if (p->early.haves[i] >= p->has.size)
            return ERR_PROTOCOL;
        (void)bitset_add(&p->has, p->early.haves[i]);
    }
    return 0;
}

/* 0; ERR_PROTOCOL when that cannot be of this torrent; ERR_BUSY when it is to be said again. */
static int apply(struct peer *p) {
    struct early *e = &p->early;
    int status = 0;
    if (e->lost)
        status = ERR_BUSY;
    else if (e->all)
        bitset_fill(&p->has);
    else if (e->bits)
        status = bitset_load(&p->has, e->bits, e->len) < 0 ? ERR_PROTOCOL : 0;
    else
        status = apply_haves(p);
    if (status < 0)
        bitset_clear(&p->has);
    forget(p);
    return status;
}

static const char *why_unfit(int status) {
    switch (status) {
    case ERR_BUSY: return "said more than could be kept before the metadata came";
    case ERR_NOMEM: return "out of memory";
    default: return "what it has cannot be of this torrent";
    }
}

void peer_on_metadata(struct peer *p) {
    uint32_t pieces = p->torrent->meta->pieces;
    struct bitset has = {0};
    int status = bitset_init(&has, pieces);
    bitset_fini(&p->has);
    if (status == 0) {
        p->has = has;
        p->reader.pieces = pieces;
        status = apply(p);
    }
    if (status < 0) {
        bitset_fini(&p->has); /* nothing of it was counted */
        peer_close(p, status, why_unfit(status));
        return;
    }
    if (p->got_pieces || p->has.count > 0)
        (void)peer_on_first_pieces(p);
    if (p->state == PEER_READY)
        peer_say_extensions(p); /* now we have the metadata, too */
}
