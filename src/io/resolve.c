/* resolve: getaddrinfo, in threads of our own.
 *
 *     the loop      resolve_start: a thread is begun, or waits until fewer are under way
 *     the thread    getaddrinfo; then, locked, its answer is handed over and the loop poked
 *     the loop      resolver_reap: tells, frees, begins who waits
 *
 * Why not libuv's pool: nobody can call getaddrinfo off, and it takes up to half a minute when the
 * name server is dead. libuv would have the end of the loop wait for that, and the end of
 * the process again. Our threads are left behind: then the look-up is theirs, they free it and the
 * counted resolver, and the code they return to stays loaded. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "io/loop_private.h"
#include "io/sockaddr.h"
#include "io/stream.h"

#define MAX_ADDRS 16
#define MAX_NAME 255
#define AT_ONCE 8 /* a few dead names do not keep the living ones waiting */

struct resolver {
    uv_mutex_t lock; /* of the next three */
    unsigned holders;
    struct loop *loop; /* NULL: nobody listens any more */
    struct link answered;
    struct link waiting, running; /* the loop's */
    unsigned threads;
};

struct resolve {
    struct link link; /* in waiting or running */
    struct link answered;
    struct resolver *resolver;
    resolve_done *done; /* NULL: canceled */
    void *owner;
    uint16_t port;
    int status; /* the thread's, until it has answered */
    struct addrinfo *found;
    char host[];
};

/* ---- the resolver ------------------------------------------------------------------------ */

static struct resolver *resolver_new(struct loop *l) {
    struct resolver *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    if (uv_mutex_init(&all->lock)) {
        free(all);
        return NULL;
    }
    all->holders = 1, all->loop = l;
    list_init(&all->answered), list_init(&all->waiting), list_init(&all->running);
    return all;
}

static void resolver_drop(struct resolver *all) {
    uv_mutex_lock(&all->lock);
    bool last = --all->holders == 0;
    uv_mutex_unlock(&all->lock);
    if (!last)
        return;
    uv_mutex_destroy(&all->lock);
    free(all);
}

static void resolve_free(struct resolve *r) {
    list_remove(&r->link);
    if (r->found)
        freeaddrinfo(r->found);
    free(r);
}

/* ---- the thread -------------------------------------------------------------------------- */

/* True if the loop takes it. */
static bool hand_over(struct resolver *all, struct resolve *r) {
    uv_mutex_lock(&all->lock);
    bool listens = all->loop;
    if (listens) {
        list_append(&all->answered, &r->answered);
        loop_poke(all->loop);
    }
    uv_mutex_unlock(&all->lock);
    return listens;
}

static void look_up(void *arg) {
    struct resolve *r = arg;
    struct resolver *all = r->resolver;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    r->status = getaddrinfo(r->host, NULL, &hints, &r->found);
    if (!hand_over(all, r))
        resolve_free(r);
    resolver_drop(all);
}

/* 0, or an error of libuv. */
static int begin(struct resolver *all, struct resolve *r) {
    uv_thread_t thread;
    sigset_t before;
    uv_mutex_lock(&all->lock);
    all->holders++;
    uv_mutex_unlock(&all->lock);
    loop_mask_signals(&before);
    int rc = uv_thread_create(&thread, look_up, r);
    loop_restore_signals(&before);
    if (rc) {
        resolver_drop(all);
        return rc;
    }
    (void)pthread_detach(thread);
    all->threads++;
    list_append(&all->running, &r->link);
    return 0;
}

/* ---- the loop ---------------------------------------------------------------------------- */

static uint32_t collect(const struct resolve *r, struct addr out[MAX_ADDRS]) {
    uint32_t n = 0;
    for (const struct addrinfo *a = r->found; a && n < MAX_ADDRS; a = a->ai_next) {
        if (!sockaddr_to_addr(a->ai_addr, &out[n]))
            continue;
        out[n++].port = r->port;
    }
    return n;
}

static void fail(const struct resolve *r, int code, const char *what) {
    struct err e = {0};
    err_set(&e, code, "%s %.128s", what, r->host);
    if (r->done)
        r->done(r->owner, code, NULL, 0, e.text);
}

static void tell(const struct resolve *r) {
    struct addr addrs[MAX_ADDRS];
    struct err e = {0};
    uint32_t n = r->status ? 0 : collect(r, addrs);
    if (r->status == EAI_MEMORY) {
        fail(r, ERR_NOMEM, "out of memory while resolving");
        return;
    }
    if (n == 0)
        err_set(&e, ERR_NETWORK, "cannot resolve %.128s: %s", r->host,
                r->status ? gai_strerror(r->status) : "it has no address");
    if (r->done)
        r->done(r->owner, e.code, addrs, n, e.text);
}

static void begin_waiting(struct resolver *all) {
    struct link *l;
    while (all->threads < AT_ONCE && (l = list_shift(&all->waiting))) {
        struct resolve *r = LIST_ITEM(l, struct resolve, link);
        if (r->done && begin(all, r) == 0)
            continue;
        fail(r, ERR_NOMEM, "no thread for resolving");
        resolve_free(r);
    }
}

static struct resolve *take_answered(struct resolver *all) {
    uv_mutex_lock(&all->lock);
    struct link *l = list_shift(&all->answered);
    uv_mutex_unlock(&all->lock);
    return l ? LIST_ITEM(l, struct resolve, answered) : NULL;
}

void resolver_reap(struct loop *l) {
    struct resolver *all = l->resolver;
    struct resolve *r;
    while (all && (r = take_answered(all))) {
        loop_wake(l);
        all->threads--;
        tell(r);
        resolve_free(r);
    }
    if (all)
        begin_waiting(all);
}

static void cancel_all(struct link *list) {
    LIST_EACH(l, list) {
        struct resolve *r = LIST_ITEM(l, struct resolve, link);
        fail(r, ERR_CANCELED, "canceled while resolving");
        r->done = NULL;
    }
}

/* From here on the running ones are their threads'. */
static void stop_listening(struct resolver *all) {
    struct link *l;
    while ((l = list_shift(&all->running)))
        ;
    uv_mutex_lock(&all->lock);
    all->loop = NULL;
    uv_mutex_unlock(&all->lock);
}

void resolver_free(struct loop *l) {
    struct resolver *all = l->resolver;
    struct link *link;
    struct resolve *r;
    if (!all)
        return;
    cancel_all(&all->waiting);
    cancel_all(&all->running);
    stop_listening(all);
    while ((r = take_answered(all))) {
        all->threads--;
        resolve_free(r);
    }
    while ((link = list_shift(&all->waiting)))
        resolve_free(LIST_ITEM(link, struct resolve, link));
    if (all->threads)
        loop_stay_loaded();
    l->resolver = NULL;
    resolver_drop(all);
}

static struct resolve *resolve_new(struct loop *l, const char *host) {
    size_t size = strlen(host) + 1;
    if (l->closing || (!l->resolver && !(l->resolver = resolver_new(l))))
        return NULL;
    struct resolve *r = calloc(1, sizeof *r + size);
    if (!r)
        return NULL;
    memcpy(r->host, host, size);
    list_init(&r->link), list_init(&r->answered);
    r->resolver = l->resolver;
    return r;
}

struct resolve *resolve_start(struct loop *l, const char *host, uint16_t port,
                              resolve_done *done, void *owner, struct err *e) {
    if (strlen(host) > MAX_NAME) {
        err_set(e, ERR_INVALID, "cannot resolve %.128s: too long for a name", host);
        return NULL;
    }
    struct resolve *r = resolve_new(l, host);
    if (!r) {
        err_set(e, ERR_NOMEM, "out of memory for resolving %.128s", host);
        return NULL;
    }
    r->done = done, r->owner = owner, r->port = port;
    if (r->resolver->threads >= AT_ONCE) {
        list_append(&r->resolver->waiting, &r->link);
    } else if (begin(r->resolver, r)) {
        err_set(e, ERR_NOMEM, "no thread for resolving %.128s", host);
        resolve_free(r);
        return NULL;
    }
    return r;
}

/* If it runs already, its answer is ignored. */
void resolve_cancel(struct resolve *r) {
    r->done = NULL;
}
