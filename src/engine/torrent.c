/* torrent: birth, states and death of one torrent. Its work is in the files by question. */
#include "engine/torrent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "engine/check.h"
#include "engine/choke.h"
#include "engine/connect.h"
#include "engine/mapping.h"
#include "engine/peer.h"
#include "engine/policy_pieces.h"
#include "engine/save.h"
#include "engine/select.h"
#include "engine/store.h"
#include "swarm/shortlist.h"

const char *torrent_state_name(enum torrent_state s) {
    static const char *const names[] = {"metadata", "checking", "downloading",
                                        "finished", "seeding",  "removing"};
    return names[s];
}

/* ---- trackers' questions ----------------------------------------------------------------- */

static void describe(void *owner, struct announce_request *r, bool *want_peers) {
    const struct torrent *t = owner;
    uint16_t port = mapping_public_port(t->session);
    r->port = port ? port : 1; /* some refuse port 0 */
    r->uploaded = t->uploaded, r->downloaded = t->downloaded;
    r->left = torrent_bytes_left(t);
    *want_peers = torrent_active(t) && t->peer_count < connect_limit(t);
}

static void on_tracker_peers(void *owner, const struct addr *a, uint32_t n) {
    torrent_on_addresses(owner, a, n, SOURCE_TRACKER);
}

static void on_tracker_result(void *owner, const char *url, int status, const char *text,
                              uint32_t peers) {
    struct torrent *t = owner;
    session_event(t->session, EVENT_TRACKER, t, NULL, peers, status, "%s%s%s", url,
                  *text ? ": " : "", text);
}

static void on_external_ip(void *owner, const struct addr *a) {
    const struct torrent *t = owner;
    session_note_external(t->session, a);
}

static void on_scrape(void *owner, const char *url, int status, const char *text,
                      const struct scrape_counts *counts) {
    struct torrent *t = owner;
    struct event ev = {.type = EVENT_SCRAPE, .torrent = t->id, .code = status};
    struct text what;
    text_init(&what);
    text_addf(&what, "%s%s%s", url, *text ? ": " : "", text);
    ev.text = text_take(&what, NULL);
    if (counts && (ev.data = malloc(sizeof *counts))) {
        memcpy(ev.data, counts, sizeof *counts);
        ev.len = sizeof *counts;
    }
    events_push(&t->session->events, &ev);
}

static const struct trackers_hooks tracker_hooks = {
    describe, on_tracker_peers, on_tracker_result, on_external_ip, on_scrape};

static struct trackers *make_trackers(struct torrent *t) {
    struct session *s = t->session;
    const struct trackers_tools tools = {
        .loop = s->loop,
        .fetcher = s->fetcher,
        .udp = session_direct(s) ? s->udp_trackers : NULL,
        .rng = &s->rng,
        .user_agent = s->settings.user_agent,
        .bind = s->settings.bind,
        .ca_file = s->settings.ca_file,
    };
    return trackers_new(&tools, t->meta, &tracker_hooks, t);
}

/* ---- birth ------------------------------------------------------------------------------- */

static void on_connect_timer(struct timer *timer, usec now) {
    (void)now;
    torrent_want_decision(CONTAINER_OF(timer, struct torrent, connect_timer), false,
                          true);
}

static struct torrent *torrent_new(struct session *s, struct metainfo *m) {
    struct torrent *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->session = s, t->meta = m;
    t->state = TORRENT_CHECKING;
    memcpy(t->info_hash, m->info_hash, sizeof t->info_hash);
    list_init(&t->in_session), list_init(&t->in_decide), list_init(&t->in_checkers),
        list_init(&t->dying);
    list_init(&t->peers), list_init(&t->at_door), list_init(&t->to_plan);
    roster_init(&t->roster);
    blame_init(&t->blame);
    timer_init(&t->connect_timer, on_connect_timer);
    choke_init(t);
    dht_seek_init(t);
    lsd_member_init(t);
    policy_pieces_init(t);
    store_init(t);
    save_init(t);
    readers_init(t);
    usec now = session_now(s);
    bucket_init(&t->up, 0, now), bucket_init(&t->down, 0, now);
    t->added_at = (int64_t)time(NULL);
    t->roster.own4 = s->external4, t->roster.own6 = s->external6;
    return t;
}

/* What grows with the torrent. */
static int allocate(struct torrent *t) {
    const struct metainfo *m = t->meta;
    /* A buffer that was given back is warm, a fresh one costs a page fault every four kilobytes: while
     * pieces come, all are kept (choke lets them go every round, and when it is over). */
    uint32_t idle = (uint32_t)(t->session->budget.limit / m->piece_length) + 1;
    t->file_priority = calloc(MAX(m->file_count, 1u), 1);
    t->file_missing = calloc(MAX(m->file_count, 1u), sizeof *t->file_missing);
    if (!t->file_priority || !t->file_missing || bitset_init(&t->have, m->pieces) < 0 ||
        picker_init(&t->picker, m->pieces, &t->session->rng) < 0)
        return ERR_NOMEM;
    t->download = (struct download){
        .picker = &t->picker, .open = &t->open, .max_block = WIRE_BLOCK};
    return active_pieces_init(&t->open, m->size, m->piece_length, m->pieces, idle,
                              &t->session->budget);
}

static int open_storage(struct torrent *t, const struct add_options *o) {
    const char *directory = o->directory ? o->directory : t->session->settings.directory;
    bool full = o->full_allocation || t->session->settings.full_allocation;
    const char *state = t->session->settings.state;
    struct bitset wanted = {0};
    char *parts = resume_path(state ? state : directory, t->info_hash,
                              state ? "parts" : "mare-parts");
    if (parts && select_wanted(t, &wanted) == 0)
        t->storage = storage_new(t->session->loop, t->meta, directory, parts,
                                 full ? STORAGE_FULL : STORAGE_SPARSE, &wanted);
    bitset_fini(&wanted);
    free(parts);
    return t->storage ? 0 : ERR_NOMEM;
}

static int build(struct torrent *t, const struct add_options *o) {
    struct session *s = t->session;
    if (allocate(t) < 0)
        return ERR_NOMEM;
    save_load(t);
    select_init(t, o->file_priority, o->file_priorities);
    if (open_storage(t, o) < 0)
        return ERR_NOMEM;
    t->trackers = make_trackers(t);
    t->id = slots_add(&s->torrents, t);
    return t->trackers && t->id ? 0 : ERR_NOMEM;
}

static void torrent_free(struct torrent *t) {
    struct timers *timers = loop_timers(t->session->loop);
    policy_pieces_fini(t);
    timer_stop(timers, &t->choke_timer), timer_stop(timers, &t->connect_timer);
    timer_stop(timers, &t->resume_timer), timer_stop(timers, &t->disk_timer);
    timer_stop(timers, &t->gather_timer);
    dht_seek_stop(t);
    lsd_stop(t);
    session_delist(t);
    list_remove(&t->in_decide), list_remove(&t->in_checkers), list_remove(&t->dying);
    readers_fini(t);
    if (t->trackers)
        trackers_free(t->trackers);
    if (t->storage)
        storage_drop(t->storage);
    resume_free(t->resume);
    roster_fini(&t->roster);
    blame_fini(&t->blame);
    active_pieces_fini(&t->open);
    picker_fini(&t->picker);
    bitset_fini(&t->have), bitset_fini(&t->to_check), bitset_fini(&t->found);
    free(t->file_priority), free(t->file_missing);
    metainfo_drop(t->meta);
    slots_remove(&t->session->torrents, t->id);
    free(t);
}

/* It can be checked and seeded, but a piece that is received lies in memory as a whole. */
static void warn_of_memory(struct torrent *t) {
    uint64_t limit = t->session->budget.limit;
    if (t->meta->piece_length > limit)
        session_event(t->session, EVENT_ERROR, t, NULL, 0, ERR_LIMIT,
                      "%s cannot be downloaded: its pieces of %u KiB need more than the "
                      "%llu KiB of memory that are allowed (raise `memory`)",
                      t->meta->name, t->meta->piece_length >> 10,
                      (unsigned long long)limit >> 10);
}

/* Its jobs would delete what a new one finds or writes. */
static bool is_being_deleted(const struct session *s, const uint8_t info_hash[20]) {
    LIST_EACH(l, &s->dying_torrents) {
        const struct torrent *t = LIST_ITEM(l, struct torrent, dying);
        if (t->deletes && !t->removed && !memcmp(t->info_hash, info_hash, SHA1_LEN))
            return true;
    }
    return false;
}

static int check_new(struct session *s, const struct metainfo *m, struct torrent **known,
                     struct err *e) {
    *known = session_find(s, m->info_hash);
    if (*known)
        return err_set(e, ERR_EXISTS, "%s is in this session already",
                       (*known)->meta->name);
    if (is_being_deleted(s, m->info_hash))
        return err_set(e, ERR_BUSY,
                       "the data of %s is being deleted; wait for its `removed` event",
                       m->name);
    return 0;
}

int torrent_add(struct session *s, const uint8_t *data, size_t len,
                const struct add_options *o, struct torrent **out, struct err *e) {
    struct metainfo *m;
    int status = metainfo_parse(&m, data, len, e);
    if (status < 0)
        return status;
    status = check_new(s, m, out, e);
    if (status < 0) {
        metainfo_drop(m);
        return status;
    }
    struct torrent *t = torrent_new(s, m);
    if (!t) {
        metainfo_drop(m);
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    if (build(t, o) < 0 || session_enlist(s, t) < 0) {
        torrent_free(t);
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    t->paused = o->paused, t->seed_mode = o->seed_mode;
    session_event(s, EVENT_METADATA, t, NULL, 0, 0, NULL);
    warn_of_memory(t);
    check_begin(t);
    *out = t;
    return 0;
}

/* ---- states ------------------------------------------------------------------------------ */

void torrent_set_state(struct torrent *t, enum torrent_state s) {
    if (t->state == s)
        return;
    assert(t->state != TORRENT_REMOVING);
    t->state = s;
    session_event(t->session, EVENT_STATE, t, NULL, 0, 0, "%s", torrent_state_name(s));
}

bool torrent_active(const struct torrent *t) {
    return !t->paused && !t->session->closed && t->state != TORRENT_REMOVING;
}

bool torrent_wants_data(const struct torrent *t) {
    return torrent_active(t) && t->state == TORRENT_DOWNLOADING;
}

bool torrent_downloads(const struct torrent *t) {
    return torrent_wants_data(t) && !t->disk_stopped;
}

static enum torrent_state state_by_pieces(const struct torrent *t) {
    if (!picker_done(&t->picker) || readers_lack(t))
        return TORRENT_DOWNLOADING;
    return bitset_full(&t->have) ? TORRENT_SEEDING : TORRENT_FINISHED;
}

static void note_done(struct torrent *t) {
    t->announced_done = true;
    if (!t->done_at)
        t->done_at = (int64_t)time(NULL);
    session_event(t->session, EVENT_DONE, t, NULL, 0, 0, NULL);
    (void)torrent_save(t);
}

static void tell_upload_only(struct torrent *t) {
    LIST_EACH(l, &t->peers) {
        peer_say_upload_only(LIST_ITEM(l, struct peer, in_torrent));
    }
}

void torrent_maybe_done(struct torrent *t) {
    if (t->state == TORRENT_CHECKING || t->state == TORRENT_REMOVING)
        return;
    enum torrent_state now = state_by_pieces(t), before = t->state;
    if (t->selecting && now != TORRENT_DOWNLOADING)
        return; /* the selection's end comes by here again */
    torrent_set_state(t, now);
    if ((now == TORRENT_DOWNLOADING) != (before == TORRENT_DOWNLOADING))
        tell_upload_only(t);
    if (now == TORRENT_DOWNLOADING) {
        t->announced_done = false;
        if (before != TORRENT_DOWNLOADING)
            roster_note_new_wish(&t->roster);
        return;
    }
    if (before == TORRENT_DOWNLOADING) {
        if (bitset_full(&t->have) && t->verified > 0)
            trackers_completed(t->trackers);
        torrent_note_interest(t); /* nobody interests us now */
        buffer_pool_clear(&t->open.pool);
        t->useless_due = true;
        torrent_want_decision(t, true, false);
    }
    if (!t->announced_done)
        note_done(t);
}

void torrent_update_finders(struct torrent *t) {
    bool dht = t->session->dht && torrent_may_use(t, SOURCE_DHT);
    if (dht && !t->dht.on)
        dht_node_add_torrent(t->session->dht, t);
    dht_seek_update(t);
    lsd_update(t);
}

static void start(struct torrent *t) {
    roster_note_new_wish(&t->roster); /* those left for a pause or a check */
    trackers_start(t->trackers, t->info_hash, t->session->peer_id);
    torrent_update_finders(t);
    LIST_EACH(l, &t->peers) {
        peer_on_torrent_ready(LIST_ITEM(l, struct peer, in_torrent));
    }
    torrent_want_decision(t, true, true);
}

void torrent_on_ready(struct torrent *t) {
    t->state = TORRENT_DOWNLOADING; /* leave CHECKING; the event tells where it ends */
    enum torrent_state now = state_by_pieces(t);
    if (now == TORRENT_DOWNLOADING)
        session_event(t->session, EVENT_STATE, t, NULL, 0, 0, "%s",
                      torrent_state_name(now));
    torrent_maybe_done(t);
    if (!t->paused)
        start(t);
    if (t->readers.count)
        readers_note_change(t); /* until now it was not known what is missing */
}

void torrent_pause(struct torrent *t) {
    if (t->paused || t->state == TORRENT_REMOVING)
        return;
    t->paused = true;
    trackers_stop(t->trackers);
    torrent_update_finders(t);
    connect_close_all(t, ERR_CANCELED, "the torrent was paused");
    session_note_memory(t->session); /* its open pieces may be given up for others */
    (void)torrent_save(t);
    session_event(t->session, EVENT_STATE, t, NULL, 0, 0, "paused");
}

void torrent_resume(struct torrent *t) {
    if (!t->paused || t->state == TORRENT_REMOVING)
        return;
    t->paused = false;
    session_event(t->session, EVENT_STATE, t, NULL, 0, 0, "%s",
                  torrent_state_name(t->state));
    if (t->state != TORRENT_CHECKING)
        start(t);
}

/* ---- pulses ------------------------------------------------------------------------------ */

void torrent_want_decision(struct torrent *t, bool choke, bool connect) {
    t->choke_due |= choke, t->connect_due |= connect;
    if (list_empty(&t->in_decide))
        list_append(&t->session->to_decide, &t->in_decide);
}

void torrent_on_policy(struct torrent *t, enum policy_question q) {
    t->choke_round_due |= q == POLICY_UNCHOKE;
    t->plan_age += q == POLICY_PIECE;
    t->source_due |= q == POLICY_SOURCE;
    if (q == POLICY_ADMIT || q == POLICY_CONNECT)
        shortlist_forget(&t->roster);
    torrent_want_decision(t, q == POLICY_UNCHOKE, true);
}

void torrent_note_blocks_free(struct torrent *t) {
    t->blocks_free = true;
    torrent_want_decision(t, false, false);
    session_note_memory(t->session);
}

void torrent_want_turnover(struct torrent *t, struct peer *p) {
    if (!torrent_wants_data(t) && (p->upload_only || peer_is_seed(p))) {
        t->useless_due = true;
        torrent_want_decision(t, true, false);
    }
}

void torrent_note_interest(struct torrent *t) {
    LIST_EACH(l, &t->peers) {
        peer_update_interest(LIST_ITEM(l, struct peer, in_torrent));
    }
}

static void wake_idle_peers(struct torrent *t) {
    t->blocks_free = false;
    LIST_EACH(l, &t->peers) {
        struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        if (p->interested && p->requests.live < p->requests.depth + 1)
            peer_want_requests(p);
    }
}

void torrent_decide(struct torrent *t) {
    if (t->state == TORRENT_REMOVING)
        return;
    policy_pieces_decide(t);
    if (t->choke_due)
        choke_decide(t);
    if (t->connect_due)
        connect_decide(t);
    if (t->readers.due)
        readers_decide(t);
    if (t->blocks_free)
        wake_idle_peers(t);
}

/* ---- numbers ----------------------------------------------------------------------------- */

static uint64_t piece_bytes(const struct torrent *t, const struct bitset *set) {
    uint32_t last = t->meta->pieces - 1;
    uint64_t bytes = (uint64_t)set->count * t->meta->piece_length;
    if (set->count > 0 && bitset_has(set, last))
        bytes -= t->meta->piece_length - metainfo_piece_size(t->meta, last);
    return bytes;
}

uint64_t torrent_bytes_have(const struct torrent *t) {
    return t->meta && t->meta->pieces ? piece_bytes(t, &t->have) : 0;
}

static uint64_t sum_wanted(const struct torrent *t, bool missing_only) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; t->meta && i < t->meta->pieces; i++)
        if (picker_priority(&t->picker, i) > 0 &&
            !(missing_only && bitset_has(&t->have, i)))
            bytes += metainfo_piece_size(t->meta, i);
    return bytes;
}

uint64_t torrent_bytes_wanted(const struct torrent *t) {
    return sum_wanted(t, false);
}

uint64_t torrent_bytes_left(const struct torrent *t) {
    return picker_done(&t->picker) ? 0 : sum_wanted(t, true);
}

uint64_t torrent_file_have(const struct torrent *t, uint32_t file) {
    const struct metainfo_file *f = &t->meta->files[file];
    uint32_t first, end;
    uint64_t bytes = 0;
    metainfo_file_pieces(t->meta, file, &first, &end);
    for (uint32_t i = first; i < end; i++) {
        uint64_t from = (uint64_t)i * t->meta->piece_length;
        uint64_t to = from + metainfo_piece_size(t->meta, i);
        if (bitset_has(&t->have, i))
            bytes += MIN(to, f->offset + f->length) - MAX(from, f->offset);
    }
    return bytes;
}

uint32_t torrent_seeds_connected(const struct torrent *t) {
    uint32_t n = 0;
    LIST_EACH(l, &t->peers) {
        const struct peer *p = LIST_ITEM(l, struct peer, in_torrent);
        n += p->state == PEER_READY && peer_is_seed(p);
    }
    return n;
}

/* ---- death ------------------------------------------------------------------------------- */

void torrent_bury(struct torrent *t) {
    struct session *s = t->session;
    assert(t->jobs == 0 && list_empty(&t->peers));
    torrent_free(t);
    session_note_memory(s);
}
