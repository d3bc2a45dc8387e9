/* err: what went wrong, as a number for code and as one sentence for a person.
 *
 * A function that can fail returns >= 0, or one of these negative codes. Where the reason
 * reaches a user it also fills a `struct err` with one sentence that says what, where and
 * what to do. `e` may be NULL everywhere: then only the code travels. */
#ifndef MARE_ERR_H
#define MARE_ERR_H

#include "base/base.h"

enum {
    ERR_NOMEM = -1,   /* an allocation failed */
    ERR_INVALID = -2, /* the caller's argument makes no sense */
    ERR_FORMAT = -3,  /* malformed bytes */
    ERR_UNSAFE = -4,  /* well-formed, but it would reach outside its bounds (paths) */
    ERR_LIMIT = -5,   /* a bound of hazards.md was exceeded */
    ERR_IO = -6,      /* a file operation failed */
    ERR_NOSPACE = -7, /* disk full or quota */
    ERR_ACCESS = -8,  /* permission denied, read-only */
    ERR_NOTFOUND = -9,
    ERR_EXISTS = -10,
    ERR_CLOSED = -11, /* the object or the connection is gone */
    ERR_TIMEOUT = -12,
    ERR_REFUSED = -13,  /* the other side said no */
    ERR_PROTOCOL = -14, /* a peer or tracker broke the protocol */
    ERR_HASH = -15,     /* data does not match its digest */
    ERR_AGAIN = -16,    /* nothing now, try later (would block) */
    ERR_CANCELED = -17,
    ERR_UNSUPPORTED = -18,
    ERR_EOF = -19,     /* the other side closed in good order */
    ERR_NETWORK = -20, /* unreachable, reset, name not resolved */
    ERR_BUSY = -21,
    ERR_SCRIPT = -22, /* a function of the user's failed */
    ERR_LAST = -22
};

struct err {
    int code;       /* 0 or one of the above */
    char text[256]; /* one sentence without a trailing newline; "" when code is 0 */
};

/* Fills *e (if not NULL) and returns `code`, so that it can stand behind `return`. */
int err_set(struct err *e, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same for a failed system call: chooses the code from `errnum`
 * (ENOSPC, EDQUOT -> ERR_NOSPACE; EACCES, EPERM, EROFS -> ERR_ACCESS; ENOENT -> ERR_NOTFOUND;
 * EEXIST -> ERR_EXISTS; ENOMEM -> ERR_NOMEM; ECONNREFUSED -> ERR_REFUSED; ETIMEDOUT -> ERR_TIMEOUT;
 * network errors -> ERR_NETWORK; the rest ERR_IO) and appends ": " and strerror's words. */
int err_errno(struct err *e, int errnum, const char *format, ...) PRINTF_LIKE(3, 4);
int err_from_errno(int errnum);

/* A stable lower-case word for a code ("nomem", "format", "hash", ...); "ok" for >= 0. It is
 * the third value that a failed Lua call returns. Never NULL. */
const char *err_name(int code);

#endif
