#include "io/program.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Signals as a fresh program expects them: the host may ignore or block some. */
static int set_signals(posix_spawnattr_t *attributes) {
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &usual);
    return posix_spawnattr_setflags(attributes,
                                    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int program_start(char *const argv[], struct err *e) {
    posix_spawnattr_t attributes;
    pid_t pid = 0;
    int errnum = posix_spawnattr_init(&attributes);
    if (!errnum) {
        errnum = set_signals(&attributes);
        if (!errnum)
            errnum = posix_spawnp(&pid, argv[0], NULL, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    return errnum ? err_errno(e, errnum, "cannot start %.100s", argv[0]) : (int)pid;
}

int program_status(int pid) {
    int status;
    pid_t ended;
    do {
        ended = waitpid(pid, &status, WNOHANG);
    } while (ended < 0 && errno == EINTR);
    if (ended <= 0)
        return ended < 0 ? ERR_NOTFOUND : ERR_AGAIN;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool program_alive(int pid) {
    return kill(pid, 0) == 0 || errno == EPERM;
}

int program_self(void) {
    return getpid();
}

void program_stop(int pid, bool at_once) {
    kill(pid, at_once ? SIGKILL : SIGTERM);
    while (at_once && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

#define DESCRIPTORS_MOST 65536

void program_close_inherited(void) {
    long most = sysconf(_SC_OPEN_MAX);
    if (most < 0 || most > DESCRIPTORS_MOST)
        most = DESCRIPTORS_MOST;
    for (int fd = STDERR_FILENO + 1; fd < (int)most; fd++)
        close(fd);
}
