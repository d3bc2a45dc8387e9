/* stats: see the header. */
#include "engine/stats.h"

#include <string.h>

#include "engine/peer.h"

static uint64_t idle_bytes(const struct buffer_pool *pool) {
    return (uint64_t)pool->idle * pool->buffer_size;
}

static void add_torrent(struct gauges *g, const struct torrent *t) {
    g->pool_idle += idle_bytes(&t->open.pool);
    g->pieces_open += t->open.count;
    g->write_queue += t->writes_bytes;
}

static void add_peer(struct gauges *g, const struct peer *p) {
    g->requests_outstanding += p->requests.live;
    g->uploads_queued += p->uploads.count;
}

void stats_gauges(const struct session *s, struct gauges *out) {
    uint32_t at = 0;
    memset(out, 0, sizeof *out);
    out->pool_used = s->budget.used;
    out->pool_idle = idle_bytes(&s->upload_pool);
    out->jobs_running = jobs_pending(s->loop);
    out->events_waiting = s->events.count;
    LIST_EACH(l, &s->torrent_list)
        add_torrent(out, LIST_ITEM(l, struct torrent, in_session));
    for (const struct peer *p; (p = slots_each(&s->peers, &at));)
        add_peer(out, p);
}
