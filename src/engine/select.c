/* select: see the header. */
#include "engine/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "codec/magnet.h"
#include "engine/policy_pieces.h"

static int file_based(const struct torrent *t, uint32_t piece) {
    const struct metainfo *m = t->meta;
    uint64_t from = (uint64_t)piece * m->piece_length;
    uint64_t to = from + metainfo_piece_size(m, piece);
    int best = 0;
    for (uint32_t f = metainfo_file_at(m, from);
         f < m->file_count && m->files[f].offset < to; f++)
        if (!(m->files[f].flags & FILE_PAD) && m->files[f].length > 0)
            best = MAX(best, (int)t->file_priority[f]);
    return best;
}

/* What a reader needs is fetched, whatever is said of the file. */
int select_piece_priority(const struct torrent *t, uint32_t piece) {
    int priority = cap_is_on(&t->cap) ? PRIORITY_SKIP : file_based(t, piece);
    if (priority == PRIORITY_SKIP && readers_want(t, piece))
        return PRIORITY_NORMAL;
    return priority;
}

static void update_pieces(struct torrent *t, uint32_t first, uint32_t end) {
    for (uint32_t i = first; i < end; i++)
        picker_set_priority(&t->picker, i, select_piece_priority(t, i));
}

/* BEP 53: the link names files, or none and means all. */
static void take_from_link(struct torrent *t, const struct magnet *link) {
    for (uint32_t f = 0; f < t->meta->file_count; f++)
        t->file_priority[f] = magnet_selects(link, f) ? PRIORITY_NORMAL : PRIORITY_SKIP;
}

void select_init(struct torrent *t, const struct add_options *o) {
    uint32_t files = t->meta->file_count;
    memset(t->file_priority, o->choose_later ? PRIORITY_SKIP : PRIORITY_NORMAL, files);
    if (o->file_priority)
        memcpy(t->file_priority, o->file_priority, MIN(o->file_priorities, files));
    else if (t->resume && !o->choose_later)
        memcpy(t->file_priority, t->resume->file_priority, files);
    else if (o->link && !o->choose_later)
        take_from_link(t, o->link);
    update_pieces(t, 0, t->meta->pieces);
}

int select_wanted(const struct torrent *t, struct bitset *out) {
    if (bitset_init(out, t->meta->file_count) < 0)
        return ERR_NOMEM;
    for (uint32_t f = 0; f < t->meta->file_count; f++)
        if (t->file_priority[f] > 0)
            (void)bitset_add(out, f);
    return 0;
}

/* ---- changes while it lives --------------------------------------------------------------- */

struct select_change {
    struct storage_select change;
    struct torrent *torrent;
};

static void tell_storage(struct torrent *t);

static void on_changed(struct storage_op *op) {
    struct select_change *c = CONTAINER_OF(op, struct select_change, change.op);
    struct torrent *t = c->torrent;
    if (op->status < 0)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, op->status, "%s",
                      op->err.text);
    bitset_fini(&c->change.wanted);
    bitset_fini(&c->change.have);
    free(c);
    t->jobs--;
    t->selecting = false;
    if (t->select_again)
        tell_storage(t);
    torrent_maybe_done(t); /* what came from the parts file is in its place now */
}

static int change_new(struct torrent *t, struct select_change **out) {
    struct select_change *c = *out = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->torrent = t;
    c->change.op.done = on_changed;
    if (select_wanted(t, &c->change.wanted) < 0 ||
        bitset_copy(&c->change.have, &t->have) < 0)
        return ERR_NOMEM;
    return storage_select(t->storage, &c->change);
}

/* One change at a time is on its way; the last wish counts. */
static void tell_storage(struct torrent *t) {
    struct select_change *c;
    t->select_again = t->selecting;
    if (t->selecting || t->state == TORRENT_REMOVING)
        return;
    if (change_new(t, &c) == 0) {
        t->selecting = true;
        t->jobs++;
        return;
    }
    session_event(t->session, EVENT_ERROR, t, NULL, 0, ERR_NOMEM, "out of memory");
    if (c)
        bitset_fini(&c->change.wanted), bitset_fini(&c->change.have);
    free(c);
}

static void on_wishes_changed(struct torrent *t) {
    t->dirty_resume = true;
    download_trim(&t->download);
    torrent_maybe_done(t);
    torrent_note_interest(t);
    torrent_note_blocks_free(t);
    torrent_want_decision(t, false, true);
}

int torrent_set_file_priority(struct torrent *t, uint32_t file, int priority) {
    uint32_t first, end;
    if (!t->meta || file >= t->meta->file_count || priority < 0 ||
        priority > PRIORITY_TOP)
        return ERR_INVALID;
    bool was_wanted = t->file_priority[file] > 0;
    if (t->file_priority[file] == priority)
        return 0;
    t->file_priority[file] = (uint8_t)priority;
    metainfo_file_pieces(t->meta, file, &first, &end);
    update_pieces(t, first, end);
    if (was_wanted != (priority > 0))
        tell_storage(t);
    on_wishes_changed(t);
    return 0;
}

void torrent_set_piece_priority(struct torrent *t, uint32_t piece, int priority) {
    picker_set_priority(&t->picker, piece, priority);
    on_wishes_changed(t);
}

void torrent_set_piece_deadline(struct torrent *t, uint32_t piece, usec at) {
    picker_set_deadline(&t->picker, piece, at);
    policy_note_deadlines(t);
    torrent_note_blocks_free(t);
}
