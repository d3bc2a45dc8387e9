/* Links: how a torrent without metadata gets it, what peers said before it came, and how the
 * metadata is handed on. */
#include "codec/magnet.h"
#include "codec/metainfo_write.h"
#include "codec/ut_metadata.h"
#include "engine/add.h"
#include "engine/metadata.h"
#include "io/file.h"
#include "unit/engine/fake_peer.h"
#include "unit/engine/fake_tracker.h"

#define THEIRS 7 /* the number that fakes want ut_metadata with */

static const struct node_options by_link = {.link = ""};

static uint32_t info_len(const struct swarm *w) {
    return (uint32_t)w->m->info_len;
}

static void offer(struct fake *f, uint32_t size) {
    char text[100];
    snprintf(text, sizeof text, "d1:md11:ut_metadatai%dee13:metadata_sizei%uee", THEIRS,
             size);
    fake_say_extended(f, EXT_HANDSHAKE, text);
}

static struct ut_metadata expect_metadata(struct fake *f) {
    struct ut_metadata m;
    uint32_t len = fake_expect_extended(f, THEIRS);
    CHECK_INT(ut_metadata_decode(&m, f->body + 1, len - 1), 0);
    return m;
}

static uint32_t expect_request(struct fake *f) {
    struct ut_metadata m = expect_metadata(f);
    CHECK_INT(m.type, METADATA_REQUEST);
    return m.piece;
}

static void say(struct fake *f, const struct ut_metadata *m) {
    struct text text;
    text_init(&text);
    ut_metadata_encode(&text, m);
    fake_say_extended_bytes(f, EXT_METADATA, text.data, text.len);
    text_free(&text);
}

static void give(struct fake *f, uint32_t piece, uint8_t poison) {
    uint8_t bytes[METADATA_PIECE];
    uint32_t size = info_len(f->swarm), len = metadata_piece_len(size, piece);
    memcpy(bytes, f->swarm->m->info + (size_t)piece * METADATA_PIECE, len);
    bytes[len / 2] ^= poison;
    say(f, &(struct ut_metadata){METADATA_DATA, piece, size, {bytes, len}});
}

static struct fake *offering(struct swarm *w, struct node *n) {
    struct fake *f = fake_leech(w, n, true);
    fake_say(f, WIRE_HAVE_ALL);
    offer(f, info_len(w));
    return f;
}

static bool is_known(const struct node *n) {
    return n->t->state >= TORRENT_DOWNLOADING;
}

/* ---- the way of a link ------------------------------------------------------------------- */

TEST(a_link_becomes_a_torrent_by_what_a_peer_tells) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.link = "&dn=so+called"});
    CHECK_INT(n->t->state, TORRENT_METADATA);
    CHECK_STR(torrent_name(n->t), "so called");
    struct fake *f = offering(&w, n);
    give(f, expect_request(f), 0);
    STEP_UNTIL(&w, is_known(n));
    CHECK_INT(n->count[EVENT_METADATA], 1);
    CHECK_STR(torrent_name(n->t), "t");
    CHECK_MEM(n->t->meta->info, w.m->info, w.m->info_len);
    CHECK(node_peer(n)->interested);
    swarm_close(&w);
}

TEST(a_link_that_names_a_peer_downloads_everything) {
    struct swarm w;
    char fields[64];
    swarm_open(&w);
    struct node *seed = node_open(&w, &(struct node_options){.seed = true});
    snprintf(fields, sizeof fields, "&x.pe=127.0.0.1:%u", seed->s->port);
    struct node *n = node_open(&w, &(struct node_options){.link = fields});
    STEP_UNTIL(&w, is_known(n) && node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_torrent_without_metadata_is_known_by_its_hash) {
    struct swarm w;
    struct torrent *t;
    struct err e;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    CHECK_STR(torrent_name(n->t), n->t->hex);
    CHECK(session_find(n->s, w.m->info_hash) == n->t);
    CHECK_INT(torrent_add_link(n->s, n->t->hex, 40, &(struct add_options){0}, &t, &e),
              ERR_EXISTS);
    CHECK(t == n->t);
    swarm_close(&w);
}

TEST(the_second_link_adds_its_trackers_and_peers) {
    struct swarm w;
    struct torrent *t;
    const char *link;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    link = swarm_link(&w, "&tr=http://127.0.0.1:1/a&x.pe=127.0.0.1:9");
    CHECK_INT(
        torrent_add_link(n->s, link, strlen(link), &(struct add_options){0}, &t, NULL),
        ERR_EXISTS);
    CHECK_INT(trackers_count(n->t->trackers), 1);
    CHECK_INT(n->t->roster.count, 1);
    swarm_close(&w);
}

TEST(a_torrent_file_ends_the_waiting) {
    struct swarm w;
    struct torrent *t;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    CHECK_INT(torrent_add(n->s, (uint8_t *)w.file.data, w.file.len,
                          &(struct add_options){0}, &t, NULL),
              0);
    CHECK(t == n->t);
    STEP_UNTIL(&w, is_known(n));
    swarm_close(&w);
}

TEST(a_link_is_given_back_with_what_it_said) {
    struct swarm w;
    struct magnet m;
    swarm_open(&w);
    struct node *n = node_open(
        &w,
        &(struct node_options){
            .paused = true,
            .link =
                "&dn=x&tr=http://127.0.0.1:1/a&tr=udp://127.0.0.1:1&ws=http://[::1]/"});
    for (int known = 0; known < 2; known++) {
        char *link = torrent_link(n->t);
        CHECK_INT(magnet_parse(&m, link, strlen(link), NULL), 0);
        CHECK_MEM(m.info_hash, w.m->info_hash, sizeof m.info_hash);
        CHECK_STR(m.name, known ? "t" : "x");
        CHECK_INT(m.trackers.count, 2);
        CHECK_INT(m.webseeds.count, known ? 0 : 1); /* a .torrent knows its own */
        magnet_free(&m);
        free(link);
        CHECK_INT(torrent_add(n->s, (uint8_t *)w.file.data, w.file.len,
                              &(struct add_options){0}, &n->t, NULL),
                  known ? ERR_EXISTS : 0);
    }
    swarm_close(&w);
}

/* ---- wishes ------------------------------------------------------------------------------ */

static void check_wanted(const struct node_options *o, const uint8_t want[SWARM_FILES]) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, o);
    struct fake *f = offering(&w, n);
    give(f, expect_request(f), 0);
    STEP_UNTIL(&w, is_known(n));
    CHECK_MEM(n->t->file_priority, want, SWARM_FILES);
    swarm_close(&w);
}

TEST(files_are_chosen_before_they_are_known) {
    static const uint8_t chosen[] = {0, 7, 0, 1}, only_a[] = {4, 0, 0, 0},
                         b_to_c[] = {0, 4, 4, 4};
    check_wanted(&(struct node_options){.link = "&so=0"}, only_a);
    check_wanted(&(struct node_options){.link = "&so=1-3"}, b_to_c);
    check_wanted(&(struct node_options){.link = "&so=0",
                                        .file_priority = chosen,
                                        .file_priorities = SWARM_FILES},
                 chosen);
}

/* ---- kept -------------------------------------------------------------------------------- */

static struct node *learn(struct swarm *w, const char *link) {
    struct node *n = node_open(w, &(struct node_options){.link = link, .state = true});
    struct fake *f = offering(w, n);
    give(f, expect_request(f), 0);
    STEP_UNTIL(w, is_known(n) && n->t->jobs == 0);
    fake_close(f);
    return n;
}

TEST(the_next_start_needs_no_metadata) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = learn(&w, "&ws=http://[::1]/");
    node_reopen(n);
    CHECK(n->t->meta);
    CHECK_INT(n->t->meta->webseed_count, 1);
    STEP_UNTIL(&w, is_known(n));
    CHECK_INT(n->count[EVENT_METADATA], 1);
    swarm_close(&w);
}

static char *kept_path(const struct node *n) {
    return resume_path(n->state, n->t->info_hash, "torrent");
}

TEST(broken_metadata_on_disk_is_asked_for_again) {
    static const char *const broken[] = {"", "d4:infod1:x", "d4:infod4:name1:aee"};
    struct swarm w;
    swarm_open(&w);
    struct node *n = learn(&w, "");
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        char *path = kept_path(n);
        node_close(n);
        CHECK_INT(file_write_atomic(path, broken[i], strlen(broken[i]), NULL), 0);
        free(path);
        node_reopen(n);
        CHECK_INT(n->t->state, TORRENT_METADATA);
    }
    swarm_close(&w);
}

TEST(metadata_is_deleted_with_the_data) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = learn(&w, "");
    char *path = kept_path(n);
    CHECK(path_exists(path));
    torrent_remove(n->t, true);
    STEP_UNTIL(&w, n->count[EVENT_REMOVED]);
    CHECK(!path_exists(path));
    free(path);
    swarm_close(&w);
}

/* ---- life without metadata --------------------------------------------------------------- */

TEST(a_torrent_that_waits_may_be_removed) {
    for (int data = 0; data < 2; data++) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &by_link);
        struct fake *f = offering(&w, n);
        (void)expect_request(f);
        torrent_remove(n->t, data);
        STEP_UNTIL(&w, n->count[EVENT_REMOVED]);
        CHECK_INT(n->code[EVENT_REMOVED], 0);
        swarm_close(&w);
    }
}

TEST(a_torrent_that_waits_may_be_paused) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    struct fake *f = offering(&w, n);
    (void)expect_request(f);
    torrent_pause(n->t);
    fake_expect_end(f);
    torrent_resume(n->t);
    f = offering(&w, n);
    give(f, expect_request(f), 0);
    STEP_UNTIL(&w, is_known(n));
    swarm_close(&w);
}

TEST(what_makes_no_sense_without_metadata_is_refused) {
    struct swarm w;
    struct err e;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    CHECK_INT(torrent_recheck(n->t, &e), ERR_BUSY);
    CHECK_INT(torrent_set_file_priority(n->t, 0, 1), ERR_INVALID);
    CHECK_INT(torrent_save(n->t), 0);
    CHECK_INT(torrent_bytes_have(n->t), 0);
    CHECK_INT(torrent_bytes_left(n->t), 0);
    swarm_close(&w);
}

/* With nothing left to fetch it would be counted as a seed, and told of no seeds. */
TEST(a_tracker_is_told_that_something_is_left) {
    struct fake_tracker *tracker = fake_tracker_open();
    struct swarm w;
    char fields[64];
    swarm_open(&w);
    fake_tracker_says(tracker, "/a", "200 d8:intervali1800e5:peers0:e");
    snprintf(fields, sizeof fields, "&tr=http://127.0.0.1:%u/a",
             fake_tracker_port(tracker));
    struct node *n = node_open(&w, &(struct node_options){.link = fields});
    STEP_UNTIL(&w, n->count[EVENT_TRACKER]);
    CHECK_INT(n->code[EVENT_TRACKER], 0);
    CHECK(strstr(fake_tracker_request(tracker, 0), "left=16384"));
    swarm_close(&w);
    fake_tracker_close(tracker);
}

/* ---- several peers ----------------------------------------------------------------------- */

TEST(metadata_is_asked_of_several_peers_at_once) {
    struct swarm w;
    swarm_open_large(&w, 2500, 1024); /* 50 KB of hashes: four pieces */
    struct node *n = node_open(&w, &by_link);
    struct fake *a = offering(&w, n), *b = offering(&w, n);
    uint32_t of_a = expect_request(a), of_b = expect_request(b);
    give(a, of_a, 0);
    give(b, of_b, 0);
    while (!is_known(n)) { /* a is slow now: b has the rest */
        struct wire_message m;
        swarm_step(&w);
        if (fake_next(b, &m) && m.id == WIRE_EXTENDED && b->body[0] == THEIRS) {
            struct ut_metadata q;
            CHECK_INT(ut_metadata_decode(&q, b->body + 1, m.length - 1), 0);
            give(b, q.piece, 0);
        }
    }
    swarm_close(&w);
}

/* Three are asked for one piece; who comes later waits until one of them gives up. */
TEST(who_leaves_makes_room_for_another_to_be_asked) {
    struct swarm w;
    struct fake *f[4];
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    for (int i = 0; i < 4; i++) {
        f[i] = offering(&w, n);
        if (i < 3)
            (void)expect_request(f[i]);
    }
    CHECK_INT(fake_count(f[3], WIRE_EXTENDED), 1); /* the handshake alone */
    fake_close(f[0]);
    give(f[3], expect_request(f[3]), 0);
    STEP_UNTIL(&w, is_known(n));
    swarm_close(&w);
}

/* ---- liars ------------------------------------------------------------------------------- */

static void lie_about_bytes(struct fake *f) {
    offer(f, info_len(f->swarm));
    give(f, expect_request(f), 1);
}

static void lie_about_the_size(struct fake *f) {
    offer(f, info_len(f->swarm) + 1);
    (void)expect_request(f);
    give(f, 0, 0);
}

static void claim_the_most(struct fake *f) {
    offer(f, METAINFO_MAX_INFO);
    (void)expect_request(f);
}

static void claim_too_much(struct fake *f) {
    offer(f, METAINFO_MAX_INFO + 1);
}

static void give_too_little(struct fake *f) {
    uint8_t byte = 'd';
    offer(f, info_len(f->swarm));
    (void)expect_request(f);
    say(f, &(struct ut_metadata){METADATA_DATA, 0, info_len(f->swarm), {&byte, 1}});
}

static void reject_everything(struct fake *f) {
    offer(f, info_len(f->swarm));
    for (int i = 1; i <= 5; i++) { /* each time it is left in peace for longer */
        say(f, &(struct ut_metadata){METADATA_REJECT, expect_request(f), 0, {NULL, 0}});
        swarm_settle(f->swarm);
        node_pass(f->node, METADATA_QUIET * i + USEC_PER_SEC);
    }
}

static void say_nothing(struct fake *f) {
    offer(f, info_len(f->swarm));
    (void)expect_request(f);
}

static void give_unasked(struct fake *f) {
    for (uint32_t i = 0; i < 100; i++)
        give(f, 0, 1);
}

static void change_the_size(struct fake *f) {
    offer(f, info_len(f->swarm));
    (void)expect_request(f);
    offer(f, info_len(f->swarm) + 5);
}

static void talk_nonsense(struct fake *f) {
    offer(f, info_len(f->swarm));
    (void)expect_request(f);
    fake_say_extended(f, EXT_METADATA, "d8:msg_typei1e5:piecei0ee");
}

/* The liar comes first, alone; then an honest peer. */
static void check_overcome(void (*lie)(struct fake *f), const char *what) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    struct fake *liar = fake_leech(&w, n, true), *honest;
    lie(liar);
    swarm_settle(&w);
    honest = offering(&w, n);
    for (int i = 0; i < 20 && !is_known(n); i++) {
        struct wire_message m;
        swarm_settle(&w);
        while (fake_next(honest, &m))
            if (m.id == WIRE_EXTENDED && honest->body[0] == THEIRS)
                give(honest, 0, 0);
        node_pass(n, 60 * USEC_PER_SEC);
    }
    if (!is_known(n))
        check_fail(__FILE__, __LINE__, "%s keeps the metadata from coming", what);
    swarm_close(&w);
}

TEST(no_liar_keeps_the_metadata_of_an_honest_peer_from_coming) {
#define CASE(lie) \
    { lie, #lie }
    static const struct {
        void (*lie)(struct fake *f);
        const char *what;
    } cases[] = {
        CASE(lie_about_bytes), CASE(lie_about_the_size), CASE(claim_the_most),
        CASE(claim_too_much),  CASE(give_too_little),    CASE(reject_everything),
        CASE(say_nothing),     CASE(give_unasked),       CASE(change_the_size),
        CASE(talk_nonsense),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_overcome(cases[i].lie, cases[i].what);
}

TEST(who_changes_the_size_is_closed) {
    struct swarm w;
    swarm_open(&w);
    struct fake *f = fake_leech(&w, node_open(&w, &by_link), true);
    change_the_size(f);
    fake_expect_end(f);
    swarm_close(&w);
}

TEST(who_alone_sent_wrong_metadata_is_banned) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    struct fake *f = fake_leech(&w, n, true);
    lie_about_bytes(f);
    fake_expect_end(f);
    CHECK_INT(n->count[EVENT_BANNED], 1);
    swarm_close(&w);
}

TEST(an_info_dictionary_that_is_no_torrent_ends_in_a_sentence) {
    struct swarm w;
    swarm_open(&w);
    struct metainfo *right = w.m;
    static uint8_t useless[] = "d4:name1:x12:piece lengthi0ee";
    struct metainfo fake_meta = *right;
    fake_meta.info = useless, fake_meta.info_len = sizeof useless - 1;
    CHECK_INT(sha1(fake_meta.info_hash, useless, sizeof useless - 1), 0);
    w.m = &fake_meta;
    struct node *n = node_open(&w, &by_link);
    struct fake *f = offering(&w, n);
    give(f, expect_request(f), 0);
    STEP_UNTIL(&w, n->count[EVENT_ERROR]);
    CHECK_INT(n->t->state, TORRENT_METADATA);
    CHECK(n->t->paused);
    CHECK(strstr(n->text[EVENT_ERROR], "cannot be used"));
    w.m = right;
    swarm_close(&w);
}

/* Who was found by other ways than the tracker is not dialled any more. */
TEST(metadata_that_turns_out_private_ends_the_search) {
    static const uint8_t hash[SHA1_LEN];
    struct metainfo_draft_file file = {"", 1000, 0};
    struct metainfo_draft d = {.name = "p",
                               .files = &file,
                               .file_count = 1,
                               .piece_length = WIRE_BLOCK,
                               .hashes = hash,
                               .pieces = 1,
                               .private = true};
    struct swarm w;
    struct text text;
    struct metainfo *private;
    swarm_open(&w);
    struct metainfo *usual = w.m;
    text_init(&text);
    CHECK_INT(metainfo_write(&text, &d, NULL), 0);
    CHECK_INT(metainfo_parse(&private, (uint8_t *)text.data, text.len, NULL), 0);
    text_free(&text);
    w.m = private;
    struct node *n =
        node_open(&w, &(struct node_options){.link = "", .settings.pex = true});
    n->t->connections = 1; /* nobody else is dialled */
    struct fake *f = offering(&w, n);
    uint32_t piece = expect_request(f);
    for (uint8_t i = 0; i < 100; i++) {
        struct addr a = {.ip = {10, 0, 0, i}, .port = 6881, .family = 4};
        (void)torrent_connect(n->t, &a, i % 2 ? SOURCE_PEX | SOURCE_DHT : SOURCE_TRACKER);
    }
    CHECK(torrent_may_use(n->t, SOURCE_PEX));
    give(f, piece, 0);
    STEP_UNTIL(&w, is_known(n));
    CHECK(!torrent_may_use(n->t, SOURCE_PEX));
    CHECK_INT(n->t->roster.count, 50 + 1);
    w.m = usual;
    swarm_close(&w);
    metainfo_drop(private);
}

/* ---- what they said before --------------------------------------------------------------- */

static void bitfield_of_three(struct fake *f) {
    fake_say_bitfield(f, "\340", 1);
}

static void bitfield_and_have(struct fake *f) {
    fake_say_bitfield(f, "\300", 1);
    fake_say3(f, WIRE_HAVE, 2, 0, 0);
}

static void haves_and_bitfield(struct fake *f) {
    fake_say3(f, WIRE_HAVE, 2, 0, 0);
    fake_say_bitfield(f, "\300", 1);
}

static void three_haves(struct fake *f) {
    for (uint32_t i = 0; i < 3; i++)
        fake_say3(f, WIRE_HAVE, i, 0, 0);
}

static void none_and_three(struct fake *f) {
    fake_say(f, WIRE_HAVE_NONE);
    three_haves(f);
}

static void two_bitfields(struct fake *f) {
    fake_say_bitfield(f, "\200", 1);
    fake_say_bitfield(f, "\140", 1);
}

static void everything(struct fake *f) {
    fake_say(f, WIRE_HAVE_ALL);
}

static void nothing(struct fake *f) {
    fake_say(f, WIRE_HAVE_NONE);
}

static void long_bitfield(struct fake *f) {
    fake_say_bitfield(f, "\340\0", 2);
}

static void spare_bits(struct fake *f) {
    fake_say_bitfield(f, "\377", 1);
}

static void have_beyond(struct fake *f) {
    fake_say3(f, WIRE_HAVE, 7, 0, 0);
}

static void have_far_beyond(struct fake *f) {
    fake_say3(f, WIRE_HAVE, UINT32_MAX, 0, 0);
}

static void have_beyond_the_bitfield(struct fake *f) {
    fake_say_bitfield(f, "\340", 1);
    fake_say3(f, WIRE_HAVE, 8, 0, 0);
}

static void far_too_many_haves(struct fake *f) {
    for (uint32_t i = 0; i <= 2 * EARLY_MAX_HAVES; i++)
        fake_say3(f, WIRE_HAVE, i % 7, 0, 0);
}

static void all_twice(struct fake *f) {
    fake_say(f, WIRE_HAVE_ALL);
    fake_say(f, WIRE_HAVE_ALL);
}

/* What a peer says first, how many pieces it has afterwards (-1: it is closed). */
TEST(what_peers_have_is_remembered_until_the_metadata_comes) {
#undef CASE
#define CASE(say, has) \
    { say, #say, has }
    static const struct {
        void (*say)(struct fake *f);
        const char *what;
        int has;
    } cases[] = {
        CASE(bitfield_of_three, 3),
        CASE(bitfield_and_have, 3),
        CASE(haves_and_bitfield, 3),
        CASE(three_haves, 3),
        CASE(none_and_three, 3),
        CASE(two_bitfields, 3),
        CASE(everything, 7),
        CASE(nothing, 0),
        CASE(long_bitfield, -1),
        CASE(spare_bits, -1),
        CASE(have_beyond, -1),
        CASE(have_far_beyond, -1),
        CASE(have_beyond_the_bitfield, -1),
        CASE(far_too_many_haves, -1),
        CASE(all_twice, -1),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct swarm w;
        swarm_open(&w);
        struct node *n = node_open(&w, &by_link);
        struct fake *early = fake_leech(&w, n, true);
        cases[i].say(early);
        swarm_settle(&w);
        struct fake *f = fake_leech(&w, n, true);
        offer(f, info_len(&w));
        give(f, expect_request(f), 0);
        STEP_UNTIL(&w, is_known(n));
        fake_close(f);
        STEP_UNTIL(&w, n->t->peer_count == (cases[i].has >= 0));
        if (cases[i].has >= 0 && (int)node_peer(n)->has.count != cases[i].has)
            check_fail(__FILE__, __LINE__, "%s: %u pieces", cases[i].what,
                       node_peer(n)->has.count);
        CHECK_INT(n->t->early_bytes, 0);
        swarm_close(&w);
    }
}

TEST(bitfields_that_wait_are_bounded) {
    struct swarm w;
    static uint8_t bits[METAINFO_MAX_PIECES / 8];
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    for (int i = 0; i < 40; i++)
        fake_say_bitfield(fake_leech(&w, n, true), bits, sizeof bits);
    STEP_UNTIL(&w, n->t->ready_count == 40);
    swarm_settle(&w);
    CHECK(n->t->early_bytes > EARLY_MAX_TORRENT - sizeof bits);
    CHECK(n->t->early_bytes <= EARLY_MAX_TORRENT);
    swarm_close(&w);
}

/* Those that were told that we have nothing hear of what was found on disk. */
TEST(what_the_check_finds_is_announced_to_early_peers) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(
        &w, &(struct node_options){.link = "", .seed = true, .unchecked = true});
    struct fake *f = fake_leech(&w, n, true);
    (void)fake_expect(f, WIRE_HAVE_NONE);
    offer(f, info_len(&w));
    give(f, expect_request(f), 0);
    for (uint32_t i = 0; i < w.pieces; i++)
        CHECK_INT(fake_expect(f, WIRE_HAVE).index, i);
    swarm_close(&w);
}

/* ---- handing it on ----------------------------------------------------------------------- */

static void ask(struct fake *f, uint32_t piece) {
    say(f, &(struct ut_metadata){METADATA_REQUEST, piece, 0, {NULL, 0}});
}

static struct fake *curious(struct swarm *w, struct node *n) {
    struct fake *f = fake_leech(w, n, true);
    fake_say_extended(f, EXT_HANDSHAKE, "d1:md11:ut_metadatai7eee");
    return f;
}

TEST(metadata_is_given_to_who_asks) {
    struct swarm w;
    swarm_open_large(&w, 2500, 1024);
    struct node *n = node_open(&w, NULL);
    struct fake *f = curious(&w, n);
    uint32_t size = info_len(&w);
    for (uint32_t i = 0; i < metadata_pieces(size); i++) {
        ask(f, i);
        struct ut_metadata m = expect_metadata(f);
        CHECK_INT(m.type, METADATA_DATA);
        CHECK_INT(m.piece, i);
        CHECK_INT(m.total_size, size);
        CHECK_INT(m.payload.len, metadata_piece_len(size, i));
        CHECK_MEM(m.payload.data, w.m->info + (size_t)i * METADATA_PIECE, m.payload.len);
    }
    swarm_close(&w);
}

TEST(metadata_beyond_the_end_is_rejected) {
    static const uint32_t beyond[] = {1, 2, 1919};
    struct swarm w;
    swarm_open(&w);
    struct fake *f = curious(&w, node_open(&w, NULL));
    for (size_t i = 0; i < COUNT_OF(beyond); i++) {
        ask(f, beyond[i]);
        CHECK_INT(expect_metadata(f).type, METADATA_REJECT);
    }
    swarm_close(&w);
}

TEST(nobody_gets_the_metadata_without_end) {
    struct swarm w;
    swarm_open(&w);
    struct fake *f = curious(&w, node_open(&w, NULL));
    for (uint32_t i = 0; i <= METADATA_GENEROSITY; i++) {
        ask(f, 0);
        CHECK_INT(expect_metadata(f).type,
                  i < METADATA_GENEROSITY ? METADATA_DATA : METADATA_REJECT);
    }
    swarm_close(&w);
}

TEST(who_waits_for_metadata_rejects_requests_for_it) {
    struct swarm w;
    swarm_open(&w);
    struct fake *f = curious(&w, node_open(&w, &by_link));
    ask(f, 0);
    CHECK_INT(expect_metadata(f).type, METADATA_REJECT);
    swarm_close(&w);
}

TEST(the_metadata_is_offered_once_it_is_known) {
    struct swarm w;
    char size[40];
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    struct fake *f = curious(&w, n);
    snprintf(size, sizeof size, "13:metadata_sizei%ue", info_len(&w));
    (void)fake_expect_extended(f, EXT_HANDSHAKE);
    CHECK(!strstr((char *)f->body + 1, "metadata_size"));
    struct fake *other = offering(&w, n);
    give(other, expect_request(other), 0);
    (void)fake_expect_extended(f, EXT_HANDSHAKE);
    CHECK(strstr((char *)f->body + 1, size));
    swarm_close(&w);
}

/* The flag is believed, wherever it comes from; the swarm's own torrents are not private. */
TEST(private_metadata_is_neither_offered_nor_given) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    n->t->meta->private = true;
    struct fake *f = curious(&w, n);
    (void)fake_expect_extended(f, EXT_HANDSHAKE);
    CHECK(!strstr((char *)f->body + 1, "metadata"));
    ask(f, 0);
    CHECK_INT(expect_metadata(f).type, METADATA_REJECT);
    swarm_close(&w);
}

/* ---- out of memory ----------------------------------------------------------------------- */

TEST(a_link_without_memory_is_not_added_and_the_session_lives) {
    struct swarm w;
    struct settings s = {.bind = {.ip = {127, 0, 0, 1}, .family = 4},
                         .directory = check_tmpdir(),
                         .state = check_tmpdir()};
    const struct add_options add = {.directory = "elsewhere"};
    swarm_open(&w);
    const char *link = swarm_link(&w, "&dn=x&tr=http://127.0.0.1:1/&x.pe=127.0.0.1:9");
    CHECK_EACH_NOMEM(n) {
        long at = n;
        check_nomem_at(-1);
        struct session *session = session_new(&s, NULL);
        struct torrent *t = NULL;
        struct err e = {0};
        check_nomem_at(at);
        int status = torrent_add_link(session, link, strlen(link), &add, &t, &e);
        bool hit = check_nomem_hit();
        CHECK(status == 0 || (hit && status == ERR_NOMEM));
        for (int i = 0; i < 5; i++)
            CHECK_INT(session_step(session, 0), 0);
        session_free(session);
    }
    swarm_close(&w);
}

TEST(adopting_without_memory_leaves_the_torrent_waiting) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &by_link);
    CHECK_EACH_NOMEM(i) {
        struct err e = {0};
        int status =
            n->t->meta ? 0 : torrent_adopt(n->t, (uint8_t *)w.file.data, w.file.len, &e);
        (void)check_nomem_hit();
        CHECK(status == 0 || status == ERR_NOMEM);
        CHECK(!n->t->meta == (status < 0));
        CHECK(status == 0 || n->t->state == TORRENT_METADATA);
        swarm_step(&w);
    }
    swarm_close(&w);
}

static void answer(struct fake *f) {
    struct wire_message m;
    for (int i = 0; i < 20; i++) {
        swarm_step(f->swarm);
        while (fake_next(f, &m))
            if (m.id == WIRE_EXTENDED && f->body[0] == THEIRS)
                give(f, 0, 0);
    }
}

/* In the step in which the metadata comes the nth allocation fails. Whatever that costs, another
 * peer can still tell it. False: there are not so many. */
static bool learns_in_the_end(long nth) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.link = "", .state = true});
    struct fake *f = offering(&w, n);
    give(f, expect_request(f), 0);
    check_nomem_at(nth);
    int status = session_step(n->s, USEC_PER_MSEC);
    bool hit = check_nomem_hit();
    CHECK_INT(status, 0);
    for (int i = 0; i < 20 && !is_known(n); i++) {
        torrent_resume(n->t); /* it may have been stopped, with a sentence */
        answer(offering(&w, n));
    }
    CHECK(is_known(n));
    swarm_close(&w);
    return hit;
}

TEST(metadata_survives_the_failure_of_any_allocation) {
    for (long nth = 0; learns_in_the_end(nth); nth++) {}
}
