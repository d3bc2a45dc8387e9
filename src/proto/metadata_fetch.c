/* metadata_fetch: see the header.
 *
 *     sources   [peer: size, up to 4 requests] [peer ...] ...       who can be asked
 *                         |
 *     blocks    [16 KiB | sender] [missing, 2 asked] [missing] ...  of the size that is tried
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

#define MAX_PATIENCE 8 /* most times that METADATA_QUIET is multiplied with */

struct request {
    uint32_t piece;
    usec due; /* 0 = unused; USEC_NEVER = given up, but may be answered yet */
};

struct source {
    handle peer;
    uint32_t size;
    bool barred;
    bool suspect;     /* had a part in something wrong */
    uint8_t failures; /* rejects and timeouts since it last gave something */
    usec quiet_until; /* 0 = may be asked */
    struct request asked[METADATA_PIPELINE];
};

struct block {
    uint8_t *data; /* NULL = missing */
    handle sender;
    uint32_t askers; /* peers that were asked for it and have time left */
};

struct metadata_fetch {
    uint8_t info_hash[SHA1_LEN];
    struct source *sources;
    uint32_t source_count, source_cap;
    struct block *blocks;
    uint32_t block_cap;
    uint32_t size, pieces, received; /* of what is tried now; size 0 = nothing yet */
    bool stale;                      /* is it still the right thing to try? */
    bool alone;                      /* one peer at a time: */
    handle loner;                    /* this one, 0 = to be chosen, */
    usec alone_until;                /* so long; USEC_NEVER without one */
    handle suspects[METADATA_MAX_PEERS];
    uint32_t suspect_count;
    bool done;
    uint8_t *result;
};

struct metadata_fetch *metadata_fetch_new(const uint8_t info_hash[SHA1_LEN]) {
    struct metadata_fetch *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    memcpy(f->info_hash, info_hash, SHA1_LEN);
    f->alone_until = USEC_NEVER;
    return f;
}

/* -- requests ------------------------------------------------------------------------ */

static bool is_live(const struct request *q) {
    return q->due && q->due != USEC_NEVER;
}

static struct request *find_request(struct source *s, uint32_t piece) {
    for (size_t i = 0; i < METADATA_PIPELINE; i++)
        if (s->asked[i].due && s->asked[i].piece == piece)
            return &s->asked[i];
    return NULL;
}

static struct request *free_request(struct source *s) {
    for (size_t i = 0; i < METADATA_PIPELINE; i++)
        if (!is_live(&s->asked[i]))
            return &s->asked[i];
    return NULL;
}

/* Ends one: answered, refused or in vain. */
static void release(struct metadata_fetch *f, struct request *q) {
    if (is_live(q))
        f->blocks[q->piece].askers--;
    q->due = 0;
}

static void release_all(struct metadata_fetch *f, struct source *s) {
    for (size_t i = 0; i < METADATA_PIPELINE; i++)
        release(f, &s->asked[i]);
}

/* -- sources ------------------------------------------------------------------------- */

static struct source *find_source(const struct metadata_fetch *f, handle peer) {
    for (uint32_t i = 0; i < f->source_count; i++)
        if (f->sources[i].peer == peer)
            return &f->sources[i];
    return NULL;
}

static bool is_active(const struct source *s) {
    return !s->barred && !s->quiet_until;
}

static void bar(struct metadata_fetch *f, struct source *s) {
    release_all(f, s);
    s->barred = true;
    f->stale = true;
}

static void hush(struct metadata_fetch *f, struct source *s, usec now) {
    s->failures = (uint8_t)MIN(s->failures + 1, MAX_PATIENCE);
    s->quiet_until = now + METADATA_QUIET * s->failures;
    f->stale = true;
}

/* Blocks for the largest size that was ever named: to change the size then needs
 * nothing. */
static int grow_blocks(struct metadata_fetch *f, uint32_t pieces) {
    if (pieces <= f->block_cap)
        return 0;
    struct block *blocks = realloc(f->blocks, pieces * sizeof *blocks);
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
    f->sources[f->source_count++] = (struct source){.peer = peer, .size = size};
    f->stale = true;
    return 0;
}

int metadata_fetch_on_peer(struct metadata_fetch *f, handle peer, uint32_t size) {
    struct source *s = find_source(f, peer);
    if (s && s->size == size)
        return s->barred ? ERR_PROTOCOL : 0;
    if (s) {
        bar(f, s);
        return ERR_PROTOCOL;
    }
    return size && size <= METAINFO_MAX_INFO ? add_source(f, peer, size) : ERR_LIMIT;
}

void metadata_fetch_on_gone(struct metadata_fetch *f, handle peer) {
    struct source *s = find_source(f, peer);
    if (!s)
        return;
    release_all(f, s);
    *s = f->sources[--f->source_count];
    f->stale = true;
}

/* -- what is tried ------------------------------------------------------------------- */

static void start_over(struct metadata_fetch *f, uint32_t size) {
    for (uint32_t i = 0; i < f->source_count; i++)
        release_all(f, &f->sources[i]);
    for (uint32_t i = 0; i < f->pieces; i++) {
        free(f->blocks[i].data);
        f->blocks[i] = (struct block){0};
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
        start_over(f, best);
}

static bool better_alone(const struct source *a, const struct source *b) {
    if (a->failures != b->failures)
        return a->failures < b->failures;
    return a->suspect < b->suspect;
}

/* Slow is fine, but not slow without end: half a minute and a quarter of a second for
 * each piece, twice that the next time. */
static void start_alone(struct metadata_fetch *f, const struct source *s, usec now) {
    start_over(f, s->size);
    f->loner = s->peer;
    f->alone_until = now + ((METADATA_QUIET + f->pieces * USEC_PER_SEC / 4)
                            << MIN(s->failures, MAX_PATIENCE));
}

static void settle_loner(struct metadata_fetch *f, usec now) {
    const struct source *best = find_source(f, f->loner);
    if (best && is_active(best))
        return;
    best = NULL;
    for (uint32_t i = 0; i < f->source_count; i++) {
        const struct source *s = &f->sources[i];
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
static bool pick(const struct metadata_fetch *f, struct source *s, uint32_t *piece) {
    uint32_t fewest = METADATA_COPIES;
    for (uint32_t i = 0; i < f->pieces && fewest; i++) {
        const struct block *b = &f->blocks[i];
        if (!b->data && b->askers < fewest && !find_request(s, i)) {
            fewest = b->askers;
            *piece = i;
        }
    }
    return fewest < METADATA_COPIES;
}

bool metadata_fetch_next_request(struct metadata_fetch *f, handle peer, usec now,
                                 uint32_t *piece) {
    struct source *s = find_source(f, peer);
    if (!s || f->done)
        return false;
    settle(f, now);
    if (!is_active(s) || s->size != f->size || (f->alone && f->loner != peer))
        return false;
    struct request *q = free_request(s);
    if (!q || !pick(f, s, piece))
        return false;
    *q = (struct request){*piece, now + METADATA_TIMEOUT};
    f->blocks[*piece].askers++;
    return true;
}

void metadata_fetch_on_reject(struct metadata_fetch *f, handle peer, uint32_t piece,
                              usec now) {
    struct source *s = find_source(f, peer);
    struct request *q = s ? find_request(s, piece) : NULL;
    if (!q)
        return;
    release(f, q);
    hush(f, s, now);
}

/* -- what arrives -------------------------------------------------------------------- */

static void note_suspect(struct metadata_fetch *f, handle peer) {
    struct source *s = find_source(f, peer);
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
    struct source *s = find_source(f, f->suspects[0]);
    if (f->suspect_count > 1)
        f->alone = true;
    else if (s)
        bar(f, s);
    start_over(f, f->size);
    f->loner = 0;
    f->alone_until = USEC_NEVER;
    f->stale = true;
    return ERR_HASH;
}

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
    start_over(f, f->size);
    return 1;
}

/* Keeps the bytes; when memory for the last step is out it is as if they had not come. */
static int store(struct metadata_fetch *f, handle peer, const struct ut_metadata *d) {
    struct block *b = &f->blocks[d->piece];
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
    struct source *s = find_source(f, peer);
    struct request *q = s ? find_request(s, d->piece) : NULL;
    (void)now;
    if (f->done)
        return 0;
    if (!q)
        return ERR_NOTFOUND;
    if ((d->total_size && d->total_size != f->size) ||
        d->payload.len != metadata_piece_len(f->size, d->piece)) {
        bar(f, s);
        return ERR_PROTOCOL;
    }
    release(f, q);
    s->failures = 0;
    s->quiet_until = 0; /* slow, but there */
    return store(f, peer, d);
}

/* -- time ---------------------------------------------------------------------------- */

static void expire(struct metadata_fetch *f, struct source *s, usec now) {
    bool silent = false;
    for (size_t i = 0; i < METADATA_PIPELINE; i++) {
        struct request *q = &s->asked[i];
        if (!is_live(q) || q->due > now)
            continue;
        release(f, q);
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
    struct source *s = f->alone_until <= now ? find_source(f, f->loner) : NULL;
    if (f->alone_until <= now)
        f->alone_until = USEC_NEVER;
    if (s)
        hush(f, s, now);
    f->stale = true;
}

usec metadata_fetch_due(const struct metadata_fetch *f) {
    usec due = f->done ? USEC_NEVER : f->alone_until;
    for (uint32_t i = 0; i < f->source_count && !f->done; i++) {
        const struct source *s = &f->sources[i];
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
    start_over(f, 0);
    free(f->blocks);
    free(f->sources);
    free(f->result);
    free(f);
}
