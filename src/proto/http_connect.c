/* http_connect: see the header. */
#include "proto/http_connect.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

/* ---- the request ---------------------------------------------------------------------- */

static void add_base64(struct text *out, const uint8_t *data, size_t len) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)data[i] << 16;
        v |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
        v |= i + 2 < len ? data[i + 2] : 0;
        text_addc(out, digits[v >> 18]);
        text_addc(out, digits[v >> 12 & 63]);
        text_addc(out, i + 1 < len ? digits[v >> 6 & 63] : '=');
        text_addc(out, i + 2 < len ? digits[v & 63] : '=');
    }
}

static void add_login(struct text *out, const struct proxy_url *via) {
    struct text login;
    text_init(&login);
    text_addf(&login, "%s:%s", via->user, via->password);
    text_adds(out, "Proxy-Authorization: Basic ");
    if (login.failed)
        out->failed = true;
    else
        add_base64(out, (const uint8_t *)login.data, login.len);
    text_adds(out, "\r\n");
    text_free(&login);
}

void http_connect_init(struct http_connect *h, const struct proxy_url *via,
                       const struct addr *to, struct text *out) {
    char at[ADDR_TEXT];
    *h = (struct http_connect){.has_login = via->user[0] != '\0'};
    addr_format(to, at);
    text_addf(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", at, at);
    if (h->has_login)
        add_login(out, via);
    text_adds(out, "\r\n");
}

/* ---- the answer ----------------------------------------------------------------------- */

static int fail(struct http_connect *h, int code, const char *trouble) {
    h->trouble = trouble;
    return code;
}

/* "HTTP/1.1 200": the number, or -1. */
static int status_of(const char line[13]) {
    static const char form[] = "HTTP/1.d ddd";
    for (int i = 0; i < 12; i++) {
        bool digit = line[i] >= '0' && line[i] <= '9';
        if (form[i] == 'd' ? !digit : line[i] != form[i])
            return -1;
    }
    return (line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0';
}

static int judge(struct http_connect *h, int status) {
    switch (status) {
    case 401: /* tinyproxy */
    case 407:
        return fail(h, ERR_ACCESS,
                    h->has_login ? "refused the user or the password"
                                 : "wants a user and a password");
    case 403:
    case 405: return ERR_ACCESS;
    case 500:
    case 502:
    case 503: return ERR_NETWORK;
    case 504: return ERR_TIMEOUT;
    default: return ERR_REFUSED;
    }
}

/* An empty line: of the answer, or of one that only says that another follows (1xx). */
static int on_headers(struct http_connect *h) {
    int status = status_of(h->line);
    if (status >= 200 && status < 300)
        return 1;
    if (status >= 200)
        return judge(h, status);
    h->line_number = 0;
    memset(h->line, 0, sizeof h->line);
    return 0;
}

static int on_line(struct http_connect *h) {
    bool empty = h->in_line == 0;
    h->in_line = 0;
    if (h->line_number++ == 0 && status_of(h->line) < 100)
        return fail(h, ERR_PROTOCOL, "does not speak HTTP");
    return empty ? on_headers(h) : 0;
}

static int on_byte(struct http_connect *h, uint8_t c) {
    if (c == '\n')
        return on_line(h);
    if (c == '\r')
        return 0;
    if (h->line_number == 0 && h->in_line < 12)
        h->line[h->in_line] = (char)c;
    h->in_line++;
    return 0;
}

/* The shortest end from within a line is "\n\n". */
size_t http_connect_wants(const struct http_connect *h) {
    bool at_start = h->in_line == 0 && h->line_number > 0;
    return at_start ? 1 : 2;
}

int http_connect_take(struct http_connect *h, const uint8_t *data, size_t len) {
    assert(len <= http_connect_wants(h));
    h->received += (uint32_t)len;
    if (h->received > HTTP_CONNECT_MAX_HEADERS)
        return fail(h, ERR_LIMIT, "sends headers without end");
    for (size_t i = 0; i < len; i++) {
        int rc = on_byte(h, data[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}
