/* picker: see the header for the idea. What is kept beside each piece (its place in `order`, in
 * `urgent`, in `lacking`, its share of the counters) follows from its state, priority, deadline
 * and availability alone. So whatever changes one of the first three takes the piece out of
 * all that (`withdraw`), changes it, and puts it back (`enlist`): one rule instead of a case
 * for each pair of states.
 *
 * A piece that enters or leaves `order` opens or closes a gap. The gap travels over the later
 * groups by one move each, from a group's one end to its other; their members stay theirs:
 *
 *     [ a a a | b b | c c c ] _         an `a` comes in: the gap is at the end
 *     [ a a a | b b | _ c c c ]         the first c went to the end
 *     [ a a a | _ b b | c c c ]         the first b too: now the gap ends group a
 *
 * Inside a group every order is equally likely, and stays so: a newcomer changes places with
 * a random member, and gaps are filled without looking at who it is that moves. */
#include "swarm/picker.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"

#define GROUPS (PRIORITY_TOP * PICKER_LEVELS)
/* picker_next looks at so many of the best pieces before it compares whole sets: a peer with
 * a fair share of the pieces has one of these. */
#define FIRST_LOOK 64

struct picker_piece {
    usec deadline;
    uint32_t at; /* in `order`, or PICKER_NONE */
    uint16_t availability;
    uint8_t priority, state;
};

const char *piece_state_name(enum piece_state s) {
    static const char *const names[] = {"missing", "active", "hashing", "writing",
                                        "have"};
    return (size_t)s < COUNT_OF(names) ? names[s] : "?";
}

/* -- groups ------------------------------------------------------------------------------- */

static uint32_t level_of(uint32_t availability) {
    return MIN(availability, (uint32_t)PICKER_LEVELS - 1);
}

static uint32_t first_group(int priority) {
    return (uint32_t)(PRIORITY_TOP - priority) * PICKER_LEVELS;
}

static uint32_t group_of(const struct picker_piece *q) {
    return first_group(q->priority) + level_of(q->availability);
}

static uint32_t group_after(const struct picker *p, uint32_t group) {
    if (group % PICKER_LEVELS < p->top)
        return group + 1;
    return (group / PICKER_LEVELS + 1) * PICKER_LEVELS;
}

static uint32_t group_start(const struct picker *p, uint32_t group) {
    if (group == 0)
        return 0;
    if (group % PICKER_LEVELS)
        return p->group_end[group - 1];
    return p->group_end[group - PICKER_LEVELS + p->top]; /* the priority above */
}

/* Levels over `top` are not kept; a new one starts empty, behind the last of its priority. */
static void raise_top(struct picker *p, uint32_t level) {
    while (p->top < level) {
        for (int priority = 1; priority <= PRIORITY_TOP; priority++) {
            uint32_t last = first_group(priority) + p->top;
            p->group_end[last + 1] = p->group_end[last];
        }
        p->top++;
    }
}

static void put(struct picker *p, uint32_t at, uint32_t piece) {
    p->order[at] = piece;
    p->piece[piece].at = at;
}

static void swap(struct picker *p, uint32_t a, uint32_t b) {
    uint32_t piece = p->order[a];
    put(p, a, p->order[b]);
    put(p, b, piece);
}

static void shuffle_in(struct picker *p, uint32_t at, uint32_t group) {
    uint32_t start = group_start(p, group);
    swap(p, at, start + rng_below(p->rng, p->group_end[group] - start));
}

static void order_add(struct picker *p, uint32_t piece) {
    uint32_t group = group_of(&p->piece[piece]);
    uint32_t gap = p->ordered++;
    for (uint32_t g = first_group(1) + p->top; g != group;) {
        uint32_t start = group_start(p, g);
        if (start < gap)
            put(p, gap, p->order[start]);
        p->group_end[g]++;
        gap = start;
        g = g % PICKER_LEVELS ? g - 1 : g - PICKER_LEVELS + p->top;
    }
    p->group_end[group]++;
    put(p, gap, piece);
    shuffle_in(p, gap, group);
}

static void order_remove(struct picker *p, uint32_t piece) {
    uint32_t gap = p->piece[piece].at;
    uint32_t group = group_of(&p->piece[piece]);
    for (uint32_t g = group; g < GROUPS; g = group_after(p, g)) {
        uint32_t last = --p->group_end[g];
        if (gap < last)
            put(p, gap, p->order[last]);
        gap = last;
    }
    p->piece[piece].at = PICKER_NONE;
    p->ordered--;
}

/* -- deadlines ---------------------------------------------------------------------------- */

/* Where in `urgent` a deadline belongs: behind those that are as early. */
static uint32_t urgent_place(const struct picker *p, usec deadline) {
    uint32_t low = 0, high = p->deadlines;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p->piece[p->urgent[mid]].deadline <= deadline)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void urgent_add(struct picker *p, uint32_t piece) {
    uint32_t at = urgent_place(p, p->piece[piece].deadline);
    for (uint32_t i = p->deadlines++; i > at; i--)
        p->urgent[i] = p->urgent[i - 1];
    p->urgent[at] = piece;
}

static void urgent_remove(struct picker *p, uint32_t piece) {
    uint32_t at = urgent_place(p, p->piece[piece].deadline);
    do
        at--;
    while (p->urgent[at] != piece);
    p->deadlines--;
    for (uint32_t i = at; i < p->deadlines; i++)
        p->urgent[i] = p->urgent[i + 1];
}

/* -- what follows from a piece's state, priority and deadline ----------------------------- */

static void enlist(struct picker *p, uint32_t piece) {
    struct picker_piece *q = &p->piece[piece];
    bool urgent = q->deadline != USEC_NEVER;

    p->have += q->state == PIECE_HAVE;
    if (q->priority == PRIORITY_SKIP)
        return;
    p->wanted++;
    p->wanted_have += q->state == PIECE_HAVE;
    if (q->state == PIECE_MISSING || q->state == PIECE_ACTIVE)
        (void)bitset_add(&p->lacking, piece);
    if (q->state == PIECE_MISSING)
        order_add(p, piece);
    if (q->state == PIECE_MISSING && urgent)
        urgent_add(p, piece);
    p->active_deadlines += q->state == PIECE_ACTIVE && urgent;
}

static void withdraw(struct picker *p, uint32_t piece) {
    struct picker_piece *q = &p->piece[piece];
    bool urgent = q->deadline != USEC_NEVER;

    p->have -= q->state == PIECE_HAVE;
    if (q->priority == PRIORITY_SKIP)
        return;
    p->wanted--;
    p->wanted_have -= q->state == PIECE_HAVE;
    (void)bitset_remove(&p->lacking, piece);
    if (q->state == PIECE_MISSING)
        order_remove(p, piece);
    if (q->state == PIECE_MISSING && urgent)
        urgent_remove(p, piece);
    p->active_deadlines -= q->state == PIECE_ACTIVE && urgent;
}

#ifndef NDEBUG
static bool is_legal(enum piece_state from, enum piece_state to) {
#define BIT(state) (1u << (state))
    static const uint8_t next[] = {
        [PIECE_MISSING] =
            BIT(PIECE_ACTIVE) | BIT(PIECE_HAVE), /* have: resume, re-check */
        [PIECE_ACTIVE] = BIT(PIECE_MISSING) | BIT(PIECE_HASHING),
        /* active again: the hash failed, its blocks are asked anew */
        [PIECE_HASHING] =
            BIT(PIECE_HAVE) | BIT(PIECE_WRITING) | BIT(PIECE_ACTIVE) | BIT(PIECE_MISSING),
        [PIECE_WRITING] = BIT(PIECE_HAVE) | BIT(PIECE_HASHING) | BIT(PIECE_MISSING),
        [PIECE_HAVE] = BIT(PIECE_MISSING), /* the data on disk went bad or away */
    };
    return next[from] & BIT(to);
#undef BIT
}
#endif

void picker_set_state(struct picker *p, uint32_t piece, enum piece_state s) {
    assert(piece < p->pieces && is_legal(p->piece[piece].state, s));
    withdraw(p, piece);
    p->piece[piece].state = (uint8_t)s;
    enlist(p, piece);
}

void picker_set_priority(struct picker *p, uint32_t piece, int priority) {
    assert(piece < p->pieces && priority >= PRIORITY_SKIP && priority <= PRIORITY_TOP);
    if (p->piece[piece].priority == priority)
        return;
    withdraw(p, piece);
    p->piece[piece].priority = (uint8_t)priority;
    enlist(p, piece);
}

void picker_set_deadline(struct picker *p, uint32_t piece, usec at) {
    assert(piece < p->pieces);
    if (p->piece[piece].deadline == at)
        return;
    withdraw(p, piece);
    p->piece[piece].deadline = at;
    enlist(p, piece);
}

enum piece_state picker_state(const struct picker *p, uint32_t piece) {
    assert(piece < p->pieces);
    return (enum piece_state)p->piece[piece].state;
}

int picker_priority(const struct picker *p, uint32_t piece) {
    assert(piece < p->pieces);
    return p->piece[piece].priority;
}

usec picker_deadline(const struct picker *p, uint32_t piece) {
    assert(piece < p->pieces);
    return p->piece[piece].deadline;
}

uint32_t picker_availability(const struct picker *p, uint32_t piece) {
    assert(piece < p->pieces);
    return p->piece[piece].availability + p->seeds;
}

/* -- life --------------------------------------------------------------------------------- */

/* All pieces are missing, wanted as usual, and in one group: one shuffle sorts them. */
static void fill(struct picker *p) {
    uint32_t normal = first_group(PRIORITY_NORMAL);
    for (uint32_t i = 0; i < p->pieces; i++) {
        p->piece[i] =
            (struct picker_piece){USEC_NEVER, i, 0, PRIORITY_NORMAL, PIECE_MISSING};
        p->order[i] = i;
        swap(p, i, rng_below(p->rng, i + 1));
    }
    for (uint32_t g = normal; g < GROUPS; g++)
        p->group_end[g] = p->pieces;
    p->ordered = p->wanted = p->pieces;
    bitset_fill(&p->lacking);
}

int picker_init(struct picker *p, uint32_t pieces, struct rng *rng) {
    size_t n = MAX(pieces, 1u);
    *p = (struct picker){.pieces = pieces, .rng = rng};
    p->piece = malloc(n * sizeof *p->piece);
    p->order = malloc(n * sizeof *p->order);
    p->urgent = malloc(n * sizeof *p->urgent);
    p->group_end = calloc(GROUPS, sizeof *p->group_end);
    if (!p->piece || !p->order || !p->urgent || !p->group_end ||
        bitset_init(&p->lacking, pieces) < 0) {
        picker_fini(p);
        return ERR_NOMEM;
    }
    fill(p);
    return 0;
}

void picker_fini(struct picker *p) {
    free(p->piece);
    free(p->order);
    free(p->urgent);
    free(p->group_end);
    bitset_fini(&p->lacking);
    *p = (struct picker){.pieces = 0};
}

/* -- availability ------------------------------------------------------------------------- */

void picker_note_have(struct picker *p, uint32_t piece) {
    struct picker_piece *q = &p->piece[piece];

    assert(piece < p->pieces && q->availability < UINT16_MAX);
    uint32_t group = q->at == PICKER_NONE ? GROUPS : group_of(q);
    uint32_t level = level_of(q->availability++);
    if (level == PICKER_LEVELS - 1)
        return;
    raise_top(p, level + 1);
    if (group == GROUPS)
        return;
    uint32_t border = --p->group_end[group];
    swap(p, q->at, border);
    shuffle_in(p, border, group + 1);
}

void picker_note_gone(struct picker *p, uint32_t piece) {
    struct picker_piece *q = &p->piece[piece];

    assert(piece < p->pieces && q->availability > 0);
    uint32_t group = q->at == PICKER_NONE ? GROUPS : group_of(q);
    q->availability--;
    if (q->availability >= PICKER_LEVELS - 1 || group == GROUPS)
        return;
    uint32_t border = p->group_end[group - 1]++;
    swap(p, q->at, border);
    shuffle_in(p, border, group - 1);
}

/* Numbers 64 w .. 64 w + 63 as one word, the lowest in the highest bit. */
static uint64_t word_at(const struct bitset *b, uint32_t w) {
    size_t from = (size_t)w * 8, end = bitset_bytes(b->size);
    uint8_t tail[8] = {0};
    if (end - from >= 8)
        return get_u64(b->bytes + from);
    for (size_t i = 0; from + i < end; i++)
        tail[i] = b->bytes[from + i];
    return get_u64(tail);
}

static uint32_t count_words(uint32_t pieces) {
    return pieces / 64 + (pieces % 64 != 0);
}

/* Takes the lowest number out of a word of word_at. */
static uint32_t take_lowest(uint64_t *word) {
    uint32_t bit = (uint32_t)__builtin_clzll(*word);
    *word &= ~(UINT64_C(1) << (63 - bit));
    return bit;
}

static void for_each(struct picker *p, const struct bitset *has,
                     void (*note)(struct picker *p, uint32_t piece)) {
    for (uint32_t w = 0; w < count_words(p->pieces); w++)
        for (uint64_t word = word_at(has, w); word;)
            note(p, w * 64 + take_lowest(&word));
}

void picker_note_peer(struct picker *p, const struct bitset *has) {
    assert(has->size == p->pieces);
    if (bitset_full(has))
        p->seeds++;
    else
        for_each(p, has, picker_note_have);
}

void picker_forget_peer(struct picker *p, const struct bitset *has) {
    assert(has->size == p->pieces && (!bitset_full(has) || p->seeds > 0));
    if (bitset_full(has))
        p->seeds--;
    else
        for_each(p, has, picker_note_gone);
}

void picker_note_became_seed(struct picker *p) {
    for (uint32_t i = 0; i < p->pieces; i++)
        picker_note_gone(p, i);
    p->seeds++;
}

/* -- questions ---------------------------------------------------------------------------- */

static bool is_offered(uint32_t piece, const struct bitset *has,
                       const struct bitset *only) {
    return bitset_has(has, piece) && (!only || bitset_has(only, piece));
}

static uint32_t earliest(const struct picker *p, const struct bitset *has,
                         const struct bitset *only) {
    for (uint32_t i = 0; i < p->deadlines; i++)
        if (is_offered(p->urgent[i], has, only))
            return p->urgent[i];
    return PICKER_NONE;
}

/* Any piece of the highest priority possible, however rare. */
static uint32_t at_random(const struct picker *p, const struct bitset *has,
                          const struct bitset *only) {
    for (int priority = PRIORITY_TOP; priority > PRIORITY_SKIP; priority--) {
        uint32_t start = group_start(p, first_group(priority));
        uint32_t n = p->group_end[first_group(priority) + p->top] - start;
        uint32_t skip = rng_below(p->rng, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t piece = p->order[start + (skip + i) % n];
            if (is_offered(piece, has, only))
                return piece;
        }
    }
    return PICKER_NONE;
}

/* The best by comparing sets, 64 pieces at a time: cheap where few are offered. */
static uint32_t best_common(const struct picker *p, const struct bitset *has,
                            const struct bitset *only) {
    uint32_t best = PICKER_NONE;
    for (uint32_t w = 0; w < count_words(p->pieces); w++) {
        uint64_t word = word_at(has, w) & word_at(&p->lacking, w);
        if (word && only)
            word &= word_at(only, w);
        while (word)
            best = MIN(best, p->piece[w * 64 + take_lowest(&word)].at);
    }
    return best == PICKER_NONE ? PICKER_NONE : p->order[best];
}

static uint32_t rarest(const struct picker *p, const struct bitset *has,
                       const struct bitset *only) {
    for (uint32_t i = 0; i < p->ordered; i++) {
        if (i == FIRST_LOOK)
            return best_common(p, has, only);
        if (is_offered(p->order[i], has, only))
            return p->order[i];
    }
    return PICKER_NONE;
}

uint32_t picker_next(struct picker *p, const struct bitset *has,
                     const struct bitset *only) {
    assert(has->size == p->pieces && (!only || only->size == p->pieces));
    if (!has->count || !p->ordered)
        return PICKER_NONE;
    uint32_t piece = earliest(p, has, only);
    if (piece != PICKER_NONE)
        return piece;
    return p->have < PICKER_RANDOM_START ? at_random(p, has, only) : rarest(p, has, only);
}

uint32_t picker_openable(const struct picker *p) {
    uint32_t nobodys = 0;
    if (p->seeds)
        return p->ordered;
    for (int priority = 1; priority <= PRIORITY_TOP; priority++) {
        uint32_t group = first_group(priority);
        nobodys += p->group_end[group] - group_start(p, group);
    }
    return p->ordered - nobodys;
}

bool picker_interesting(const struct picker *p, const struct bitset *has) {
    assert(has->size == p->pieces);
    if (bitset_full(has) || !p->lacking.count)
        return p->lacking.count > 0;
    for (uint32_t w = 0; w < count_words(p->pieces); w++)
        if (word_at(has, w) & word_at(&p->lacking, w))
            return true;
    return false;
}

void picker_histogram(const struct picker *p, uint32_t *cells, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        cells[i] = 0;
    for (uint32_t i = 0; n && i < p->pieces; i++)
        cells[MIN(picker_availability(p, i), n - 1)]++;
}

/* -- invariants --------------------------------------------------------------------------- */

#ifndef NDEBUG
static void check_order(const struct picker *p) {
    uint32_t at = 0;
    for (uint32_t g = 0; g < GROUPS; g = group_after(p, g)) {
        assert(at <= p->group_end[g]);
        for (; at < p->group_end[g]; at++) {
            const struct picker_piece *q = &p->piece[p->order[at]];
            assert(q->at == at && group_of(q) == g);
            assert(q->state == PIECE_MISSING && q->priority > PRIORITY_SKIP);
        }
    }
    assert(at == p->ordered);
}

static void check_urgent(const struct picker *p) {
    for (uint32_t i = 0; i < p->deadlines; i++) {
        const struct picker_piece *q = &p->piece[p->urgent[i]];
        assert(q->at != PICKER_NONE && q->deadline != USEC_NEVER);
        assert(!i || p->piece[p->urgent[i - 1]].deadline <= q->deadline);
    }
}

void picker_check(const struct picker *p) {
    struct picker sum = {.pieces = 0};

    check_order(p);
    check_urgent(p);
    for (uint32_t i = 0; i < p->pieces; i++) {
        const struct picker_piece *q = &p->piece[i];
        bool wanted = q->priority > PRIORITY_SKIP, missing = q->state == PIECE_MISSING;
        bool urgent = wanted && q->deadline != USEC_NEVER;
        assert((wanted && missing) == (q->at != PICKER_NONE));
        assert(bitset_has(&p->lacking, i) ==
               (wanted && (missing || q->state == PIECE_ACTIVE)));
        assert(level_of(q->availability) <= p->top);
        sum.have += q->state == PIECE_HAVE;
        sum.wanted += wanted;
        sum.wanted_have += wanted && q->state == PIECE_HAVE;
        sum.deadlines += urgent && missing;
        sum.active_deadlines += urgent && q->state == PIECE_ACTIVE;
    }
    assert(sum.have == p->have && sum.wanted == p->wanted);
    assert(sum.wanted_have == p->wanted_have && sum.deadlines == p->deadlines);
    assert(sum.active_deadlines == p->active_deadlines);
}
#endif
