/* http_connect: proxies that agree, refuse and ramble, whole and byte by byte. */
#include "proto/http_connect.h"

#include "base/err.h"
#include "support/check.h"

static struct http_connect machine;

static char *start(const char *url, const char *to) {
    static char said[1024];
    struct proxy_url via;
    struct addr a;
    struct text out;
    CHECK_INT(proxy_url_parse(&via, url, NULL), 0);
    CHECK_INT(addr_parse(&a, to, -1), 0);
    text_init(&out);
    http_connect_init(&machine, &via, &a, &out);
    snprintf(said, sizeof said, "%s", out.data);
    text_free(&out);
    return said;
}

/* The result, and in *used how many bytes it took. */
static int hear(const char *bytes, size_t step, size_t *used) {
    size_t at = 0, len = strlen(bytes);
    int rc = 0;
    while (at < len && rc == 0) {
        size_t n = MIN(MIN(step, http_connect_wants(&machine)), len - at);
        CHECK(n > 0);
        rc = http_connect_take(&machine, check_at_page_end(bytes + at, n), n);
        at += n;
    }
    *used = at;
    return rc;
}

TEST(http_connect_asks_for_the_address) {
    CHECK_STR(start("http://h:1", "1.2.3.4:6881"),
              "CONNECT 1.2.3.4:6881 HTTP/1.1\r\nHost: 1.2.3.4:6881\r\n\r\n");
    CHECK_STR(start("http://h:1", "[::1]:80"),
              "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
}

TEST(http_connect_logs_in) {
    static const struct {
        const char *url, *coded;
    } cases[] = {
        {"http://a@h:1", "YTo="},
        {"http://a:b@h:1", "YTpi"},
        {"http://a:bc@h:1", "YTpiYw=="},
        {"http://Aladdin:open%20sesame@h:1", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[128];
        snprintf(line, sizeof line, "\r\nProxy-Authorization: Basic %s\r\n\r\n",
                 cases[i].coded);
        CHECK(strstr(start(cases[i].url, "1.2.3.4:80"), line));
    }
}

TEST(http_connect_ends_with_the_headers_and_leaves_what_follows) {
    static const char *const answers[] = {
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200\r\nServer: x\r\nX: y\r\n\r\n",
        "HTTP/1.1 200 ok\nServer: x\n\n",
        "HTTP/1.1 200 ok\nServer: x\r\n\n",
        "HTTP/1.1 204 ok\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 ok\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        for (size_t step = 1; step <= 2; step++) {
            char all[256];
            size_t used;
            snprintf(all, sizeof all,
                     "%s\x13"
                     "BitTorrent protocol",
                     answers[i]);
            start("http://h:1", "1.2.3.4:80");
            CHECK_INT(hear(all, step, &used), 1);
            CHECK_INT(used, strlen(answers[i]));
        }
}

TEST(http_connect_tells_whose_fault_a_failure_is) {
    static const struct {
        const char *url, *bytes;
        int code;
        bool trouble;
    } cases[] = {
        {"http://h:1", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", ERR_ACCESS,
         true},
        {"http://u:p@h:1", "HTTP/1.0 401 Unauthorized\r\n\r\n", ERR_ACCESS, true},
        {"http://u:p@h:1", "HTTP/1.1 407 no\r\n\r\n", ERR_ACCESS, true},
        {"http://h:1", "HTTP/1.1 403 Forbidden\r\n\r\n", ERR_ACCESS, false},
        {"http://h:1", "HTTP/1.1 502 Bad Gateway\r\n\r\n", ERR_NETWORK, false},
        {"http://h:1", "HTTP/1.1 503 x\r\n\r\n", ERR_NETWORK, false},
        {"http://h:1", "HTTP/1.1 504 x\r\n\r\n", ERR_TIMEOUT, false},
        {"http://h:1", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", ERR_REFUSED,
         false},
        {"http://h:1", "\r\n\r\n", ERR_PROTOCOL, true},
        {"http://h:1", "SSH-2.0-x\r\n", ERR_PROTOCOL, true},
        {"http://h:1", "HTTP/1.1 099 x\r\n", ERR_PROTOCOL, true},
        {"http://h:1", "HTTP/2.0 200 x\r\n", ERR_PROTOCOL, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t step = 1; step <= 2; step++) {
            size_t used;
            start(cases[i].url, "1.2.3.4:80");
            CHECK_INT(hear(cases[i].bytes, step, &used), cases[i].code);
            CHECK((machine.trouble != NULL) == cases[i].trouble);
        }
}

TEST(http_connect_bounds_headers_without_end) {
    int rc = 0;
    size_t used;
    start("http://h:1", "1.2.3.4:80");
    CHECK_INT(hear("HTTP/1.1 200 ok\r\nX: ", 2, &used), 0);
    for (size_t n = 0; rc == 0; n += 2) {
        CHECK(n <= HTTP_CONNECT_MAX_HEADERS);
        rc = http_connect_take(&machine, (const uint8_t *)"xx", 2);
    }
    CHECK_INT(rc, ERR_LIMIT);
    start("http://h:1", "1.2.3.4:80");
    rc = 0;
    for (size_t n = 0; rc == 0; n += 20) {
        CHECK(n <= HTTP_CONNECT_MAX_HEADERS + 20);
        rc = hear("HTTP/1.1 100 again\r\n\r\n", 2, &used);
    }
    CHECK_INT(rc, ERR_LIMIT);
}
