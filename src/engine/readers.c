/* readers: see the header. A decision is: what do all windows cover (wish), what has
 * changed since the last time (apply), whose requests are in the way (cancel), who is
 * fast enough (set_pace). */
#include "engine/readers.h"

#include <stdlib.h>

#include "base/err.h"
#include "engine/peer.h"
#include "engine/policy_pieces.h"
#include "engine/reader.h"
#include "engine/select.h"

/* Head and tail: behind what is read first, but not for ever behind what is read next. */
#define ENDS_AFTER USEC_PER_SEC
#define ENDS_LEAST (100 * USEC_PER_MSEC)
#define SUPERSEDED_AFTER (60 * USEC_PER_SEC) /* behind everything else */
#define PLENTY 30.0 /* seconds that a player has in store when nothing is urgent */
/* Players seek by ending one request and making another: queues stay short in between. */
#define MOVE_TIME USEC_PER_SEC
/* What readers need within their reserve is needed at the same time. */
#define SAME_TIME (WINDOW_RESERVE / 8)
#define LOOK_AGAIN (100 * USEC_PER_MSEC)
#define LOOK_LEAST (10 * USEC_PER_MSEC)
#define SERVE_ROUNDS 16 /* of reads that are answered at once, in one step */

/* ---- wishes ------------------------------------------------------------------------ */

static bool health_is_known(const struct reader *r, usec now) {
    return r->health.at && now - r->health.at < READER_HEALTH_AGE;
}

static bool has_plenty(const struct reader *r, usec now) {
    return health_is_known(r, now) && !r->health.paused_for_cache &&
           r->health.cached_seconds >= PLENTY;
}

/* What its player has in store beyond what it reads next. */
static usec stored_by(const struct reader *r, usec now) {
    if (!health_is_known(r, now) || r->health.paused_for_cache)
        return 0;
    double seconds = MIN(MAX(r->health.cached_seconds, 0), PLENTY);
    return MAX((usec)(seconds * (double)USEC_PER_SEC) - (now - r->health.at), 0);
}

static int wish(struct torrent *t, uint32_t piece, usec due) {
    if (picker_state(&t->picker, piece) >= PIECE_HASHING)
        return 0;
    return urgent_add(&t->readers.wanted, piece, due);
}

static int wish_range(struct torrent *t, uint64_t from, uint64_t bytes, usec due) {
    uint32_t length = t->meta->piece_length;
    int status = 0;
    for (uint64_t at = from; status == 0 && at < from + bytes;) {
        uint32_t piece = (uint32_t)(at / length);
        status = wish(t, piece, due);
        at = ((uint64_t)piece + 1) * length;
    }
    return status;
}

static int wish_ends(struct torrent *t, const struct reader *r, usec now) {
    uint64_t head, tail;
    usec due = MAX(r->opened_at + ENDS_AFTER, now + ENDS_LEAST);
    if (!r->prefetch || r->superseded)
        return 0;
    window_ends(r->length, &head, &tail);
    head = cap_ends(t, head), tail = cap_ends(t, tail);
    int status = wish_range(t, r->offset + r->length - tail, tail, due);
    return status < 0 ? status : wish_range(t, r->offset, head, due);
}

/* A reader that was replaced by another keeps what it waits for. */
static int wish_window(struct torrent *t, const struct reader *r, usec now) {
    uint32_t first, end;
    usec later = r->superseded ? SUPERSEDED_AFTER : 0;
    if (r->resting || (has_plenty(r, now) && !cap_is_on(&t->cap)))
        return 0; /* under a cap nothing comes that is not wished */
    window_pieces(&r->window, &first, &end);
    end = MIN(end - first, cap_window(t)) + first;
    if (r->superseded)
        end = MIN(end, first + (r->waiting_since != 0));
    int status = 0;
    usec stored = stored_by(r, now);
    for (uint32_t i = first; status == 0 && i < end; i++)
        status = wish(t, i, window_due(&r->window, i, stored, now) + later);
    return status;
}

/* Without memory for all wishes there are fewer of them: nobody is the worse for it but
 * the readers. */
static void collect(struct torrent *t, usec now) {
    urgent_clear(&t->readers.wanted);
    LIST_EACH(l, &t->readers.list) {
        const struct reader *r = LIST_ITEM(l, struct reader, link);
        if (wish_window(t, r, now) < 0 || wish_ends(t, r, now) < 0)
            break;
    }
    urgent_settle(&t->readers.wanted);
    urgent_limit(&t->readers.wanted, cap_room(t));
}

/* ---- from wishes to deadlines ------------------------------------------------------ */

static void demand(struct torrent *t, const struct urgent_piece *u) {
    if (picker_priority(&t->picker, u->piece) == PRIORITY_SKIP)
        picker_set_priority(&t->picker, u->piece, PRIORITY_NORMAL);
    picker_set_deadline(&t->picker, u->piece, u->due);
}

static void release(struct torrent *t, uint32_t piece) {
    picker_set_deadline(&t->picker, piece, USEC_NEVER);
    picker_set_priority(&t->picker, piece, select_piece_priority(t, piece));
}

static void apply(struct torrent *t) {
    struct readers *r = &t->readers;
    uint32_t wanted = t->picker.wanted;
    for (uint32_t i = 0; i < r->wanted.count; i++)
        demand(t, &r->wanted.of[i]);
    for (uint32_t i = 0; i < r->before.count; i++)
        if (!urgent_find(&r->wanted, r->before.of[i].piece))
            release(t, r->before.of[i].piece);
    t->download.urgent = r->wanted.count ? &r->wanted : NULL;
    if (r->wanted.count || r->before.count)
        r->wished_at = session_now(t->session);
    if (t->picker.wanted != wanted) { /* skipped pieces are wanted, or no more */
        torrent_maybe_done(t);
        torrent_note_interest(t);
        torrent_want_decision(t, false, true);
    }
}

static bool has_moved(const struct readers *r) {
    bool moved = r->jumps;
    for (uint32_t i = 0; i < r->wanted.count && !moved; i++)
        moved = !urgent_find(&r->before, r->wanted.of[i].piece);
    return moved;
}

/* ---- what is in the way ------------------------------------------------------------ */

static const struct urgent_piece *first_due(const struct urgent *u) {
    const struct urgent_piece *first = NULL;
    for (uint32_t i = 0; i < u->count; i++)
        if (!first || u->of[i].due < first->due)
            first = &u->of[i];
    return first;
}

static void cancel_left(struct peer *p, const struct readers *r) {
    for (uint32_t i = p->requests.count; i-- > 0;) {
        const struct request *q = requests_at(&p->requests, i);
        if (!q->cancelled && urgent_find(&r->before, q->piece) &&
            !urgent_find(&r->wanted, q->piece))
            peer_cancel_block(p, q->piece, q->begin);
    }
}

/* What only the left place wanted goes; where a reader has come to a place, everything
 * goes that stands before it in the queues of those who can serve it: what is due later,
 * and what a superseded reader still waits for. That is asked again, behind. */
static void clear_way(struct peer *p, const struct readers *r,
                      const struct urgent_piece *awaited) {
    if (r->jumps && awaited && bitset_has(&p->has, awaited->piece))
        peer_cancel_later(p, &r->wanted, awaited->due + SAME_TIME);
    else
        cancel_left(p, r);
}

static void cancel(struct torrent *t) {
    struct readers *r = &t->readers;
    if (!r->leaves && !r->jumps)
        return;
    const struct urgent_piece *awaited = first_due(&r->wanted);
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY)
            clear_way(p, r, awaited);
    }
    download_trim(&t->download);
    r->leaves = r->jumps = false;
}

/* ---- who is fast enough ------------------------------------------------------------ */

static uint32_t fill_rows(struct torrent *t, struct urgent_peer *rows, uint32_t max) {
    uint32_t n = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (n == max || p->state != PEER_READY || !p->interested || p->choked)
            continue;
        struct urgent_speed speed = peer_speed(p);
        rows[n++] = (struct urgent_peer){&p->has, urgent_eta(&speed),
                                         urgent_is_proven(&speed) ? speed.rate : 0};
    }
    return n;
}

static bool has_room(struct readers *r, uint32_t n) {
    if (n <= r->peers_cap)
        return true;
    struct urgent_peer *rows = realloc(r->peers, n * sizeof *rows);
    if (rows)
        r->peers = rows, r->peers_cap = n;
    return rows != NULL;
}

/* Of a peer that has just begun one thinks too well, or too badly. */
static void expect(struct torrent *t) {
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->state == PEER_READY)
            peer_expect(p);
    }
}

static void set_pace(struct torrent *t) {
    struct readers *r = &t->readers;
    if (!r->wanted.count || !has_room(r, MAX(t->ready_count, 1u)))
        return;
    expect(t);
    uint32_t n = fill_rows(t, r->peers, r->peers_cap);
    urgent_set_pace(&r->wanted, r->peers, n, t->meta->piece_length);
}

/* While something is awaited peers become late, faster, slower; and what a player says of
 * itself is forgotten after a while. */
static usec next_look(const struct torrent *t, usec now) {
    usec next = USEC_NEVER;
    if (t->readers.wanted.count) {
        usec late = download_late_due(&t->download, now);
        next = MAX(MIN(late, now + LOOK_AGAIN), now + LOOK_LEAST);
    }
    LIST_EACH(l, &t->readers.list) {
        const struct reader *r = LIST_ITEM(l, struct reader, link);
        if (health_is_known(r, now))
            next = MIN(next, r->health.at + READER_HEALTH_AGE);
    }
    return next;
}

static void on_timer(struct timer *timer, usec now) {
    (void)now;
    readers_note_change(CONTAINER_OF(timer, struct torrent, readers.timer));
}

/* ---- deciding ---------------------------------------------------------------------- */

void readers_note_change(struct torrent *t) {
    t->readers.due = true;
    torrent_want_decision(t, false, false);
}

static void swap(struct urgent *a, struct urgent *b) {
    struct urgent c = *a;
    *a = *b, *b = c;
}

void readers_decide(struct torrent *t) {
    struct readers *r = &t->readers;
    usec now = session_now(t->session);
    r->due = false;
    if (t->state == TORRENT_CHECKING)
        return; /* torrent_on_ready calls again */
    swap(&r->wanted, &r->before);
    collect(t, now);
    apply(t);
    if (has_moved(r))
        policy_note_window(t);
    cancel(t);
    set_pace(t);
    held_trim(t);
    policy_note_deadlines(t);
    timer_set(loop_timers(t->session->loop), &r->timer, next_look(t, now));
    torrent_note_blocks_free(t);
}

bool readers_hurry(const struct torrent *t) {
    usec now = session_now(t->session);
    return t->readers.wanted.count > 0 ||
           (t->readers.wished_at && now - t->readers.wished_at < MOVE_TIME);
}

bool readers_want(const struct torrent *t, uint32_t piece) {
    return urgent_find(&t->readers.wanted, piece) != NULL;
}

bool readers_lack(const struct torrent *t) {
    LIST_EACH(l, &t->readers.list) {
        if (t->file_missing[LIST_ITEM(l, struct reader, link)->file] > 0)
            return true;
    }
    return false;
}

bool readers_interested(const struct torrent *t, const struct bitset *has) {
    if (!readers_lack(t) && !cap_is_on(&t->cap))
        return false;
    for (size_t i = 0; i < bitset_bytes(has->size); i++)
        if (has->bytes[i] & (uint8_t)~t->have.bytes[i])
            return true;
    return false;
}

/* ---- pieces come ------------------------------------------------------------------- */

static bool awaits(const struct reader *r, uint32_t piece) {
    uint64_t at = r->offset + r->window.position;
    return r->reading && at / r->torrent->meta->piece_length == piece;
}

bool readers_await(const struct torrent *t, uint32_t piece) {
    LIST_EACH(l, &t->readers.list) {
        if (awaits(LIST_ITEM(l, struct reader, link), piece))
            return true;
    }
    return false;
}

static void wake(struct torrent *t, uint32_t piece) {
    LIST_EACH(l, &t->readers.list) {
        struct reader *r = LIST_ITEM(l, struct reader, link);
        if (awaits(r, piece) && list_empty(&r->due))
            list_append(&t->session->readers_due, &r->due);
    }
}

void readers_on_verified(struct torrent *t, uint32_t piece, struct shared_bytes *bytes) {
    held_add(t, piece, bytes);
    wake(t, piece);
}

void readers_on_have(struct torrent *t, uint32_t piece) {
    if (t->readers.count)
        wake(t, piece);
    if (readers_want(t, piece))
        readers_note_change(t);
}

void readers_on_lost(struct torrent *t, uint32_t piece) {
    (void)piece;
    if (t->readers.count)
        readers_note_change(t);
}

void readers_on_peer(struct torrent *t) {
    if (t->readers.wanted.count)
        readers_note_change(t);
}

void readers_serve(struct session *s) {
    for (int round = 0; round < SERVE_ROUNDS && !list_empty(&s->readers_due); round++) {
        struct link now, *l;
        list_init(&now);
        while ((l = list_shift(&s->readers_due)))
            list_append(&now, l);
        while ((l = list_shift(&now)))
            reader_advance(LIST_ITEM(l, struct reader, due));
    }
}

/* ---- life -------------------------------------------------------------------------- */

void readers_init(struct torrent *t) {
    struct readers *r = &t->readers;
    list_init(&r->list), list_init(&r->held);
    urgent_init(&r->wanted), urgent_init(&r->before);
    timer_init(&r->timer, on_timer);
}

void readers_detach(struct torrent *t) {
    while (!list_empty(&t->readers.list))
        reader_detach(LIST_ITEM(t->readers.list.next, struct reader, link));
    held_clear(t);
    timer_stop(loop_timers(t->session->loop), &t->readers.timer);
}

void readers_fini(struct torrent *t) {
    struct readers *r = &t->readers;
    held_clear(t);
    timer_stop(loop_timers(t->session->loop), &r->timer);
    urgent_fini(&r->wanted), urgent_fini(&r->before);
    free(r->peers);
}
