/* Any bytes as a tracker's reply, and as a tracker's URL. */
#include <stdlib.h>
#include <string.h>

#include "codec/announce.h"
#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check_text(const char *s) {
    size_t len = strlen(s);
    require(len < 256);
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_len((const uint8_t *)s + i, len - i);
        require(n > 0 && (uint8_t)s[i] >= ' ');
    }
}

static void check_reply(const struct announce_reply *r) {
    check_text(r->failure);
    check_text(r->warning);
    require(r->peer_count <= ANNOUNCE_MAX_PEERS);
    require(r->retry_in >= -1 && r->retry_in <= ANNOUNCE_MAX_INTERVAL);
    if (!r->failure[0]) {
        require(r->interval >= ANNOUNCE_MIN_INTERVAL &&
                r->interval <= ANNOUNCE_MAX_INTERVAL);
        require(r->min_interval >= ANNOUNCE_MIN_INTERVAL);
        require(r->min_interval <= ANNOUNCE_MAX_INTERVAL);
    }
    for (uint32_t i = 0; i < r->peer_count; i++)
        require(r->peers[i].addr.port && r->peers[i].addr.family);
}

static void ask(const uint8_t *data, size_t size) {
    static const uint8_t id[20] = {0};
    const struct announce_request r = {.info_hash = id, .peer_id = id, .numwant = 50};
    struct text t;
    char *url = strndup((const char *)data, size);
    require(url);
    text_init(&t);
    if (tracker_scheme(url)) {
        announce_url(&t, url, &r);
        require(tracker_scheme(t.data) == tracker_scheme(url));
    }
    text_free(&t);
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct announce_reply r;
    if (announce_reply_parse(&r, data, size, NULL) == 0)
        check_reply(&r);
    announce_reply_free(&r);
    if (size < 4096)
        ask(data, size);
    return 0;
}
