/* proxy_url: where a proxy is and what it speaks, from one line of a user's:
 *
 *     socks5://[USER[:PASSWORD]@]HOST:PORT      socks5h:// means the same: names go to the proxy
 *     http://[USER[:PASSWORD]@]HOST:PORT        spoken to by CONNECT
 *
 * User and password may be percent-encoded. No sentence here ever shows them. */
#ifndef MARE_PROXY_URL_H
#define MARE_PROXY_URL_H

#include "base/err.h"

enum proxy_kind { PROXY_SOCKS5, PROXY_HTTP };

struct proxy_url {
    enum proxy_kind kind;
    char host[256]; /* a name or an address, without brackets */
    uint16_t port;
    char user[256], password[256]; /* decoded; "" = none */
};

/* 0, or ERR_INVALID with a sentence. */
int proxy_url_parse(struct proxy_url *p, const char *url, struct err *e) MUST_USE;
/* "socks5://host:1080": what may be shown. Returns out. */
#define PROXY_URL_TEXT 300
char *proxy_url_format(const struct proxy_url *p, char out[PROXY_URL_TEXT]);

#endif
