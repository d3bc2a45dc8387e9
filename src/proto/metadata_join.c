/* metadata_join: what arrives of the metadata is kept, put together and compared with the info-hash. When
 * that is another, all who sent a part are suspects: one alone is barred, of several each is asked
 * alone from then on. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/metadata_fetch_private.h"

/* -- a mismatch ---------------------------------------------------------------------- */

static void note_suspect(struct metadata_fetch *f, handle peer) {
    struct metadata_source *s = metadata_source_of(f, peer);
    if (s)
        s->suspect = true;
    for (uint32_t i = 0; i < f->suspect_count; i++)
        if (f->suspects[i] == peer)
            return;
    if (f->suspect_count < METADATA_MAX_PEERS)
        f->suspects[f->suspect_count++] = peer;
}

static int on_mismatch(struct metadata_fetch *f) {
    f->suspect_count = 0;
    for (uint32_t i = 0; i < f->pieces; i++)
        note_suspect(f, f->blocks[i].sender);
    struct metadata_source *s = metadata_source_of(f, f->suspects[0]);
    if (f->suspect_count > 1)
        f->alone = true;
    else if (s)
        metadata_bar(f, s);
    metadata_start_over(f, f->size);
    f->loner = 0;
    f->alone_until = USEC_NEVER;
    f->stale = true;
    return ERR_HASH;
}

/* -- a whole ------------------------------------------------------------------------- */

/* All pieces in one, or NULL. */
static uint8_t *join(const struct metadata_fetch *f) {
    uint8_t *whole = malloc(f->size);
    for (uint32_t i = 0; whole && i < f->pieces; i++)
        memcpy(whole + (size_t)i * METADATA_PIECE, f->blocks[i].data,
               metadata_piece_len(f->size, i));
    return whole;
}

static int finish(struct metadata_fetch *f) {
    uint8_t digest[SHA1_LEN];
    uint8_t *whole = join(f);
    if (!whole || sha1(digest, whole, f->size) < 0) {
        free(whole);
        return ERR_NOMEM;
    }
    if (memcmp(digest, f->info_hash, SHA1_LEN) != 0) {
        free(whole);
        return on_mismatch(f);
    }
    f->done = true;
    f->result = whole;
    metadata_start_over(f, f->size);
    return 1;
}

/* Keeps the bytes; when memory for the last step is out it is as if they had not come. */
static int store(struct metadata_fetch *f, handle peer, const struct ut_metadata *d) {
    struct metadata_block *b = &f->blocks[d->piece];
    if (b->data)
        return 0;
    b->data = malloc(d->payload.len);
    if (!b->data)
        return ERR_NOMEM;
    memcpy(b->data, d->payload.data, d->payload.len);
    b->sender = peer;
    if (++f->received < f->pieces)
        return 0;
    int rc = finish(f);
    if (rc == ERR_NOMEM) {
        free(b->data);
        b->data = NULL;
        f->received--;
    }
    return rc;
}

int metadata_fetch_on_data(struct metadata_fetch *f, handle peer,
                           const struct ut_metadata *d, usec now) {
    struct metadata_source *s = metadata_source_of(f, peer);
    struct metadata_request *q = s ? metadata_request_of(s, d->piece) : NULL;
    (void)now;
    if (f->done)
        return 0;
    if (!q)
        return ERR_NOTFOUND;
    if ((d->total_size && d->total_size != f->size) ||
        d->payload.len != metadata_piece_len(f->size, d->piece)) {
        metadata_bar(f, s);
        return ERR_PROTOCOL;
    }
    metadata_release(f, q);
    s->failures = 0;
    s->quiet_until = 0; /* slow, but there */
    return store(f, peer, d);
}
