/* interrupt: Ctrl-C for the command. The first SIGINT or SIGTERM is remembered, and the command's loop,
 * which looks a few times a second, saves and leaves; a second one leaves at once.
 *
 * A signal handler has nowhere to keep anything but in a global: the only one of mare. */
#include "lua/command.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_INTERRUPTED 130 /* what a shell says of a program that Ctrl-C ended */

static volatile sig_atomic_t caught;

static void on_signal(int number) {
    (void)number;
    if (caught)
        _Exit(STATUS_INTERRUPTED);
    caught = 1;
}

int command_catch_interrupts(lua_State *L) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = lua_isboolean(L, 1) && !lua_toboolean(L, 1) ? SIG_DFL : on_signal;
    sigemptyset(&action.sa_mask);
    caught = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return 0;
}

int command_interrupted(lua_State *L) {
    lua_pushboolean(L, caught != 0);
    return 1;
}
