/* peer_hurry: a peer while somebody waits. How soon it would answer, as measured; how much it may
 * have to do; and what goes from its queue when something else is wanted sooner (urgent.h has the
 * rules, download asks for them). */
#include "engine/peer.h"
#include "engine/readers.h"

#define LONE_DEPTH 16u /* asked at once of the only peer there is */

/* ---- how soon ---------------------------------------------------------------------------- */

struct urgent_speed peer_speed(const struct peer *p) {
    const struct requests *r = &p->requests;
    usec now = session_now(p->session);
    usec since = MAX(r->last_block_at, r->asked_first_at);
    return (struct urgent_speed){
        .rate = MAX(requests_rate(r, now), peer_download_rate(p)),
        .delay = r->rtt_min,
        .deviation = r->rtt_dev,
        .silent = r->live && since ? now - since : 0,
        .outstanding = r->live,
    };
}

void peer_expect(struct peer *p) {
    struct urgent_speed speed = peer_speed(p);
    usec now = session_now(p->session);
    speed.outstanding = 0;
    for (uint32_t i = 0; i < p->requests.count; i++) {
        const struct request *q = requests_at(&p->requests, i);
        if (q->cancelled)
            continue;
        download_expect(&p->torrent->download, q->piece, q->begin,
                        now + urgent_eta(&speed));
        speed.outstanding++;
    }
}

static bool is_due(const struct urgent *u, const struct request *q, usec due) {
    const struct urgent_piece *piece = urgent_find(u, q->piece);
    return piece && piece->due <= due;
}

static uint32_t asked_until(const struct peer *p, const struct urgent *u, usec due) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->requests.count; i++) {
        const struct request *q = requests_at(&p->requests, i);
        n += !q->cancelled && is_due(u, q, due);
    }
    return n;
}

usec peer_eta_for(void *ctx, usec due) {
    const struct peer *p = ctx;
    struct urgent_speed speed = peer_speed(p);
    speed.outstanding = asked_until(p, p->torrent->download.urgent, due);
    return urgent_eta(&speed);
}

/* Only where somebody waits does it matter how soon it would answer. */
void peer_hurry(const struct peer *p, struct asker *a) {
    if (!p->torrent->download.urgent)
        return;
    struct urgent_speed speed = peer_speed(p);
    a->eta = urgent_eta(&speed);
    a->eta_idle = urgent_eta_idle(&speed);
    a->patience = urgent_patience(&speed);
    a->busy = urgent_is_busy(&speed);
}

/* While somebody waits queues are short; but where one peer is all there is, the first bytes need not
 * wait for its measure. */
uint32_t peer_hurried_depth(const struct peer *p, uint32_t depth) {
    if (!readers_hurry(p->torrent))
        return depth;
    struct urgent_speed speed = peer_speed(p);
    if (!urgent_is_proven(&speed) && p->torrent->ready_count == 1)
        return MAX(depth, LONE_DEPTH);
    return MIN(depth, urgent_depth(&speed));
}

/* ---- what is in the way -------------------------------------------------------------------- */

static bool is_landing(const struct peer *p, const struct request *q) {
    const struct wire_reader *w = &p->reader;
    return w->in_block && w->block.index == q->piece && w->block.begin == q->begin;
}

/* A peer that happens to have been asked for much of it before it was urgent is no better off. */
void peer_cancel_later(struct peer *p, const struct urgent *u, usec due) {
    struct urgent_speed speed = peer_speed(p);
    uint32_t depth = urgent_depth(&speed), kept = asked_until(p, u, due);
    for (uint32_t i = p->requests.count; i-- > 0;) {
        const struct request *q = requests_at(&p->requests, i);
        bool keep = is_due(u, q, due) && kept <= depth;
        kept -= !q->cancelled && is_due(u, q, due);
        if (!q->cancelled && !keep && !is_landing(p, q))
            peer_cancel_block(p, q->piece, q->begin);
    }
}

/* What is late comes before what was asked for later. */
void peer_make_way(struct peer *p, const struct asker *a, const struct block_ref *late) {
    const struct urgent *u = p->torrent->download.urgent;
    const struct urgent_piece *piece = u ? urgent_find(u, late->piece) : NULL;
    if (piece && a->eta > peer_eta_for(p, piece->due) + URGENT_MARGIN)
        peer_cancel_later(p, u, piece->due);
}
