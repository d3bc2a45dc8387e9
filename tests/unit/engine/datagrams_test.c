/* datagrams: who gets what comes to the one UDP port, real sockets on loopback. */
#include "engine/datagrams.h"

#include "base/bytes.h"
#include "support/check.h"

struct hearer {
    struct datagram_waiter waiter;
    struct hearer *forgets; /* when it hears something */
    int count;
    size_t len;
};

/* The datagrams of a session, and a socket of somebody else. */
struct post {
    struct loop *loop;
    struct stats stats;
    struct datagrams *d;
    struct udp *other;
    struct addr at;
    struct hearer other_heard;
};

static void hear(void *owner, const struct addr *from, const uint8_t *data, size_t len) {
    struct hearer *h = owner;
    (void)from, (void)data;
    h->count++;
    h->len = len;
    if (h->forgets)
        datagrams_forget(&h->forgets->waiter);
}

static struct addr at(const char *text) {
    struct addr a;
    CHECK_INT(addr_parse(&a, text, 1), 0);
    a.port = 0;
    return a;
}

static void post_open(struct post *p, const char *where) {
    struct addr a = at(where);
    memset(p, 0, sizeof *p);
    p->loop = loop_new(NULL);
    p->d = datagrams_new(p->loop, &a, 0, &p->stats);
    CHECK_INT(datagrams_open(p->d, NULL), 0);
    p->other = udp_open(p->loop, &a, false, hear, &p->other_heard, NULL);
    CHECK(p->other != NULL);
    p->at = a;
    p->at.port = datagrams_port(p->d, a.family);
}

static void post_close(struct post *p) {
    udp_close(p->other);
    datagrams_free(p->d);
    loop_free(p->loop);
}

/* What comes last is heard last, so nothing is still on its way. */
static void post_settle(struct post *p) {
    struct hearer last = {0};
    uint8_t end[8];
    put_u32(end, 3), put_u32(end + 4, 0xffffffff);
    datagram_waiter_init(&last.waiter, hear, &last);
    datagrams_expect(p->d, &last.waiter, 0xffffffff);
    CHECK_INT(udp_send(p->other, &p->at, end, sizeof end), 0);
    for (int i = 0; i < 500 && !last.count; i++)
        CHECK_INT(loop_step(p->loop, 20 * USEC_PER_MSEC), 0);
    CHECK_INT(last.count, 1);
    datagrams_forget(&last.waiter);
}

static void put(struct post *p, const void *data, size_t len) {
    CHECK_INT(udp_send(p->other, &p->at, data, len), 0);
}

static void put_answer(struct post *p, uint32_t action, uint32_t transaction) {
    uint8_t answer[16] = {0};
    put_u32(answer, action), put_u32(answer + 4, transaction);
    put(p, answer, sizeof answer);
}

TEST(datagrams_tells_the_kinds_apart_by_their_first_bytes) {
    static const struct {
        const char *bytes;
        size_t len;
        int dht, utp;
    } rows[] = {
        {"d1:rde1:y1:re", 13, 1, 0},
        {"d", 1, 1, 0},
        {"", 0, 0, 0},
        {"i1e", 3, 0, 0},
        {"\x41\0 a SYN of uTP has 20 bytes", 24, 0, 1},
        {"\x01\0 and so have data", 20, 0, 1},
        {"\x41\0 shorter", 10, 0, 0},
        {"\x51\0 a type that there is not", 24, 0, 0},
        {"\x42\0 another version of uTP", 24, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct post p;
        struct hearer dht = {0}, utp = {0};
        post_open(&p, "127.0.0.1");
        datagrams_listen(p.d, DATAGRAM_DHT, hear, &dht);
        datagrams_listen(p.d, DATAGRAM_UTP, hear, &utp);
        put(&p, rows[i].bytes, rows[i].len);
        post_settle(&p);
        CHECK_INT(dht.count, rows[i].dht);
        CHECK_INT(utp.count, rows[i].utp);
        post_close(&p);
    }
}

static bool refuse(void *owner, const struct addr *a) {
    (void)a;
    ++*(int *)owner;
    return false;
}

TEST(datagrams_neither_hears_nor_tells_who_is_refused) {
    struct post p;
    struct hearer dht = {0}, answer = {0};
    int asked = 0;
    post_open(&p, "127.0.0.1");
    datagrams_listen(p.d, DATAGRAM_DHT, hear, &dht);
    datagram_waiter_init(&answer.waiter, hear, &answer);
    datagrams_expect(p.d, &answer.waiter, 7);
    datagrams_set_allows(p.d, refuse, &asked);
    put(&p, "d1:rde1:y1:re", 13);
    put_answer(&p, 1, 7);
    for (int i = 0; i < 500 && asked < 2; i++)
        CHECK_INT(loop_step(p.loop, 20 * USEC_PER_MSEC), 0);
    struct addr to = p.at;
    to.port = udp_port(p.other);
    CHECK_INT(datagrams_send(p.d, &to, "x", 1), ERR_UNSAFE);
    CHECK_INT(asked, 3);
    datagrams_set_allows(p.d, NULL, NULL);
    post_settle(&p);
    CHECK_INT(dht.count + answer.count + p.other_heard.count, 0);
    CHECK_INT(p.stats.udp_sent, 0);
    post_close(&p);
}

TEST(datagrams_gives_an_answer_to_whoever_expects_its_transaction) {
    struct post p;
    struct hearer a = {0}, b = {0};
    post_open(&p, "127.0.0.1");
    datagram_waiter_init(&a.waiter, hear, &a);
    datagram_waiter_init(&b.waiter, hear, &b);
    datagrams_expect(p.d, &a.waiter, 7);
    datagrams_expect(p.d, &b.waiter, 7 + 64); /* the same bucket */
    put_answer(&p, 1, 7 + 64);
    put_answer(&p, 1, 7 + 128); /* nobody's */
    put_answer(&p, 4, 7);       /* no such action */
    put(&p, "\0\0\0\1\0\0\0", 7);
    post_settle(&p);
    CHECK_INT(a.count, 0);
    CHECK_INT(b.count, 1);
    CHECK_INT(b.len, 16);
    post_close(&p);
}

TEST(datagrams_moves_a_waiter_to_its_new_transaction) {
    struct post p;
    struct hearer a = {0};
    post_open(&p, "127.0.0.1");
    datagram_waiter_init(&a.waiter, hear, &a);
    datagrams_expect(p.d, &a.waiter, 7);
    datagrams_expect(p.d, &a.waiter, 8);
    put_answer(&p, 0, 7);
    put_answer(&p, 0, 8);
    post_settle(&p);
    CHECK_INT(a.count, 1);
    post_close(&p);
}

TEST(datagrams_may_be_forgotten_by_any_waiter) {
    struct post p;
    struct hearer a = {0}, b = {0};
    post_open(&p, "127.0.0.1");
    datagram_waiter_init(&a.waiter, hear, &a);
    datagram_waiter_init(&b.waiter, hear, &b);
    datagrams_expect(p.d, &a.waiter, 1);
    datagrams_expect(p.d, &b.waiter, 65);
    a.forgets = &b;
    put_answer(&p, 0, 1);
    put_answer(&p, 0, 65);
    post_settle(&p);
    CHECK_INT(a.count, 1);
    CHECK_INT(b.count, 0);
    post_close(&p);
}

static void check_sends(const char *where) {
    struct post p;
    post_open(&p, where);
    p.at.port = udp_port(p.other);
    CHECK_INT(datagrams_send(p.d, &p.at, "hello", 5), 0);
    for (int i = 0; i < 500 && !p.other_heard.count; i++)
        CHECK_INT(loop_step(p.loop, 20 * USEC_PER_MSEC), 0);
    CHECK_INT(p.other_heard.len, 5);
    CHECK_INT(p.stats.udp_sent, 5);
    post_close(&p);
}

TEST(datagrams_sends_over_ipv4) {
    check_sends("127.0.0.1");
}

TEST(datagrams_sends_over_ipv6) {
    check_sends("::1");
}

TEST(datagrams_refuses_a_family_that_it_is_not_bound_to) {
    struct post p;
    post_open(&p, "127.0.0.1");
    struct addr to = at("::1");
    to.port = 9;
    CHECK_INT(datagrams_send(p.d, &to, "x", 1), ERR_NETWORK);
    CHECK_INT(datagrams_port(p.d, 6), 0);
    post_close(&p);
}

TEST(datagrams_takes_another_port_when_its_own_is_taken) {
    struct post p;
    struct stats stats = {0};
    struct err e = {0};
    post_open(&p, "127.0.0.1");
    struct addr here = at("127.0.0.1");
    struct datagrams *second = datagrams_new(p.loop, &here, p.at.port, &stats);
    CHECK_INT(datagrams_open(second, &e), 0);
    CHECK(datagrams_port(second, 4) != 0);
    CHECK(datagrams_port(second, 4) != p.at.port);
    datagrams_free(second);
    post_close(&p);
}

TEST(datagrams_opens_nothing_before_it_is_needed) {
    struct loop *l = loop_new(NULL);
    struct stats stats = {0};
    struct addr here = at("127.0.0.1"), to = here;
    struct datagrams *d = datagrams_new(l, &here, 0, &stats);
    to.port = 9;
    CHECK_INT(datagrams_port(d, 4), 0);
    CHECK_INT(datagrams_send(d, &to, "x", 1), 0);
    CHECK(datagrams_port(d, 4) != 0);
    datagrams_free(d);
    loop_free(l);
}

TEST(datagrams_says_why_it_cannot_be_opened) {
    struct loop *l = loop_new(NULL);
    struct stats stats = {0};
    struct err e = {0};
    struct addr elsewhere = at("192.0.2.1"); /* nobody's, for documents (RFC 5737) */
    struct datagrams *d = datagrams_new(l, &elsewhere, 0, &stats);
    CHECK(datagrams_open(d, &e) < 0);
    CHECK(strstr(e.text, "cannot use UDP at 192.0.2.1") != NULL);
    datagrams_free(d);
    loop_free(l);
}

/* The number that the system chose for one family may be taken in the other, now and then. */
TEST(datagrams_opens_both_families_on_one_port) {
    struct loop *l = loop_new(NULL);
    struct stats stats = {0};
    bool same = false;
    for (int i = 0; i < 20 && !same; i++) {
        struct datagrams *d = datagrams_new(l, &(struct addr){0}, 0, &stats);
        CHECK_INT(datagrams_open(d, NULL), 0);
        CHECK(datagrams_port(d, 4) != 0);
        same = datagrams_port(d, 6) == datagrams_port(d, 4);
        datagrams_free(d);
    }
    CHECK(same);
    loop_free(l);
}
