/* dht_seek: see the header. */
#include "engine/dht_seek.h"

#include "engine/connect.h"
#include "engine/dht_node.h"
#include "engine/torrent.h"

#define PACE USEC_PER_SEC /* between two that only want to be found */
#define MAX_DOUBLINGS 8u  /* 5 s << 8 is more than the interval */

static struct timers *timers_of(const struct torrent *t) {
    return loop_timers(t->session->loop);
}

/* ---- the queue --------------------------------------------------------------------------- */

static void begin(struct session *s, struct torrent *t) {
    list_remove(&t->dht.link);
    if (dht_node_seek(s->dht, t) < 0) { /* no memory, or scripts have all places */
        dht_seek_on_done(t);
        return;
    }
    t->dht.running = true;
    s->seekers.running++;
}

static struct torrent *next(struct session *s, usec now) {
    struct dht_seekers *q = &s->seekers;
    bool others = list_empty(&q->wanting);
    if (!others)
        return LIST_ITEM(q->wanting.next, struct torrent, dht.link);
    if (list_empty(&q->others) || now < q->others_at)
        return NULL;
    q->others_at = now + PACE;
    return LIST_ITEM(q->others.next, struct torrent, dht.link);
}

static void pulse(struct session *s) {
    struct dht_seekers *q = &s->seekers;
    usec now = session_now(s);
    struct torrent *t;
    while (!s->closed && q->running < DHT_SEEK_RUNNING && (t = next(s, now)))
        begin(s, t);
    bool later = q->running < DHT_SEEK_RUNNING && !list_empty(&q->others);
    timer_set(loop_timers(s->loop), &q->timer, later ? q->others_at : USEC_NEVER);
}

static void on_queue_timer(struct timer *timer, usec now) {
    (void)now;
    pulse(CONTAINER_OF(timer, struct session, seekers.timer));
}

void dht_seekers_init(struct dht_seekers *q) {
    *q = (struct dht_seekers){0};
    list_init(&q->wanting), list_init(&q->others);
    timer_init(&q->timer, on_queue_timer);
}

void dht_seekers_fini(struct session *s) {
    timer_stop(loop_timers(s->loop), &s->seekers.timer);
}

/* ---- a torrent --------------------------------------------------------------------------- */

static bool wants_peers(const struct torrent *t) {
    bool lacks = t->state == TORRENT_METADATA || torrent_wants_data(t);
    return lacks && t->peer_count < connect_limit(t);
}

static void on_timer(struct timer *timer, usec now) {
    struct torrent *t = CONTAINER_OF(timer, struct torrent, dht.timer);
    struct dht_seekers *q = &t->session->seekers;
    bool early = now < t->dht.ended_at + DHT_SEEK_INTERVAL / 2;
    t->dht.eager = early ? MIN(t->dht.eager + 1, MAX_DOUBLINGS) : 0;
    list_append(wants_peers(t) ? &q->wanting : &q->others, &t->dht.link);
    pulse(t->session);
}

/* 10 % more or less, so that torrents that began together drift apart. */
static void plan(struct torrent *t) {
    usec now = session_now(t->session);
    usec part = DHT_SEEK_INTERVAL / 10;
    usec jitter = rng_below(&t->session->rng, (uint32_t)(2 * part));
    t->dht.ended_at = now;
    timer_set(timers_of(t), &t->dht.timer, now + DHT_SEEK_INTERVAL - part + jitter);
}

void dht_seek_on_done(struct torrent *t) {
    if (t->dht.running)
        t->session->seekers.running--;
    t->dht.running = false;
    plan(t);
    torrent_want_decision(t, false, true); /* which may want more: dht_seek_want */
    pulse(t->session);
}

void dht_seek_want(struct torrent *t) {
    if (!timer_is_set(&t->dht.timer))
        return; /* it searches or waits for its turn, or may not */
    usec at = t->dht.ended_at + (DHT_SEEK_EAGER << t->dht.eager);
    if (at < t->dht.timer.due)
        timer_set(timers_of(t), &t->dht.timer, at);
}

void dht_seekers_again(struct session *s) {
    LIST_EACH(l, &s->torrent_list) {
        struct torrent *t = LIST_ITEM(l, struct torrent, in_session);
        if (timer_is_set(&t->dht.timer) && wants_peers(t)) {
            t->dht.eager = 0;
            timer_set(timers_of(t), &t->dht.timer, session_now(s));
        }
    }
}

/* ---- begin and end ----------------------------------------------------------------------- */

void dht_seek_init(struct torrent *t) {
    list_init(&t->dht.link);
    timer_init(&t->dht.timer, on_timer);
}

static bool is_due(const struct torrent *t) {
    return t->session->dht && torrent_active(t) && t->state != TORRENT_CHECKING &&
           torrent_may_use(t, SOURCE_DHT);
}

void dht_seek_update(struct torrent *t) {
    if (!is_due(t)) {
        dht_seek_stop(t);
        return;
    }
    if (t->dht.on)
        return;
    t->dht.on = true;
    t->dht.eager = 0;
    t->dht.ended_at = -DHT_SEEK_INTERVAL; /* the first one is not early */
    timer_set(timers_of(t), &t->dht.timer, session_now(t->session));
}

void dht_seek_stop(struct torrent *t) {
    if (!t->dht.on)
        return;
    t->dht.on = false;
    timer_stop(timers_of(t), &t->dht.timer);
    list_remove(&t->dht.link);
    if (t->dht.running) {
        t->dht.running = false;
        t->session->seekers.running--;
        dht_node_cancel(t->session->dht, t);
        pulse(t->session);
    }
}
