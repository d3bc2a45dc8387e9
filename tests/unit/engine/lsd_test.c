/* Local discovery between sessions on the loopback interface, by its real group and port. Others
 * on this machine may be heard there, too: so nothing is counted that they could add to. */
#include "codec/lsd.h"
#include "io/udp.h"
#include "unit/engine/swarm_fixture.h"

static const struct node_options with_lsd = {.settings = {.lsd = true}};
static const struct node_options seed_with_lsd = {.settings = {.lsd = true},
                                                  .seed = true};

/* Somebody else in the group, who remembers the last message of one port. */
struct neighbour {
    struct udp *udp;
    struct addr group;
    uint16_t port;
    uint32_t heard, hashes; /* messages; hashes in them */
    struct lsd_message last;
};

static void on_packet(void *owner, const struct addr *from, const uint8_t *data,
                      size_t len) {
    struct neighbour *h = owner;
    struct lsd_message m;
    (void)from;
    if (lsd_decode(&m, data, len) == 0 && m.port == h->port)
        h->last = m, h->heard++, h->hashes += m.count;
}

static void neighbour_open(struct neighbour *h, const struct node *n) {
    struct addr here = {.ip = {127, 0, 0, 1}, .family = 4};
    struct err e = {0};
    memset(h, 0, sizeof *h);
    CHECK_INT(addr_parse(&h->group, LSD_GROUP4, LSD_PORT), 0);
    h->udp = udp_open(n->s->loop, &h->group, true, on_packet, h, &e);
    CHECK_STR(e.text, "");
    CHECK_INT(udp_join(h->udp, &h->group, &here, NULL), 0);
    h->port = n->s->port;
}

/* A swarm with one node that uses it, and a neighbour of its. */
static struct node *open_both(struct swarm *w, struct neighbour *h) {
    swarm_open(w);
    struct node *n = node_open(w, &with_lsd);
    neighbour_open(h, n);
    return n;
}

static void close_both(struct swarm *w, struct neighbour *h) {
    udp_close(h->udp);
    swarm_close(w);
}

static void neighbour_say(struct neighbour *h, const struct lsd_message *m) {
    struct text text;
    text_init(&text);
    lsd_encode(&text, m, 4);
    (void)udp_send(h->udp, &h->group, text.data, text.len);
    text_free(&text);
}

static struct lsd_message message_for(const struct node *n, uint16_t port) {
    struct lsd_message m = {.port = port, .count = 1};
    memcpy(m.hashes[0], n->t->info_hash, 20);
    return m;
}

static bool knows_port(const struct node *n, uint16_t port) {
    struct addr a = {.ip = {127, 0, 0, 1}, .port = port, .family = 4};
    return roster_find(&n->t->roster, &a) != NULL;
}

TEST(a_download_finds_a_seed_on_its_network) {
    struct swarm w;
    swarm_open(&w);
    struct node *leech = node_open(&w, &with_lsd);
    struct node *seed = node_open(&w, &seed_with_lsd);
    STEP_UNTIL(&w, node_done(leech));
    CHECK(knows_port(leech, seed->s->port) || knows_port(seed, leech->s->port));
    swarm_close(&w);
}

TEST(a_session_does_not_hear_itself) {
    struct swarm w;
    struct neighbour h;
    struct node *n = open_both(&w, &h);
    STEP_UNTIL(&w, h.heard > 0);
    swarm_settle(&w);
    CHECK(!knows_port(n, n->s->port));
    close_both(&w, &h);
}

TEST(the_message_names_the_torrent_and_the_port) {
    struct swarm w;
    struct neighbour h;
    struct node *n = open_both(&w, &h);
    STEP_UNTIL(&w, h.heard > 0);
    CHECK_INT(h.last.count, 1);
    CHECK_MEM(h.last.hashes[0], n->t->info_hash, 20);
    CHECK_INT(strlen(h.last.cookie), 16);
    close_both(&w, &h);
}

/* Whatever happens to it meanwhile. */
TEST(a_torrent_is_announced_once_in_five_minutes) {
    struct swarm w;
    struct neighbour h;
    struct node *n = open_both(&w, &h);
    STEP_UNTIL(&w, h.heard == 1);
    usec told_at = n->t->lsd.told_at;
    CHECK(n->t->lsd.timer.due >= told_at + LSD_INTERVAL);
    torrent_pause(n->t);
    CHECK(!timer_is_set(&n->t->lsd.timer));
    torrent_resume(n->t);
    CHECK_INT(n->t->lsd.timer.due, told_at + LSD_INTERVAL);
    node_pass(n, LSD_INTERVAL - USEC_PER_SEC);
    swarm_settle(&w);
    CHECK_INT(h.heard, 1);
    close_both(&w, &h);
}

TEST(a_private_torrent_is_not_announced_on_the_network_and_hears_nobody) {
    struct swarm w;
    struct neighbour h;
    swarm_open_private(&w);
    struct node *n = node_open(&w, &with_lsd);
    neighbour_open(&h, n);
    CHECK(!n->t->lsd.on);
    struct lsd_message m = message_for(n, 4321);
    neighbour_say(&h, &m);
    swarm_settle(&w);
    CHECK_INT(h.heard, 0);
    CHECK(!knows_port(n, 4321));
    close_both(&w, &h);
}

TEST(who_does_not_listen_is_not_announced) {
    struct swarm w;
    swarm_open(&w);
    struct node *n =
        node_open(&w, &(struct node_options){.settings = {.lsd = true, .port = -1}});
    CHECK(n->s->lsd != NULL);
    CHECK(!n->t->lsd.on);
    swarm_close(&w);
}

TEST(a_flood_of_neighbours_is_heard_within_bounds) {
    struct swarm w;
    struct neighbour h;
    struct node *n = open_both(&w, &h);
    torrent_pause(n->t); /* nobody is dialled */
    n->t->paused = false;
    for (uint16_t i = 0; i < 400; i++) {
        struct lsd_message m = message_for(n, (uint16_t)(20000 + i));
        neighbour_say(&h, &m);
        swarm_step(&w);
    }
    swarm_settle(&w);
    CHECK(n->t->roster.count > 0);
    CHECK(n->t->roster.count <= LSD_PER_MINUTE);
    close_both(&w, &h);
}

TEST(a_message_that_makes_no_sense_or_names_no_usable_address_is_ignored) {
    struct swarm w;
    struct neighbour h;
    struct node *n = open_both(&w, &h);
    struct lsd_message m = message_for(n, 0);
    neighbour_say(&h, &m);
    (void)udp_send(h.udp, &h.group, "BT-SEARCH * HTTP/1.1\r\n\r\n", 24);
    m = message_for(n, 4321);
    m.hashes[0][0] ^= 1;
    neighbour_say(&h, &m);
    m = message_for(n, 4322);
    neighbour_say(&h, &m);
    STEP_UNTIL(&w, knows_port(n, 4322));
    CHECK(!knows_port(n, 4321));
    CHECK(!knows_port(n, 0));
    close_both(&w, &h);
}

static void add_another(const struct node *n, uint32_t pieces) {
    struct swarm other;
    struct torrent *t;
    swarm_open_large(&other, pieces, 16384);
    CHECK_INT(torrent_add(n->s, (uint8_t *)other.file.data, other.file.len,
                          &(struct add_options){0}, &t, NULL),
              0);
    swarm_close(&other);
}

/* Twenty-four fit into one; the others follow a second later. */
TEST(torrents_that_are_due_together_share_a_message) {
    struct swarm w;
    struct neighbour h;
    struct node *n = open_both(&w, &h);
    STEP_UNTIL(&w, h.heard == 1);
    for (uint32_t i = 1; i <= 30; i++)
        add_another(n, i);
    STEP_UNTIL(&w, h.hashes == 31);
    CHECK(h.heard <= 4);
    close_both(&w, &h);
}
