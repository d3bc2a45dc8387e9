/* ahead: see the header.
 *
 *     buffer   [ hashed | prefix, in a job now | received here and there | ... ]
 *                       ^ stream goes on here
 *
 * The job reads bytes that nobody writes any more: blocks before `prefix` are received. The piece
 * is `held` meanwhile, so its buffer stays. */
#include "engine/ahead.h"

#include <stdlib.h>

#include "engine/store.h"
#include "io/jobs.h"

#define AHEAD_PIECE \
    (8u << 20) /* smaller ones gather at their end (store) and share a loop there */
#define AHEAD_STEP (1u << 20)    /* so much at least is worth a job */
#define AHEAD_ALONG (256u << 10) /* ... and so much of other pieces goes along */

struct ahead {
    struct job job;
    struct torrent *torrent;
    uint32_t n;
    struct active_piece *piece[HASH_LANES];
    struct lane lane[HASH_LANES];
};

static uint32_t waiting(const struct active_piece *p) {
    if (p->held || !p->buffer || p->prefix == p->blocks)
        return 0;
    return p->prefix * WIRE_BLOCK - p->hashed;
}

static void take(struct ahead *a, struct active_piece *p) {
    a->lane[a->n] = (struct lane){p->buffer + p->hashed, waiting(p), NULL, &p->stream};
    a->piece[a->n++] = p;
    p->held = true;
}

static void run(struct job *job) {
    struct ahead *a = CONTAINER_OF(job, struct ahead, job);
    sha1_lanes(a->lane, a->n);
}

static void done(struct job *job, int status) {
    struct ahead *a = CONTAINER_OF(job, struct ahead, job);
    struct torrent *t = a->torrent;
    t->jobs--;
    t->aheads--;
    t->session->stats.hash_nsec += (uint64_t)job->nsec;
    for (uint32_t i = 0; i < a->n; i++) {
        struct active_piece *p = a->piece[i];
        p->held = false;
        if (status == 0)
            p->hashed += (uint32_t)a->lane[i].len;
        if (active_piece_has_all(p))
            store_on_complete(t, p);
    }
    free(a);
}

static void take_along(struct ahead *a, const struct active_pieces *open) {
    LIST_EACH(l, &open->list) {
        struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if (a->n < HASH_LANES && waiting(p) >= AHEAD_ALONG)
            take(a, p);
    }
}

/* No memory for a job: all is hashed at the end then. */
static void give_up(struct ahead *a) {
    for (uint32_t i = 0; i < a->n; i++)
        a->piece[i]->held = false;
    free(a);
}

void ahead_on_block(struct torrent *t, struct active_piece *p) {
    if (p->length < AHEAD_PIECE || waiting(p) < AHEAD_STEP)
        return;
    struct ahead *a = calloc(1, sizeof *a);
    if (!a)
        return;
    a->torrent = t;
    a->job.run = run, a->job.done = done;
    take(a, p);
    take_along(a, &t->open);
    if (jobs_submit(t->session->loop, &a->job) < 0) {
        give_up(a);
        return;
    }
    t->jobs++;
    t->aheads++;
}
