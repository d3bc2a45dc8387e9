/* http_connect: asking an HTTP proxy for a tunnel, as a machine without I/O (RFC 9110, 9.3.6).
 *
 *     we      CONNECT 1.2.3.4:6881 HTTP/1.1, Host, Proxy-Authorization: Basic (if we have a login)
 *     proxy   HTTP/1.1 200 ..., headers, an empty line: from there on bytes are the other end's
 *
 * Where the headers end is not known before, so it reads only as many bytes as surely are still
 * part of them: two, or one behind a line's end. That are some sixty short reads once per
 * connection, and nothing that is the other end's has to be kept anywhere. */
#ifndef MARE_HTTP_CONNECT_H
#define MARE_HTTP_CONNECT_H

#include "base/addr.h"
#include "base/bytes.h"
#include "codec/proxy_url.h"

#define HTTP_CONNECT_MAX_HEADERS 16384u

struct http_connect {
    char line[13];    /* "HTTP/1.1 200" */
    uint32_t in_line; /* bytes of the line that is being read, without CR */
    uint32_t line_number;
    uint32_t received;
    bool has_login;
    const char
        *trouble; /* after a failure that is the proxy's: words for the user; or NULL */
};

/* Appends the request. */
void http_connect_init(struct http_connect *h, const struct proxy_url *via,
                       const struct addr *to, struct text *out);
/* How many bytes to read next, at most; 1 or 2. */
size_t http_connect_wants(const struct http_connect *h);
/* 1: the tunnel stands; 0: go on; ERR_ACCESS, ERR_NETWORK, ERR_TIMEOUT, ERR_REFUSED (the other end,
 * or what the proxy thinks of it), ERR_PROTOCOL, ERR_LIMIT. */
int http_connect_take(struct http_connect *h, const uint8_t *data, size_t len) MUST_USE;

#endif
