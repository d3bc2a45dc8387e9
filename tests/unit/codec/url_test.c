#include "codec/url.h"

#include "support/check.h"

TEST(tracker_scheme_knows_three) {
    CHECK_STR(tracker_scheme("http://a/announce"), "http");
    CHECK_STR(tracker_scheme("HTTPS://a"), "https");
    CHECK_STR(tracker_scheme("udp://[::1]:6969/announce"), "udp");
    CHECK_STR(tracker_scheme("http://user:pass@a:80/x?y"), "http");
}

TEST(tracker_scheme_refuses_the_rest) {
    static const char *const urls[] = {
        "",           "ftp://a/",  "wss://a/",       "file:///etc/passwd", "http:/a",
        "http://",    "http:///x", "http://:80/",    "http://user@/x",     "http://?x",
        "http://a b", "http://[]", "http://a\r\nX:", "httpx://a",          "a",
    };
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        if (tracker_scheme(urls[i]))
            check_fail(__FILE__, __LINE__, "\"%s\" is taken", urls[i]);
}

TEST(url_usable_for_web_seeds_is_not_udp) {
    CHECK(url_usable("udp://a:1", false) && !url_usable("udp://a:1", true));
    CHECK(url_usable("https://a", true) && !url_usable("ftp://a", true));
}

TEST(text_add_url_encodes_what_cannot_stand_in_one) {
    static const char raw[] = "http://a/b c?d=%20&e=\xC3\xBC+f";
    struct text t;
    text_init(&t);
    text_add_url(&t, (struct span){(const uint8_t *)raw, sizeof raw - 1});
    CHECK_STR(t.data, "http://a/b%20c?d=%20&e=%C3%BC+f");
    text_free(&t);
}
