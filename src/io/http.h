/* http: an HTTP/1.1 server on the session's loop, by libmicrohttpd (the only file that includes its
 * header is http.c). GET and HEAD alone; what the addresses mean is the owner's business.
 *
 *     accepted -> headers read -> on_request: the owner answers now, or later
 *                                   |
 *          http_answer_bytes        a text that is there
 *          http_answer_file         part of a file, by sendfile
 *          http_answer_stream       hooks->read is asked as fast as the client takes it; ERR_AGAIN puts
 *                                   the connection to sleep until http_wake
 *
 * Nothing has a thread of its own, and a connection that sleeps costs nothing but its memory (bounded:
 * HTTP_MEMORY and one block of HTTP_BLOCK). It may do so for hours: a paused player does. What has a
 * limit is the time without any request (HTTP_IDLE, all of its headers included).
 *
 * A client that closes its connection is noticed at once, asleep or not: hooks->ended. One that
 * closes only its own direction is taken for gone: no player and no browser does that. One that
 * vanishes without a word while it waits is noticed within a minute; with bytes on their way to it the
 * kernel is more patient. */
#ifndef MARE_HTTP_H
#define MARE_HTTP_H

#include "base/addr.h"
#include "base/bytes.h"
#include "io/loop.h"

#define HTTP_BLOCK 65536u  /* asked of hooks->read at most */
#define HTTP_MEMORY 32768u /* of a request: headers that fill half of it: 431 */
#define HTTP_IDLE (30 * USEC_PER_SEC)
#define HTTP_LOOK USEC_PER_SEC /* is a file still as long? */

struct http_server;
struct http_request;

/* Called inside loop_step. The request is the owner's to answer until `ended`. */
typedef void http_on_request(void *owner, struct http_request *r);

struct http_options {
    struct addr at;       /* port 0 = any free one */
    uint32_t connections; /* at once; more of them wait to be accepted */
};

/* NULL with *e: the address is taken, ... */
struct http_server *http_open(struct loop *l, const struct http_options *o,
                              http_on_request *on_request, void *owner, struct err *e);
/* Ends all connections (`ended` is called for each request). Not from inside a hook of it. */
void http_close(struct http_server *s);
uint16_t http_port(const struct http_server *s);
uint32_t http_connections(const struct http_server *s);

/* ---- the question -------------------------------------------------------------------- */

bool http_is_head(const struct http_request *r);
const char *http_path(const struct http_request *r); /* percent-decoded, without "?..." */
/* NULL when it is not there; "" when it is empty. */
const char *http_header(const struct http_request *r, const char *name);
/* How many fields of that name there are. */
int http_header_count(const struct http_request *r, const char *name);
const char *http_argument(const struct http_request *r, const char *name);
struct addr http_client(const struct http_request *r);

/* ---- the answer ---------------------------------------------------------------------- */

struct http_hooks {
    /* Fills `to`: how many bytes (> 0); ERR_AGAIN, then http_wake follows; another error ends the
     * connection. NULL where no stream is answered. */
    int (*read)(void *owner, uint8_t *to, size_t len);
    /* The request is over: answered in full, or its client is gone. Once; `r` is not to be used
     * after it. */
    void (*ended)(void *owner);
    /* The file of http_answer_file has become shorter than what was promised of it: `ended` is
     * next. NULL where no file is answered. */
    void (*cut)(void *owner);
};
/* Says who is to be told of the request's end. At most once a request. */
void http_own(struct http_request *r, const struct http_hooks *hooks, void *owner);

struct http_field {
    const char *name, *value;
};
struct http_answer {
    unsigned status; /* 200, 404 ... */
    const struct http_field *fields;
    size_t field_count;
};

/* One of these once for each request, from on_request or later. What cannot be answered (no memory)
 * is aborted. HEAD gets the same fields and no body. */
void http_answer_bytes(struct http_request *r, const struct http_answer *a,
                       const void *data, size_t len); /* copied */
/* Takes fd. What is not in the page cache is waited for by everybody: see storage_lend. */
void http_answer_file(struct http_request *r, const struct http_answer *a, int fd,
                      uint64_t offset, uint64_t length);
void http_answer_stream(struct http_request *r, const struct http_answer *a,
                        uint64_t length);
void http_wake(
    struct http_request *r); /* hooks->read may have something now; idempotent */
/* Ends the connection; `ended` is called before this returns. */
void http_abort(struct http_request *r);

#endif
