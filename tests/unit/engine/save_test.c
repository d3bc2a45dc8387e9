/* What survives from one run to the next, and what is believed of it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file.h"
#include "unit/engine/fake_peer.h"

static const struct node_options keeps = {.state = true};

static char *resume_file(const struct node *n) {
    char *path = resume_path(n->state, n->swarm->m->info_hash, "resume");
    CHECK(path);
    return path;
}

/* Pieces 0..2 and 4 are there, and resume says so. */
static struct node *half_done(struct swarm *w) {
    swarm_open(w);
    struct node *n = node_open(w, &keeps);
    struct fake *f = fake_leech(w, n, true);
    fake_say_bitfield(f, "\350", 1);
    fake_say(f, WIRE_UNCHOKE);
    f->serves = true;
    STEP_UNTIL(w, n->count[EVENT_PIECE] == 4);
    fake_close(f);
    node_close(n);
    return n;
}

static void complete(struct node *n) {
    fake_seed(n->swarm, n, true)->serves = true;
    STEP_UNTIL(n->swarm, node_done(n));
    node_check_whole(n);
}

TEST(resume_is_believed_after_a_sample_was_hashed) {
    struct swarm w;
    struct node *n = half_done(&w);
    node_reopen(n);
    CHECK_INT(n->t->have.count, 4);
    CHECK(n->t->checked >= 2 && n->t->checked < 4); /* one of a and b, one of b */
    CHECK_INT(n->count[EVENT_CHECKED], 1);
    CHECK_INT(n->count[EVENT_ERROR], 0);
    complete(n);
    CHECK_INT(n->t->downloaded, w.size); /* of both runs, and nothing twice */
    swarm_close(&w);
}

TEST(a_finished_download_is_resumed_as_a_seed) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &keeps);
    complete(n);
    int64_t done_at = n->t->done_at;
    CHECK(done_at > 0);
    node_reopen(n);
    CHECK_INT(n->t->state, TORRENT_SEEDING);
    CHECK(n->t->checked <= 3);
    CHECK_INT(n->t->done_at, done_at);
    CHECK_INT(n->t->downloaded, w.size);
    swarm_close(&w);
}

TEST(a_file_that_is_newer_than_resume_says_means_a_full_check) {
    struct swarm w;
    struct node *n = half_done(&w);
    CHECK_INT(utimensat(AT_FDCWD, node_path(n, "sub/b"), NULL, 0), 0);
    node_reopen(n);
    CHECK_INT(n->t->checked, w.pieces);
    CHECK_INT(n->t->have.count, 4);
    complete(n);
    swarm_close(&w);
}

TEST(a_file_of_another_size_than_resume_says_means_a_full_check) {
    struct swarm w;
    struct node *n = half_done(&w);
    CHECK_INT(truncate(node_path(n, "a"), 30000), 0);
    node_reopen(n);
    CHECK_INT(n->t->checked, w.pieces);
    CHECK_INT(n->t->have.count, 2); /* 0 and 1 lie in a */
    complete(n);
    swarm_close(&w);
}

TEST(a_file_that_is_gone_means_a_full_check) {
    struct swarm w;
    struct node *n = half_done(&w);
    CHECK_INT(unlink(node_path(n, "a")), 0);
    node_reopen(n);
    CHECK_INT(n->t->have.count, 2);
    complete(n);
    swarm_close(&w);
}

TEST(all_files_gone_is_a_new_start_not_an_old_end) {
    struct swarm w;
    struct node *n = half_done(&w);
    CHECK_INT(unlink(node_path(n, "a")), 0);
    CHECK_INT(unlink(node_path(n, "sub/b")), 0);
    if (path_exists(node_path(n, "c")))
        CHECK_INT(unlink(node_path(n, "c")), 0);
    node_reopen(n);
    CHECK_INT(n->t->have.count, 0);
    complete(n);
    swarm_close(&w);
}

TEST(changed_bytes_with_the_old_time_are_found_by_the_sample) {
    struct swarm w;
    struct stat st;
    struct node *n = half_done(&w);
    CHECK_INT(stat(node_path(n, "a"), &st), 0);
    node_corrupt(n, 0);
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    CHECK_INT(utimensat(AT_FDCWD, node_path(n, "a"), times, 0), 0);
    node_reopen(n);
    CHECK_INT(n->t->have.count, 3); /* the sample failed: everything was hashed */
    CHECK_INT(n->t->checked, w.pieces);
    complete(n);
    swarm_close(&w);
}

static void check_broken(const char *content, size_t len) {
    struct swarm w;
    struct node *n = half_done(&w);
    char *path = resume_file(n);
    CHECK_INT(file_write_atomic(path, content, len, NULL), 0);
    node_reopen(n);
    CHECK_INT(n->count[EVENT_ERROR], 1);
    CHECK(strstr(n->text[EVENT_ERROR], "checked"));
    CHECK_INT(n->t->have.count, 4); /* found on disk, not thrown away */
    CHECK_INT(n->t->checked, w.pieces);
    complete(n);
    node_reopen(n); /* and what is saved then is good again */
    CHECK_INT(n->count[EVENT_ERROR], 0);
    CHECK_INT(n->t->state, TORRENT_SEEDING);
    free(path);
    swarm_close(&w);
}

TEST(a_broken_resume_file_means_a_check_never_an_empty_start) {
    check_broken("", 0);
    check_broken("rubbish", 7);
    check_broken("d4:havee", 8);
    check_broken("de", 2);
}

TEST(a_truncated_resume_file_means_a_check) {
    struct swarm w;
    struct node *n = half_done(&w);
    char *path = resume_file(n);
    struct stat st;
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(truncate(path, st.st_size / 2), 0);
    node_reopen(n);
    CHECK_INT(n->t->have.count, 4);
    CHECK_INT(n->count[EVENT_ERROR], 1);
    free(path);
    swarm_close(&w);
}

TEST(without_resume_what_is_on_disk_is_found_by_a_check) {
    struct swarm w;
    struct node *n = half_done(&w);
    char *path = resume_file(n);
    CHECK_INT(unlink(path), 0);
    free(path);
    node_reopen(n);
    CHECK_INT(n->t->have.count, 4);
    complete(n);
    swarm_close(&w);
}

TEST(a_state_directory_that_is_gone_is_one_error_event_and_no_more) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &keeps);
    CHECK_INT(rmdir(n->state), 0);
    CHECK_INT(file_write_atomic(n->state, "in the way", 10, NULL), 0);
    complete(n);
    STEP_UNTIL(&w, n->count[EVENT_ERROR] == 1);
    CHECK(strstr(n->text[EVENT_ERROR], "not saved"));
    CHECK_INT(n->t->state, TORRENT_SEEDING);
    swarm_close(&w);
}

TEST(state_is_saved_every_now_and_then_when_something_changed) {
    struct swarm w;
    swarm_open(&w);
    struct node *n = node_open(&w, &keeps);
    node_pass(n, 31 * USEC_PER_SEC);
    swarm_settle(&w);
    CHECK_INT(n->count[EVENT_SAVED], 0); /* nothing did */
    struct fake *f = fake_leech(&w, n, true);
    fake_say3(f, WIRE_HAVE, 1, 0, 0), fake_say(f, WIRE_UNCHOKE);
    f->serves = true;
    STEP_UNTIL(&w, n->count[EVENT_PIECE] == 1);
    node_pass(n, 70 * USEC_PER_SEC);
    STEP_UNTIL(&w, n->count[EVENT_SAVED] == 1);
    swarm_close(&w);
}

TEST(a_directory_that_cannot_be_prepared_pauses_the_torrent_and_loses_nothing) {
    struct swarm w;
    char saved[700];
    struct node *n = half_done(&w);
    snprintf(saved, sizeof saved, "%s/saved", check_tmpdir());
    CHECK_INT(rename(node_path(n, "sub"), saved), 0);
    CHECK_INT(file_write_atomic(node_path(n, "sub"), "in the way", 10, NULL), 0);
    node_reopen(n);
    CHECK(n->t->paused);
    CHECK_INT(n->count[EVENT_ERROR], 1);
    CHECK(strstr(n->text[EVENT_ERROR], "sub"));
    CHECK_INT(n->t->have.count, 1); /* piece 0, which lies in a alone */
    CHECK_INT(unlink(node_path(n, "sub")), 0);
    CHECK_INT(rename(saved, node_path(n, "sub")), 0);
    CHECK_INT(torrent_recheck(n->t, NULL), 0);
    STEP_UNTIL(&w, n->t->state == TORRENT_DOWNLOADING);
    CHECK_INT(n->t->have.count, 4);
    torrent_resume(n->t);
    complete(n);
    swarm_close(&w);
}

/* ---- killed ------------------------------------------------------------------------------ */

/* In a process of its own: downloads `pieces`, saves after `saved` of them, and is gone
 * within one instruction, as by kill -9. */
static void download_and_die(struct swarm *w, uint32_t pieces, uint32_t saved) {
    struct node *n = node_open(w, &keeps);
    struct fake *f = fake_seed(w, n, true);
    f->serves = true;
    session_set_rates(n->s, 0, 2000000);
    while (n->count[EVENT_PIECE] < saved)
        swarm_step(w);
    if (saved) {
        (void)torrent_save(n->t);
        while (!n->count[EVENT_SAVED])
            swarm_step(w);
    }
    while (n->count[EVENT_PIECE] < pieces)
        swarm_step(w);
    _exit((int)n->count[EVENT_PIECE]);
}

static void check_killed(uint32_t pieces, uint32_t saved) {
    struct swarm w;
    swarm_open(&w);
    int status;
    struct node *n = node_open(&w, &keeps); /* names the directories; sees an empty one */
    node_close(n);
    w.nodes = 0; /* the child's has the next number: the same as ours below */
    pid_t child = fork();
    if (child == 0)
        download_and_die(&w, pieces, saved);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) >= (int)pieces);
    n = node_open(&w, &keeps);
    CHECK(n->t->have.count >= (uint32_t)WEXITSTATUS(status)); /* nothing was lost */
    complete(n);
    swarm_close(&w);
}

TEST(a_kill_loses_at_most_the_pieces_in_flight) {
    check_killed(3, 0); /* nothing was saved */
    check_killed(4, 2); /* what was saved is older than the files */
    check_killed(5, 5);
}
