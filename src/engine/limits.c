/* limits: see the header. */
#include "engine/limits.h"

#include "engine/peer.h"

#define WAIT_LEAST (10 * USEC_PER_MSEC) /* wake-ups in groups, not for every byte */

static size_t ready(struct bucket *a, struct bucket *b, usec now) {
    int64_t n = MIN(bucket_ready(a, now), b ? bucket_ready(b, now) : INT64_MAX);
    return n <= 0 ? 0 : n == INT64_MAX ? SIZE_MAX : (size_t)n;
}

static usec when(struct bucket *a, struct bucket *b, usec now) {
    usec at = bucket_when(a, now);
    return MAX(b ? MAX(at, bucket_when(b, now)) : at, now + WAIT_LEAST);
}

static struct bucket *down_of(struct peer *p) {
    return p->torrent ? &p->torrent->down : NULL;
}

size_t limits_down(struct peer *p) {
    return ready(&p->session->down, down_of(p), session_now(p->session));
}

void limits_took_down(struct peer *p, size_t n) {
    bucket_take(&p->session->down, n);
    if (p->torrent)
        bucket_take(&p->torrent->down, n);
}

static void wait_until(struct session *s, struct timer *t, usec at) {
    if (!timer_is_set(t) || t->due > at)
        timer_set(loop_timers(s->loop), t, at);
}

void limits_wait_down(struct peer *p) {
    struct session *s = p->session;
    list_remove(&p->throttled_down);
    list_append(&s->throttled_down, &p->throttled_down);
    wait_until(s, &s->down_timer, when(&s->down, down_of(p), session_now(s)));
}

bool limits_is_waiting_down(const struct peer *p) {
    return !list_empty(&p->throttled_down);
}

size_t limits_up(struct peer *p) {
    return ready(&p->session->up, &p->torrent->up, session_now(p->session));
}

void limits_took_up(struct peer *p, size_t n) {
    bucket_take(&p->session->up, n);
    bucket_take(&p->torrent->up, n);
}

static void wait_up(struct peer *p, usec at) {
    struct session *s = p->session;
    list_remove(&p->throttled_up);
    list_append(&s->throttled_up, &p->throttled_up);
    wait_until(s, &s->up_timer, at);
}

void limits_wait_up(struct peer *p) {
    struct session *s = p->session;
    wait_up(p, when(&s->up, &p->torrent->up, session_now(s)));
}

void limits_wait_up_for(struct peer *p, usec delay) {
    wait_up(p, session_now(p->session) + delay);
}

bool limits_is_waiting_up(const struct peer *p) {
    return !list_empty(&p->throttled_up);
}

/* Those who still find nothing come back to the list by themselves. The first takes all there is,
 * and may wait again before the others have found out: it is not the first again. */
static void take_turns(struct session *s) {
    struct link *l = s->throttled_up.next;
    if (!list_empty(&s->throttled_up) &&
        LIST_ITEM(l, struct peer, throttled_up)->id == s->up_first) {
        list_remove(l);
        list_append(&s->throttled_up, l);
    }
    l = s->throttled_up.next;
    if (!list_empty(&s->throttled_up))
        s->up_first = LIST_ITEM(l, struct peer, throttled_up)->id;
}

static void release_down(struct session *s) {
    struct link *l;
    while ((l = list_shift(&s->throttled_down)))
        peer_update_want(LIST_ITEM(l, struct peer, throttled_down));
}

static void release_up(struct session *s) {
    struct link *l;
    take_turns(s);
    while ((l = list_shift(&s->throttled_up)))
        peer_want_write(LIST_ITEM(l, struct peer, throttled_up));
}

void limits_release(struct session *s) {
    release_down(s);
    release_up(s);
}

static void on_down_timer(struct timer *t, usec now) {
    (void)now;
    release_down(CONTAINER_OF(t, struct session, down_timer));
}

static void on_up_timer(struct timer *t, usec now) {
    (void)now;
    release_up(CONTAINER_OF(t, struct session, up_timer));
}

void limits_init(struct session *s) {
    usec now = loop_now(s->loop);
    bucket_init(&s->up, s->settings.up_rate, now);
    bucket_init(&s->down, s->settings.down_rate, now);
    list_init(&s->throttled_up);
    list_init(&s->throttled_down);
    timer_init(&s->up_timer, on_up_timer);
    timer_init(&s->down_timer, on_down_timer);
}
