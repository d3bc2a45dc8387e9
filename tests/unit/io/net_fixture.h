/* net_fixture: a world of one loop, one listener and up to CROWD connections to it, for
 * specs. */
#ifndef MARE_NET_FIXTURE_H
#define MARE_NET_FIXTURE_H

#include "io/stream.h"
#include "support/check.h"

#define CROWD 12 /* connections of the tests that need many at once */

/* One side of a connection. It does nothing by itself but count, unless `act` is
 * given. */
struct side {
    struct stream *s;
    struct world *world;
    int opens, status, readies, events;
    void (*act)(struct side *x);
};

struct world {
    struct loop *loop;
    struct listener *listener;
    struct addr at;
    struct side client[CROWD], server[CROWD];
    struct addr from[CROWD];
    int accepted;
};

extern const struct stream_hooks side_hooks; /* they count, then act */

void side_take(struct side *x, struct stream *s);
void side_shut(struct side *x); /* idempotent */
ssize_t side_put(struct side *x, const char *text);
ssize_t side_get(struct side *x, char *out, size_t size);
/* Steps until something other than "not yet" comes. */
ssize_t side_get_patiently(struct side *x, char *out, size_t size);

void world_open(struct world *w); /* on 127.0.0.1 */
void world_open_at(struct world *w, const char *ip);
void world_close(struct world *w);
void world_on_accept(void *owner, struct stream *s, const struct addr *from);
void world_step(struct world *w);
void world_dial(struct world *w, struct side *x, const struct addr *source);
/* client[0..n) and server[0..n), connected. */
void world_connect(struct world *w, int n);

int open_descriptors(void); /* of this process */

/* Steps until `cond` holds, for at most some ten seconds. */
#define STEP_UNTIL(w, cond)                          \
    do {                                             \
        for (int i_ = 0; i_ < 1000 && !(cond); i_++) \
            world_step(w);                           \
        CHECK(cond);                                 \
    } while (0)

#endif
