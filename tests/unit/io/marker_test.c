/* Markers of those who live, and of those who died. */
#include "io/marker.h"

#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

static const char *path_of(char *path, const char *name) {
    (void)snprintf(path, 600, "%s/%s", check_tmpdir(), name);
    return path;
}

TEST(marker_of_the_living_cannot_be_claimed) {
    char path[600];
    uint8_t *data = NULL;
    size_t len;
    struct err e = {0};
    struct marker *m = marker_hold(path_of(path, "sub/x.mark"), "what", 4, &e);
    CHECK(m);
    CHECK(!marker_claim(path, &data, &len));
    CHECK(!marker_hold(path, "other", 5, &e));
    CHECK_INT(e.code, ERR_BUSY);
    marker_free(m, true);
    CHECK(access(path, F_OK) < 0);
    CHECK(!marker_claim(path, &data, &len));
}

TEST(marker_of_the_dead_says_what_they_were_at) {
    char path[600];
    uint8_t *data = NULL;
    size_t len;
    path_of(path, "x.mark");
    pid_t child = fork();
    if (child == 0) { /* it dies without a word */
        (void)marker_hold(path, "an old and longer one", 21, NULL);
        _exit(marker_hold(path, "what\0it was", 11, NULL) != NULL);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    struct marker *m = marker_claim(path, &data, &len);
    CHECK(m);
    CHECK_INT(len, 21);
    CHECK_MEM(data, "an old and longer one", 21);
    free(data);
    marker_free(m, false);
    CHECK_INT(access(path, F_OK), 0);
    m = marker_hold(path, "new", 3, NULL);
    CHECK(m);
    marker_free(m, false);
    m = marker_claim(path, &data, &len);
    CHECK_INT(len, 3);
    free(data);
    marker_free(m, true);
}

static void count(void *ctx, const char *path) {
    CHECK(strstr(path, "/a.mark") || strstr(path, "/b.mark"));
    ++*(int *)ctx;
}

TEST(markers_are_listed_by_their_suffix) {
    static const char *const names[] = {"a.mark", "b.mark", "c.mark2", ".mark"};
    char path[600];
    int n = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        marker_free(marker_hold(path_of(path, names[i]), "", 0, NULL), false);
    marker_list(check_tmpdir(), ".mark", count, &n);
    CHECK_INT(n, 2);
    marker_list("/nowhere/at/all", ".mark", count, &n);
    CHECK_INT(n, 2);
}

TEST(marker_costs_only_itself_when_memory_is_out) {
    char path[600];
    path_of(path, "x.mark");
    CHECK_EACH_NOMEM(n) {
        struct marker *m = marker_hold(path, "what", 4, NULL);
        CHECK(check_nomem_hit() || m);
        marker_free(m, true);
    }
}
