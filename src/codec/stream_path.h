/* stream_path: the addresses of the HTTP streaming server, read and written.
 *
 *     /TOKEN/                     the page          /TOKEN/NAME    what the page consists of
 *     /TOKEN/status.json          what goes on
 *     /TOKEN/HASH.m3u             a playlist of what can be played
 *     /TOKEN/HASH/INDEX/NAME      a file. INDEX counts from 1, without padding, as everywhere for people;
 *                                 NAME is for players that look at it, and may be anything
 *
 * A path arrives percent-decoded. The token is compared in a time that does not depend on it, and
 * whoever has a wrong one learns nothing else. */
#ifndef MARE_STREAM_PATH_H
#define MARE_STREAM_PATH_H

#include "base/bytes.h"

#define STREAM_TOKEN_MAX 64

enum stream_place {
    STREAM_NOWHERE, /* no such place, or a wrong token */
    STREAM_BARE,    /* "/TOKEN": the page is one slash further */
    STREAM_PAGE,
    STREAM_ASSET, /* `name` */
    STREAM_STATUS,
    STREAM_PLAYLIST, /* `info_hash` */
    STREAM_FILE      /* `info_hash`, `index` */
};

struct stream_path {
    enum stream_place place;
    uint8_t info_hash[20];
    uint32_t index;
    const char *name; /* within the path that was parsed */
};

/* May this be a token? Up to STREAM_TOKEN_MAX of A-Z a-z 0-9 - _ . */
bool stream_token_valid(const char *token);
void stream_path_parse(struct stream_path *out, const char *path, const char *token);

/* "/TOKEN/HASH/INDEX/NAME", NAME being the last element of `path`, percent-encoded. */
void stream_path_add_file(struct text *t, const char *token, const uint8_t info_hash[20],
                          uint32_t index, const char *path);
void stream_path_add_playlist(struct text *t, const char *token,
                              const uint8_t info_hash[20]);

/* Does the Host header name this machine in a way that no foreign name server can have a hand in: an IP
 * address or localhost, with any port? A web page that had its own name turned into our address
 * (DNS rebinding) still says its own name here. */
bool stream_host_valid(const char *host);

#endif
