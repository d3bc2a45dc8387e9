/* plan: see the header. Pieces that have been opened meanwhile (by this peer or another) are passed
 * over when they are met: nothing has to be taken out of any plan when a piece changes. */
#include "swarm/plan.h"

static bool may_open(const struct picker *picker, const struct bitset *has,
                     const struct bitset *only, uint32_t piece) {
    return piece < picker->pieces && rank_has(&picker->rank, piece) &&
           bitset_has(has, piece) && (!only || bitset_has(only, piece));
}

static bool is_urgent(const struct picker *picker, uint32_t piece) {
    return picker_deadline(picker, piece) != USEC_NEVER;
}

static bool is_in(const uint32_t *list, uint32_t n, uint32_t piece) {
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == piece)
            return true;
    return false;
}

/* ---- what is offered -------------------------------------------------------------------- */

struct offer {
    const struct picker *picker;
    const struct bitset *has, *only;
    uint32_t *out, n, most;
};

static uint32_t rows_of(const struct plan *p) {
    return p->most ? p->most : PLAN_OFFER;
}

/* So many of a full offer, as a part of this one. */
static uint32_t part(const struct offer *o, uint32_t of_full) {
    return MAX(of_full * o->most / PLAN_OFFER, 2);
}

static void offer(struct offer *o, uint32_t piece) {
    if (o->n < o->most && may_open(o->picker, o->has, o->only, piece) &&
        !is_in(o->out, o->n, piece))
        o->out[o->n++] = piece;
}

static void offer_urgent(struct offer *o) {
    for (uint32_t i = 0; i < o->picker->deadlines && o->n < part(o, PLAN_URGENT); i++)
        offer(o, o->picker->urgent[i]);
}

/* From place `from` of the built-in order on, until the offer has `most` or `look` were looked at. */
static uint32_t offer_ranked(struct offer *o, uint32_t from, uint32_t look,
                             uint32_t most) {
    const struct rank *r = &o->picker->rank;
    uint32_t i = 0;
    for (; i < look && i < r->count && o->n < most; i++)
        offer(o, r->order[(from + i) % r->count]);
    return i;
}

/* By their numbers: the wanted ones that the peer has and we lack. */
static void offer_front(struct offer *o, uint32_t most) {
    const struct bitset *lacking = &o->picker->lacking;
    for (uint32_t at = 0; at < bitset_bytes(lacking->size) && o->n < most; at++) {
        uint8_t both = lacking->bytes[at] & o->has->bytes[at];
        for (uint32_t i = 0; both && i < 8 && o->n < most; i++)
            if (both & 0x80u >> i)
                offer(o, at * 8 + i);
    }
}

/* In the end the front once more: fewer than it may be are all that there are. */
uint32_t plan_offer(struct plan *p, const struct picker *picker, const struct bitset *has,
                    const struct bitset *only, uint32_t out[PLAN_OFFER]) {
    struct offer o = {picker, has, only, out, 0, rows_of(p)};
    uint32_t all = picker->rank.count;
    if (!all || !has->count)
        return 0;
    offer_urgent(&o);
    offer_ranked(&o, 0, 8 * PLAN_OFFER,
                 all <= o.most ? o.most : o.n + part(&o, PLAN_BEST));
    offer_front(&o, MIN(o.n + part(&o, PLAN_FRONT), o.most));
    for (uint32_t i = 0; i < p->count && o.n < o.most - o.most / 4; i++)
        offer(&o, p->piece[i]);
    uint32_t looked = offer_ranked(&o, p->sweep, 32 * PLAN_OFFER, o.most);
    p->sweep = (p->sweep + looked) % all;
    p->swept += looked;
    offer_front(&o, o.most);
    return o.n;
}

/* ---- what comes of it ------------------------------------------------------------------- */

struct ranked {
    uint32_t piece;
    double score;
};

/* Keeps the best; the built-in order (that of the offer) decides between equals. */
static uint32_t rank_in(struct ranked *best, uint32_t n, uint32_t piece, double score) {
    const uint32_t max = PLAN_PIECES;
    if (n == max && score <= best[n - 1].score)
        return n;
    uint32_t i = n < max ? n : n - 1;
    for (; i > 0 && best[i - 1].score < score; i--)
        best[i] = best[i - 1];
    best[i] = (struct ranked){piece, score};
    return MIN(n + 1, max);
}

/* Urgent pieces are not planned: they go first anyhow, where they may. */
static void bar(struct plan *p, bool bars, uint32_t urgent) {
    if (bars && p->barred_count < PLAN_URGENT)
        p->barred[p->barred_count++] = urgent;
}

static void note_pause(struct plan *p, bool refused) {
    p->pause = refused && p->refused ? MIN(2 * p->pause, PLAN_PAUSE_MAX) : PLAN_PAUSE;
    p->refused = refused;
}

/* A number that grows with what the peer could give: pieces come to it, and it unchokes us. */
static uint32_t could_give(const struct bitset *has, const struct bitset *only) {
    return has->count + (only ? only->count : has->size + 1);
}

void plan_adopt(struct plan *p, const struct picker *picker, const struct bitset *has,
                const struct bitset *only, const uint32_t *offer,
                const struct verdict *verdicts, uint32_t n, usec now) {
    struct ranked best[PLAN_PIECES];
    uint32_t kept = 0, refused = 0, urgent = 0;
    p->barred_count = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool bars = verdicts[i].kind == VERDICT_NEVER;
        if (is_urgent(picker, offer[i]))
            urgent++, bar(p, bars, offer[i]);
        else if (bars)
            refused++;
        else
            kept = rank_in(best, kept, offer[i], verdict_score(&verdicts[i]));
    }
    for (uint32_t i = 0; i < kept; i++)
        p->piece[i] = best[i].piece;
    note_pause(p, refused > 0 || p->barred_count > 0);
    p->all_refused = !kept && (n < rows_of(p) || p->swept >= picker->rank.count);
    if (kept || p->all_refused)
        p->swept = 0;
    p->count = (uint8_t)kept;
    p->more = n == rows_of(p) || kept + refused + urgent < n;
    p->adopted = true, p->made_at = now;
    p->additions = picker->additions, p->could_give = could_give(has, only);
}

void plan_forget_refusals(struct plan *p) {
    p->refused = p->adopted = false;
}

/* ---- using it --------------------------------------------------------------------------- */

uint32_t plan_next(const struct plan *p, const struct picker *picker,
                   const struct bitset *has, const struct bitset *only) {
    for (uint32_t i = 0; i < p->count; i++)
        if (may_open(picker, has, only, p->piece[i]) && !is_urgent(picker, p->piece[i]))
            return p->piece[i];
    return PICKER_NONE;
}

bool plan_bars(const struct plan *p, uint32_t urgent) {
    return is_in(p->barred, p->barred_count, urgent);
}

/* Could another round name what this one does not? */
static bool knows_less(const struct plan *p, const struct picker *picker,
                       const struct bitset *has, const struct bitset *only, usec now) {
    return (p->more && !p->all_refused) || p->additions != picker->additions ||
           p->could_give != could_give(has, only) ||
           (p->refused && now - p->made_at >= p->pause);
}

bool plan_is_due(const struct plan *p, const struct picker *picker,
                 const struct bitset *has, const struct bitset *only, uint32_t age,
                 usec now) {
    return !p->adopted || p->age != age || now - p->made_at >= PLAN_LIFE ||
           (plan_next(p, picker, has, only) == PICKER_NONE &&
            knows_less(p, picker, has, only, now));
}
