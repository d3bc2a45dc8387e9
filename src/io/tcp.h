/* tcp: what the listener needs of tcp.c. */
#ifndef MARE_TCP_H
#define MARE_TCP_H

#include "io/stream.h"

/* An open stream on a connected socket, which it owns from now on; NULL (then it does
 * not). */
struct stream *tcp_from_fd(struct loop *l, int fd);

#endif
