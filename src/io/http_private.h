/* http_private: what the files of the HTTP server share.
 *
 *     http          MHD on the loop
 *     http_client   connections
 *     http_request  requests and answers */
#ifndef MARE_HTTP_PRIVATE_H
#define MARE_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "base/list.h"
#include "io/http.h"
#include "io/watch.h"

struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct watch watch;  /* MHD's epoll */
    struct timer again;  /* there is more to do than one step allows */
    struct link clients; /* struct client */
    uint32_t client_count;
    http_on_request *on_request;
    void *owner;
    uint16_t port;
    bool running, closing;
};

/* A connection, as long as it stands. */
struct client {
    struct link link;
    struct http_server *server;
    struct watch watch; /* for its end */
    struct timer idle;
    int fd;
    struct http_request *request; /* NULL: between two */
};

struct http_request {
    struct client *client;
    struct MHD_Connection *connection;
    struct MHD_Response *response; /* to be queued */
    unsigned status;
    char *path;
    bool head, asked, suspended, gone, ended;
    const struct http_hooks *hooks;
    void *owner;
    int file; /* MHD's; -1 = none is sent */
    uint64_t file_end;
    struct timer look; /* at the file */
};

/* There is more to do for MHD: in the next step. */
void http_pump_soon(struct http_server *s);
/* Its client is given so long to ask for something. */
void http_start_idling(struct client *c);

/* MHD's callbacks; the first argument is the server. */
void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what);
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *body,
                               size_t *body_len, void **context);
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode why);

#endif
