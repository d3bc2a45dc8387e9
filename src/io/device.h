/* device: one network interface for all that a loop does. Every socket that is made on the loop is
 * tied to it (SO_BINDTODEVICE), so that nothing leaves by another one, also when the tunnel goes
 * down and comes back with another address: a source address alone does not promise that.
 * Name look-ups are the system's and go where it sends them. */
#ifndef MARE_DEVICE_H
#define MARE_DEVICE_H

#include "io/loop.h"

/* "tun0". Before the first socket. ERR_NOTFOUND, ERR_ACCESS or ERR_UNSUPPORTED with a sentence. */
int device_use(struct loop *l, const char *name, struct err *e) MUST_USE;
const char *device_name(const struct loop *l); /* "" = any */
/* Does it lead nowhere but to ourselves? */
bool device_is_loopback(const struct loop *l);

/* For whoever makes sockets. A socket of family 4 or 6, of SOCK_STREAM or SOCK_DGRAM, that does not
 * block and dies with exec; -1 with errno. */
int device_socket(const struct loop *l, uint8_t family, int type);
/* Ties one that somebody else made; 0, or -1 with errno. */
int device_tie(const struct loop *l, int fd);

#endif
