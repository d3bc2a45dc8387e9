/* check: the unit test harness. Tests run in this one process: a failed check jumps back to
 * the runner, so a failure may leak, a success may not (LeakSanitizer looks at the end). What a
 * test asked for, guarded memory and a temporary directory, goes away with it either way.
 *
 * The state below is the one exception to "no globals": TEST registers before main starts. */
#include "support/check.h"

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct guarded {
    struct guarded *next;
    void *map;
    size_t len;
};

static struct check_test *first_test, **last_test = &first_test;
static const struct check_test *running;
static jmp_buf back_to_runner;
static struct guarded *guarded_memory;
static char tmpdir[4096];
/* Per thread, so that a test's workers do not disturb its count. */
static _Thread_local long nomem_left =
    -1; /* allocations until one fails; < 0: none will */
static _Thread_local bool nomem_hit;

void check_register(struct check_test *t) {
    *last_test = t;
    last_test = &t->next;
}

_Noreturn void check_fail(const char *file, int line, const char *format, ...) {
    va_list args;
    nomem_left = -1;
    fprintf(stderr, "%s:%d: %s: ", file, line, running->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    longjmp(back_to_runner, 1);
}

_Noreturn static void give_up(const char *what) {
    perror(what);
    exit(1);
}

/*   [ unreadable ][ ...slack... data ][ unreadable ]   */
uint8_t *check_at_page_end(const void *data, size_t len) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (len + page - 1) / page * page;
    struct guarded *g = malloc(sizeof *g);
    if (!g)
        give_up("check_at_page_end");
    g->len = room + 2 * page;
    g->map = mmap(NULL, g->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->map == MAP_FAILED)
        give_up("check_at_page_end: mmap");
    g->next = guarded_memory;
    guarded_memory = g;

    uint8_t *start = (uint8_t *)g->map + page;
    if (room && mprotect(start, room, PROT_READ | PROT_WRITE))
        give_up("check_at_page_end: mprotect");
    uint8_t *copy = start + room - len;
    if (len)
        memcpy(copy, data, len);
    return copy;
}

const char *check_tmpdir(void) {
    const char *base = getenv("TMPDIR");
    if (tmpdir[0])
        return tmpdir;
    snprintf(tmpdir, sizeof tmpdir, "%s/mare-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(tmpdir))
        give_up(tmpdir);
    return tmpdir;
}

void check_nomem_at(long n) {
    nomem_left = n;
    nomem_hit = false;
}

bool check_nomem_hit(void) {
    nomem_left = -1;
    return nomem_hit;
}

bool check_nomem_now(void) {
    if (nomem_left < 0 || nomem_left-- > 0)
        return false;
    return nomem_hit = true;
}

bool check_nomem_goes_on(long n) {
    if (n > 0 && !nomem_hit)
        return false;
    check_nomem_at(n);
    return true;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *at) {
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void clean_up(void) {
    nomem_left = -1;
    for (struct guarded *g = guarded_memory, *next; g; g = next) {
        next = g->next;
        munmap(g->map, g->len);
        free(g);
    }
    guarded_memory = NULL;
    if (tmpdir[0] && nftw(tmpdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS))
        fprintf(stderr, "cannot remove %s\n", tmpdir);
    tmpdir[0] = '\0';
}

static bool passes(const struct check_test *t) {
    running = t;
    if (setjmp(back_to_runner)) {
        clean_up();
        return false;
    }
    t->run();
    clean_up();
    return true;
}

static void say(const char *words) {
    if (write(STDERR_FILENO, words, strlen(words)) < 0)
        return; /* nobody listens; there is nothing better to do while crashing */
}

/* An assert or a fault ends the run; its last words name the test. */
static void on_crash(int signum) {
    say(running->file), say(": crashed in "), say(running->name), say("\n");
    signal(signum, SIG_DFL);
    raise(signum);
}

/* A sanitizer's own handler tells more than ours: it stays. */
static void catch_crashes(void) {
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old;
        if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_DFL)
            signal(signals[i], on_crash);
    }
}

int main(int argc, char **argv) {
    const char *pattern = argc > 1 ? argv[1] : "";
    int passed = 0, failed = 0;

    catch_crashes();
    for (const struct check_test *t = first_test; t; t = t->next) {
        if (!strstr(t->name, pattern))
            continue;
        if (passes(t))
            passed++;
        else
            failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    /* A pattern that matches nothing is a mistake, not a success. */
    return failed || !passed;
}
