/* web_server: a small HTTP server for specs: a thread, one connection after the other,
 * that answers by path with bytes written down in web_server.c. */
#ifndef MARE_WEB_SERVER_H
#define MARE_WEB_SERVER_H

#include <netinet/in.h>
#include <pthread.h>

struct server {
    int fd, quit[2]; /* the listening socket; closing quit[1] ends the thread */
    uint16_t port;
    pthread_t thread;
    char request[4096];      /* the last one */
    struct sockaddr_in from; /* who asked it */
    const char *redirect_to; /* for /redirect */
    int connections;
};

void server_start(struct server *v,
                  const char *ip); /* on a port of the system's choice */
void server_stop(struct server *v);

#endif
