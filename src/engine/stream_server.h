/* stream_server: what a session gives to players and browsers over HTTP. One per session, off unless
 * asked for, and on 127.0.0.1 unless told otherwise.
 *
 *     http (io)    connections, headers, how bytes leave
 *     server       which address means what, who may ask at all     this file
 *     stream_file  a file: ranges, conditions, sendfile or a reader
 *     stream_status, stream_playlist    what is told of torrents
 *
 * Whoever asks must know the token, and must say a Host that no foreign name server can have made up
 * (stream_path.h). What a torrent contains is never run by a browser: its types come from a fixed
 * table, with "nosniff" and an empty sandbox. */
#ifndef MARE_STREAM_SERVER_H
#define MARE_STREAM_SERVER_H

#include "codec/stream_path.h"
#include "engine/session.h"
#include "io/http.h"

#define STREAM_CONNECTIONS 128u

/* A file of the page. */
struct stream_asset {
    const char *name, *type; /* "" is the page itself */
    const void *data;
    size_t len;
};

struct stream_options {
    struct addr at;    /* family 0 = 127.0.0.1; port 0 = any free one */
    const char *token; /* NULL = a random one; else as stream_token_valid says */
    const struct stream_asset *assets; /* copied */
    size_t asset_count;
};

struct stream_server {
    struct session *session;
    struct http_server *http;
    struct addr at; /* with its real port */
    char token[STREAM_TOKEN_MAX + 1];
    uint32_t number;     /* of this session's servers: 1, 2, ... */
    struct link streams; /* struct feed (stream_file.h) */
    struct stream_asset *assets;
    size_t asset_count;
};

/* Sets s->http. ERR_EXISTS when there is one; ERR_INVALID a bad token; what listening says. */
int stream_server_open(struct session *s, const struct stream_options *o, struct err *e)
    MUST_USE;
void stream_server_close(struct session *s); /* idempotent */

/* "http://127.0.0.1:8080", without a slash at its end. */
void stream_server_add_origin(struct text *t, const struct stream_server *v);
/* Ends connections that wait for data of this torrent (0 = of all) and of this file
 * (STREAM_NO_FILE = of any), so that a player that has jumped elsewhere does not wait with them.
 * Only those that have waited for `age`: what the player has asked for since may come. How many. */
uint32_t stream_server_drop(struct stream_server *v, handle torrent, uint32_t file,
                            usec age);

/* ---- for the other stream_*.c files -------------------------------------------------- */

/* An answer's fields while it is put together. Values are the caller's until it is sent. */
#define STREAM_FIELDS 16
struct stream_head {
    struct http_field field[STREAM_FIELDS];
    struct http_answer answer;
};
/* Begins with the fields that every answer has. */
void stream_head_init(struct stream_head *h, unsigned status);
void stream_head_add(struct stream_head *h, const char *name, const char *value);
/* A whole answer of a few words; `words` may be "". */
void stream_say(struct http_request *r, unsigned status, const char *words);
/* Sends the text and frees it; 500 when it could not be put together. */
void stream_send(struct http_request *r, const char *type, struct text *t);

void stream_answer_file(struct stream_server *v, struct http_request *r,
                        const struct stream_path *p);
void stream_answer_playlist(struct stream_server *v, struct http_request *r,
                            const struct stream_path *p);
void stream_answer_status(struct stream_server *v, struct http_request *r);

#endif
