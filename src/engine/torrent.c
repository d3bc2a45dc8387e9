/* torrent: birth, states and death of one torrent. Its work is in the files by question. */
#include "engine/torrent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "engine/add.h"
#include "engine/choke.h"
#include "engine/connect.h"
#include "engine/exchange.h"
#include "engine/metadata.h"
#include "engine/peer.h"
#include "engine/policy_pieces.h"
#include "engine/save.h"
#include "engine/store.h"
#include "engine/torrent_trackers.h"
#include "swarm/shortlist.h"

const char *torrent_state_name(enum torrent_state s) {
    static const char *const names[] = {"metadata", "checking", "downloading",
                                        "finished", "seeding",  "removing"};
    return names[s];
}

const char *torrent_name(const struct torrent *t) {
    if (t->meta)
        return t->meta->name;
    return t->metadata && t->metadata->link.name ? t->metadata->link.name : t->hex;
}

/* ---- birth ------------------------------------------------------------------------------- */

static void on_connect_timer(struct timer *timer, usec now) {
    (void)now;
    torrent_want_decision(CONTAINER_OF(timer, struct torrent, connect_timer), false,
                          true);
}

/* Nobody has it yet. */
static void init_content(struct torrent *t) {
    list_init(&t->open.list);
    t->download = (struct download){.picker = &t->picker, .open = &t->open};
}

/* Its name among others: its trackers, its handle. */
static int introduce(struct torrent *t, const struct metainfo *m) {
    t->trackers = torrent_trackers_new(t, m);
    t->id = slots_add(&t->session->torrents, t);
    return t->trackers && t->id ? 0 : ERR_NOMEM;
}

struct torrent *torrent_new(struct session *s, const uint8_t info_hash[SHA1_LEN],
                            const struct metainfo *m) {
    struct torrent *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->session = s;
    t->state = m ? TORRENT_CHECKING : TORRENT_METADATA;
    memcpy(t->info_hash, info_hash, SHA1_LEN);
    hex_encode(t->hex, info_hash, SHA1_LEN);
    list_init(&t->in_session), list_init(&t->in_decide), list_init(&t->in_checkers),
        list_init(&t->dying);
    list_init(&t->peers), list_init(&t->at_door), list_init(&t->to_plan);
    roster_init(&t->roster);
    blame_init(&t->blame);
    timer_init(&t->connect_timer, on_connect_timer);
    init_content(t);
    choke_init(t);
    dht_seek_init(t);
    lsd_member_init(t);
    policy_pieces_init(t);
    store_init(t);
    save_init(t);
    readers_init(t);
    exchange_init(t);
    cap_init(t);
    usec now = session_now(s);
    bucket_init(&t->up, 0, now), bucket_init(&t->down, 0, now);
    t->added_at = (int64_t)time(NULL);
    t->roster.own4 = s->external4, t->roster.own6 = s->external6;
    if (introduce(t, m) == 0)
        return t;
    torrent_free(t);
    return NULL;
}

void torrent_free(struct torrent *t) {
    struct timers *timers = loop_timers(t->session->loop);
    policy_pieces_fini(t);
    timer_stop(timers, &t->choke_timer), timer_stop(timers, &t->connect_timer);
    timer_stop(timers, &t->resume_timer), timer_stop(timers, &t->disk_timer);
    timer_stop(timers, &t->gather_timer), timer_stop(timers, &t->exchange_timer);
    dht_seek_stop(t);
    lsd_stop(t);
    session_delist(t);
    list_remove(&t->in_decide), list_remove(&t->in_checkers), list_remove(&t->dying);
    readers_fini(t);
    if (t->trackers)
        trackers_free(t->trackers);
    metadata_free(t);
    content_free(t);
    roster_fini(&t->roster);
    blame_fini(&t->blame);
    bitset_fini(&t->to_check), bitset_fini(&t->found);
    slots_remove(&t->session->torrents, t->id);
    free(t);
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
    if (!picker_done(&t->picker) || readers_lack(t) ||
        (cap_is_on(&t->cap) && !bitset_full(&t->have)))
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
    if (t->state < TORRENT_DOWNLOADING || t->state == TORRENT_REMOVING)
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

void torrent_start(struct torrent *t) {
    roster_note_new_wish(&t->roster); /* those left for a pause or a check */
    if (t->state == TORRENT_METADATA)
        metadata_start(t);
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
        torrent_start(t);
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
        torrent_start(t);
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

/* ---- death ------------------------------------------------------------------------------- */

void torrent_bury(struct torrent *t) {
    struct session *s = t->session;
    assert(t->jobs == 0 && list_empty(&t->peers));
    torrent_free(t);
    session_note_memory(s);
}
