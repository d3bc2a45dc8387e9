/* proxy_url: the one line in which a user tells of a proxy. */
#include "codec/proxy_url.h"

#include "base/base.h"
#include "support/check.h"

TEST(proxy_url_reads_kind_host_port_and_login) {
    static const struct {
        const char *url;
        enum proxy_kind kind;
        const char *host;
        uint16_t port;
        const char *user, *password, *shown;
    } cases[] = {
        {"socks5://127.0.0.1:1080", PROXY_SOCKS5, "127.0.0.1", 1080, "", "",
         "socks5://127.0.0.1:1080"},
        {"socks5h://proxy.example:9050/", PROXY_SOCKS5, "proxy.example", 9050, "", "",
         "socks5://proxy.example:9050"},
        {"HTTP://me@[::1]:3128", PROXY_HTTP, "::1", 3128, "me", "", "http://[::1]:3128"},
        {"http://me:pa:ss@w%40rd@h:65535", PROXY_HTTP, "h", 65535, "me", "pa:ss@w@rd",
         "http://h:65535"},
        {"socks5://%75ser:%25@h:1", PROXY_SOCKS5, "h", 1, "user", "%", "socks5://h:1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct proxy_url p;
        char shown[PROXY_URL_TEXT];
        CHECK_INT(proxy_url_parse(&p, cases[i].url, NULL), 0);
        CHECK_INT(p.kind, cases[i].kind);
        CHECK_STR(p.host, cases[i].host);
        CHECK_INT(p.port, cases[i].port);
        CHECK_STR(p.user, cases[i].user);
        CHECK_STR(p.password, cases[i].password);
        CHECK_STR(proxy_url_format(&p, shown), cases[i].shown);
    }
}

TEST(proxy_url_refuses_what_makes_no_sense_and_never_shows_the_password) {
    static const char *const bad[] = {
        "",
        "127.0.0.1:1080",
        "socks4://secret@h:1",
        "socks5://h",
        "socks5://:secret@h:1",
        "socks5://u:secret@:1",
        "socks5://u:secret@h:0",
        "socks5://u:secret@h:65536",
        "socks5://u:secret@h:99999999999999999999",
        "socks5://u:secret@h:12x",
        "socks5://u:secret%zz@h:1",
        "socks5://u:secret%00@h:1",
        "socks5://u:secret%4@h:1",
        "http://u:secret@h/path:1",
        "http://u:secret@h\r\nX: y:1",
        "http://u:secret@a:b:1",
        "http://u:secret@[]:1",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct proxy_url p;
        struct err e = {0};
        CHECK_INT(proxy_url_parse(&p, bad[i], &e), ERR_INVALID);
        CHECK(e.text[0] && !strstr(e.text, "secret"));
    }
}

TEST(proxy_url_bounds_what_socks_has_a_byte_for) {
    for (int len = 254; len <= 257; len++) {
        struct proxy_url p;
        char url[600], many[258];
        memset(many, 'x', sizeof many);
        snprintf(url, sizeof url, "socks5://%.*s:%.*s@h:1", len, many, len, many);
        CHECK_INT(proxy_url_parse(&p, url, NULL), len <= 255 ? 0 : ERR_INVALID);
        snprintf(url, sizeof url, "socks5://%.*s:1", len, many);
        CHECK_INT(proxy_url_parse(&p, url, NULL), len <= 255 ? 0 : ERR_INVALID);
    }
}
