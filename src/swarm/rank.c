/* rank: see the header for what it is. A piece that enters or leaves opens or closes a gap. The
 * gap travels over the later groups by one move each, from a group's one end to its other;
 * their members stay theirs:
 *
 *     [ a a a | b b | c c c ] _         an `a` comes in: the gap is at the end
 *     [ a a a | b b | _ c c c ]         the first c went to the end
 *     [ a a a | _ b b | c c c ]         the first b too: now the gap ends group a
 *
 * Inside a group every order is equally likely, and stays so: a newcomer changes places with
 * a random member, and gaps are filled without looking at who it is that moves. */
#include "swarm/rank.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

#define GROUPS (RANK_TOP_PRIORITY * RANK_LEVELS)

int rank_init(struct rank *r, uint32_t pieces, struct rng *rng) {
    size_t n = MAX(pieces, 1u);
    *r = (struct rank){.rng = rng};
    r->order = malloc(n * sizeof *r->order);
    r->at = malloc(n * sizeof *r->at);
    r->group_end = calloc(GROUPS, sizeof *r->group_end);
    if (!r->order || !r->at || !r->group_end) {
        rank_fini(r);
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < pieces; i++)
        r->at[i] = RANK_NONE;
    return 0;
}

void rank_fini(struct rank *r) {
    free(r->order);
    free(r->at);
    free(r->group_end);
    *r = (struct rank){.count = 0};
}

/* -- groups ------------------------------------------------------------------------------- */

static uint32_t level_of(uint32_t availability) {
    return MIN(availability, (uint32_t)RANK_LEVELS - 1);
}

uint32_t rank_group(int priority, uint32_t availability) {
    assert(priority > 0 && priority <= RANK_TOP_PRIORITY);
    return (uint32_t)(RANK_TOP_PRIORITY - priority) * RANK_LEVELS +
           level_of(availability);
}

static uint32_t group_after(const struct rank *r, uint32_t group) {
    if (group % RANK_LEVELS < r->top)
        return group + 1;
    return (group / RANK_LEVELS + 1) * RANK_LEVELS; /* the next priority's first */
}

/* Not for group 0. */
static uint32_t group_before(const struct rank *r, uint32_t group) {
    return group % RANK_LEVELS ? group - 1 : group - RANK_LEVELS + r->top;
}

static uint32_t group_start(const struct rank *r, uint32_t group) {
    return group ? r->group_end[group_before(r, group)] : 0;
}

/* A new level starts empty, behind the last one of its priority. */
void rank_note_availability(struct rank *r, uint32_t availability) {
    while (r->top < level_of(availability)) {
        for (uint32_t last = r->top; last < GROUPS; last += RANK_LEVELS)
            r->group_end[last + 1] = r->group_end[last];
        r->top++;
    }
}

/* -- moves -------------------------------------------------------------------------------- */

static void put(struct rank *r, uint32_t at, uint32_t piece) {
    r->order[at] = piece;
    r->at[piece] = at;
}

static void swap(struct rank *r, uint32_t a, uint32_t b) {
    uint32_t piece = r->order[a];
    put(r, a, r->order[b]);
    put(r, b, piece);
}

static void shuffle_in(struct rank *r, uint32_t at, uint32_t group) {
    uint32_t start = group_start(r, group);
    swap(r, at, start + rng_below(r->rng, r->group_end[group] - start));
}

void rank_fill(struct rank *r, uint32_t pieces, uint32_t group) {
    assert(r->count == 0 && r->top == 0);
    for (uint32_t i = 0; i < pieces; i++) {
        put(r, i, i);
        swap(r, i, rng_below(r->rng, i + 1));
    }
    for (uint32_t g = group; g < GROUPS; g = group_after(r, g))
        r->group_end[g] = pieces;
    r->count = pieces;
}

void rank_add(struct rank *r, uint32_t piece, uint32_t group) {
    uint32_t gap = r->count++;
    uint32_t last = rank_group(1, r->top);
    for (uint32_t g = last; g != group; g = group_before(r, g)) {
        uint32_t start = group_start(r, g);
        if (start < gap)
            put(r, gap, r->order[start]);
        r->group_end[g]++;
        gap = start;
    }
    r->group_end[group]++;
    put(r, gap, piece);
    shuffle_in(r, gap, group);
}

void rank_remove(struct rank *r, uint32_t piece, uint32_t group) {
    uint32_t gap = r->at[piece];
    for (uint32_t g = group; g < GROUPS; g = group_after(r, g)) {
        uint32_t last = --r->group_end[g];
        if (gap < last)
            put(r, gap, r->order[last]);
        gap = last;
    }
    r->at[piece] = RANK_NONE;
    r->count--;
}

void rank_move(struct rank *r, uint32_t piece, uint32_t group, uint32_t to) {
    assert(to == group + 1 || group == to + 1);
    uint32_t border = to > group ? --r->group_end[group] : r->group_end[to]++;
    swap(r, r->at[piece], border);
    shuffle_in(r, border, to);
}

/* -- questions ---------------------------------------------------------------------------- */

uint32_t rank_of_priority(const struct rank *r, int priority, uint32_t *start) {
    uint32_t first = rank_group(priority, 0);
    *start = group_start(r, first);
    return r->group_end[first + r->top] - *start;
}

uint32_t rank_count_unavailable(const struct rank *r) {
    uint32_t n = 0;
    for (uint32_t g = 0; g < GROUPS; g += RANK_LEVELS)
        n += r->group_end[g] - group_start(r, g);
    return n;
}

bool rank_is_in_group(const struct rank *r, uint32_t piece, uint32_t group) {
    return rank_has(r, piece) && r->at[piece] >= group_start(r, group) &&
           r->at[piece] < r->group_end[group];
}

#ifndef NDEBUG
void rank_check(const struct rank *r) {
    uint32_t end = 0;
    for (uint32_t g = 0; g < GROUPS; g = group_after(r, g)) {
        assert(end <= r->group_end[g]);
        end = r->group_end[g];
    }
    assert(end == r->count);
    for (uint32_t i = 0; i < r->count; i++)
        assert(r->at[r->order[i]] == i);
}
#endif
