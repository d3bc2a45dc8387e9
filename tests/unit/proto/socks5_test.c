/* socks5: conversations with proxies that agree, refuse and lie, whole and byte by byte. */
#include "proto/socks5.h"

#include "base/err.h"
#include "support/check.h"

struct talk {
    struct socks5 s;
    struct proxy_url via;
    struct text out;
    size_t step; /* bytes that come at once */
};

static void start(struct talk *t, const char *url, const char *to, size_t step) {
    struct addr a;
    CHECK_INT(proxy_url_parse(&t->via, url, NULL), 0);
    CHECK_INT(addr_parse(&a, to, -1), 0);
    text_init(&t->out);
    t->step = step;
    socks5_init(&t->s, &t->via, &a, &t->out);
}

/* Gives it bytes as long as it wants some; the last result. *used: how many it took. */
static int hear(struct talk *t, const char *bytes, size_t len, size_t *used) {
    size_t at = 0;
    int rc = 0;
    while (at < len && rc == 0) {
        size_t n = MIN(MIN(t->step, socks5_wants(&t->s)), len - at);
        CHECK(n > 0);
        uint8_t *data = check_at_page_end(bytes + at, n);
        rc = socks5_take(&t->s, data, n, &t->out);
        at += n;
    }
    if (used)
        *used = at;
    return rc;
}

#define HEAR(t, bytes, used) hear(t, bytes, sizeof(bytes) - 1, used)

static void says(struct talk *t, const char *bytes, size_t len) {
    CHECK_INT(t->out.len, len);
    CHECK_MEM(t->out.data, bytes, len);
    text_clear(&t->out);
}

#define SAYS(t, bytes) says(t, bytes, sizeof(bytes) - 1)
#define AGREED "\x05\0\0\x01\x01\x02\x03\x04\x10\x20"

TEST(socks5_connects_without_a_login_and_leaves_what_follows) {
    for (size_t step = 1; step < 30; step++) {
        struct talk t;
        size_t used;
        start(&t, "socks5://h:1", "1.2.3.4:6881", step);
        SAYS(&t, "\x05\x01\0");
        CHECK_INT(HEAR(&t, "\x05\0", NULL), 0);
        SAYS(&t, "\x05\x01\0\x01\x01\x02\x03\x04\x1a\xe1");
        CHECK_INT(HEAR(&t,
                       AGREED "\x13"
                              "BitTorrent",
                       &used),
                  1);
        CHECK_INT(used, sizeof AGREED - 1); /* the peer's bytes are not its to read */
        CHECK_INT(t.out.len, 0);
        text_free(&t.out);
    }
}

TEST(socks5_sends_an_ipv6_address_and_takes_any_in_the_reply) {
    static const struct {
        const char *bytes;
        size_t len;
    } replies[] = {
        {"\x05\0\0\x01IPv4pp", 10},
        {"\x05\0\0\x04sixteen bytes...pp", 22},
        {"\x05\0\0\x03\x04hostpp", 11},
        {"\x05\0\0\x03\0pp", 7},
    };
    for (size_t i = 0; i < COUNT_OF(replies); i++) {
        struct talk t;
        size_t used;
        start(&t, "socks5://h:1", "[2001:db8::1]:80", 3);
        text_clear(&t.out);
        CHECK_INT(HEAR(&t, "\x05\0", NULL), 0);
        SAYS(&t, "\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50");
        CHECK_INT(hear(&t, replies[i].bytes, replies[i].len, &used), 1);
        CHECK_INT(used, replies[i].len);
        text_free(&t.out);
    }
}

TEST(socks5_logs_in_when_asked_to) {
    for (size_t step = 1; step < 4; step++) {
        struct talk t;
        start(&t, "socks5://me:secret@h:1", "1.2.3.4:80", step);
        SAYS(&t, "\x05\x02\0\x02");
        CHECK_INT(HEAR(&t, "\x05\x02", NULL), 0);
        SAYS(&t, "\x01\x02me\x06secret");
        CHECK_INT(HEAR(&t, "\x01\0", NULL), 0);
        SAYS(&t, "\x05\x01\0\x01\x01\x02\x03\x04\0\x50");
        CHECK_INT(HEAR(&t, AGREED, NULL), 1);
        text_free(&t.out);
    }
}

TEST(socks5_says_no_password_to_a_proxy_that_asks_for_none) {
    struct talk t;
    start(&t, "socks5://me:secret@h:1", "1.2.3.4:80", 9);
    text_clear(&t.out);
    CHECK_INT(HEAR(&t, "\x05\0", NULL), 0);
    SAYS(&t, "\x05\x01\0\x01\x01\x02\x03\x04\0\x50");
    text_free(&t.out);
}

TEST(socks5_tells_whose_fault_a_failure_is) {
    static const struct {
        const char *url, *bytes;
        size_t len;
        int code;
        bool trouble;
    } cases[] = {
        {"socks5://h:1", "\x04\0", 2, ERR_PROTOCOL, true},
        {"socks5://h:1", "HTTP/1.1 400", 12, ERR_PROTOCOL, true},
        {"socks5://h:1", "\x05\xff", 2, ERR_ACCESS, true},
        {"socks5://u@h:1", "\x05\xff", 2, ERR_ACCESS, true},
        {"socks5://h:1", "\x05\x02", 2, ERR_PROTOCOL, true}, /* was not offered */
        {"socks5://u@h:1", "\x05\x01", 2, ERR_PROTOCOL, true},
        {"socks5://u:p@h:1", "\x05\x02\x01\x01", 4, ERR_ACCESS, true},
        {"socks5://h:1", "\x05\0\x05\x05\0\x01\0", 7, ERR_REFUSED, false},
        {"socks5://h:1", "\x05\0\x05\x01\0\x01\0", 7, ERR_NETWORK, false},
        {"socks5://h:1", "\x05\0\x05\x02\0\x01\0", 7, ERR_ACCESS, false},
        {"socks5://h:1", "\x05\0\x05\x06\0\x01\0", 7, ERR_TIMEOUT, false},
        {"socks5://h:1", "\x05\0\x05\x07\0\x01\0", 7, ERR_UNSUPPORTED, false},
        {"socks5://h:1", "\x05\0\x05\xfe\0\x01\0", 7, ERR_NETWORK, false},
        {"socks5://h:1", "\x05\0\x04\0\0\x01\0", 7, ERR_PROTOCOL, true},
        {"socks5://h:1", "\x05\0\x05\0\0\x02\0", 7, ERR_PROTOCOL, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t step = 1; step < 3; step++) {
            struct talk t;
            start(&t, cases[i].url, "1.2.3.4:80", step);
            CHECK_INT(hear(&t, cases[i].bytes, cases[i].len, NULL), cases[i].code);
            CHECK((t.s.trouble != NULL) == cases[i].trouble);
            text_free(&t.out);
        }
}
