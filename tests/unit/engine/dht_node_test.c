/* The DHT in a session: nodes on 127.0.0.1 that only know what a spec tells them. */
#include "unit/engine/fake_peer.h"

#include "io/file.h"

static const struct node_options with_dht = {.settings = {.dht = true}};
static const struct node_options seed_with_dht = {.settings = {.dht = true},
                                                  .seed = true};

static struct addr dht_addr(const struct node *n) {
    struct addr a = node_addr(n);
    a.port = datagrams_port(n->s->datagrams, 4);
    return a;
}

static void tell_of(const struct node *n, const struct node *other) {
    struct addr a = dht_addr(other);
    dht_node_add_addr(n->s->dht, &a);
}

static struct dht_stats stats_of(const struct node *n) {
    struct dht_stats st;
    dht_node_stats(n->s->dht, &st);
    return st;
}

static void add_router(struct settings *s, const struct node *router, char text[64]) {
    struct addr a = dht_addr(router);
    s->dht_routers = addr_format(&a, text);
}

/* A node whose torrent is paused: it only answers. */
static struct node *open_hub(struct swarm *w) {
    return node_open(w,
                     &(struct node_options){.settings = {.dht = true}, .paused = true});
}

/* ---- on and off -------------------------------------------------------------------------- */

TEST(a_session_has_no_dht_unless_it_is_asked_for) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK(n->s->dht == NULL);
    CHECK_INT(datagrams_port(n->s->datagrams, 4), 0);
    swarm_close(&w);
}

TEST(the_dht_takes_the_port_of_the_listener) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_dht);
    CHECK_INT(datagrams_port(n->s->datagrams, 4), n->s->port);
    CHECK_INT(dht_node_port(n->s->dht, 4), n->s->port);
    swarm_close(&w);
}

TEST(a_session_on_loopback_asks_no_well_known_router) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_dht);
    swarm_settle(&w);
    CHECK_INT(n->s->stats.dht_sent, 0);
    CHECK_INT(n->s->stats.udp_sent, 0);
    swarm_close(&w);
}

TEST(a_read_only_node_tells_nobody_of_itself) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(
        &w, &(struct node_options){.settings = {.dht = true, .dht_read_only = true}});
    struct fake *f = fake_leech(&w, n, true);
    CHECK(!f->theirs.dht);
    CHECK_INT(fake_count(f, WIRE_PORT), 0);
    swarm_close(&w);
}

/* A seed that the hub's node knows where to find. */
static struct node *open_announced_seed(struct swarm *w, struct node *hub) {
    struct node *seed = node_open(w, &seed_with_dht);
    tell_of(seed, hub);
    STEP_UNTIL(w, stats_of(hub).peers == 1);
    return seed;
}

/* ---- finding ----------------------------------------------------------------------------- */

TEST(a_download_finds_its_seed_through_the_dht) {
    struct swarm w;
    swarm_open(&w);
    struct node *hub = open_hub(&w);
    struct node *seed = open_announced_seed(&w, hub);
    struct node *leech = node_open(&w, &with_dht);
    tell_of(leech, hub);
    STEP_UNTIL(&w, node_done(leech));
    struct addr at = node_addr(seed);
    struct candidate *c = roster_find(&leech->t->roster, &at);
    CHECK(c && c->sources & SOURCE_DHT);
    CHECK(leech->count[EVENT_PEERS] > 0);
    CHECK_STR(leech->text[EVENT_PEERS], "dht");
    swarm_close(&w);
}

TEST(a_router_leads_to_nodes_that_it_knows) {
    struct swarm w;
    char text[64];
    struct node_options o = with_dht;
    swarm_open(&w);
    struct node *router = open_hub(&w), *known = open_hub(&w);
    tell_of(router, known);
    STEP_UNTIL(&w, stats_of(router).ip4.nodes == 1);
    add_router(&o.settings, router, text);
    struct node *n = node_open(&w, &o);
    STEP_UNTIL(&w, stats_of(n).ip4.ready && stats_of(n).ip4.nodes >= 1);
    swarm_close(&w);
}

TEST(a_private_torrent_is_kept_out_of_the_dht) {
    struct swarm w;
    swarm_open_private(&w);
    struct node *hub = node_open(&w, &with_dht);
    struct node *n = node_open(&w, &seed_with_dht);
    tell_of(n, hub);
    STEP_UNTIL(&w, stats_of(n).ip4.ready);
    swarm_settle(&w);
    CHECK_INT(stats_of(hub).peers, 0);
    CHECK(!n->t->dht.on);
    struct fake *f = fake_leech(&w, n, true);
    CHECK(!f->theirs.dht);
    CHECK_INT(fake_count(f, WIRE_PORT), 0);
    swarm_close(&w);
}

TEST(peers_tell_each_other_of_their_nodes) {
    struct swarm w;
    swarm_open(&w);
    struct node *a = node_open(&w, &seed_with_dht), *b = node_open(&w, &with_dht);
    node_connect(b, a);
    STEP_UNTIL(&w, stats_of(a).ip4.nodes == 1 && stats_of(b).ip4.nodes == 1);
    swarm_close(&w);
}

static void say_port(struct fake *f, uint16_t port) {
    uint8_t m[7] = {0, 0, 0, 3, WIRE_PORT, (uint8_t)(port >> 8), (uint8_t)port};
    fake_send(f, m, sizeof m);
}

/* Or a peer would have us send questions to any port of its host, as many as it likes. */
TEST(only_the_first_port_message_of_a_connection_counts) {
    struct swarm w;
    swarm_open(&w);
    struct node *hub = open_hub(&w), *second = open_hub(&w);
    struct node *n = node_open(&w, &with_dht);
    struct fake *f = fake_leech(&w, n, true);
    say_port(f, dht_addr(hub).port);
    say_port(f, dht_addr(second).port);
    STEP_UNTIL(&w, stats_of(hub).packets_in > 0);
    swarm_settle(&w);
    CHECK_INT(stats_of(second).packets_in, 0);
    swarm_close(&w);
}

/* ---- the schedule ------------------------------------------------------------------------ */

/* The node knows nobody, so that a search ends when its patience does. */
static void end_search(struct node *n) {
    struct torrent *t = n->t;
    CHECK(t->dht.running);
    dht_node_cancel(n->s->dht, t);
    dht_seek_on_done(t);
    swarm_settle(n->swarm);
}

static usec until_next(const struct node *n) {
    return n->t->dht.timer.due - n->t->dht.ended_at;
}

TEST(a_download_without_peers_searches_again_sooner_and_more_rarely_each_time) {
    static const int seconds[] = {5, 10, 20, 40, 80, 160, 320, 640};
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_dht);
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        STEP_UNTIL(&w, n->t->dht.running);
        end_search(n);
        CHECK_INT(until_next(n), seconds[i] * USEC_PER_SEC);
        n->t->dht.ended_at -= until_next(n);
        timer_set(loop_timers(n->s->loop), &n->t->dht.timer, session_now(n->s));
    }
    swarm_close(&w);
}

TEST(a_seed_announces_every_quarter_of_an_hour) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &seed_with_dht);
    STEP_UNTIL(&w, n->t->dht.running);
    end_search(n);
    CHECK(until_next(n) >= DHT_SEEK_INTERVAL * 9 / 10);
    CHECK(until_next(n) <= DHT_SEEK_INTERVAL * 11 / 10);
    swarm_close(&w);
}

/* It has searched in vain, for it knew nobody: the next time is minutes away. */
static void search_in_vain(struct node *n) {
    STEP_UNTIL(n->swarm, n->t->dht.running);
    end_search(n);
    n->t->dht.eager = 6;
    timer_stop(loop_timers(n->s->loop), &n->t->dht.timer);
    dht_seek_on_done(n->t);
    swarm_settle(n->swarm);
    CHECK(until_next(n) > 60 * USEC_PER_SEC);
}

/* Or waits for its turn. */
static bool is_searching(const struct node *n) {
    const struct timer *next = &n->t->dht.timer;
    return !timer_is_set(next) || next->due <= session_now(n->s);
}

TEST(a_download_searches_again_as_soon_as_the_node_knows_others) {
    struct swarm w;
    swarm_open(&w);
    struct node *hub = open_hub(&w);
    struct node *n = node_open(&w, &with_dht);
    search_in_vain(n);
    usec before = n->t->dht.ended_at;
    tell_of(n, hub);
    STEP_UNTIL(&w, stats_of(n).ip4.ready);
    CHECK(is_searching(n));
    CHECK(n->t->dht.eager <= 1); /* as if it were the first one */
    STEP_UNTIL(&w, n->t->dht.ended_at > before && !is_searching(n));
    n->t->dht.eager = 6;
    tell_of(n, hub); /* once only: it was ready before */
    swarm_settle(&w);
    CHECK_INT(n->t->dht.eager, 6);
    swarm_close(&w);
}

TEST(a_seed_does_not_announce_again_when_the_node_knows_others) {
    struct swarm w;
    swarm_open(&w);
    struct node *hub = open_hub(&w);
    struct node *n = node_open(&w, &seed_with_dht);
    STEP_UNTIL(&w, n->t->dht.running);
    end_search(n);
    tell_of(n, hub);
    STEP_UNTIL(&w, stats_of(n).ip4.ready);
    CHECK(!is_searching(n));
    swarm_close(&w);
}

TEST(a_paused_torrent_is_not_searched_for) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_dht);
    STEP_UNTIL(&w, n->t->dht.running);
    torrent_pause(n->t);
    CHECK(!n->t->dht.on);
    CHECK_INT(n->s->seekers.running, 0);
    swarm_settle(&w);
    CHECK_INT(stats_of(n).searches, 0);
    torrent_resume(n->t);
    STEP_UNTIL(&w, n->t->dht.running);
    torrent_remove(n->t, false);
    STEP_UNTIL(&w, n->count[EVENT_REMOVED] == 1);
    CHECK_INT(n->s->seekers.running, 0);
    swarm_close(&w);
}

/* ---- what is remembered ------------------------------------------------------------------ */

static const char *file_of(const struct node *n) {
    static char path[600];
    snprintf(path, sizeof path, "%s/dht.dat", n->state);
    return path;
}

TEST(the_next_run_is_the_same_node_and_knows_the_others) {
    struct swarm w;
    struct node_options o = with_dht;
    o.state = true;
    swarm_open(&w);
    struct node *hub = open_hub(&w);
    struct node *n = node_open(&w, &o);
    tell_of(n, hub);
    STEP_UNTIL(&w, stats_of(n).ip4.nodes == 1);
    struct dht_stats before = stats_of(n);
    node_reopen(n);
    struct dht_stats after = stats_of(n);
    CHECK_MEM(after.ip4.id, before.ip4.id, sizeof before.ip4.id);
    STEP_UNTIL(&w, stats_of(n).ip4.nodes == 1);
    swarm_close(&w);
}

TEST(a_node_that_met_nobody_leaves_the_old_file_alone) {
    struct swarm w;
    struct node_options o = with_dht;
    uint8_t *data;
    size_t len;
    o.state = true;
    swarm_open(&w);
    struct node *n = node_open(&w, &o);
    CHECK_INT(file_write_atomic(file_of(n), "old", 3, NULL), 0);
    node_close(n);
    CHECK_INT(file_read_whole(file_of(n), 100, &data, &len, NULL), 0);
    CHECK_STR((char *)data, "old");
    free(data);
    swarm_close(&w);
}

TEST(a_broken_file_is_no_loss) {
    static const char *const texts[] = {"", "nonsense", "d2:id3:abce", "d5:nodes26:"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct swarm w;
        struct node_options o = with_dht;
        o.state = true;
        swarm_open(&w);
        struct node *n = node_open(&w, &o);
        node_close(n);
        CHECK_INT(file_write_atomic(file_of(n), texts[i], strlen(texts[i]), NULL), 0);
        node_reopen(n);
        CHECK(n->s->dht != NULL);
        CHECK_INT(n->count[EVENT_ERROR], 0);
        swarm_close(&w);
    }
}

TEST(the_nodes_are_saved_while_it_runs_too) {
    struct swarm w;
    struct node_options o = with_dht;
    o.state = true;
    swarm_open(&w);
    struct node *hub = open_hub(&w);
    struct node *n = node_open(&w, &o);
    tell_of(n, hub);
    STEP_UNTIL(&w, stats_of(n).ip4.nodes == 1);
    CHECK(!path_exists(file_of(n)));
    node_pass(n, 901 * USEC_PER_SEC);
    STEP_UNTIL(&w, path_exists(file_of(n)));
    swarm_close(&w);
}

/* ---- questions of scripts ---------------------------------------------------------------- */

TEST(a_script_asks_for_peers_without_being_announced) {
    struct swarm w;
    swarm_open(&w);
    struct node *hub = open_hub(&w);
    (void)open_announced_seed(&w, hub);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.dht = true}, .paused = true});
    tell_of(n, hub);
    CHECK_INT(dht_node_get_peers(n->s->dht, n->t->info_hash, 7, NULL), 0);
    STEP_UNTIL(&w, n->count[EVENT_READ] == 1);
    CHECK_INT(n->code[EVENT_READ], 0);
    CHECK_INT(stats_of(hub).peers, 1);
    swarm_close(&w);
}

TEST(more_searches_than_there_is_room_for_are_refused) {
    struct swarm w;
    struct err e = {0};
    uint32_t n;
    swarm_open(&w);
    struct node *x = open_hub(&w);
    for (n = 0; dht_node_get_peers(x->s->dht, x->t->info_hash, n, &e) == 0; n++)
        CHECK(n <= DHT_SEARCHES);
    CHECK_INT(e.code, ERR_BUSY);
    CHECK(strstr(e.text, "64 searches") != NULL);
    swarm_close(&w);
}

TEST(a_session_is_closed_amid_searches) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &with_dht);
    for (uint64_t i = 0; i < 10; i++)
        CHECK_INT(dht_node_get_peers(n->s->dht, n->t->info_hash, i, NULL), 0);
    CHECK_INT(dht_node_add(n->s->dht, "localhost", 1, NULL), 0);
    swarm_step(&w);
    swarm_close(&w);
}

/* ---- names ------------------------------------------------------------------------------- */

TEST(a_node_is_found_by_its_name) {
    struct swarm w;
    swarm_open(&w);
    struct node *hub = open_hub(&w), *n = open_hub(&w);
    CHECK_INT(dht_node_add(n->s->dht, "localhost", dht_addr(hub).port, NULL), 0);
    STEP_UNTIL(&w, stats_of(n).ip4.nodes == 1);
    swarm_close(&w);
}

TEST(only_so_many_names_are_resolved_at_a_time) {
    struct swarm w;
    struct err e = {0};
    int i;
    swarm_open(&w);
    struct node *n = open_hub(&w);
    for (i = 0; dht_node_add(n->s->dht, "localhost", 1, &e) == 0; i++)
        CHECK(i <= 64);
    CHECK_INT(e.code, ERR_BUSY);
    swarm_close(&w);
}

/* ---- our address ------------------------------------------------------------------------- */

TEST(an_external_address_is_known_to_all_torrents) {
    struct swarm w;
    struct addr ip = {.ip = {203, 0, 113, 5}, .family = 4};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    session_note_external(n->s, &ip);
    ip.port = n->s->port;
    CHECK(addr_equal(&n->t->roster.own4, &ip));
    CHECK(addr_equal(&n->s->external4, &ip));
    swarm_close(&w);
}

/* ---- hostile neighbours ------------------------------------------------------------------ */

#define FLOODERS 64

static void ignore(void *owner, const struct addr *from, const uint8_t *data,
                   size_t len) {
    (void)owner, (void)from, (void)data, (void)len;
}

/* Each host may ask a little; together they ask for far more than we may send. */
TEST(a_flood_of_questions_is_answered_within_the_bounds) {
    static const char ask[] = "d1:ad2:id20:abcdefghij01234567899:info_hash20:"
                              "mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe";
    struct udp *flooder[FLOODERS];
    struct swarm w;
    struct addr here = {.ip = {127, 0, 0, 1}, .family = 4};
    swarm_open(&w);
    struct node *n = node_open(&w, &with_dht);
    struct addr to = dht_addr(n);
    usec from = swarm_clock();
    size_t memory = stats_of(n).memory;
    for (int i = 0; i < FLOODERS; i++)
        flooder[i] = udp_open(n->s->loop, &here, false, ignore, NULL, NULL);
    for (int turn = 0; turn < 40; turn++) {
        for (int i = 0; i < FLOODERS; i++)
            (void)udp_send(flooder[i], &to, ask, sizeof ask - 1);
        swarm_step(&w);
    }
    swarm_settle(&w);
    usec passed = swarm_clock() - from;
    struct dht_stats st = stats_of(n);
    CHECK(st.packets_in > 1000);
    CHECK(st.limited > 0);
    CHECK((usec)n->s->stats.dht_sent <= 32768 + 8000 * (passed / USEC_PER_SEC + 1));
    CHECK(st.memory < memory + 65536);
    for (int i = 0; i < FLOODERS; i++)
        udp_close(flooder[i]);
    swarm_close(&w);
}

TEST(bytes_that_make_no_sense_do_nothing) {
    static const char *const texts[] = {"d", "de", "d1:y1:qe", "d1:t0:1:y1:re",
                                        "dddddddddddddddd"};
    struct swarm w;
    struct addr here = {.ip = {127, 0, 0, 1}, .family = 4};
    swarm_open(&w);
    struct node *n = node_open(&w, &with_dht);
    struct addr to = dht_addr(n);
    struct udp *u = udp_open(n->s->loop, &here, false, ignore, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        CHECK_INT(udp_send(u, &to, texts[i], strlen(texts[i])), 0);
    STEP_UNTIL(&w, stats_of(n).packets_in == COUNT_OF(texts));
    CHECK_INT(stats_of(n).ip4.nodes, 0);
    udp_close(u);
    swarm_close(&w);
}

/* ---- a lack of memory -------------------------------------------------------------------- */

TEST(a_session_with_a_dht_without_memory_is_not_born) {
    struct settings s = {.bind = {.ip = {127, 0, 0, 1}, .family = 4},
                         .directory = check_tmpdir(),
                         .state = check_tmpdir(),
                         .dht = true,
                         .lsd = true,
                         .dht_routers = "127.0.0.1:9 localhost:9"};
    CHECK_EACH_NOMEM(n) {
        struct err e = {0};
        struct session *session = session_new(&s, &e);
        bool hit = check_nomem_hit();
        CHECK(session || (hit && e.code < 0 && e.text[0]));
        session_free(session);
    }
}
