/* metadata_fetch: see the header.
 *
 *     sources   [peer: size, up to 4 requests] [peer ...] ...       who can be asked
 *                         |
 *     blocks    [16 KiB | sender] [missing, 2 asked] [missing] ...  of the size that is tried
 *
 * Here is who is asked for what, and when again; what arrives is in metadata_join.
 *
 * What changes the choice of the size, or of the one peer that is asked alone, only notes
 * so (`stale`); the choice is made anew when the next request is wanted. There are at
 * most 200 sources and 1,920 blocks, so plain walks do. */
#include "proto/metadata_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/err.h"
#include "codec/metainfo.h"
#include "proto/metadata_fetch_private.h"

#define MAX_PATIENCE 8 /* most times that METADATA_QUIET is multiplied with */

struct metadata_fetch *metadata_fetch_new(const uint8_t info_hash[SHA1_LEN]) {
    struct metadata_fetch *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    memcpy(f->info_hash, info_hash, SHA1_LEN);
    f->alone_until = USEC_NEVER;
    return f;
}

/* -- requests ------------------------------------------------------------------------ */

static bool is_live(const struct metadata_request *q) {
    return q->due && q->due != USEC_NEVER;
}

struct metadata_request *metadata_request_of(struct metadata_source *s, uint32_t piece) {
    for (size_t i = 0; i < METADATA_PIPELINE; i++)
        if (s->asked[i].due && s->asked[i].piece == piece)
            return &s->asked[i];
    return NULL;
}

static struct metadata_request *free_request(struct metadata_source *s) {
    for (size_t i = 0; i < METADATA_PIPELINE; i++)
        if (!is_live(&s->asked[i]))
            return &s->asked[i];
    return NULL;
}

void metadata_release(struct metadata_fetch *f, struct metadata_request *q) {
    if (is_live(q))
        f->blocks[q->piece].askers--;
    q->due = 0;
}

static void release_all(struct metadata_fetch *f, struct metadata_source *s) {
    for (size_t i = 0; i < METADATA_PIPELINE; i++)
        metadata_release(f, &s->asked[i]);
}

/* -- sources ------------------------------------------------------------------------- */

struct metadata_source *metadata_source_of(const struct metadata_fetch *f, handle peer) {
    for (uint32_t i = 0; i < f->source_count; i++)
        if (f->sources[i].peer == peer)
            return &f->sources[i];
    return NULL;
}

static bool is_active(const struct metadata_source *s) {
    return !s->barred && !s->quiet_until;
}

void metadata_bar(struct metadata_fetch *f, struct metadata_source *s) {
    release_all(f, s);
    s->barred = true;
    f->stale = true;
}

static void hush(struct metadata_fetch *f, struct metadata_source *s, usec now) {
    s->failures = (uint8_t)MIN(s->failures + 1, MAX_PATIENCE);
    s->quiet_until = now + METADATA_QUIET * s->failures;
    f->stale = true;
}

/* Blocks for the largest size that was ever named: to change the size then needs
 * nothing. */
static int grow_blocks(struct metadata_fetch *f, uint32_t pieces) {
    if (pieces <= f->block_cap)
        return 0;
    struct metadata_block *blocks = realloc(f->blocks, pieces * sizeof *blocks);
    if (!blocks)
        return ERR_NOMEM;
    memset(blocks + f->block_cap, 0, (pieces - f->block_cap) * sizeof *blocks);
    f->blocks = blocks;
    f->block_cap = pieces;
    return 0;
}

static int add_source(struct metadata_fetch *f, handle peer, uint32_t size) {
    if (f->source_count == METADATA_MAX_PEERS)
        return ERR_LIMIT;
    if (ARRAY_ROOM(f->sources, f->source_count, f->source_cap) < 0 ||
        grow_blocks(f, metadata_pieces(size)) < 0)
        return ERR_NOMEM;
    f->sources[f->source_count++] = (struct metadata_source){.peer = peer, .size = size};
    f->stale = true;
    return 0;
}

int metadata_fetch_on_peer(struct metadata_fetch *f, handle peer, uint32_t size) {
    struct metadata_source *s = metadata_source_of(f, peer);
    if (s && s->size == size)
        return s->barred ? ERR_PROTOCOL : 0;
    if (s) {
        metadata_bar(f, s);
        return ERR_PROTOCOL;
    }
    return size && size <= METAINFO_MAX_INFO ? add_source(f, peer, size) : ERR_LIMIT;
}

void metadata_fetch_on_gone(struct metadata_fetch *f, handle peer) {
    struct metadata_source *s = metadata_source_of(f, peer);
    if (!s)
        return;
    release_all(f, s);
    *s = f->sources[--f->source_count];
    f->stale = true;
}

/* -- what is tried ------------------------------------------------------------------- */

void metadata_start_over(struct metadata_fetch *f, uint32_t size) {
    for (uint32_t i = 0; i < f->source_count; i++)
        release_all(f, &f->sources[i]);
    for (uint32_t i = 0; i < f->pieces; i++) {
        free(f->blocks[i].data);
        f->blocks[i] = (struct metadata_block){0};
    }
    f->size = size;
    f->pieces = metadata_pieces(size);
    f->received = 0;
}

static uint32_t votes_for(const struct metadata_fetch *f, uint32_t size) {
    uint32_t votes = 0;
    for (uint32_t i = 0; i < f->source_count; i++)
        votes += is_active(&f->sources[i]) && f->sources[i].size == size;
    return votes;
}

/* The size that most of those name who can be asked; the present one if it has as
 * many. */
static void settle_size(struct metadata_fetch *f) {
    uint32_t best = f->size, most = votes_for(f, f->size);
    if (most && f->received)
        return;
    for (uint32_t i = 0; i < f->source_count; i++) {
        uint32_t size = f->sources[i].size, votes = votes_for(f, size);
        if (votes > most)
            best = size, most = votes;
    }
    if (best != f->size)
        metadata_start_over(f, best);
}

static bool better_alone(const struct metadata_source *a,
                         const struct metadata_source *b) {
    if (a->failures != b->failures)
        return a->failures < b->failures;
    return a->suspect < b->suspect;
}

/* Slow is fine, but not slow without end: half a minute and a quarter of a second for
 * each piece, twice that the next time. */
static void start_alone(struct metadata_fetch *f, const struct metadata_source *s,
                        usec now) {
    metadata_start_over(f, s->size);
    f->loner = s->peer;
    f->alone_until = now + ((METADATA_QUIET + f->pieces * USEC_PER_SEC / 4)
                            << MIN(s->failures, MAX_PATIENCE));
}

static void settle_loner(struct metadata_fetch *f, usec now) {
    const struct metadata_source *best = metadata_source_of(f, f->loner);
    if (best && is_active(best))
        return;
    best = NULL;
    for (uint32_t i = 0; i < f->source_count; i++) {
        const struct metadata_source *s = &f->sources[i];
        if (is_active(s) && (!best || better_alone(s, best)))
            best = s;
    }
    if (best)
        start_alone(f, best, now);
}

static void settle(struct metadata_fetch *f, usec now) {
    if (!f->stale)
        return;
    if (f->alone)
        settle_loner(f, now);
    else
        settle_size(f);
    f->stale = false;
}

/* -- asking -------------------------------------------------------------------------- */

/* The missing piece that the fewest were asked for. */
static bool pick(const struct metadata_fetch *f, struct metadata_source *s,
                 uint32_t *piece) {
    uint32_t fewest = METADATA_COPIES;
    for (uint32_t i = 0; i < f->pieces && fewest; i++) {
        const struct metadata_block *b = &f->blocks[i];
        if (!b->data && b->askers < fewest && !metadata_request_of(s, i)) {
            fewest = b->askers;
            *piece = i;
        }
    }
    return fewest < METADATA_COPIES;
}

bool metadata_fetch_next_request(struct metadata_fetch *f, handle peer, usec now,
                                 uint32_t *piece) {
    struct metadata_source *s = metadata_source_of(f, peer);
    if (!s || f->done)
        return false;
    settle(f, now);
    if (!is_active(s) || s->size != f->size || (f->alone && f->loner != peer))
        return false;
    struct metadata_request *q = free_request(s);
    if (!q || !pick(f, s, piece))
        return false;
    *q = (struct metadata_request){*piece, now + METADATA_TIMEOUT};
    f->blocks[*piece].askers++;
    return true;
}

void metadata_fetch_on_reject(struct metadata_fetch *f, handle peer, uint32_t piece,
                              usec now) {
    struct metadata_source *s = metadata_source_of(f, peer);
    struct metadata_request *q = s ? metadata_request_of(s, piece) : NULL;
    if (!q)
        return;
    metadata_release(f, q);
    hush(f, s, now);
}

/* -- time ---------------------------------------------------------------------------- */

static void expire(struct metadata_fetch *f, struct metadata_source *s, usec now) {
    bool silent = false;
    for (size_t i = 0; i < METADATA_PIPELINE; i++) {
        struct metadata_request *q = &s->asked[i];
        if (!is_live(q) || q->due > now)
            continue;
        metadata_release(f, q);
        q->due = USEC_NEVER;
        silent = true;
    }
    if (silent)
        hush(f, s, now);
    else if (s->quiet_until <= now)
        s->quiet_until = 0;
}

void metadata_fetch_tick(struct metadata_fetch *f, usec now) {
    for (uint32_t i = 0; i < f->source_count; i++)
        expire(f, &f->sources[i], now);
    struct metadata_source *s =
        f->alone_until <= now ? metadata_source_of(f, f->loner) : NULL;
    if (f->alone_until <= now)
        f->alone_until = USEC_NEVER;
    if (s)
        hush(f, s, now);
    f->stale = true;
}

usec metadata_fetch_due(const struct metadata_fetch *f) {
    usec due = f->done ? USEC_NEVER : f->alone_until;
    for (uint32_t i = 0; i < f->source_count && !f->done; i++) {
        const struct metadata_source *s = &f->sources[i];
        for (size_t k = 0; k < METADATA_PIPELINE; k++)
            if (s->asked[k].due)
                due = MIN(due, s->asked[k].due);
        if (s->quiet_until && !s->barred)
            due = MIN(due, s->quiet_until);
    }
    return due;
}

/* -- the rest ------------------------------------------------------------------------ */

const handle *metadata_fetch_suspects(const struct metadata_fetch *f, uint32_t *count) {
    *count = f->suspect_count;
    return f->suspects;
}

bool metadata_fetch_done(const struct metadata_fetch *f) {
    return f->done;
}

uint8_t *metadata_fetch_take(struct metadata_fetch *f, size_t *len) {
    uint8_t *result = f->result;
    f->result = NULL;
    *len = result ? f->size : 0;
    return result;
}

uint32_t metadata_fetch_progress(const struct metadata_fetch *f, uint32_t *pieces) {
    *pieces = f->pieces;
    return f->done ? f->pieces : f->received;
}

void metadata_fetch_free(struct metadata_fetch *f) {
    if (!f)
        return;
    metadata_start_over(f, 0);
    free(f->blocks);
    free(f->sources);
    free(f->result);
    free(f);
}
