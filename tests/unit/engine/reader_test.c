/* Readers against peers that say exactly what they are told to: what is asked first, what
 * is cancelled, who is asked again, and how reads end. */
#include "engine/reader.h"

#include <unistd.h>

#include "io/file.h"
#include "unit/engine/fake_peer.h"

struct answer {
    int calls, status;
    uint64_t at; /* where in the torrent its bytes belong */
    size_t len;
    struct reader *again; /* read on, in the hook */
    struct reader *close; /* close it, in the hook */
    struct swarm *w;
};

static void on_done(void *ctx, int status, struct view *v, const struct err *e) {
    struct answer *a = ctx;
    CHECK(status >= 0 || status == ERR_CANCELED || status == ERR_CLOSED || e);
    a->calls++;
    a->status = status;
    if (status == 1) {
        CHECK(v->len > 0);
        CHECK_MEM(v->data, a->w->data + a->at + a->len, v->len);
        a->len += v->len;
        view_drop(v);
    }
    if (status == 1 && a->again)
        CHECK_INT(reader_read(a->again, 10000, on_done, a), 0);
    if (a->close)
        reader_close(a->close);
}

static struct reader *open_at(struct node *n, uint32_t file, uint64_t position) {
    struct err e = {0};
    struct reader *r =
        reader_open(n->t, file, &(struct reader_options){.position = position}, &e);
    if (!r)
        check_fail(__FILE__, __LINE__, "%s", e.text);
    return r;
}

/* A session with nothing, which forgets what it may ask for from a file of 64 pieces. */
static struct node *open_large(struct swarm *w) {
    swarm_open_large(w, 64, PIECE_LEN);
    return node_open(w, NULL);
}

static struct fake *seed(struct swarm *w, struct node *n) {
    return fake_seed(w, n, true);
}

/* *asked: how often for blocks of the window that begins with the piece. */
static bool was_asked(struct fake *f, uint32_t piece, uint32_t *asked) {
    struct wire_message m;
    bool found = false;
    *asked = 0;
    swarm_settle(f->swarm);
    while (fake_next(f, &m))
        if (m.id == WIRE_REQUEST && m.index >= piece &&
            m.index < piece + WINDOW_START_PIECES)
            ++*asked, found = found || m.index == piece;
    return found;
}

/* A reader at the begin of the large file, and a seed that was asked for what it wants: so often. */
static struct fake *open_asked(struct swarm *w, struct reader **r, uint32_t *asked) {
    struct node *n = open_large(w);
    *r = open_at(n, 0, 0);
    struct fake *f = seed(w, n);
    CHECK(was_asked(f, 0, asked));
    return f;
}

TEST(reader_reads_a_file_to_its_end) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct reader *r = open_at(n, FILE_B, 0);
    struct answer a = {.w = &w, .at = 40000, .again = r};
    seed(&w, n)->serves = true;
    CHECK_INT(reader_read(r, 10000, on_done, &a), 0);
    STEP_UNTIL(&w, a.status == 0 && a.calls);
    CHECK_INT(a.len, 100000);
    CHECK_INT(reader_position(r), 100000);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_refuses_what_makes_no_sense) {
    struct swarm w;
    struct err e = {0};
    struct view v;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK(!reader_open(n->t, 99, &(struct reader_options){0}, &e));
    CHECK_INT(e.code, ERR_NOTFOUND);
    CHECK(!reader_open(n->t, FILE_A, &(struct reader_options){.position = 40001}, &e));
    CHECK_INT(e.code, ERR_INVALID);
    struct reader *r = open_at(n, FILE_A, 40000);
    CHECK_INT(reader_try(r, 1, &v), 0);
    CHECK_INT(reader_seek(r, 40001), ERR_INVALID);
    CHECK_INT(reader_read(r, 0, on_done, NULL), ERR_INVALID);
    struct answer a = {.w = &w};
    CHECK_INT(reader_seek(r, 0), 0);
    CHECK_INT(reader_read(r, 1, on_done, &a), 0);
    CHECK_INT(reader_read(r, 1, on_done, &a), ERR_BUSY);
    CHECK_INT(reader_try(r, 1, &v), ERR_BUSY);
    CHECK_INT(a.calls, 0);
    reader_close(r);
    CHECK_INT(a.status, ERR_CLOSED);
    swarm_close(&w);
}

TEST(reader_of_an_empty_file_is_at_its_end) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct reader *r = open_at(n, FILE_EMPTY, 0);
    struct answer a = {.w = &w, .status = 9};
    CHECK_INT(reader_read(r, 1, on_done, &a), 0);
    STEP_UNTIL(&w, a.calls);
    CHECK_INT(a.status, 0);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_shows_a_piece_before_it_is_on_disk) {
    struct swarm w;
    swarm_open_large(&w, 8, PIECE_LEN);
    struct node *n = node_open(&w, NULL);
    struct reader *r = open_at(n, 0, 0);
    struct answer a = {.w = &w};
    CHECK_INT(reader_read(r, PIECE_LEN, on_done, &a), 0);
    seed(&w, n)->serves = true;
    while (!a.calls) {
        swarm_step(&w);
        if (a.calls)
            CHECK(!bitset_has(&n->t->have, 0)); /* the write is at most under way */
    }
    CHECK_INT(a.len, PIECE_LEN);
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_is_shown_a_piece_that_the_disk_refuses_and_the_disk_gets_it_later) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK_INT(file_make_dirs(node_path(n, "c"), NULL), 0); /* where a file should be */
    struct reader *r = open_at(n, FILE_C, 5 * PIECE_LEN - 140000);
    struct answer a = {.w = &w, .at = 5 * PIECE_LEN};
    struct fake *f = fake_leech(&w, n, true);
    fake_say3(f, WIRE_HAVE, 5, 0, 0);
    fake_say(f, WIRE_UNCHOKE);
    f->serves = true;
    CHECK_INT(reader_read(r, PIECE_LEN, on_done, &a), 0);
    STEP_UNTIL(&w, n->t->disk_stopped && a.calls);
    CHECK_INT(a.len, PIECE_LEN);
    CHECK_INT(rmdir(node_path(n, "c")), 0);
    node_pass(n, 6 * USEC_PER_SEC);
    STEP_UNTIL(&w, bitset_has(&n->t->have, 5));
    reader_close(r);
    swarm_close(&w);
}

/* ---- what is asked, and cancelled -------------------------------------------------- */

TEST(reader_asks_for_what_lies_before_it_first) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader *r = open_at(n, 0, 20 * PIECE_LEN + 5);
    struct fake *f = seed(&w, n);
    struct wire_message m = fake_expect(f, WIRE_REQUEST);
    CHECK_INT(m.index, 20);
    CHECK_INT(fake_expect(f, WIRE_REQUEST).index, 20);
    CHECK_INT(fake_expect(f, WIRE_REQUEST).index, 21);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_that_jumps_cancels_what_the_old_place_wanted_within_a_step) {
    struct swarm w;
    struct reader *r;
    uint32_t asked;
    struct fake *f = open_asked(&w, &r, &asked);
    struct node *n = f->node;
    CHECK(asked >= 2);
    CHECK_INT(reader_seek(r, 40 * PIECE_LEN), 0);
    CHECK_INT(session_step(n->s, 0), 0);
    uint32_t cancelled = 0;
    bool wanted = false;
    swarm_settle(&w);
    for (struct wire_message m; fake_next(f, &m);) {
        if (m.id == WIRE_CANCEL && m.index < WINDOW_START_PIECES)
            cancelled++;
        if (m.id == WIRE_REQUEST && !wanted)
            CHECK_INT(m.index, 40);
        wanted = wanted || m.id == WIRE_REQUEST;
    }
    CHECK_INT(cancelled, asked);
    CHECK(wanted);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_that_jumps_leaves_other_windows_alone) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader *r = open_at(n, 0, 0), *other = open_at(n, 0, 2 * PIECE_LEN);
    struct fake *f = seed(&w, n);
    uint32_t asked;
    CHECK(was_asked(f, 0, &asked));
    CHECK_INT(reader_seek(r, 40 * PIECE_LEN), 0);
    swarm_settle(&w);
    for (struct wire_message m; fake_next(f, &m);)
        if (m.id == WIRE_CANCEL)
            CHECK(m.index < 2 || m.index >= 6);
    CHECK(picker_deadline(&n->t->picker, 2) != USEC_NEVER);
    CHECK(picker_deadline(&n->t->picker, 40) != USEC_NEVER);
    CHECK_INT(picker_deadline(&n->t->picker, 0), USEC_NEVER);
    reader_close(r), reader_close(other);
    swarm_close(&w);
}

/* The end of the file is wanted still, but what is awaited now comes first. */
TEST(reader_that_jumps_has_its_tail_asked_for_again_behind_the_new_place) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader_options o = {.prefetch = true};
    struct fake *f = seed(&w, n);
    struct reader *r = reader_open(n->t, 0, &o, NULL);
    struct wire_message m;
    uint32_t cancelled = 0, order = 0, awaited_at = 0, tail_at = 0;
    swarm_settle(&w);
    while (fake_next(f, &m)) {}
    CHECK_INT(reader_seek(r, 30 * PIECE_LEN), 0);
    swarm_settle(&w);
    while (fake_next(f, &m)) {
        cancelled += m.id == WIRE_CANCEL && m.index >= 56;
        if (m.id == WIRE_REQUEST && ++order && m.index == 30)
            awaited_at = order;
        if (m.id == WIRE_REQUEST && m.index >= 56 && !tail_at)
            tail_at = order;
    }
    CHECK(cancelled > 0);
    CHECK(awaited_at > 0 && tail_at > awaited_at);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_that_closes_cancels_what_only_it_wanted) {
    struct swarm w;
    struct reader *r;
    uint32_t asked;
    struct fake *f = open_asked(&w, &r, &asked);
    struct node *n = f->node;
    reader_close(r);
    CHECK(fake_count(f, WIRE_CANCEL) >= asked);
    CHECK_INT(n->t->picker.deadlines + n->t->picker.active_deadlines, 0);
    swarm_close(&w);
}

TEST(reader_clears_the_way_of_what_nobody_waits_for) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct fake *f = seed(&w, n);
    uint32_t asked;
    (void)was_asked(f, 0, &asked);
    struct reader *r = open_at(n, 0, 60 * PIECE_LEN);
    swarm_settle(&w);
    uint32_t cancelled = 0, wanted = 0;
    for (struct wire_message m; fake_next(f, &m);) {
        cancelled += m.id == WIRE_CANCEL && m.index < 60;
        wanted += m.id == WIRE_REQUEST && m.index >= 60;
    }
    CHECK(cancelled > 0 && wanted > 0);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_that_was_superseded_counts_again_when_the_others_are_closed) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader_options o = {.group = 3};
    struct reader *r[3], *stranger = open_at(n, 0, 50 * PIECE_LEN);
    for (uint32_t i = 0; i < 3; i++) {
        o.position = i * 10 * PIECE_LEN;
        r[i] = reader_open(n->t, 0, &o, NULL);
    }
    reader_close(r[0]); /* one that did not count */
    CHECK(r[1]->superseded && !r[2]->superseded);
    reader_close(stranger);
    CHECK(r[1]->superseded);
    reader_close(r[2]);
    CHECK(!r[1]->superseded);
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 13) != USEC_NEVER);
    reader_close(r[1]);
    swarm_close(&w);
}

TEST(reader_that_was_superseded_is_not_in_the_way_of_the_next_one) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader_options o = {.group = 3};
    struct answer a = {.w = &w};
    struct reader *old = reader_open(n->t, 0, &o, NULL);
    CHECK_INT(reader_read(old, 1, on_done, &a), 0);
    struct fake *f = seed(&w, n);
    uint32_t asked;
    CHECK(was_asked(f, 0, &asked));
    o.position = 30 * PIECE_LEN;
    struct reader *fresh = reader_open(n->t, 0, &o, NULL);
    bool seen = false, again = false;
    uint32_t cancelled = 0;
    swarm_settle(&w);
    for (struct wire_message m; fake_next(f, &m);) {
        cancelled += m.id == WIRE_CANCEL && m.index < WINDOW_START_PIECES;
        seen = seen || (m.id == WIRE_REQUEST && m.index == 30);
        if (m.id == WIRE_REQUEST && m.index == 0) {
            CHECK(seen);
            again = true;
        }
    }
    CHECK_INT(cancelled, asked);
    CHECK(seen && again); /* it still gets what it waits for */
    reader_close(old), reader_close(fresh);
    swarm_close(&w);
}

TEST(reader_looks_as_far_ahead_as_its_player_says_that_it_plays) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader *r = open_at(n, 0, 0);
    uint64_t before = window_bytes(&r->window);
    reader_set_health(r, &(struct reader_health){.bitrate = 8.0 * 8 * PIECE_LEN});
    CHECK_INT(window_rate(&r->window), 8 * PIECE_LEN);
    CHECK(window_bytes(&r->window) > before);
    reader_set_health(r, &(struct reader_health){.bitrate = -1});
    CHECK_INT(window_bytes(&r->window), before);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_with_plenty_in_store_leaves_the_order_to_rarity) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader *r = open_at(n, 0, 0);
    struct reader_health h = {.cached_seconds = 60, .playhead = 5};
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 0) != USEC_NEVER);
    reader_set_health(r, &h);
    swarm_settle(&w);
    CHECK_INT(picker_deadline(&n->t->picker, 0), USEC_NEVER);
    r->health.at -= READER_HEALTH_AGE; /* it says no more: as if it had not */
    node_pass(n, READER_HEALTH_AGE);
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 0) != USEC_NEVER);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_with_something_in_store_is_in_no_hurry_until_it_jumps) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader *r = open_at(n, 0, 0);
    struct reader_health h = {.cached_seconds = 10, .bitrate = 8e6};
    usec now = session_now(n->t->session);
    seed(&w, n);
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 0) <= session_now(n->t->session));
    reader_set_health(r, &h);
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 0) > now + 8 * USEC_PER_SEC);
    h.paused_for_cache = true;
    reader_set_health(r, &h);
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 0) <= session_now(n->t->session));
    h.paused_for_cache = false;
    reader_set_health(r, &h);
    CHECK_INT(reader_seek(r, 40 * PIECE_LEN), 0);
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 40) <= session_now(n->t->session));
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_that_was_superseded_keeps_only_what_it_waits_for_and_after_the_others) {
    struct swarm w;
    struct node *n = open_large(&w);
    struct reader_options o = {.group = 3};
    struct answer a = {.w = &w};
    struct reader *old = reader_open(n->t, 0, &o, NULL);
    CHECK_INT(reader_read(old, 1, on_done, &a), 0);
    swarm_settle(&w);
    CHECK(picker_deadline(&n->t->picker, 3) != USEC_NEVER);
    o.position = 30 * PIECE_LEN;
    struct reader *fresh = reader_open(n->t, 0, &o, NULL);
    swarm_settle(&w);
    CHECK_INT(picker_deadline(&n->t->picker, 3), USEC_NEVER);
    usec awaited = picker_deadline(&n->t->picker, 0);
    CHECK(awaited != USEC_NEVER);
    for (uint32_t i = 30; i < 34; i++)
        CHECK(picker_deadline(&n->t->picker, i) < awaited);
    reader_close(old), reader_close(fresh);
    CHECK_INT(a.status, ERR_CLOSED);
    swarm_close(&w);
}

/* ---- late -------------------------------------------------------------------------- */

TEST(reader_is_not_stalled_by_a_peer_that_takes_requests_and_never_answers) {
    struct swarm w;
    swarm_open_large(&w, 4, PIECE_LEN);
    struct node *n = node_open(&w, NULL);
    struct reader *r = open_at(n, 0, 0);
    struct answer a = {.w = &w};
    struct fake *mute = seed(&w, n);
    uint32_t asked;
    CHECK_INT(reader_read(r, PIECE_LEN, on_done, &a), 0);
    CHECK(was_asked(mute, 0, &asked));
    seed(&w, n)->serves = true;
    STEP_UNTIL(&w, a.calls);
    CHECK_INT(a.len, PIECE_LEN);
    CHECK(fake_count(mute, WIRE_CANCEL) > 0); /* what came from the other one */
    CHECK(n->s->stats.payload_wasted <= PIECE_LEN);
    reader_close(r);
    swarm_close(&w);
}

/* ---- how it ends ------------------------------------------------------------------- */

TEST(reader_may_be_closed_in_its_own_hook) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct reader *r = open_at(n, FILE_A, 0);
    struct answer a = {.w = &w, .close = r};
    CHECK_INT(reader_read(r, 10, on_done, &a), 0);
    STEP_UNTIL(&w, a.calls);
    CHECK_INT(n->t->readers.count, 0);
    swarm_close(&w);
}

TEST(reader_may_be_closed_in_the_hook_of_its_own_end) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct reader *r = open_at(n, FILE_A, 0);
    struct answer a = {.w = &w, .close = r};
    CHECK_INT(reader_read(r, 10, on_done, &a), 0);
    torrent_remove(n->t, false);
    CHECK_INT(a.status, ERR_CLOSED);
    CHECK_INT(a.calls, 1);
    n->t = NULL;
    swarm_close(&w);
}

TEST(reader_outlives_its_session) {
    struct swarm w;
    struct view v;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct reader *r = open_at(n, FILE_A, 0);
    struct answer a = {.w = &w};
    CHECK_INT(reader_read(r, 10, on_done, &a), 0);
    node_close(n);
    CHECK_INT(a.status, ERR_CLOSED);
    CHECK_INT(reader_read(r, 10, on_done, &a), ERR_CLOSED);
    CHECK_INT(reader_try(r, 10, &v), ERR_CLOSED);
    CHECK_INT(reader_seek(r, 0), ERR_CLOSED);
    CHECK_INT(reader_ready(r, 10), 0);
    reader_set_health(r, &(struct reader_health){0});
    reader_cancel(r);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_without_an_owner_ends_with_its_torrent) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct reader *r =
        reader_open(n->t, FILE_A, &(struct reader_options){.ownerless = true}, NULL);
    handle id = r->id;
    CHECK(session_reader(n->s, id) == r);
    torrent_remove(n->t, false);
    CHECK(!session_reader(n->s, id));
    n->t = NULL;
    swarm_close(&w);
}

TEST(reader_tells_what_the_disk_says) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    CHECK_INT(truncate(node_path(n, "a"), 100), 0);
    struct reader *r = open_at(n, FILE_A, 0);
    struct answer a = {.w = &w};
    CHECK_INT(reader_read(r, 10000, on_done, &a), 0);
    STEP_UNTIL(&w, a.calls);
    CHECK_INT(a.status, ERR_IO);
    CHECK_INT(reader_position(r), 0);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_goes_on_when_the_memory_budget_is_spent) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct reader *r = open_at(n, FILE_B, 0);
    struct answer a = {.w = &w, .at = 40000, .again = r};
    size_t limit = n->s->budget.limit;
    n->s->budget.limit = n->s->budget.used;
    CHECK_INT(reader_read(r, 10000, on_done, &a), 0);
    STEP_UNTIL(&w, a.status == 0 && a.calls);
    CHECK_INT(a.len, 100000);
    n->s->budget.limit = limit;
    reader_close(r);
    swarm_close(&w);
}

/* What comes first is not what is awaited: it must not keep the memory that the awaited
 * needs. */
TEST(reader_is_not_stopped_by_what_is_kept_for_it_when_memory_is_scarce) {
    struct swarm w;
    swarm_open_large(&w, 6, PIECE_LEN);
    struct node *n = node_open(
        &w, &(struct node_options){.settings.memory = PIECE_LEN + PIECE_LEN / 2});
    struct reader *r = open_at(n, 0, 0);
    struct answer a = {.w = &w, .again = r};
    struct fake *late = fake_leech(&w, n, true);
    CHECK_INT(reader_read(r, 10000, on_done, &a), 0);
    for (uint32_t i = 1; i < 6; i++)
        fake_say3(late, WIRE_HAVE, i, 0, 0);
    fake_say(late, WIRE_UNCHOKE);
    late->serves = true;
    STEP_UNTIL(&w, n->t->have.count == 5);
    seed(&w, n)->serves = true;
    STEP_UNTIL(&w, a.status == 0 && a.calls);
    CHECK_INT(a.len, w.size);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_skips_what_left_otherwise) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct reader *r = open_at(n, FILE_B, 0);
    CHECK_INT(reader_on_disk(r, 50000), 50000);
    CHECK_INT(reader_on_disk(r, UINT64_MAX), 100000);
    reader_skip(r, 50000);
    CHECK_INT(reader_position(r), 50000);
    CHECK_INT(r->window.run, 50000);
    reader_skip(r, UINT64_MAX);
    CHECK_INT(reader_position(r), 100000);
    reader_close(r);
    swarm_close(&w);
}

TEST(reader_costs_only_itself_when_memory_is_out) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    CHECK_EACH_NOMEM(nth) {
        struct err e = {0};
        struct answer a = {.w = &w, .at = 40000};
        struct reader *r = reader_open(n->t, FILE_B, &(struct reader_options){0}, &e);
        int status = r ? reader_read(r, 5000, on_done, &a) : ERR_NOMEM;
        for (int i = 0; i < 50 && status == 0 && !a.calls; i++)
            (void)session_step(n->s, 20 * USEC_PER_MSEC);
        bool hit = check_nomem_hit();
        if (!r)
            CHECK_INT(e.code, ERR_NOMEM);
        else
            CHECK(a.calls == 1 && (a.status == 1 || a.status == ERR_NOMEM));
        CHECK(hit || (r && a.len == 5000));
        if (r)
            reader_close(r);
    }
    swarm_close(&w);
}

/* ---- beside a judge ---------------------------------------------------------------------- */

/* Likes nothing from this piece on, and nothing that nobody waits for. */
struct taste {
    uint32_t end;
};

static bool judges_pieces(void *owner, handle torrent, enum policy_question q) {
    (void)owner, (void)torrent;
    return q == POLICY_PIECE;
}

static bool judge(void *owner, const struct policy_ask *ask) {
    const struct taste *taste = owner;
    for (uint32_t i = 0; i < ask->n; i++) {
        bool likes =
            ask->pieces[i].index < taste->end && ask->pieces[i].deadline != USEC_NEVER;
        ask->verdicts[i].kind = likes ? VERDICT_OWN : VERDICT_NEVER;
    }
    return true;
}

static const struct policy_hooks judge_hooks = {judges_pieces, judge};

/* A piece is all that is asked for at once: the judge has his say about those behind. */
#define JUDGED_PIECE (16 * WIRE_BLOCK)

struct judged {
    struct swarm w;
    struct taste taste;
    struct node *n;
    struct reader *r;
    struct fake *f;
};

/* It has been asked for all that the judge allows, and rests for seconds. */
static void wait_resting(struct judged *j) {
    const struct peer *p = node_peer(j->n);
    STEP_UNTIL(&j->w, p->judge_rests && p->ask_after > session_now(p->session));
}

/* A reader at the front of so many pieces, of which he has let nobody have more than two so far. */
static void judged_open(struct judged *j, uint32_t pieces) {
    *j = (struct judged){.taste.end = 2};
    swarm_open_large(&j->w, pieces, JUDGED_PIECE);
    j->n = node_open(&j->w, NULL);
    j->n->s->policy = (struct policy){&judge_hooks, &j->taste};
    j->r = open_at(j->n, 0, 0);
    j->f = seed(&j->w, j->n);
    j->f->serves = true;
    STEP_UNTIL(&j->w, bitset_has(&j->n->t->have, 1));
    wait_resting(j);
    CHECK(!bitset_has(&j->n->t->have, 2));
    j->taste.end = pieces;
    j->f->serves = false;
}

static void judged_close(struct judged *j) {
    reader_close(j->r);
    swarm_close(&j->w);
}

TEST(reader_that_reads_on_ends_the_rest_of_a_judge) {
    struct judged j;
    judged_open(&j, 16);
    struct answer a = {.w = &j.w};
    CHECK_INT(reader_read(j.r, JUDGED_PIECE, on_done, &a), 0);
    STEP_UNTIL(&j.w, a.calls);
    CHECK(fake_count(j.f, WIRE_REQUEST) > 0);
    judged_close(&j);
}

TEST(reader_that_seeks_ends_the_rest_of_a_judge) {
    struct judged j;
    judged_open(&j, 16);
    CHECK_INT(reader_seek(j.r, 8 * JUDGED_PIECE), 0);
    CHECK(fake_count(j.f, WIRE_REQUEST) > 0);
    judged_close(&j);
}

/* Nothing is needed that was not needed before, but sooner. */
TEST(reader_that_seeks_in_its_window_ends_the_rest_of_a_judge) {
    struct judged j;
    judged_open(&j, WINDOW_START_PIECES);
    CHECK_INT(reader_seek(j.r, 2 * JUDGED_PIECE), 0);
    CHECK(fake_count(j.f, WIRE_REQUEST) > 0);
    judged_close(&j);
}
