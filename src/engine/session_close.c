/* session_close: a session ends in good order. Nothing new comes in; what workers are writing is waited
 * for; then resume state is saved, trackers and the router are told, for so long and no longer; at
 * last all is buried. Meanwhile the loop turns as ever (session_turn). */
#include "engine/mapping.h"
#include "engine/page.h"
#include "engine/peer.h"
#include "engine/session_private.h"
#include "engine/stream_server.h"
#include "engine/throwaway.h"
#include "engine/torrent.h"

#define CLOSE_MAPPING_WAIT USEC_PER_SEC     /* the router is told that a port is free */
#define CLOSE_JOBS_WAIT (30 * USEC_PER_SEC) /* writes under way are waited for so long */

static bool torrents_have_jobs(const struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        if (LIST_ITEM(l, struct torrent, in_session)->jobs > 0)
            return true;
    }
    LIST_EACH(d, &s->dying_torrents) {
        const struct torrent *t = LIST_ITEM(d, struct torrent, dying);
        if (t->jobs > 0 || !t->removed)
            return true;
    }
    return false;
}

static bool trackers_are_busy(const struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        if (trackers_busy(LIST_ITEM(l, struct torrent, in_session)->trackers))
            return true;
    }
    return false;
}

/* Turns the loop until nothing is left, or the time is over. */
static void wait_while(struct session *s, bool (*busy)(const struct session *s),
                       usec limit) {
    usec until = session_now(s) + limit;
    while (busy(s) && session_now(s) < until)
        session_turn(s, MIN(until - session_now(s), 100 * USEC_PER_MSEC));
}

static void stop_finders(struct session *s) {
    dht_seekers_fini(s);
    dht_node_free(s->dht);
    lsd_free(s->lsd);
    s->dht = NULL, s->lsd = NULL;
}

static void stop_everything(struct session *s) {
    mapping_end(s);
    lookups_cancel(s);
    pages_cancel(s);
    if (s->listener4)
        listener_close(s->listener4);
    if (s->listener6)
        listener_close(s->listener6);
    s->listener4 = s->listener6 = NULL;
    while (!list_empty(&s->unknown))
        peer_close(LIST_ITEM(s->unknown.next, struct peer, in_torrent), ERR_CANCELED,
                   "closing");
    LIST_EACH(l, &s->torrent_list) {
        torrent_stop(LIST_ITEM(l, struct torrent, in_session));
    }
    stop_finders(s);
}

static void save_everything(struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        (void)torrent_save(LIST_ITEM(l, struct torrent, in_session));
    }
}

static void bury_everything(struct session *s) {
    session_bury(s);
    LIST_EACH(d, &s->dying_torrents) {
        torrent_bury(LIST_ITEM(d, struct torrent, dying));
    }
    LIST_EACH(l, &s->torrent_list) {
        torrent_bury(LIST_ITEM(l, struct torrent, in_session));
    }
}

int session_close(struct session *s, usec linger) {
    if (s->stepping)
        return ERR_BUSY;
    if (s->closed)
        return 0;
    s->closed = true;
    loop_update_now(s->loop);
    stream_server_close(s);
    throwaway_remove_all(s);
    stop_everything(s);
    wait_while(s, torrents_have_jobs, CLOSE_JOBS_WAIT);
    save_everything(s);
    wait_while(s, torrents_have_jobs, CLOSE_JOBS_WAIT);
    if (linger > 0)
        wait_while(s, trackers_are_busy, linger);
    wait_while(s, mapping_busy, MAX(linger, CLOSE_MAPPING_WAIT));
    mapping_leave(s);
    while (jobs_pending(s->loop) > 0) /* a worker cannot be left behind */
        (void)loop_step(s->loop, 100 * USEC_PER_MSEC);
    bury_everything(s);
    return 0;
}
