/* channel: lines of text between programs of one user on one machine, over a local stream socket:
 * how the command talks with a player and with an engine that runs already.
 *
 * A name that begins with "@" lies in Linux's abstract name space: it is no file, vanishes with
 * its last holder however that one ends, and only one program can listen to it; so it is a lock,
 * too. There everybody may knock: whoever is not of our own user is turned away, on both
 * sides. Other names are paths.
 *
 * Nothing here waits except channel_wait. What comes in is bounded by CHANNEL_LINE_MOST, what
 * cannot leave by CHANNEL_QUEUE_MOST; a channel that exceeds either is closed. */
#ifndef MARE_CHANNEL_H
#define MARE_CHANNEL_H

#include "base/err.h"

#define CHANNEL_LINE_MOST ((size_t)1 << 20)
#define CHANNEL_QUEUE_MOST ((size_t)4 << 20)

struct channel_bytes {
    char *data;
    size_t len, cap;
};

struct channel {
    int fd; /* -1: closed */
    struct channel_bytes in, out;
    size_t taken; /* of `in`: lines that were handed out */
    bool ended;   /* nothing more will come */
};

/* All of them fill *c, also on failure (closed then).
 * ERR_EXISTS: somebody listens there. ERR_REFUSED, ERR_NOTFOUND: nobody does. */
int channel_listen(struct channel *c, const char *name, struct err *e);
int channel_connect(struct channel *c, const char *name, struct err *e);
/* The next who knocks, ERR_AGAIN if there is none. */
int channel_accept(struct channel *listener, struct channel *c);

/* The next line, without its end; valid until the next call. 0; ERR_AGAIN: not yet; ERR_EOF:
 * all was read; ERR_NOMEM. */
int channel_read(struct channel *c, const char **line, size_t *len);
/* Sends bytes, now or later; 0, ERR_CLOSED, ERR_LIMIT or ERR_NOMEM. */
int channel_write(struct channel *c, const char *data, size_t len);
bool channel_has_unsent(const struct channel *c);
/* Idempotent. */
void channel_close(struct channel *c);

/* Waits until one of these descriptors is readable, one of these channels has something to read
 * or can send what it queued, or the milliseconds are over (< 0: no limit). `fds` may be
 * followed by channels == NULL, n == 0. */
int channel_wait(const int *fds, size_t fd_count, struct channel *const *channels,
                 size_t n, int msec);

#endif
