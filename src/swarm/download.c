/* download: see the header for the rules and their order.
 *
 * Two questions are kept apart. May this peer be asked for a block of this open piece (`grant`)?
 * And which of the open pieces that it may work on is the best (`is_better`)? Rule 1 is then the
 * shortcut of rule 2 that spares the walk over the open pieces for nearly every block. */
#include "swarm/download.h"

#include <assert.h>

#include "base/err.h"

enum grant {
    GRANT_NOT,
    GRANT_LAST_RESORT, /* rather than that the peer idles */
    GRANT_FREELY
};

/* -- what a piece is ---------------------------------------------------------------------- */

static bool is_urgent(const struct download *d, const struct active_piece *p) {
    return picker_deadline(d->picker, p->index) != USEC_NEVER;
}

static bool is_wanted(const struct download *d, const struct active_piece *p) {
    return picker_priority(d->picker, p->index) != PRIORITY_SKIP;
}

static uint32_t asked_count(const struct active_piece *p) {
    return p->blocks - p->free_count - p->received;
}

static usec silent_for(const struct active_piece *p, usec now) {
    return now - MAX(p->opened_at, p->last_block_at);
}

/* -- may this peer work on it? ------------------------------------------------------------ */

static bool is_for(const struct asker *a, uint32_t piece) {
    return bitset_has(a->has, piece) && (!a->only || bitset_has(a->only, piece));
}

static bool can_give(const struct download *d, const struct asker *a,
                     const struct active_piece *p) {
    return is_wanted(d, p) && is_for(a, p->index) &&
           sourcing_word(d->sourcing, p->index, a->peer) != SOURCING_NO;
}

/* Too slow for what somebody waits for? What it needs in order not to stand idle does not count. */
static bool is_in_time(const struct download *d, const struct asker *a, uint32_t piece,
                       usec now) {
    const struct urgent_piece *u = d->urgent ? urgent_find(d->urgent, piece) : NULL;
    return !u || urgent_suits(u, a->busy ? a->eta : a->eta_idle, now);
}

/* What a judge says of it counts; else whether it would come in time. */
static bool may_have(const struct download *d, const struct asker *a, uint32_t piece,
                     usec now) {
    enum sourcing_word word = sourcing_word(d->sourcing, piece, a->peer);
    return word == SOURCING_SILENT ? is_in_time(d, a, piece, now) : word == SOURCING_YES;
}

static enum grant grant(const struct download *d, const struct asker *a,
                        const struct active_piece *p, usec now) {
    if (p->only == a->peer && p->only)
        return GRANT_FREELY;
    if (p->only && silent_for(p, now) < OWNER_SILENT) {
        if (p->parole)
            return GRANT_NOT;
        return is_urgent(d, p) && !a->parole ? GRANT_FREELY : GRANT_LAST_RESORT;
    }
    if (a->parole && p->free_count < p->blocks)
        return GRANT_LAST_RESORT;
    return GRANT_FREELY;
}

/* The first free block that is not still under way from this very peer (asked, given up, and
 * perhaps sent after all); -1 if there is none. */
static int64_t free_block(const struct active_piece *p, const struct asker *a) {
    for (uint32_t i = p->first_free; i < p->blocks; i++) {
        const struct block *b = &p->block[i];
        if (b->state == BLOCK_FREE &&
            !(b->returned && a->has_asked(a->ctx, p->index, i * WIRE_BLOCK)))
            return i;
    }
    return -1;
}

static bool can_work_on(const struct download *d, const struct asker *a,
                        const struct active_piece *p, enum grant least, usec now) {
    return p->free_count && can_give(d, a, p) && may_have(d, a, p->index, now) &&
           grant(d, a, p, now) >= least && free_block(p, a) >= 0;
}

/* -- rules 1 and 2: an open piece --------------------------------------------------------- */

static bool is_better(const struct download *d, const struct asker *a,
                      const struct active_piece *p, const struct active_piece *q) {
    usec deadline = picker_deadline(d->picker, p->index);
    usec other = picker_deadline(d->picker, q->index);
    int priority = picker_priority(d->picker, p->index);
    int other_priority = picker_priority(d->picker, q->index);

    if (deadline != other)
        return deadline < other;
    if (p->index == a->last_piece || q->index == a->last_piece)
        return p->index == a->last_piece;
    if (priority != other_priority)
        return priority > other_priority;
    return p->blocks - p->received < q->blocks - q->received;
}

static struct active_piece *best_open(const struct download *d, const struct asker *a,
                                      enum grant least, usec now) {
    struct active_piece *best = NULL;
    LIST_EACH(l, &d->open->list) {
        struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if (p->free_count && (!best || is_better(d, a, p, best)) &&
            can_work_on(d, a, p, least, now))
            best = p;
    }
    return best;
}

static struct active_piece *run_on(const struct download *d, const struct asker *a,
                                   usec now) {
    struct active_piece *p = active_pieces_get(d->open, a->last_piece);
    if (d->picker->deadlines || d->picker->active_deadlines)
        return NULL; /* something may be in more of a hurry */
    return p && can_work_on(d, a, p, GRANT_FREELY, now) ? p : NULL;
}

/* -- rule 3: a new piece ------------------------------------------------------------------ */

static bool may_open_more(const struct download *d) {
    uint32_t limit = MAX(d->peers + d->peers / 2, (uint32_t)OPEN_AT_LEAST);
    uint32_t open = 0;
    LIST_EACH(l, &d->open->list) {
        const struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        open += p->free_count && asked_count(p);
    }
    return open < limit;
}

/* Nothing is asked of it and nothing is on its way into its buffer. */
static bool is_idle(const struct active_piece *p) {
    if (!p->buffer || active_piece_has_all(p) || asked_count(p))
        return false;
    for (uint32_t i = 0; i < p->blocks; i++)
        if (p->block[i].landing)
            return false;
    return true;
}

static bool is_stranded(const struct download *d, const struct active_piece *p,
                        usec now) {
    if (p->held)
        return false;
    return !p->received || !is_wanted(d, p) ||
           !picker_availability(d->picker, p->index) ||
           silent_for(p, now) >= STRANDED_AFTER;
}

static void give_up(struct download *d, struct active_piece *p) {
    picker_set_state(d->picker, p->index, PIECE_MISSING);
    active_pieces_close(d->open, p);
}

bool download_make_room(struct download *d, usec now) {
    struct active_piece *least = NULL;
    LIST_EACH(l, &d->open->list) {
        struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if ((!least || p->buffered < least->buffered) && is_stranded(d, p, now) &&
            is_idle(p))
            least = p;
    }
    if (least)
        give_up(d, least);
    return least != NULL;
}

/* The picker's choice or the plan's, but for those who are too slow for what is needed first. */
static uint32_t next_piece(const struct download *d, const struct asker *a, usec now) {
    for (uint32_t i = 0; i < d->picker->deadlines; i++) {
        uint32_t piece = d->picker->urgent[i];
        if (is_for(a, piece) && may_have(d, a, piece, now) &&
            !(a->plan && plan_bars(a->plan, piece)))
            return piece;
    }
    return a->plan ? plan_next(a->plan, d->picker, a->has, a->only)
                   : picker_next_calm(d->picker, a->has, a->only);
}

/* Opens a piece if that is better than `instead_of`: *out is what to work on now. 0, or
 * ERR_AGAIN when there was one to open but no memory for it. */
static int maybe_open(struct download *d, const struct asker *a, usec now,
                      struct active_piece *instead_of, struct active_piece **out) {
    *out = instead_of;
    if (instead_of && !d->picker->deadlines)
        return 0;
    uint32_t index = next_piece(d, a, now);
    if (index == PICKER_NONE)
        return 0;
    usec deadline = picker_deadline(d->picker, index);
    if (instead_of && deadline >= picker_deadline(d->picker, instead_of->index))
        return 0;
    if (deadline == USEC_NEVER && !may_open_more(d))
        return 0;
    struct active_piece *p = active_pieces_open(d->open, index, now);
    if (!p && download_make_room(d, now)) {
        p = active_pieces_open(d->open, index, now);
        *out =
            p ? p : best_open(d, a, GRANT_FREELY, now); /* `instead_of` may be closed */
    }
    if (!p)
        return *out ? 0 : ERR_AGAIN;
    picker_set_state(d->picker, index, PIECE_ACTIVE);
    if (a->fast)
        p->only = a->peer;
    *out = p;
    return 0;
}

/* -- rule 4: end game --------------------------------------------------------------------- */

/* Is every wanted block that somebody has asked of somebody? */
static bool is_end_game(const struct download *d) {
    if (picker_openable(d->picker))
        return false;
    LIST_EACH(l, &d->open->list) {
        const struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if (p->free_count && is_wanted(d, p) && picker_availability(d->picker, p->index))
            return false;
    }
    return true;
}

/* The block of p with the fewest askers, if that is fewer than *askers, which it lowers. */
static bool least_asked(const struct active_piece *p, const struct asker *a,
                        uint32_t *block, uint8_t *askers) {
    bool found = false;
    for (uint32_t i = 0; i < p->blocks; i++) {
        const struct block *b = &p->block[i];
        if (b->state == BLOCK_ASKED && b->askers < *askers &&
            !a->has_asked(a->ctx, p->index, i * WIRE_BLOCK))
            *block = i, *askers = b->askers, found = true;
    }
    return found;
}

static struct active_piece *busy_piece(const struct download *d, const struct asker *a,
                                       usec now, uint32_t *block) {
    struct active_piece *best = NULL;
    uint8_t askers = END_GAME_COPIES;
    LIST_EACH(l, &d->open->list) {
        struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if (asked_count(p) && can_give(d, a, p) && grant(d, a, p, now) != GRANT_NOT &&
            least_asked(p, a, block, &askers))
            best = p;
        if (askers == 1)
            break;
    }
    return best;
}

/* -- before all: what is late ------------------------------------------------------------- */

static bool may_copy(const struct block *b) {
    return b->state == BLOCK_ASKED && b->askers < END_GAME_COPIES;
}

/* Who was asked will have it too late for what it is needed for, and this peer in less than half of
 * that time. */
static bool is_worth_taking(const struct block *b, const struct urgent_piece *u, usec eta,
                            usec now) {
    return b->askers == 1 && b->due_at > u->due &&
           b->due_at - now > 2 * eta + URGENT_MARGIN;
}

/* The block that this peer is to be asked for, too: one that is late, or would be. */
static bool find_late(const struct active_piece *p, const struct urgent_piece *u,
                      const struct asker *a, usec now, uint32_t *block) {
    usec since = USEC_NEVER, eta = a->eta_for(a->ctx, u->due);
    for (uint32_t i = 0; i < p->blocks; i++) {
        const struct block *b = &p->block[i];
        if (!may_copy(b) || b->late_at >= since ||
            !(b->late_at <= now || is_worth_taking(b, u, eta, now)))
            continue;
        if (!a->has_asked(a->ctx, p->index, i * WIRE_BLOCK))
            *block = i, since = b->late_at;
    }
    return since != USEC_NEVER;
}

static struct active_piece *near_piece(const struct download *d,
                                       const struct urgent_piece *u, usec now) {
    struct active_piece *p =
        u->due - now < LATE_HORIZON ? active_pieces_get(d->open, u->piece) : NULL;
    return p && p->buffer && asked_count(p) ? p : NULL;
}

/* The piece with a block that is late and that this peer should have here sooner; the earliest one
 * due. Copies are not asked of peers on parole: they get whole pieces or nothing. */
static struct active_piece *late_piece(const struct download *d, const struct asker *a,
                                       usec now, uint32_t *block) {
    struct active_piece *best = NULL;
    usec due = USEC_NEVER;
    for (uint32_t i = 0; d->urgent && !a->parole && i < d->urgent->count; i++) {
        const struct urgent_piece *u = &d->urgent->of[i];
        struct active_piece *p = near_piece(d, u, now);
        uint32_t found;
        if (p && u->due < due && can_give(d, a, p) && may_have(d, a, p->index, now) &&
            grant(d, a, p, now) != GRANT_NOT && find_late(p, u, a, now, &found))
            best = p, due = u->due, *block = found;
    }
    return best;
}

usec download_late_due(const struct download *d, usec now) {
    usec first = USEC_NEVER;
    for (uint32_t i = 0; d->urgent && i < d->urgent->count; i++) {
        const struct active_piece *p = near_piece(d, &d->urgent->of[i], now);
        for (uint32_t k = 0; p && k < p->blocks; k++)
            if (may_copy(&p->block[k]))
                first = MIN(first, p->block[k].late_at);
    }
    return first;
}

/* -- better nothing ----------------------------------------------------------------------- */

/* Is there a block of it that nobody has asked for, and that this peer could give? */
static bool could_work_on(const struct download *d, const struct asker *a, uint32_t piece,
                          usec now) {
    const struct active_piece *p = active_pieces_get(d->open, piece);
    if (p)
        return p->free_count && can_give(d, a, p) &&
               grant(d, a, p, now) == GRANT_FREELY && free_block(p, a) >= 0;
    return picker_state(d->picker, piece) == PIECE_MISSING && is_for(a, piece) &&
           !(a->plan && plan_bars(a->plan, piece));
}

/* It is fast enough for what somebody waits for, and has just too much to do at the moment. What it
 * would be asked for now, for later, would stand before that in a moment. */
static bool is_spared(const struct download *d, const struct asker *a, usec now) {
    usec waits = USEC_NEVER, works = USEC_NEVER;
    for (uint32_t i = 0; d->urgent && a->busy && i < d->urgent->count; i++) {
        const struct urgent_piece *u = &d->urgent->of[i];
        if (u->due >= MIN(waits, works) || !could_work_on(d, a, u->piece, now))
            continue;
        if (may_have(d, a, u->piece, now))
            works = u->due;
        else if (urgent_suits(u, a->eta_idle, now))
            waits = u->due;
    }
    return waits < works;
}

/* -- the answer --------------------------------------------------------------------------- */

/* Whose is the piece once this peer was asked for a block? An untouched one becomes the own of
 * a peer on parole; an owner that fell silent has lost it for good when another is asked. */
static void note_owner(const struct asker *a, struct active_piece *p, usec now) {
    if (p->only && p->only != a->peer && silent_for(p, now) >= OWNER_SILENT)
        p->only = 0, p->parole = false;
    if (a->parole && p->free_count == p->blocks)
        p->only = a->peer, p->parole = true;
}

static int ask(const struct asker *a, struct active_piece *p, uint32_t block, usec now,
               struct block_ref *out) {
    note_owner(a, p, now);
    active_piece_note_asked(p, block);
    p->block[block].due_at = now + a->eta;
    p->block[block].late_at = now + a->patience;
    *out = (struct block_ref){.piece = p->index,
                              .begin = block * WIRE_BLOCK,
                              .length = active_piece_block_len(p, block),
                              .block = block};
    return 1;
}

int download_next(struct download *d, const struct asker *a, usec now,
                  struct block_ref *out, bool *end_game) {
    uint32_t block = 0;
    struct active_piece *p = late_piece(d, a, now, &block);
    *end_game = p != NULL;
    if (p)
        return ask(a, p, block, now, out);
    if (is_spared(d, a, now))
        return 0;
    p = run_on(d, a, now);
    if (!p)
        p = best_open(d, a, GRANT_FREELY, now);
    int err = maybe_open(d, a, now, p, &p);
    if (!p && (!a->outstanding || (err < 0 && !a->parole)))
        p = best_open(d, a, GRANT_LAST_RESORT, now);
    if (p)
        return ask(a, p, (uint32_t)free_block(p, a), now, out);
    if (err < 0 || a->outstanding || a->parole || d->no_end_game || !is_end_game(d))
        return err;
    p = busy_piece(d, a, now, &block);
    *end_game = p != NULL;
    return p ? ask(a, p, block, now, out) : 0;
}

bool download_is_through(const struct download *d, uint32_t last_piece) {
    const struct active_piece *p =
        last_piece == PICKER_NONE ? NULL : active_pieces_get(d->open, last_piece);
    return !p || !p->free_count;
}

void download_expect(struct download *d, uint32_t piece, uint32_t begin, usec due_at) {
    struct active_piece *p = active_pieces_get(d->open, piece);
    struct block *b =
        p && p->buffer && begin < p->length ? &p->block[begin / WIRE_BLOCK] : NULL;
    if (b && b->state == BLOCK_ASKED && b->askers == 1)
        b->due_at = due_at;
}

void download_on_unasked(struct download *d, uint32_t piece, uint32_t begin) {
    struct active_piece *p = active_pieces_get(d->open, piece);
    if (p && begin < p->length)
        active_piece_note_unasked(p, begin / WIRE_BLOCK);
}

void download_on_gone(struct download *d, handle peer) {
    LIST_EACH(l, &d->open->list) {
        struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if (p->only == peer)
            p->only = 0, p->parole = false;
    }
}

uint32_t download_trim(struct download *d) {
    uint32_t closed = 0;
    LIST_EACH(l, &d->open->list) {
        struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if (p->received || !is_idle(p))
            continue;
        give_up(d, p);
        closed++;
    }
    return closed;
}

void download_abandon(struct download *d) {
    LIST_EACH(l, &d->open->list) {
        struct active_piece *p = LIST_ITEM(l, struct active_piece, link);
        if (p->buffer)
            give_up(d, p);
    }
}
