/* url: see the header. */
#include "codec/url.h"

#include <string.h>
#include <strings.h>

/* Between "//" or a user's name and '@', and ':' or the path. */
static bool has_host(const char *authority) {
    size_t len = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', len);
    const char *host = at ? at + 1 : authority;
    size_t left = len - (size_t)(host - authority);
    if (left && *host == '[')
        return left > 3 && memchr(host, ']', left);
    return left && *host != ':';
}

const char *tracker_scheme(const char *url) {
    static const char *const schemes[] = {"http", "https", "udp"};
    for (const char *p = url; *p; p++)
        if ((uint8_t)*p <= ' ' || *p == 0x7f)
            return NULL;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(url, schemes[i], len) == 0 && strncmp(url + len, "://", 3) == 0)
            return has_host(url + len + 3) ? schemes[i] : NULL;
    }
    return NULL;
}

bool url_usable(const char *url, bool web) {
    const char *scheme = tracker_scheme(url);
    return scheme && !(web && strcmp(scheme, "udp") == 0);
}

void text_add_url(struct text *out, struct span url) {
    for (size_t i = 0; i < url.len; i++) {
        if (url.data[i] == ' ' || url.data[i] >= 0x80)
            text_add_urlencoded(out, url.data + i, 1);
        else
            text_addc(out, (char)url.data[i]);
    }
}
