/* resolve: getaddrinfo on a worker. libuv counts it as slow work and lets it have half of
 * the pool at most, so a dead name server does not stop the disk. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "io/loop_private.h"
#include "io/sockaddr.h"
#include "io/stream.h"

#define MAX_ADDRS 16

struct resolve {
    uv_getaddrinfo_t uv;
    struct request request;
    resolve_done *done; /* NULL: canceled */
    void *owner;
    uint16_t port;
    char host[];
};

static uint32_t collect(const struct resolve *r, const struct addrinfo *found,
                        struct addr out[MAX_ADDRS]) {
    uint32_t n = 0;
    for (; found && n < MAX_ADDRS; found = found->ai_next) {
        if (!sockaddr_to_addr(found->ai_addr, &out[n]))
            continue;
        out[n++].port = r->port;
    }
    return n;
}

static void tell(const struct resolve *r, int status, const struct addrinfo *found) {
    struct addr addrs[MAX_ADDRS];
    struct err e = {0};
    uint32_t n = status ? 0 : collect(r, found, addrs);
    if (status == UV_ECANCELED || status == UV_EAI_CANCELED)
        err_set(&e, ERR_CANCELED, "canceled while resolving %.128s", r->host);
    else if (status == UV_ENOMEM || status == UV_EAI_MEMORY)
        err_set(&e, ERR_NOMEM, "out of memory while resolving %.128s", r->host);
    else if (n == 0)
        err_set(&e, ERR_NETWORK, "cannot resolve %.128s: %s", r->host,
                status ? uv_strerror(status) : "it has no address");
    r->done(r->owner, e.code, addrs, n, e.text);
}

static void on_resolved(uv_getaddrinfo_t *uv, int status, struct addrinfo *found) {
    struct resolve *r = uv->data;
    loop_wake(CONTAINER_OF(uv->loop, struct loop, uv));
    list_remove(&r->request.link);
    if (r->done)
        tell(r, status, found);
    uv_freeaddrinfo(found);
    free(r);
}

static int begin(struct loop *l, struct resolve *r) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    sigset_t before;
    loop_mask_signals(&before);
    int rc = uv_getaddrinfo(&l->uv, &r->uv, on_resolved, r->host, NULL, &hints);
    loop_restore_signals(&before);
    return rc;
}

struct resolve *resolve_start(struct loop *l, const char *host, uint16_t port,
                              resolve_done *done, void *owner, struct err *e) {
    size_t size = strlen(host) + 1;
    struct resolve *r = l->closing ? NULL : calloc(1, sizeof *r + size);
    if (!r) {
        err_set(e, ERR_NOMEM, "out of memory for resolving %.128s", host);
        return NULL;
    }
    memcpy(r->host, host, size);
    r->done = done, r->owner = owner, r->port = port;
    r->uv.data = r;
    r->request.uv = (uv_req_t *)&r->uv;
    int rc = begin(l, r);
    if (rc) {
        err_set(e, rc == UV_ENOMEM ? ERR_NOMEM : ERR_INVALID, "cannot resolve %.128s: %s",
                host, uv_strerror(rc));
        free(r);
        return NULL;
    }
    list_append(&l->requests, &r->request.link);
    return r;
}

void resolve_cancel(struct resolve *r) {
    r->done = NULL;
    uv_cancel(r->request.uv); /* if it runs already, its answer is ignored */
}
