/* A judge of the six questions (swarm/policy), written in C: what the engine asks it, when, and what it
 * makes of the answers. */
#include "swarm/policy.h"

#include <string.h>

#include "engine/choke.h"
#include "unit/engine/fake_peer.h"

struct judge {
    enum policy_question question; /* the one that it answers */
    bool fails;
    uint32_t rounds, rows;
    struct peer_row peer; /* the last ones that it saw */
    struct piece_row piece;
    struct candidate_row candidate;
    struct verdict (*opinion)(const struct policy_ask *ask, uint32_t i);
};

static bool judge_has(void *owner, handle torrent, enum policy_question q) {
    (void)torrent;
    return ((struct judge *)owner)->question == q;
}

static bool judge_ask(void *owner, const struct policy_ask *ask) {
    struct judge *j = owner;
    CHECK_INT(ask->question, j->question);
    j->rounds++, j->rows += ask->n;
    for (uint32_t i = 0; i < ask->n; i++)
        ask->verdicts[i] = j->opinion(ask, i);
    if (ask->candidates)
        j->candidate = ask->candidates[0];
    if (ask->peers)
        j->peer = ask->peers[0];
    if (ask->pieces)
        j->piece = ask->pieces[0];
    return !j->fails;
}

static const struct policy_hooks hooks = {judge_has, judge_ask};

static void appoint(struct node *n, struct judge *j) {
    n->s->policy = (struct policy){&hooks, j};
    if (n->t)
        torrent_on_policy(n->t, j->question);
}

static struct verdict never(const struct policy_ask *ask, uint32_t i) {
    (void)ask, (void)i;
    return (struct verdict){VERDICT_NEVER, 0};
}

static struct verdict last_piece_first(const struct policy_ask *ask, uint32_t i) {
    return (struct verdict){VERDICT_SCORED, ask->pieces[i].index};
}

/* ---- admit ------------------------------------------------------------------------------- */

TEST(who_is_not_admitted_hears_nothing_of_us) {
    struct swarm w;
    struct judge j = {.question = POLICY_ADMIT, .opinion = never};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    appoint(n, &j);
    struct fake *f = fake_new(&w, n);
    struct handshake h = {.extensions = true, .fast = true};
    uint8_t bytes[HANDSHAKE_LEN + 5] = {0};
    fake_dial(f);
    memcpy(h.info_hash, n->t->info_hash, 20);
    memcpy(h.peer_id, f->peer_id, 20);
    handshake_encode(bytes, &h);
    bytes[HANDSHAKE_LEN + 3] = 1, bytes[HANDSHAKE_LEN + 4] = WIRE_HAVE_NONE;
    fake_send(f, bytes, sizeof bytes); /* it goes on talking while it waits */
    fake_expect_end(f);
    CHECK_INT(f->len, 0);
    CHECK_INT(j.rounds, 1);
    CHECK(j.candidate.incoming && addr_equal(&j.candidate.addr, &f->addr));
    CHECK_INT(n->count[EVENT_PEER], 0);
    CHECK(list_empty(&n->t->at_door));
    swarm_close(&w);
}

TEST(a_peer_may_hang_up_at_the_door) {
    struct swarm w;
    struct judge j = {.question = POLICY_ADMIT, .opinion = never, .fails = true};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    appoint(n, &j);
    struct fake *f = fake_leech(&w, n, true); /* an answer that fails admits */
    CHECK_INT(n->count[EVENT_PEER], 1);
    fake_hang_up(f);
    STEP_UNTIL(&w, n->t->peer_count == 0);
    swarm_close(&w);
}

TEST(an_address_that_is_not_admitted_is_never_dialled) {
    struct swarm w;
    struct judge j = {.question = POLICY_ADMIT, .opinion = never};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    appoint(n, &j);
    struct addr a = {.ip = {127, 0, 0, 1}, .port = 9, .family = 4};
    torrent_on_addresses(n->t, &a, 1, SOURCE_TRACKER);
    swarm_settle(&w);
    CHECK_INT(roster_find(&n->t->roster, &a)->last_tried, 0);
    CHECK_INT(j.rows, 1);
    CHECK_INT(j.candidate.sources, SOURCE_TRACKER);
    n->s->policy.hooks = NULL; /* without a judge everybody is admitted */
    torrent_on_policy(n->t, POLICY_ADMIT);
    STEP_UNTIL(&w, roster_find(&n->t->roster, &a)->last_tried > 0);
    swarm_close(&w);
}

/* ---- pieces ------------------------------------------------------------------------------ */

static void fetch_all(struct judge *j, struct node **out, struct swarm *w) {
    swarm_open(w);
    struct node *n = node_open(w, NULL);
    appoint(n, j);
    struct fake *f = fake_seed(w, n, true);
    f->serves = true, f->serve_at_most = UINT32_MAX;
    *out = n;
}

TEST(pieces_are_opened_in_the_order_of_the_judge) {
    struct swarm w;
    struct judge j = {.question = POLICY_PIECE, .opinion = last_piece_first};
    struct node *n;
    fetch_all(&j, &n, &w);
    struct peer *p = NULL;
    STEP_UNTIL(&w, n->t->ready_count == 1 && (p = node_peer(n))->requests.count > 0);
    CHECK_INT(requests_at(&p->requests, 0)->piece, w.pieces - 1);
    STEP_UNTIL(&w, node_done(n));
    CHECK_INT(j.rounds, 1); /* all of them fit into one */
    CHECK_INT(j.piece.length > 0 && j.piece.hash != NULL, 1);
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_judge_who_fails_is_as_good_as_none) {
    struct swarm w;
    struct judge j = {.question = POLICY_PIECE, .opinion = never, .fails = true};
    struct node *n;
    fetch_all(&j, &n, &w);
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(what_is_refused_is_asked_again_only_after_a_pause) {
    struct swarm w;
    struct judge j = {.question = POLICY_PIECE, .opinion = never};
    struct node *n;
    fetch_all(&j, &n, &w);
    STEP_UNTIL(&w, j.rounds == 1);
    swarm_settle(&w);
    CHECK_INT(j.rounds, 1);
    CHECK_INT(n->t->open.count, 0);
    CHECK(node_peer(n)->interested);
    CHECK(node_peer(n)->ask_after > 0);
    j.opinion = last_piece_first;
    torrent_on_policy(n->t, POLICY_PIECE); /* another judge is asked at once */
    torrent_note_blocks_free(n->t);
    node_peer(n)->ask_after = 0;
    peer_want_requests(node_peer(n));
    STEP_UNTIL(&w, node_done(n));
    swarm_close(&w);
}

/* ---- slots ------------------------------------------------------------------------------- */

/* A seed whose slots the judge gives, and somebody who wants one. */
static struct fake *open_interested(struct swarm *w, struct judge *j) {
    swarm_open(w);
    struct node *n = node_open(w, &(struct node_options){.seed = true});
    appoint(n, j);
    struct fake *f = fake_leech(w, n, true);
    fake_say(f, WIRE_INTERESTED);
    return f;
}

TEST(a_row_says_what_is_known_of_a_peer) {
    struct swarm w;
    struct judge j = {.question = POLICY_UNCHOKE, .opinion = never};
    struct fake *f = open_interested(&w, &j);
    struct node *n = f->node;
    STEP_UNTIL(&w, j.rows > 0 && j.peer.peer_interested);
    CHECK_INT(j.peer.peer, node_peer(n)->id);
    CHECK(addr_equal(&j.peer.addr, &f->addr));
    CHECK(memcmp(j.peer.id, f->peer_id, 20) == 0);
    CHECK(j.peer.incoming && j.peer.choking && j.peer.choked && !j.peer.interested);
    CHECK_INT(j.peer.sources, SOURCE_INCOMING);
    CHECK_STR(j.peer.state, "ready");
    CHECK(j.peer.waiting_for >= 0 && j.peer.waiting_for < 10 * USEC_PER_SEC);
    CHECK(j.peer.unchoked_for == USEC_NEVER && j.peer.rtt == USEC_NEVER &&
          j.peer.last_block == USEC_NEVER);
    CHECK_INT(fake_count(f, WIRE_UNCHOKE), 0);
    swarm_close(&w);
}

TEST(a_slot_that_is_held_stays_until_it_is_over) {
    struct swarm w;
    struct judge j = {.question = POLICY_UNCHOKE, .opinion = never};
    struct fake *f = open_interested(&w, &j);
    struct node *n = f->node;
    STEP_UNTIL(&w, j.rows > 0);
    choke_hold(node_peer(n), false, USEC_NEVER);
    (void)fake_expect(f, WIRE_UNCHOKE);
    node_pass(n, 10 * USEC_PER_SEC); /* a round that would say never */
    swarm_settle(&w);
    CHECK_INT(fake_count(f, WIRE_CHOKE), 0);
    choke_hold(node_peer(n), false, 0); /* let go: the round decides */
    (void)fake_expect(f, WIRE_CHOKE);
    swarm_close(&w);
}
