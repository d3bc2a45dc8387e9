#include "codec/stream_path.h"

#include <string.h>

#include "base/addr.h"

#define HASH_DIGITS 40

bool stream_token_valid(const char *token) {
    static const char good[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t len = strlen(token);
    return len > 0 && len <= STREAM_TOKEN_MAX && strspn(token, good) == len;
}

/* ---- reading ------------------------------------------------------------------------- */

/* Behind "/TOKEN", or NULL. All of the token is looked at, whatever comes first. */
static const char *skip_token(const char *path, const char *token) {
    size_t len = strlen(token), have = strlen(path);
    unsigned char differs = *path != '/' || have < len + 1;
    for (size_t i = 0; i < len; i++)
        differs |= (unsigned char)(token[i] ^ path[MIN(i + 1, have)]);
    if (differs || (path[len + 1] && path[len + 1] != '/'))
        return NULL;
    return path + len + 1;
}

/* A number from 1, as it is written: no sign, no leading zero. Behind it, or NULL. */
static const char *read_index(const char *p, uint32_t *out) {
    uint64_t n = 0;
    if (*p < '1' || *p > '9')
        return NULL;
    for (; *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (uint64_t)(*p - '0');
        if (n > UINT32_MAX)
            return NULL;
    }
    *out = (uint32_t)n;
    return p;
}

/* Behind the hash: ".m3u", or "/INDEX" and anything. */
static enum stream_place read_rest(struct stream_path *out, const char *p) {
    if (strcmp(p, ".m3u") == 0 || strcmp(p, ".m3u8") == 0)
        return STREAM_PLAYLIST;
    const char *end = *p == '/' ? read_index(p + 1, &out->index) : NULL;
    return end && (*end == '/' || !*end) ? STREAM_FILE : STREAM_NOWHERE;
}

static enum stream_place read_place(struct stream_path *out, const char *p) {
    if (!*p)
        return STREAM_PAGE;
    if (strcmp(p, "status.json") == 0)
        return STREAM_STATUS;
    if (strspn(p, "0123456789abcdefABCDEF") == HASH_DIGITS &&
        hex_decode(out->info_hash, p, sizeof out->info_hash) == 0)
        return read_rest(out, p + HASH_DIGITS);
    out->name = p;
    return strchr(p, '/') ? STREAM_NOWHERE : STREAM_ASSET;
}

void stream_path_parse(struct stream_path *out, const char *path, const char *token) {
    *out = (struct stream_path){.place = STREAM_NOWHERE};
    const char *p = skip_token(path, token);
    if (p)
        out->place = *p ? read_place(out, p + 1) : STREAM_BARE;
}

/* ---- writing ------------------------------------------------------------------------- */

static void add_hash(struct text *t, const char *token, const uint8_t info_hash[20]) {
    char hex[HASH_DIGITS + 1];
    hex_encode(hex, info_hash, 20);
    text_addf(t, "/%s/%s", token, hex);
}

void stream_path_add_file(struct text *t, const char *token, const uint8_t info_hash[20],
                          uint32_t index, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    add_hash(t, token, info_hash);
    text_addf(t, "/%u/", index);
    text_add_urlencoded(t, name, strlen(name));
}

void stream_path_add_playlist(struct text *t, const char *token,
                              const uint8_t info_hash[20]) {
    add_hash(t, token, info_hash);
    text_adds(t, ".m3u");
}

/* ---- Host ---------------------------------------------------------------------------- */

static bool is_localhost(const char *host) {
    static const char name[] = "localhost";
    size_t len = sizeof name - 1;
    for (size_t i = 0; i < len; i++)
        if ((host[i] | 0x20) != name[i])
            return false;
    host += len;
    if (*host == ':')
        host += 1 + strspn(host + 1, "0123456789");
    return !*host;
}

bool stream_host_valid(const char *host) {
    struct addr a;
    return is_localhost(host) || addr_parse(&a, host, 80) == 0;
}
