/* urgent: see the header. */
#include "swarm/urgent.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "codec/wire.h"

#define FIRST_CAP 32u
#define ETA_MOST (600 * USEC_PER_SEC)

/* ---- the set ----------------------------------------------------------------------------- */

void urgent_init(struct urgent *u) {
    *u = (struct urgent){0};
}

void urgent_fini(struct urgent *u) {
    free(u->of);
    urgent_init(u);
}

void urgent_clear(struct urgent *u) {
    u->count = 0;
}

static int grow(struct urgent *u) {
    uint32_t cap = u->cap ? u->cap * 2 : FIRST_CAP;
    struct urgent_piece *of = realloc(u->of, cap * sizeof *of);
    if (!of)
        return ERR_NOMEM;
    u->of = of, u->cap = cap;
    return 0;
}

int urgent_add(struct urgent *u, uint32_t piece, usec due) {
    if (u->count == u->cap && grow(u) < 0)
        return ERR_NOMEM;
    u->of[u->count++] = (struct urgent_piece){piece, due, USEC_NEVER};
    return 0;
}

static int by_piece(const void *a, const void *b) {
    const struct urgent_piece *x = a, *y = b;
    if (x->piece != y->piece)
        return x->piece < y->piece ? -1 : 1;
    return (x->due > y->due) - (x->due < y->due);
}

static int by_due(const void *a, const void *b) {
    const struct urgent_piece *x = a, *y = b;
    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    return (x->piece > y->piece) - (x->piece < y->piece);
}

static void sort(struct urgent *u, int (*order)(const void *a, const void *b)) {
    if (u->count > 1)
        qsort(u->of, u->count, sizeof *u->of, order);
}

void urgent_settle(struct urgent *u) {
    uint32_t kept = 0;
    sort(u, by_piece);
    for (uint32_t i = 0; i < u->count; i++)
        if (!kept || u->of[kept - 1].piece != u->of[i].piece)
            u->of[kept++] = u->of[i];
    u->count = kept;
}

void urgent_limit(struct urgent *u, uint32_t n) {
    if (u->count <= n)
        return;
    sort(u, by_due);
    u->count = n;
    sort(u, by_piece);
}

const struct urgent_piece *urgent_find(const struct urgent *u, uint32_t piece) {
    uint32_t low = 0, high = u->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (u->of[mid].piece < piece)
            low = mid + 1;
        else
            high = mid;
    }
    return low < u->count && u->of[low].piece == piece ? &u->of[low] : NULL;
}

/* ---- speed ------------------------------------------------------------------------------- */

static usec time_for(uint64_t bytes, uint64_t rate) {
    double seconds = (double)bytes / (double)MAX(rate, 1);
    double most = (double)ETA_MOST / (double)USEC_PER_SEC;
    return (usec)(MIN(seconds, most) * (double)USEC_PER_SEC);
}

/* Who has been silent for longer than that will hardly answer at once. */
usec urgent_eta(const struct urgent_speed *s) {
    uint64_t blocks = (uint64_t)s->outstanding + 1;
    usec eta = urgent_is_proven(s) ? s->delay + time_for(blocks * WIRE_BLOCK, s->rate)
                                   : (usec)blocks * URGENT_GUESS;
    return MIN(MAX(eta, s->silent), ETA_MOST);
}

usec urgent_eta_idle(const struct urgent_speed *s) {
    struct urgent_speed idle = *s;
    idle.outstanding = 0;
    return urgent_eta(&idle);
}

/* One that comes, one that is on its way there; and what the path takes. */
bool urgent_is_busy(const struct urgent_speed *s) {
    uint64_t bytes = (uint64_t)s->outstanding * WIRE_BLOCK;
    return s->outstanding >= 2 &&
           (!urgent_is_proven(s) || time_for(bytes, s->rate) >= s->delay);
}

usec urgent_patience(const struct urgent_speed *s) {
    usec eta = urgent_eta(s);
    usec patience = eta + eta / 2 + s->deviation / 2 + URGENT_MARGIN;
    return urgent_is_proven(s) ? patience : MIN(patience, URGENT_TRUST);
}

/* What is asked now for later is in the way of what will be awaited next. */
uint32_t urgent_depth(const struct urgent_speed *s) {
    if (!urgent_is_proven(s))
        return UINT32_MAX;
    usec span = 2 * s->delay + s->deviation + URGENT_QUEUE;
    double blocks = (double)s->rate * (double)span / (double)USEC_PER_SEC / WIRE_BLOCK;
    return (uint32_t)MIN(blocks, 1e6) + 4;
}

/* ---- pace -------------------------------------------------------------------------------- */

struct holders {
    uint32_t count, proven;
    uint64_t rate; /* of the proven ones together */
    usec best, best_unproven;
};

static struct holders holders_of(const struct urgent_piece *u,
                                 const struct urgent_peer *peers, uint32_t n) {
    struct holders h = {.best = USEC_NEVER, .best_unproven = USEC_NEVER};
    for (uint32_t i = 0; i < n; i++) {
        const struct urgent_peer *p = &peers[i];
        if (!bitset_has(p->has, u->piece))
            continue;
        h.count++;
        h.rate += p->rate;
        h.proven += p->rate > 0;
        usec *best = p->rate > 0 ? &h.best : &h.best_unproven;
        *best = MIN(*best, p->eta);
    }
    return h;
}

/* The whole piece from all proven holders at once takes `together`; twice the best one's time
 * lets those in who are not much worse than it. A lone holder has no choice. */
static usec pace_of(const struct holders *h, uint32_t piece_length) {
    if (h->count < 2)
        return USEC_NEVER;
    if (!h->proven)
        return 2 * h->best_unproven;
    usec together = time_for(piece_length, h->rate);
    return MAX(2 * h->best, h->best + together) + URGENT_MARGIN;
}

void urgent_set_pace(struct urgent *u, const struct urgent_peer *peers, uint32_t n,
                     uint32_t piece_length) {
    sort(u, by_due);
    for (uint32_t i = 0; i < u->count; i++) {
        u->of[i].pace = USEC_NEVER;
        if (i >= URGENT_PACED)
            continue;
        struct holders h = holders_of(&u->of[i], peers, n);
        u->of[i].pace = pace_of(&h, piece_length);
    }
    sort(u, by_piece);
}
