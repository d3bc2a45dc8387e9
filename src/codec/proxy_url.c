/* proxy_url: see the header.
 *
 *     scheme://  user : password @ [host] : port /
 *
 * The last '@' ends the login, because passwords are pasted as they are. */
#include "codec/proxy_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base.h"
#include "base/bytes.h"

static const struct {
    const char *scheme;
    enum proxy_kind kind;
} schemes[] = {{"socks5", PROXY_SOCKS5}, {"socks5h", PROXY_SOCKS5}, {"http", PROXY_HTTP}};

/* What follows "://"; NULL for schemes that are not ours. */
static const char *take_scheme(struct proxy_url *p, const char *url) {
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t len = strlen(schemes[i].scheme);
        if (strncasecmp(url, schemes[i].scheme, len) || strncmp(url + len, "://", 3))
            continue;
        p->kind = schemes[i].kind;
        return url + len + 3;
    }
    return NULL;
}

/* Percent-decodes into 255 bytes at most; a NUL could not be told from the end. */
static bool decode(char out[256], const char *from, const char *end) {
    size_t n = 0;
    while (from < end && n < 255) {
        uint8_t c = (uint8_t)*from++;
        if (c == '%' && (end - from < 2 || hex_decode(&c, from, 1) < 0))
            return false;
        if (from[-1] == '%')
            from += 2;
        if (c == '\0')
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return from == end;
}

static bool take_login(struct proxy_url *p, const char *from, const char *at) {
    const char *colon = memchr(from, ':', (size_t)(at - from));
    if (!decode(p->user, from, colon ? colon : at) || !p->user[0])
        return false;
    return !colon || decode(p->password, colon + 1, at);
}

static bool take_port(struct proxy_url *p, const char *from, const char *end) {
    uint32_t port = 0;
    if (from == end)
        return false;
    for (; from < end; from++) {
        if (*from < '0' || *from > '9' ||
            (port = port * 10 + (uint32_t)(*from - '0')) > 65535)
            return false;
    }
    p->port = (uint16_t)port;
    return port > 0;
}

/* A host goes into headers and sentences: nothing in it but what names and addresses have. */
static bool take_host(struct proxy_url *p, const char *from, const char *end) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-_:%";
    bool brackets = end - from > 2 && *from == '[' && end[-1] == ']';
    if (brackets)
        from++, end--;
    size_t len = (size_t)(end - from);
    if (!len || len >= sizeof p->host || strspn(from, allowed) < len)
        return false;
    if (!brackets && memchr(from, ':', len))
        return false;
    memcpy(p->host, from, len);
    p->host[len] = '\0';
    return true;
}

int proxy_url_parse(struct proxy_url *p, const char *url, struct err *e) {
    *p = (struct proxy_url){0};
    const char *from = take_scheme(p, url);
    if (!from)
        return err_set(e, ERR_INVALID,
                       "a proxy is socks5://HOST:PORT or http://HOST:PORT, "
                       "with USER:PASSWORD@ before HOST if it asks for them");
    const char *end = from + strlen(from);
    const char *at = memrchr(from, '@', (size_t)(end - from));
    if (at && !take_login(p, from, at))
        return err_set(e, ERR_INVALID,
                       "the proxy's USER:PASSWORD cannot be read: each has at most 255 "
                       "characters, and %% is written as %%25");
    from = at ? at + 1 : from;
    if (end > from && end[-1] == '/')
        end--;
    const char *colon = memrchr(from, ':', (size_t)(end - from));
    if (!colon || !take_port(p, colon + 1, end))
        return err_set(e, ERR_INVALID, "the proxy's address needs a port: HOST:PORT");
    if (!take_host(p, from, colon))
        return err_set(e, ERR_INVALID, "the proxy's host makes no sense");
    return 0;
}

char *proxy_url_format(const struct proxy_url *p, char out[PROXY_URL_TEXT]) {
    const char *open = strchr(p->host, ':') ? "[" : "", *shut = *open ? "]" : "";
    snprintf(out, PROXY_URL_TEXT, "%s://%s%s%s:%u",
             p->kind == PROXY_HTTP ? "http" : "socks5", open, p->host, shut, p->port);
    return out;
}
