/* settings: a session keeps its own copy, with what was left out filled in. */
#include "engine/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "swarm/choker.h"
#include "swarm/turnover.h"

#define DEFAULT_MEMORY (64u << 20)
#define DEFAULT_CONNECTIONS 200u

/* What is owned. */
static const struct {
    size_t at;
    const char *otherwise;
} strings[] = {
    {offsetof(struct settings, directory), "."},
    {offsetof(struct settings, state), NULL},
    {offsetof(struct settings, user_agent), "mare/" MARE_VERSION},
    {offsetof(struct settings, ca_file), NULL},
    {offsetof(struct settings, device), NULL},
    {offsetof(struct settings, blocklist), NULL},
    {offsetof(struct settings, dht_routers), NULL},
    {offsetof(struct settings, proxy), NULL},
};

static const char **string_at(struct settings *s, size_t i) {
    return (const char **)(void *)((char *)s + strings[i].at);
}

static int copy_string(const char **field, const char *otherwise) {
    const char *from = *field ? *field : otherwise;
    *field = from ? strdup(from) : NULL;
    return from && !*field ? ERR_NOMEM : 0;
}

int settings_copy(struct settings *to, const struct settings *from) {
    int status = 0;
    *to = *from;
    to->memory = to->memory ? to->memory : DEFAULT_MEMORY;
    to->connections = to->connections ? to->connections : DEFAULT_CONNECTIONS;
    to->slots = to->slots ? to->slots : CHOKER_SLOTS;
    to->turnover = to->turnover ? to->turnover : TURNOVER_EVERY;
    /* All of them, whatever fails: none of the other's strings stays. */
    for (size_t i = 0; i < COUNT_OF(strings); i++)
        if (copy_string(string_at(to, i), strings[i].otherwise) < 0)
            status = ERR_NOMEM;
    return status;
}

void settings_fini(struct settings *s) {
    for (size_t i = 0; i < COUNT_OF(strings); i++)
        free((char *)(uintptr_t)*string_at(s, i));
}
