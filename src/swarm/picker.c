/* picker: see the header for the idea. What is kept beside each piece (its place in `rank`, in
 * `urgent`, in `lacking`, its share of the counters) follows from its state, priority, deadline
 * and availability alone. So whatever changes one of the first three takes the piece out of
 * all that (`withdraw`), changes it, and puts it back (`enlist`): one rule instead of a case
 * for each pair of states. */
#include "swarm/picker.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"

/* picker_next looks at so many of the best pieces before it compares whole sets: a peer with
 * a fair share of the pieces has one of these. */
#define FIRST_LOOK 64

struct picker_piece {
    usec deadline;
    uint16_t availability;
    uint8_t priority, state;
};

const char *piece_state_name(enum piece_state s) {
    static const char *const names[] = {"missing", "active", "hashing", "writing",
                                        "have"};
    return (size_t)s < COUNT_OF(names) ? names[s] : "?";
}

static uint32_t group_of(const struct picker_piece *q) {
    return rank_group(q->priority, q->availability);
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
        rank_add(&p->rank, piece, group_of(q)), p->additions++;
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
        rank_remove(&p->rank, piece, group_of(q));
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

static void fill(struct picker *p) {
    for (uint32_t i = 0; i < p->pieces; i++)
        p->piece[i] =
            (struct picker_piece){USEC_NEVER, 0, PRIORITY_NORMAL, PIECE_MISSING};
    rank_fill(&p->rank, p->pieces, rank_group(PRIORITY_NORMAL, 0));
    p->wanted = p->pieces;
    bitset_fill(&p->lacking);
}

int picker_init(struct picker *p, uint32_t pieces, struct rng *rng) {
    size_t n = MAX(pieces, 1u);
    *p = (struct picker){.pieces = pieces, .rng = rng};
    p->piece = malloc(n * sizeof *p->piece);
    p->urgent = malloc(n * sizeof *p->urgent);
    if (!p->piece || !p->urgent || bitset_init(&p->lacking, pieces) < 0 ||
        rank_init(&p->rank, pieces, rng) < 0) {
        picker_fini(p);
        return ERR_NOMEM;
    }
    fill(p);
    return 0;
}

void picker_fini(struct picker *p) {
    free(p->piece);
    free(p->urgent);
    bitset_fini(&p->lacking);
    rank_fini(&p->rank);
    *p = (struct picker){.pieces = 0};
}

/* -- availability ------------------------------------------------------------------------- */

/* The availability of q went from `before` to what it is: to the neighbour group, if ranked. */
static void rank_anew(struct picker *p, uint32_t piece, uint32_t before) {
    const struct picker_piece *q = &p->piece[piece];
    if (!rank_has(&p->rank, piece))
        return;
    uint32_t from = rank_group(q->priority, before), to = group_of(q);
    if (from != to)
        rank_move(&p->rank, piece, from, to);
}

void picker_note_have(struct picker *p, uint32_t piece) {
    assert(piece < p->pieces && p->piece[piece].availability < UINT16_MAX);
    uint32_t before = p->piece[piece].availability++;
    rank_note_availability(&p->rank, before + 1);
    rank_anew(p, piece, before);
}

void picker_note_gone(struct picker *p, uint32_t piece) {
    assert(piece < p->pieces && p->piece[piece].availability > 0);
    uint32_t before = p->piece[piece].availability--;
    rank_anew(p, piece, before);
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

/* What a peer may be asked for; `calm`: nothing that has a deadline. */
struct offer {
    const struct bitset *has, *only;
    bool calm;
};

static bool is_offered(const struct picker *p, uint32_t piece, const struct offer *o) {
    return bitset_has(o->has, piece) && (!o->only || bitset_has(o->only, piece)) &&
           !(o->calm && p->piece[piece].deadline != USEC_NEVER);
}

static uint32_t earliest(const struct picker *p, const struct offer *o) {
    for (uint32_t i = 0; i < p->deadlines; i++)
        if (is_offered(p, p->urgent[i], o))
            return p->urgent[i];
    return PICKER_NONE;
}

/* Any piece of the highest priority possible, however rare. */
static uint32_t at_random(const struct picker *p, const struct offer *o) {
    for (int priority = PRIORITY_TOP; priority > PRIORITY_SKIP; priority--) {
        uint32_t start, n = rank_of_priority(&p->rank, priority, &start);
        uint32_t skip = rng_below(p->rng, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t piece = p->rank.order[start + (skip + i) % n];
            if (is_offered(p, piece, o))
                return piece;
        }
    }
    return PICKER_NONE;
}

/* The best by comparing sets, 64 pieces at a time: cheap where few are offered. */
static uint32_t best_common(const struct picker *p, const struct offer *o) {
    uint32_t best = PICKER_NONE;
    for (uint32_t w = 0; w < count_words(p->pieces); w++) {
        uint64_t word = word_at(o->has, w) & word_at(&p->lacking, w);
        if (word && o->only)
            word &= word_at(o->only, w);
        while (word) {
            uint32_t piece = w * 64 + take_lowest(&word);
            if (!o->calm || p->piece[piece].deadline == USEC_NEVER)
                best = MIN(best, p->rank.at[piece]);
        }
    }
    return best == PICKER_NONE ? PICKER_NONE : p->rank.order[best];
}

static uint32_t rarest(const struct picker *p, const struct offer *o) {
    for (uint32_t i = 0; i < p->rank.count; i++) {
        if (i == FIRST_LOOK)
            return best_common(p, o);
        if (is_offered(p, p->rank.order[i], o))
            return p->rank.order[i];
    }
    return PICKER_NONE;
}

static uint32_t next_of(struct picker *p, const struct offer *o) {
    assert(o->has->size == p->pieces && (!o->only || o->only->size == p->pieces));
    if (!o->has->count || !p->rank.count)
        return PICKER_NONE;
    uint32_t piece = o->calm ? PICKER_NONE : earliest(p, o);
    if (piece != PICKER_NONE)
        return piece;
    return p->have < PICKER_RANDOM_START ? at_random(p, o) : rarest(p, o);
}

uint32_t picker_next(struct picker *p, const struct bitset *has,
                     const struct bitset *only) {
    return next_of(p, &(struct offer){has, only, false});
}

uint32_t picker_next_calm(struct picker *p, const struct bitset *has,
                          const struct bitset *only) {
    return next_of(p, &(struct offer){has, only, true});
}

uint32_t picker_openable(const struct picker *p) {
    return p->rank.count - (p->seeds ? 0 : rank_count_unavailable(&p->rank));
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
static void check_urgent(const struct picker *p) {
    for (uint32_t i = 0; i < p->deadlines; i++) {
        const struct picker_piece *q = &p->piece[p->urgent[i]];
        assert(rank_has(&p->rank, p->urgent[i]) && q->deadline != USEC_NEVER);
        assert(!i || p->piece[p->urgent[i - 1]].deadline <= q->deadline);
    }
}

void picker_check(const struct picker *p) {
    struct picker sum = {.pieces = 0};

    rank_check(&p->rank);
    check_urgent(p);
    for (uint32_t i = 0; i < p->pieces; i++) {
        const struct picker_piece *q = &p->piece[i];
        bool wanted = q->priority > PRIORITY_SKIP, missing = q->state == PIECE_MISSING;
        bool urgent = wanted && q->deadline != USEC_NEVER;
        assert((wanted && missing) == rank_has(&p->rank, i));
        assert(!rank_has(&p->rank, i) || rank_is_in_group(&p->rank, i, group_of(q)));
        assert(bitset_has(&p->lacking, i) ==
               (wanted && (missing || q->state == PIECE_ACTIVE)));
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
