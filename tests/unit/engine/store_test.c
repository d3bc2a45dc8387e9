/* Pieces between memory and disk: what is announced and when, who pays for poison, and a disk
 * that refuses. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "unit/engine/fake_peer.h"

static struct fake *has_piece(struct swarm *w, struct node *n, uint32_t piece) {
    struct fake *f = fake_leech(w, n, true);
    fake_say3(f, WIRE_HAVE, piece, 0, 0);
    fake_say(f, WIRE_UNCHOKE);
    return f;
}

static void give(struct fake *f, const struct wire_message *m, uint8_t poison) {
    fake_give(f, m->index, m->begin, m->length, poison);
}

/* ---- announcing -------------------------------------------------------------------------- */

TEST(have_is_said_only_after_the_hash_matched_and_the_write_returned) {
    struct swarm w;
    uint8_t *data;
    size_t len;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *watcher = fake_leech(&w, n, true);
    struct fake *f = has_piece(&w, n, 0);
    f->serves = true;
    CHECK_INT(fake_expect(watcher, WIRE_HAVE).index, 0);
    CHECK_INT(file_read_whole(node_path(n, "a"), 1 << 20, &data, &len, NULL), 0);
    CHECK(len >= PIECE_LEN);
    CHECK_MEM(data, w.data, PIECE_LEN);
    free(data);
    swarm_close(&w);
}

TEST(a_piece_that_failed_its_hash_is_neither_written_nor_announced) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *watcher = fake_leech(&w, n, true);
    struct fake *f = has_piece(&w, n, 0);
    f->serves = true, f->poison = 1;
    STEP_UNTIL(&w, n->count[EVENT_HASH_FAILED] == 1);
    CHECK_INT(fake_count(watcher, WIRE_HAVE), 0);
    CHECK(!path_exists(node_path(n, "a")));
    CHECK_INT(n->s->stats.payload_failed, PIECE_LEN);
    CHECK_INT(n->count[EVENT_PIECE], 0);
    CHECK_INT(n->t->open.count, 0);
    swarm_close(&w);
}

TEST(have_is_not_said_to_those_who_have_it) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = has_piece(&w, n, 3);
    f->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    f->serves = false;
    CHECK_INT(fake_count(f, WIRE_HAVE), 0);
    swarm_close(&w);
}

/* ---- poison ------------------------------------------------------------------------------ */

TEST(the_sole_author_of_a_poisoned_piece_is_barred) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n);
    fake_await(f);
    fake_greet(f, true);
    fake_say3(f, WIRE_HAVE, 2, 0, 0);
    fake_say(f, WIRE_UNCHOKE);
    f->serves = true, f->poison = 7;
    fake_expect_end(f);
    CHECK_INT(n->count[EVENT_BANNED], 1);
    CHECK_INT(n->code[EVENT_PEER_CLOSED], ERR_REFUSED);
    CHECK(bans_has(&n->s->bans, &f->addr, session_now(n->s)));
    (void)torrent_connect(n->t, &f->addr, SOURCE_MANUAL);
    swarm_settle(&w);
    CHECK_INT(n->t->peer_count, 0);
    fake_seed(&w, n, true)->serves = true; /* and the download completes */
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

/* Two who have only piece 2: `honest` was asked for both blocks, `liar` for a copy of one. */
static void suspects_open(struct swarm *w, struct fake **honest, struct fake **liar) {
    swarm_open(w);
    struct node *n = node_open(w, NULL);
    *honest = has_piece(w, n, 2);
    struct wire_message a = fake_expect(*honest, WIRE_REQUEST);
    struct wire_message b = fake_expect(*honest, WIRE_REQUEST);
    *liar = has_piece(w, n, 2);
    struct wire_message copy = fake_expect(*liar, WIRE_REQUEST);
    give(*liar, &copy, 0x33);
    (void)fake_expect(*honest, WIRE_CANCEL);
    give(*honest, copy.begin == a.begin ? &b : &a, 0);
    STEP_UNTIL(w, n->count[EVENT_HASH_FAILED] == 1);
}

TEST(several_authors_of_a_poisoned_piece_are_suspects_until_one_is_convicted) {
    struct swarm w;
    struct fake *honest, *liar;
    suspects_open(&w, &honest, &liar);
    struct node *n = honest->node;
    CHECK_INT(n->count[EVENT_BANNED], 0);
    uint32_t on_parole = 0;
    LIST_EACH(l, &n->t->peers) {
        on_parole += LIST_ITEM(l, struct peer, in_torrent)->parole;
    }
    CHECK_INT(on_parole, 2);
    honest->serves = true, liar->serves = true, liar->poison = 0x33;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    fake_expect_end(liar);
    CHECK(!honest->eof);
    CHECK_INT(n->count[EVENT_BANNED], 1);
    CHECK(!node_peer(n)->parole);
    swarm_close(&w);
}

TEST(a_liar_who_turns_honest_is_convicted_by_his_old_block) {
    struct swarm w;
    struct fake *honest, *liar;
    suspects_open(&w, &honest, &liar);
    struct node *n = honest->node;
    honest->serves = liar->serves = true;
    fake_expect_end(liar);
    CHECK_INT(n->count[EVENT_PIECE], 1);
    CHECK(!honest->eof);
    swarm_close(&w);
}

TEST(a_liar_who_has_left_is_barred_by_his_address) {
    struct swarm w;
    struct fake *honest, *liar;
    suspects_open(&w, &honest, &liar);
    struct node *n = honest->node;
    struct addr his = liar->addr;
    fake_hang_up(liar);
    STEP_UNTIL(&w, n->t->peer_count == 1);
    honest->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    CHECK_INT(n->count[EVENT_BANNED], 1);
    CHECK(bans_has(&n->s->bans, &his, session_now(n->s)));
    CHECK(!honest->eof);
    swarm_close(&w);
}

TEST(a_liar_who_left_before_the_hash_failed_bars_nobody) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = has_piece(&w, n, 2);
    struct wire_message m = fake_expect(f, WIRE_REQUEST);
    give(f, &m, 1);
    STEP_UNTIL(&w, n->s->stats.payload_received == m.length);
    fake_hang_up(f);
    STEP_UNTIL(&w, n->t->peer_count == 0);
    struct fake *g = has_piece(&w, n, 2);
    g->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    CHECK_INT(n->count[EVENT_HASH_FAILED], 1);
    CHECK(!g->eof);
    CHECK_INT(n->count[EVENT_BANNED], 0);
    CHECK_INT(n->s->bans.count, 0);
    swarm_close(&w);
}

/* ---- the disk refuses -------------------------------------------------------------------- */

/* A directory where a file should be: nobody can write that, not even root. */
static void block_file(const struct node *n, const char *path) {
    CHECK_INT(file_make_dirs(node_path(n, path), NULL), 0);
}

/* A node that has all but piece 5 (within c), which it cannot write. */
static struct node *refused(struct swarm *w, struct fake **f) {
    swarm_open(w);
    struct node *n = node_open(w, NULL);
    *f = fake_leech(w, n, true);
    fake_say_bitfield(*f, "\360", 1); /* pieces 0..3, which end in b */
    fake_say(*f, WIRE_UNCHOKE);
    (*f)->serves = true;
    STEP_UNTIL(w, n->count[EVENT_PIECE] == 4);
    block_file(n, "c");
    fake_say3(*f, WIRE_HAVE, 5, 0, 0);
    STEP_UNTIL(w, n->t->disk_stopped);
    return n;
}

TEST(a_disk_that_refuses_stops_the_download_and_says_so_once) {
    struct swarm w;
    struct fake *f;
    struct node *n = refused(&w, &f);
    CHECK_INT(n->count[EVENT_ERROR], 1);
    CHECK(strstr(n->text[EVENT_ERROR], "t/c"));
    CHECK_INT(n->t->state, TORRENT_DOWNLOADING);
    CHECK_INT(picker_state(&n->t->picker, 5), PIECE_WRITING);
    node_pass(n, 6 * USEC_PER_SEC); /* a retry that fails as well */
    swarm_settle(&w);
    CHECK_INT(n->count[EVENT_ERROR], 1);
    CHECK(n->t->disk_stopped);
    f->serves = false;
    fake_say3(f, WIRE_HAVE, 6, 0, 0);
    CHECK_INT(fake_count(f, WIRE_REQUEST), 0);
    swarm_close(&w); /* and closing does not wait for the disk */
}

TEST(uploading_goes_on_while_the_disk_refuses) {
    struct swarm w;
    struct fake *f;
    struct node *n = refused(&w, &f);
    struct fake *g = fake_leech(&w, n, true);
    fake_say(g, WIRE_INTERESTED);
    (void)fake_expect(g, WIRE_UNCHOKE);
    fake_say3(g, WIRE_REQUEST, 1, 0, WIRE_BLOCK);
    (void)fake_expect(g, WIRE_PIECE);
    CHECK_MEM(g->body, w.data + PIECE_LEN, WIRE_BLOCK);
    CHECK(n->t->disk_stopped);
    swarm_close(&w);
}

TEST(the_download_goes_on_by_itself_when_the_disk_is_back) {
    struct swarm w;
    struct fake *f;
    struct node *n = refused(&w, &f);
    CHECK_INT(rmdir(node_path(n, "c")), 0);
    node_pass(n, 6 * USEC_PER_SEC);
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 5);
    CHECK(!n->t->disk_stopped);
    CHECK_INT(n->s->stats.payload_received, 5 * PIECE_LEN); /* nothing came twice */
    fake_say3(f, WIRE_HAVE, 4, 0, 0), fake_say3(f, WIRE_HAVE, 6, 0, 0);
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

/* What a full disk does, on any machine: files may not grow over a limit of the process. */
static void limit_files(rlim_t size) {
    struct rlimit r;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = size;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &r), 0);
}

TEST(a_disk_that_fills_up_in_mid_download_loses_nothing) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, true);
    f->serves = true;
    sighandler_t before = signal(SIGXFSZ, SIG_IGN);
    limit_files(50000);
    for (int i = 0; i < 5000 && !n->t->disk_stopped; i++)
        swarm_step(&w);
    swarm_settle(&w);
    bool stopped = n->t->disk_stopped;
    limit_files(RLIM_INFINITY);
    signal(SIGXFSZ, before);
    CHECK(stopped);
    CHECK_INT(n->count[EVENT_ERROR], 1);
    node_pass(n, 6 * USEC_PER_SEC);
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    CHECK_INT(n->count[EVENT_HASH_FAILED], 0);
    CHECK_INT(n->s->stats.payload_received, w.size);
    swarm_close(&w);
}

TEST(a_recheck_ends_the_wait_for_the_disk) {
    struct swarm w;
    struct fake *f;
    struct node *n = refused(&w, &f);
    CHECK_INT(rmdir(node_path(n, "c")), 0);
    CHECK_INT(torrent_recheck(n->t, NULL), 0);
    STEP_UNTIL(&w, n->t->state == TORRENT_DOWNLOADING);
    CHECK_INT(n->t->have.count, 4);
    CHECK(!n->t->disk_stopped);
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_pause_while_the_disk_refuses_keeps_the_piece) {
    struct swarm w;
    struct fake *f;
    struct node *n = refused(&w, &f);
    torrent_pause(n->t);
    swarm_settle(&w);
    CHECK_INT(rmdir(node_path(n, "c")), 0);
    node_pass(n, 6 * USEC_PER_SEC);
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 5);
    torrent_resume(n->t);
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_torrent_that_is_removed_while_the_disk_refuses_goes_at_once) {
    struct swarm w;
    struct fake *f;
    struct node *n = refused(&w, &f);
    torrent_remove(n->t, false);
    n->t = NULL;
    STEP_UNTIL(&w, n->count[EVENT_REMOVED] == 1);
    CHECK_INT(n->s->budget.used, 0);
    swarm_close(&w);
}

TEST(a_file_that_somebody_removed_stops_the_download_until_it_is_checked) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = has_piece(&w, n, 0);
    f->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    CHECK_INT(unlink(node_path(n, "a")), 0);
    fake_say3(f, WIRE_HAVE, 1, 0, 0);
    STEP_UNTIL(&w, n->t->disk_stopped || n->count[EVENT_PIECE] == 2);
    if (n->t->disk_stopped) {
        CHECK_INT(n->code[EVENT_ERROR], ERR_NOTFOUND);
        CHECK_INT(torrent_recheck(n->t, NULL), 0);
        STEP_UNTIL(&w, n->t->state == TORRENT_DOWNLOADING);
        CHECK_INT(n->t->have.count, 0);
    }
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    swarm_close(&w);
}
