/* Sessions as a whole: many of them, their bounds, their end in every phase, and a lack of
 * memory at every moment. */
#include <dirent.h>
#include <unistd.h>

#include "unit/engine/fake_peer.h"

/* ---- swarms of real sessions ------------------------------------------------------------- */

static void check_swarm(const struct node_options *o, uint32_t leeches) {
    struct swarm w;
    struct node *l[NODES];
    swarm_open_large(&w, 60, PIECE_LEN);
    struct node_options seed = *o;
    seed.seed = true;
    struct node *s = node_open(&w, &seed);
    for (uint32_t i = 0; i < leeches; i++) {
        l[i] = node_open(&w, o);
        node_connect(l[i], s);
        for (uint32_t k = 0; k < i; k++)
            node_connect(l[i], l[k]);
    }
    for (uint32_t i = 0; i < leeches; i++) {
        STEP_UNTIL(&w, node_done(l[i]));
        node_check_whole(l[i]);
        CHECK_INT(l[i]->count[EVENT_HASH_FAILED], 0);
        CHECK_INT(l[i]->count[EVENT_ERROR], 0);
    }
    CHECK_INT(s->count[EVENT_ERROR], 0);
    swarm_close(&w);
}

TEST(a_swarm_of_sessions_completes_scattered) {
    check_swarm(&(struct node_options){.settings.receive = RECEIVE_SCATTER}, 4);
}

TEST(a_swarm_of_sessions_completes_chunked) {
    check_swarm(&(struct node_options){.settings.receive = RECEIVE_CHUNKED}, 4);
}

TEST(a_swarm_with_little_memory_completes) {
    check_swarm(&(struct node_options){.settings.memory = FLIGHT_BYTES + 3 * PIECE_LEN},
                3);
}

TEST(scattered_receiving_copies_hardly_anything) {
    struct swarm w;
    swarm_open_large(&w, 100, PIECE_LEN);
    struct node *s = node_open(&w, &(struct node_options){.seed = true});
    struct node *l = node_open(&w, NULL);
    node_connect(l, s);
    STEP_UNTIL(&w, node_done(l));
    CHECK_INT(l->s->stats.payload_received, w.size);
    CHECK(l->s->stats.payload_copied < w.size / 4);
    CHECK_INT(s->s->stats.payload_sent, w.size);
    CHECK_INT(l->s->stats.payload_wasted, 0);
    swarm_close(&w);
}

/* ---- memory ------------------------------------------------------------------------------ */

TEST(many_peers_and_big_pieces_stay_within_the_budget) {
    struct swarm w;
    struct fake *f[8];
    swarm_open_large(&w, 12, 256 * 1024);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.memory = 3 * 256 * 1024}});
    for (int i = 0; i < 8; i++)
        f[i] = fake_seed(&w, n, true); /* each step checks the budget */
    swarm_settle(&w);
    CHECK(n->t->open.count <= 3);
    for (int i = 0; i < 8; i++)
        f[i]->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_piece_that_can_never_fit_into_memory_is_said_so) {
    struct swarm w;
    swarm_open_large(&w, 3, 1024 * 1024);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.memory = 512 * 1024}});
    CHECK_INT(n->count[EVENT_ERROR], 1);
    CHECK(strstr(n->text[EVENT_ERROR], "memory"));
    struct fake *f = fake_seed(&w, n, true);
    CHECK_INT(fake_count(f, WIRE_REQUEST), 0);
    CHECK(list_empty(&n->s->hungry)); /* and nothing spins */
    swarm_close(&w);
}

/* A second torrent in the node's session. */
static struct torrent *add_other(struct node *n, struct swarm *v) {
    struct torrent *t = NULL;
    const struct add_options add = {.directory = n->directory};
    CHECK_INT(torrent_add(n->s, (uint8_t *)v->file.data, v->file.len, &add, &t, NULL), 0);
    STEP_UNTIL(n->swarm, t->state == TORRENT_DOWNLOADING);
    return t;
}

/* One torrent has begun so many pieces that the other finds no memory. */
struct rivals {
    struct swarm w, v;
    struct node *n;
    struct torrent *other;
};

/* A peer that has all of the other torrent. */
static void greet_other(struct rivals *r) {
    struct fake *f = fake_new(&r->w, r->n);
    struct handshake h = {.fast = true, .extensions = true};
    uint8_t bytes[HANDSHAKE_LEN];
    memcpy(h.info_hash, r->v.m->info_hash, 20);
    memcpy(h.peer_id, f->peer_id, 20);
    handshake_encode(bytes, &h);
    fake_dial(f);
    fake_send(f, bytes, sizeof bytes);
    fake_say(f, WIRE_HAVE_ALL), fake_say(f, WIRE_UNCHOKE);
    STEP_UNTIL(&r->w, r->other->ready_count == 1);
    swarm_settle(&r->w);
    CHECK_INT(r->other->open.count, 0); /* starving */
}

static void rivals_open(struct rivals *r) {
    swarm_open_large(&r->w, 8, 65536);
    swarm_open_large(&r->v, 8, 65536 * 2);
    r->n = node_open(&r->w, &(struct node_options){.settings = {.memory = 4 * 65536}});
    r->other = add_other(r->n, &r->v);
    for (uint32_t i = 0; i < 4; i++) {
        struct fake *f = fake_leech(&r->w, r->n, true);
        fake_say3(f, WIRE_HAVE, i, 0, 0), fake_say(f, WIRE_UNCHOKE);
        f->serves = true, f->serve_at_most = 1; /* a beginning of each */
    }
    STEP_UNTIL(&r->w, r->n->s->stats.payload_received == 4 * WIRE_BLOCK);
    CHECK_INT(r->n->s->budget.used, 4 * 65536);
    greet_other(r);
}

static void rivals_close(struct rivals *r) {
    swarm_close(&r->w);
    swarm_close(&r->v);
}

TEST(the_memory_of_a_removed_torrent_feeds_the_others) {
    struct rivals r;
    rivals_open(&r);
    torrent_remove(r.n->t, false);
    r.n->t = NULL;
    STEP_UNTIL(&r.w, r.other->open.count > 0);
    rivals_close(&r);
}

TEST(the_memory_of_a_paused_torrent_feeds_the_others) {
    struct rivals r;
    rivals_open(&r);
    torrent_pause(r.n->t);
    STEP_UNTIL(&r.w, r.other->open.count > 0);
    rivals_close(&r);
}

TEST(the_memory_of_a_torrent_whose_peers_are_gone_feeds_the_others) {
    struct rivals r;
    rivals_open(&r);
    for (struct fake *f = r.w.fakes; f; f = f->next)
        if (f->serves)
            fake_hang_up(f);
    STEP_UNTIL(&r.w, r.n->t->peer_count == 0);
    STEP_UNTIL(&r.w, r.other->open.count > 0);
    rivals_close(&r);
}

/* ---- rates ------------------------------------------------------------------------------- */

/* A rate of bytes per second allows a bucket at once, and one more block in debt. */
static uint64_t allowed(uint64_t rate, usec elapsed) {
    return rate * (uint64_t)elapsed / (uint64_t)USEC_PER_SEC + MAX(rate / 4, 32768u) +
           2 * WIRE_BLOCK + 4096;
}

TEST(the_download_rate_is_kept) {
    struct swarm w;
    swarm_open(&w);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.down_rate = 300000}});
    usec since = session_now(n->s);
    fake_seed(&w, n, true)->serves = true;
    while (!node_done(n)) {
        swarm_step(&w);
        CHECK(n->s->stats.bytes_received <=
              allowed(300000, session_now(n->s) - since + 10000));
    }
    swarm_close(&w);
}

TEST(the_upload_rate_is_kept) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(
        &w, &(struct node_options){.seed = true, .settings = {.up_rate = 300000}});
    usec since = session_now(n->s);
    struct fake *f = fake_leech(&w, n, true);
    fake_say(f, WIRE_INTERESTED);
    (void)fake_expect(f, WIRE_UNCHOKE);
    for (uint32_t i = 0; i < 12; i++)
        fake_say3(f, WIRE_REQUEST, i / 2, i % 2 * WIRE_BLOCK, WIRE_BLOCK);
    while (n->s->stats.payload_sent < 12 * WIRE_BLOCK) {
        swarm_step(&w);
        CHECK(n->s->stats.payload_sent <=
              allowed(300000, session_now(n->s) - since + 10000));
    }
    swarm_close(&w);
}

TEST(the_rate_of_a_torrent_is_kept_beside_the_sessions) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    usec since = session_now(n->s);
    torrent_set_rates(n->t, 0, 300000);
    fake_seed(&w, n, true)->serves = true;
    while (!node_done(n)) {
        swarm_step(&w);
        CHECK(n->s->stats.bytes_received <=
              allowed(300000, session_now(n->s) - since + 10000));
    }
    swarm_close(&w);
}

TEST(a_limit_that_is_lifted_lets_everybody_go_on_at_once) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.settings = {.down_rate = 1}});
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, !list_empty(&n->s->throttled_down));
    session_set_rates(n->s, 0, 0);
    STEP_UNTIL(&w, node_done(n));
    swarm_close(&w);
}

/* ---- steps ------------------------------------------------------------------------------- */

TEST(a_step_inside_a_step_is_refused) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    n->s->stepping = true; /* as while a policy runs */
    CHECK_INT(session_step(n->s, 0), ERR_BUSY);
    CHECK_INT(session_close(n->s, 0), ERR_BUSY);
    n->s->stepping = false;
    swarm_close(&w);
}

TEST(a_closed_session_says_so) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK(session_fd(n->s) >= 0);
    CHECK_INT(session_close(n->s, 0), 0);
    CHECK_INT(session_close(n->s, 0), 0);
    CHECK_INT(session_step(n->s, 0), ERR_CLOSED);
    CHECK_INT(session_fd(n->s), -1);
    CHECK(session_timeout(n->s) == USEC_NEVER);
    swarm_close(&w);
}

TEST(a_session_with_nothing_to_do_sleeps) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    struct fake *f = fake_leech(&w, n, true);
    swarm_settle(&w);
    CHECK(session_timeout(n->s) > USEC_PER_SEC);
    (void)f;
    swarm_close(&w);
}

TEST(a_port_that_is_taken_is_an_error_with_a_sentence) {
    struct swarm w;
    struct err e = {0};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct settings s = {.port = n->s->port, .bind = {.ip = {127, 0, 0, 1}, .family = 4}};
    CHECK(!session_new(&s, &e));
    CHECK(e.code < 0 && e.text[0]);
    swarm_close(&w);
}

/* ---- the end, in every phase ------------------------------------------------------------- */

static int open_descriptors(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* Everything at once: a check, then dialling, downloading, hashing, uploading. */
static void live_for(int turns, bool seed) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(
        &w, &(struct node_options){.seed = seed, .state = true, .unchecked = true});
    struct node *m = node_open(&w, &(struct node_options){.unchecked = true});
    struct fake *f = fake_seed(&w, m, true), *g = fake_leech(&w, n, true);
    node_connect(m, n), node_connect(n, m);
    (void)torrent_connect_host(n->t, "localhost", 1, NULL);
    f->serves = true;
    fake_say(g, WIRE_INTERESTED);
    for (uint32_t i = 0; i < 7; i++)
        fake_say3(g, WIRE_REQUEST, i, 0, 1000);
    for (int i = 0; i < turns; i++)
        swarm_step(&w);
    node_close(n); /* while the others go on */
    for (int i = 0; i < 3; i++)
        swarm_step(&w);
    swarm_close(&w);
}

TEST(a_session_may_be_closed_in_every_phase_and_leaves_nothing) {
    live_for(3, true); /* whatever libraries open once */
    int before = open_descriptors();
    for (int turns = 0; turns < 45; turns++)
        live_for(turns, turns % 2);
    CHECK_INT(open_descriptors(), before);
}

TEST(a_close_does_not_wait_for_the_end_of_a_check) {
    struct swarm w;
    swarm_open_large(&w, 600, 65536);
    struct node *n =
        node_open(&w, &(struct node_options){.seed = true, .unchecked = true});
    while (n->t->checked == 0)
        swarm_step(&w);
    CHECK_INT(session_close(n->s, 0), 0);
    CHECK(n->s->stats.steps < 600);
    uint32_t checks = 0;
    struct event ev;
    while (events_pop(&n->s->events, &ev)) {
        checks += ev.type == EVENT_CHECKED;
        event_fini(&ev);
    }
    CHECK_INT(checks, 0);
    swarm_close(&w);
}

/* ---- no memory --------------------------------------------------------------------------- */

TEST(a_session_without_memory_is_not_born) {
    struct settings s = {.bind = {.ip = {127, 0, 0, 1}, .family = 4},
                         .directory = check_tmpdir()};
    CHECK_EACH_NOMEM(n) {
        struct err e = {0};
        struct session *session = session_new(&s, &e);
        bool hit = check_nomem_hit();
        CHECK(session || (hit && e.code < 0 && e.text[0]));
        session_free(session);
    }
}

TEST(a_session_with_a_proxy_without_memory_is_not_born) {
    struct settings s = {.proxy = "socks5://me:secret@127.0.0.1:1",
                         .directory = check_tmpdir()};
    CHECK_EACH_NOMEM(n) {
        struct err e = {0};
        struct session *session = session_new(&s, &e);
        bool hit = check_nomem_hit();
        CHECK(session || (hit && e.code < 0 && e.text[0]));
        session_free(session);
    }
}

TEST(a_torrent_without_memory_is_not_added_and_the_session_lives) {
    struct swarm w;
    struct settings s = {.bind = {.ip = {127, 0, 0, 1}, .family = 4},
                         .directory = check_tmpdir(),
                         .state = check_tmpdir()};
    const struct add_options add = {0};
    swarm_open(&w);
    CHECK_EACH_NOMEM(n) {
        long at = n;
        check_nomem_at(-1);
        struct session *session = session_new(&s, NULL);
        struct torrent *t = NULL;
        struct err e = {0};
        check_nomem_at(at);
        int status =
            torrent_add(session, (uint8_t *)w.file.data, w.file.len, &add, &t, &e);
        bool hit = check_nomem_hit();
        CHECK(status == 0 || (hit && status == ERR_NOMEM));
        for (int i = 0; i < 20; i++)
            CHECK_INT(session_step(session, 0), 0);
        session_free(session);
    }
    swarm_close(&w);
}

/* A download in one of whose turns the nth allocation fails, wherever that is. A connection may
 * be lost and an event not told, but nothing crashes, leaks or lies, and another peer finishes
 * it. False: there are no so many in that turn. */
static bool survives(int turn, long nth) {
    struct swarm w;
    bool hit = false;
    swarm_open_large(&w, 4, PIECE_LEN);
    struct node *n = node_open(&w, &(struct node_options){.state = true});
    struct fake *f = fake_seed(&w, n, true);
    f->serves = true;
    for (int i = 0; i < turn && !node_done(n); i++)
        swarm_step(&w);
    check_nomem_at(nth);
    int status = session_step(n->s, USEC_PER_MSEC);
    hit = check_nomem_hit();
    CHECK_INT(status, 0);
    if (hit && !node_done(n))
        fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
    return hit;
}

TEST(a_download_survives_the_failure_of_any_allocation) {
    for (int turn = 0; turn < 12; turn++)
        for (long nth = 0; survives(turn, nth); nth++) {}
}
