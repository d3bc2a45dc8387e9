/* device: an interface for all sockets of a loop. The one that every machine has is `lo`. */
#include "io/device.h"

#include <sys/socket.h>
#include <unistd.h>

#include "io/stream.h"
#include "support/check.h"

TEST(device_that_is_not_there_is_told_in_a_sentence) {
    struct loop *l = loop_new(NULL);
    struct err e = {0};
    CHECK_INT(device_use(l, "nosuch0", &e), ERR_NOTFOUND);
    CHECK(strstr(e.text, "nosuch0") != NULL);
    CHECK_INT(device_use(l, "a-name-that-is-too-long-for-one", &e), ERR_NOTFOUND);
    CHECK_STR(device_name(l), "");
    CHECK(!device_is_loopback(l));
    loop_free(l);
}

TEST(device_ties_every_socket) {
    struct loop *l = loop_new(NULL);
    struct err e = {0};
    CHECK_INT(device_use(l, "lo", &e), 0);
    CHECK_STR(device_name(l), "lo");
    CHECK(device_is_loopback(l));
    for (int i = 0; i < 4; i++) {
        char name[16] = "";
        socklen_t len = sizeof name;
        int fd = device_socket(l, i & 1 ? 4 : 6, i & 2 ? SOCK_STREAM : SOCK_DGRAM);
        CHECK(fd >= 0);
        CHECK_INT(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
        CHECK_STR(name, "lo");
        close(fd);
    }
    loop_free(l);
}

struct caller {
    int opened, status;
};

static void on_open(void *owner, int status) {
    struct caller *c = owner;
    c->opened++;
    c->status = status;
}

static void on_ready(void *owner, int events) {
    (void)owner, (void)events;
}

static const struct stream_hooks hooks = {on_open, on_ready};

/* 192.0.2.0/24 is nobody's, and lo does not lead there. */
TEST(device_lets_nothing_out_elsewhere) {
    struct loop *l = loop_new(NULL);
    struct caller c = {0};
    struct addr to = {.ip = {192, 0, 2, 1}, .port = 9, .family = 4};
    CHECK_INT(device_use(l, "lo", NULL), 0);
    struct stream *s = tcp_connect(l, &to, NULL, NULL);
    if (s) {
        s->hooks = &hooks, s->owner = &c;
        for (int i = 0; i < 20 && !c.opened; i++)
            CHECK_INT(loop_step(l, 5 * USEC_PER_MSEC), 0);
        CHECK(!c.opened || c.status < 0);
        stream_close(s);
    }
    loop_free(l);
}
