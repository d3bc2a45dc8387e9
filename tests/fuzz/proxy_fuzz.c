/* Any bytes as what a proxy says, SOCKS5 (first byte even) or HTTP, and as a proxy's address. The
 * machines read no more than they ask for, and come to an end. */
#include <stdlib.h>
#include <string.h>

#include "proto/http_connect.h"
#include "proto/socks5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void parse(const uint8_t *data, size_t size) {
    struct proxy_url p, again;
    char text[PROXY_URL_TEXT];
    char *url = strndup((const char *)data, size);
    require(url);
    if (proxy_url_parse(&p, url, NULL) == 0) {
        require(proxy_url_parse(&again, proxy_url_format(&p, text), NULL) == 0);
        require(strcmp(again.host, p.host) == 0 && again.port == p.port);
    }
    free(url);
}

static void socks(const uint8_t *data, size_t size, const struct proxy_url *via) {
    static const struct addr to = {.ip = {1, 2, 3, 4}, .port = 80, .family = 4};
    struct socks5 s;
    struct text out;
    int rc = 0;
    text_init(&out);
    socks5_init(&s, via, &to, &out);
    while (size && rc == 0) {
        size_t n = MIN(socks5_wants(&s), size);
        require(n > 0);
        rc = socks5_take(&s, data, n, &out);
        data += n, size -= n;
    }
    require(out.len <= 4 + 3 + 2 * 255 + 10);
    text_free(&out);
}

static void http(const uint8_t *data, size_t size, const struct proxy_url *via) {
    static const struct addr to = {.port = 80, .family = 6};
    struct http_connect h;
    struct text out;
    size_t taken = 0;
    int rc = 0;
    text_init(&out);
    http_connect_init(&h, via, &to, &out);
    text_free(&out);
    while (size && rc == 0) {
        size_t n = MIN(http_connect_wants(&h), size);
        require(n > 0);
        rc = http_connect_take(&h, data, n);
        data += n, size -= n, taken += n;
    }
    require(taken <= HTTP_CONNECT_MAX_HEADERS + 2);
    if (rc == 1)
        require(data[-1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct proxy_url via;
    if (size < 1)
        return 0;
    require(proxy_url_parse(&via, data[0] & 2 ? "http://u:p@h:1" : "socks5://h:1",
                            NULL) == 0);
    parse(data + 1, size - 1);
    if (data[0] & 1)
        http(data + 1, size - 1, &via);
    else
        socks(data + 1, size - 1, &via);
    return 0;
}
