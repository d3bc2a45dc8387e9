/* udp: datagrams on the loop, real sockets on loopback. */
#include "io/udp.h"

#include "support/check.h"

struct box {
    struct udp *udp;
    struct addr from;
    char data[64];
    size_t len;
    int count;
    bool close_on_packet;
};

static void on_packet(void *owner, const struct addr *from, const uint8_t *data,
                      size_t len) {
    struct box *b = owner;
    b->from = *from;
    b->len = len;
    b->count++;
    memcpy(b->data, data, MIN(len, sizeof b->data));
    if (b->close_on_packet)
        udp_close(b->udp);
}

static struct addr at(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, 0), 0);
    return a;
}

static void open_box(struct box *b, struct loop *l, const char *where) {
    struct addr a = at(where);
    struct err e = {0};
    memset(b, 0, sizeof *b);
    b->udp = udp_open(l, &a, false, on_packet, b, &e);
    CHECK_STR(e.text, "");
    CHECK(b->udp != NULL);
}

static void step_until(struct loop *l, struct box *b, int count) {
    for (int i = 0; i < 200 && b->count < count; i++)
        CHECK_INT(loop_step(l, 20 * USEC_PER_MSEC), 0);
    CHECK_INT(b->count, count);
}

static void exchange(const char *where) {
    struct loop *l = loop_new(NULL);
    struct box a, b;
    open_box(&a, l, where), open_box(&b, l, where);
    struct addr to = at(where);
    to.port = udp_port(b.udp);
    CHECK_INT(udp_send(a.udp, &to, "hello", 5), 0);
    step_until(l, &b, 1);
    CHECK_INT(b.len, 5);
    CHECK_MEM(b.data, "hello", 5);
    CHECK_INT(b.from.port, udp_port(a.udp));
    udp_close(a.udp), udp_close(b.udp);
    loop_free(l);
}

TEST(udp_carries_a_datagram_over_ipv4) {
    exchange("127.0.0.1");
}

TEST(udp_carries_a_datagram_over_ipv6) {
    exchange("[::1]");
}

TEST(udp_gives_empty_datagrams_to_the_owner) {
    struct loop *l = loop_new(NULL);
    struct box a, b;
    open_box(&a, l, "127.0.0.1"), open_box(&b, l, "127.0.0.1");
    struct addr to = at("127.0.0.1");
    to.port = udp_port(b.udp);
    CHECK_INT(udp_send(a.udp, &to, "", 0), 0);
    step_until(l, &b, 1);
    CHECK_INT(b.len, 0);
    udp_close(a.udp), udp_close(b.udp);
    loop_free(l);
}

TEST(udp_goes_on_after_nobody_listened) {
    struct loop *l = loop_new(NULL);
    struct box a, b, gone;
    open_box(&a, l, "127.0.0.1"), open_box(&b, l, "127.0.0.1");
    open_box(&gone, l, "127.0.0.1");
    struct addr to = at("127.0.0.1"), back = to;
    to.port = udp_port(gone.udp), back.port = udp_port(a.udp);
    udp_close(gone.udp);
    for (int i = 0; i < 3; i++)
        (void)udp_send(a.udp, &to, "x", 1); /* port unreachable comes back */
    CHECK_INT(udp_send(b.udp, &back, "still here", 10), 0);
    step_until(l, &a, 1);
    CHECK_INT(a.len, 10);
    udp_close(a.udp), udp_close(b.udp);
    loop_free(l);
}

TEST(udp_may_be_closed_by_its_own_hook) {
    struct loop *l = loop_new(NULL);
    struct box a, b;
    open_box(&a, l, "127.0.0.1"), open_box(&b, l, "127.0.0.1");
    struct addr to = at("127.0.0.1");
    to.port = udp_port(b.udp);
    b.close_on_packet = true;
    for (int i = 0; i < 5; i++)
        CHECK_INT(udp_send(a.udp, &to, "x", 1), 0);
    for (int i = 0; i < 10; i++)
        CHECK_INT(loop_step(l, USEC_PER_MSEC), 0);
    CHECK_INT(b.count, 1);
    udp_close(a.udp);
    loop_free(l);
}

TEST(udp_refuses_an_address_of_another_family) {
    struct loop *l = loop_new(NULL);
    struct box a;
    struct addr six = at("[::1]:9");
    open_box(&a, l, "127.0.0.1");
    CHECK_INT(udp_send(a.udp, &six, "x", 1), ERR_INVALID);
    udp_close(a.udp);
    loop_free(l);
}

TEST(udp_says_which_port_is_taken) {
    struct loop *l = loop_new(NULL);
    struct box a;
    struct err e = {0};
    open_box(&a, l, "127.0.0.1");
    struct addr taken = at("127.0.0.1");
    taken.port = udp_port(a.udp);
    CHECK(udp_open(l, &taken, false, on_packet, &a, &e) == NULL);
    CHECK(strstr(e.text, "cannot use UDP at 127.0.0.1:") != NULL);
    udp_close(a.udp);
    loop_free(l);
}

TEST(udp_hears_its_multicast_group) {
    struct loop *l = loop_new(NULL);
    struct box a, b;
    struct err e = {0};
    struct addr any = at("0.0.0.0"), group = at("239.192.152.143"), via = at("127.0.0.1");
    memset(&a, 0, sizeof a), memset(&b, 0, sizeof b);
    a.udp = udp_open(l, &any, true, on_packet, &a, &e);
    CHECK(a.udp != NULL);
    any.port = udp_port(a.udp);
    b.udp = udp_open(l, &any, true, on_packet, &b, &e);
    CHECK(b.udp != NULL);
    CHECK_INT(udp_join(a.udp, &group, &via, &e), 0);
    CHECK_INT(udp_join(b.udp, &group, &via, &e), 0);
    group.port = udp_port(a.udp);
    CHECK_INT(udp_send(a.udp, &group, "anyone?", 7), 0);
    step_until(l, &b, 1);
    CHECK_MEM(b.data, "anyone?", 7);
    udp_close(a.udp), udp_close(b.udp);
    loop_free(l);
}
