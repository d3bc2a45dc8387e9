/* What a user asks of a torrent while it lives: choose files, pause, check, move, remove, read. */
#include <sys/stat.h>
#include <unistd.h>

#include "engine/select.h"
#include "io/file.h"
#include "unit/engine/fake_peer.h"

/* ---- choosing files ---------------------------------------------------------------------- */

static const uint8_t only_b[] = {0, 4, 0, 0};

static struct node *b_alone(struct swarm *w, struct fake **f) {
    swarm_open(w);
    struct node *n =
        node_open(w, &(struct node_options){
                         .state = true, .file_priority = only_b, .file_priorities = 4});
    *f = fake_seed(w, n, true);
    (*f)->serves = true;
    STEP_UNTIL(w, node_done(n));
    return n;
}

TEST(a_skipped_file_is_never_created) {
    struct swarm w;
    struct fake *f;
    struct node *n = b_alone(&w, &f);
    CHECK_INT(n->t->state, TORRENT_FINISHED);
    CHECK(node_is_whole(n, FILE_B));
    CHECK(!path_exists(node_path(n, "a")));
    CHECK(!path_exists(node_path(n, "c")));
    CHECK(!path_exists(node_path(n, "sub/empty")));
    CHECK_INT(n->t->have.count, 4); /* 1..4: those that b has bytes in */
    CHECK_INT(n->count[EVENT_FILE], 1);
    CHECK_INT(n->count[EVENT_DONE], 1);
    CHECK_INT(torrent_bytes_left(n->t), 0);
    swarm_close(&w);
}

TEST(a_file_selected_later_needs_only_what_is_missing_of_it) {
    struct swarm w;
    struct fake *f;
    struct node *n = b_alone(&w, &f);
    uint64_t before = n->s->stats.payload_received;
    CHECK_INT(torrent_set_file_priority(n->t, FILE_A, PRIORITY_NORMAL), 0);
    CHECK_INT(n->t->state, TORRENT_DOWNLOADING);
    if (f->eof) { /* it had nothing more for us, nor we for it */
        f = fake_seed(&w, n, true);
        f->serves = true;
    }
    STEP_UNTIL(&w, node_done(n));
    STEP_UNTIL(&w, node_is_whole(n, FILE_A)); /* storage may be moving its end still */
    CHECK_INT(n->s->stats.payload_received - before, PIECE_LEN); /* piece 0 alone */
    CHECK(!path_exists(node_path(n, "c")));
    CHECK_INT(n->count[EVENT_DONE], 2);
    swarm_close(&w);
}

TEST(a_selection_survives_a_restart) {
    struct swarm w;
    struct fake *f;
    struct node *n = b_alone(&w, &f);
    fake_close(f);
    n->options.file_priorities = 0, n->options.file_priority = NULL;
    node_reopen(n);
    CHECK_INT(n->t->state, TORRENT_FINISHED);
    CHECK_INT(n->t->file_priority[FILE_A], 0);
    CHECK_INT(n->t->have.count, 4);
    CHECK(!path_exists(node_path(n, "c")));
    swarm_close(&w);
}

TEST(a_file_unselected_in_mid_download_is_not_asked_for_any_more) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK_INT(torrent_set_file_priority(n->t, FILE_C, 0), 0);
    struct fake *f = fake_seed(&w, n, true);
    f->serves = true;
    STEP_UNTIL(&w, node_done(n));
    CHECK_INT(n->t->state, TORRENT_FINISHED);
    CHECK(!bitset_has(&n->t->have, 5) && !bitset_has(&n->t->have, 6));
    CHECK(node_is_whole(n, FILE_A) && node_is_whole(n, FILE_B));
    swarm_close(&w);
}

TEST(nothing_selected_is_nothing_downloaded) {
    static const uint8_t none[4] = {0};
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(
        &w, &(struct node_options){.file_priority = none, .file_priorities = 4});
    CHECK_INT(n->t->state, TORRENT_FINISHED);
    struct fake *f = fake_seed(&w, n, true);
    CHECK_INT(fake_count(f, WIRE_REQUEST), 0);
    CHECK(!path_exists(node_path(n, "a")));
    swarm_close(&w);
}

TEST(a_selection_that_makes_no_sense_is_refused) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK_INT(torrent_set_file_priority(n->t, SWARM_FILES, 1), ERR_INVALID);
    CHECK_INT(torrent_set_file_priority(n->t, 0, 8), ERR_INVALID);
    CHECK_INT(torrent_set_file_priority(n->t, 0, -1), ERR_INVALID);
    swarm_close(&w);
}

TEST(selecting_to_and_fro_ends_where_it_was_left) {
    struct swarm w;
    struct fake *f;
    struct node *n = b_alone(&w, &f);
    for (int i = 0; i < 9; i++)
        CHECK_INT(torrent_set_file_priority(n->t, FILE_C, i % 2 ? 0 : 4), 0);
    STEP_UNTIL(&w, !n->t->selecting);
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    STEP_UNTIL(&w, node_is_whole(n, FILE_C));
    CHECK(!path_exists(node_path(n, "a")));
    swarm_close(&w);
}

/* ---- pause and resume -------------------------------------------------------------------- */

TEST(a_pause_ends_connections_and_a_resume_goes_on) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_new(&w, n);
    fake_await(f);
    fake_greet(f, true);
    fake_say(f, WIRE_HAVE_ALL), fake_say(f, WIRE_UNCHOKE);
    f->serves = true, f->serve_at_most = 5;
    STEP_UNTIL(&w, f->serve_at_most == 0);
    torrent_pause(n->t);
    torrent_pause(n->t);
    fake_expect_end(f);
    swarm_settle(&w);
    CHECK_INT(n->s->connections, 0);
    CHECK_STR(n->text[EVENT_STATE], "paused");
    torrent_resume(n->t);
    torrent_resume(n->t);
    CHECK_INT(n->t->state, TORRENT_DOWNLOADING);
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_torrent_added_paused_is_checked_and_waits) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.paused = true, .seed = true});
    CHECK_INT(n->t->state, TORRENT_SEEDING);
    CHECK_INT(n->t->have.count, w.pieces);
    torrent_resume(n->t);
    struct fake *f = fake_leech(&w, n, true);
    (void)fake_expect(f, WIRE_HAVE_ALL);
    swarm_close(&w);
}

TEST(a_torrent_paused_while_it_is_checked_stays_so) {
    struct swarm w;
    swarm_open(&w);
    struct node *n =
        node_open(&w, &(struct node_options){.seed = true, .unchecked = true});
    torrent_pause(n->t);
    STEP_UNTIL(&w, n->t->state == TORRENT_SEEDING);
    struct fake *f = fake_leech(&w, n, true);
    fake_expect_end(f);
    swarm_close(&w);
}

/* ---- checking again ---------------------------------------------------------------------- */

TEST(a_recheck_finds_exactly_the_piece_that_was_corrupted) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    for (uint32_t i = 0; i < w.pieces; i += 3) {
        node_corrupt(n, i);
        CHECK_INT(torrent_recheck(n->t, NULL), 0);
        CHECK_INT(torrent_recheck(n->t, NULL), ERR_BUSY);
        STEP_UNTIL(&w, n->t->state != TORRENT_CHECKING);
        CHECK_INT(n->t->have.count, w.pieces - 1);
        CHECK(!bitset_has(&n->t->have, i));
        struct fake *f = fake_seed(&w, n, true);
        f->serves = true;
        STEP_UNTIL(&w, node_done(n));
        node_check_whole(n);
        CHECK_INT(n->t->downloaded, 0 + MIN(PIECE_LEN, w.size - i * PIECE_LEN));
        n->t->downloaded = 0;
        fake_close(f);
    }
    swarm_close(&w);
}

TEST(a_recheck_in_mid_download_keeps_what_is_whole) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, true);
    f->serves = true, f->serve_at_most = 7;
    STEP_UNTIL(&w, f->serve_at_most == 0);
    swarm_settle(&w);
    uint32_t have = n->t->have.count;
    CHECK_INT(torrent_recheck(n->t, NULL), 0);
    STEP_UNTIL(&w, n->t->state == TORRENT_DOWNLOADING);
    CHECK_INT(n->t->have.count, have);
    fake_seed(&w, n, true)->serves = true;
    STEP_UNTIL(&w, node_done(n));
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_recheck_of_a_paused_torrent_leaves_it_paused) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true, .paused = true});
    CHECK_INT(torrent_recheck(n->t, NULL), 0);
    STEP_UNTIL(&w, n->t->state == TORRENT_SEEDING);
    CHECK(n->t->paused);
    swarm_close(&w);
}

/* ---- moving ------------------------------------------------------------------------------ */

TEST(a_download_goes_on_while_it_is_moved) {
    struct swarm w;
    char to[600];
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    struct fake *f = fake_seed(&w, n, true);
    f->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] >= 2);
    snprintf(to, sizeof to, "%s/elsewhere/deep", check_tmpdir());
    CHECK_INT(torrent_move(n->t, to, NULL), 0);
    STEP_UNTIL(&w, node_done(n) && n->count[EVENT_MOVED] == 1);
    CHECK_INT(n->code[EVENT_MOVED], 0);
    CHECK_STR(n->text[EVENT_MOVED], to);
    CHECK(!path_exists(node_path(n, "")));
    snprintf(n->directory, sizeof n->directory, "%.500s", to);
    node_check_whole(n);
    swarm_close(&w);
}

TEST(a_move_onto_existing_files_fails_and_changes_nothing) {
    struct swarm w;
    char to[600], there[700];
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    snprintf(to, sizeof to, "%s/taken", check_tmpdir());
    snprintf(there, sizeof there, "%s/t/sub/b", to);
    CHECK_INT(file_write_atomic(there, "mine", 4, NULL), 0);
    CHECK_INT(torrent_move(n->t, to, NULL), 0);
    STEP_UNTIL(&w, n->count[EVENT_MOVED] == 1);
    CHECK_INT(n->code[EVENT_MOVED], ERR_EXISTS);
    node_check_whole(n);
    struct fake *f = fake_leech(&w, n, true);
    fake_say(f, WIRE_INTERESTED);
    (void)fake_expect(f, WIRE_UNCHOKE);
    fake_say3(f, WIRE_REQUEST, 0, 0, 100);
    (void)fake_expect(f, WIRE_PIECE);
    swarm_close(&w);
}

/* ---- removing ---------------------------------------------------------------------------- */

static struct node *removed(struct swarm *w, bool data) {
    swarm_open(w);
    struct node *n = node_open(w, &(struct node_options){.state = true});
    fake_seed(w, n, true)->serves = true;
    STEP_UNTIL(w, node_done(n) && n->count[EVENT_SAVED] > 0);
    handle h = n->t->id;
    torrent_remove(n->t, data);
    CHECK(!session_torrent(n->s, h)); /* dead at once */
    CHECK(!session_find(n->s, w->m->info_hash));
    n->t = NULL;
    STEP_UNTIL(w, n->count[EVENT_REMOVED] == 1);
    CHECK_INT(n->code[EVENT_REMOVED], 0);
    return n;
}

TEST(remove_without_data_leaves_the_files_and_the_resume_state) {
    struct swarm w;
    struct node *n = removed(&w, false);
    char *resume = resume_path(n->state, w.m->info_hash, "resume");
    node_check_whole(n);
    CHECK(path_exists(resume));
    free(resume);
    swarm_close(&w);
}

TEST(remove_with_data_deletes_files_folders_and_state_and_nothing_else) {
    struct swarm w;
    struct node *n = removed(&w, true);
    char *resume = resume_path(n->state, w.m->info_hash, "resume");
    CHECK(!path_exists(node_path(n, "")));
    CHECK(path_exists(n->directory));
    CHECK(!path_exists(resume));
    free(resume);
    swarm_close(&w);
}

TEST(a_torrent_that_was_removed_can_be_added_again) {
    struct swarm w;
    struct err e = {0};
    const struct add_options add = {0};
    struct node *n = removed(&w, false);
    CHECK_INT(torrent_add(n->s, (uint8_t *)w.file.data, w.file.len, &add, &n->t, &e), 0);
    STEP_UNTIL(&w, n->t->state == TORRENT_SEEDING);
    swarm_close(&w);
}

TEST(a_torrent_whose_data_is_being_deleted_cannot_be_added_yet) {
    struct swarm w;
    struct err e = {0};
    struct torrent *t = NULL;
    const struct add_options add = {0};
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    torrent_remove(n->t, true);
    n->t = NULL;
    CHECK_INT(torrent_add(n->s, (uint8_t *)w.file.data, w.file.len, &add, &t, &e),
              ERR_BUSY);
    CHECK(e.text[0]);
    STEP_UNTIL(&w, n->count[EVENT_REMOVED] == 1);
    swarm_settle(&w);
    CHECK_INT(torrent_add(n->s, (uint8_t *)w.file.data, w.file.len, &add, &n->t, &e), 0);
    STEP_UNTIL(&w, n->t->state == TORRENT_DOWNLOADING);
    swarm_close(&w);
}

TEST(a_torrent_can_be_removed_in_the_middle_of_everything) {
    for (int turns = 0; turns < 40; turns++) {
        struct swarm w;
        swarm_open(&w);
        struct node *n =
            node_open(&w, &(struct node_options){.seed = turns % 2, .unchecked = true});
        struct fake *f = fake_seed(&w, n, true), *g = fake_leech(&w, n, true);
        f->serves = true;
        fake_say(g, WIRE_INTERESTED);
        fake_say3(g, WIRE_REQUEST, 0, 0, WIRE_BLOCK);
        for (int i = 0; i < turns; i++)
            swarm_step(&w);
        torrent_remove(n->t, turns % 3 == 0);
        n->t = NULL;
        STEP_UNTIL(&w, n->count[EVENT_REMOVED] == 1);
        STEP_UNTIL(&w, n->s->connections == 0);
        CHECK_INT(n->s->torrents.count, 0);
        swarm_close(&w);
    }
}

TEST(the_same_torrent_is_not_added_twice) {
    struct swarm w;
    struct err e = {0};
    struct torrent *t = NULL;
    const struct add_options add = {0};
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK_INT(torrent_add(n->s, (uint8_t *)w.file.data, w.file.len, &add, &t, &e),
              ERR_EXISTS);
    CHECK(t == n->t);
    swarm_close(&w);
}

/* ---- reading ----------------------------------------------------------------------------- */

static bool next_read(struct node *n, struct event *out) {
    CHECK_INT(session_step(n->s, USEC_PER_MSEC), 0);
    while (events_pop(&n->s->events, out)) {
        if (out->type == EVENT_READ)
            return true;
        event_fini(out);
    }
    return false;
}

TEST(verified_bytes_are_read_by_a_worker_and_come_as_an_event) {
    struct swarm w;
    struct event ev = {0};
    swarm_open(&w);
    struct node *n = node_open(&w, &(struct node_options){.seed = true});
    CHECK_INT(torrent_read(n->t, 39990, 50000, 77, NULL), 0);
    for (int i = 0; i < 5000 && !next_read(n, &ev); i++) {}
    CHECK_INT(ev.type, EVENT_READ);
    CHECK_INT(ev.token, 77);
    CHECK_INT(ev.len, 50000);
    CHECK_MEM(ev.data, w.data + 39990, 50000);
    event_fini(&ev);
    swarm_close(&w);
}

TEST(a_read_of_what_is_not_there_is_refused) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, NULL);
    CHECK_INT(torrent_read(n->t, 0, 1, 0, NULL), ERR_NOTFOUND);
    CHECK_INT(torrent_read(n->t, 0, 0, 0, NULL), ERR_INVALID);
    CHECK_INT(torrent_read(n->t, w.size, 1, 0, NULL), ERR_INVALID);
    CHECK_INT(torrent_read(n->t, UINT64_MAX, 2, 0, NULL), ERR_INVALID);
    CHECK_INT(torrent_read(n->t, 0, UINT32_MAX, 0, NULL), ERR_INVALID);
    swarm_close(&w);
}
