/* The harness itself: what it lends to a test is what it says. */
#include "support/check.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Does reading one byte at p kill a process? */
static bool faults(const volatile uint8_t *p) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO); /* the sanitizer's report */
        _exit(*p == 0 ? 0 : 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(check_at_page_end_copies_the_data) {
    uint8_t *p = check_at_page_end("abc", 3);
    CHECK_MEM(p, "abc", 3);
    CHECK(!faults(p + 2));
}

TEST(check_at_page_end_faults_behind_the_data) {
    uint8_t *p = check_at_page_end("abc", 3);
    CHECK(faults(p + 3));
}

TEST(check_at_page_end_takes_nothing) {
    CHECK(faults(check_at_page_end(NULL, 0)));
}

TEST(check_tmpdir_is_one_directory_per_test) {
    struct stat st;
    const char *dir = check_tmpdir();
    CHECK(!stat(dir, &st) && S_ISDIR(st.st_mode));
    CHECK_STR(check_tmpdir(), dir);
}

/* Two tests in this order: the second looks for what the first left. */
static char left_behind[4096];

TEST(check_tmpdir_may_be_left_full) {
    char path[4160];
    snprintf(left_behind, sizeof left_behind, "%s", check_tmpdir());
    snprintf(path, sizeof path, "%s/a", left_behind);
    CHECK(!mkdir(path, 0700));
    snprintf(path, sizeof path, "%s/a/b", left_behind);
    CHECK(!symlink("/", path));
}

TEST(check_tmpdir_is_removed_after_the_test) {
    if (left_behind[0]) /* empty when a pattern chose this test alone */
        CHECK(access(left_behind, F_OK));
}

/* Without support/nomem.c there is nothing to see here. */
TEST(check_nomem_fails_the_chosen_allocation) {
    void *p[3];
    check_nomem_at(1);
    for (int i = 0; i < 3; i++)
        p[i] = malloc(10);
    bool hit = check_nomem_hit();
    for (int i = 0; i < 3; i++) {
        CHECK(!hit || !p[i] == (i == 1));
        free(p[i]);
    }
}

TEST(check_nomem_goes_on_until_nothing_failed) {
    int rounds = 0, hits = 0;
    CHECK_EACH_NOMEM(n) {
        void *volatile a = malloc(1), *volatile b = a ? calloc(1, 1) : NULL;
        free(a), free(b);
        hits += check_nomem_hit();
        rounds++;
    }
    CHECK(hits == 2 || hits == 0);
    CHECK_INT(rounds, hits + 1);
}
