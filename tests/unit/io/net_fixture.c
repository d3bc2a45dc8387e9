/* net_fixture: see net_fixture.h. */
#include "unit/io/net_fixture.h"

#include <fcntl.h>
#include <unistd.h>

static void on_open(void *owner, int status) {
    struct side *x = owner;
    x->opens++;
    x->status = status;
    if (x->act)
        x->act(x);
}

static void on_ready(void *owner, int events) {
    struct side *x = owner;
    x->readies++;
    x->events = events;
    if (x->act)
        x->act(x);
}

const struct stream_hooks side_hooks = {on_open, on_ready};

void side_take(struct side *x, struct stream *s) {
    x->s = s;
    s->hooks = &side_hooks;
    s->owner = x;
}

void side_shut(struct side *x) {
    if (x->s)
        stream_close(x->s);
    x->s = NULL;
}

void world_on_accept(void *owner, struct stream *s, const struct addr *from) {
    struct world *w = owner;
    if (w->accepted == CROWD) {
        stream_close(s);
        return;
    }
    w->from[w->accepted] = *from;
    w->server[w->accepted].world = w;
    side_take(&w->server[w->accepted++], s);
}

void world_open_at(struct world *w, const char *ip) {
    struct err e = {0};
    *w = (struct world){0};
    CHECK_INT(addr_parse(&w->at, ip, 1), 0);
    w->at.port = 0;
    CHECK((w->loop = loop_new(&e)) != NULL);
    w->listener = listener_open(w->loop, &w->at, world_on_accept, w, &e);
    CHECK(w->listener);
    w->at.port = listener_port(w->listener);
    CHECK(w->at.port);
}

void world_open(struct world *w) {
    world_open_at(w, "127.0.0.1");
}

void world_close(struct world *w) {
    for (int i = 0; i < CROWD; i++) {
        side_shut(&w->client[i]);
        side_shut(&w->server[i]);
    }
    if (w->listener)
        listener_close(w->listener);
    loop_free(w->loop);
}

void world_step(struct world *w) {
    CHECK_INT(loop_step(w->loop, 10 * USEC_PER_MSEC), 0);
}

void world_dial(struct world *w, struct side *x, const struct addr *source) {
    struct err e = {0};
    struct stream *s = tcp_connect(w->loop, &w->at, source, &e);
    if (!s)
        check_fail(__FILE__, __LINE__, "tcp_connect: %s", e.text);
    x->world = w;
    side_take(x, s);
}

void world_connect(struct world *w, int n) {
    for (int i = 0; i < n; i++) {
        world_dial(w, &w->client[i], NULL);
        STEP_UNTIL(w, w->client[i].opens && w->accepted == i + 1);
        CHECK_INT(w->client[i].status, 0);
    }
}

ssize_t side_put(struct side *x, const char *text) {
    struct iovec v = {(char *)text, strlen(text)};
    return stream_writev(x->s, &v, 1);
}

ssize_t side_get(struct side *x, char *out, size_t size) {
    struct iovec v = {out, size};
    return stream_readv(x->s, &v, 1);
}

ssize_t side_get_patiently(struct side *x, char *out, size_t size) {
    ssize_t n = ERR_AGAIN;
    for (int i = 0; i < 1000 && n == ERR_AGAIN; i++) {
        world_step(x->world);
        n = side_get(x, out, size);
    }
    return n;
}

int open_descriptors(void) {
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}
