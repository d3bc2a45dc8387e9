/* err: codes, their words, and the sentence that goes with them. The words are part of the Lua
 * interface: a new code is appended in err.h and gets its word here. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [0] = "ok",
    [-ERR_NOMEM] = "nomem",
    [-ERR_INVALID] = "invalid",
    [-ERR_FORMAT] = "format",
    [-ERR_UNSAFE] = "unsafe",
    [-ERR_LIMIT] = "limit",
    [-ERR_IO] = "io",
    [-ERR_NOSPACE] = "nospace",
    [-ERR_ACCESS] = "access",
    [-ERR_NOTFOUND] = "notfound",
    [-ERR_EXISTS] = "exists",
    [-ERR_CLOSED] = "closed",
    [-ERR_TIMEOUT] = "timeout",
    [-ERR_REFUSED] = "refused",
    [-ERR_PROTOCOL] = "protocol",
    [-ERR_HASH] = "hash",
    [-ERR_AGAIN] = "again",
    [-ERR_CANCELED] = "canceled",
    [-ERR_UNSUPPORTED] = "unsupported",
    [-ERR_EOF] = "eof",
    [-ERR_NETWORK] = "network",
    [-ERR_BUSY] = "busy",
    [-ERR_SCRIPT] = "script",
};

_Static_assert(COUNT_OF(names) == -ERR_LAST + 1, "every code has its word");

const char *err_name(int code) {
    if (code >= 0)
        return names[0];
    return code < ERR_LAST ? "unknown" : names[-code];
}

static int set(struct err *e, int code, const char *format, va_list args) {
    if (e) {
        e->code = code;
        vsnprintf(e->text, sizeof e->text, format, args);
    }
    return code;
}

int err_set(struct err *e, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set(e, code, format, args);
    va_end(args);
    return code;
}

int err_errno(struct err *e, int errnum, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int code = set(e, err_from_errno(errnum), format, args);
    va_end(args);
    if (!e)
        return code;
    char words[64]; /* GNU's strerror_r may answer with a constant instead */
    size_t len = strlen(e->text);
    snprintf(e->text + len, sizeof e->text - len, ": %s",
             strerror_r(errnum, words, sizeof words));
    return code;
}

int err_from_errno(int errnum) {
    switch (errnum) {
    case ENOMEM: return ERR_NOMEM;
    case ENOSPC:
    case EDQUOT: return ERR_NOSPACE;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_ACCESS;
    case ENOENT: return ERR_NOTFOUND;
    case EEXIST: return ERR_EXISTS;
    case ECONNREFUSED: return ERR_REFUSED;
    case ETIMEDOUT: return ERR_TIMEOUT;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case ENETDOWN:
    case ENETUNREACH:
    case ENETRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EADDRINUSE:
    case EADDRNOTAVAIL: return ERR_NETWORK;
    default: return ERR_IO;
    }
}
