/* policy_candidates: see the header.
 *
 * The roster is the queue of those that wait to be judged: a bit in it says that there may be some,
 * and who was not admitted is not dialled. An incoming peer waits at the door between its handshake
 * and ours: it has been told nothing when it is refused. */
#include "engine/policy_candidates.h"

#include "base/err.h"
#include "engine/connect.h"
#include "engine/peer.h"
#include "engine/policy_rows.h"

#define DOOR_AT_ONCE 64u /* judged in one step */

static bool ask(struct torrent *t, enum policy_question q,
                const struct candidate_row *rows, uint32_t n, struct verdict *verdicts) {
    const struct policy_ask a = {
        .question = q,
        .torrent = t->id,
        .candidates = rows,
        .n = n,
        .verdicts = verdicts,
    };
    return policy_ask(&t->session->policy, &a);
}

static void fill_rows(const struct torrent *t, struct candidate *const *list, uint32_t n,
                      struct candidate_row *rows) {
    for (uint32_t i = 0; i < n; i++)
        candidate_fill_row(t, list[i], &rows[i]);
}

/* ---- admit: addresses ------------------------------------------------------------------- */

bool policy_admit_known(struct torrent *t) {
    struct candidate *list[SHORTLIST_MAX];
    struct candidate_row rows[SHORTLIST_MAX];
    struct verdict verdicts[SHORTLIST_MAX];
    usec now = session_now(t->session);
    t->roster.judged_only = policy_has(&t->session->policy, t->id, POLICY_ADMIT);
    if (!t->roster.judged_only)
        return false;
    uint32_t n = shortlist_unjudged(&t->roster, list);
    fill_rows(t, list, n, rows);
    (void)ask(t, POLICY_ADMIT, rows, n, verdicts);
    shortlist_admit(&t->roster, list, verdicts, n, now);
    return t->roster.unjudged;
}

/* ---- admit: who stands at the door ------------------------------------------------------ */

bool policy_stops_at_door(struct peer *p) {
    struct torrent *t = p->torrent;
    if (!policy_has(&t->session->policy, t->id, POLICY_ADMIT))
        return false;
    list_remove(&p->at_door);
    list_append(&t->at_door, &p->at_door);
    torrent_want_decision(t, false, true);
    return true;
}

static void let_in_or_out(struct peer *p, const struct verdict *v) {
    if (v->kind == VERDICT_NEVER) {
        peer_close(p, ERR_REFUSED, "the policy does not admit it");
        return;
    }
    connect_welcome(p);
    peer_update_interest(p); /* what it has may have been said while it waited */
}

void policy_open_door(struct torrent *t) {
    handle who[DOOR_AT_ONCE];
    struct candidate_row rows[DOOR_AT_ONCE];
    struct verdict verdicts[DOOR_AT_ONCE];
    uint32_t n = 0;
    struct link *l;
    while (n < DOOR_AT_ONCE && (l = list_shift(&t->at_door))) {
        const struct peer *p = LIST_ITEM(l, struct peer, at_door);
        address_fill_row(t, &p->addr, SOURCE_INCOMING, &rows[n]);
        rows[n].incoming = true;
        who[n++] = p->id;
    }
    if (n > 0)
        (void)ask(t, POLICY_ADMIT, rows, n, verdicts);
    for (uint32_t i = 0; i < n; i++) {
        struct peer *p = session_peer(t->session, who[i]);
        if (p)
            let_in_or_out(p, &verdicts[i]);
    }
    if (!list_empty(&t->at_door))
        torrent_want_decision(t, false, true);
}

/* ---- connect ---------------------------------------------------------------------------- */

uint32_t policy_rank_due(struct torrent *t, bool seeding,
                         struct candidate *out[SHORTLIST_MAX]) {
    struct candidate_row rows[SHORTLIST_MAX];
    struct verdict verdicts[SHORTLIST_MAX];
    usec now = session_now(t->session);
    uint32_t n = shortlist_due(&t->roster, now, seeding, out);
    fill_rows(t, out, n, rows);
    (void)ask(t, POLICY_CONNECT, rows, n, verdicts);
    return shortlist_rank(out, verdicts, n, now);
}
